"""Covariance: the target's, from few rows, drawn toward the source's and toward a multiple of the identity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.selection.meeting import Meeting
from headwater.spectrum.rows import Array
from headwater.spectrum.spectrum import Spectrum


@dataclass(frozen=True, eq=False)
class Shrunk:
    """Σ̃ = a Σ̂ + b Σ̂' + c I, Σ̂ of a table's own rows and Σ̂' of another's, a, b, c ≥ 0.

    I is that of the columns that vary in either table, ``varies`` (p,): a constant one is no feature.
    """

    own: Spectrum
    other: Spectrum | None
    weights: Array
    varies: NDArray[np.bool_]

    def __matmul__(self, columns: Array) -> Array:
        """Σ̃ @ columns (p, k)."""
        total = self.weights[2] * self.varies[:, None] * columns
        for side, weight in zip((self.own, self.other), self.weights[:2], strict=True):
            if side is not None and weight:
                total = total + weight * side.expand(side.eigenvalues[:, None] * side.project(columns))
        return np.asarray(total)


def shrunk(meeting: Meeting) -> tuple[Shrunk, Shrunk | None]:
    """The covariances of the target and of the source, each the linear combination of least expected squared error.

    Ledoit and Wolf's (2004) shrinkage with a second aim, the other table's covariance: where both tables were drawn
    alike the rows are pooled, where not the other's are hardly used. The inner products it needs are traces, of which
    tr Σ² has an unbiased estimate for normal rows and tr Σ0Σ1 = tr Σ̂0Σ̂1 for any.
    """
    target, source = meeting.target, meeting.source.spectrum
    if source is None:
        return _combine(target, None, 0.0, _varies(target)), None
    either = _varies(target) | _varies(source)
    across = float(np.square(meeting.matrix).sum(axis=0) @ source.eigenvalues) / target.n
    return _combine(target, source, across, either), _combine(source, target, across, either)


def _varies(side: Spectrum) -> NDArray[np.bool_]:
    """The columns that vary, (p,): those of which some combination of the axes holds something."""
    turns = np.arange(1.0, side.rank + 1)[:, None] * [1.0, np.sqrt(2.0)]
    held = np.square(side.expand(np.sqrt(side.eigenvalues)[:, None] * np.cos(turns))).sum(axis=1)
    return np.asarray(held > 1e-24 * held.max(initial=0.0))


def _combine(own: Spectrum, other: Spectrum | None, across: float, varies: NDArray[np.bool_]) -> Shrunk:
    p = float(max(varies.sum(), 1))
    square, trace = float(np.square(own.eigenvalues).sum()), float(own.eigenvalues.sum())
    there = (0.0, 0.0) if other is None else (float(np.square(other.eigenvalues).sum()), float(other.eigenvalues.sum()))
    m = own.contrasts
    # E tr Σ̂² = tr Σ² (1 + 1/m) + (tr Σ)²/m, and (tr Σ̂)² errs by 2 tr Σ²/m.
    spread = m**2 / ((m - 1) * (m + 2)) * (square - trace**2 / m) if m > 1 else across
    spread = float(np.clip(spread, trace**2 / p, square))
    inner = np.array([[square, across, trace], [across, there[0], there[1]], [trace, there[1], p]])
    aims = np.array([spread, across, trace])
    return Shrunk(own, other, _nonnegative(inner, aims, [0, 2] if other is None else [0, 1, 2]), varies)


def _nonnegative(inner: Array, aims: Array, used: list[int]) -> Array:
    """The weights ≥ 0 that minimise w'inner w − 2 aims'w: the best of all subsets, there being seven at most."""
    size = np.sqrt(np.maximum(inner.diagonal(), 1e-300))
    inner, aims = inner / np.outer(size, size), aims / size
    best, weights = 0.0, np.zeros(3)
    for pick in range(1, 1 << len(used)):
        some = [index for place, index in enumerate(used) if pick >> place & 1]
        found = np.linalg.lstsq(inner[np.ix_(some, some)], aims[some], rcond=1e-12)[0]
        if (found >= 0).all() and -(aims[some] @ found) < best:
            best, weights = -float(aims[some] @ found), np.zeros(3)
            weights[some] = found
    return weights / size
