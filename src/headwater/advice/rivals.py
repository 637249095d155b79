"""Rivals: what each way to predict the target is expected to err by on new rows, by one method for all.

The error of what was chosen is that of leaving rows out. What a rival has more or less than that, and than scratch, is
foretold by the posterior that the choice averages over (headwater.selection.predictive), whose noise is common to all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import chdtri

from headwater.advice.calibration.covariance import Shrunk, shrunk
from headwater.selection.hypotheses import AS_IS, OWN_LEVEL, SCRATCH, Hypothesis
from headwater.selection.left_out import averaged_loo_residuals
from headwater.selection.meeting import Meeting
from headwater.selection.predictive import Interval, Mixture, foretold
from headwater.selection.surface import Surface
from headwater.selection.survey import survey
from headwater.spectrum.rows import Array
from headwater.spectrum.spectrum import Spectrum

CHOSEN, SOURCE_OPTIMAL, POOLED, SHIFTED, SOURCE, MEAN = (
    "chosen", "source_optimal", "pooled", "shifted", "source", "target_mean",
)  # fmt: skip
_NORMAL = 10.0  # units' worth of belief that residuals are normal: twenty show little of their tails
_SHARED = 1.25  # of the variance of a left-out error: the rows left out were predicted from each other
_UNKNOWN = 4.0  # an error's relative variance at most: beyond, its chi-square would not reach its own mean


@dataclass(frozen=True)
class Rival:
    """One way to predict the target, and what is expected of it on new target rows; intervals are of 90 %.

    ``error``: mean squared error, averaged over outputs. ``r2``: 1 less its share of the target mean's. ``gain``: what
    it takes off scratch's error, ``chance`` how probably that is something. ``left_out``: its mean squared error on the
    target's own rows, each predicted without it, or each group; ``doubted``: whether by that alone it errs less than
    what was chosen, by over two standard errors of the difference, which the posterior did not expect.
    """

    name: str
    error: Interval
    r2: float
    gain: Interval
    chance: float
    left_out: float
    doubted: bool

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


Fit = tuple[Array, Array]  # coefficients (q, p) and intercepts (q,)


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Residuals of rows, or groups, left out (rows, q)."""

    target: Spectrum
    residuals: Array

    @property
    def error(self) -> float:
        return self._mean(np.square(self.residuals).mean(axis=1))[0]

    @property
    def variance(self) -> float:
        """The relative variance of the error: by its units' own spread, drawn toward that of normal residuals."""
        each = np.square(self.residuals).mean(axis=1)
        mean, variance, units = self._mean(each)
        if mean == 0:
            return 0.0
        normal = 2 / self.target.n / self.residuals.shape[1]
        return _SHARED * (units * variance / mean**2 + _NORMAL * normal) / (units + _NORMAL)

    def errs_less_than(self, other: LeftOut) -> bool:
        each = np.square(other.residuals).mean(axis=1) - np.square(self.residuals).mean(axis=1)
        mean, variance, units = self._mean(each)
        return bool(units > 2 and mean > 2 * np.sqrt(_SHARED * variance))

    def _mean(self, each: Array) -> tuple[float, float, float]:
        """The mean over rows, its variance by the spread of units, and how many those are."""
        weight, n, groups = self.target.rows[1], self.target.n, self.target.basis.groups
        mean = float(weight @ each / n)
        apart = weight * (each - mean)
        sums = apart if groups is None else np.array([apart[some].sum() for some in groups])
        return mean, float(sums @ sums) / n**2 * len(sums) / max(len(sums) - 1, 1), float(len(sums))


@dataclass(frozen=True, eq=False)
class Judge:
    """The posterior that judges all: ``surface``, the free choice over the hypotheses, in a meeting of one source."""

    meeting: Meeting
    surface: Surface

    def error(self, fit: Fit) -> Interval:
        """The left-out error of the free choice and what the fit errs more than that.

        Scaled chi-square, a positive number's spread: that of the left-out error and that of the difference together.
        """
        chosen = self.left_out
        if chosen is None:
            return Interval(np.nan, 0.0, np.inf)
        more = self.less(fit, self.surface.fitted)
        error = chosen.error + more.mean
        if error <= 0:
            return Interval(0.0, 0.0, 0.0)
        variance = chosen.variance + (more.spread / error) ** 2
        freedom = 2 / np.clip(variance, 1e-12, _UNKNOWN)
        low, high = error * freedom / chdtri(freedom, np.array([0.05, 0.95]))
        return Interval(error, float(low), float(high))

    def less(self, one: Fit, other: Fit) -> Mixture:
        """How much less the other errs than the one, averaged over outputs; linear in the target's task.

        The error is σ1² + ‖b − w1‖² + (ℓ − ℓ1)² with ℓ = b0 + x̄1'b, in the target's covariance.
        """
        mean, outputs = self.meeting.target.x_mean, self.meeting.target.n_outputs
        (a, a0), (b, b0) = one, other
        seen = self.covariance @ (b - a).T
        here, there = a0 + a @ mean, b0 + b @ mean
        constant = float(here @ here - there @ there - np.vdot(seen, (a + b).T))
        return foretold(self.surface, 2 * seen / outputs, 2 * (there - here) / outputs, constant / outputs)

    @cached_property
    def left_out(self) -> LeftOut | None:
        """The free choice's residuals of rows left out; None of a lone row."""
        lone = len(self.meeting.target.rows[0]) == 1
        return None if lone else LeftOut(self.meeting.target, averaged_loo_residuals(self.surface))

    @cached_property
    def covariance(self) -> Shrunk:
        return shrunk(self.meeting)[0]


def rivals(
    judge: Judge, fitted: Surface, alone: dict[str, Surface], intercept: Any
) -> tuple[tuple[Rival, ...], dict[str, Fit]]:
    """The table of what was ``fitted`` and of its rivals, and the fit of each.

    ``alone``: the surfaces of scratch and of the source at its own best penalty, as is. ``intercept``: that of the
    source's own model, None where it is not known.
    """
    target, chosen = judge.meeting.target, judge.left_out
    fits = {name: (fit, left) for name, fit, left in _fits(judge, fitted, alone, intercept)}
    errors = {name: judge.error(fit) for name, (fit, _) in fits.items()}
    found = []
    for name, (fit, residuals) in fits.items():
        gain, left = judge.less(fits[SCRATCH][0], fit), LeftOut(target, residuals)
        found.append(
            Rival(
                name=name,
                error=errors[name],
                r2=1 - errors[name].estimate / errors[MEAN].estimate if errors[MEAN].estimate else np.nan,
                gain=gain.interval() if chosen else Interval(np.nan, -np.inf, np.inf),
                chance=1 - gain.below(0.0) if chosen else np.nan,
                left_out=left.error if chosen else np.inf,
                doubted=chosen is not None and name != CHOSEN and left.errs_less_than(chosen),
            )
        )
    return tuple(found), {name: fit for name, (fit, _) in fits.items()}


def _fits(judge: Judge, fitted: Surface, alone: dict[str, Surface], intercept: Any) -> Iterator[tuple[str, Fit, Array]]:
    """Each rival's fit, and its residuals with rows left out."""
    meeting, source, target = judge.meeting, judge.meeting.source, judge.meeting.target
    surfaces = {CHOSEN: fitted, SCRATCH: alone[SCRATCH]}
    tau = source.known_tau
    if source.coef.any() and not np.isinf(tau):
        surfaces[SOURCE_OPTIMAL] = alone[AS_IS]
        if source.spectrum is not None and source.knows_uncertainty(
            tau
        ):  # at κ = 1 the same task is one ridge on both tables' rows
            surfaces[POOLED] = survey(meeting, [Hypothesis(OWN_LEVEL, tau, private=False)], tau=1.0)
    free = judge.left_out  # None of a lone row: left out it leaves nothing to learn from
    for name, surface in surfaces.items():
        if free is None:
            residuals = target.rows[2]
        else:
            residuals = free.residuals if surface is judge.surface else averaged_loo_residuals(surface)
        yield name, surface.fitted, residuals
    coef = source.coef
    zero = np.zeros_like(coef)
    fixed: dict[str, tuple[Array, Array | None]] = (
        {SHIFTED: (coef, None)} if coef.any() and target.basis.fit_intercept else {}
    )
    if intercept is not None:
        fixed[SOURCE] = coef, np.atleast_1d(np.asarray(intercept, dtype=np.float64))
    fixed[MEAN] = zero, None if target.basis.fit_intercept else np.zeros(len(zero))
    for name, (slopes, given) in fixed.items():
        level = target.y_mean - slopes @ target.x_mean if given is None else given
        residuals = _residuals(target, slopes, level)
        yield name, (slopes, level), _about_others(target, residuals) if given is None else residuals


def _residuals(target: Spectrum, coef: Array, intercept: Array) -> Array:
    """y1 − X1 b − b0, (rows, q)."""
    left, weight, outside = target.rows
    moved = target.u - target.singular_values[:, None] * target.project(coef.T)
    level = target.y_mean - intercept - coef @ target.x_mean
    return np.asarray((left @ moved + outside) / np.sqrt(weight)[:, None] + level)


def _about_others(target: Spectrum, residuals: Array) -> Array:
    """Each less the mean of the other rows, or of the other groups' rows."""
    weight, n = target.rows[1], target.n
    total, out = weight @ residuals, residuals.copy()
    for rows in target.basis.groups or ():
        gone = weight[rows]
        out[rows] -= (total - gone @ residuals[rows]) / (n - gone.sum())
    if target.basis.groups is None:
        gone = weight[:, None]
        out -= (total - gone * residuals) / np.where(n > gone, n - gone, 1.0)
    return out
