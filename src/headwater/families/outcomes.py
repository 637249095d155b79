"""Outcomes: what was observed, with what it is known to be proportional to, and how often it counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from headwater.families.family import Family
from headwater.spectrum.rows import Array


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Outcomes y (n,) of a family, at linear predictors η that include the offset (n,); weights (n,) are frequencies.

    ``dispersion`` is φ: half deviances count 1/φ.
    """

    family: Family
    y: Array
    offset: Array
    weight: Array
    dispersion: float = 1.0

    @property
    def n(self) -> float:
        """Number of observations, Σ weights."""
        return float(self.weight.sum())

    @property
    def base(self) -> float:
        """The level of a constant rate, on the link's scale; finite where an outcome was never or always seen."""
        return self.family.base(self.y, self.offset, self.weight)

    def shift(self, eta: Array | float) -> Outcomes:
        """The same outcomes with more in the offset: L2-SP's shift."""
        return replace(self, offset=self.offset + eta)

    @cached_property
    def share(self) -> Array:
        """What each row counts, w/φ (n,)."""
        return self.weight / self.dispersion

    def half_deviance(self, eta: Array) -> float:
        with np.errstate(over="ignore"):  # of a step too far, which is then halved
            return float(self.share @ self.family.half_deviance(self.y, eta))

    def slope(self, eta: Array) -> Array:
        return np.asarray(self.share * self.family.slope(self.y, eta))

    def curvature(self, eta: Array) -> Array:
        return np.asarray(self.share * self.family.curvature(self.y, eta))

    def skew(self, eta: Array) -> Array:
        return np.asarray(self.share * self.family.skew(self.y, eta))
