"""Gaussian: any number, with the identity link. Its spread is not known beforehand (headwater.spectrum profiles it)."""

from __future__ import annotations

import numpy as np

from headwater.families.family import Family

GAUSSIAN = Family(
    name="gaussian",
    link_name="identity",
    half_deviance=lambda y, eta: np.asarray((y - eta) ** 2 / 2),
    slope=lambda y, eta: np.asarray(y - eta),
    curvature=lambda y, eta: np.ones_like(eta),
    skew=lambda y, eta: np.zeros_like(eta),
    mean=lambda eta: eta,
    link=lambda mu: mu,
    base=lambda y, offset, weight: float(weight @ (y - offset) / weight.sum()),
    dispersion=None,
    problem=lambda y: None,
    deviance_name="squared error",
)
