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
MISSING = ""  # as a level: text that is empty is missing
_INDICATED = 20  # rows of the source, with so many of which missing a number's missingness is a feature
NUMBER, CATEGORY, DATE = "number", "category", "date"
WORDS = {NUMBER: "numbers", CATEGORY: "text", DATE: "dates", None: "neither numbers, text nor dates"}


@dataclass(frozen=True)
class Column:
    """One feature as the source shows it: its kind, its levels where it is a category, and what stands for missing.

    ``fill`` is the source's median; a category has missing as a level of its own, MISSING, where the source has it.
    ``coded`` categories are text made of numbers: codes, or whether a number is missing, of level MISSING alone.
    """

    name: str
    kind: str
    levels: tuple[str, ...]
    fill: float
    coded: bool = False

    @property
    def indicates(self) -> bool:
        """Whether it says of a number that it is missing."""
        return self.coded and self.levels == (MISSING,)


_A_DAY = {"day": 1.0, "s": 86400.0, "ms": 86400e3, "us": 86400e6, "ns": 86400e9}


def _unit(kind: pa.DataType) -> str:
    return "day" if pa.types.is_date32(kind) else "ms" if pa.types.is_date64(kind) else str(kind.unit)


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
        whole = pa.int32() if pa.types.is_date32(column.type) else pa.int64()
        count = column.cast(whole).cast(pa.float64(), safe=False)  # no cast to finer units, which might wrap
        return pc.divide(count, _A_DAY[_unit(column.type)])
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
    words = pc.unique(column.drop_null()).to_pylist() if kind_of(column) == CATEGORY else []
    how = f"write 1 for {words[0]!r} and 0 for {words[1]!r}, or the reverse" if len(words) == 2 else "make it a number"
    raise ValueError(f"{table.name}: the {role} {name!r} is not numeric: {example(column)}; {how}")


def learned(source: Table, name: str, coded: bool = False) -> list[Column]:
    """What the source shows of a column, and beside it whether it is missing where that is often."""
    column = source.column(name)
    kind = kind_of(column)
    assert kind is not None
    if kind == CATEGORY:
        return [Column(name, kind, tuple(sorted(pc.unique(text_of(column)).to_pylist())), 0.0, coded)]
    found = [Column(name, kind, (), float(np.median(floats(column).drop_null().to_numpy())))]
    return [*found, Column(name, CATEGORY, (MISSING,), 0.0, True)] if missing_in(column) >= _INDICATED else found


def text_of(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column as text: whole numbers without a decimal point, missing as MISSING."""
    if pa.types.is_floating(column.type):
        whole = pc.cast(pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type)), pa.int64(), safe=False)
        fits = pc.all(pc.or_kleene(pc.equal(whole, column), pc.is_nan(column))).as_py() is not False
        column = whole if fits else pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    return pc.fill_null(column.cast(pa.string()), MISSING)


def met(table: Table, columns: tuple[Column, ...]) -> Iterator[str]:
    """What a table holds that the source's columns do not foresee: missing values and unseen levels."""
    missing = {c.name: missing_in(table.column(c.name)) for c in columns if c.kind != CATEGORY}
    missing = {name: count for name, count in missing.items() if count}
    if missing:
        yield (
            f"{table.name}: missing values, taken as the source's median: "
            f"{listed([f'{name} {count}' for name, count in missing.items()])}"
        )
    for column in columns:
        if column.kind == CATEGORY and not column.indicates:
            values = pc.unique(text_of(table.column(column.name)))
            unseen = values.filter(pc.invert(pc.is_in(values, pa.array(column.levels, pa.string())))).to_pylist()
            if unseen:
                words = listed([value or "missing" for value in unseen])
                yield f"{table.name}: {column.name} has values the source never had, taken as none: {words}"


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
    if not len(values):
        return "no value"
    try:
        return repr(str(values[0].as_py()))
    except (ValueError, OverflowError):  # a date that Python has not
        return f"{floats(values)[0].as_py():g} days after 1970"


def encode(table: Table, columns: tuple[Column, ...]) -> Array:
    """The matrix (rows, columns) of numbers, days, and positions of levels; −1 is a level the source never had.

    Raises ValueError for a column that is not there, of another kind than the source's, or not finite.
    """
    out = np.empty((table.data.num_rows, len(columns)))
    for index, column in enumerate(columns):
        values = table.column(column.name)
        kind = kind_of(values)
        if kind != column.kind and not column.coded and values.null_count < len(values):
            raise ValueError(
                f"{table.name}: column {column.name!r} has {WORDS[kind]} ({example(values)}) where the source had "
                f"{WORDS[column.kind]}; mend it"
            )
        if column.kind != CATEGORY:
            out[:, index] = finite(table, column.name).fill_null(column.fill).to_numpy()
            continue
        codes = pc.index_in(text_of(values), pa.array(column.levels, pa.string()))
        out[:, index] = codes.cast(pa.float64()).fill_null(-1.0).to_numpy()
    return out
