"""Rows: a table's rows, checked once, and what is done to them before anything else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.floating[Any]]

_BLOCK = 1 << 21  # numbers of one block: 16 MB of double precision


@dataclass(frozen=True, eq=False)
class WeightedRows:
    """Rows that have been checked: X (n, p) dense or CSR, targets (n, q), weight (n,) or None, each above 0.

    ``y_ndim`` is 1 where the outcome was given as (n,), so that what is made of it can be shaped like it.
    """

    X: Any
    targets: Array
    weight: Array | None
    y_ndim: int

    @classmethod
    def checked(cls, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> WeightedRows:
        """The rows that count: one of weight zero is not there.

        Raises ValueError for mismatched shapes, no rows, weights that are negative, not finite or all zero, and
        outcomes or sparse values that are not finite; dense X is checked where it is read in blocks.
        """
        X = X.tocsr() if hasattr(X, "tocsr") else np.asarray(X)
        targets = np.asarray(y, dtype=np.float64)
        if X.ndim != 2 or targets.ndim not in (1, 2) or len(targets) != X.shape[0]:
            raise ValueError(
                f"X {X.shape} and y {targets.shape} must have the same rows, X (n, p) and y (n,) or (n, q)"
            )
        if X.shape[0] == 0:
            raise ValueError("X has no rows")
        if not np.isfinite(targets).all() or (hasattr(X, "tocsr") and not np.isfinite(X.data).all()):
            raise ValueError("X or y holds values that are missing or infinite")
        y_ndim, targets = targets.ndim, targets.reshape(len(targets), -1)
        if sample_weight is None:
            return cls(X, targets, None, y_ndim)
        weight = np.asarray(sample_weight, dtype=np.float64)
        if weight.shape != (X.shape[0],):
            raise ValueError(f"sample_weight has shape {weight.shape}; it needs one number a row, ({X.shape[0]},)")
        if not (weight >= 0).all() or not np.isfinite(weight).all() or not weight.any():
            raise ValueError("sample_weight must be finite, not negative, and not all zero")
        if not weight.all():
            kept = weight > 0
            X, targets, weight = X[kept], targets[kept], weight[kept]
        return cls(X, targets, weight, y_ndim)

    @property
    def sparse(self) -> bool:
        return hasattr(self.X, "tocsr")

    @property
    def shape(self) -> tuple[int, int]:
        return self.X.shape[0], self.X.shape[1]

    @property
    def n(self) -> float:
        """Number of observations, Σw."""
        return float(self.X.shape[0] if self.weight is None else self.weight.sum())

    @cached_property
    def root(self) -> Array:
        """√w (n,), by which rows are scaled to count as often as they should."""
        return np.ones(self.X.shape[0]) if self.weight is None else np.sqrt(self.weight)

    def take(self, rows: slice) -> WeightedRows:
        """Some of the rows."""
        weight = None if self.weight is None else self.weight[rows]
        return WeightedRows(self.X[rows], self.targets[rows], weight, self.y_ndim)

    def blocks(self, at_least: int = 1) -> Iterator[slice]:
        """Slices that cut the rows into blocks of about 16 MB, or of at least so many rows."""
        yield from row_blocks(*self.shape, at_least)


def row_blocks(rows: int, width: int, at_least: int = 1) -> Iterator[slice]:
    """Slices that cut rows of so many numbers into blocks of about 16 MB, or of at least so many rows."""
    step = max(at_least, _BLOCK // max(1, width))
    yield from (slice(start, min(start + step, rows)) for start in range(0, rows, step))


def centred(values: Array, weight: Array | None, n: float) -> tuple[Array, Array, Array]:
    """The columns' (weighted) means, what rounding takes from them, and the columns less their means.

    All in the values' own precision.
    """

    def mean(of: Array) -> Array:
        return of.mean(axis=0) if weight is None else weight.astype(of.dtype) @ of / of.dtype.type(n)

    first = mean(values)
    values = values - first
    # A mean of many values near 1e6 is wrong in digits that matter to their spread; that of what is left mends it.
    drift = mean(values)
    values -= drift
    # What is then left of a constant column is rounding, not a feature.
    rounding = 4 * np.finfo(values.dtype).eps * np.abs(first)
    values[:, (values.max(axis=0) <= rounding) & (values.min(axis=0) >= -rounding)] = 0.0
    return *sum_and_rest(first, drift), values


def sum_and_rest(a: Array, b: Array) -> tuple[Array, Array]:
    """a + b rounded, and the rounding error (Knuth's exact sum of two)."""
    total = a + b
    added = total - a
    return total, (a - (total - added)) + (b - added)


def members(groups: ArrayLike, sample_weight: ArrayLike | None, rows: int) -> tuple[NDArray[np.intp], ...]:
    """Each group's rows, those of weight zero not counted."""
    named = np.asarray(groups)
    if named.shape != (rows,):
        raise ValueError(f"groups has shape {named.shape}; it needs one name a row, ({rows},)")
    if sample_weight is not None:
        named = named[np.asarray(sample_weight) > 0]
    _, codes = np.unique(named, return_inverse=True)
    if codes.max() == 0:
        raise ValueError("all rows are of one group: leaving it out leaves nothing")
    return tuple(np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1]))
