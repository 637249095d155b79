"""The families there are, by name."""

from __future__ import annotations

from headwater.families.binomial import BINOMIAL
from headwater.families.family import Family
from headwater.families.gaussian import GAUSSIAN
from headwater.families.poisson import POISSON

FAMILIES = {family.name: family for family in (GAUSSIAN, BINOMIAL, POISSON)}


def family_named(name: str) -> Family:
    """The family of that name. Raises ValueError for any other."""
    if name not in FAMILIES:
        raise ValueError(f"family must be one of {', '.join(map(repr, FAMILIES))}, got {name!r}")
    return FAMILIES[name]
