"""Moments: everything ridge regression needs of a table, centred, additive, and small."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.floating[Any]]

_BLOCK = 1 << 21  # elements of one block: 16 MB of double precision


@dataclass(frozen=True, eq=False)
class Moments:
    """The centred second moments of a table (X, y), which merge by ``+``.

    Sums over rows with weights w, which are frequencies: ``n`` = Σw, and a row of weight 2 is that row twice.
    Centred about the weighted means and merged pairwise (Chan, Golub and LeVeque 1983), because raw second moments
    lose eleven digits at a mean of 1e5.

    ``rows`` is the number of rows of positive weight, which bounds the rank. Shapes: ``x_mean`` (p,), ``y_mean`` (q,),
    ``xx`` = Σ w x x' (p, p), ``xy`` = Σ w x y' (p, q) and ``yy`` = Σ w y² (q,), one entry an output. Always double
    precision, whatever the data's. ``x_mean_rest`` and ``y_mean_rest`` are what rounding took from the means, so that
    the distance between two blocks' means is known to the digits of their spread, however far from zero both lie.

    Law: ``Moments.from_arrays(X[:k], y[:k]) + Moments.from_arrays(X[k:], y[k:])`` equals the moments of the whole.

    >>> import numpy as np
    >>> X, y = np.arange(6.0).reshape(3, 2), np.array([1.0, 0.0, 2.0])
    >>> whole = Moments.from_arrays(X, y)
    >>> parts = Moments.from_arrays(X[:1], y[:1]) + Moments.from_arrays(X[1:], y[1:])
    >>> bool(np.allclose(whole.xx, parts.xx)), whole.n
    (True, 3.0)
    """

    n: float
    rows: int
    x_mean: Array
    y_mean: Array
    xx: Array
    xy: Array
    yy: Array
    y_ndim: int = 1
    x_mean_rest: Array | float = 0.0
    y_mean_rest: Array | float = 0.0

    @classmethod
    def from_arrays(cls, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Moments:
        """Summarise arrays: X (n, p) dense or scipy-sparse, y (n,) or (n, q), weights (n,) not negative.

        Dense data is read in blocks of about 16 MB, each in double precision, so that single-precision data is never
        copied as a whole. Sparse data stays sparse and is centred after the product, which is accurate where its
        means are no larger than its spread, as those of sparse data are. Raises ValueError for mismatched shapes,
        negative weights, or values that are not finite.
        """
        X, targets, weight, y_ndim = _checked(X, y, sample_weight)
        if hasattr(X, "tocsr"):
            return cls._from_sparse(X, targets, weight, y_ndim)
        return merge(
            cls._from_block(X[rows], targets[rows], None if weight is None else weight[rows], y_ndim)
            for rows in row_blocks(X)
        )._finite()

    @classmethod
    def from_blocks(cls, blocks: Iterable[tuple[Any, ...]]) -> Moments:
        """Summarise an iterable of (X, y) or (X, y, weight) blocks, each seen once; their order does not matter.

        Blocks without rows, or with no row of positive weight, are passed over; ValueError where nothing is left.

        >>> import numpy as np
        >>> X, y = np.arange(8.0).reshape(4, 2), np.arange(4.0)
        >>> Moments.from_blocks((X[i : i + 2], y[i : i + 2]) for i in (2, 0)).x_mean
        array([3., 4.])
        """
        return merge(cls.from_arrays(*block) for block in blocks if _holds_rows(*block))

    @classmethod
    def _from_block(cls, X: Any, y: Array, weight: Array | None, y_ndim: int) -> Moments:
        X = np.asarray(X, dtype=np.float64)
        n = float(len(X)) if weight is None else float(weight.sum())
        if n == 0:
            p, q = X.shape[1], y.shape[1]
            return cls(0.0, 0, np.zeros(p), np.zeros(q), np.zeros((p, p)), np.zeros((p, q)), np.zeros(q), y_ndim)
        x_mean, x_rest, X = centred(X, weight, n)
        y_mean, y_rest, y = centred(y, weight, n)
        if weight is not None:
            root = np.sqrt(weight)[:, None]
            X, y = X * root, y * root
        rows = len(X) if weight is None else int(np.count_nonzero(weight))
        yy = np.einsum("ij,ij->j", y, y)
        return cls(n, rows, x_mean, y_mean, X.T @ X, X.T @ y, yy, y_ndim, x_rest, y_rest)

    @classmethod
    def _from_sparse(cls, X: Any, y: Array, weight: Array | None, y_ndim: int) -> Moments:
        weights = np.ones(X.shape[0]) if weight is None else weight
        n = float(weights.sum())
        x_mean = X.T @ weights / n
        y_mean, y_rest, y = centred(y, weight, n)
        weighted = X.astype(np.float64).multiply(weights[:, None]).tocsr()
        xx = (weighted.T @ X).toarray() - n * np.outer(x_mean, x_mean)
        flat = np.diag(xx) <= 16 * np.finfo(np.float64).eps * n * x_mean**2  # constant, as far as can be told
        xx[flat] = xx[:, flat] = 0.0
        yy = np.einsum("i,ij,ij->j", weights, y, y)
        xy = np.where(flat[:, None], 0.0, weighted.T @ y)
        rows = int(np.count_nonzero(weights))
        return cls(n, rows, x_mean, y_mean, xx, xy, yy, y_ndim, 0.0, y_rest)._finite()

    def __add__(self, other: Moments) -> Moments:
        """The moments of both tables together."""
        if not isinstance(other, Moments):
            return NotImplemented
        if self.x_mean.shape != other.x_mean.shape or self.y_mean.shape != other.y_mean.shape:
            raise ValueError(
                f"cannot add moments of {self.n_features} features and {self.n_outputs} outputs "
                f"to moments of {other.n_features} features and {other.n_outputs} outputs"
            )
        if self.n == 0 or other.n == 0:
            return self if other.n == 0 else other
        n = self.n + other.n
        share = other.n / n
        dx = (other.x_mean - self.x_mean) + (other.x_mean_rest - self.x_mean_rest)
        dy = (other.y_mean - self.y_mean) + (other.y_mean_rest - self.y_mean_rest)
        between = self.n * share
        x_mean, x_rest = _sum_and_rest(self.x_mean, self.x_mean_rest + share * dx)
        y_mean, y_rest = _sum_and_rest(self.y_mean, self.y_mean_rest + share * dy)
        return Moments(
            n,
            self.rows + other.rows,
            x_mean,
            y_mean,
            self.xx + other.xx + between * np.outer(dx, dx),
            self.xy + other.xy + between * np.outer(dx, dy),
            self.yy + other.yy + between * dy**2,
            self.y_ndim,
            x_rest,
            y_rest,
        )

    @property
    def n_features(self) -> int:
        return len(self.x_mean)

    @property
    def n_outputs(self) -> int:
        return len(self.y_mean)

    def shift(self, coef: ArrayLike) -> Moments:
        """The moments of (X, y − X coef'), L2-SP's shifted response, without the rows.

        coef: (p,), or (q, p) as scikit-learn shapes it. Ridge on the shifted response, plus coef, is L2-SP ridge
        toward coef.

        >>> import numpy as np
        >>> X, y = np.arange(6.0).reshape(3, 2), np.array([1.0, 0.0, 2.0])
        >>> Moments.from_arrays(X, y).shift([1.0, 2.0]).y_mean.round(9)
        array([-7.])
        """
        columns = np.atleast_2d(np.asarray(coef, dtype=np.float64)).T
        if columns.shape != self.xy.shape:
            raise ValueError(
                f"coef has shape {np.shape(coef)}; these moments need ({self.n_outputs}, {self.n_features})"
            )
        fitted = self.xx @ columns
        yy = self.yy - 2 * np.einsum("pq,pq->q", columns, self.xy) + np.einsum("pq,pq->q", columns, fitted)
        return replace(self, y_mean=self.y_mean - self.x_mean @ columns, xy=self.xy - fitted, yy=np.maximum(yy, 0.0))

    def _finite(self) -> Moments:
        if not (np.isfinite(self.xx).all() and np.isfinite(self.xy).all() and np.isfinite(self.yy).all()):
            raise ValueError("X, y or sample_weight holds values that are missing, infinite or too large to square")
        return self


def merge(parts: Iterable[Moments]) -> Moments:
    """Add moments in pairs, as a tournament, so that rounding grows with the logarithm of their number."""
    waiting: list[tuple[int, Moments]] = []
    for part in parts:
        level = 0
        while waiting and waiting[-1][0] == level:
            part, level = waiting.pop()[1] + part, level + 1
        waiting.append((level, part))
    if not waiting:
        raise ValueError("no blocks: there is nothing to summarise")
    total = waiting.pop()[1]
    while waiting:
        total = waiting.pop()[1] + total
    return total


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
    return *_sum_and_rest(first, drift), values


def _sum_and_rest(a: Array, b: Array) -> tuple[Array, Array]:
    """a + b rounded, and the rounding error (Knuth's exact sum of two)."""
    total = a + b
    added = total - a
    return total, (a - (total - added)) + (b - added)


def _checked(X: Any, y: ArrayLike, sample_weight: ArrayLike | None) -> tuple[Any, Array, Array | None, int]:
    X = X.tocsr() if hasattr(X, "tocsr") else np.asarray(X)
    targets = np.asarray(y, dtype=np.float64)
    if X.ndim != 2 or targets.ndim not in (1, 2) or len(targets) != X.shape[0]:
        raise ValueError(f"X {X.shape} and y {targets.shape} must have the same rows, X (n, p) and y (n,) or (n, q)")
    if X.shape[0] == 0:
        raise ValueError("X has no rows")
    if not np.isfinite(targets).all() or (hasattr(X, "tocsr") and not np.isfinite(X.data).all()):
        raise ValueError("X or y holds values that are missing or infinite")
    weight = None
    if sample_weight is not None:
        weight = np.asarray(sample_weight, dtype=np.float64)
        if weight.shape != (X.shape[0],):
            raise ValueError(f"sample_weight has shape {weight.shape}; it needs one number a row, ({X.shape[0]},)")
        if not (weight >= 0).all() or not np.isfinite(weight).all() or not weight.any():
            raise ValueError("sample_weight must be finite, not negative, and not all zero")
    return X, targets.reshape(len(targets), -1), weight, targets.ndim


def _holds_rows(X: Any, y: Any, sample_weight: Any = None) -> bool:
    return len(y) > 0 and (sample_weight is None or bool(np.any(sample_weight)))


def weighted_rows(X: Any, y: ArrayLike, sample_weight: ArrayLike | None) -> tuple[Any, Array, Array | None, int]:
    """Checked (X, y as columns, weight, y's dimensions) without the rows of weight zero, which are not there."""
    X, targets, weight, y_ndim = _checked(X, y, sample_weight)
    if weight is not None and not weight.all():
        kept = weight > 0
        X, targets, weight = X[kept], targets[kept], weight[kept]
    return X, targets, weight, y_ndim


def row_blocks(X: Any, at_least: int = 1) -> Iterator[slice]:
    """Slices that cut the rows of X into blocks of about 16 MB, or of at least so many rows."""
    step = max(at_least, _BLOCK // max(1, X.shape[1]))
    yield from (slice(start, start + step) for start in range(0, X.shape[0], step))
