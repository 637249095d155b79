"""Scores: how well predictions meet outcomes that were seen, in the measures that each kind of outcome is known by."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from headwater.families.family import Family
from headwater.families.mode import find_mode
from headwater.families.named import family_named
from headwater.families.outcomes import Outcomes
from headwater.spectrum.rows import Array

_FLOOR = 1e-15  # of a probability or a rate: a sure prediction that fails is not infinitely bad
_PARTS = 10


def scores(family: str, y: Array, mean: Array, weight: Array | None, exposure: Array | None) -> dict[str, float]:
    """Of predicted means (n,); NaN where the outcomes do not tell. Weights count rows.

    "gaussian": mean squared "error" and "r2". "binomial": "log_loss", "brier", "auc", and the "calibration_intercept"
    and "calibration_slope" of the outcomes on the predicted log odds, the former at slope 1: 0 and 1 where odds are
    neither too high nor too bold. "poisson": mean "deviance", the share "explained" of that of one rate for all, and
    "observed_over_expected".
    """
    counts = np.ones(len(y)) if weight is None else weight
    return _SCORES[family](y, mean, counts, np.ones(len(y)) if exposure is None else exposure)


def _of_numbers(y: Array, mean: Array, weight: Array, exposure: Array) -> dict[str, float]:
    error = float(np.average((y - mean) ** 2, weights=weight))
    spread = float(np.average((y - np.average(y, weights=weight)) ** 2, weights=weight))
    return {"error": error, "r2": 1 - error / spread if spread > 0 else float("nan")}


def _of_yes_or_no(y: Array, mean: Array, weight: Array, exposure: Array) -> dict[str, float]:
    family = family_named("binomial")
    eta = family.link(np.clip(mean, _FLOOR, 1 - _FLOOR))
    return {
        "log_loss": float(np.average(family.half_deviance(y, eta), weights=weight)),
        "brier": float(np.average((y - mean) ** 2, weights=weight)),
        "auc": _auc(y, mean, weight),
        "calibration_intercept": _recalibrated(family, y, eta, weight, np.ones((len(y), 1)))[0],
        "calibration_slope": _recalibrated(family, y, 0 * eta, weight, np.column_stack([np.ones(len(y)), eta]))[-1],
    }


def _of_counts(y: Array, mean: Array, weight: Array, exposure: Array) -> dict[str, float]:
    family = family_named("poisson")
    one = np.log(exposure * max(float(weight @ y / (weight @ exposure)), _FLOOR))
    found, nothing = (
        float(np.average(2 * family.half_deviance(y, eta), weights=weight))
        for eta in (family.link(np.maximum(mean, _FLOOR)), one)
    )
    return {
        "deviance": found,
        "explained": 1 - found / nothing if nothing > 0 else float("nan"),
        "observed_over_expected": float(weight @ y / max(float(weight @ mean), _FLOOR)),
    }


_SCORES: dict[str, Callable[[Array, Array, Array, Array], dict[str, float]]] = {
    "gaussian": _of_numbers,
    "binomial": _of_yes_or_no,
    "poisson": _of_counts,
}


def calibration(y: Array, mean: Array, weight: Array | None, parts: int = _PARTS) -> list[dict[str, float]]:
    """Parts of the rows by what is predicted for them, the least first: rows, mean predicted and mean observed."""
    counts = np.ones(len(y)) if weight is None else weight
    each = np.array_split(np.argsort(mean, kind="stable"), min(parts, len(y)))
    return [
        {
            "rows": float(counts[part].sum()),
            "predicted": float(np.average(mean[part], weights=counts[part])),
            "observed": float(np.average(y[part], weights=counts[part])),
        }
        for part in each
    ]


def _auc(y: Array, mean: Array, weight: Array) -> float:
    """The chance that an event is predicted above another row, ties counting half (Mann and Whitney)."""
    values, place = np.unique(mean, return_inverse=True)
    events, others = (np.bincount(place, weight * (y == kind), len(values)) for kind in (1, 0))
    pairs = events.sum() * others.sum()
    below = np.cumsum(others) - others / 2
    return float(events @ below / pairs) if pairs > 0 else float("nan")


def _recalibrated(family: Family, y: Array, eta: Array, weight: Array, columns: Array) -> Array:
    """The coefficients of the columns by maximum likelihood, NaN where there are none."""
    try:
        mode = find_mode(Outcomes(family, y, eta, weight), columns, np.zeros(columns.shape[1]))
    except ValueError:  # all alike, or told apart without error
        return np.full(columns.shape[1], np.nan)
    return mode.theta if np.linalg.matrix_rank(columns) == columns.shape[1] else np.full(columns.shape[1], np.nan)
