"""Maximum: the likelihood's highest point over any of its parameters, variances kept at 0 or above."""

from __future__ import annotations

import numpy as np

from headwater.advice.calibration.likelihood import Point
from headwater.spectrum.rows import Array

FLOOR = 1e-8  # of an outcome's variance: noise below it is none
_TOLERANCE = 1e-4  # of −2 log L, whose interval is cut at 4 and more
_TINY = 1e-9  # times the information: parameters that cannot be told apart share a step
_STUCK = 1e9  # times the information: rounding leaves no shorter step
_ALL = range(5)


def descend(point: Point, unit: Array, free: list[int]) -> Point:
    """The minimum of −2 log L over the free parameters, by damped scoring with the average information.

    In variances, not in their logarithms: at a variance of 0, a common maximum, the logarithm's slope is 0 as well.
    """
    floor = [FLOOR, FLOOR, 0.0, FLOOR] * np.maximum(unit[1:], 1e-300)
    damping = 1e-3
    for _ in range(200):
        old, (slope, information) = point.parameters, point.derivatives
        low = np.r_[-np.inf, np.maximum(floor, [0.1, 0.1, 0.0, 0.1] * old[1:]) - old[1:]]
        high = np.r_[np.inf, 9 * old[1:] + unit[1:]]
        # In units of each parameter's own information, since their sizes may be thirty digits apart.
        precision = np.sqrt(np.where(information.diagonal() > 0, information.diagonal(), 1.0))
        alone = np.where(np.isin(_ALL, free), np.clip(-slope / precision**2, low, high), 0.0)
        if -slope @ alone < _TOLERANCE or damping > _STUCK:
            break
        matrix = information / np.outer(precision, precision)
        np.fill_diagonal(matrix, 1 + max(damping, _TINY))
        step = _boxed(matrix, slope / precision, low * precision, high * precision, free) / precision
        step[free] = np.clip(step, low, high)[free]  # changing units and back may round a variance below 0
        tried = Point(point.meeting, old + step) if slope @ step < 0 else point
        if tried.value < point.value:
            point, damping = tried, damping / 10
        else:
            damping = max(10 * damping, 1e-3)
    return point


def _boxed(matrix: Array, slope: Array, low: Array, high: Array, free: list[int]) -> Array:
    """The step s of least slope's + ½ s'matrix s, coordinates that would leave the box held at its sides in turn."""
    step, moving = np.zeros(5), list(free)
    while moving:
        pull = slope[moving] + matrix[moving] @ np.where(np.isin(_ALL, moving), 0.0, step)
        step[moving] = np.linalg.solve(matrix[np.ix_(moving, moving)], -pull)
        beyond = [index for index in moving if not low[index] <= step[index] <= high[index]]
        if not beyond:
            break
        step[beyond] = np.clip(step, low, high)[beyond]
        moving = [index for index in moving if index not in beyond]
    return step
