"""Validation: exact leave-one-out of a whole averaged fit, its choice of penalties included."""

from __future__ import annotations

import numpy as np

from headwater.criteria import loo_parts
from headwater.crossing import Crossing
from headwater.moments import Array
from headwater.selection import Surface

_TINY = np.finfo(np.float64).tiny
_CHUNK = 1 << 23  # numbers held at once, 64 MB


def averaged_loo_residuals(crossing: Crossing, surface: Surface) -> Array:
    """Leave-one-out residuals y_i − ŷ_(−i) of the surface's averaged fit, (rows, q), at fixed alpha = n1 τ1.

    Under evidence the average is weighted as it would be without the row, which needs no new decomposition: leaving
    row i out takes d_i e_i² from the likelihood's bracket, w_i from the contrasts and the factor d_i = 1 − h_i − w_i/Σw
    from the determinant, e_i being the residual of the row left out. Under the other criteria the weights are kept.
    Raises ValueError where the target's spectrum has no rows.
    """
    target, tau = crossing.target, surface.target_tau
    shifted = crossing.shifted(surface.source_tau, surface.scale)
    points = surface.weight.size * target.n_outputs
    rows = len(target.rows[0])
    step = max(1, _CHUNK // points)
    found = []
    for first in range(0, rows, step):
        some = slice(first, first + step)
        residuals, own = loo_parts(target, shifted, tau, some)
        weight = np.broadcast_to(surface.weight, (len(own), *surface.weight.shape))
        if surface.criterion == "evidence":
            weight = _without(crossing, surface, shifted, residuals, own, some)
        found.append(np.einsum("ikm,iqkm->iq", weight, residuals))
    return np.concatenate(found)


def _without(crossing: Crossing, surface: Surface, shifted: Array, residuals: Array, own: Array, some: slice) -> Array:
    """The posterior over the surface with each of some rows left out; (rows, k, m)."""
    target, tau = crossing.target, surface.target_tau
    row_weight, own = target.rows[1][some, None, None], own[:, None]
    kept = tau / (target.eigenvalues[:, None] + tau)
    bracket = np.maximum(np.einsum("rqk,rm->km", shifted**2, kept) + target.remainder.sum(), _TINY)
    taken = own * row_weight * (residuals**2).sum(axis=1)
    left = np.maximum(bracket - taken, np.maximum(1e-15 * bracket, _TINY))
    change = (target.contrasts - row_weight) * np.log(left) - target.contrasts * np.log(bracket) + np.log(own)
    logs = surface.score + surface.log_prior - 0.5 * target.n_outputs * change
    weight = np.exp(logs - logs.max(axis=(1, 2), keepdims=True))
    return np.asarray(weight / weight.sum(axis=(1, 2), keepdims=True))
