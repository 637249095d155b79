"""By name: coefficients beside their features' names and in the columns' own units, as a table."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from headwater.estimators.preprocessors import slopes
from headwater.selection.posterior import Posterior
from headwater.spectrum.rows import Array
from headwater.tables.preparation import TablePreparation

LEVEL = 0.9  # of the intervals of coefficients


def feature_names(model: Any, count: int) -> list[str]:
    """The names of the features that a model's coefficients are of; x0, x1, … where they have none."""
    names = getattr(model, "feature_names_in_", None)
    if isinstance(model, Pipeline) and len(model) > 1:
        try:
            names = model[:-1].get_feature_names_out()
        except (AttributeError, ValueError):  # a step that has no names to give, or was fitted without any
            names = getattr(model[-1], "feature_names_in_", None)
    return [f"x{index}" for index in range(count)] if names is None or len(names) != count else [*map(str, names)]


def unit_of(model: Any) -> Array:
    """What a coefficient is multiplied by to be one of the columns as they came, (p,) or a lone 1.

    Where a preprocessor does more than rescale columns its features are taken as they are made.
    """
    if isinstance(model, Pipeline) and len(model) == 2 and isinstance(model[0], TablePreparation):
        return model[0].feature_units()
    found = slopes(model)
    return np.ones(1) if found is None else found


def intervals(coef: Array, left_open: tuple[Posterior, ...]) -> tuple[Array, Array]:
    """Their 90 % intervals by the posterior of each output; coefficients and ends (q, p)."""
    half = np.array([one.reach(LEVEL) * one.standard_errors(row) for one, row in zip(left_open, coef, strict=True)])
    return coef - half, coef + half


def by_name(names: list[str], unit: Array, several: bool, **columns: Array) -> Any:
    """A row a feature, and of several outputs one for each, of columns (q, p), all times ``unit``."""
    records = []
    for output, rows in enumerate(zip(*columns.values(), strict=True)):
        values = np.stack(rows) * unit
        for name, row in zip(names, values.T.tolist(), strict=True):
            of = {"output": output} if several else {}
            records.append({**of, "name": name, **dict(zip(columns, row, strict=True))})
    return as_frame(records)


def as_frame(records: list[dict[str, Any]]) -> Any:
    """A data frame of pandas, or else of polars, where one is installed, else the records."""
    for package in ("pandas", "polars"):
        if find_spec(package) is not None:
            return import_module(package).DataFrame(records)
    return records
