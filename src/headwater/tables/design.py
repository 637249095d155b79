"""Design: one preprocessor, fitted on the source and shared by both sides, from Arrow tables to features."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler

from headwater.spectrum.rows import Array, row_blocks
from headwater.tables.cells import CATEGORY
from headwater.tables.columns import Column, encode
from headwater.tables.table import Table, as_table

LIMIT = 10.0
_QUARTILES = 1.349  # between the quartiles of a normal distribution, in its deviations


class TableColumns(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turns a table's columns into a matrix (n, p) by what the source showed of them: numbers first, then categories.

    Takes an Arrow table or any data frame Arrow can read (pandas, polars), its columns in any order. Missing values
    become the source's median or most frequent level; a category is the position of its level, −1 for one the source
    never had. It knows everything beforehand: fitting changes nothing.
    """

    def __init__(self, columns: tuple[Column, ...] = ()) -> None:
        self.columns = columns

    def fit(self, X: Any, y: Any = None) -> Self:
        """Nothing to learn."""
        return self

    def transform(self, X: Any) -> Array:
        """The matrix (n, p); ValueError names a column that is missing or of another kind."""
        return encode(as_table(X), self.columns)

    def __sklearn_is_fitted__(self) -> bool:
        return True


class ClippedScaler(StandardScaler):  # type: ignore[misc]
    """StandardScaler that draws values far out in to ten deviations from the level of the table they are met in.

    A lone value far outside would otherwise be judged by extrapolation. Where a whole column lies elsewhere that is its
    level, a matter of the intercept: ``level_`` (p,) is the median of the target's rows, 0 until there is a target. A
    column so wide in the target that three of its deviations are more than ten of the source's would lose what its
    rows tell: it is measured in units ``width_`` (p,) times as large, in which they are ten.
    """

    def fit(self, X: Array, y: Any = None, sample_weight: Array | None = None) -> Self:
        """Learn means and deviations; the level is then the source's own."""
        super().fit(X, y, sample_weight)
        self.level_, self.width_ = np.zeros(self.n_features_in_), np.ones(self.n_features_in_)
        return self

    def set_level(self, X: Array, sample_weight: Array | None = None) -> NDArray[np.bool_]:
        """Take the level and width of a target's rows X (n, p); which of its values are then drawn in (n, p)."""
        scaled = super().transform(X)
        low, self.level_, high = np.quantile(
            scaled, [0.25, 0.5, 0.75], axis=0, weights=sample_weight, method="inverted_cdf"
        )
        self.width_ = np.maximum(1.0, 3 * (high - low) / _QUARTILES / LIMIT)
        return np.asarray(np.abs(scaled - self.level_) > LIMIT * self.width_)

    def drawn_in(self, made: Array) -> NDArray[np.bool_]:
        """Which of the rows that it made (n, p) hold a value that was drawn in, (n,)."""
        return np.asarray((np.abs(made - self.level_) > LIMIT * (1 - 1e-12)).any(axis=1))

    def transform(self, X: Array, copy: bool | None = None) -> Array:
        """Standardised, and clipped about the level."""
        scaled = super().transform(X, copy=copy)
        scaled -= self.level_
        scaled /= self.width_
        np.clip(scaled, -LIMIT, LIMIT, out=scaled)
        scaled += self.level_
        return np.asarray(scaled)


def prepare(
    table: Table, columns: tuple[Column, ...], weight: Array | None = None, degree: int = 1
) -> list[tuple[str, Any]]:
    """The fitted steps, as a Pipeline takes them, from a source table to its features.

    Numbers and dates are standardised, for ``degree`` 2 expanded to squares and products and standardised again, and
    clipped at ten deviations; categories are one-hot, at 0 and 1. The table is read block by block: beside
    it, memory holds one block of features.
    """
    reader = TableColumns(columns)
    numbers = sum(column.kind != CATEGORY for column in columns)
    clipped = ClippedScaler()
    steps: Any = clipped
    if degree > 1:
        products = PolynomialFeatures(degree, include_bias=False)
        steps = Pipeline([("standardise", StandardScaler()), ("products", products), ("clip", clipped)])
    levels = [np.arange(float(len(column.levels))) for column in columns[numbers:]]
    one_hot = OneHotEncoder(categories=levels, handle_unknown="ignore", sparse_output=False)
    parts = [("numbers", steps, slice(0, numbers)), ("categories", one_hot, slice(numbers, len(columns)))]
    transformer = ColumnTransformer([part for part in parts if part[2].start < part[2].stop], sparse_threshold=0)

    def matrices() -> Iterator[tuple[Array, Array | None]]:
        for rows in blocks:
            yield reader.transform(table.rows(rows))[:, :numbers], None if weight is None else weight[rows]

    blocks = list(row_blocks(table.data.num_rows, len(columns)))
    transformer.fit(reader.transform(table.rows(blocks[0])))
    if numbers:  # the first block has shaped the transformer; now its scalers learn the whole table
        fitted = transformer.named_transformers_["numbers"]
        if degree == 1:
            _learn(fitted, matrices())
        else:
            _learn(fitted["standardise"], matrices())
            _learn(fitted["clip"], ((fitted[:-1].transform(X), w) for X, w in matrices()))
    return [("columns", reader), ("features", transformer)]


def _learn(scaler: StandardScaler, blocks: Iterable[tuple[Array, Array | None]]) -> None:
    for index, (X, weight) in enumerate(blocks):
        (scaler.partial_fit if index else scaler.fit)(X, sample_weight=weight)


def at_level(prepared: Pipeline, table: Table, weight: Array | None = None) -> tuple[Pipeline, NDArray[np.bool_]]:
    """The preprocessor about the levels of a target, and which of the target's rows have a value drawn in."""
    prepared = deepcopy(prepared)
    numbers = prepared[-1].named_transformers_.get("numbers")
    if numbers is None:
        return prepared, np.zeros(table.data.num_rows, bool)
    X = prepared[0].transform(table)[:, : sum(column.kind != CATEGORY for column in prepared[0].columns)]
    if isinstance(numbers, Pipeline):
        X, numbers = numbers[:-1].transform(X), numbers[-1]
    return prepared, numbers.set_level(X, weight).any(axis=1)


def rows_drawn_in(prepared: Pipeline, made: Array) -> NDArray[np.bool_]:
    """Which of the rows that a preprocessor made (n, p) have a value drawn in."""
    numbers = prepared[-1].named_transformers_.get("numbers")
    if numbers is None:
        return np.zeros(len(made), bool)
    scaler = numbers[-1] if isinstance(numbers, Pipeline) else numbers
    return np.asarray(scaler.drawn_in(made[:, : len(scaler.level_)]))


def drawn_in_note(name: str, rows: NDArray[np.bool_]) -> list[str]:
    """What is said of rows with values that were drawn in."""
    if not rows.any():
        return []
    return [
        f"{name}: {rows.sum()} of {len(rows)} rows have values more than {LIMIT:g} of the source's deviations from the "
        "target's middle, drawn in to there"
    ]
