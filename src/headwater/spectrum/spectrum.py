"""Spectrum: decompose a table once; then every penalty costs a matrix product."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headwater.spectrum import criteria
from headwater.spectrum.decomposed import Decomposed
from headwater.spectrum.moments import Moments
from headwater.spectrum.routes import decompose_moments, decompose_rows
from headwater.spectrum.rows import Array, WeightedRows


@dataclass(frozen=True, eq=False)
class Spectrum(Decomposed):
    """The observed decomposition Σ̂ = X'X/n = V diag(λ) V' of a centred table, with the response in its axes.

    Ridge at any penalty, ŵ(τ) = argmin (1/n)‖y − Xw‖² + τ‖w‖² = V diag(1/(λ+τ)) V'X'y/n, its degrees of freedom and
    its criteria then cost one small product each (theory: Golub, Heath and Wahba 1979 for leave-one-out and GCV;
    Patterson and Thompson 1971 for the restricted likelihood).

    ``eigenvalues`` λ (r,), descending, r the numerical rank, divided by n and by nothing else; ``vectors`` V (p, r), an
    array or, for sparse tables with fewer rows than features, a linear operator; ``u`` = U'y (r, q); ``remainder`` (q,)
    the least-squares remainder ‖y‖² − ‖u‖², exactly 0 where the rows are spanned. τ is a scalar or an array of any
    shape; results carry τ's shape first. τ = 0 is the minimum-norm least-squares fit and τ = inf is zero.

    Weights are frequencies: n = Σw everywhere, so weighing a row twice or repeating it changes no coefficient, degree
    of freedom, evidence or GCV. Leave-one-out leaves out a row with its whole weight.

    >>> import numpy as np
    >>> X, y = np.array([[0.0], [1.0], [2.0]]), np.array([0.0, 1.0, 2.0])
    >>> spectrum = Spectrum.from_rows(X, y)
    >>> spectrum.coefficients([0.0, np.inf])
    array([[1.],
           [0.]])
    """

    @classmethod
    def from_rows(
        cls,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        fit_intercept: bool = True,
        leave_one_out: bool = True,
        groups: ArrayLike | None = None,
    ) -> Spectrum:
        """Decompose rows: X (n, p) dense or scipy-sparse, y (n,) or (n, q), weights (n,).

        With at least three times as many rows as features the p×p Gram is decomposed, several times faster, and
        accurate while the eigenvalues span less than eight digits; where they span more, as with columns that depend on
        others, the rows' triangular factor; for every other shape the rows' singular values. Sparse tables use their
        Gram or, with fewer rows than features, that of their rows, and are never made dense. With p > n no p×p matrix
        is formed. ``leave_one_out=False`` keeps nothing of the
        size of the rows. ``groups`` (n,) name what was measured repeatedly: leave-one-out then leaves out each group
        whole. Raises ValueError as ``Moments.from_arrays`` does, and for a lone group.
        """
        rows = WeightedRows.checked(X, y, sample_weight)
        found = decompose_rows(cls, rows, fit_intercept, leave_one_out)
        if groups is None or not leave_one_out:
            return found
        return replace(found, basis=replace(found.basis, groups=_members(groups, sample_weight, X.shape[0])))

    @classmethod
    def from_moments(cls, moments: Moments, *, fit_intercept: bool = True) -> Spectrum:
        """Decompose moments; everything but leave-one-out follows, to the accuracy of a Gram matrix.

        Directions whose eigenvalue is below p times the rounding error of the largest count as absent.
        """
        return decompose_moments(cls, moments, fit_intercept)

    def shrinkage(self, tau: ArrayLike) -> Array:
        """λ/(λ+τ), the share of each direction that the penalty leaves; tau.shape + (r,)."""
        tau = _tau(tau)[..., None]
        return np.asarray(np.divide(self.eigenvalues, self.eigenvalues + tau))

    def df(self, tau: ArrayLike) -> Any:
        """Effective degrees of freedom Σ λ/(λ+τ), the intercept not counted."""
        return _scalar(self.shrinkage(tau).sum(axis=-1))

    def in_axes(self, tau: ArrayLike) -> Array:
        """The coefficients in the eigenbasis, V'ŵ(τ); tau.shape + (r, q)."""
        tau = _tau(tau)[..., None]
        return np.asarray((np.sqrt(self.eigenvalues / self.n) / (self.eigenvalues + tau))[..., None] * self.u)

    def coefficients(self, tau: ArrayLike) -> Array:
        """Ridge coefficients ŵ(τ): tau.shape + (p,), or tau.shape + (q, p) where y has columns."""
        axes = np.moveaxis(self.in_axes(tau), -2, 0)
        coef = self.expand(axes.reshape(self.rank, prod(axes.shape[1:])))
        coef = np.moveaxis(coef.reshape(self.n_features, *axes.shape[1:]), 0, -1)
        return coef if self.y_ndim == 2 else coef[..., 0, :]

    def intercepts(self, tau: ArrayLike) -> Any:
        """Intercepts: tau.shape, or tau.shape + (q,) where y has columns; 0 without an intercept."""
        fitted = self.coefficients(tau) @ self.x_mean
        mean = self.y_mean if self.y_ndim == 2 else self.y_mean[0]
        return _scalar(np.asarray(mean - fitted))

    def shift(self, coef: ArrayLike) -> Spectrum:
        """The spectrum of (X, y − X coef'), L2-SP's shifted response: no decomposition, and the same remainder."""
        columns = np.atleast_2d(np.asarray(coef, dtype=np.float64)).T
        if columns.shape != (self.n_features, self.n_outputs):
            raise ValueError(f"coef has shape {np.shape(coef)}; it needs ({self.n_outputs}, {self.n_features})")
        moved = self.singular_values[:, None] * self.project(columns)
        return replace(self, u=self.u - moved, y_mean=self.y_mean - self.x_mean @ columns)

    def output(self, index: int) -> Spectrum:
        """The same decomposition with one output only."""
        one = slice(index, index + 1)
        residual = None if self.residual is None else self.residual[:, one]
        return replace(
            self, u=self.u[:, one], y_mean=self.y_mean[one], remainder=self.remainder[one], residual=residual, y_ndim=1
        )

    def evidence(self, tau: ArrayLike) -> Any:
        """Restricted log marginal likelihood at τ, up to a constant of the sizes; larger is better; tau.shape."""
        return self._criterion(criteria.log_evidence, tau)

    def gcv(self, tau: ArrayLike) -> Any:
        """Generalised cross-validation at τ, a mean squared error averaged over outputs; tau.shape."""
        return self._criterion(criteria.gcv_error, tau)

    def loo(self, tau: ArrayLike) -> Any:
        """Exact leave-one-out mean squared error at fixed alpha = nτ, averaged over outputs; tau.shape.

        Raises ValueError for a spectrum without rows.
        """
        return self._criterion(criteria.loo_error, tau)

    def loo_residuals(self, tau: ArrayLike) -> Array:
        """Leave-one-out residuals y_i − ŷ_(−i) at fixed alpha = nτ: tau.shape + (n,), or + (n, q) where y has columns.

        A spectrum of groups leaves out each row with all of its group. Rows of weight zero are not there. Raises
        ValueError for a spectrum without rows.
        """
        tau, u, groups = _tau(tau), self.u[:, :, None], self.basis.groups
        if groups is None:
            values, _ = criteria.loo_parts(self, u, tau.reshape(-1), slice(None))
        else:
            values = np.empty((len(self.rows[0]), *u.shape[1:], tau.size))
            for rows in groups:
                values[rows] = criteria.group_parts(self, u, tau.reshape(-1), rows)[0]
        values = np.moveaxis(values[:, :, 0], -1, 0)
        values = values.reshape(*tau.shape, *values.shape[1:])
        return values if self.y_ndim == 2 else values[..., 0]

    def _criterion(self, criterion: Callable[[Decomposed, Array, Array], Array], tau: ArrayLike) -> Any:
        tau = _tau(tau)
        return _scalar(criterion(self, self.u[:, :, None], tau.reshape(-1))[0].reshape(tau.shape))


def _members(groups: ArrayLike, sample_weight: ArrayLike | None, rows: int) -> tuple[NDArray[np.intp], ...]:
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


def _tau(tau: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(tau, dtype=np.float64)
    if not (values >= 0).all():
        raise ValueError(f"tau must not be negative or NaN, got {tau!r}")
    return values


def _scalar(value: Array) -> Any:
    return value.item() if value.ndim == 0 else value
