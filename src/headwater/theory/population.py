"""The population two ridge tasks are drawn from: covariances, true coefficients, sample sizes, noises."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from headwater.theory import families
from headwater.theory.axes import Axes, decompose
from headwater.theory.checks import at_least, covariances, finite, vector
from headwater.theory.coefficients import Energies, Vectors, one_complete_set
from headwater.theory.directions import Directions


@dataclass(frozen=True, eq=False, repr=False)
class Population:
    """A source task and a target task, in population: everything their risks depend on.

    Source: y0 = X0 w0 + e0 with n0 rows of covariance Σ0 and noise σ0; target: the same with index 1.

    Parameters
    ----------
    source_covariance, target_covariance : array_like (p,) or (p, p)
        Both eigenvalues in one shared basis, or both matrices, which need not commute; the target's is the source's
        unless given.
    source_weights, target_weights : array_like (p,)
        w0 and w1, in the covariances' coordinates. Or instead, where only energies matter:
    source_energy, cross_energy, target_energy : array_like (p,)
        w0², w0 w1 and w1² per eigendirection, or their expectations over random coefficients whose eigen-components are
        uncorrelated. With matrices the first two are per eigendirection of Σ0 and the last per eigendirection of Σ1,
        eigenvalues ascending.
    source_samples, target_samples : float
        n0 and n1, at least 1; weights may make them fractional.
    source_noise, target_noise : float
        σ0 and σ1, standard deviations.
    axes : Axes, optional
        Both eigenbases, where they are known.

    Raises
    ------
    ValueError
        Names the argument: mismatched shapes, a non-symmetric or indefinite covariance, a negative noise, fewer than
        one sample, a value that is not finite, source coefficients that are all zero (ρ is undefined).

    Examples
    --------
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
        source, target = covariances(self.source_covariance, self.target_covariance)
        self._set("source_covariance", source)
        self._set("target_covariance", target)
        for name in one_complete_set(vars(self)):
            self._set(name, vector(name, getattr(self, name), len(source)))
        if self.axes is None or self.axes.source_covariance is not source or self.axes.target_covariance is not target:
            self._set("axes", decompose(source, target))
        self.directions  # noqa: B018 – made at once, for it refuses coefficients that cannot be

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    @cached_property
    def coefficients(self) -> Vectors | Energies:
        """The true coefficients of both tasks."""
        kind = Vectors if self.source_energy is None else Energies
        return kind(**{name: getattr(self, name) for name in one_complete_set(vars(self))})

    @cached_property
    def directions(self) -> Directions:
        """The population in its eigen-coordinates."""
        assert self.axes is not None
        return self.coefficients.directions(self.axes, (self.source_samples, self.target_samples))

    @property
    def n_features(self) -> int:
        """Number of features p."""
        return len(np.asarray(self.source_covariance))

    @property
    def gamma(self) -> float:
        """γ = p / n0."""
        return self.n_features / self.source_samples

    @property
    def signal(self) -> float:
        """‖w0‖ (root mean square, where the coefficients are random)."""
        return self.coefficients.signal

    @cached_property
    def rho(self) -> float:
        """Alignment ρ = ⟨w0, w1⟩ / ‖w0‖²: 1 for the same task, 0 for an unrelated one."""
        return self.coefficients.rho

    @property
    def snr(self) -> float:
        """Signal-to-noise ratio w0'Σ0w0 / σ0² of the source; inf without noise."""
        design = self.directions.source
        explained = float(design.count @ (design.eigenvalues * self.directions.source_energy))
        return explained / self.source_noise**2 if self.source_noise > 0 else math.inf

    def realigned(self, rho: float) -> Self:
        """The same population with w1 = rho · w0 + v, keeping v, the part of w1 outside w0; decomposes nothing anew.

        Parameters
        ----------
        rho : float

        Returns
        -------
        Population

        Raises
        ------
        ValueError
            rho is not a finite number.

        Examples
        --------
        >>> Population.isotropic(n_features=9, source_samples=9, rho=1.0, source_noise=1.0).realigned(0.25).rho
        0.25
        """
        assert self.axes is not None
        return replace(self, **vars(self.coefficients.realigned(finite("rho", rho) - self.rho, self.axes)))

    def __repr__(self) -> str:
        kind = "eigenvalues" if np.ndim(self.source_covariance) == 1 else "matrices"
        shared = "" if self.axes is not None and self.axes.rotation is None else ", different bases"
        return (
            f"Population(p={self.n_features} ({kind}{shared}), rho={self.rho:.4g}, "
            f"source: n={self.source_samples:g} noise={self.source_noise:g} snr={self.snr:.4g}, "
            f"target: n={self.target_samples:g} noise={self.target_noise:g})"
        )

    @classmethod
    def isotropic(cls, n_features: int, source_samples: float, rho: float, source_noise: float, **options: Any) -> Self:
        """Both covariances the identity: the setting of the closed forms in `headwater.theory.isotropic`.

        Parameters
        ----------
        n_features, source_samples, rho, source_noise
            p, n0, ρ and σ0, a standard deviation.
        **options
            `signal`, `private`, `target_samples`, `target_noise` as in `random_effects`.

        Returns
        -------
        Population

        Examples
        --------
        >>> Population.isotropic(n_features=500, source_samples=250, rho=0.5, source_noise=1.0).gamma
        2.0
        """
        return cls.power_law(0.0, n_features, source_samples, rho, source_noise, **options)

    @classmethod
    def power_law(
        cls,
        alpha: float,
        n_features: int,
        source_samples: float,
        rho: float,
        source_noise: float,
        *,
        energy_alpha: float = 0.0,
        target_alpha: float | None = None,
        **options: Any,
    ) -> Self:
        """Eigenvalues k^−alpha scaled to mean 1, in a basis both tasks share.

        Parameters
        ----------
        alpha
            The exponent of the source's eigenvalues; 0 is isotropic.
        n_features, source_samples, rho, source_noise
            p, n0, ρ and σ0, a standard deviation.
        energy_alpha
            w0's energy over the eigendirections is proportional to k^−energy_alpha: 0, the default, spreads it evenly
            (the random-effects setting, where the two-number law is exact); above 0 it follows the spectrum.
        target_alpha
            The target's own exponent, by default the source's.
        **options
            `signal`, `private`, `target_samples`, `target_noise` as in `random_effects`.

        Returns
        -------
        Population

        Examples
        --------
        >>> Population.power_law(1.0, n_features=100, source_samples=50, rho=0.5, source_noise=1.0).rho
        0.5
        """
        laws = families.power_laws(n_features, alpha, target_alpha, energy_alpha)
        return cls.random_effects(**laws, rho=rho, source_samples=source_samples, source_noise=source_noise, **options)

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

        Parameters
        ----------
        source_covariance, target_covariance, source_weights, target_weights
            Σ0, Σ1, w0 and w1.
        source_samples, target_samples, source_noise, target_noise
            n0, n1, σ0 and σ1, all needed.

        Returns
        -------
        Population

        Raises
        ------
        ValueError
            The covariance is no matrix, or as Population itself.

        Examples
        --------
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

        Parameters
        ----------
        source_covariance, target_covariance
            Eigenvalues (p,) of both or matrices (p, p); the target's is the source's unless given.
        rho, source_samples, source_noise
            ρ, n0, and σ0, a standard deviation.
        target_samples, target_noise
            n1 and σ1, the source's unless given: where Σ0 = Σ1 = I the best source penalty does not depend on them.
        signal, private
            E‖w0‖² = signal² and E‖v‖² = private², v spread evenly.
        profile
            How w0's energy is spread over the eigendirections of Σ0, (p,), evenly by default: the setting of the
            two-number law.

        Returns
        -------
        Population

        Examples
        --------
        >>> Population.random_effects(np.diag([1.0, 3.0]), np.eye(2), rho=0.8, source_samples=5, source_noise=1).rho
        0.8
        """
        unrelated = cls(
            source_covariance,
            target_covariance,
            **families.energies(source_covariance, signal, private, profile),
            source_samples=source_samples,
            target_samples=source_samples if target_samples is None else target_samples,
            source_noise=source_noise,
            target_noise=source_noise if target_noise is None else target_noise,
        )
        return unrelated.realigned(rho)
