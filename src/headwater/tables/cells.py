"""Cells: one column of one table, looked up once: its kind, and its values as numbers or as text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_LARGEST = 1e140  # a million squares of it can still be added up
MISSING = ""  # as a level: text that is empty is missing
NUMBER, CATEGORY, DATE = "number", "category", "date"
WORDS = {NUMBER: "numbers", CATEGORY: "text", DATE: "dates", None: "neither numbers, text nor dates"}
_A_DAY = {"day": 1.0, "s": 86400.0, "ms": 86400e3, "us": 86400e6, "ns": 86400e9}


@dataclass(frozen=True, eq=False)
class Cells:
    """A column's values as Arrow holds them, with the names of its table and its own for messages."""

    table: str
    name: str
    values: pa.ChunkedArray

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def kind(self) -> str | None:
        """Numbers and booleans, text, or dates; None for what cannot be a feature."""
        kind, numbers = self.values.type, (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
        if any(test(kind) for test in (*numbers, pa.types.is_decimal)):
            return NUMBER
        if pa.types.is_string(kind):
            return CATEGORY
        return DATE if pa.types.is_date(kind) or pa.types.is_timestamp(kind) else None

    @cached_property
    def missing(self) -> int:
        """How many of the values are missing: null or NaN."""
        return int(self.values.null_count) + _nans(self.values)

    @property
    def empty(self) -> bool:
        """Whether there is no value at all, so that the column may be of any kind."""
        return bool(self.values.null_count == len(self.values))

    def floats(self) -> pa.ChunkedArray:
        """Numbers, or dates as days since 1970, in double precision; NaN is missing."""
        values, kind = self.values, self.values.type
        if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
            whole = pa.int32() if pa.types.is_date32(kind) else pa.int64()
            count = values.cast(whole).cast(pa.float64(), safe=False)  # no cast to finer units, which might wrap
            return pc.divide(count, _A_DAY[_unit(kind)])
        if pa.types.is_decimal(kind):
            values = values.cast(pa.string())  # the nearest double; Arrow's own way from decimals misses it by a digit
        values = values.cast(pa.float64(), safe=False)
        if pa.types.is_floating(kind) and _nans(values):
            values = pc.if_else(pc.is_nan(values), pa.scalar(None, pa.float64()), values)
        return values

    def finite(self) -> pa.ChunkedArray:
        """The numbers, missing ones left missing; ValueError where one is infinite, or too large to square."""
        values = self.floats()
        bounds = pc.min_max(values)
        if any(bound.is_valid and abs(bound.as_py()) > _LARGEST for bound in bounds.values()):
            row = pc.index(pc.greater(pc.abs(values), _LARGEST), True).as_py()
            value = values[row].as_py()
            what = "an infinite value" if np.isinf(value) else f"{value:g}, which is too large to square,"
            where = f"{self.table}: column {self.name!r}"
            raise ValueError(f"{where} has {what} in row {row + 1}; mend it or leave it empty")
        return values

    def numeric(self, role: str) -> pa.ChunkedArray:
        """The numbers of a column that has to be numeric: the outcome, or weights."""
        if self.kind == NUMBER or pa.types.is_null(self.values.type):
            return self.finite()
        words = pc.unique(self.values.drop_null()).to_pylist() if self.kind == CATEGORY else []
        how = "make it a number"
        if len(words) == 2:
            how = f"write 1 for {words[0]!r} and 0 for {words[1]!r}, or the reverse"
        raise ValueError(f"{self.table}: the {role} {self.name!r} is not numeric: {self.example()}; {how}")

    def text(self) -> pa.ChunkedArray:
        """The values as text: whole numbers without a decimal point, missing as MISSING."""
        values = self.values
        if pa.types.is_floating(values.type):
            none = pa.scalar(None, values.type)
            whole = pc.cast(pc.if_else(pc.is_finite(values), values, none), pa.int64(), safe=False)
            same = pc.equal(whole.cast(pa.float64(), safe=False), values)
            fits = pc.all(pc.or_kleene(same, pc.is_nan(values))).as_py() is not False
            values = whole if fits else pc.if_else(pc.is_nan(values), none, values)
        return pc.fill_null(values.cast(pa.string()), MISSING)

    def example(self) -> str:
        """A value; of text, one that is no number."""
        values = self.values.drop_null()
        if pa.types.is_string(values.type):
            odd = values.filter(pc.invert(pc.match_substring_regex(values, r"^\s*[+-]?[\d.,]+\s*$")))
            values = odd if len(odd) else values
        if not len(values):
            return "no value"
        try:
            return repr(str(values[0].as_py()))
        except (ValueError, OverflowError):  # a date that Python has not
            return f"{Cells(self.table, self.name, values).floats()[0].as_py():g} days after 1970"


def _unit(kind: pa.DataType) -> str:
    return "day" if pa.types.is_date32(kind) else "ms" if pa.types.is_date64(kind) else str(kind.unit)


def _nans(values: pa.ChunkedArray) -> int:
    if not pa.types.is_floating(values.type) or np.isfinite(pc.sum(values).as_py() or 0.0):
        return 0  # one NaN would have made the sum NaN
    return int(pc.sum(pc.is_nan(values)).as_py() or 0)
