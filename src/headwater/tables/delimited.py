"""Delimited text: CSV and its kin, in whatever encoding, delimiter and manner of numbers, as one Arrow table."""

from __future__ import annotations

import csv
import io
import re
from codecs import getincrementaldecoder
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from headwater.tables.numerals import ANGLOPHONE, CONTINENTAL, UNSURE, as_numbers

HEAD = 1 << 16
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_WORDS = ["NA", "N/A", "n.a.", "NaN", "NaT", "NULL", "-NaN"]
_MISSING = [*dict.fromkeys(form(word) for word in _WORDS for form in (str, str.lower, str.upper, str.capitalize))]
_MISSING += ["", "None", "<NA>", "#N/A", "#NA", "#N/A N/A", "(null)", r"\N", "?", "-", "--", ".", "..", ":"]
_MISSING += ["#DIV/0!", "#VALUE!", "#REF!", "#NUM!", "#NAME?", "#NULL!", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"]
_FOREIGN = {
    b"PK\x03\x04": "a zip archive or spreadsheet",
    b"\xd0\xcf\x11\xe0": "a spreadsheet",
    b"\x1f\x8b": "compressed by gzip under another name than .gz",
    b"%PDF": "a PDF",
    b"<!": "a web page",
    b"<html": "a web page",
    b"<?xml": "XML",
    b"{": "JSON",
    b"[{": "JSON",
}
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def read_delimited(name: str, content: Any, head: bytes, delimiter: str | None) -> tuple[pa.Table, list[str]]:
    """The table of a file or buffer that starts with this head, and notes on how it was read.

    Raises ValueError, of one line that names the file, where it is no such table.
    """
    text = _text(name, head)
    found = _delimiter(text, delimiter)
    first = next(_cells(text, found), [])
    if first and all(_is_number(cell) for cell in first):
        raise ValueError(f"{name}: the first line holds numbers, not names; add a line of column names above it")
    if re.match(r"sep=.\r?\n", text):
        raise ValueError(f"{name}: the first line, {text[:5]}, is for spreadsheets alone; delete it")
    data = _parse(name, content, found)
    if any(pa.types.is_binary(kind) for kind in data.schema.types):
        raise ValueError(not_utf8(name))
    notes = []
    if delimiter is None and found not in (",", "\t"):
        notes.append(f"{name}: read as {_DELIMITERS[found]}-separated")
    given, (data, manners) = data, as_numbers(data, _MISSING, UNSURE if found == ";" else ANGLOPHONE)
    if "decimal commas" in manners and found != ",":  # then a dot is no decimal point: what Arrow took for one was not
        dotted = [field.name for field in given.schema if pa.types.is_floating(field.type)]
        data, manners = as_numbers(_parse(name, content, found, dotted), _MISSING, CONTINENTAL)
    manners.pop("plainly", None)
    if manners:
        words = "; ".join(
            f"{manner} in {', '.join(name.strip() for name in names[:8])}" for manner, names in manners.items()
        )
        notes.append(f"{name}: text is read as numbers: {words}")
    return data, notes


def as_written(name: str, head: bytes, delimiter: str | None) -> pa.Table:
    """Every cell of a file as the text it is."""
    from pyarrow import csv as arrow

    form = _form(_delimiter(_text(name, head), delimiter))
    with arrow.open_csv(name, parse_options=form) as first:
        names = first.schema.names
    return arrow.read_csv(
        name, parse_options=form, convert_options=arrow.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    )


def character(delimiter: str | None) -> str | None:
    """The delimiter that was asked for; ValueError unless it is one character, spelt out for the tab."""
    delimiter = "\t" if delimiter in ("tab", r"\t") else delimiter
    if delimiter is not None and (len(delimiter.encode()) != 1 or delimiter in '\r\n"'):
        raise ValueError("--delimiter: give one character, or tab")
    return delimiter


def opened(content: Any) -> Any:
    """What Arrow's readers take: a file's name, or a new reader of a buffer."""
    return content if isinstance(content, str) else pa.BufferReader(content)


def not_utf8(name: str) -> str:
    return f"{name}: the text is not UTF-8, which was tried; save it again as UTF-8, or convert it by iconv"


def _parse(name: str, content: Any, delimiter: str, text: list[str] | None = None) -> pa.Table:
    """The columns in the types Arrow finds, those of ``text`` as text."""
    from pyarrow import csv as arrow

    meaning = arrow.ConvertOptions(
        null_values=_MISSING, strings_can_be_null=True, column_types=dict.fromkeys(text or (), pa.string())
    )
    try:
        return arrow.read_csv(opened(content), parse_options=_form(delimiter), convert_options=meaning)
    except (pa.ArrowException, OSError) as problem:
        kind = _DELIMITERS.get(delimiter, repr(delimiter))
        raise ValueError(f"{name}: not a table of {kind}-separated values: {_reason(str(problem))}") from None


def _form(delimiter: str) -> Any:
    from pyarrow import csv as arrow

    return arrow.ParseOptions(delimiter=delimiter, newlines_in_values=True)


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
    try:
        return getincrementaldecoder("utf-8-sig")().decode(head, final=len(head) < HEAD)
    except UnicodeDecodeError:
        raise ValueError(not_utf8(name)) from None


def _delimiter(text: str, wanted: str | None) -> str:
    """The one wanted where the header has it; else what cuts header and most lines below it into as many cells."""
    if wanted is not None and wanted in text.partition("\n")[0]:
        return wanted

    def cells(delimiter: str) -> int:
        rows = [row for row in _cells(text[:20000], delimiter) if row][:20]
        alike = sum(len(row) == len(rows[0]) for row in rows)
        return len(rows[0]) if rows and 2 * alike > len(rows) else 0

    counts = {delimiter: cells(delimiter) for delimiter in _DELIMITERS}
    best = max(counts, key=lambda delimiter: counts[delimiter])
    return best if counts[best] > 1 else ","


def _cells(text: str, delimiter: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text, newline=None), delimiter=delimiter)


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
