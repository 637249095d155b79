"""Side: one table's own restricted likelihood, the other left aside; it costs a sum over its axes."""

from __future__ import annotations

import numpy as np

from headwater.spectrum.criteria import kept_shares, log_evidence
from headwater.spectrum.penalty import peak
from headwater.spectrum.rows import Array
from headwater.spectrum.spectrum import Spectrum

_NODES = np.linspace(-27.0, 27.0, 122)  # of log(τ/c), c the mean nonzero eigenvalue


def variance(side: Spectrum) -> float:
    """The outcome's variance, averaged over outputs; 0 for a lone row."""
    return float(np.square(side.u).sum() + side.remainder.sum()) / max(side.contrasts, 1.0) / side.n_outputs


def halves(side: Spectrum) -> Array:
    """The variances of a coefficient and of the noise that have half of the outcome's each: their units."""
    spread = side.n * side.eigenvalues.sum() / side.contrasts
    return np.array([variance(side) / spread / 2, variance(side) / 2])


def alone(side: Spectrum) -> Array:
    """The variances of a coefficient and of the noise at the side's own maximum, the former 0 where that is best."""
    found = peak(lambda logs: log_evidence(side, side.u[:, :, None], side.unit * np.exp(logs))[0], _NODES)
    taus = np.array([side.unit * np.exp(found), np.inf])
    silent = int(np.diff(log_evidence(side, side.u[:, :, None], taus)[0])[0] >= 0)
    kept = kept_shares(side, taus)[0][:, silent]
    noise = float(kept @ np.square(side.u).sum(axis=1) + side.remainder.sum()) / side.contrasts / side.n_outputs
    return np.array([noise / side.n / taus[silent], noise])


def side_value(side: Spectrum, signal: float, noise: float) -> float:
    """−2 log L of one side by itself, up to a constant of its sizes."""
    total = signal * side.singular_values**2 + noise
    fitted = side.n_outputs * np.log(total).sum() + np.vdot(side.u, side.u / total[:, None])
    return float(fitted) + remainder_value(side, noise)[0]


def remainder_value(side: Spectrum, noise: float) -> tuple[float, float, float]:
    """What the part of an outcome outside all axes adds: to −2 log L, its slope and the expected information."""
    free, left = side.n_outputs * (side.contrasts - side.rank), float(side.remainder.sum()) / noise
    return free * np.log(noise) + left, (free - left) / noise, max(free, 0.0) / noise**2
