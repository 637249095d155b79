"""Poisson: counts, or rates weighted by their exposure, with the log link."""

from __future__ import annotations

import numpy as np
from scipy.special import xlogy

from headwater.families.family import Family
from headwater.spectrum.rows import Array


def _half_deviance(y: Array, eta: Array) -> Array:
    return np.asarray(np.exp(eta) - y * eta + xlogy(y, y) - y)


POISSON = Family(
    name="poisson",
    link_name="log",
    half_deviance=_half_deviance,
    slope=lambda y, eta: np.asarray(y - np.exp(eta)),
    curvature=lambda y, eta: np.exp(eta),
    skew=lambda y, eta: np.exp(eta),
    mean=np.exp,
    link=np.log,
    base=lambda y, offset, weight: float(np.log((weight @ y + 0.5) / (weight @ np.exp(offset)))),
    dispersion=1.0,
    problem=lambda y: None if (y >= 0).all() else "must not be negative",
    deviance_name="Poisson deviance",
)
