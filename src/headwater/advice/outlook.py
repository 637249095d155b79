"""Outlook: the two-number law, the error over source penalties, and the rows that would settle the verdict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit

from headwater.advice.calibration.covariance import Shrunk
from headwater.advice.calibration.fitting import Calibration
from headwater.advice.rivals import Judge
from headwater.selection.hypotheses import AS_IS, SCRATCH, Hypothesis
from headwater.selection.left_out import left_out_error
from headwater.selection.meeting import Meeting
from headwater.selection.predictive import Interval
from headwater.selection.survey import survey
from headwater.spectrum.rows import Array

_FACTORS = np.array([0.01, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0, np.inf])


@dataclass(frozen=True)
class Law:
    """The two-number law at ρ̂ and the target's penalty: Q, and what a source-optimal model gains by it.

    ``as_published`` (2ρ − 1) Q, ``scaled`` ρ² Q: the most that any linear use of the source can give. NaN where ρ is
    not identified.
    """

    information: float
    as_published: float
    scaled: float


def law(calibration: Calibration, covariance: Shrunk, target_tau: float) -> Law:
    """The two-number law with Q = ‖ŵ0(τ_S)‖² an output, as the target's fit at this penalty leaves it.

    ``headwater.theory.source_information`` given the designs.
    """
    point = calibration.point
    if point is None or not calibration.identified:
        return Law(np.nan, np.nan, np.nan)
    target, start = point.meeting.target, point.meeting.source.expand(point.source_mean)
    left = start - target.expand(target.shrinkage(target_tau)[:, None] * target.project(start))
    information, rho = float(np.vdot(left, covariance @ left)) / left.shape[1], calibration.rho
    return Law(information, (2 * rho - 1) * information, rho**2 * information)


@dataclass(frozen=True)
class Rows:
    """How many more target rows would settle the verdict as likely as not, and with what it is one and three in four.

    NaN where decided already, or where it is beyond ``MOST`` times the rows there are.
    """

    estimate: float
    low: float
    high: float


MOST = 20.0
_SURE, _END = float(ndtri(0.75)), float(ndtri(0.95))


def rows_needed(rows: float, dimension: float, gain: Interval, worth: float) -> Rows:
    """At how many rows the verdict is expected to settle, from what is believed of the gain now.

    What a target's n rows leave open of its coefficients, in as many directions as ``dimension`` d, falls like
    1/(n + d), and so do the gain and the variance s² of what is believed of it. With N rows that variance is s²/r,
    r = (N + d)/(n + d), and the belief itself will be normal about today's with what was lost of it, s² (1 − 1/r):
    beliefs are a martingale. The chances are those of "transfer", a gain that is sure enough, and of "scratch", one
    whose upper end is not worth it.
    """
    more = rows * np.geomspace(1e-2, MOST, 400)
    ratio = (rows + more + dimension) / (rows + dimension)
    spread = (gain.high - gain.low) / (2 * _END)
    if not (np.isfinite(spread) and spread > 0):
        return Rows(np.nan, np.nan, np.nan)
    then, moved = spread / np.sqrt(ratio), spread * np.sqrt(1 - 1 / ratio)
    helps = ndtr((gain.estimate - _SURE * then) / moved)
    useless = ndtr((worth * ratio - _END * then - gain.estimate) / moved)
    settled = np.maximum.accumulate(helps + useless * (1 - helps))

    def at(chance: float) -> float:
        return float(np.ceil(more[np.argmax(settled >= chance)])) if settled[-1] >= chance else np.nan

    return Rows(at(0.5), at(0.25), at(0.75))


@dataclass(frozen=True, eq=False)
class Curve:
    """Target error over source penalties, the target's own penalty averaged over: ``predicted`` and left out."""

    source_tau: Array
    predicted: Array
    leave_one_out: Array

    @property
    def rows(self) -> Iterator[tuple[float, float, float]]:
        return zip(*(values.tolist() for values in (self.source_tau, self.predicted, self.leave_one_out)), strict=True)

    def as_dict(self) -> dict[str, Any]:
        """The curve as plain lists."""
        return {
            "source_tau": self.source_tau.tolist(),
            "predicted": self.predicted.tolist(),
            "leave_one_out": self.leave_one_out.tolist(),
        }


def curve(judge: Judge, recommended: float) -> Curve | None:
    """The error of L2-SP from the source at each penalty, unscaled, by the table's own method.

    At τ_S* that is the table's source-optimal transfer and at ∞ its scratch; the ``recommended`` penalty is among them.
    None of a source whose penalties are not known or that says nothing, and of a lone target row.
    """
    tau, criterion = judge.meeting.source.known_tau, judge.surface.criterion
    if judge.meeting.source.spectrum is None or not 0 < tau < np.inf or judge.left_out is None:
        return None
    taus = np.unique([*(tau * _FACTORS), tau if np.isnan(recommended) else recommended])
    surfaces = [
        survey(judge.meeting, [Hypothesis(SCRATCH if np.isinf(one) else AS_IS, one)], criterion=criterion)
        for one in taus
    ]
    predicted = np.array([judge.error(surface.fitted).estimate for surface in surfaces])
    return Curve(taus, predicted, np.array([left_out_error(surface) for surface in surfaces]))


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
