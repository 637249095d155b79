"""Outcome summary: the coefficients, the calibration and the columns of an advice on yes or no, or on counts."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import betaincinv, gammaincinv

from headwater.advice.outcome_ways import Way
from headwater.advice.rivals import CHOSEN
from headwater.advice.scores import calibration
from headwater.advice.summary import CalibrationPoint, Coefficient
from headwater.advice.uncertain import coefficient_ends
from headwater.estimators.by_name import feature_names, unit_of
from headwater.families.outcomes import Outcomes
from headwater.families.path import Path
from headwater.selection.glm_source import GLMSource
from headwater.selection.hypotheses import SCRATCH
from headwater.spectrum.rows import Array
from headwater.tables.differences import Difference

_LEAST, _MOST = 10, 10  # rows in a part of them, and parts


def coefficients_of(model: Any, ways: dict[str, Way], target: Path, start: GLMSource | None) -> tuple[Coefficient, ...]:
    """Of the source, the target alone and the ``model``, on the link's scale, those furthest apart first.

    The 90 % intervals are those of the posterior (``coefficient_ends``).
    """
    chosen, p = ways[CHOSEN].coef, len(ways[CHOSEN].coef)
    source = np.full(p, np.nan) if start is None else start.coef
    low, high = coefficient_ends(model, chosen)
    unit = np.broadcast_to(unit_of(model.source), p)
    varies = _spread(target if start is None or start.path is None else start.path)
    columns = (source, ways[SCRATCH].coef, chosen, low, high)
    values = np.column_stack([*(column * unit for column in columns), varies / np.where(unit, np.abs(unit), np.inf)])
    names = feature_names(model.source, p)
    found = [Coefficient(name, *row) for name, row in zip(names, values.tolist(), strict=True)]
    return tuple(sorted(found, key=lambda one: -one.apart if np.isfinite(one.apart) else 0.0))


def columns_of(model: Any, target: Path, start: GLMSource | None) -> tuple[Difference, ...]:
    """Of features that came as arrays, in their own units; none without a source's table."""
    if start is None or start.path is None:
        return ()
    columns = (start.path.design.mean, _spread(start.path), target.design.mean, _spread(target))
    names = feature_names(model.source, len(target.design.mean))
    return tuple(Difference(name, *row) for name, row in zip(names, np.column_stack(columns).tolist(), strict=True))


def calibration_of(left_out: Array, outcomes: Outcomes) -> tuple[CalibrationPoint, ...]:
    """What is predicted for rows left out, at linear predictors (n,), and what was observed, in tenths or larger parts.

    The 90 % intervals of what was observed are Jeffreys', of yes or no by the beta and of counts by the gamma
    distribution.
    """
    parts = max(1, min(_MOST, len(outcomes.y) // _LEAST))
    found = calibration(outcomes.y, outcomes.family.mean(left_out), outcomes.weight, parts)
    points = []
    for one in found:
        rows, seen = one["rows"], one["observed"] * one["rows"]
        ends = np.array([0.05, 0.95])
        if outcomes.family.name == "binomial":
            low, high = betaincinv(seen + 0.5, rows - seen + 0.5, ends)
        else:
            low, high = gammaincinv(seen + 0.5, ends) / rows
        points.append(CalibrationPoint(rows, one["predicted"], one["observed"], float(low), float(high)))
    return tuple(points)


def _spread(side: Path) -> Array:
    """Each feature's standard deviation (p,)."""
    weight = side.outcomes.weight
    return np.asarray(np.sqrt(weight @ np.square(side.design.centred) / weight.sum()))
