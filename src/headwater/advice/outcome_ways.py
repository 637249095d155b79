"""Outcome ways: each way to predict a yes or no, or a count, with its rows left out and its coefficients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from headwater.advice.rivals import CHOSEN, POOLED, SHIFTED, SOURCE, SOURCE_OPTIMAL
from headwater.estimators.glm_base import TransferModel
from headwater.estimators.glm_sources import as_it_is
from headwater.families.laplace import left_out
from headwater.families.mode import Mode, find_mode
from headwater.families.outcomes import Outcomes
from headwater.selection.glm_choice import GLMChoice, hypotheses_of, weigh
from headwater.selection.glm_hypotheses import LEVEL_SPREAD, Target
from headwater.selection.glm_left_out import left_out_predictors
from headwater.selection.glm_source import GLMSource
from headwater.selection.hypotheses import AS_IS, OWN_LEVEL, SCRATCH
from headwater.spectrum.rows import Array

RECALIBRATED, BASE_RATE = "recalibrated", "base_rate"


@dataclass(frozen=True, eq=False)
class Way:
    """One way to predict a target: its coefficients (p,) and level at x = 0, and each row's linear predictor, offset
    included, by a fit without the row (n,)."""

    coef: Array
    intercept: float
    left_out: Array


def ways(free: GLMChoice, model: TransferModel, met: Target, start: GLMSource | None) -> dict[str, Way]:
    """What the ``model`` and each of its rivals make of a target; ``free`` is the choice with nothing fixed."""
    return dict(_ways(free, model, met, start))


def _ways(free: GLMChoice, model: TransferModel, met: Target, start: GLMSource | None) -> Iterator[tuple[str, Way]]:
    fixed: Mode | None = getattr(model, "fixed_", None)
    without = left_out_predictors(model.choice_) if fixed is None else left_out(fixed)
    yield CHOSEN, Way(np.ravel(model.coef_), float(np.ravel(model.intercept_)[0]), without)
    yield SCRATCH, _of(GLMChoice(tuple(one for one in free.weighed if one.prior.kind == SCRATCH)))
    rows = met.design.centred + met.design.mean
    coef, level = (np.zeros(0), None) if start is None else as_it_is(model.given[1], start)
    moves = start is not None and bool(start.coef.any())
    if start is not None and moves:
        if not start.silent:
            yield SOURCE_OPTIMAL, _of(weigh([one for one in hypotheses_of(met, start, False) if one.kind == AS_IS]))
            pooled = tuple(one for one in free.weighed if one.prior.kind == OWN_LEVEL)
            if start.posterior is not None and pooled:  # to second order one model of both tables' rows
                yield POOLED, _of(GLMChoice(pooled))
        if met.design.level:
            yield RECALIBRATED, _refitted(met.outcomes, rows, coef, free=True)
            yield SHIFTED, _refitted(met.outcomes, rows, coef)
    if start is not None and level is not None:
        yield SOURCE, Way(coef, level, met.outcomes.offset + rows @ coef + level)
    yield BASE_RATE, _refitted(met.outcomes, rows, np.zeros(rows.shape[1]))


def _of(choice: GLMChoice) -> Way:
    return Way(*choice.coefficients(), left_out_predictors(choice))


def _refitted(outcomes: Outcomes, rows: Array, coef: Array, free: bool = False) -> Way:
    """Coefficients with a level of the target's own and, where that is ``free``, a slope of its own."""
    moved = rows @ coef
    middle = float(outcomes.weight @ moved / outcomes.n)
    shifted = outcomes.shift(moved - middle)
    base = shifted.base
    columns = np.column_stack([np.ones(len(rows)), moved - middle])[:, : 1 + free]
    mode = find_mode(shifted.shift(base), columns, np.full(columns.shape[1], LEVEL_SPREAD**-2))
    slope = 1 + float(mode.theta[1]) if free else 1.0
    return Way(slope * coef, base + float(mode.theta[0]) - slope * middle, left_out(mode))
