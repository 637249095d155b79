"""Binomial: yes or no, 1 or 0, or a share of 1, with the logit link."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit, xlogy

from headwater.families.family import Family
from headwater.spectrum.rows import Array


# Each kind by itself: a difference of large numbers would round away what a sure prediction is worth.
def _half_deviance(y: Array, eta: Array) -> Array:
    return np.asarray(y * np.logaddexp(0, -eta) + (1 - y) * np.logaddexp(0, eta) + xlogy(y, y) + xlogy(1 - y, 1 - y))


def _slope(y: Array, eta: Array) -> Array:
    return np.asarray(y * expit(-eta) - (1 - y) * expit(eta))


def _curvature(y: Array, eta: Array) -> Array:
    return np.asarray(expit(eta) * expit(-eta))


def _skew(y: Array, eta: Array) -> Array:
    return np.asarray(_curvature(y, eta) * (1 - 2 * expit(eta)))


def _mean(eta: Array) -> Array:
    return np.asarray(expit(eta))


def _link(mean: Array) -> Array:
    return np.asarray(logit(mean))


def _base(y: Array, offset: Array, weight: Array) -> float:
    return float(logit((weight @ y + 0.5) / (weight.sum() + 1)))


def _spread(eta: Array) -> Array:
    return np.asarray(expit(eta) * expit(-eta) * eta**2)


def _problem(y: Array) -> str | None:
    return None if ((y >= 0) & (y <= 1)).all() else "must lie between 0 and 1"


BINOMIAL = Family(
    "binomial",
    "logit",
    _half_deviance,
    _slope,
    _curvature,
    _skew,
    _mean,
    _link,
    _base,
    1.0,
    False,  # a yes or no has no other variance than its mean's
    _problem,
    "log loss",
    1.0,
    _spread,
)
