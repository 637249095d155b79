"""Left out: exact leave-one-out, of rows or of groups, of a whole averaged fit, its choice of penalties included."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from headwater.selection.hypotheses import STACKED
from headwater.selection.meeting import Meeting
from headwater.selection.stacking import Stack
from headwater.selection.surface import Surface
from headwater.spectrum.criteria import group_parts, kept_shares, loo_parts
from headwater.spectrum.rows import Array
from headwater.spectrum.spectrum import Spectrum

_TINY = np.finfo(np.float64).tiny
_CHUNK = 1 << 23  # numbers held at once, 64 MB


def averaged_loo_residuals(meeting: Meeting, surface: Surface) -> Array:
    """Leave-one-out residuals y_i − ŷ_(−i) of the surface's averaged fit, (rows, q), at fixed alpha = n1 τ1.

    Under evidence the average is weighted as it would be without the row, which needs no new decomposition: leaving
    row i out takes d_i e_i² from the likelihood's bracket, w_i from the contrasts and the factor d_i = 1 − h_i − w_i/Σw
    from the determinant, e_i being the residual of the row left out. A group left out whole takes r'S⁻¹r, its weight,
    and det S: see ``criteria.group_parts``. Stacked sources get the numbers that the brackets without the row say.
    Under the other criteria the weights are kept.
    Raises ValueError where the target's spectrum has no rows.
    """
    target, tau = meeting.target, surface.target_tau
    fixed = surface.hypothesis != STACKED
    starts, score, prior = [surface.source_tau[fixed], surface.scale[fixed]], surface.score[fixed], surface.log_prior
    stack = None if fixed.all() else Stack(meeting, surface.source_tau[~fixed][0])
    if stack is not None:  # its probes are scored too, and say all of its surface
        starts = [np.concatenate(both) for both in zip(starts, stack.probes, strict=True)]
        middle = meeting.score(stack.probes[0][:1], stack.probes[1][:1], tau, "evidence")
        score, prior = np.concatenate([score, middle]), np.concatenate([prior[fixed], prior[~fixed].max(axis=0)[None]])
    score = score if np.isfinite(score).any() else np.zeros_like(score)  # as Surface.weight: the prior stands
    shifted, count = meeting.shifted(*starts), len(score)
    out = np.empty((len(target.rows[0]), target.n_outputs))
    for rows, residuals, gone in _left_out(target, shifted, tau):
        if surface.criterion != "evidence":
            out[rows] = np.einsum("km,iqkm->iq", surface.weight, residuals)
            continue
        left, change = _without(target, shifted, tau, *gone)
        logs = score + prior + change[:, :count]
        if stack is not None:
            probed, observations = slice(count - 1, None), (target.contrasts - gone[2][:, 0]) * target.n_outputs
            more, scale = stack.posterior(left[:, probed], observations)
            logs[:, -1] += more
            residuals[:, :, count - 1] = stack.at(scale, residuals[:, :, probed])
        weight = np.exp(logs - logs.max(axis=(1, 2), keepdims=True))
        weight = np.broadcast_to(weight / weight.sum(axis=(1, 2), keepdims=True), (len(residuals), *weight.shape[1:]))
        out[rows] = np.einsum("ikm,iqkm->iq", weight, residuals[:, :, :count])
    return out


def _left_out(target: Spectrum, shifted: Array, tau: Array) -> Iterator[tuple[Any, Array, tuple[Array, Array, Array]]]:
    """Rows left out, alone or as groups, their residuals (rows, q, k, m), and what leaving them out changes.

    The changes, for each of the rows or for all together: of the bracket (·, k, m), of the log determinant (·, 1, m),
    and of the number of observations (·, 1, 1).
    """
    row_weight, groups = target.rows[1], target.basis.groups
    if groups is not None:
        for rows in groups:
            residuals, taken, log_det = group_parts(target, shifted, tau, rows)
            yield rows, residuals, (taken[None], log_det[None, None], row_weight[rows].sum().reshape(1, 1, 1))
        return
    step = max(1, _CHUNK // (prod(shifted.shape[1:]) * len(tau)))
    for first in range(0, len(row_weight), step):
        some = slice(first, first + step)
        residuals, own = loo_parts(target, shifted, tau, some)
        weight = row_weight[some, None, None]
        log_own = np.log(np.where(own > 0, own, 1.0))[:, None]  # 0 only where the one penalty asked about is 0
        yield some, residuals, (own[:, None] * weight * (residuals**2).sum(axis=1), log_own, weight)


def _without(
    target: Spectrum, shifted: Array, tau: Array, taken: Array, log_own: Array, weight: Array
) -> tuple[Array, Array]:
    """The brackets of starts with some rows left out, and the change of their log evidence; (rows or 1, k, m)."""
    kept, _ = kept_shares(target, tau)
    bracket = np.maximum(np.einsum("rqk,rm->km", shifted**2, kept) + target.remainder.sum(), _TINY)
    left = np.maximum(bracket - taken, np.maximum(1e-15 * bracket, _TINY))
    change = (target.contrasts - weight) * np.log(left) - target.contrasts * np.log(bracket) + log_own
    return left, -0.5 * target.n_outputs * change
