"""Blocks: the only reader of input. A file of CSV, TSV or Parquet becomes one Arrow table."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from headwater.numerals import as_numbers

_HEAD = 1 << 16
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_MISSING = ["", "NA", "N/A", "n/a", "#N/A", "#NA", "<NA>", "NaN", "nan", "-NaN", "-nan", "NULL", "null", "None"]
_MISSING += ["?", "-", "--", ".", "#DIV/0!", "#VALUE!", "#REF!"]
_FOREIGN = {
    b"PK\x03\x04": "a zip archive or spreadsheet",
    b"\xd0\xcf\x11\xe0": "a spreadsheet",
    b"%PDF": "a PDF",
    b"<!": "a web page",
    b"<html": "a web page",
}
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, eq=False)
class Table:
    """One file's columns as Arrow holds them, the name that messages call it by, and what reading it met.

    Column names have no white space around them; text is Arrow's ``string`` however the file encodes it.
    """

    name: str
    data: pa.Table
    notes: tuple[str, ...] = ()

    @property
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
    has. Numbers with thousands separators or decimal commas are numbers; empty cells and the usual marks (NA, NaN,
    NULL, ?, -, .) are missing.
    Raises OSError or ValueError, of one line that names the file, for anything else.
    """
    name = str(path)
    delimiter = _character(delimiter)
    if path.is_dir():
        raise IsADirectoryError(f"{name}: this is a folder; give the file of a table")
    try:
        content: Any = name if path.is_file() else pa.BufferReader(path.read_bytes())  # a pipe can be read only once
        with pa.input_stream(content, compression="detect" if content is name else None) as stream:
            head = stream.read(_HEAD)
    except OSError as problem:
        reason = "there is no such file" if isinstance(problem, FileNotFoundError) else problem.strerror or problem
        raise type(problem)(f"{name}: cannot be read: {reason}") from None
    table = _parquet(name, content) if head[:4] == b"PAR1" else _delimited(name, content, head, delimiter)
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
        head = stream.read(_HEAD)
    if head[:4] == b"PAR1":
        return _parquet(str(path), str(path)).data
    found = _delimiter(_text(str(path), head), _character(delimiter))
    return _parse(str(path), found, as_written=True)


def _parquet(name: str, content: Any) -> Table:
    from pyarrow import parquet

    try:
        return Table(name, _plain(parquet.ParquetFile(content).read()))
    except (pa.ArrowException, OSError) as problem:
        raise ValueError(f"{name}: not a whole Parquet file: {problem}") from None


def _delimited(name: str, content: Any, head: bytes, delimiter: str | None) -> Table:
    text = _text(name, head)
    found = _delimiter(text, delimiter)
    first = next(csv.reader(io.StringIO(text), delimiter=found), [])
    if first and all(_is_number(cell) for cell in first):
        raise ValueError(f"{name}: the first line holds numbers, not names; add a line of column names above it")
    if content is not name:
        content.seek(0)
    try:
        data = _parse(content, found)
    except (pa.ArrowException, OSError) as problem:
        kind = _DELIMITERS.get(found, repr(found))
        raise ValueError(f"{name}: not a table of {kind}-separated values: {_reason(str(problem))}") from None
    if any(pa.types.is_binary(kind) for kind in data.schema.types):
        raise ValueError(_encoding(name))
    notes = []
    if delimiter is None and found not in (",", "\t"):
        notes.append(f"{name}: read as {_DELIMITERS[found]}-separated")
    data, commas = as_numbers(_plain(data), _MISSING)
    if commas:
        notes.append(f"{name}: numbers with commas are read as numbers: {'; '.join(commas)}")
    return Table(name, data, tuple(notes))


def _parse(content: Any, delimiter: str, as_written: bool = False) -> pa.Table:
    from pyarrow import csv as arrow

    form = arrow.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    if not as_written:
        meaning = arrow.ConvertOptions(null_values=_MISSING, strings_can_be_null=True)
        return arrow.read_csv(content, parse_options=form, convert_options=meaning)
    with arrow.open_csv(content, parse_options=form) as first:
        names = first.schema.names
    text = arrow.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    return arrow.read_csv(content, parse_options=form, convert_options=text)


def _text(name: str, head: bytes) -> str:
    """The head as text; ValueError says what it is instead."""
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        raise ValueError(f"{name}: the file is empty")
    for magic, kind in _FOREIGN.items():
        if head.startswith(magic):
            raise ValueError(f"{name}: this is {kind}, not a table; export it as CSV in UTF-8")
    if head.startswith(_UTF16):
        raise ValueError(f"{name}: the text is UTF-16; UTF-8 was tried: save it again as CSV in UTF-8")
    if b"\0" in head:
        raise ValueError(f"{name}: this is binary data, not a table; give CSV, TSV or Parquet")
    whole = head if len(head) < _HEAD else head[: head.rfind(b"\n") + 1] or head[:-4]
    try:
        return whole.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(_encoding(name)) from None


def _encoding(name: str) -> str:
    return f"{name}: the text is not UTF-8, which was tried; save it again as UTF-8, or convert it by iconv"


def _character(delimiter: str | None) -> str | None:
    """The delimiter that was asked for; ValueError unless it is one character, spelt out for the tab."""
    delimiter = "\t" if delimiter in ("tab", r"\t") else delimiter
    if delimiter is not None and (len(delimiter.encode()) != 1 or delimiter in '\r\n"'):
        raise ValueError("--delimiter: give one character, or tab")
    return delimiter


def _delimiter(text: str, wanted: str | None) -> str:
    """The one wanted where the header has it; else what cuts header and most lines below it into as many cells."""
    if wanted is not None and wanted in text.partition("\n")[0]:
        return wanted

    def cells(delimiter: str) -> int:
        rows = [row for row in csv.reader(io.StringIO(text[:20000]), delimiter=delimiter) if row][:20]
        alike = sum(len(row) == len(rows[0]) for row in rows)
        return len(rows[0]) if rows and 2 * alike > len(rows) else 0

    counts = {delimiter: cells(delimiter) for delimiter in _DELIMITERS}
    best = max(counts, key=lambda delimiter: counts[delimiter])
    return best if counts[best] > 1 else ","


def _plain(data: pa.Table) -> pa.Table:
    """The table under names without white space around them, its text of one type."""
    for index, field in enumerate(data.schema):
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
            kind = pa.string()
        if kind != field.type:
            data = data.set_column(index, field.name, data.column(index).cast(kind))
    return data.rename_columns([name.strip() for name in data.column_names])


def _reason(problem: str) -> str:
    """Arrow's reason in this project's words where it is the usual one: a line with too many or too few cells."""
    cells = re.search(r"(?:Row #(\d+): )?Expected (\d+) columns, got (\d+): (.*)", problem, re.DOTALL)
    if cells is None:
        return " ".join(problem.split())[:200]
    _, expected, found, line = cells.groups()
    return f"the header has {expected} columns, a line has {found}: {line.splitlines()[0][:60]}"


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def listed(names: list[str], most: int = 8) -> str:
    """Names for a message, the first few of many."""
    return ", ".join(name or "''" for name in names[:most]) + (
        f" and {len(names) - most} more" if len(names) > most else ""
    )
