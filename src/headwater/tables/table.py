"""Table: the only reader of files. One of CSV, TSV or Parquet becomes one Arrow table."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headwater.files import why_unreadable
from headwater.tables.cells import Cells
from headwater.tables.delimited import AS_FOUND, HEAD, Reading, as_written, opened, read_delimited
from headwater.tables.workbook import as_csv

_SHOWN = 8
_ISO = r"^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2})?)?$"


@dataclass(frozen=True, eq=False)
class Table:
    """One file's or frame's columns as Arrow holds them, the name that messages call it by, and what reading it met.

    Column names have no white space around them; text is Arrow's ``string`` however the file encodes it. ``decimal`` is
    the mark that its numbers had, None where none showed one; ``written`` reads every cell as the text it is; ``codes``
    are the columns whose numbers are said to be categories.
    """

    name: str
    data: pa.Table
    notes: tuple[str, ...] = ()
    decimal: str | None = None
    written: Callable[[], pa.Table] | None = None
    codes: tuple[str, ...] = ()
    from_file: bool = True

    @cached_property  # Arrow would gather thousands of names anew at every question
    def names(self) -> list[str]:
        return list(self.data.column_names)

    def column(self, name: str) -> Cells:
        """The column of this name; ValueError says which names there are."""
        found = self.data.schema.get_all_field_indices(name)
        if len(found) > 1:
            raise ValueError(
                f"{self.name}: the column {name!r} appears {len(found)} times; rename it, or leave it out by --exclude"
            )
        if not found:
            raise ValueError(f"{self.name}: there is no column {name!r}{meant(name, self.names)}; {all_of(self)}")
        return Cells(self.name, name, self.data.column(found[0]))

    def as_text(self, names: Iterable[str]) -> Table:
        """The table with the numbers of these columns as the text of codes."""
        data = self.data
        for name in names:
            text = self.column(name).text()
            data = data.set_column(self.names.index(name), name, text)
        return replace(self, data=data)

    def where(self, mask: Any) -> Table:
        """The rows where the mask is true."""
        return replace(self, data=self.data.filter(mask))

    def rows(self, some: slice) -> Table:
        """A block of rows, which are not copied."""
        return replace(self, data=self.data.slice(some.start, some.stop - some.start))


def read_table(path: Path, reading: Reading = AS_FOUND) -> Table:
    """Read CSV or TSV (also compressed, as .gz), Parquet or a spreadsheet (.xlsx), told apart by content.

    ``-`` is standard input. Text must be UTF-8. The delimiter is found among comma, semicolon, tab and bar, unless one
    is given that the header has. Numbers with thousands separators, decimal commas, currency or per cent signs are
    numbers; empty cells and the usual marks (NA, NaN, NULL, ?, -, .) are missing.
    Raises OSError or ValueError, of one line that names the file, for anything else.
    """
    name = str(path)
    if re.match(r"[a-z][a-z0-9+]+:/", name):
        raise ValueError(f"{name}: this is a URL, which is not read; download it and give the file")
    if path.is_dir():
        raise IsADirectoryError(f"{name}: this is a folder; give the file of a table")
    try:
        if name == "-":
            name, content = "standard input", pa.py_buffer(sys.stdin.buffer.read())
        else:
            content = name if path.is_file() else pa.py_buffer(path.read_bytes())  # a pipe can be read only once
        with pa.input_stream(content) as stream:
            head = stream.read(HEAD)
    except OSError as problem:
        raise type(problem)(f"{name}: cannot be read: {why_unreadable(problem)}") from None
    if head[:2] == b"PK" and path.suffix.lower() in (".xlsx", ".xlsm"):
        content, noted = as_csv(path)
        head = content.to_pybytes()[:HEAD]
        data, notes, _ = read_delimited(name, content, head, Reading(",", "."))
        return replace(plain(data, name), notes=(*noted, *notes))
    if head[:4] == b"PAR1":
        table = _parquet(name, content)
    else:
        data, notes, decimal = read_delimited(name, content, head, reading)
        written = partial(as_written, name, content, head, reading.delimiter)
        table = replace(plain(data, name), notes=tuple(notes), decimal=decimal, written=written)
    if table.data.num_rows == 0:
        raise ValueError(f"{name}: the table has a header but no rows")
    return table


def _parquet(name: str, content: Any) -> Table:
    from pyarrow import parquet

    try:
        data = parquet.ParquetFile(opened(content), page_checksum_verification=True).read()
    except (pa.ArrowException, OSError) as problem:
        why = " ".join(str(problem).split())[:200]
        raise ValueError(f"{name}: not a whole Parquet file: {why}") from None
    table = plain(data, name)
    return replace(table, data=as_in_text(table.data))


def as_in_text(data: pa.Table) -> pa.Table:
    """A table with its text as a file of text has it: without white space around it, dates where all of it is dates."""
    for index, field in enumerate(data.schema):
        if pa.types.is_string(field.type):
            data = data.set_column(index, field.name, _trimmed(data.column(index)))
    return data


def _trimmed(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    texts = pc.utf8_trim_whitespace(texts)
    written = texts.drop_null()
    if not len(written) or not re.match(_ISO, written[0].as_py()):
        return texts
    if not pc.all(pc.match_substring_regex(written, _ISO)).as_py():
        return texts
    try:
        return texts.cast(pa.timestamp("s"))
    except pa.ArrowException:  # of a day that no month has
        return texts


def plain(data: pa.Table, name: str) -> Table:
    """The table under names without white space around them, its text of one type, its numbers of one that can count.

    What has no such type is left as it is: its cells are of no kind.
    """
    names, codes = [column.strip() for column in data.column_names], []
    coded = _pandas_categories(data)
    for index, column in enumerate(data.schema):
        kind = _plain_type(column.type)
        if kind != column.type:
            try:
                data = data.set_column(index, column.name, data.column(index).cast(kind))
            except pa.ArrowException:
                raise ValueError(
                    f"{name}: the column {column.name!r} is of type {column.type}, which is not read; write it as "
                    "numbers, text or dates"
                ) from None
        held = pa.types.is_dictionary(column.type) or column.name in coded
        if held and (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            codes.append(names[index])
    return Table(name, data.rename_columns(names), codes=tuple(codes))


def _pandas_categories(data: pa.Table) -> set[str]:
    """The columns that pandas held as categories, by what it wrote beside them: Parquet keeps those of text alone."""
    written = json.loads((data.schema.metadata or {}).get(b"pandas", b"{}"))
    return {column["name"] for column in written.get("columns", ()) if column.get("pandas_type") == "categorical"}


def _plain_type(kind: pa.DataType) -> pa.DataType:
    if isinstance(kind, pa.BaseExtensionType):
        return _plain_type(kind.storage_type)
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return _plain_type(kind.value_type)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    return pa.float32() if pa.types.is_float16(kind) else kind


def meant(name: str, names: list[str]) -> str:
    """The names that were perhaps meant; an option's dashes say nothing."""
    by_case = {known.lower().strip("-"): known for known in names}
    close = [by_case[one] for one in get_close_matches(name.lower().strip("-"), by_case, 3)]
    return f" (did you mean {' or '.join(map(repr, close))}?)" if close else ""


def all_of(table: Table) -> str:
    """A table's columns, and how to see those of many that are not shown."""
    more = f" (headwater columns {table.name} lists them)" if table.from_file and len(table.names) > _SHOWN else ""
    return f"the columns are {listed(table.names)}{more}"


def listed(names: list[str], most: int = _SHOWN) -> str:
    """Names for a message, the first few of many."""
    return ", ".join(name or "''" for name in names[:most]) + (
        f" and {len(names) - most} more" if len(names) > most else ""
    )
