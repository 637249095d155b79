"""Delimited text: CSV and its kin, in whatever encoding, delimiter and manner of numbers, as one Arrow table."""

from __future__ import annotations

import csv
import io
import re
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow

from headwater.tables.numerals import COMMA, POINT, as_number, decimal_of, dressed, text_columns
from headwater.tables.quotes import check_quotes

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


@dataclass(frozen=True)
class Reading:
    """How a file of text is read: what its user says, and the decimal mark that is ``likely`` where nothing tells."""

    delimiter: str | None = None
    decimal: str | None = None
    likely: str | None = None

    def __post_init__(self) -> None:
        if self.decimal not in (None, POINT, COMMA):
            raise ValueError(f"--decimal: give . or , and not {self.decimal!r}")


AS_FOUND = Reading()


def read_delimited(name: str, content: Any, head: bytes, reading: Reading) -> tuple[pa.Table, list[str], str | None]:
    """The table of a file or buffer that starts with this head, notes on how it was read, and its decimal mark.

    The mark is None where no number has one. Raises ValueError, of one line that names the file, where it is no such
    table, ends inside quotes, or has numbers that may be thousands or fractions.
    """
    text = _text(name, head)
    found = _delimiter(text, character(reading.delimiter))
    first = next(_cells(text, found), [])
    if first and all(_is_number(cell) for cell in first):
        raise ValueError(f"{name}: the first line holds numbers, not names; add a line of column names above it")
    if re.match(r"sep=.\r?\n", text):
        raise ValueError(f"{name}: the first line, {text[:5]}, is for spreadsheets alone; delete it")
    check_quotes(name, content, found)
    data = _parse(name, content, found)
    if any(pa.types.is_binary(kind) for kind in data.schema.types):
        raise ValueError(not_utf8(name))
    notes = []
    if reading.delimiter is None and found not in (",", "\t"):
        notes.append(f"{name}: read as {_DELIMITERS[found]}-separated")
    data, manners, decimal = _numbers(name, data, reading, found, lambda text: _parse(name, content, found, text))
    if manners:
        words = "; ".join(
            f"{manner} in {', '.join(name.strip() for name in names[:8])}" for manner, names in manners.items()
        )
        notes.append(f"{name}: text is read as numbers: {words}")
    return data, notes, decimal


def _numbers(
    name: str, data: pa.Table, reading: Reading, delimiter: str, as_text: Callable[[list[str]], pa.Table]
) -> tuple[pa.Table, dict[str, list[str]], str | None]:
    """The table with numerals as numbers by one decimal mark, which columns in which manner, and the mark.

    Arrow has taken for numbers what has a decimal point; where the point is none, or may be none, those columns are
    parsed anew ``as_text``.
    """
    floats = [index for index, field in enumerate(data.schema) if pa.types.is_floating(field.type)]
    texts = text_columns(data, _MISSING)
    decimal, decided = reading.decimal, [bare for _, bare in texts.values() if bare is not None]
    if decimal is None and any(_shows_point(data.column(index)) for index in floats):
        decimal = POINT if decimal_of(decided)[0] != COMMA else None
    names = [data.schema.field(index).name for index in floats]
    if decimal is None:
        shown = as_text(names) if names else data
        decimal = _decimal(name, shown, text_columns(shown, _MISSING), reading, delimiter)
    if decimal == COMMA and names:
        data = as_text(names)
        texts = text_columns(data, _MISSING)
    manners: dict[str, list[str]] = {}
    for index, (column, bare) in texts.items():
        field = data.schema.field(index).name
        read = None if bare is None else as_number(bare, decimal or POINT)
        if bare is not None and read is not None:
            column, manner = read
            for how in (manner, *dressed(texts[index][0], bare)):
                manners.setdefault(how, []).append(field)
        data = data.set_column(index, field, column)
    manners.pop("plainly", None)
    return data, manners, decimal


def _decimal(
    name: str, data: pa.Table, texts: dict[int, tuple[Any, Any]], reading: Reading, delimiter: str
) -> str | None:
    """The decimal mark that a file's columns show, or is likely; ValueError where it matters and nothing tells."""
    numerals = {index: bare for index, (_, bare) in texts.items() if bare is not None}
    decimal, matters = decimal_of(numerals.values())
    decimal = decimal or reading.likely
    if decimal is not None or not matters:
        return decimal
    marked = {index: pc.match_substring_regex(bare, "[.,]") for index, bare in numerals.items()}
    commas = [pc.match_substring(bare, COMMA) for bare in numerals.values()]
    throughout = [pc.all(shown).as_py() for shown in commas if pc.any(shown).as_py()]
    if delimiter == ";" and throughout and all(throughout):  # the semicolon is there for the comma in the numbers;
        return COMMA  # but in fractions of three digits each there would be one in every cell
    index = next(index for index, mark in marked.items() if pc.any(mark).as_py())
    example = texts[index][0].filter(marked[index])[0].as_py()
    raise ValueError(
        f"{name}: numbers such as {example} in {data.schema.field(index).name.strip()!r} may be thousands or "
        "fractions, and nothing else in the file tells: say --decimal . or --decimal ,"
    )


def _shows_point(values: pa.ChunkedArray) -> bool:
    """Whether numbers that were read with a decimal point cannot be thousands, by their values alone."""
    size = pc.abs(values)
    small = pc.and_(pc.greater(size, 0), pc.less(size, 1))
    odd = pc.and_(pc.greater_equal(size, 1000), pc.not_equal(size, pc.floor(size)))
    thousandths = pc.multiply(size, 1000)
    finer = pc.greater(pc.abs(pc.subtract(thousandths, pc.round(thousandths))), 1e-6)
    return any(pc.any(test).as_py() for test in (small, odd, finer))


def as_written(name: str, content: Any, head: bytes, delimiter: str | None) -> pa.Table:
    """Every cell of a file or buffer as the text it is."""
    form = _form(_delimiter(_text(name, head), character(delimiter)))
    with arrow.open_csv(opened(content), parse_options=form) as first:
        names = first.schema.names
    texts = arrow.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    return arrow.read_csv(opened(content), parse_options=form, convert_options=texts)


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
    meaning = arrow.ConvertOptions(
        null_values=_MISSING, strings_can_be_null=True, column_types={name: pa.string() for name in text or ()}
    )
    try:
        return arrow.read_csv(opened(content), parse_options=_form(delimiter), convert_options=meaning)
    except (pa.ArrowException, OSError) as problem:
        kind = _DELIMITERS.get(delimiter, repr(delimiter))
        raise ValueError(f"{name}: not a table of {kind}-separated values: {_reason(str(problem))}") from None


def _form(delimiter: str) -> Any:
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
