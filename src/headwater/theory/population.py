"""The population two ridge tasks are drawn from: covariances, true coefficients, sample sizes, noises."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headwater.theory.axes import Axes, decompose
from headwater.theory.checks import at_least, covariance, finite, vector, whole
from headwater.theory.directions import Directions, from_energies, from_vectors

if TYPE_CHECKING:
    from typing import Self

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Population:
    """A source task and a target task, in population: everything their risks depend on.

    Source: y0 = X0 w0 + e0 with n0 rows of covariance Σ0 and noise σ0; target: the same with index 1.

    Covariances are either both eigenvalues (p,) in one shared basis, or both full matrices (p, p), which need not
    commute; a missing target covariance is the source's. The coefficients are either vectors (p,), given in the same
    coordinates, or energies (p,): w0², w0 w1 and w1² per eigendirection, where only those matter. Energies may be
    expectations over random coefficients whose eigen-components are uncorrelated; with full matrices
    `source_energy` and `cross_energy` are per eigendirection of Σ0 and `target_energy` per eigendirection of Σ1,
    eigenvalues ascending. Sample sizes are at least 1 and may be fractional (weights); noises are standard deviations.

    Raises ValueError naming the argument: mismatched shapes, a non-symmetric or indefinite covariance, a negative
    noise, fewer than one sample, a value that is not finite, source coefficients that are all zero (ρ is undefined).

    >>> pop = Population([2.0, 1.0], source_weights=[1.0, 0.0], target_weights=[0.5, 0.5],
    ...                  source_samples=10, target_samples=5, source_noise=1.0, target_noise=1.0)
    >>> pop.rho, pop.gamma, pop.snr
    (0.5, 0.2, 2.0)
    """

    source_covariance: ArrayLike
    target_covariance: ArrayLike | None = None
    source_weights: ArrayLike | None = None
    target_weights: ArrayLike | None = None
    source_energy: ArrayLike | None = None
    cross_energy: ArrayLike | None = None
    target_energy: ArrayLike | None = None
    source_samples: float = 0
    target_samples: float = 0
    source_noise: float = 0.0
    target_noise: float = 0.0
    axes: Axes | None = None

    def __post_init__(self) -> None:
        for name in ("source_samples", "target_samples"):
            self._set(name, at_least(name, getattr(self, name), 1))
        for name in ("source_noise", "target_noise"):
            self._set(name, at_least(name, getattr(self, name), 0))
        source = covariance("source_covariance", self.source_covariance)
        target = source if self.target_covariance is None else covariance("target_covariance", self.target_covariance)
        if target.shape != source.shape:
            raise ValueError(
                f"target_covariance has shape {target.shape}, source_covariance {source.shape}: "
                "give both as eigenvalues (p,) or both as matrices (p, p)"
            )
        self._set("source_covariance", source)
        self._set("target_covariance", target)
        given = [name for name in (*_VECTORS, *_ENERGIES) if getattr(self, name) is not None]
        if tuple(given) not in (_VECTORS, _ENERGIES):
            raise ValueError(
                "source_weights and target_weights, or source_energy, cross_energy and target_energy: "
                f"give one complete set (given: {', '.join(given) or 'none'})"
            )
        for name in given:
            self._set(name, vector(name, getattr(self, name), len(source)))
        if self.axes is None or self.axes.source_covariance is not source or self.axes.target_covariance is not target:
            self._set("axes", decompose(source, target))
        self._check_coefficients()

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _check_coefficients(self) -> None:
        moved, kept, target = self.directions.source_energy, self.directions.cross_energy, self.directions.target_energy
        if not moved.any():
            name = "source_weights" if self.source_energy is None else "source_energy"
            raise ValueError(f"{name} is zero everywhere: the alignment rho is undefined")
        if self.source_energy is None:
            return
        for name in ("source_energy", "target_energy"):
            if np.min(getattr(self, name)) < 0:
                raise ValueError(f"{name} must not be negative")
        if kept[moved == 0].any():
            raise ValueError("cross_energy must be zero where source_energy is zero")
        common = self.directions.spread(np.divide(kept**2, moved, out=np.zeros_like(moved), where=moved > 0))
        if np.any(common > target + 1e-9 * np.max(target, initial=np.max(common))):
            raise ValueError("cross_energy: its square must not exceed source_energy times target_energy anywhere")

    @cached_property
    def directions(self) -> Directions:
        """The population in its eigen-coordinates."""
        assert self.axes is not None
        sizes = (self.source_samples, self.target_samples)
        if self.source_energy is None:
            return from_vectors(self.axes, sizes, np.asarray(self.source_weights), np.asarray(self.target_weights))
        energies = (np.asarray(getattr(self, name)) for name in _ENERGIES)
        return from_energies(self.axes, sizes, *energies)

    @property
    def n_features(self) -> int:
        """Number of features p."""
        return len(np.asarray(self.source_covariance))

    @property
    def gamma(self) -> float:
        """γ = p / n0."""
        return self.n_features / self.source_samples

    @cached_property
    def signal(self) -> float:
        """‖w0‖ (root mean square, where the coefficients are random)."""
        if self.source_energy is None:
            return float(np.linalg.norm(np.asarray(self.source_weights)))
        return math.sqrt(np.sum(self.source_energy))

    @cached_property
    def rho(self) -> float:
        """Alignment ρ = ⟨w0, w1⟩ / ‖w0‖²: 1 for the same task, 0 for an unrelated one."""
        if self.source_energy is None:
            source, target = np.asarray(self.source_weights), np.asarray(self.target_weights)
            scaled = source / np.abs(source).max()
            return float(scaled @ target / (scaled @ source))
        return float(np.sum(np.asarray(self.cross_energy)) / np.sum(self.source_energy))

    @property
    def snr(self) -> float:
        """Signal-to-noise ratio w0'Σ0w0 / σ0² of the source; inf without noise."""
        design = self.directions.source
        explained = float(design.count @ (design.eigenvalues * self.directions.source_energy))
        return explained / self.source_noise**2 if self.source_noise > 0 else math.inf

    def realigned(self, rho: float) -> Self:
        """The same population with w1 = rho · w0 + v, keeping v, the part of w1 outside w0; decomposes nothing anew.

        >>> Population.isotropic(n_features=9, source_samples=9, rho=1.0, source_noise=1.0).realigned(0.25).rho
        0.25
        """
        change = finite("rho", rho) - self.rho
        if self.source_energy is None:
            return replace(
                self, target_weights=np.asarray(self.target_weights) + change * np.asarray(self.source_weights)
            )
        assert self.axes is not None
        source, cross, target = (np.asarray(getattr(self, name)) for name in _ENERGIES)
        added = self.axes.spread(2 * change * cross + change**2 * source)
        return replace(self, cross_energy=cross + change * source, target_energy=np.maximum(target + added, 0.0))

    def __repr__(self) -> str:
        kind = "eigenvalues" if np.ndim(self.source_covariance) == 1 else "matrices"
        shared = "" if self.axes is not None and self.axes.rotation is None else ", different bases"
        return (
            f"Population(p={self.n_features} ({kind}{shared}), rho={self.rho:.4g}, "
            f"source: n={self.source_samples:g} noise={self.source_noise:g} snr={self.snr:.4g}, "
            f"target: n={self.target_samples:g} noise={self.target_noise:g})"
        )

    @classmethod
    def isotropic(
        cls,
        n_features: int,
        source_samples: float,
        rho: float,
        source_noise: float,
        target_samples: float | None = None,
        target_noise: float | None = None,
        signal: float = 1.0,
        private: float = 0.0,
    ) -> Self:
        """Both covariances the identity: the setting of the closed forms in `headwater.theory.isotropic`.

        `signal` is ‖w0‖; w1 = ρ w0 + v with v orthogonal to w0 and ‖v‖ = `private`. The target's samples and noise
        are the source's unless given: the best source penalty does not depend on them here.

        >>> Population.isotropic(n_features=500, source_samples=250, rho=0.5, source_noise=1.0).gamma
        2.0
        """
        spectrum = np.ones(whole("n_features", n_features))
        return cls.random_effects(
            spectrum,
            rho=rho,
            source_samples=source_samples,
            source_noise=source_noise,
            target_samples=target_samples,
            target_noise=target_noise,
            signal=signal,
            private=private,
        )

    @classmethod
    def power_law(
        cls,
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
    ) -> Self:
        """Eigenvalues k^−alpha scaled to mean 1, in a basis both tasks share.

        The energy of w0 (‖w0‖ = `signal`) over the eigendirections is proportional to k^−energy_alpha: 0, the
        default, spreads it evenly (the random-effects setting, where the two-number law is exact); above 0 it follows
        the spectrum. `target_alpha` is the target's own exponent, by default the source's. The rest as `isotropic`.

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

    @classmethod
    def from_matrices(
        cls,
        source_covariance: ArrayLike,
        target_covariance: ArrayLike | None = None,
        source_weights: ArrayLike | None = None,
        target_weights: ArrayLike | None = None,
        *,
        source_samples: float,
        target_samples: float,
        source_noise: float,
        target_noise: float,
    ) -> Self:
        """Full covariances (p, p), which need not commute, and coefficient vectors (p,).

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

    @classmethod
    def random_effects(
        cls,
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
    ) -> Self:
        """Any two covariances and random coefficients: w1 = ρ w0 + v, all components uncorrelated.

        E‖w0‖² = signal², spread over the eigendirections of Σ0 in proportion to `profile` (evenly by default: the
        setting of the two-number law), E‖v‖² = private², spread evenly.

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


_VECTORS = ("source_weights", "target_weights")
_ENERGIES = ("source_energy", "cross_energy", "target_energy")
