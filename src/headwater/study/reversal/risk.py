"""Risk: what a linear predictor errs by on a whole population of Gaussian features, by one-dimensional integrals."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from headwater.families.family import Family
from headwater.study.checks import Array

_NODES = np.linspace(-12.0, 12.0, 241)  # the trapezium rule, exact to rounding for such integrands
_WEIGHTS = np.exp(-(_NODES**2) / 2) / np.exp(-(_NODES**2) / 2).sum()


def risk(family: Family, squared_norm: ArrayLike, overlap: ArrayLike, signal: float) -> Array:
    """E d(y, x'ŵ)/2 up to what no fit can change, for x ~ N(0, I): log loss exactly, for yes/no outcomes.

    From ‖ŵ‖², ŵ'w (any shape) and ‖w‖. With the cumulant b(η) = d(0, η)/2 of a canonical link it is
    E b(x'ŵ) − E b'(x'w) x'ŵ = E b(‖ŵ‖Z) − ŵ'w E b''(‖w‖Z), Z ~ N(0, 1): the second term by Stein's lemma.

    >>> from headwater.families.gaussian import GAUSSIAN
    >>> risk(GAUSSIAN, np.array(4.0), np.array(1.0), 0.5).round(12)  # ‖ŵ‖²/2 − ŵ'w
    np.float64(1.0)
    """
    nothing = np.zeros_like(_NODES)
    spread = np.sqrt(np.asarray(squared_norm))[..., None] * _NODES
    curvature = family.curvature(nothing, signal * _NODES) @ _WEIGHTS
    return np.asarray(family.half_deviance(np.zeros_like(spread), spread) @ _WEIGHTS - np.asarray(overlap) * curvature)
