"""Columns: what each column of a table is: its kind, and its values as numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.spectrum.rows import Array
from headwater.tables.table import Table, listed

_LARGEST = 1e140  # a million squares of it can still be added up
NUMBER, CATEGORY, DATE = "number", "category", "date"
WORDS = {NUMBER: "numbers", CATEGORY: "text", DATE: "dates", None: "neither numbers, text nor dates"}


@dataclass(frozen=True)
class Column:
    """One feature as the source shows it: its kind, its levels where it is a category, and what stands for missing.

    ``fill`` is the source's median, for a category the position of its most frequent level.
    """

    name: str
    kind: str
    levels: tuple[str, ...]
    fill: float


def kind_of(column: pa.ChunkedArray) -> str | None:
    """A column's kind: numbers and booleans, text, dates; None for what cannot be a feature."""
    kind = column.type
    if any(
        test(kind) for test in (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal)
    ):
        return NUMBER
    if pa.types.is_string(kind):
        return CATEGORY
    return DATE if pa.types.is_date(kind) or pa.types.is_timestamp(kind) else None


def floats(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Numbers, or dates as days since 1970, in double precision; NaN is missing."""
    if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
        moments = column.cast(pa.timestamp("us", getattr(column.type, "tz", None)), safe=False)
        return pc.divide(moments.cast(pa.int64()).cast(pa.float64(), safe=False), 86400e6)
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.string())  # the nearest double; Arrow's own way from decimals misses it by a digit
    values = column.cast(pa.float64(), safe=False)
    if pa.types.is_floating(column.type) and _nans(values):
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, pa.float64()), values)
    return values


def finite(table: Table, name: str) -> pa.ChunkedArray:
    """A column's numbers, missing ones left missing; ValueError where one is infinite, or too large to square."""
    values = floats(table.column(name))
    bounds = pc.min_max(values)
    if any(bound.is_valid and abs(bound.as_py()) > _LARGEST for bound in bounds.values()):
        row = pc.index(pc.greater(pc.abs(values), _LARGEST), True).as_py()
        value = values[row].as_py()
        what = "an infinite value" if np.isinf(value) else f"{value:g}, which is too large to square,"
        raise ValueError(f"{table.name}: column {name!r} has {what} in row {row + 1}; mend it or leave it empty")
    return values


def number_column(table: Table, name: str, role: str) -> pa.ChunkedArray:
    """The numbers of a column that has to be numeric: the outcome, or weights."""
    column = table.column(name)
    if kind_of(column) == NUMBER or pa.types.is_null(column.type):
        return finite(table, name)
    raise ValueError(f"{table.name}: the {role} {name!r} is not numeric: {example(column)}; make it a number")


def learned(source: Table, name: str) -> Column:
    column = source.column(name)
    kind = kind_of(column)
    assert kind is not None
    if kind != CATEGORY:
        return Column(name, kind, (), float(np.median(floats(column).drop_null().to_numpy())))
    counts = {item["values"]: item["counts"] for item in pc.value_counts(column.drop_null()).to_pylist()}
    levels = tuple(sorted(counts))
    return Column(name, kind, levels, float(levels.index(max(levels, key=counts.__getitem__))))


def met(table: Table, columns: tuple[Column, ...]) -> Iterator[str]:
    """What a table holds that the source's columns do not foresee: missing values and unseen levels."""
    missing = {column.name: missing_in(table.column(column.name)) for column in columns}
    missing = {name: count for name, count in missing.items() if count}
    if missing:
        yield (
            f"{table.name}: missing values, taken as the source's median or most frequent: "
            f"{listed([f'{name} {count}' for name, count in missing.items()])}"
        )
    for column in columns:
        if column.kind == CATEGORY and kind_of(table.column(column.name)) == CATEGORY:
            values = table.column(column.name)
            seen = pc.is_in(values, pa.array(column.levels, pa.string()), skip_nulls=False)
            unseen = pc.unique(values.filter(pc.invert(pc.or_(seen, pc.is_null(values))))).to_pylist()
            if unseen:
                yield f"{table.name}: {column.name} has values the source never had, taken as none: {listed(unseen)}"


def missing_in(column: pa.ChunkedArray) -> int:
    """How many of a column's values are missing: null or NaN."""
    return int(column.null_count) + _nans(column)


def _nans(column: pa.ChunkedArray) -> int:
    if not pa.types.is_floating(column.type) or np.isfinite(pc.sum(column).as_py() or 0.0):
        return 0  # one NaN would have made the sum NaN
    return int(pc.sum(pc.is_nan(column)).as_py() or 0)


def example(column: pa.ChunkedArray) -> str:
    """A value of the column; of text, one that is no number."""
    values = column.drop_null()
    if pa.types.is_string(values.type):
        odd = values.filter(pc.invert(pc.match_substring_regex(values, r"^\s*[+-]?[\d.,]+\s*$")))
        values = odd if len(odd) else values
    return repr(str(values[0].as_py())) if len(values) else "no value"


def encode(table: Table, columns: tuple[Column, ...]) -> Array:
    """The matrix (rows, columns) of numbers, days, and positions of levels; −1 is a level the source never had.

    Raises ValueError for a column that is not there, of another kind than the source's, or not finite.
    """
    out = np.empty((table.data.num_rows, len(columns)))
    for index, column in enumerate(columns):
        values = table.column(column.name)
        kind = kind_of(values)
        if kind != column.kind and values.null_count < len(values):
            raise ValueError(
                f"{table.name}: column {column.name!r} has {WORDS[kind]} ({example(values)}) where the source had "
                f"{WORDS[column.kind]}; mend it"
            )
        if column.kind != CATEGORY:
            out[:, index] = finite(table, column.name).fill_null(column.fill).to_numpy()
            continue
        values = values.cast(pa.string())
        codes = pc.index_in(values, pa.array(column.levels, pa.string())).cast(pa.float64())
        codes = pc.if_else(pc.is_null(values), column.fill, codes)
        out[:, index] = codes.fill_null(-1.0).to_numpy()
    return out
