"""The arithmetic of a pull: parameters toward their anchors, or toward zero, in as few passes as memory allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
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

    @cached_property
    def even(self) -> tuple[list[Tensor], list[Tensor]]:
        """Parameters, with their anchors, that lists of tensors can be made of as they are."""
        pairs = [(p, anchor) for p, anchor in self._pairs if _even(p, anchor)]
        return [p for p, _ in pairs], [p if anchor is None else anchor for p, anchor in pairs]

    @cached_property
    def others(self) -> list[tuple[nn.Parameter, Tensor | None]]:
        """Those in half precision, with more rows than their anchor, or with an anchor of another kind."""
        return [(p, anchor) for p, anchor in self._pairs if not _even(p, anchor)]

    @property
    def _pairs(self) -> Iterator[tuple[nn.Parameter, Tensor | None]]:
        return zip(self.parameters, self.anchors or [None] * len(self.parameters), strict=True)


def _even(p: nn.Parameter, anchor: Tensor | None) -> bool:
    like = anchor is None or (p.shape, p.dtype, p.device) == (anchor.shape, anchor.dtype, anchor.device)
    return like and p.dtype.itemsize >= 4


def decay(drawn: Drawn, share: Share, owed: dict[nn.Parameter, Tensor]) -> None:
    """θ ← θ + share·(θ_a − θ), in place.

    Parameters in half precision, where a small share of the way rounds to nothing, are moved in single precision and
    what rounding kept back is ``owed`` to the next step.
    """
    even, anchors = drawn.even
    if not isinstance(share, Tensor):
        if even:
            torch._foreach_mul_(even, 1 - share) if drawn.anchors is None else torch._foreach_lerp_(
                even, anchors, share
            )
    else:
        for p, anchor in zip(even, anchors, strict=True):
            own = share.to(p)
            p.mul_(1 - own) if drawn.anchors is None else p.lerp_(anchor, own)
    for p, anchor in drawn.others:
        part = p if anchor is None else rows_of(p, anchor)
        exact = part.float() if p.dtype.itemsize < 4 else part
        own = share.to(exact) if isinstance(share, Tensor) else share
        if p in owed:
            exact += owed[p]
        exact.mul_(1 - own) if anchor is None else exact.lerp_(anchor.to(exact), own)
        if exact is not part:
            part.copy_(exact)
            owed[p] = exact.sub_(part)


def add_to_gradients(drawn: Drawn, weight: Share) -> None:
    """∇ ← ∇ + weight·(θ − θ_a): in place, since DDP's gradients are views of its buckets."""
    even, anchors = drawn.even
    slopes = [p.grad for p in even]
    if isinstance(weight, Tensor) or any(slope is None or slope.is_sparse for slope in slopes):
        for p, anchor in zip(even, anchors, strict=True):
            add(p, _difference(p, None if drawn.anchors is None else anchor).mul_(weight))
    elif even and drawn.anchors is None:
        torch._foreach_add_(slopes, even, alpha=weight)
    else:
        for some_slopes, some_even, some_anchors in _by_cache(slopes, even, anchors):
            torch._foreach_add_(some_slopes, torch._foreach_sub(some_even, some_anchors), alpha=weight)
    for p, anchor in drawn.others:
        add(p, _difference(p, anchor).mul_(weight))


def add(p: Tensor, slope: Tensor) -> None:
    """Add to a parameter's gradient, which may be none or sparse."""
    if p.grad is None or p.grad.is_sparse:
        p.grad = slope.to(p.dtype) if p.grad is None else slope.to(p.dtype) + p.grad
    else:
        p.grad.add_(slope)


def _difference(p: Tensor, anchor: Tensor | None) -> Tensor:
    """θ − θ_a, or θ, in memory of its own: 0 for rows that the anchor lacks."""
    if anchor is None:
        return p.detach().clone()
    apart = torch.zeros_like(p)
    part = rows_of(p.detach(), anchor)
    rows_of(apart, anchor).copy_(part - anchor.to(p))
    return apart


def _by_cache(*piles: list[Tensor]) -> Iterator[list[list[Tensor]]]:
    """The tensors of the piles side by side, by as many numbers at a time as a cache holds; large ones in pieces."""
    taken: list[list[Tensor]] = [[] for _ in piles]
    numbers = 0
    for beside in zip(*piles, strict=True):
        first = beside[0]
        size = first.numel()
        pieces: Sequence[tuple[Tensor, ...]] = [beside]
        if size > AT_ONCE and first.device.type == "cpu" and not hasattr(first, "placements"):
            rows = max(1, AT_ONCE * len(first) // size)
            pieces = list(zip(*(tensor.split(rows) for tensor in beside), strict=True))
        for piece in pieces:
            for own, tensor in zip(taken, piece, strict=True):
                own.append(tensor)
            numbers += size // len(pieces)
            if numbers >= AT_ONCE:
                yield taken
                taken, numbers = [[] for _ in piles], 0
    if numbers:
        yield taken
