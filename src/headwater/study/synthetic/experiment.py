"""The synthetic ridge experiments: the source penalty best for the source against the one best for the target."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np
from scipy.linalg import lapack

from headwater.study.checks import Array, require, require_gammas, require_numbers, require_penalties
from headwater.study.store import Record
from headwater.theory.families import power_law_spectrum

PROTOCOL = 1  # part of every trial's key: raise it whenever the same configuration would give other numbers


@dataclass(frozen=True)
class Trial:
    """One draw of both tasks: every number its record depends on, and nothing else.

    The alignment ρ is not among them: the transfer risk is quadratic in ρ, so the record holds it for every ρ.
    """

    n_features: int
    source_samples: int
    alpha: float
    penalties: tuple[float, ...]
    target_samples: int
    source_noise: float
    target_noise: float
    target_tau: float
    seed: int

    @property
    def config(self) -> dict[str, Any]:
        """The trial as the store keys it."""
        return {"experiment": "synthetic", "protocol": PROTOCOL, **asdict(self)}

    def run(self) -> Record:
        """Draw the tasks, fit every source penalty from one decomposition, and measure both risks exactly.

        Both designs have rows N(0, Σ) with Σ = diag(k^−alpha) scaled to mean 1; w0 is uniform on the unit sphere and
        w1 = ρ w0. With f = A1 ŵ0 + b and g = A1 w0, where A1 = (Σ̂1+τ1)⁻¹τ1 and b is the fit of the target's noise,
        ŵ1 − w1 = f − ρ g. Returns ‖ŵ0−w0‖²_Σ, f'Σf and f'Σg per penalty, and g'Σg.
        """
        rng = np.random.default_rng(self.seed)
        spectrum = power_law_spectrum(self.alpha, self.n_features)
        source_weights = rng.standard_normal(self.n_features)
        source_weights /= np.linalg.norm(source_weights)
        target_design = rng.standard_normal((self.target_samples, self.n_features)) * np.sqrt(spectrum)
        target_noise = self.target_noise * rng.standard_normal(self.target_samples)
        source_design = rng.standard_normal((self.source_samples, self.n_features)) * np.sqrt(spectrum)
        source_noise = self.source_noise * rng.standard_normal(self.source_samples)

        path = ridge_path(source_design, source_design @ source_weights + source_noise, np.array(self.penalties))
        source_risk = spectrum @ (path - source_weights[:, None]) ** 2

        weights = np.column_stack([path, source_weights])
        explained = target_design @ weights
        explained[:, :-1] -= target_noise[:, None]
        left = weights - ridge(target_design, explained, self.target_tau)
        fitted, truth = left[:, :-1], left[:, -1]
        return {
            "source_risk": source_risk.tolist(),
            "transfer_square": (spectrum @ fitted**2).tolist(),
            "transfer_cross": ((spectrum * truth) @ fitted).tolist(),
            "transfer_constant": float(spectrum @ truth**2),
        }


def ridge(X: Array, y: Array, tau: float) -> Array:
    """argmin_w (1/n)‖y − X w‖² + tau ‖w‖² for X (n, p) and y (n, q), solved in the smaller of the two dimensions."""
    n, p = X.shape
    if n < p:
        return X.T @ np.linalg.solve(X @ X.T + n * tau * np.eye(n), y)
    return np.linalg.solve(X.T @ X + n * tau * np.eye(p), X.T @ y)


def ridge_path(X: Array, y: Array, taus: Array) -> Array:
    """The ridge of `ridge` at every penalty, (p, len(taus)), from one decomposition of the smaller Gram matrix.

    Gram = Q T Q' with T tridiagonal: then a penalty costs a solve in linear time. Eigenvectors would make every solve
    a product, but with one response they are not needed and cost four times as much as T.
    """
    n, p = X.shape
    if min(n, p) == 1:  # nothing to decompose
        return np.column_stack([ridge(X, y[:, None], tau) for tau in taus])
    gram, response = (X @ X.T, y) if n < p else (X.T @ X, X.T @ y)
    work = 32 * len(gram)
    reflectors, diagonal, beside, scales, _ = lapack.dsytrd(gram, lower=1, lwork=work)

    def rotate(matrix: Array, side: str) -> Array:  # Q' or Q from the left; Q leaves the first row as it is
        matrix[1:] = lapack.dormqr("L", side, reflectors[1:, :-1], scales, matrix[1:], work)[0]
        return matrix

    rotated = rotate(response[:, None].copy(), "T")
    solutions = np.column_stack([lapack.dptsv(diagonal + n * tau, beside, rotated)[2] for tau in taus])
    path = rotate(solutions, "N")
    return X.T @ path if n < p else path


@dataclass(frozen=True)
class Synthetic:
    """The paper's synthetic experiment: curves over ρ, one for each γ = p/n0 (phase) or spectrum (covariance).

    Every number of the protocol is a field; the defaults are the paper's. `curve` names what varies between curves:
    "gamma" (isotropic unless `alphas` holds another exponent) or "alpha", the exponent of the eigenvalues k^−alpha.
    Penalties are τ, against the mean squared residual; noises are standard deviations.

    Raises ValueError naming the command line's option.

    >>> len(Synthetic.phase(seeds=3).trials())
    12
    """

    curve: Literal["gamma", "alpha"]
    gammas: tuple[float, ...]
    alphas: tuple[float, ...]
    n_features: int = 500
    rhos: tuple[float, ...] = tuple(np.linspace(0.5, 1.5, 21).round(12).tolist())
    penalties: tuple[float, ...] = tuple(np.geomspace(1e-2, 1e2, 50).tolist())
    seeds: int = 10
    target_samples: int = 50
    source_noise: float = 1.0
    target_noise: float = 0.1
    target_tau: float = 0.1

    @classmethod
    def phase(cls, gammas: tuple[float, ...] = (1.5, 2.0, 3.0, 5.0), **options: Any) -> Self:
        """Isotropic features, one curve for each γ."""
        return cls("gamma", gammas, (0.0,), **options)

    @classmethod
    def covariance(cls, alphas: tuple[float, ...] = (0.0, 0.5, 1.0, 2.0), gamma: float = 2.0, **options: Any) -> Self:
        """One curve for each power-law exponent, 0 being the isotropic baseline, at one γ."""
        return cls("alpha", (gamma,), alphas, **options)

    def __post_init__(self) -> None:
        for option in ("n_features", "seeds", "target_samples"):
            require(option, getattr(self, option) >= 1, "must be at least 1")
        require("n_features", self.n_features >= 2, "must be at least 2")
        for option in ("gammas", "alphas", "rhos", "penalties"):
            require_numbers(option, getattr(self, option))
        require_gammas(self.gammas, self.n_features)
        require("alphas", min(self.alphas) >= 0, "must not be negative: eigenvalues are k^-alpha")
        require_penalties("penalties", self.penalties, 2)
        for option in ("source_noise", "target_noise", "target_tau"):
            require(option, math.isfinite(getattr(self, option)), "must be a finite number")
        require(
            "source_noise", self.source_noise > 0, "must be positive: without noise tau_S* is 0 and the ratio undefined"
        )
        require("target_noise", self.target_noise >= 0, "must not be negative: it is a standard deviation")
        require("target_tau", self.target_tau > 0, "must be positive")

    @property
    def config(self) -> dict[str, Any]:
        """Every number of the experiment, under the name of the command that runs it."""
        return {"experiment": "phase" if self.curve == "gamma" else "covariance", **asdict(self)}

    @property
    def curves(self) -> tuple[float, ...]:
        """The values of γ or α, one for each curve."""
        return self.gammas if self.curve == "gamma" else self.alphas

    def source_samples(self, gamma: float) -> int:
        """n0 = p/γ, rounded to a whole number of rows."""
        return max(1, round(self.n_features / gamma))

    def of_curve(self, value: float) -> list[Trial]:
        """The trials of one curve, one for each seed."""
        gamma, alpha = (value, self.alphas[0]) if self.curve == "gamma" else (self.gammas[0], value)
        return [
            Trial(
                n_features=self.n_features,
                source_samples=self.source_samples(gamma),
                alpha=alpha,
                penalties=self.penalties,
                target_samples=self.target_samples,
                source_noise=self.source_noise,
                target_noise=self.target_noise,
                target_tau=self.target_tau,
                seed=seed,
            )
            for seed in range(self.seeds)
        ]

    def trials(self) -> list[Trial]:
        """Every trial, curve by curve."""
        return [trial for value in self.curves for trial in self.of_curve(value)]
