"""Frames: the data frames of Python as tables, cell by cell what they would be if they had been written to a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from headwater.tables.delimited import AS_FOUND, Reading
from headwater.tables.table import Table, as_in_text, plain, read_table

_TABLES = "a data frame of pandas or polars, an Arrow table, or the path of a file"


def table_of(data: Any, name: str, reading: Reading = AS_FOUND) -> Table:
    """The table of a frame, under a name for messages, or of the file at a path; raises as these do."""
    return read_table(Path(data), reading) if isinstance(data, (str, Path)) else as_table(data, name)


def is_table(data: Any) -> bool:
    """Whether this is a frame with named columns, of whatever library, and no array."""
    ways = ("__arrow_c_stream__", "__arrow_c_array__", "iloc", "collect_schema")
    return isinstance(data, Table) or any(hasattr(data, way) for way in ways)


def as_table(data: Any, name: str = "the table") -> Table:
    """The table of an Arrow table or of any data frame that Arrow reads (pandas, polars); a Table is itself.

    Raises TypeError for what is no table, ValueError for one without rows or columns.
    """
    if isinstance(data, Table):
        return data
    table = replace(plain(_arrow(data, name), name), from_file=False)
    data = table.data
    if not data.num_columns or not data.num_rows:
        raise ValueError(f"{name}: the table has no {'rows' if data.num_columns else 'columns'}")
    return replace(table, data=as_in_text(data))


def _arrow(data: Any, name: str) -> pa.Table:
    if isinstance(data, pa.Table):
        return data
    if hasattr(data, "iloc") and hasattr(data, "columns"):
        return _from_pandas(data)
    if type(data).__name__ == "LazyFrame":
        raise TypeError(f"{name} is a LazyFrame, whose rows are not there yet: give {name}.collect()")
    if not is_table(data):
        raise TypeError(f"{name} is of type {type(data).__name__}: give {_TABLES}")
    try:  # polars' own way has types that Arrow can count with, where its stream has views
        table = data.to_arrow() if hasattr(data, "to_arrow") else pa.table(data)
    except (pa.ArrowException, TypeError, ValueError, RuntimeError) as problem:
        raise TypeError(f"{name} is no table ({' '.join(str(problem).split())[:80]}): give {_TABLES}") from None
    if not isinstance(table, pa.Table):
        raise TypeError(f"{name} is one column, a {type(data).__name__}: give {_TABLES}")
    return table


def of_columns(columns: Iterable[Any]) -> Table:
    """The table of an array's columns, which have no names: x0, x1, … as scikit-learn calls them."""
    return plain(pa.table({f"x{index}": _column(column) for index, column in enumerate(columns)}), "the array")


def _from_pandas(frame: Any) -> pa.Table:
    """The columns, names as text; the index, which names rows, is none."""
    columns = [_column(frame.iloc[:, index]) for index in range(frame.shape[1])]
    return pa.Table.from_arrays(columns, names=[str(name) for name in frame.columns])


def _column(values: Any) -> pa.Array:
    """A column, NaN as missing; of values that are of several types, their text, as a file would have it."""
    if hasattr(values, "sparse"):
        values = values.sparse.to_dense()
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return pa.array([None if _is_missing(value) else str(value) for value in values], pa.string())


def _is_missing(value: Any) -> bool:
    return (
        value is None
        or type(value).__name__ in ("NAType", "NaTType")
        or (isinstance(value, (float, np.floating)) and bool(np.isnan(value)))
    )
