"""Binomial: yes or no, 1 or 0, or a share of 1, with the logit link."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit, xlogy

from headwater.families.family import Family
from headwater.spectrum.rows import Array


def _half_deviance(y: Array, eta: Array) -> Array:
    # Each kind by itself: a difference of large numbers would round away what a sure prediction is worth.
    return np.asarray(y * np.logaddexp(0, -eta) + (1 - y) * np.logaddexp(0, eta) + xlogy(y, y) + xlogy(1 - y, 1 - y))


def _curvature(y: Array, eta: Array) -> Array:
    return np.asarray(expit(eta) * expit(-eta))


BINOMIAL = Family(
    name="binomial",
    link_name="logit",
    half_deviance=_half_deviance,
    slope=lambda y, eta: np.asarray(y * expit(-eta) - (1 - y) * expit(eta)),
    curvature=_curvature,
    skew=lambda y, eta: np.asarray(_curvature(y, eta) * (1 - 2 * expit(eta))),
    mean=expit,
    link=logit,
    base=lambda y, offset, weight: float(logit((weight @ y + 0.5) / (weight.sum() + 1))),
    dispersion=1.0,
    problem=lambda y: None if ((y >= 0) & (y <= 1)).all() else "must lie between 0 and 1",
    deviance_name="log loss",
)
