"""From a table: the source model behind its preparation, gathered block by block where the design is large."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline

from headwater.estimators.ridge import SourceRidge
from headwater.spectrum.criteria import needs_rows
from headwater.spectrum.moments import Moments
from headwater.spectrum.routes import GRAM_ROWS_PER_FEATURE
from headwater.spectrum.rows import Array, row_blocks
from headwater.tables.cells import CATEGORY
from headwater.tables.coefficients import Published
from headwater.tables.columns import Column
from headwater.tables.preparation import TablePreparation, prepare
from headwater.tables.side import Side

_WHOLE = 1 << 23  # numbers of a design held at once, 64 MB; a larger one is read block by block

Block = tuple[Array, Array, Array | None]


def fit_source(
    preparation: TablePreparation,
    side: Side,
    criterion: str = "evidence",
    tau: float | str = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> Pipeline:
    """The source model behind its preparation, as TransferRidge takes it.

    A design of more than 64 MB with at least three rows a feature is never held whole: its moments are gathered block
    by block, unless the criterion is leave-one-out, which needs the rows. ``progress`` is told how many rows are done.
    """
    rows, width = side.table.data.num_rows, len(preparation.get_feature_names_out())
    blocks = _blocks(preparation, side, width, progress)
    model = SourceRidge(tau, criterion)
    if needs_rows(criterion) or rows * width <= _WHOLE or rows < GRAM_ROWS_PER_FEATURE * width:
        model.fit(np.concatenate([X for X, _, _ in blocks]), side.y, side.weight)
    else:
        model.fit_moments(Moments.from_blocks(blocks))
    return behind(preparation, model)


def published_source(published: Published, side: Side, columns: tuple[Column, ...]) -> Pipeline:
    """Published coefficients as a source, behind a preparation fitted on the target's own rows, there being no other.

    The coefficients are of the columns as they are; standardised, a column has its coefficient, and
    the standard error of that, times its deviation.
    """
    (preparation,) = prepare([(side.table, side.weight)], columns)
    model, coef, errors = LinearRegression(), published.vector(columns), published.errors(columns)
    count, level = sum(column.kind != CATEGORY for column in columns), 0.0
    if count:
        level = float(coef[:count] @ preparation.scaler_.mean_)
        for values in (coef, errors):
            if values is not None:
                values[:count] *= preparation.scaler_.scale_
    model.coef_, model.intercept_ = coef, published.level + level
    model.coef_se_, model.n_features_in_ = errors, len(coef)
    return behind(preparation, model)


def behind(preparation: TablePreparation, model: Any) -> Pipeline:
    """A model of prepared features, as one of tables."""
    return Pipeline([("preparation", preparation), ("source", model)])


def _blocks(
    preparation: TablePreparation, side: Side, width: int, progress: Callable[[int, int], None] | None
) -> Iterator[Block]:
    count = side.table.data.num_rows
    for rows in row_blocks(count, width):
        X = preparation.transform(side.table.rows(rows))
        yield X, side.y[rows], None if side.weight is None else side.weight[rows]
        if progress is not None:
            progress(rows.stop, count)
