"""Outcome rivals: what each way to predict a yes or no, or a count, is expected to err by on new rows.

The error of what was chosen is that of leaving rows out. What a rival errs more or less than that, and than scratch,
is foretold by the posterior that the choice averages over: the deviance's difference between two predictions is linear
in the outcome, so that it is that of the mean outcome, which the choice expects at each row from the others and of
which its posterior says how unsure it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import ndtri

from headwater.advice.outcome_ways import BASE_RATE, Way
from headwater.advice.rivals import CHOSEN, Rival
from headwater.families.family import Family
from headwater.families.laplace import left_out
from headwater.selection.glm_choice import GLMChoice
from headwater.selection.glm_left_out import left_out_predictors
from headwater.selection.hypotheses import SCRATCH
from headwater.selection.predictive import Interval, Mixture
from headwater.spectrum.rows import Array

_HELD = 1e-6  # of the posterior weight: what has less is left out
_NORMAL = 1e9  # degrees of freedom
_STEP = 1e-4  # of a linear predictor, for a slope
_END = float(ndtri(0.95))
_SHARED = 1.25  # of the variance of a difference of left-out errors: the rows left out were predicted from each other


@dataclass(frozen=True, eq=False)
class _Known:
    """What a choice knows of each row's mean outcome by the other rows.

    Of each node that counts its ``weight`` (k,), its ``means`` (k, n), how these rise with η, ``slopes`` (k, n), and
    ``spreads``, of each node (c, n): by what the coefficients' c uncertain directions move each row's η. ``freedom`` is
    its effective number of coefficients.
    """

    weight: Array
    means: Array
    slopes: Array
    spreads: list[Array]
    freedom: float

    @classmethod
    def of(cls, choice: GLMChoice) -> _Known:
        weight = np.concatenate(choice.weights)
        held = weight > _HELD
        modes = [mode for one in choice.weighed for mode in one.modes]
        etas, spreads, freedoms = [], [], []
        for mode in (mode for mode, counts in zip(modes, held, strict=True) if counts):
            half = solve_triangular(mode.factor[0], mode.columns.T, lower=True, check_finite=False)
            leverage = mode.curvature * np.einsum("ij,ij->j", half, half)
            spreads.append(half / np.sqrt(1 - leverage))
            freedoms.append(leverage.sum())
            etas.append(left_out(mode))
        eta, mean = np.array(etas), modes[0].outcomes.family.mean
        slopes = (mean(eta + _STEP) - mean(eta - _STEP)) / (2 * _STEP)
        share = weight[held] / weight[held].sum()
        return cls(share, mean(eta), slopes, spreads, float(share @ freedoms))


@dataclass(frozen=True, eq=False)
class OutcomeJudge:
    """The posterior that judges all: the free choice. Errors are what the ``family`` measures by."""

    choice: GLMChoice
    family: Family

    @property
    def _outcomes(self) -> Any:
        return self.choice.weighed[0].modes[0].outcomes

    @property
    def share(self) -> Array:
        """Of each row in the mean over rows (n,)."""
        return np.asarray(self._outcomes.weight / self._outcomes.n)

    def losses(self, eta: Array) -> Array:
        """Of each row at linear predictors (n,)."""
        return np.asarray(self.family.scale * self.family.half_deviance(self._outcomes.y, eta))

    @cached_property
    def predictors(self) -> Array:
        """The free choice's linear predictors of rows left out (n,)."""
        return left_out_predictors(self.choice)

    @cached_property
    def left_out(self) -> Array:
        """The free choice's losses of rows left out (n,)."""
        return self.losses(self.predictors)

    @cached_property
    def _known(self) -> _Known:
        return _Known.of(self.choice)

    def less(self, one: Array, other: Array) -> Mixture:
        """How much less the other errs than the one on a new row, both linear predictors of rows left out (n,)."""
        family, zero = self.family, np.zeros(len(one))
        at_zero, at_one = (
            family.scale * (family.half_deviance(y, one) - family.half_deviance(y, other)) for y in (zero, zero + 1)
        )
        each, known = at_one - at_zero, self._known  # an outcome of one more
        found = at_zero + known.means * each
        place = found @ self.share
        # In the mean the outcome is what the choice expects: what was chosen is what is believed.
        place += float(self.share @ (at_zero + family.mean(self.predictors) * each)) - known.weight @ place
        moved = [
            spread @ (self.share * slope * each) for spread, slope in zip(known.spreads, known.slopes, strict=True)
        ]
        rows = (found - place[:, None]) ** 2 @ self.share**2  # these rows are a sample of what there is to predict
        scale = np.sqrt(np.array([move @ move for move in moved]) + rows)
        return Mixture(known.weight, place, scale, np.full(len(place), _NORMAL))

    def error(self, eta: Array) -> Interval:
        """The free choice's error of rows left out and what the other errs more than that; log-normal, as is a
        positive number that is wide for its size."""
        more, chosen = self.less(eta, self.predictors), float(self.share @ self.left_out)
        error = chosen + more.mean
        if error <= 0:
            return Interval(0.0, 0.0, 0.0)
        reach = np.exp(_END * np.sqrt(np.log1p(self._relative + (more.spread / error) ** 2)))
        return Interval(error, float(error / reach), float(error * reach))

    @cached_property
    def _relative(self) -> float:
        """The relative variance of the left-out error: of its rows, and of fit and error moving against each other.

        The rows' is by their own spread, or what the choice expects if that is more: a target without an event shows
        nothing of what one costs. And where d coefficients follow their rows' noise least, leaving one out costs most:
        left-out less true half deviances are about φ(d − χ²_d)/n. Of 20 rows of which half are a yes each is left out
        at a log loss of 0.747, and all alike, but the rate one half has 0.693.
        """
        chosen, outcomes = float(self.share @ self.left_out), self._outcomes
        if chosen <= 0:
            return 0.0
        expected = (self.family.scale * outcomes.dispersion) ** 2 * self.family.spread(self.predictors)
        rows = max(self._variance(self.left_out)[1], float(self.share**2 @ expected))
        moved = 2 * self._known.freedom * (self.family.scale * outcomes.dispersion / outcomes.n) ** 2
        return (rows + moved) / chosen**2

    def doubts(self, eta: Array) -> bool:
        """Whether a way errs less than the free choice on rows left out, by over two standard errors."""
        mean, square = self._variance(self.left_out - self.losses(eta))
        return bool(len(eta) > 2 and mean > 2 * np.sqrt(_SHARED * square))

    def _variance(self, each: Array) -> tuple[float, float]:
        """The mean over rows and its variance by their spread."""
        mean, rows = float(self.share @ each), len(each)
        return mean, float(self.share**2 @ (each - mean) ** 2) * rows / max(rows - 1, 1)


def outcome_rivals(judge: OutcomeJudge, found: dict[str, Way]) -> tuple[Rival, ...]:
    """The table of ways to predict."""
    errors = {name: judge.error(way.left_out) for name, way in found.items()}
    base, lone = errors[BASE_RATE].estimate, len(judge.share) == 1
    table = []
    for name, way in found.items():
        gain = judge.less(found[SCRATCH].left_out, way.left_out)
        known = gain.interval()
        known = replace(known, high=min(known.high, errors[SCRATCH].estimate))  # more than all is not to be gained
        table.append(
            Rival(
                name=name,
                error=errors[name],
                r2=1 - errors[name].estimate / base if base else np.nan,
                gain=Interval(np.nan, -np.inf, np.inf) if lone else known,
                chance=np.nan if lone else 1 - gain.below(0.0),
                left_out=float(judge.share @ judge.losses(way.left_out)),
                doubted=not lone and name != CHOSEN and judge.doubts(way.left_out),
            )
        )
    return tuple(table)
