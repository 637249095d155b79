"""Profile: the alignment's likelihood with the variances at their best, its highest point and where it is cut."""

from __future__ import annotations

import numpy as np
from scipy.special import stdtrit

from headwater.advice.calibration.likelihood import NOISE, PRIVATE, RHO, SIGNAL, TARGET_NOISE, Likelihood, Point
from headwater.advice.calibration.maximum import Model, descend
from headwater.advice.calibration.side import alone, halves, side_value, variance
from headwater.selection.meeting import Meeting
from headwater.spectrum.rows import Array

_MIDWAY = 1.2816  # the normal's 0.9 quantile
_ALL, _NUISANCE = [RHO, SIGNAL, NOISE, PRIVATE, TARGET_NOISE], [SIGNAL, NOISE, PRIVATE, TARGET_NOISE]
_ROUGH, _FINE = 1e-2, 1e-12  # of −2 log L: which of two maxima is the higher, and a maximum
_CLOSE = 1e-4  # of the signed root, cut at 2 and more: what one more Newton step leaves is its square
_LOOSE, _NEAR = 0.1, 1e-7  # of −2 log L, what the other parameters are from their best: on the way, and at an end


def units(meeting: Meeting) -> Array:
    """The parameters' units: half of each outcome's variance to its signal."""
    source, own = meeting.source.spectrum, halves(meeting.target)
    return np.r_[1.0, own if source is None else halves(source), own]


def profile(meeting: Meeting) -> tuple[Point, float, tuple[float, float]]:
    """The likelihood's maximum, the estimate, and where the profile over the other four parameters is cut.

    The cut is that of χ²₁, 3.84, with Student's t in the place of the normal: exact where the source is known and w1
    has no part of its own, which is regression on one variable. The estimate is midway between the ends of the 80 %
    interval: with the profile's signed root z normal and ρ = ρ̂ + a z + b z², that takes off the maximum's bias, b, and
    some of what σ_v² ≥ 0 adds to it.
    """
    best = maximum(meeting)
    free = meeting.target.contrasts * meeting.target.n_outputs
    cut = free * np.log1p(float(stdtrit(free - 1, 0.975)) ** 2 / (free - 1))
    bounded = [root for root in (_MIDWAY, float(np.sqrt(cut))) if _unbounded(best) >= root**2]
    highest = float(best.parameters[RHO])
    if not bounded:
        return best, highest, (-np.inf, np.inf)
    below, above = (_ends(best, bounded, side) for side in (-1.0, 1.0))
    most = min(highest - below[0], above[0] - highest) / 2  # beyond, ρ as a quadratic in z would turn back
    shift = float(np.clip((below[0] + above[0]) / 2 - highest, -most, most)) if np.isfinite(most) else 0.0
    return best, highest + shift, (below[1], above[1]) if len(bounded) == 2 else (-np.inf, np.inf)


def maximum(meeting: Meeting) -> Point:
    """Where the likelihood is highest.

    Some tables have two maxima, with and without a part of the target's own: one start is at what either table says by
    itself, and one without such a part.
    """
    unit = units(meeting)
    source, target = meeting.source.spectrum, alone(meeting.target)
    first = np.r_[0.0, unit[1:3] if source is None else alone(source), target]
    # A variance that is best at 0 where the tables are apart need not be where they are together.
    first[1:] = np.maximum(first[1:], 0.01 * unit[1:])
    second = np.r_[0.0, unit[SIGNAL : NOISE + 1], 0.0, unit[TARGET_NOISE]]
    likelihood = Likelihood(meeting)
    rough = [descend(Point(likelihood, place), unit, _ALL, _ROUGH) for place in (first, second)]
    best = min(rough, key=lambda point: point.value)
    return descend(best, unit, _ALL, _FINE)


def _unbounded(best: Point) -> float:
    """How much −2 log L is above its minimum as ρ → ±∞: without any source signal, and the tasks unrelated."""
    source, target = best.meeting.source.spectrum, best.meeting.target
    if source is None:
        return np.inf
    return side_value(source, 0.0, variance(source)) + side_value(target, *alone(target)) - best.value


def _ends(best: Point, roots: list[float], side: float) -> list[float]:
    """Where the profile's root, √(−2 log L above its minimum), reaches each of the roots, ascending, on one side."""
    information = best.derivatives[1] / 2
    precision = np.sqrt(np.where(information.diagonal() > 0, information.diagonal(), 1.0))
    inverse = np.linalg.pinv(information / np.outer(precision, precision), rcond=1e-12)
    step = side * float(np.sqrt(max(float(inverse[RHO, RHO]), 1.0))) / precision[RHO]
    ends: list[float] = []
    near, reached = best, 0.0
    for root in roots:
        near, reached, step, end = _end(best, near, reached, root, step)
        ends.append(end)
        if not np.isfinite(end):
            return ends + [end] * (len(roots) - len(ends))
    return ends


def _end(best: Point, near: Point, reached: float, root: float, step: float) -> tuple[Point, float, float, float]:
    """Where the profile's root reaches ``root``: by Newton, the other parameters moving along; between bounds.

    From a point where it has ``reached`` less, ``step`` being how far ρ goes for a unit of it. Returns the last point,
    what it reached, the step there and the end, ±∞ where there is none.
    """
    unit, inner, outer = units(best.meeting), float(near.parameters[RHO]), np.nan
    stride = step * (root - reached)
    for _ in range(60):
        rho = float(near.parameters[RHO])
        ahead = rho + stride
        if np.isfinite(outer) and not min(inner, outer) < ahead < max(inner, outer):
            ahead = (inner + outer) / 2
        forth = Model(near, unit, _NUISANCE).step(move=ahead - rho)[0]
        close = float(np.clip((reached - root) ** 2, _NEAR, _LOOSE))
        near = descend(near.moved(np.r_[ahead, (near.parameters + forth)[1:]]), unit, _NUISANCE, close)
        _, gain, slope = Model(near, unit, _NUISANCE).step()
        reached = float(np.sqrt(max(near.value - gain - best.value, 0.0)))
        rising = slope * step > 0 and reached > 0
        if abs(reached - root) < _CLOSE and gain < _NEAR and rising:
            return near, reached, 2 * reached / slope, ahead + (root - reached) * 2 * reached / slope
        if reached < root:
            inner = ahead
        else:
            outer = ahead
        if rising:
            longest = 4 * abs(stride)
            stride = float(np.clip((root - reached) * 2 * reached / slope, -longest, longest))
        else:
            stride = 1.5 * stride if np.isnan(outer) else (inner + outer) / 2 - ahead
    return near, reached, step, ahead if np.isfinite(outer) else float(np.copysign(np.inf, step))
