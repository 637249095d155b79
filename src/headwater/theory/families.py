"""Families of populations: what `Population.isotropic`, `.power_law`, `.from_matrices` and `.random_effects` make."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from headwater.theory.checks import at_least, covariance, finite, vector, whole

if TYPE_CHECKING:
    from headwater.theory.population import Population


def isotropic(
    cls: type[Population],
    n_features: int,
    source_samples: float,
    rho: float,
    source_noise: float,
    target_samples: float | None = None,
    target_noise: float | None = None,
    signal: float = 1.0,
    private: float = 0.0,
) -> Population:
    """Both covariances the identity: the setting of the closed forms in `headwater.theory.isotropic`.

    `signal` is ‖w0‖; w1 = ρ w0 + v with v orthogonal to w0 and ‖v‖ = `private`. The target's samples and noise
    are the source's unless given: the best source penalty does not depend on them here.

    >>> from headwater.theory import Population
    >>> Population.isotropic(n_features=500, source_samples=250, rho=0.5, source_noise=1.0).gamma
    2.0
    """
    return power_law(
        cls, 0.0, n_features, source_samples, rho, source_noise, target_samples, target_noise, signal, private
    )


def power_law(
    cls: type[Population],
    alpha: float,
    n_features: int,
    source_samples: float,
    rho: float,
    source_noise: float,
    target_samples: float | None = None,
    target_noise: float | None = None,
    signal: float = 1.0,
    private: float = 0.0,
    energy_alpha: float = 0.0,
    target_alpha: float | None = None,
) -> Population:
    """Eigenvalues k^−alpha scaled to mean 1, in a basis both tasks share.

    The energy of w0 (‖w0‖ = `signal`) over the eigendirections is proportional to k^−energy_alpha: 0, the
    default, spreads it evenly (the random-effects setting, where the two-number law is exact); above 0 it follows
    the spectrum. `target_alpha` is the target's own exponent, by default the source's. The rest as `isotropic`.

    >>> from headwater.theory import Population
    >>> Population.power_law(1.0, n_features=100, source_samples=50, rho=0.5, source_noise=1.0).rho
    0.5
    """
    rank = np.arange(1, whole("n_features", n_features) + 1, dtype=np.float64)
    exponents = {"alpha": alpha, "target_alpha": alpha if target_alpha is None else target_alpha}
    for name, exponent in (exponents | {"energy_alpha": energy_alpha}).items():
        finite(name, exponent)
    source, target = (rank**-exponent for exponent in exponents.values())
    return cls.random_effects(
        source / source.mean(),
        target / target.mean(),
        rho=rho,
        source_samples=source_samples,
        source_noise=source_noise,
        target_samples=target_samples,
        target_noise=target_noise,
        signal=signal,
        private=private,
        profile=rank**-energy_alpha,
    )


def from_matrices(
    cls: type[Population],
    source_covariance: ArrayLike,
    target_covariance: ArrayLike | None = None,
    source_weights: ArrayLike | None = None,
    target_weights: ArrayLike | None = None,
    *,
    source_samples: float,
    target_samples: float,
    source_noise: float,
    target_noise: float,
) -> Population:
    """Full covariances (p, p), which need not commute, and coefficient vectors (p,).

    >>> from headwater.theory import Population
    >>> Population.from_matrices(np.eye(3), np.eye(3), [1.0, 0, 0], [1.0, 1.0, 0], source_samples=9,
    ...                          target_samples=9, source_noise=1.0, target_noise=1.0).rho
    1.0
    """
    if np.ndim(source_covariance) != 2:
        raise ValueError("source_covariance must be a matrix (p, p); eigenvalues go to Population(...)")
    return cls(
        source_covariance,
        target_covariance,
        source_weights,
        target_weights,
        source_samples=source_samples,
        target_samples=target_samples,
        source_noise=source_noise,
        target_noise=target_noise,
    )


def random_effects(
    cls: type[Population],
    source_covariance: ArrayLike,
    target_covariance: ArrayLike | None = None,
    *,
    rho: float,
    source_samples: float,
    source_noise: float,
    target_samples: float | None = None,
    target_noise: float | None = None,
    signal: float = 1.0,
    private: float = 0.0,
    profile: ArrayLike | None = None,
) -> Population:
    """Any two covariances and random coefficients: w1 = ρ w0 + v, all components uncorrelated.

    E‖w0‖² = signal², spread over the eigendirections of Σ0 in proportion to `profile` (evenly by default: the
    setting of the two-number law), E‖v‖² = private², spread evenly.

    >>> from headwater.theory import Population
    >>> Population.random_effects(np.diag([1.0, 3.0]), np.eye(2), rho=0.8, source_samples=5, source_noise=1).rho
    0.8
    """
    signal, private = at_least("signal", signal, 0), at_least("private", private, 0)
    if signal == 0:
        raise ValueError("signal must be positive: without source coefficients the alignment rho is undefined")
    size = len(covariance("source_covariance", source_covariance))
    shape = np.ones(size) if profile is None else vector("profile", profile, size)
    if shape.min() < 0 or not shape.any():
        raise ValueError("profile must not be negative, nor zero everywhere")
    unrelated = cls(
        source_covariance,
        target_covariance,
        source_energy=signal**2 * (shape / shape.sum()),
        cross_energy=np.zeros(size),
        target_energy=np.full(size, private**2 / size),
        source_samples=source_samples,
        target_samples=source_samples if target_samples is None else target_samples,
        source_noise=source_noise,
        target_noise=source_noise if target_noise is None else target_noise,
    )
    return unrelated.realigned(rho)
