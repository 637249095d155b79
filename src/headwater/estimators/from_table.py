"""From a table: the source model with its preprocessor, gathered block by block where the design is large."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline

from headwater.estimators.ridge import SourceRidge
from headwater.spectrum.criteria import needs_rows
from headwater.spectrum.moments import Moments
from headwater.spectrum.routes import GRAM_ROWS_PER_FEATURE
from headwater.spectrum.rows import Array, row_blocks
from headwater.tables.coefficients import Published
from headwater.tables.columns import Column
from headwater.tables.design import at_level, prepare
from headwater.tables.side import Side
from headwater.tables.table import Table

_WHOLE = 1 << 23  # numbers of a design held at once, 64 MB; a larger one is read block by block

Block = tuple[Array, Array, Array | None]


def fit_source(
    table: Table,
    y: Array,
    columns: tuple[Column, ...],
    weight: Array | None = None,
    *,
    degree: int = 1,
    criterion: str = "evidence",
    tau: float | str = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> Pipeline:
    """The source model with its preprocessor, as TransferRidge takes it.

    A design of more than 64 MB with at least three rows a feature is never held whole: its moments are gathered block
    by block, unless the criterion is leave-one-out, which needs the rows. ``progress`` is told how many rows are done.
    """
    steps = prepare(table, columns, weight, degree)
    width = Pipeline(steps).transform(table.rows(slice(0, 1))).shape[1]
    blocks = _blocks(Pipeline(steps), table, y, weight, width, progress)
    model = SourceRidge(tau, criterion)
    rows = table.data.num_rows
    if needs_rows(criterion) or rows * width <= _WHOLE or rows < GRAM_ROWS_PER_FEATURE * width:
        model.fit(np.concatenate([X for X, _, _ in blocks]), y, weight)
    else:
        model.fit_moments(Moments.from_blocks(blocks))
    return Pipeline([*steps, ("source", model)])


def about_target(model: Pipeline, table: Table, weight: Array | None = None) -> tuple[Pipeline, NDArray[np.bool_]]:
    """A source, its preprocessor about a target's levels, and which of the target's rows have values drawn in."""
    prepared, drawn_in = at_level(model[:-1], table, weight)
    return Pipeline([*prepared.steps, model.steps[-1]]), drawn_in


def published_source(published: Published, side: Side, columns: tuple[Column, ...]) -> Pipeline:
    """Published coefficients as a source, behind a preprocessor fitted on the target's own rows, there being no other.

    The coefficients are of the columns as they are; standardised, a column has its coefficient, and
    the standard error of that, times its deviation.
    """
    steps = prepare(side.table, columns, side.weight)
    model, coef, errors = LinearRegression(), published.vector(columns), published.errors(columns)
    numbers = steps[-1][1].named_transformers_.get("numbers")
    if numbers is not None:
        count = len(numbers.scale_)
        level = coef[:count] @ numbers.mean_
        coef[:count] *= numbers.scale_
        if errors is not None:
            errors[:count] *= numbers.scale_
    model.coef_, model.intercept_ = coef, published.level + (0.0 if numbers is None else float(level))
    model.coef_se_, model.n_features_in_ = errors, len(coef)
    return Pipeline([*steps, ("source", model)])


def _blocks(
    prepared: Pipeline,
    table: Table,
    y: Array,
    weight: Array | None,
    width: int,
    progress: Callable[[int, int], None] | None,
) -> Iterator[Block]:
    for rows in row_blocks(table.data.num_rows, width):
        X = prepared.transform(table.rows(rows))
        yield X, y[rows], None if weight is None else weight[rows]
        if progress is not None:
            progress(rows.stop, table.data.num_rows)
