"""Decompositions: the route from a table, or from its moments, to eigenvalues and axes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import svd
from scipy.sparse.linalg import LinearOperator

from headwater.moments import Array, Moments, centred, row_blocks, weighted_rows

# The Gram route squares the condition number: its coefficients at τ = 0 keep at least 16 − 8 digits inside this span.
_GRAM_SPAN = 1e-8
_GRAM_ROWS_PER_FEATURE = 3


@dataclass(frozen=True, eq=False)
class Decomposition:
    """Σ̂ = V diag(λ) V' of a centred table, and, where rows are kept, the left singular vectors of √w-scaled rows.

    ``left`` (rows, r) and ``row_weight`` (rows,) are None where leave-one-out was not asked for or rows were never
    seen. ``outside`` (rows,) is 1 − w_i/Σw − Σ left², the share of its residual that no penalty
    touches: exactly 0 for a row that least squares would fit exactly, whatever its outcome. ``groups``: the rows that
    leave-one-out leaves out together, None for each by itself.
    """

    eigenvalues: Array
    vectors: Any
    n: float
    fit_intercept: bool
    left: Array | None = None
    row_weight: Array | None = None
    groups: tuple[NDArray[np.intp], ...] | None = None

    @cached_property
    def outside(self) -> Array:
        assert self.left is not None and self.row_weight is not None
        mean = self.row_weight / self.n if self.fit_intercept else 0.0
        outside = 1.0 - mean - np.einsum("ir,ir->i", self.left, self.left)
        spanned = self.left.shape[1] >= len(self.left) - self.fit_intercept
        return np.zeros_like(outside) if spanned else np.where(outside > 1e-13, outside, 0.0)


@dataclass(frozen=True, eq=False)
class Decomposed:
    """A decomposition together with one response in its axes: u = U'y (r, q) and what least squares leaves."""

    basis: Decomposition
    u: Array
    x_mean: Array
    y_mean: Array
    remainder: Array
    residual: Array | None
    y_ndim: int


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


def decompose_moments(moments: Moments, fit_intercept: bool) -> Decomposed:
    """By the eigenvalues of the p×p scatter; directions lost to rounding are left out."""
    xx, xy, yy = moments.xx, moments.xy, moments.yy
    x_mean, y_mean = moments.x_mean, moments.y_mean
    if not fit_intercept:
        xx, xy = xx + moments.n * np.outer(x_mean, x_mean), xy + moments.n * np.outer(x_mean, y_mean)
        yy = yy + moments.n * y_mean**2
        x_mean, y_mean = np.zeros_like(x_mean), np.zeros_like(y_mean)
    squares, vectors = np.linalg.eigh(xx)
    squares, vectors = squares[::-1], vectors[:, ::-1]
    keep = squares > np.finfo(np.float64).eps * len(squares) * squares[:1].clip(min=0.0)
    keep[max(moments.rows - fit_intercept, 0) :] = False
    squares, vectors = squares[keep], vectors[:, keep]
    u = vectors.T @ xy / np.sqrt(squares)[:, None]
    remainder = _remainder(yy - np.einsum("rq,rq->q", u, u), yy, len(squares) >= moments.rows - fit_intercept)
    basis = Decomposition(squares / moments.n, vectors, moments.n, fit_intercept)
    return Decomposed(basis, u, x_mean, y_mean, remainder, None, moments.y_ndim)


def decompose_rows(
    X: Any, y: ArrayLike, sample_weight: ArrayLike | None, fit_intercept: bool, leave_one_out: bool
) -> Decomposed:
    """By whichever route is fastest among those that are accurate: see ``Spectrum.from_rows``."""
    X, targets, weight, y_ndim = weighted_rows(X, y, sample_weight)
    rows, features = X.shape
    sparse = hasattr(X, "tocsr")
    if rows > features if sparse else rows >= _GRAM_ROWS_PER_FEATURE * features:
        moments = Moments.from_arrays(X, targets if y_ndim == 2 else targets[:, 0], weight)
        found = decompose_moments(moments, fit_intercept)
        whole = sparse or (len(found.basis.eigenvalues) == features and _near(found))
        if not whole:
            found = _decompose_triangular(X, targets, weight, moments, fit_intercept)
        if not leave_one_out:
            return found
        if whole or _near(found):
            return _with_rows(found, X, targets, weight)

    n = float(rows) if weight is None else float(weight.sum())
    root = np.ones(rows) if weight is None else np.sqrt(weight)
    y_mean, _, y_centred = centred(targets, weight, n) if fit_intercept else (np.zeros(targets.shape[1]), 0.0, targets)
    response = y_centred * root[:, None]
    if sparse:
        axes: Any
        x_mean, left, s, axes = _dual(X.astype(np.float64), root, n, fit_intercept)
    else:
        x_mean, left, s, axes = _singular(X, weight, root, n, fit_intercept)
    u = left.T @ response
    residual = response - left @ u
    spanned = len(s) >= rows - fit_intercept
    if spanned:
        residual = np.zeros_like(residual)
    remainder = _remainder(
        np.einsum("iq,iq->q", residual, residual), np.einsum("iq,iq->q", response, response), spanned
    )
    basis = Decomposition(s**2 / n, axes, n, fit_intercept)
    if leave_one_out:
        basis = Decomposition(s**2 / n, axes, n, fit_intercept, left, root**2)
    kept = residual if leave_one_out else None
    return Decomposed(basis, u, x_mean, y_mean, remainder, kept, y_ndim)


def _near(found: Decomposed) -> bool:
    """Whether the eigenvalues span so few digits that products with the rows lose none that matter."""
    lam = found.basis.eigenvalues
    return len(lam) == 0 or bool(lam[-1] >= _GRAM_SPAN * lam[0])


def _decompose_triangular(
    X: Any, targets: Array, weight: Array | None, moments: Moments, fit_intercept: bool
) -> Decomposed:
    """By the singular values of the rows' triangular factor: as accurate as the rows' own, and read in blocks."""
    rows, features = X.shape
    x_mean = moments.x_mean if fit_intercept else np.zeros(features)
    y_mean = moments.y_mean if fit_intercept else np.zeros(targets.shape[1])
    flat = fit_intercept & (np.diag(moments.xx) <= moments.n * (4 * np.finfo(np.float64).eps * moments.x_mean) ** 2)
    factor = np.empty((0, features + targets.shape[1]))
    for some in row_blocks(X, at_least=4 * features):
        block = np.hstack([np.where(flat, 0.0, X[some] - x_mean), targets[some] - y_mean])
        if weight is not None:
            block *= np.sqrt(weight[some])[:, None]
        factor = np.asarray(np.linalg.qr(np.vstack([factor, block]), mode="r"))
    response = factor[:, features:]
    vectors, s, left = svd(factor[:features, :features].T, full_matrices=False, check_finite=False)
    keep = s > np.finfo(np.float64).eps * rows * s[:1]
    s, left = s[keep], left[keep]
    u = left @ response[:features]
    residual = np.vstack([response[:features] - left.T @ u, response[features:]])
    remainder = _remainder(
        np.einsum("iq,iq->q", residual, residual),
        np.einsum("iq,iq->q", response, response),
        len(s) >= rows - fit_intercept,
    )
    basis = Decomposition(s**2 / moments.n, vectors[:, keep], moments.n, fit_intercept)
    return Decomposed(basis, u, x_mean, y_mean, remainder, None, moments.y_ndim)


def _singular(
    X: Any, weight: Array | None, root: Array, n: float, fit_intercept: bool
) -> tuple[Array, Array, Array, Array]:
    """Thin singular value decomposition of the centred, √w-scaled rows, in the data's own precision."""
    X = X if np.issubdtype(X.dtype, np.floating) else X.astype(np.float64)
    raw_mean, _, scaled = centred(X, weight, n) if fit_intercept else (np.zeros(X.shape[1]), 0.0, X)
    if not np.isfinite(scaled).all():
        raise ValueError("X holds values that are missing or infinite")
    if weight is not None:
        scaled = scaled * root[:, None].astype(X.dtype)
    # SciPy's works in single precision where the data are, as NumPy's does not; transposed, it needs no copy.
    vectors, s, left = svd(scaled.T, full_matrices=False, overwrite_a=scaled is not X, check_finite=False)
    left, s = left.T, s.astype(np.float64)
    keep = s > np.finfo(X.dtype).eps * max(X.shape) * s[:1]
    keep[max(X.shape[0] - fit_intercept, 0) :] = False
    return raw_mean.astype(np.float64), left[:, keep].astype(np.float64, copy=False), s[keep], vectors[:, keep]


def _dual(X: Any, root: Array, n: float, fit_intercept: bool) -> tuple[Array, Array, Array, RowAxes]:
    """Eigenvectors of the rows' own Gram matrix, n×n, for sparse tables with fewer rows than features."""
    x_mean = np.asarray(X.T @ root**2).ravel() / n if fit_intercept else np.zeros(X.shape[1])
    cross = np.asarray(X @ x_mean).ravel()
    gram = np.asarray((X @ X.T).todense()) - cross[:, None] - cross[None, :] + x_mean @ x_mean
    gram *= root[:, None] * root[None, :]
    squares, left = np.linalg.eigh(gram)
    squares, left = squares[::-1], left[:, ::-1]
    keep = squares > np.finfo(np.float64).eps * X.shape[0] * squares[:1].clip(min=0.0)
    keep[max(X.shape[0] - fit_intercept, 0) :] = False
    s, left = np.sqrt(squares[keep]), left[:, keep]
    return x_mean, left, s, RowAxes(X, x_mean, left / s, root)


def _with_rows(found: Decomposed, X: Any, targets: Array, weight: Array | None) -> Decomposed:
    """Left singular vectors X V/s for a decomposition that came from the Gram matrix."""
    basis = found.basis
    root = np.ones(X.shape[0]) if weight is None else np.sqrt(weight)
    axes = basis.vectors / np.sqrt(basis.n * basis.eigenvalues)
    # In blocks, so that single-precision rows are never copied as a whole into double.
    projected = np.concatenate([np.asarray(X[rows] @ axes) for rows in row_blocks(X)])
    left = root[:, None] * (projected - found.x_mean @ axes)
    residual = root[:, None] * (targets - found.y_mean) - left @ found.u
    kept = Decomposition(basis.eigenvalues, basis.vectors, basis.n, basis.fit_intercept, left, root**2)
    return Decomposed(kept, found.u, found.x_mean, found.y_mean, found.remainder, residual, found.y_ndim)


def _remainder(remainder: Array, total: Array, spanned: bool) -> Array:
    """What least squares leaves, with rounding noise set to exactly zero."""
    return np.zeros_like(total) if spanned else np.where(remainder > 1e-14 * total, remainder, 0.0)
