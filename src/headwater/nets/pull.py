"""The arithmetic of a pull: parameters toward their anchors, or toward zero, in as few passes as memory allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn

from headwater.nets.matching import rows_of

AT_ONCE = 1 << 18  # numbers whose differences stay in a core's cache

Share: TypeAlias = float | Tensor  # a tensor where reading it would wait for the device


@dataclass(frozen=True, eq=False)
class Drawn:
    """Parameters of one optimizer group, all drawn with one weight: toward anchors, or toward zero without any."""

    weight: float
    parameters: Sequence[nn.Parameter]
    anchors: Sequence[Tensor] | None

    def pairs(self) -> Iterator[tuple[nn.Parameter, Tensor | None]]:
        yield from zip(self.parameters, self.anchors or [None] * len(self.parameters), strict=True)


def decay(drawn: Drawn, share: Share, owed: dict[nn.Parameter, Tensor]) -> None:
    """θ ← θ + share·(θ_a − θ), in place.

    Parameters in half precision, where a small share of the way rounds to nothing, are moved in single precision and
    what rounding kept back is ``owed`` to the next step.
    """
    fast: tuple[list[Tensor], list[Tensor]] = [], []
    for p, anchor in drawn.pairs():
        part = p if anchor is None else rows_of(p, anchor)
        if isinstance(share, Tensor):
            share = share.to(p.device)
        if p.dtype.itemsize < 4:
            exact = part.float()
            exact += owed.get(p, 0)
            exact.mul_(1 - share) if anchor is None else exact.lerp_(anchor.to(exact), share)
            part.copy_(exact)
            owed[p] = exact.sub_(part)
        elif isinstance(share, Tensor):
            part.mul_(1 - share.to(p)) if anchor is None else part.lerp_(anchor.to(p), share.to(p))
        else:
            fast[0].append(part)
            fast[1].append(part if anchor is None else anchor.to(p))
    if fast[0] and drawn.anchors is None:
        torch._foreach_mul_(fast[0], 1 - share)
    elif fast[0]:
        torch._foreach_lerp_(*fast, share)


def add_to_gradients(drawn: Drawn, weight: Share) -> None:
    """∇ ← ∇ + weight·(θ − θ_a): in place, since DDP's gradients are views of its buckets."""
    for p, anchor in drawn.pairs():
        part = p.detach() if anchor is None else rows_of(p.detach(), anchor)
        if p.grad is not None and not p.grad.is_sparse and not isinstance(weight, Tensor):
            slope = p.grad if anchor is None else rows_of(p.grad, anchor)
            if anchor is None:
                slope.add_(part, alpha=weight)
            else:
                _add_difference(slope, part, anchor.to(p), weight)
            continue
        pull = torch.zeros_like(p)
        rows_of(pull, part).copy_(part if anchor is None else part - anchor.to(p)).mul_(weight)
        add(p, pull)


def add(p: nn.Parameter, slope: Tensor) -> None:
    """Add to a parameter's gradient, which may be none or sparse."""
    if p.grad is None or p.grad.is_sparse:
        p.grad = slope.to(p.dtype) if p.grad is None else slope.to(p.dtype) + p.grad
    else:
        p.grad.add_(slope)


def _add_difference(slope: Tensor, p: Tensor, anchor: Tensor, weight: float) -> None:
    """slope += weight·(p − anchor), by parts whose differences stay in the cache; anchored ones first differ."""
    if p.device.type != "cpu" or p.numel() <= AT_ONCE or p.ndim == 0:
        slope.add_(p - anchor, alpha=weight)
        return
    rows = max(1, AT_ONCE * len(p) // p.numel())
    for parts in zip(slope.split(rows), p.split(rows), anchor.split(rows), strict=True):
        parts[0].add_(parts[1] - parts[2], alpha=weight)
