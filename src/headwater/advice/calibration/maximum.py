"""Scoring: the likelihood's maximum over any of its parameters, variances kept at 0 or above."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from headwater.advice.calibration.likelihood import RHO, Point
from headwater.spectrum.rows import Array

FLOOR = 1e-8  # of an outcome's variance: noise below it is none
_STEPS = 200
_TINY = 1e-9  # times the information: parameters that cannot be told apart share a step
_STUCK = 1e9  # times the information: rounding leaves no shorter step
_ROUNDING = 1e-12  # of −2 log L: what two values may differ by that are the same


@dataclass(frozen=True, eq=False)
class Model:
    """−2 log L about a point as its slope and information say, variances kept in a box about it."""

    point: Point
    unit: Array
    free: list[int]

    def step(self, damping: float = 0.0, move: float = 0.0) -> tuple[Array, float, float]:
        """The step (5,) of least model, what its free part gains, and ρ's slope there; ``move``: that of a ρ not free."""
        old, (slope, information) = self.point.parameters, self.point.derivatives
        floor = [FLOOR, FLOOR, 0.0, FLOOR] * np.maximum(self.unit[1:], 1e-300)
        low = np.r_[-np.inf, np.maximum(floor, [0.1, 0.1, 0.0, 0.1] * old[1:]) - old[1:]]
        high = np.r_[np.inf, 9 * old[1:] + self.unit[1:]]
        # In units of each parameter's own information, since their sizes may be thirty digits apart.
        precision = np.sqrt(np.where(information.diagonal() > 0, information.diagonal(), 1.0))
        matrix = information / np.outer(precision, precision)
        np.fill_diagonal(matrix, 1 + max(damping, _TINY))
        moved = np.r_[move * precision[RHO], np.zeros(4)]
        before = slope / precision + matrix @ moved
        step = _boxed(matrix, before, low * precision, high * precision, self.free)
        after = before + matrix @ step
        gain = -float(step @ (before + after)) / 2
        step = (moved + step) / precision
        step[self.free] = np.clip(step, low, high)[self.free]  # changing units and back may round a variance below 0
        return step, gain, float(after[RHO] * precision[RHO])


def descend(point: Point, unit: Array, free: list[int], tolerance: float) -> Point:
    """The minimum of −2 log L over the free parameters, to a tolerance, by damped scoring with the average information.

    In variances, not in their logarithms: at a variance of 0, a common maximum, the logarithm's slope is 0 as well.
    Warns where so many steps were not enough.
    """
    damping = 0.0
    for _ in range(_STEPS):
        model = Model(point, unit, free)
        gain = model.step()[1]
        if gain < tolerance or damping > _STUCK:
            return point
        step, expected, _ = model.step(damping)
        tried = point.moved(point.parameters + step)
        if expected > _ROUNDING * max(1.0, abs(point.value)):
            better = tried.value < point.value
        else:  # values say nothing any more: slopes do
            better = Model(tried, unit, free).step()[1] < gain / 2
            if not better:
                return point
        if better:
            point, damping = tried, damping / 10 if damping > 1e-6 else 0.0
        else:
            damping = max(10 * damping, 1e-3)
    warnings.warn(
        f"the likelihood of source and target was not yet highest after {_STEPS} steps", RuntimeWarning, stacklevel=2
    )
    return point


def _boxed(matrix: Array, slope: Array, low: Array, high: Array, free: list[int]) -> Array:
    """The step s of least slope's + ½ s'matrix s, coordinates that would leave the box held at its sides in turn."""
    step, moving = np.zeros(5), list(free)
    while moving:
        pull = slope[moving] + matrix[moving] @ np.where(np.isin(range(5), moving), 0.0, step)
        step[moving] = np.linalg.solve(matrix[np.ix_(moving, moving)], -pull)
        beyond = [index for index in moving if not low[index] <= step[index] <= high[index]]
        if not beyond:
            break
        step[beyond] = np.clip(step, low, high)[beyond]
        moving = [index for index in moving if index not in beyond]
    return step
