"""Routes: from a table's rows, or from its moments, to eigenvalues and axes, by whichever is fastest and accurate."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import Any

import numpy as np
from scipy.linalg import svd
from scipy.sparse.linalg import LinearOperator

from headwater.spectrum.decomposed import Decomposed, Decomposition, Kind
from headwater.spectrum.moments import Moments
from headwater.spectrum.rows import Array, WeightedRows, centred

# The Gram route squares the condition number: its coefficients at τ = 0 keep at least 16 − 8 digits inside this span.
_GRAM_SPAN = 1e-8
GRAM_ROWS_PER_FEATURE = 3


class RowAxes(LinearOperator):  # type: ignore[misc]
    """V = X'U/s as a linear operator, so that a wide sparse table is never made dense."""

    def __init__(self, rows: Any, x_mean: Array, scaled_left: Array, root: Array) -> None:
        self.rows, self.x_mean, self.scaled_left, self.root = rows, x_mean, scaled_left, root
        super().__init__(np.float64, (rows.shape[1], scaled_left.shape[1]))

    def _matmat(self, axes: Array) -> Array:
        inside = self.root[:, None] * (self.scaled_left @ axes)
        return np.asarray(self.rows.T @ inside - np.outer(self.x_mean, inside.sum(axis=0)))

    def _rmatmat(self, columns: Array) -> Array:
        inside = self.rows @ columns - self.x_mean @ columns
        return np.asarray(self.scaled_left.T @ (self.root[:, None] * inside))

    def _matvec(self, axes: Array) -> Array:
        return self._matmat(axes.reshape(-1, 1))[:, 0]

    def _rmatvec(self, columns: Array) -> Array:
        return self._rmatmat(columns.reshape(-1, 1))[:, 0]


def decompose_moments(kind: type[Kind], moments: Moments, fit_intercept: bool) -> Kind:
    """By the eigenvalues of the p×p scatter; directions lost to rounding are left out."""
    if not fit_intercept:
        moments = moments.about_zero()
    xx, xy, yy = moments.xx, moments.xy, moments.yy
    squares, vectors = np.linalg.eigh(xx)
    squares, vectors = squares[::-1], vectors[:, ::-1]
    keep = _kept(squares, len(squares), moments.rows - fit_intercept)
    squares, vectors = squares[keep], vectors[:, keep]
    u = vectors.T @ xy / np.sqrt(squares)[:, None]
    remainder = _remainder(yy - np.einsum("rq,rq->q", u, u), yy, len(squares) >= moments.rows - fit_intercept)
    basis = Decomposition(squares / moments.n, vectors, moments.n, fit_intercept)
    return kind(basis, u, moments.x_mean, moments.y_mean, remainder, None, moments.y_ndim)


def moments_of(found: Decomposed) -> Moments:
    """The moments that a decomposition is of, to rounding; ``decompose_moments`` undoes it.

    Those of one without intercept are about 0. How many rows there were is known as a bound only: Σw, or as many as the
    rank needs.
    """
    axes = found.expand(np.eye(found.rank)) * found.singular_values  # V S (p, r)
    least = found.rank + found.basis.fit_intercept + bool(found.remainder.any())
    return Moments(
        found.n,
        max(ceil(found.n), least),
        found.x_mean,
        found.y_mean,
        axes @ axes.T,
        axes @ found.u,
        np.einsum("rq,rq->q", found.u, found.u) + found.remainder,
        found.y_ndim,
    )


def decompose_rows(kind: type[Kind], rows: WeightedRows, fit_intercept: bool, leave_one_out: bool) -> Kind:
    """By whichever route is fastest among those that are accurate: see ``Spectrum.from_rows``."""
    count, features = rows.shape
    if count > features if rows.sparse else count >= GRAM_ROWS_PER_FEATURE * features:
        moments = Moments.from_rows(rows)
        found = decompose_moments(kind, moments, fit_intercept)
        whole = rows.sparse or (found.rank == features and _near(found))
        if not whole:
            found = _triangular(kind, rows, moments, fit_intercept)
        if not leave_one_out:
            return found
        if whole or _near(found):
            return _with_rows(found, rows)

    n, targets = rows.n, rows.targets
    y_mean, _, y_centred = centred(targets, rows.weight, n) if fit_intercept else (0.0 * targets[0], 0.0, targets)
    response = y_centred * rows.root[:, None]
    axes: Any
    x_mean, left, s, axes = (_dual if rows.sparse else _singular)(rows, fit_intercept)
    u = left.T @ response
    spanned = len(s) >= count - fit_intercept
    residual = np.zeros_like(response) if spanned else response - left @ u
    basis = Decomposition(s**2 / n, axes, n, fit_intercept)
    if leave_one_out:
        basis = replace(basis, left=left, row_weight=rows.root**2)
    remainder = _remainder(_squares(residual), _squares(response), spanned)
    return kind(basis, u, x_mean, y_mean, remainder, residual if leave_one_out else None, rows.y_ndim)


def _near(found: Decomposed) -> bool:
    """Whether the eigenvalues span so few digits that products with the rows lose none that matter."""
    lam = found.eigenvalues
    return len(lam) == 0 or bool(lam[-1] >= _GRAM_SPAN * lam[0])


def _triangular(kind: type[Kind], rows: WeightedRows, moments: Moments, fit_intercept: bool) -> Kind:
    """By the singular values of the rows' triangular factor: as accurate as the rows' own, and read in blocks."""
    X, targets, features = rows.X, rows.targets, rows.shape[1]
    x_mean = moments.x_mean if fit_intercept else np.zeros(features)
    y_mean = moments.y_mean if fit_intercept else np.zeros(targets.shape[1])
    flat = fit_intercept & (np.diag(moments.xx) <= moments.n * (4 * np.finfo(np.float64).eps * moments.x_mean) ** 2)
    factor = np.empty((0, features + targets.shape[1]))
    for some in rows.blocks(at_least=4 * features):
        block = np.hstack([np.where(flat, 0.0, X[some] - x_mean), targets[some] - y_mean])
        if rows.weight is not None:
            block *= rows.root[some][:, None]
        factor = np.asarray(np.linalg.qr(np.vstack([factor, block]), mode="r"))
    response = factor[:, features:]
    vectors, s, left = svd(factor[:features, :features].T, full_matrices=False, check_finite=False)
    keep = s > np.finfo(np.float64).eps * rows.shape[0] * s[:1]
    s, left = s[keep], left[keep]
    u = left @ response[:features]
    residual = np.vstack([response[:features] - left.T @ u, response[features:]])
    remainder = _remainder(_squares(residual), _squares(response), len(s) >= rows.shape[0] - fit_intercept)
    basis = Decomposition(s**2 / moments.n, vectors[:, keep], moments.n, fit_intercept)
    return kind(basis, u, x_mean, y_mean, remainder, None, moments.y_ndim)


def _singular(rows: WeightedRows, fit_intercept: bool) -> tuple[Array, Array, Array, Array]:
    """Thin singular value decomposition of the centred, √w-scaled rows, in the data's own precision."""
    X = rows.X if np.issubdtype(rows.X.dtype, np.floating) else rows.X.astype(np.float64)
    raw_mean, _, scaled = centred(X, rows.weight, rows.n) if fit_intercept else (np.zeros(X.shape[1]), 0.0, X)
    if not np.isfinite(scaled).all():
        raise ValueError("X holds values that are missing or infinite")
    if rows.weight is not None:
        scaled = scaled * rows.root[:, None].astype(X.dtype)
    # SciPy's works in single precision where the data are, as NumPy's does not; transposed, it needs no copy.
    vectors, s, left = svd(scaled.T, full_matrices=False, overwrite_a=scaled is not X, check_finite=False)
    left, s = left.T, s.astype(np.float64)
    keep = s > np.finfo(X.dtype).eps * max(X.shape) * s[:1]
    keep[max(X.shape[0] - fit_intercept, 0) :] = False
    return raw_mean.astype(np.float64), left[:, keep].astype(np.float64, copy=False), s[keep], vectors[:, keep]


def _dual(rows: WeightedRows, fit_intercept: bool) -> tuple[Array, Array, Array, RowAxes]:
    """Eigenvectors of the rows' own Gram matrix, n×n, for sparse tables with fewer rows than features."""
    X, root = rows.X.astype(np.float64), rows.root
    x_mean = np.asarray(X.T @ root**2).ravel() / rows.n if fit_intercept else np.zeros(X.shape[1])
    cross = np.asarray(X @ x_mean).ravel()
    gram = np.asarray((X @ X.T).todense()) - cross[:, None] - cross[None, :] + x_mean @ x_mean
    gram *= root[:, None] * root[None, :]
    squares, left = np.linalg.eigh(gram)
    squares, left = squares[::-1], left[:, ::-1]
    keep = _kept(squares, X.shape[0], X.shape[0] - fit_intercept)
    s, left = np.sqrt(squares[keep]), left[:, keep]
    return x_mean, left, s, RowAxes(X, x_mean, left / s, root)


def _with_rows(found: Kind, rows: WeightedRows) -> Kind:
    """Left singular vectors X V/s for a decomposition that came from the Gram matrix."""
    axes = found.vectors / found.singular_values
    # In blocks, so that single-precision rows are never copied as a whole into double.
    projected = np.concatenate([np.asarray(rows.X[block] @ axes) for block in rows.blocks()])
    left = rows.root[:, None] * (projected - found.x_mean @ axes)
    residual = rows.root[:, None] * (rows.targets - found.y_mean) - left @ found.u
    return replace(found, basis=replace(found.basis, left=left, row_weight=rows.root**2), residual=residual)


def _kept(squares: Array, size: int, most: float) -> Array:
    """Which of a Gram matrix's eigenvalues, descending, are more than rounding."""
    keep = squares > np.finfo(np.float64).eps * size * squares[:1].clip(min=0.0)
    keep[max(int(most), 0) :] = False
    return np.asarray(keep)


def _squares(columns: Array) -> Array:
    return np.asarray(np.einsum("iq,iq->q", columns, columns))


def _remainder(remainder: Array, total: Array, spanned: bool) -> Array:
    """What least squares leaves, with rounding noise set to exactly zero."""
    return np.zeros_like(total) if spanned else np.where(remainder > 1e-14 * total, remainder, 0.0)
