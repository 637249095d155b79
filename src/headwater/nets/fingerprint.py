"""A short name for a tensor's values, to tell one anchor from another without keeping either."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor

from headwater.nets.matching import some, whole

SAMPLED = 1024  # values of a tensor, evenly spread: training moves them all, and a sample costs nothing to keep

Fingerprint = dict[str, str]  # parameter name → digest


def digest(tensor: Tensor) -> str:
    """Sixteen hexadecimal digits of a tensor's shape, precision and SAMPLED of its values.

    >>> digest(torch.zeros(3)) == digest(torch.zeros(3)), digest(torch.zeros(3)) == digest(torch.ones(3))
    (True, False)
    """
    flat = whole(tensor.detach()).reshape(-1)
    sample = flat[:: max(1, len(flat) // SAMPLED)]
    values = sample.cpu().contiguous().view(torch.uint8).numpy()
    return hashlib.sha256(f"{tensor.dtype} {tuple(tensor.shape)}".encode() + values.tobytes()).hexdigest()[:16]


def refuse_another(saved: Mapping[str, str], ours: Mapping[str, str]) -> None:
    """Raise ValueError where a parameter's anchor is not the one a run was saved with."""
    others = [name for name, digest in ours.items() if saved.get(name, digest) != digest]
    if others:
        raise ValueError(
            f"this run was saved with another anchor ({some(others)}): give the first run's l2sp.anchor as anchor=, or "
            "build L2SP on the pretrained weights, before the checkpoint is loaded"
        )
