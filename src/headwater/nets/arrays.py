"""Between numpy and torch, for callers that know arrays only: rows in, how many threads, which device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from numpy.typing import NDArray

from headwater.nets.training import Rows


def rows(X: NDArray[Any], y: NDArray[Any]) -> Rows:
    """Arrays X (n, …) float32 and y (n,) int64 as tensors on the same memory."""
    return torch.from_numpy(X), torch.from_numpy(y)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """So many torch threads inside, as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def full_precision() -> Iterator[None]:
    """Single precision on a GPU too, inside: left to itself cuDNN would round factors to ten bits (TF32)."""
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


def require_device(name: str) -> None:
    """Raise ValueError where torch cannot compute on the device of that name."""
    try:
        torch.zeros(1, device=name).sum().item()
    except (RuntimeError, AssertionError, NotImplementedError) as problem:
        reason = str(problem).strip().splitlines()[0].rstrip(".")
        raise ValueError(f"--device {name} cannot be used here ({reason}): leave it out for the CPU") from None
