"""Minimum: where a sampled curve is lowest, and how sure that is over seeds."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.special import stdtrit

from headwater.study.checks import Array

_FINER = 40


def lowest(x: Array, curves: Array) -> tuple[Array, Array]:
    """The x at which smooth curves (..., m), known at the increasing x (m,), are lowest, and their height there.

    By a cubic spline on a grid 40 times finer, and the parabola through its lowest points. A minimum at an end is that
    end: it may lie beyond.

    >>> x = np.array([0.0, 1.0, 2.0, 3.0])
    >>> where, height = lowest(x, np.array([(x - 1.3) ** 2, -x]))
    >>> where.round(9), height.round(9)
    (array([1.3, 3. ]), array([ 0., -3.]))
    """
    fine = np.linspace(x[0], x[-1], _FINER * (len(x) - 1) + 1)
    heights = curves @ CubicSpline(x, np.eye(len(x)))(fine).T  # a spline is linear in the heights
    at = heights.argmin(-1)
    middle = np.clip(at, 1, len(fine) - 2)
    before, here, after = (np.take_along_axis(heights, (middle + move)[..., None], -1)[..., 0] for move in (-1, 0, 1))
    bend = before - 2 * here + after
    inside = (at == middle) & (bend > 0)
    shift = np.where(inside, (before - after) / np.where(bend > 0, 2 * bend, 1.0), 0.0)
    lowest_height = np.where(inside, here - bend * shift**2 / 2, heights.min(-1))
    return fine[at] + shift * (fine[1] - fine[0]), lowest_height


def left_out_means(samples: Array) -> Array:
    """The means over the first axis, each without one sample."""
    return np.asarray((samples.sum(0) - samples) / (len(samples) - 1))


def jackknife_half_width(estimates: Array) -> Array:
    """Half the 95 % Student interval of a smooth function of a mean, from its values (n, ...) without each sample.

    >>> samples = np.array([1.0, 2.0, 4.0])
    >>> spread = samples.std(ddof=1) / np.sqrt(3)
    >>> bool(np.isclose(jackknife_half_width(left_out_means(samples)), 4.302653 * spread))
    True
    """
    n = len(estimates)
    return np.asarray(stdtrit(n - 1, 0.975) * estimates.std(0) * np.sqrt(n - 1))
