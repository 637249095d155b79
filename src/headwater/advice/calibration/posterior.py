"""Posterior: what both tables leave open about the target's coefficients, the parameters' own uncertainty included."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from headwater.advice.calibration.likelihood import RHO, SIGNAL, Point, start
from headwater.spectrum.rows import Array

_DRAWS, _FEWEST, _LARGE = 128, 16, 200  # fewer where the target's rank is large: a point costs its cube
_WIDER = 1.6  # than the normal approximation, whose tails are too light to be reweighted


@dataclass(frozen=True, eq=False)
class Posterior:
    """The parameters' posterior as weighted points; given each, w1 is normal.

    The prior is flat in (ρσ_w, σ_w, σ0, σ_v, σ1), all standard deviations, so that it is proper where a variance may be
    0. The points are a fixed low-discrepancy sequence through the normal approximation at the likelihood's maximum,
    reweighted by the likelihood: nothing is random.
    """

    points: list[Point]
    weight: Array

    def of_target(self, functional: Array) -> tuple[Array, Array]:
        """Mean and variance of Σ h'w1 over the outputs at each point (k,), functional h (p, q)."""
        both = [point.of_target(functional) for point in self.points]
        return np.array([mean.sum() for mean, _ in both]), np.array([variance.sum() for _, variance in both])

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


def posterior(best: Point) -> Posterior:
    """The posterior about the likelihood's maximum."""
    known = best.meeting.source.spectrum is None
    own = [0, 3, 4] if known else list(range(5))  # of published coefficients w0 is known
    centre = np.r_[best.parameters[RHO], np.sqrt(best.parameters[1:])]
    if known:
        centre[1:3] = 1.0
    centre[0] *= centre[SIGNAL]
    information = _information(best, centre)[np.ix_(own, own)]
    precision = np.sqrt(information.diagonal() / 2)
    values, axes = np.linalg.eigh(information / 2 / np.outer(precision, precision))
    root = axes / np.sqrt(np.maximum(values, 1e-9)) * _WIDER / precision[:, None]
    count = int(np.clip(_DRAWS * (_LARGE / max(best.meeting.target.rank, 1)) ** 2, _FEWEST, _DRAWS))
    normal = _sequence(count, len(own))
    places = np.tile(centre, (count, 1))
    places[:, own] += normal @ root.T
    least = 1e-8 * start(best.meeting)[1:]
    points = [Point(best.meeting, _parameters(place, least)) for place in places]
    logs = np.array([-0.5 * point.value for point in points]) + 0.5 * np.square(normal).sum(axis=1)
    weight = np.exp(logs - logs.max())
    weight = np.minimum(weight / weight.sum(), 1 / np.sqrt(count))  # truncated: Ionides 2008
    return Posterior(points, weight / weight.sum())


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
