"""Posterior: what both tables leave open about the target's coefficients, the parameters' own uncertainty included."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from headwater.advice.calibration.likelihood import RHO, SIGNAL, Point
from headwater.advice.calibration.profile import units
from headwater.spectrum.rows import Array

_DRAWS, _FEWEST, _LARGE = 256, 16, 140  # fewer where the target's rank is large: a point costs its cube
_WIDER = 1.6  # than the normal approximation, whose tails are too light to be reweighted


@dataclass(frozen=True, eq=False)
class Posterior:
    """The parameters' posterior as k points' ``weight`` (k,); given each, Σ h'w1 over the outputs is normal.

    The prior is flat in (ρσ_w, σ_w, σ0, σ_v, σ1), all standard deviations, so that it is proper where a variance may be
    0. The points are a fixed low-discrepancy sequence, each with its opposite, through the normal approximation at the
    likelihood's maximum, reweighted by the likelihood: nothing is random. ``mean`` and ``variance`` (m, k) are those of
    m functionals.
    """

    weight: Array
    mean: Array
    variance: Array

    def quantiles(self, mean: Array, variance: Array, levels: Array) -> Array:
        """Quantiles of the mixture of normals, by bisection."""
        deviation = np.sqrt(np.maximum(variance, 1e-300))
        low = np.full(len(levels), float((mean - 10 * deviation).min()))
        high = np.full(len(levels), float((mean + 10 * deviation).max()))
        for _ in range(60):
            middle = (low + high) / 2
            below = ndtr((middle[:, None] - mean) / deviation) @ self.weight < levels
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return (low + high) / 2


def posterior(best: Point, functionals: Array) -> Posterior:
    """The posterior about the likelihood's maximum, of m functionals h (m, p, q): in one go, no factor being kept."""
    known = best.meeting.source.spectrum is None
    own = [0, 3, 4] if known else list(range(5))  # of published coefficients w0 is known
    centre = np.r_[best.parameters[RHO], np.sqrt(best.parameters[1:])]
    if known:
        centre[1:3] = 1.0
    centre[0] *= centre[SIGNAL]
    information = _information(best, centre)[np.ix_(own, own)]
    precision = np.sqrt(information.diagonal() / 2)
    values, axes = np.linalg.eigh(information / 2 / np.outer(precision, precision))
    # The symmetric root: the axes' signs, and their order, are arbitrary, and it depends on neither.
    root = _WIDER * (axes / np.sqrt(np.maximum(values, 1e-9))) @ axes.T / precision[:, None]
    count = int(np.clip(_DRAWS * (_LARGE / max(best.meeting.target.rank, 1)) ** 2, _FEWEST, _DRAWS)) // 2
    half = _sequence(count, len(own))
    normal = np.concatenate([half, -half])
    places = np.tile(centre, (len(normal), 1))
    places[:, own] += normal @ root.T
    least = 1e-8 * units(best.meeting)[1:]
    columns = np.concatenate(list(functionals), axis=1)
    found = []
    for place in places:
        point = best.moved(_parameters(place, least))
        mean, variance = (each.reshape(len(functionals), -1).sum(axis=1) for each in point.of_target(columns))
        found.append((point.value, mean, variance))
    values, mean, variance = (np.array(each) for each in zip(*found, strict=True))
    logs = -0.5 * values + 0.5 * np.square(normal).sum(axis=1)
    weight = np.exp(logs - logs.max())
    weight = np.minimum(weight / weight.sum(), 1 / np.sqrt(len(weight)))  # truncated: Ionides 2008
    return Posterior(weight / weight.sum(), mean.T, variance.T)


def _sequence(count: int, dimensions: int) -> Array:
    """Standard normal points (k, d): multiples, modulo 1, of powers of the root of x^(d+1) = x + 1 (Roberts 2018)."""
    root = 1.5
    for _ in range(50):
        root = (1 + root) ** (1 / (dimensions + 1))
    steps = np.outer(np.arange(count), root ** -np.arange(1.0, dimensions + 1))
    return np.asarray(ndtri((0.5 + steps) % 1.0))


def _parameters(place: Array, least: Array) -> Array:
    shared, *deviations = place
    variances = np.maximum(np.square(deviations), least)
    return np.r_[shared / np.sqrt(variances[0]), variances]


def _information(best: Point, centre: Array) -> Array:
    """The information in these coordinates, at least that of a likelihood quartic in a deviation that may be 0."""
    slope, information = best.derivatives
    jacobian = np.diag(np.r_[1 / centre[SIGNAL], 2 * centre[1:]])
    jacobian[RHO, SIGNAL] = -centre[0] / centre[SIGNAL] ** 2
    moved = jacobian.T @ information @ jacobian
    diagonal = np.arange(1, 5)
    moved[diagonal, diagonal] += 2 * np.maximum(slope[1:], 0.0)
    moved[diagonal, diagonal] = np.maximum(moved[diagonal, diagonal], np.sqrt(information[diagonal, diagonal] / 2))
    return np.asarray(moved)
