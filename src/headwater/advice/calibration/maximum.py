"""Maximum: the likelihood's highest point over any of its parameters, variances kept at 0 or above."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import product

import numpy as np

from headwater.advice.calibration.likelihood import RHO, SIGNAL, Point
from headwater.spectrum.rows import Array

FLOOR = 1e-8  # of an outcome's variance: noise below it is none
_STEPS = 200
_TINY = 1e-9  # times the information: parameters that cannot be told apart share a step
_STUCK = 1e9  # times the information: rounding leaves no shorter step
_NEARBY = 1.0  # of −2 log L still to gain: before, the curvature changes over a step
_SIDES = 10  # sets of sides held before it counts as going in a circle
_ROUNDING = 1e-12  # of −2 log L: what two values may differ by that are the same


@dataclass(frozen=True, eq=False)
class Model:
    """−2 log L about a point as its slope and information say, variances kept in a box about it.

    ``bend`` (5, 5) is what earlier steps showed the curvature to be beyond the information.
    """

    point: Point
    unit: Array
    free: list[int]
    bend: Array | float = 0.0

    def step(self, damping: float = 0.0, move: float = 0.0) -> tuple[Array, float, float]:
        """The step (5,) of least model, what its free part gains, and ρ's slope there; ``move``: of a ρ not free."""
        old, (slope, information) = self.point.parameters, self.point.derivatives
        floor = [FLOOR, FLOOR, 0.0, FLOOR] * np.maximum(self.unit[1:], 1e-300)
        low = np.r_[-np.inf, np.maximum(floor, [0.1, 0.1, 0.0, 0.1] * old[1:]) - old[1:]]
        high = np.r_[np.inf, 9 * old[1:] + self.unit[1:]]
        # In units of each parameter's own information, since their sizes may be thirty digits apart.
        precision = np.sqrt(np.where(information.diagonal() > 0, information.diagonal(), 1.0))
        matrix = (information + self.bend) / np.outer(precision, precision)
        matrix[np.diag_indices(5)] += max(damping, _TINY)
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

    The information is only near the curvature where rows are few; the symmetric rank-one update (Conn, Gould and Toint
    1991) learns the rest from the slopes, without which the last digits take a hundred steps in small tables.
    In variances, not in their logarithms: at a variance of 0, a common maximum, the logarithm's slope is 0 as well.
    Warns where so many steps were not enough.
    """
    damping, nothing = 0.0, np.zeros((5, 5))
    bend: Array = nothing
    for _ in range(_STEPS):
        model = Model(point, unit, free, bend)
        gain = model.step()[1]
        if gain < tolerance or damping > _STUCK:
            return point
        step, expected, _ = model.step(damping)
        tried = point.moved(_along(point.parameters, step, RHO in free))
        if expected > _ROUNDING * max(1.0, abs(point.value)):
            better = tried.value < point.value
        else:  # values say nothing any more: slopes do
            better = Model(tried, unit, free, bend).step()[1] < gain / 2
            if not better:
                return point
        if better:
            bend = _bent(point, tried, free, bend) if expected < _NEARBY else nothing
            point, damping = tried, damping / 10 if damping > 1e-6 else 0.0
        else:
            damping = max(10 * damping, 1e-3)
    warnings.warn(
        f"the likelihood of source and target was not yet highest after {_STEPS} steps", RuntimeWarning, stacklevel=2
    )
    return point


def _along(old: Array, step: Array, turning: bool) -> Array:
    """Where a step leads: straight in the variances and in ρσ_w, since a weak source leaves a valley along it."""
    new = old + step
    if turning:
        root = np.sqrt(old[SIGNAL])
        new[RHO] = (new[RHO] * root + old[RHO] * step[SIGNAL] / (2 * root)) / np.sqrt(new[SIGNAL])
    return np.asarray(new)


def _bent(old: Point, new: Point, free: list[int], bend: Array) -> Array:
    """The curvature beyond the information by the last step too; none where a model with it would have no minimum."""
    information, step = new.derivatives[1], new.parameters - old.parameters
    size = 1 / np.sqrt(np.where(information.diagonal() > 0, information.diagonal(), 1.0))
    missed = size * (new.derivatives[0] - old.derivatives[0] - (information + bend) @ step)
    missed = np.where(np.isin(range(5), free), missed, 0.0)
    step = step / size
    along = float(missed @ step)
    bent = size[:, None] * bend * size
    if abs(along) > 1e-8 * np.sqrt((missed @ missed) * (step @ step)):
        bent = bent + np.outer(missed, missed) / along
    some = np.ix_(free, free)
    least = np.linalg.eigvalsh((size[:, None] * information * size + bent)[some])[0]
    return bent / np.outer(size, size) if least > 1e-6 else np.zeros((5, 5))


def _boxed(matrix: Array, slope: Array, low: Array, high: Array, free: list[int]) -> Array:
    """The step s of least slope's + ½ s'matrix s in the box, coordinates that are not free held at 0.

    A coordinate is held at the side that it would leave by, and let go where it is then pulled back inside (the
    primal-dual active set of Bergounioux, Ito and Kunisch 1999), which nearly always settles; else all sets are tried.
    """
    side = np.zeros(5)
    for _ in range(_SIDES):
        step = _held(matrix, slope, low, high, free, side)
        pull = slope + matrix @ step
        below, above = (step < low) | ((side < 0) & (pull > 0)), (step > high) | ((side > 0) & (pull < 0))
        wanted = np.where(np.isin(range(5), free), above.astype(float) - below, 0.0)
        if (wanted == side).all():
            return np.asarray(np.clip(step, low, high))
        side = wanted
    all_sides = product(*[(-1, 0, 1) if index in free else (0,) for index in range(5)])
    steps = [np.clip(_held(matrix, slope, low, high, free, np.array(sides)), low, high) for sides in all_sides]
    return min(steps, key=lambda step: float(step @ (slope + matrix @ step / 2)))


def _held(matrix: Array, slope: Array, low: Array, high: Array, free: list[int], side: Array) -> Array:
    """The least of the same with some coordinates at a side, −1 or 1, and the other free ones anywhere."""
    step = np.select([side < 0, side > 0], [low, high], 0.0)
    moving = [index for index in free if not side[index]]
    if moving:
        step[moving] = np.linalg.solve(matrix[np.ix_(moving, moving)], -(slope + matrix @ step)[moving])
    return np.asarray(step)
