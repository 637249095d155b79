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
from headwater.spectrum.rows import Array, WeightedRows, members


@dataclass(frozen=True, eq=False)
class Spectrum(Decomposed):
    """The observed decomposition Σ̂ = X'X/n = V diag(λ) V' of a centred table, with the outcome in its axes.

    Made by ``from_rows`` or ``from_moments``. Ridge at any penalty, its degrees of freedom and its criteria then cost
    one small product each.

    Attributes
    ----------
    eigenvalues : ndarray (r,)
        λ, descending, r the numerical rank; divided by n and by nothing else.
    vectors : ndarray or linear operator (p, r)
        V; an operator for sparse tables with fewer rows than features.
    basis : Decomposition
        Both, n, and the rows' left singular vectors where they are kept.
    u : ndarray (r, q)
        U'y.
    x_mean, y_mean : ndarray (p,), (q,)
        Weighted means.
    remainder : ndarray (q,)
        The least-squares remainder ‖y‖² − ‖u‖², exactly 0 where the rows are spanned.
    residual : ndarray (rows, q) or None
        The least-squares residuals, √w-scaled, where rows are kept.
    y_ndim : int
        1 where the outcome was given as (n,), else 2.

    Notes
    -----
    ŵ(τ) = argmin (1/n)‖y − Xw‖² + τ‖w‖² = V diag(1/(λ+τ)) V'X'y/n; τ = 0 is the minimum-norm least-squares fit and
    τ = inf is zero. Penalties are scalars or arrays of any shape; results carry it first, and a scalar gives a float.

    Weights are frequencies: n = Σw everywhere, so weighing a row twice or repeating it changes no coefficient, degree
    of freedom, evidence or GCV. Leave-one-out leaves out a row with its whole weight.

    Sources: Golub, Heath and Wahba (1979) for leave-one-out and GCV; Patterson and Thompson (1971) for the restricted
    likelihood.

    Examples
    --------
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
        """Decompose rows.

        Parameters
        ----------
        X : array or sparse matrix (n, p)
            Sparse tables are never made dense.
        y : array_like (n,) or (n, q)
        sample_weight : array_like (n,), optional
        fit_intercept : bool
            Whether to centre.
        leave_one_out : bool
            False keeps nothing of the size of the rows.
        groups : array_like (n,), optional
            What was measured repeatedly: leave-one-out then leaves out each group whole.

        Returns
        -------
        Spectrum

        Raises
        ------
        ValueError
            As ``Moments.from_arrays``; and groups of another length, or a lone one.

        Notes
        -----
        With at least three times as many rows as features the p×p Gram is decomposed, several times faster, and
        accurate while the eigenvalues span less than eight digits; where they span more, as with columns that depend on
        others, the rows' triangular factor; for every other shape the rows' singular values. Sparse tables use their
        Gram or, with fewer rows than features, that of their rows. With p > n no p×p matrix is formed.
        """
        rows = WeightedRows.checked(X, y, sample_weight)
        found = decompose_rows(cls, rows, fit_intercept, leave_one_out)
        if groups is None:
            return found
        return replace(found, basis=replace(found.basis, groups=members(groups, sample_weight, X.shape[0])))

    @classmethod
    def from_moments(cls, moments: Moments, *, fit_intercept: bool = True) -> Spectrum:
        """Decompose moments; everything but leave-one-out follows, to the accuracy of a Gram matrix.

        Parameters
        ----------
        moments : Moments
        fit_intercept : bool
            Whether the moments stay centred.

        Returns
        -------
        Spectrum
            Directions whose eigenvalue is below p times the rounding error of the largest count as absent.
        """
        return decompose_moments(cls, moments, fit_intercept)

    def shrinkage(self, tau: ArrayLike) -> Array:
        """λ/(λ+τ), the share of each direction that the penalty leaves.

        Parameters
        ----------
        tau : array_like, any shape

        Returns
        -------
        ndarray, tau.shape + (r,)

        Raises
        ------
        ValueError
            A penalty is negative or NaN.
        """
        tau = _tau(tau)[..., None]
        return np.asarray(np.divide(self.eigenvalues, self.eigenvalues + tau))

    def df(self, tau: ArrayLike) -> Any:
        """Effective degrees of freedom Σ λ/(λ+τ), the intercept not counted.

        Parameters
        ----------
        tau : array_like, any shape

        Returns
        -------
        float or ndarray, tau.shape
        """
        return _scalar(self.shrinkage(tau).sum(axis=-1))

    def in_axes(self, tau: ArrayLike) -> Array:
        """The coefficients in the eigenbasis, V'ŵ(τ).

        Parameters
        ----------
        tau : array_like, any shape

        Returns
        -------
        ndarray, tau.shape + (r, q)

        Raises
        ------
        ValueError
            A penalty is negative or NaN.
        """
        tau = _tau(tau)[..., None]
        return np.asarray((np.sqrt(self.eigenvalues / self.n) / (self.eigenvalues + tau))[..., None] * self.u)

    def coefficients(self, tau: ArrayLike) -> Array:
        """Ridge coefficients ŵ(τ).

        Parameters
        ----------
        tau : array_like, any shape

        Returns
        -------
        ndarray, tau.shape + (p,), or tau.shape + (q, p) where y has columns
        """
        axes = np.moveaxis(self.in_axes(tau), -2, 0)
        coef = self.expand(axes.reshape(self.rank, prod(axes.shape[1:])))
        coef = np.moveaxis(coef.reshape(self.n_features, *axes.shape[1:]), 0, -1)
        return coef if self.y_ndim == 2 else coef[..., 0, :]

    def intercepts(self, tau: ArrayLike) -> Any:
        """Intercepts; 0 without one.

        Parameters
        ----------
        tau : array_like, any shape

        Returns
        -------
        float or ndarray, tau.shape, or tau.shape + (q,) where y has columns
        """
        fitted = self.coefficients(tau) @ self.x_mean
        mean = self.y_mean if self.y_ndim == 2 else self.y_mean[0]
        return _scalar(np.asarray(mean - fitted))

    def evidence(self, tau: ArrayLike) -> Any:
        """Restricted log marginal likelihood, up to a constant of the sizes; larger is better.

        Parameters
        ----------
        tau : array_like, any shape

        Returns
        -------
        float or ndarray, tau.shape
        """
        return self._criterion(criteria.log_evidence, tau)

    def gcv(self, tau: ArrayLike) -> Any:
        """Generalised cross-validation, a mean squared error averaged over outputs.

        Parameters
        ----------
        tau : array_like, any shape

        Returns
        -------
        float or ndarray, tau.shape
        """
        return self._criterion(criteria.gcv_error, tau)

    def loo(self, tau: ArrayLike) -> Any:
        """Exact leave-one-out mean squared error at fixed alpha = nτ, averaged over outputs.

        Parameters
        ----------
        tau : array_like, any shape

        Returns
        -------
        float or ndarray, tau.shape

        Raises
        ------
        ValueError
            The spectrum has no rows.
        """
        return self._criterion(criteria.loo_error, tau)

    def loo_residuals(self, tau: ArrayLike) -> Array:
        """Leave-one-out residuals y_i − ŷ_(−i) at fixed alpha = nτ.

        Parameters
        ----------
        tau : array_like, any shape

        Returns
        -------
        ndarray, tau.shape + (n,), or tau.shape + (n, q) where y has columns
            Rows of weight zero are not there. A spectrum of groups leaves out each row with all of its group.

        Raises
        ------
        ValueError
            The spectrum has no rows, or a penalty is negative or NaN.
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


def _tau(tau: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(tau, dtype=np.float64)
    if not (values >= 0).all():
        raise ValueError(f"tau must not be negative or NaN, got {tau!r}")
    return values


def _scalar(value: Array) -> Any:
    return value.item() if value.ndim == 0 else value
