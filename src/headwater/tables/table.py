"""Table: the only reader of input. A file of CSV, TSV or Parquet becomes one Arrow table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from headwater.files import why_unreadable
from headwater.tables.delimited import HEAD, as_written, character, opened, read_delimited


@dataclass(frozen=True, eq=False)
class Table:
    """One file's columns as Arrow holds them, the name that messages call it by, and what reading it met.

    Column names have no white space around them; text is Arrow's ``string`` however the file encodes it.
    """

    name: str
    data: pa.Table
    notes: tuple[str, ...] = ()

    @cached_property  # Arrow would gather thousands of names anew at every question
    def names(self) -> list[str]:
        return list(self.data.column_names)

    def column(self, name: str) -> pa.ChunkedArray:
        """The column of this name; ValueError says which names there are."""
        found = self.data.schema.get_all_field_indices(name)
        if len(found) > 1:
            raise ValueError(
                f"{self.name}: the column {name!r} appears {len(found)} times; rename it, or leave it out by --exclude"
            )
        if not found:
            raise ValueError(f"{self.name}: there is no column {name!r}; the columns are {listed(self.names)}")
        return self.data.column(found[0])

    def where(self, mask: Any) -> Table:
        """The rows where the mask is true."""
        return replace(self, data=self.data.filter(mask))

    def rows(self, some: slice) -> Table:
        """A block of rows, which are not copied."""
        return replace(self, data=self.data.slice(some.start, some.stop - some.start))


def read_table(path: Path, delimiter: str | None = None) -> Table:
    """Read CSV or TSV (also compressed, as .gz) or Parquet, told apart by content.

    Text must be UTF-8. The delimiter is found among comma, semicolon, tab and bar, unless one is given that the header
    has. Numbers with thousands separators, decimal commas, currency or per cent signs are numbers; empty cells and the
    usual marks (NA, NaN, NULL, ?, -, .) are missing.
    Raises OSError or ValueError, of one line that names the file, for anything else.
    """
    name = str(path)
    delimiter = character(delimiter)
    if path.is_dir():
        raise IsADirectoryError(f"{name}: this is a folder; give the file of a table")
    try:
        content = name if path.is_file() else pa.py_buffer(path.read_bytes())  # a pipe can be read only once
        with pa.input_stream(content) as stream:
            head = stream.read(HEAD)
    except OSError as problem:
        raise type(problem)(f"{name}: cannot be read: {why_unreadable(problem)}") from None
    if head[:4] == b"PAR1":
        table = _parquet(name, content)
    else:
        data, notes = read_delimited(name, content, head, delimiter)
        table = Table(name, _plain(data), tuple(notes))
    if table.data.num_rows == 0:
        raise ValueError(f"{name}: the table has a header but no rows")
    return table


def as_table(data: Any) -> Table:
    """The Table of an Arrow table or of any data frame that Arrow reads (pandas, polars); a Table is itself."""
    if isinstance(data, Table):
        return data
    return Table("the table", _plain(data if isinstance(data, pa.Table) else pa.table(data)))


def read_text(path: Path, delimiter: str | None = None) -> pa.Table:
    """Every cell as it is written, for a copy that must not change one; Parquet has its own types.

    For a file, not a pipe, that ``read_table`` has accepted: it gives the same rows.
    """
    with pa.input_stream(str(path)) as stream:
        head = stream.read(HEAD)
    if head[:4] == b"PAR1":
        return _parquet(str(path), str(path)).data
    return as_written(str(path), head, character(delimiter))


def _parquet(name: str, content: Any) -> Table:
    from pyarrow import parquet

    try:
        return Table(name, _plain(parquet.ParquetFile(opened(content)).read()))
    except (pa.ArrowException, OSError) as problem:
        raise ValueError(f"{name}: not a whole Parquet file: {problem}") from None


def _plain(data: pa.Table) -> pa.Table:
    """The table under names without white space around them, its text of one type."""
    for index, field in enumerate(data.schema):
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
            kind = pa.string()
        if kind != field.type:
            data = data.set_column(index, field.name, data.column(index).cast(kind))
    return data.rename_columns([name.strip() for name in data.column_names])


def listed(names: list[str], most: int = 8) -> str:
    """Names for a message, the first few of many."""
    return ", ".join(name or "''" for name in names[:most]) + (
        f" and {len(names) - most} more" if len(names) > most else ""
    )
