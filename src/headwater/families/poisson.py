"""Poisson: counts, or rates weighted by their exposure, with the log link."""

from __future__ import annotations

import numpy as np
from scipy.special import xlogy

from headwater.families.family import Family
from headwater.spectrum.rows import Array


def _half_deviance(y: Array, eta: Array) -> Array:
    return np.asarray(np.exp(eta) - y * eta + xlogy(y, y) - y)


def _slope(y: Array, eta: Array) -> Array:
    return np.asarray(y - np.exp(eta))


def _curvature(y: Array, eta: Array) -> Array:
    return np.asarray(np.exp(eta))


def _base(y: Array, offset: Array, weight: Array) -> float:
    return float(np.log((weight @ y + 0.5) / (weight @ np.exp(offset))))


def _spread(eta: Array) -> Array:
    return np.full_like(eta, 0.5)


def _problem(y: Array) -> str | None:
    return None if (y >= 0).all() else "must not be negative"


POISSON = Family(
    "poisson",
    "log",
    _half_deviance,
    _slope,
    _curvature,
    _curvature,  # of e^η every derivative is e^η
    np.exp,
    np.log,
    _base,
    1.0,
    True,
    _problem,
    "deviance",
    2.0,
    _spread,
)
