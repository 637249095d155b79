"""Blocks: the only reader of input. Tables come from CSV, TSV or Parquet files through pyarrow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from headwater.moments import Array


def read_table(path: Path, delimiter: str | None = None) -> pa.Table:
    """Read a CSV, TSV or Parquet file, told apart by its first bytes; the delimiter is found unless given.

    Raises ValueError, naming the file, where it is missing, empty or no table.
    """
    try:
        with path.open("rb") as file:
            head = file.read(65536)
    except OSError as problem:
        raise ValueError(f"{path}: cannot be read ({problem.strerror})") from None
    if not head.strip():
        raise ValueError(f"{path}: the file is empty")
    try:
        if head.startswith(b"PAR1"):
            from pyarrow import parquet

            return parquet.read_table(path)
        from pyarrow import csv

        found = delimiter or max(",;\t|", key=head.splitlines()[0].decode("utf-8-sig").count)
        return csv.read_csv(path, parse_options=csv.ParseOptions(delimiter=found, newlines_in_values=True))
    except (pa.ArrowInvalid, UnicodeDecodeError) as problem:
        raise ValueError(f"{path}: not a table ({str(problem).splitlines()[0]})") from None


def numeric_columns(table: pa.Table, names: list[str], path: Path) -> Array:
    """Columns as a matrix (n, p); ValueError names the file and column that is not numeric or not finite."""
    columns = []
    for name in names:
        column = table[name]
        kind = column.type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
            raise ValueError(f"{path}: column '{name}' is not numeric ({kind}): leave it out of both tables")
        values = column.cast(pa.float64()).to_numpy()
        if not np.isfinite(values).all():
            raise ValueError(f"{path}: column '{name}' has missing or infinite values: fill or drop them")
        columns.append(values)
    return np.column_stack(columns)
