"""Posterior of coefficients for any family: what the hypotheses together leave open of each, to second order."""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_solve

from headwater.families.mode import Mode
from headwater.selection.glm_choice import GLMChoice
from headwater.selection.glm_hypotheses import Prior
from headwater.spectrum.rows import Array

_HELD = 1e-6  # of the posterior weight: what has less is left out


def moments(choice: GLMChoice) -> tuple[Array, Array]:
    """The posterior mean and standard deviation of each coefficient, (p,) each, within hypotheses and between them.

    Each node's are those of its Laplace approximation. Deviations are NaN where the rows do not span the features, so
    that what is open beside them is the prior's. The mean is not moderated, as what predicts is.
    """
    mean, square = 0.0, 0.0
    for one, weights in zip(choice.weighed, choice.weights, strict=True):
        for node, (mode, share) in enumerate(zip(one.modes, weights, strict=True)):
            if share > _HELD:
                prior = one.prior
                axes = _axes(prior, node)
                centre = axes @ mode.theta + (prior.source * (prior.scales(0 * mode.theta[None])[0]))
                mean = mean + share * centre
                square = square + share * (centre**2 + _variances(axes, mode))
    if any(one.prior.basis.shape[1] < len(one.prior.source) for one in choice.weighed):
        return np.asarray(mean), np.full(len(choice.weighed[0].prior.source), np.nan)
    return np.asarray(mean), np.sqrt(np.maximum(square - np.square(mean), 0.0))


def _axes(prior: Prior, node: int) -> Array:
    """What each θ adds to the coefficients, (p, c): nothing by the level, the source by its scale."""
    inside = (prior.own[node] * prior.basis + prior.carried) * prior.precisions[node, prior.free + prior.scaled :]
    lead = [np.zeros_like(prior.source)] * prior.free + [prior.source] * prior.scaled
    return np.column_stack([*lead, inside])


def _variances(axes: Array, mode: Mode) -> Array:
    """The diagonal of A H⁻¹ A', H the Hessian at the mode."""
    return np.einsum("pc,cp->p", axes, cho_solve(mode.factor, axes.T, check_finite=False))
