"""Families of populations: the arguments that `Population`'s class methods pass on to its constructor."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from headwater.theory.checks import Array, at_least, covariance, finite, vector, whole

_SPAN = 230.0  # of the logarithm: a hundred digits, whose squares are still numbers


def power_laws(n_features: int, alpha: float, target_alpha: float | None, energy_alpha: float) -> dict[str, Any]:
    """Both covariances, as eigenvalues, and the profile of w0's energy over them, each a power law."""
    size = whole("n_features", n_features)
    for name, value in (("alpha", alpha), ("target_alpha", target_alpha), ("energy_alpha", energy_alpha)):
        if value is not None and np.isfinite(value) and abs(value) * np.log(size) > _SPAN:
            raise ValueError(f"{name} {value:g} spreads {size} eigenvalues over more than double precision can hold")
    exponents = {
        "source_covariance": ("alpha", alpha),
        "target_covariance": ("target_alpha", alpha if target_alpha is None else target_alpha),
        "profile": ("energy_alpha", energy_alpha),
    }
    return {what: power_law_spectrum(finite(name, value), size) for what, (name, value) in exponents.items()}


def power_law_spectrum(alpha: float, n_features: int) -> Array:
    """Eigenvalues k^−alpha scaled to mean 1, (p,); alpha = 0 is isotropic.

    >>> power_law_spectrum(1.0, 2)
    array([1.33333333, 0.66666667])
    """
    spectrum: Array = np.arange(1, n_features + 1, dtype=np.float64) ** -alpha
    return spectrum / spectrum.mean()


def energies(source_covariance: ArrayLike, signal: float, private: float, profile: ArrayLike | None) -> dict[str, Any]:
    """Of unrelated random coefficients: w0's energy in the profile's proportions, v's evenly over its directions."""
    signal, private = at_least("signal", signal, 0), at_least("private", private, 0)
    if signal == 0:
        raise ValueError("signal must be positive: without source coefficients the alignment rho is undefined")
    size = len(covariance("source_covariance", source_covariance))
    shape = np.ones(size) if profile is None else vector("profile", profile, size)
    if shape.min() < 0 or not shape.any():
        raise ValueError("profile must not be negative, nor zero everywhere")
    return {
        "source_energy": signal**2 * (shape / shape.sum()),
        "cross_energy": np.zeros(size),
        "target_energy": np.full(size, private**2 / size),
    }
