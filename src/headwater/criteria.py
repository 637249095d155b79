"""Criteria: what a penalty is chosen by, for many responses and penalties on one decomposition.

Each takes a Spectrum, k responses in its axes u (r, q, k) that share its remainder, as all shifted responses
y − X ŵ0(τ0) do, and penalties tau (m,); each returns (k, m). Several outputs share one penalty and one noise variance.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from headwater.moments import Array

if TYPE_CHECKING:
    from headwater.spectrum import Spectrum

_TINY = np.finfo(np.float64).tiny


def log_evidence(spectrum: Spectrum, u: Array, tau: Array) -> Array:
    """Restricted log marginal likelihood of w ~ N(0, σ²/(nτ) I), the noise variance profiled out; larger is better.

    −2 log E = q m log(Σ u²/(1 + λ/τ) + remainder) + q Σ log(1 + λ/τ) with m = n − 1 contrasts (Patterson and Thompson
    1971). Both ends are limits: at τ = inf the second term is 0, at τ = 0 the powers of τ are cancelled by hand.
    """
    m, rank, lam = spectrum.contrasts, spectrum.rank, spectrum.eigenvalues[:, None]
    if rank and m <= 0:
        raise ValueError(f"sample_weight sums to {spectrum.n:g}: weights are frequencies, and evidence needs over 1")
    energy = np.einsum("rqk,rqk->rk", u, u)
    remainder = float(spectrum.remainder.sum())
    finite = np.isfinite(tau)
    t = np.where(finite, tau, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        bracket = energy.T @ np.divide(1.0, lam + t)
        log_determinant = np.log(lam + t).sum(axis=0)
        if remainder > 0:
            value = m * np.log(t * bracket + remainder) + log_determinant - rank * np.log(t)
        else:
            powers = (m - rank) * np.log(t) if m > rank else 0.0
            value = m * np.log(np.maximum(bracket, _TINY)) + log_determinant + powers
    scratch = m * np.log(np.maximum(energy.sum(axis=0) + remainder, _TINY))
    return np.asarray(-0.5 * spectrum.n_outputs * np.where(finite, value, scratch[:, None]))


def gcv_error(spectrum: Spectrum, u: Array, tau: Array) -> Array:
    """Generalised cross-validation (Golub, Heath and Wahba 1979), averaged over outputs; smaller is better."""
    energy = np.einsum("rqk,rqk->rk", u, u)
    kept, spanned = _kept(spectrum, tau, spectrum.rank >= spectrum.contrasts)
    left = kept.sum(axis=0) + (0.0 if spanned else spectrum.contrasts - spectrum.rank)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = spectrum.n * (energy.T @ kept**2 + spectrum.remainder.sum()) / left**2 / spectrum.n_outputs
    return np.asarray(np.where(left > 0, value, np.inf))


def loo_error(spectrum: Spectrum, u: Array, tau: Array) -> Array:
    """Exact leave-one-out mean squared error at fixed alpha = nτ, averaged over outputs; smaller is better."""
    outputs = range(u.shape[2])
    squares = [loo_residuals(spectrum, u[:, :, k], tau) ** 2 for k in outputs]
    total = [np.tensordot(spectrum.rows[1], square, 1).sum(axis=0) for square in squares]
    return np.array(total) / (spectrum.n * spectrum.n_outputs)


def loo_residuals(spectrum: Spectrum, u: Array, tau: Array) -> Array:
    """Leave-one-out residuals y_i − ŷ_(−i) of one response u (r, q); (rows, q, m)."""
    return loo_parts(spectrum, u, tau, slice(None))[0]


def loo_parts(spectrum: Spectrum, u: Array, tau: Array, rows: slice) -> tuple[Array, Array]:
    """Leave-one-out residuals of some rows (rows, q, m) and what each row's own fit leaves it, d (rows, m).

    The residual (I − H) y over d_i = 1 − h_i − w_i/Σw. Where the features span the rows both vanish like τ, which is
    divided out, so that τ → 0 loses nothing. A row that alone decides its own fit has an infinite residual.
    """
    all_left, weight, residual = spectrum.rows
    left, basis = all_left[rows], spectrum.basis
    kept, spanned = _kept(spectrum, tau, spectrum.rank >= len(all_left) - basis.fit_intercept)
    inside = left @ (u[:, :, None] * kept[:, None, :]).reshape(spectrum.rank, u.shape[1] * len(tau))
    numerator = residual[rows, :, None] + inside.reshape(len(left), u.shape[1], len(tau))
    own = left**2 @ kept + (0.0 if spanned else basis.outside[rows, None])
    alone = own <= 1e-12 * kept.max(axis=0, initial=0.0)
    residuals = numerator / np.where(alone, np.nan, own)[:, None, :] / np.sqrt(weight[rows])[:, None, None]
    return np.where(alone[:, None, :], np.inf, residuals), own * np.where(
        np.isfinite(tau), tau, 1.0
    ) if spanned else own


def _kept(spectrum: Spectrum, tau: Array, spanned: bool) -> tuple[Array, bool]:
    """τ/(λ+τ) (r, m), the share of each direction left to the residual; over τ where the rows are spanned."""
    finite, lam = np.isfinite(tau), spectrum.eigenvalues[:, None]
    t = np.where(finite, tau, 1.0)
    return np.where(finite, (1.0 if spanned else t) / (lam + t), 1.0), spanned


def pseudo_evidence(error: Callable[[Spectrum, Array, Array], Array]) -> Callable[[Spectrum, Array, Array], Array]:
    """A log score on evidence's scale, −(n/2) q log(error): what a Gaussian likelihood of that error would be."""

    def score(spectrum: Spectrum, u: Array, tau: Array) -> Array:
        value = np.maximum(error(spectrum, u, tau), _TINY)
        return -0.5 * spectrum.n * spectrum.n_outputs * np.log(value)

    return score


SCORES: dict[str, Callable[[Spectrum, Array, Array], Array]] = {
    "evidence": log_evidence,
    "loo": pseudo_evidence(loo_error),
    "gcv": pseudo_evidence(gcv_error),
}


def score_named(criterion: str) -> Callable[[Spectrum, Array, Array], Array]:
    """The score, larger is better, that a criterion's name stands for; ValueError names the choices."""
    if criterion not in SCORES:
        raise ValueError(f"criterion must be one of {', '.join(SCORES)}, got {criterion!r}")
    return SCORES[criterion]
