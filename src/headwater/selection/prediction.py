"""Prediction: what leaving target rows out says of each way to fit it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from headwater.selection.left_out import averaged_loo_residuals
from headwater.selection.meeting import Meeting
from headwater.selection.surface import Surface


@dataclass(frozen=True)
class Errors:
    """Predicted target error, the leave-one-out mean squared error of each way, its choices made without the row.

    ``scratch``: the target alone. ``source_optimal``: from the source at its own best penalty. ``chosen``: the
    average that ``Advice.model`` is. ``scaled``: from the source at its own best penalty, times one number.
    """

    scratch: float
    source_optimal: float
    chosen: float
    scaled: float


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval, of the level its maker states."""

    estimate: float
    low: float
    high: float


def predicted_error(surface: Surface) -> float:
    """Leave-one-out mean squared error of the surface's average; inf where one row leaves nothing to learn from."""
    target = surface.parts[0].meeting.target
    if len(target.rows[0]) == 1:
        return np.inf
    residuals = averaged_loo_residuals(surface)
    return float(np.average((residuals**2).mean(axis=1), weights=target.rows[1]))


def benefit_of(meeting: Meeting) -> Interval:
    """Mean over target rows of 2 y ŷ0 − ŷ0², both centred, with Student's interval over the rows, or over groups."""
    target = meeting.target
    left, weight, residual = target.rows
    known = np.array([meeting.source.known_tau]), np.ones(1)
    moved = target.u - meeting.shifted(*known)[:, :, 0]  # U'X1ŵ0 (r, q)
    root = np.sqrt(weight)[:, None]
    y, start = (left @ target.u + residual) / root, left @ moved / root
    each = (2 * y * start - start**2).mean(axis=1)
    n, groups = target.n, target.basis.groups
    mean = float(np.average(each, weights=weight))
    if groups is not None:
        units = float(len(groups))
        sums = [weight[rows] @ (each[rows] - mean) for rows in groups]
        deviation = np.sqrt(np.sum(np.square(sums)) * units / (units - 1)) / n
    elif n <= 1 or len(each) <= 2:  # centred, two rows mirror each other: they show no spread
        return Interval(mean, -np.inf, np.inf)
    else:
        units = n
        deviation = np.sqrt(np.average((each - mean) ** 2, weights=weight) / (n - 1))
    reach = float(stdtrit(units - 1, 0.975) * deviation)
    return Interval(mean, mean - reach, mean + reach)
