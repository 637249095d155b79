"""Preparation: one transformer from tables to features, fitted on the source and shared by all sides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    _check_sample_weight,
    check_array,
    check_is_fitted,
)

from headwater.spectrum.rows import Array, row_blocks
from headwater.tables.cells import CATEGORY
from headwater.tables.clipping import LIMIT, ClippedScaler, learn, pooled
from headwater.tables.columns import Column, encode
from headwater.tables.features import shared_columns
from headwater.tables.frames import as_table, is_table, of_columns
from headwater.tables.table import Table

MISSING_LEVEL = "(missing)"


class TablePreparation(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """From the columns of a table to the features of a ridge, by what the source showed of them.

    What ``advise``, ``fit`` and the command line do to a table before anything is fitted: numbers, dates (as days) and
    booleans are standardised by the source's mean and deviation, and a value more than ten deviations away is drawn in
    to there; text becomes one column a level, 0 or 1; a missing number is the source's median, with one more column
    that says so where 20 or more are missing; a missing text is a level of its own. Columns that look like identifiers,
    do not vary, or are neither numbers, text nor dates are left out.

    Parameters
    ----------
    degree : 1 or 2
        2 adds squares and products of the numbers, standardised again.
    features : list of str, optional
        Use these columns only, whatever they look like; all that can be used by default.
    exclude : list of str, optional
        Columns not to use.
    categories : list of str, optional
        Columns whose numbers are codes, and so are taken as text. Those that pandas holds as categories are anyway.

    Attributes
    ----------
    columns_ : tuple of Column
        What the table fitted on showed of each column that is used, numbers first.
    notes_ : list of str
        What was left out, and why.
    n_features_in_, feature_names_in_
        As in scikit-learn, of the table fitted on.

    Notes
    -----
    A table is a data frame of pandas or polars, or anything else that Arrow reads; columns are found by name, in any
    order, and others are not looked at. An array (n, p) of numbers or objects stands for columns x0, x1, ….

    A target's columns may lie elsewhere, or be wider: ``about`` gives the same preparation with far values drawn in
    about the target's own medians (``docs/decisions/tables-clipping.md``). ``fit`` and the command line keep that one.

    Examples
    --------
    >>> import pandas as pd
    >>> houses = pd.DataFrame({"size": [50.0, 80.0, None, 65.0], "heating": ["gas", "oil", "gas", "gas"]})
    >>> preparation = TablePreparation().fit(houses)
    >>> list(preparation.get_feature_names_out())
    ['size', 'heating=gas', 'heating=oil']
    >>> preparation.transform(houses).round(2).tolist()
    [[-1.41, 1.0, 0.0], [1.41, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]]
    """

    def __init__(
        self,
        degree: int = 1,
        features: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        categories: Sequence[str] | None = None,
    ) -> None:
        self.degree = degree
        self.features = features
        self.exclude = exclude
        self.categories = categories

    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Learn which columns to use, and their means, deviations, medians and levels.

        Parameters
        ----------
        X : data frame, Arrow table or array (n, p)
            Without the outcome.
        y : ignored
        sample_weight : array (n,), optional
            How many rows each row stands for in means and deviations.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            No rows, no column that can be used, a column that is named and not there, another ``degree``.
        TypeError
            No table.
        """
        table, codes = self._table(X, reset=True), self.categories or ()
        if table.data.num_rows == 1:
            raise ValueError(f"{table.name} has one row (n_samples = 1), in which nothing varies")
        table = table.as_text(dict.fromkeys([*codes, *table.codes]))
        _check_feature_names(self, X, reset=True)
        self.n_features_in_ = len(table.names)
        columns, self.notes_ = shared_columns(table, table, set(), self.features or (), self.exclude or (), codes)
        weight = None if sample_weight is None else _check_sample_weight(sample_weight, X, dtype=np.float64)
        self._learn([(table, weight)], columns)
        return self

    def transform(self, X: Any) -> Array:
        """The features of a table's rows.

        Parameters
        ----------
        X : data frame, Arrow table or array (n, p)

        Returns
        -------
        ndarray (n, q), or the container that ``set_output`` asks for

        Raises
        ------
        ValueError
            A column that is missing, or of another kind than in the table fitted on.
        TypeError
            No table.
        """
        check_is_fitted(self)
        values = encode(self._table(X), self.columns_)
        count = self._numbers
        parts = [self.scaler_.transform(self._expanded(values[:, :count]))] if count else []
        parts += [self.one_hot_.transform(values[:, count:])] if count < len(self.columns_) else []
        return np.hstack(parts) if len(parts) > 1 else np.asarray(parts[0])

    def about(self, X: Any, sample_weight: ArrayLike | None = None) -> TablePreparation:
        """The same preparation, with far values drawn in about a target's medians and in its widths.

        Parameters
        ----------
        X : data frame, Arrow table or array (n1, p)
            The target's rows.
        sample_weight : array (n1,), optional

        Returns
        -------
        TablePreparation
            A copy; this one stays as it is.

        Raises
        ------
        ValueError
            As ``transform`` does.
        """
        other = deepcopy(self)
        if self._numbers:
            values = encode(self._table(X), self.columns_[: self._numbers])
            other.scaler_.set_level(self._expanded(values), sample_weight)
        return other

    def drawn_in(self, made: ArrayLike) -> NDArray[np.bool_]:
        """Which of the rows that it made have a value that was drawn in.

        Parameters
        ----------
        made : array (n, q)
            What ``transform`` gave.

        Returns
        -------
        ndarray of bool (n,)
        """
        made = np.asarray(made)
        return (
            self.scaler_.drawn_in(made[:, : len(self.scaler_.level_)]) if self._numbers else np.zeros(len(made), bool)
        )

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """The features' names: a number's column, ``a^2`` and ``a b`` of degree 2, ``column=level`` of text.

        Parameters
        ----------
        input_features : ignored
            The names are those of the table fitted on.

        Returns
        -------
        ndarray of str (q,)
        """
        check_is_fitted(self)
        names = [column.name for column in self.columns_[: self._numbers]]
        if self.expanded_ is not None:
            names = list(self.expanded_.get_feature_names_out(names))
        levels = [f"{column.name}={level or MISSING_LEVEL}" for column in self.columns_[self._numbers :]
                  for level in column.levels]  # fmt: skip
        return np.array([*names, *levels], dtype=object)

    def feature_units(self) -> Array:
        """What a coefficient of each feature is multiplied by to be one of the columns in their own units.

        Returns
        -------
        ndarray (q,)
            1 over what a number was divided by, 1 of a level of text. Of degree 2 a square or a product is of columns
            less their means, and a column's own coefficient the slope where all are at theirs.
        """
        check_is_fitted(self)
        units = np.ones(len(self.get_feature_names_out()))
        if self._numbers:
            made = 1 / (self.scaler_.scale_ * self.scaler_.width_)
            if self.expanded_ is not None:
                made *= np.prod(self.expanded_["standardise"].scale_ ** -self.expanded_["products"].powers_, axis=1)
            units[: len(made)] = made
        return units

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "columns_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.categorical = True
        return tags

    def _table(self, X: Any, reset: bool = False) -> Table:
        """The table of what scikit-learn may hand over: a frame, or an array whose columns have no names."""
        if is_table(X):
            return as_table(X)
        X = check_array(X, dtype=None, ensure_all_finite="allow-nan")
        _check_n_features(self, X, reset=reset)
        return of_columns(X.T)

    @property
    def _numbers(self) -> int:
        return sum(column.kind != CATEGORY for column in self.columns_)

    def _expanded(self, values: Array) -> Array:
        return values if self.expanded_ is None else np.asarray(self.expanded_.transform(values))

    def _learn(self, sides: Sequence[tuple[Table, Array | None]], columns: tuple[Column, ...]) -> list[Array]:
        """Learn these columns from tables and weights, block by block; the means (p,) of each, as features."""
        check_degree("degree", self.degree)
        count = self._take(columns)
        if not count:
            return [np.zeros(0) for _ in sides]

        def matrices(table: Table, weight: Array | None) -> Iterator[tuple[Array, Array | None]]:
            for rows in row_blocks(table.data.num_rows, count):
                values = encode(table.rows(rows), columns[:count])
                yield self._expanded(values), None if weight is None else weight[rows]

        if self.degree > 1:
            self._expand(pooled([learn(StandardScaler(), matrices(*side)) for side in sides]))
        scalers = [learn(ClippedScaler(), matrices(*side)) for side in sides]
        self.scaler_ = pooled(scalers)
        return [(scaler.mean_ - self.scaler_.mean_) / self.scaler_.scale_ for scaler in scalers]

    def _take(self, columns: tuple[Column, ...]) -> int:
        """Use these columns; how many of them are numbers."""
        self.columns_, self.expanded_ = columns, cast(Any, None)
        levels = [np.arange(float(len(column.levels))) for column in columns[self._numbers :]]
        self.one_hot_ = OneHotEncoder(categories=levels, handle_unknown="ignore", sparse_output=False)
        if levels:
            self.one_hot_.fit(np.zeros((1, len(levels))))
        return self._numbers

    def _expand(self, standardise: StandardScaler) -> None:
        """Add squares and products of the standardised numbers."""
        products = PolynomialFeatures(self.degree, include_bias=False).fit(np.zeros((1, self._numbers)))
        self.expanded_ = Pipeline([("standardise", standardise), ("products", products)])


def prepare(
    sides: Sequence[tuple[Table, Array | None]], columns: tuple[Column, ...], degree: int = 1
) -> list[TablePreparation]:
    """One preparation for the tables and weights of one or several sources, for each with far values about its mean."""
    one = _asked_for(columns, degree)
    levels = one._learn(sides, columns)
    if len(sides) == 1:
        return [one]
    each = [deepcopy(one) for _ in sides]
    for preparation, level in zip(each, levels, strict=True):
        if len(level):
            preparation.scaler_.level_ = level
    return each


def unscaled(columns: tuple[Column, ...], standardise: StandardScaler | None = None) -> TablePreparation:
    """The preparation of these columns without its ``scaler_``, of degree 2 where the numbers are ``standardise``d."""
    one = _asked_for(columns, 1 if standardise is None else 2)
    one._take(columns)
    if standardise is not None:
        one._expand(standardise)
    return one


def expanded(preparation: TablePreparation, table: Table) -> Array:
    """A table's numbers with their squares and products (n, k), before they are standardised."""
    values = encode(table, preparation.columns_[: preparation._numbers])
    if not len(values):
        return np.empty((0, preparation.expanded_["products"].n_output_features_))
    return preparation._expanded(values)


def _asked_for(columns: tuple[Column, ...], degree: int) -> TablePreparation:
    """One that would find these columns by itself."""
    codes = [column.name for column in columns if column.coded and not column.indicates]
    return TablePreparation(degree, list(dict.fromkeys(column.name for column in columns)), None, codes)


def same(one: TablePreparation, other: TablePreparation) -> bool:
    """Whether two preparations make the same of every table."""

    def numbers(of: TablePreparation) -> list[Array]:
        scalers = [of.scaler_] if of._numbers else []
        scalers += [] if of.expanded_ is None else [of.expanded_[0]]
        each = ("mean_", "scale_", "level_", "width_")
        return [np.asarray(getattr(scaler, name)) for scaler in scalers for name in each if hasattr(scaler, name)]

    return one.columns_ == other.columns_ and all(map(np.array_equal, numbers(one), numbers(other)))


def check_degree(option: str, degree: Any) -> None:
    """ValueError for products of more than two numbers."""
    if isinstance(degree, bool) or degree not in (1, 2):
        raise ValueError(f"{option}: 1, or 2 for squares and products too, got {degree!r}")


def drawn_in_note(name: str, rows: NDArray[np.bool_]) -> list[str]:
    """What is said of rows with values that were drawn in."""
    if not rows.any():
        return []
    return [
        f"{name}: {rows.sum()} of {len(rows)} rows have values more than {LIMIT:g} of the source's deviations from the "
        "target's middle, drawn in to there"
    ]
