"""Kinds: the outcomes that the reversal is asked of, how they are drawn, and what theory says of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, ndtri

from headwater import theory
from headwater.families.binomial import BINOMIAL
from headwater.families.family import Family
from headwater.families.gaussian import GAUSSIAN
from headwater.study.checks import Array


@dataclass(frozen=True)
class Kind:
    """Outcomes of a family: `draw` makes them of the linear predictor and of uniform numbers, `words` names them.

    `ratios` is theory's τ0*/τ_S* at alignments, γ and ‖w0‖, None where there is no theory; `loss` is what half the
    deviance is called.
    """

    family: Family
    words: str
    loss: str
    draw: Callable[[Array, Array], Array]
    ratios: Callable[[Array, float, float], Array] | None


def _ratios(rhos: Array, gamma: float, signal: float) -> Array:
    best = theory.isotropic.transfer_optimal_tau(rhos, gamma, 1.0, signal)
    return np.asarray(best / theory.isotropic.source_optimal_tau(gamma, 1.0, signal))


def _yes(eta: Array, uniform: Array) -> Array:
    return np.asarray(uniform < expit(eta), dtype=np.float64)


KINDS = {
    "binomial": Kind(BINOMIAL, "yes/no outcomes", "log loss", _yes, None),
    "gaussian": Kind(
        GAUSSIAN, "numbers with Gaussian noise", "squared error", lambda eta, uniform: eta + ndtri(uniform), _ratios
    ),
}
