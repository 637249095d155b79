"""Gaussian: any number, with the identity link. Its spread is not known beforehand (headwater.spectrum profiles it)."""

from __future__ import annotations

import numpy as np

from headwater.families.family import Family
from headwater.spectrum.rows import Array


def _half_deviance(y: Array, eta: Array) -> Array:
    return np.asarray((y - eta) ** 2 / 2)


def _slope(y: Array, eta: Array) -> Array:
    return np.asarray(y - eta)


def _curvature(y: Array, eta: Array) -> Array:
    return np.ones_like(eta)


def _skew(y: Array, eta: Array) -> Array:
    return np.zeros_like(eta)


def _base(y: Array, offset: Array, weight: Array) -> float:
    return float(weight @ (y - offset) / weight.sum())


def _spread(eta: Array) -> Array:
    return np.full_like(eta, 0.5)


def _problem(y: Array) -> str | None:
    return None


GAUSSIAN = Family(
    "gaussian",
    "identity",
    _half_deviance,
    _slope,
    _curvature,
    _skew,
    np.asarray,
    np.asarray,
    _base,
    None,
    False,
    _problem,
    "squared error",
    2.0,
    _spread,
)
