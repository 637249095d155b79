"""Family: what a generalised linear model has to know of its outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from headwater.spectrum.rows import Array


@dataclass(frozen=True)
class Family:
    """An outcome's distribution with its link: all that a fit, its evidence and its left-out errors need.

    Functions take outcomes y and linear predictors η, arrays alike. ``half_deviance`` is d(y, η)/2 = log f(y; y) −
    log f(y; η), 0 where the mean is y itself; ``slope`` −∂/∂η of it; ``curvature`` ∂²/∂η² (observed); ``skew`` ∂³/∂η³.
    ``mean`` takes η to E y and ``link`` back. ``base`` is the link of the base rate of outcomes, offsets and weights,
    half an outcome added, so that it is finite where none or only one kind was seen. ``dispersion`` is φ, None where
    the outcome does not fix it; ``overdispersed`` says whether rows may vary more than that, as counts do, by a factor
    to be estimated. ``problem`` says in words what makes outcomes impossible, or None. Errors are given as
    ``scale`` half deviances, which people know as ``measure``; ``spread`` is about the variance of
    a half deviance from means at η, ½ where it is half the square of a number that is nearly normal.
    """

    name: str
    link_name: str
    half_deviance: Callable[[Array, Array], Array]
    slope: Callable[[Array, Array], Array]
    curvature: Callable[[Array, Array], Array]
    skew: Callable[[Array, Array], Array]
    mean: Callable[[Array], Array]
    link: Callable[[Array], Array]
    base: Callable[[Array, Array, Array], float]
    dispersion: float | None
    overdispersed: bool
    problem: Callable[[Array], str | None]
    measure: str
    scale: float
    spread: Callable[[Array], Array]
