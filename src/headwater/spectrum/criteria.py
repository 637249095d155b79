"""Criteria: what a penalty is chosen by, for many responses and penalties on one decomposition.

Each takes a Decomposed, k responses in its axes u (r, q, k) that share its remainder, as all shifted responses
y − X ŵ0(τ0) do, and penalties tau (m,); each returns (k, m). Several outputs share one penalty and one noise variance.
Of tables stacked all carry their leading axis, but for those that leave rows out.
All are finite and analytic for tau > 0, complex values included, without abs or a maximum that cuts: their slopes are
had by a complex step (headwater.spectrum.penalty).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.spectrum.decomposed import Decomposed
from headwater.spectrum.rows import Array

_CHUNK = 1 << 19  # numbers held at once, 4 MB: about a core's cache
_TINY = np.finfo(np.float64).tiny


def log_evidence(spectrum: Decomposed, u: Array, tau: Array) -> Array:
    """Restricted log marginal likelihood of w ~ N(0, σ²/(nτ) I), the noise variance profiled out; larger is better.

    −2 log E = q m log(Σ u²/(1 + λ/τ) + remainder) + q Σ log(1 + λ/τ) with m = n − 1 contrasts (Patterson and Thompson
    1971). Both ends are limits: at τ = inf the second term is 0, at τ = 0 the powers of τ are cancelled by hand.
    """
    m, rank, lam = _contrasts(spectrum, "evidence"), spectrum.rank, spectrum.eigenvalues[..., None]
    energy = np.einsum("...rqk,...rqk->...rk", u, u)
    remainder = spectrum.remainder.sum(axis=-1)[..., None, None]
    tau = tau[..., None, :]
    finite = np.isfinite(tau)
    t = np.where(finite, tau, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = energy.mT @ np.divide(1.0, lam + t)  # the bracket over t; all else in its place, a cache being small
        log_determinant = np.log(lam + t).sum(axis=-2, keepdims=True)
        if (remainder > 0).all():
            value *= t
            value += remainder
            powers = float(-rank)
        else:
            np.maximum(value, _TINY, out=value)
            powers = m - rank
        np.log(value, out=value)
        value *= m
        value += log_determinant + (powers * np.log(t) if powers else 0.0)
    total = energy.sum(axis=-2)[..., None] + remainder
    told = finite & (total > 0) & (rank > 0)
    if not told.all():  # a response that does not vary says nothing of the penalty
        value = np.where(told, value, m * np.log(np.maximum(total, _TINY)))
    value *= -0.5 * spectrum.n_outputs
    return np.asarray(value)


def gcv_error(spectrum: Decomposed, u: Array, tau: Array) -> Array:
    """Generalised cross-validation (Golub, Heath and Wahba 1979), averaged over outputs; smaller is better."""
    energy = np.einsum("...rqk,...rqk->...rk", u, u)
    free = _contrasts(spectrum, "gcv") - spectrum.rank
    kept, divided = kept_shares(spectrum, tau)
    kept = kept if free else divided
    left = kept.sum(axis=-2, keepdims=True) + free
    remainder = spectrum.remainder.sum(axis=-1)[..., None, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        value = spectrum.n * (energy.mT @ kept**2 + remainder) / left**2 / spectrum.n_outputs
    return np.asarray(np.where(left > 0, value, np.inf))


def _contrasts(spectrum: Decomposed, criterion: str) -> float:
    if spectrum.rank and spectrum.contrasts <= 0:
        raise ValueError(f"sample_weight sums to {spectrum.n:g}: weights are frequencies, and {criterion} needs over 1")
    return spectrum.contrasts


def loo_error(spectrum: Decomposed, u: Array, tau: Array) -> Array:
    """Exact leave-one-out mean squared error at fixed alpha = nτ, averaged over outputs; smaller is better.

    A spectrum of groups leaves out each group whole.
    """
    weight, (_, outputs, starts) = spectrum.rows[1], u.shape
    total = np.zeros((starts, len(tau)), dtype=tau.dtype)
    step = max(1, _CHUNK // max(1, spectrum.rank * outputs * len(tau)))
    for first in range(0, starts, step):
        some = slice(first, first + step)
        for rows, residuals in left_out(spectrum, u[:, :, some], tau):
            total[some] += np.einsum("i,iqkm->km", weight[rows], np.square(residuals, out=residuals))
    return total / (spectrum.n * spectrum.n_outputs)


def left_out(spectrum: Decomposed, u: Array, tau: Array) -> Iterator[tuple[Any, Array]]:
    """Which rows are left out, each by itself or whole groups, and their residuals (rows, q, k, m), part by part."""
    if spectrum.basis.groups is not None:
        yield from ((rows, group_parts(spectrum, u, tau, rows)[0]) for rows in spectrum.basis.groups)
        return
    step = max(1, _CHUNK // max(1, prod(u.shape[1:]) * len(tau)))
    for first in range(0, len(spectrum.rows[0]), step):
        rows = slice(first, first + step)
        yield rows, loo_parts(spectrum, u, tau, rows)[0]


def loo_parts(spectrum: Decomposed, u: Array, tau: Array, rows: slice) -> tuple[Array, Array]:
    """Leave-one-out residuals y_i − ŷ_(−i) of some rows (rows, q, k, m), and what its own fit leaves each, d (rows, m).

    The residual (I − H) y over d_i = 1 − h_i − w_i/Σw. For a row that least squares fits exactly both vanish like τ,
    which is divided out, so that τ → 0 loses nothing. A lone row has an infinite residual.
    """
    all_left, weight, residual = spectrum.rows
    left, outside, shape = all_left[rows], spectrum.basis.outside[rows], (*u.shape[1:], len(tau))
    numerator, own = (np.empty((len(left), *size), dtype=tau.dtype) for size in (shape, shape[-1:]))
    exact = outside == 0
    kept, divided = kept_shares(spectrum, tau)
    for some, shares in ((~exact, kept), (exact, divided)):
        if some.any():
            numerator[some] = np.einsum("ir,rqk,rm->iqkm", left[some], u, shares, optimize=True)
            own[some] = left[some] ** 2 @ shares + outside[some, None]
    numerator += np.where(exact[:, None], 0.0, residual[rows])[:, :, None, None]
    lone = own <= 0
    numerator /= (np.where(lone, 1.0, own) * np.sqrt(weight[rows])[:, None])[:, None, None]
    if lone.any():
        numerator[np.broadcast_to(lone[:, None, None], numerator.shape)] = np.inf
    return numerator, own * np.where(exact[:, None] & np.isfinite(tau), tau, 1.0)


def group_parts(spectrum: Decomposed, u: Array, tau: Array, group: NDArray[np.intp]) -> tuple[Array, Array, Array]:
    """Residuals of rows left out together (g, q, k, m), what they take from the bracket (k, m), and log det (m,).

    With r the group's residuals and S = (I − H)_gg its block of what the fit leaves, both √w-scaled, the residuals left
    out are S⁻¹r; leaving the group out takes r'S⁻¹r from the likelihood's bracket and the factor det S from the
    determinant. At τ = 0 all are limits: of directions that the group alone decides the rest knows nothing.
    """
    all_left, row_weight, residual = spectrum.rows
    left, root = all_left[group], np.sqrt(row_weight[group])
    span = left if spectrum.basis.span is None else spectrum.basis.span[group]
    outside = np.eye(len(group)) - span @ span.T
    if spectrum.basis.fit_intercept:
        outside -= np.outer(root, root) / spectrum.n
    # (I − UU' − √w√w'/Σw)_gg = A diag(share) A', the part of S that no penalty touches: exactly 0 in directions that
    # least squares fits exactly, and everywhere where the rows are spanned.
    share, axes = np.linalg.eigh(outside)
    exact = (share <= 1e-13) | (spectrum.rank >= len(all_left) - spectrum.basis.fit_intercept)
    share, turned = np.where(exact, 0.0, share), axes.T @ left
    # In the axes A, S = diag(share) + τ A'U_g diag(1/(λ+τ)) U_g'A and r = its residual + τ A'U_g diag(1/(λ+τ)) u. Rows
    # of exact directions are divided by τ: S⁻¹r is the same, r'S⁻¹r and det S get their τ back, τ → 0 loses nothing.
    _, divided = kept_shares(spectrum, tau)
    finite = np.where(np.isfinite(tau), tau, 1.0)
    back = np.where(exact, finite[:, None], 1.0)
    rows = np.where(exact, 1.0, finite[:, None])[:, :, None]
    own = rows * np.einsum("gr,rm,hr->mgh", turned, divided, turned, optimize=True) + np.diag(share)
    inside = np.einsum("gr,rm,rqk->mgqk", turned, divided, u, optimize=True).reshape(len(tau), len(group), -1)
    least_squares = np.where(exact[:, None], 0.0, axes.T @ residual[group])
    numerator = rows * inside + np.repeat(least_squares, u.shape[2], axis=1)
    # S is singular where nothing but the group is there.
    sign, log_det = np.linalg.slogdet(own)
    alone = (sign <= 0) | ~np.isfinite(log_det)
    own[alone] = np.eye(len(group))
    found = np.linalg.solve(own, numerator)
    shape = (len(tau), len(group), *u.shape[1:])
    taken = np.einsum("mg,mgqk,mgqk->mk", back, found.reshape(shape), numerator.reshape(shape))
    found = axes @ found
    found[alone] = np.inf
    residuals = np.moveaxis(found.reshape(shape), 0, -1) / root[:, None, None, None]
    with np.errstate(divide="ignore"):
        return residuals, taken.T, log_det + np.log(back).sum(axis=1)


def kept_shares(spectrum: Decomposed, tau: Array) -> tuple[Array, Array]:
    """τ/(λ+τ) (r, m), the share of each direction left to the residual, and the same over τ; at τ = inf both are 1."""
    tau, lam = tau[..., None, :], spectrum.eigenvalues[..., None]
    finite = np.isfinite(tau)
    t = np.where(finite, tau, 1.0)
    return np.where(finite, t / (lam + t), 1.0), np.where(finite, 1 / (lam + t), 1.0)


def pseudo_evidence(error: Callable[[Decomposed, Array, Array], Array]) -> Callable[[Decomposed, Array, Array], Array]:
    """A log score on evidence's scale, −(n/2) q log(error): what a Gaussian likelihood of that error would be."""

    def score(spectrum: Decomposed, u: Array, tau: Array) -> Array:
        value = np.maximum(error(spectrum, u, tau), _TINY)
        return -0.5 * spectrum.n * spectrum.n_outputs * np.log(value)

    return score


SCORES: dict[str, Callable[[Decomposed, Array, Array], Array]] = {
    "evidence": log_evidence,
    "loo": pseudo_evidence(loo_error),
    "gcv": pseudo_evidence(gcv_error),
}


def needs_rows(criterion: str) -> bool:
    """Whether a criterion leaves rows out, and so has to have them kept."""
    return criterion == "loo"


def score_named(criterion: str) -> Callable[[Decomposed, Array, Array], Array]:
    """The score, larger is better, that a criterion's name stands for; ValueError names the choices."""
    if criterion not in SCORES:
        raise ValueError(f"criterion must be one of {', '.join(SCORES)}, got {criterion!r}")
    return SCORES[criterion]
