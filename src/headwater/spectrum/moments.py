"""Moments: everything ridge regression needs of a table, centred, additive, and small."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from headwater import archive
from headwater.spectrum.rows import Array, WeightedRows, centred, sum_and_rest
from headwater.spectrum.tournament import Waiting, push, total

_NEAR = 100.0  # times a variance: a squared mean up to there costs two digits of sixteen
KIND = archive.Kind("table of moments", 1, "save it again by Moments.save")


@dataclass(frozen=True, eq=False)
class Moments:
    """The centred second moments of a table (X, y), which merge by ``+``.

    Attributes
    ----------
    n : float
        Σw. Weights are frequencies: a row of weight 2 is that row twice.
    rows : int
        The number of rows of positive weight, which bounds the rank.
    x_mean, y_mean : ndarray (p,), (q,)
        Weighted means, one entry an output.
    xx, xy, yy : ndarray (p, p), (p, q), (q,)
        Σ w x x', Σ w x y' and Σ w y², centred. Always double precision, whatever the data's.
    y_ndim : int
        1 where the outcome was given as (n,), else 2.
    x_mean_rest, y_mean_rest : ndarray (p,), (q,)
        What rounding took from the means, so that the distance between two blocks' means is known to the digits of
        their spread, however far from zero both lie.

    Notes
    -----
    Law: ``Moments.from_arrays(X[:k], y[:k]) + Moments.from_arrays(X[k:], y[k:])`` equals the moments of the whole.
    Centred about the weighted means and merged pairwise (Chan, Golub and LeVeque 1983), because raw second moments lose
    eleven digits at a mean of 1e5.

    Examples
    --------
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
        """Summarise arrays.

        Parameters
        ----------
        X : array or sparse matrix (n, p)
            Dense data is read in blocks of about 16 MB, each in double precision, so that single-precision data is
            never copied as a whole. Sparse data stays sparse and is centred after the product, which is accurate where
            its means are no larger than its spread, as those of sparse data are.
        y : array_like (n,) or (n, q)
        sample_weight : array_like (n,), optional
            Not negative.

        Returns
        -------
        Moments

        Raises
        ------
        ValueError
            Mismatched shapes, negative weights, or values that are not finite.
        """
        return cls.from_rows(WeightedRows.checked(X, y, sample_weight))

    @classmethod
    def from_rows(cls, rows: WeightedRows) -> Moments:
        """Summarise rows that have been checked, as ``from_arrays`` does.

        Parameters
        ----------
        rows : WeightedRows

        Returns
        -------
        Moments

        Raises
        ------
        ValueError
            Values that are not finite.
        """
        if rows.sparse:
            return cls._from_sparse(rows)
        return merge(cls._from_block(rows.take(block)) for block in rows.blocks())._finite()

    @classmethod
    def from_blocks(cls, blocks: Iterable[tuple[Any, ...]]) -> Moments:
        """Summarise blocks, each seen once; their order does not matter.

        Parameters
        ----------
        blocks : iterable of (X, y) or (X, y, sample_weight)
            Those without rows, or with no row of positive weight, are passed over.

        Returns
        -------
        Moments

        Raises
        ------
        ValueError
            Nothing is left, blocks of other columns, or as ``from_arrays``.

        Examples
        --------
        >>> import numpy as np
        >>> X, y = np.arange(8.0).reshape(4, 2), np.arange(4.0)
        >>> Moments.from_blocks((X[i : i + 2], y[i : i + 2]) for i in (2, 0)).x_mean
        array([3., 4.])
        """
        return merge(cls.from_arrays(*block) for block in blocks if _holds_rows(*block))

    @classmethod
    def _from_block(cls, rows: WeightedRows) -> Moments:
        n, weight = rows.n, rows.weight
        x_mean, x_rest, X = centred(np.asarray(rows.X, dtype=np.float64), weight, n)
        y_mean, y_rest, y = centred(rows.targets, weight, n)
        if weight is not None:
            X, y = X * rows.root[:, None], y * rows.root[:, None]
        yy = np.einsum("ij,ij->j", y, y)
        return cls(n, len(X), x_mean, y_mean, X.T @ X, X.T @ y, yy, rows.y_ndim, x_rest, y_rest)

    @classmethod
    def from_near(cls, X: Array, y: Array, shift: Array) -> Moments:
        """Summarise (X + shift, y), which costs one product where X is near 0 beside its own spread.

        Parameters
        ----------
        X : ndarray (n, p)
            Double precision.
        y : ndarray (n,)
        shift : ndarray (p,)

        Returns
        -------
        Moments

        Raises
        ------
        ValueError
            Values that are not finite.

        Notes
        -----
        Law: it is ``from_arrays(X + shift, y)``, to rounding. Σ(x − x̄)(x − x̄)' is Σxx' − n x̄x̄', which loses digits only
        where a mean is large beside the spread; there the rows are centred first.
        """
        n = len(y)
        apart = np.ones(n) @ X / n
        xx = X.T @ X
        xx -= n * np.outer(apart, apart)
        if not (n * apart**2 <= _NEAR * np.diag(xx)).all():  # digits would be lost, or there is nothing but rounding
            found = cls.from_arrays(X, y)
            x_mean, rest = sum_and_rest(found.x_mean, shift)
            return replace(found, x_mean=x_mean, x_mean_rest=rest + found.x_mean_rest)
        x_mean, x_rest = sum_and_rest(shift, apart)
        y_mean, y_rest, centred_y = centred(y[:, None], None, n)
        yy = np.einsum("ij,ij->j", centred_y, centred_y)
        return cls(float(n), n, x_mean, y_mean, xx, X.T @ centred_y, yy, 1, x_rest, y_rest)._finite()

    @classmethod
    def _from_sparse(cls, rows: WeightedRows) -> Moments:
        X, n, weights = rows.X, rows.n, rows.root**2
        x_mean = X.T @ weights / n
        y_mean, y_rest, y = centred(rows.targets, rows.weight, n)
        weighted = X.astype(np.float64).multiply(weights[:, None]).tocsr()
        xx = (weighted.T @ X).toarray() - n * np.outer(x_mean, x_mean)
        flat = np.diag(xx) <= 16 * np.finfo(np.float64).eps * n * x_mean**2  # constant, as far as can be told
        xx[flat] = xx[:, flat] = 0.0
        yy = np.einsum("i,ij,ij->j", weights, y, y)
        xy = np.where(flat[:, None], 0.0, weighted.T @ y)
        return cls(n, rows.shape[0], x_mean, y_mean, xx, xy, yy, rows.y_ndim, 0.0, y_rest)._finite()

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
        x_mean, x_rest = sum_and_rest(self.x_mean, self.x_mean_rest + share * dx)
        y_mean, y_rest = sum_and_rest(self.y_mean, self.y_mean_rest + share * dy)
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
        """Number of features p."""
        return len(self.x_mean)

    @property
    def n_outputs(self) -> int:
        """Number of outputs q."""
        return len(self.y_mean)

    def shift(self, coef: ArrayLike) -> Moments:
        """The moments of (X, y − X coef'), L2-SP's shifted response, without the rows.

        Parameters
        ----------
        coef : array_like (p,) or (q, p)
            As scikit-learn shapes it.

        Returns
        -------
        Moments

        Raises
        ------
        ValueError
            coef is not of these features and outputs.

        Notes
        -----
        Law: ridge on the shifted response, plus coef, is L2-SP ridge toward coef.

        Examples
        --------
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

    def about_zero(self) -> Moments:
        """The second moments about 0 in the place of the means, Σ w x x' and so on: those of ridge without intercept.

        Returns
        -------
        Moments
            Its means are 0, so that two of them add up as sums do.
        """
        return replace(
            self,
            xx=self.xx + self.n * np.outer(self.x_mean, self.x_mean),
            xy=self.xy + self.n * np.outer(self.x_mean, self.y_mean),
            yy=self.yy + self.n * self.y_mean**2,
            x_mean=np.zeros_like(self.x_mean),
            y_mean=np.zeros_like(self.y_mean),
            x_mean_rest=0.0,
            y_mean_rest=0.0,
        )

    def save(self, path: str | Path) -> None:
        """Write the moments to a file that holds no code; it replaces another only once it is whole.

        Parameters
        ----------
        path : str or Path

        Raises
        ------
        OSError
            The file cannot be written.

        Notes
        -----
        No row is in the file, but moments of few rows give rows away: see ``docs/publishing.md``.
        """
        archive.write(KIND, vars(self), Path(path))

    @classmethod
    def load(cls, path: str | Path) -> Moments:
        """Read moments that ``save`` wrote, to the bit.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        Moments

        Raises
        ------
        OSError
            There is no such file, or it cannot be read.
        ValueError
            The file is of another kind, damaged, forged, or written by a newer headwater.
        """
        return archive.read(KIND, Path(path), _checked)

    def _finite(self) -> Moments:
        if not (np.isfinite(self.xx).all() and np.isfinite(self.xy).all() and np.isfinite(self.yy).all()):
            raise ValueError("X, y or sample_weight holds values that are missing, infinite or too large to square")
        return self


def _checked(content: Any) -> Moments:
    """The moments, once their shapes and numbers are what they must be."""
    if set(content) != {field.name for field in fields(Moments)}:
        raise ValueError("not all moments are there")
    found = Moments(**content)
    p, q = np.shape(found.x_mean)[0], np.shape(found.y_mean)[0]
    shapes = {"x_mean": (p,), "y_mean": (q,), "xx": (p, p), "xy": (p, q), "yy": (q,)}
    if any(np.shape(content[name]) != shape for name, shape in shapes.items()):
        raise ValueError("the moments' shapes do not fit each other")
    if any(np.ndim(rest) and np.shape(rest) != (size,) for rest, size in
           ((found.x_mean_rest, p), (found.y_mean_rest, q))):  # fmt: skip
        raise ValueError("the moments' shapes do not fit each other")
    if any(np.asarray(value).dtype.kind not in "if" or not np.isfinite(value).all() for value in content.values()):
        raise ValueError("the moments are not finite numbers")
    if not (found.n > 0 and found.rows > 0 and found.y_ndim in (1, 2)):
        raise ValueError("the moments are of no rows")
    if (np.diag(found.xx) < 0).any() or (found.yy < 0).any() or not np.allclose(found.xx, found.xx.T):
        raise ValueError("the moments are no table's")
    return found


def merge(parts: Iterable[Moments]) -> Moments:
    """Add moments in pairs; ValueError where there are none."""
    waiting: Waiting[Moments] = []
    for part in parts:
        push(waiting, part)
    if not waiting:
        raise ValueError("no blocks: there is nothing to summarise")
    return total(waiting)


def _holds_rows(X: Any, y: Any, sample_weight: Any = None) -> bool:
    return len(y) > 0 and (sample_weight is None or bool(np.any(sample_weight)))
