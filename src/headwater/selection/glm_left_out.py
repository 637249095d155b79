"""Left out: the deviance of each row by the choice made without it, to first order and by updating weights."""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

from headwater.families.laplace import left_out, variance
from headwater.families.outcomes import Outcomes
from headwater.selection.glm_choice import GLMChoice, hermite, moderate
from headwater.spectrum.rows import Array


def left_out_predictors(choice: GLMChoice) -> Array:
    """Each row's linear predictor, offset included, by the choice without the row (n,).

    A node's weight without row i is its weight over p(y_i | the others), the mean of the likelihood over what the
    others leave open of η_i; its predictor without the row is to first order.
    """
    logs, etas, spreads = [], [], []
    for one in choice.weighed:
        for weight, mode in zip(one.log_weight, one.modes, strict=True):
            eta, spread = left_out(mode), variance(mode)
            spread = spread / (1 - mode.curvature * spread)
            logs.append(weight - _log_predictive(mode.outcomes, eta, spread))
            etas.append(eta)
            spreads.append(spread)
    log, eta, spread = np.array(logs), np.array(etas), np.array(spreads)
    share = np.exp(log - logsumexp(log, axis=0))
    mean = np.sum(share * eta, axis=0)
    outcomes = choice.weighed[0].modes[0].outcomes
    open_ = np.sum(share * (spread + (eta - mean) ** 2), axis=0)
    factor, shift = moderate(outcomes.family, mean, outcomes.weight, float(outcomes.weight @ open_ / outcomes.n))
    return np.asarray(factor * mean + shift)


def _log_predictive(outcomes: Outcomes, eta: Array, spread: Array) -> Array:
    """log ∫ f(y_i | η) N(η; eta_i, spread_i) dη, by Gauss and Hermite (n,)."""
    nodes, masses = hermite()
    at = eta[:, None] + np.sqrt(spread)[:, None] * nodes
    return np.asarray(
        logsumexp(-outcomes.share[:, None] * outcomes.family.half_deviance(outcomes.y[:, None], at), b=masses, axis=1)
    )
