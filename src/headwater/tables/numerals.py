"""Numerals: text that holds numbers, written in the manner of its country or its program, becomes numbers.

A file is read by one rule: its decimal mark is a point or a comma, and the other of the two parts thousands.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

POINT, COMMA = ".", ","
_SIGN = "[$€£¥]"
_GAP = "[ '’\u00a0\u202f]"
# A numeral in any dress: $ 1,234.50, 12 %, 1'234, (1,234) and 1,234- for negative ones.
NUMERAL = (
    rf"^\(?[+\-−]?(?:{_SIGN} ?)?[+\-−]?(?:\d|{_GAP}|[.,])*\d[.,]?(?:[eE][+-]?\d+)?(?:{_GAP}?(?:%|{_SIGN}))?[\-−]?\)?$"
)
_GAPPED = (rf"\d{_GAP}\d", rf"^[+-]?(\d+|\d{{1,3}}({_GAP}\d{{3}})+)([.,]\d+)?$")
_PLAIN = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_DRESSED = "signs or gaps taken off"
_MANNERS = {POINT: ("plainly", "thousands"), COMMA: ("thousands with dots", "decimal commas")}


def _other(decimal: str) -> str:
    return COMMA if decimal == POINT else POINT


def _written(decimal: str) -> str:
    """How a number may be written under a decimal mark: in threes, or without any parting."""
    point, thousand = f"[{decimal}]", f"[{_other(decimal)}]"
    whole = rf"(\d+|[1-9]\d{{0,2}}({thousand}\d{{3}})+)"
    return rf"^[+-]?({whole}({point}\d*)?|{point}\d+)([eE][+-]?\d+)?$"


def text_columns(data: pa.Table, missing: list[str]) -> dict[int, tuple[pa.ChunkedArray, pa.ChunkedArray | None]]:
    """The text of a table free of spaces around it, missing marks null, and bare of dress where it is all numerals."""
    marks = pa.array(missing, pa.string())
    found = {}
    for index, field in enumerate(data.schema):
        if pa.types.is_string(field.type):
            column = pc.utf8_trim_whitespace(data.column(index))
            column = pc.if_else(pc.is_in(column, marks), pa.scalar(None, pa.string()), column)
            found[index] = (column, _bare(column))
    return found


def decimal_of(bare: Iterable[pa.ChunkedArray]) -> tuple[str | None, bool]:
    """The decimal mark that columns of numerals show, None where none does, and whether it would matter.

    A column decides where it can be written under one mark only; 1.234 or 1,234 alone can be either. Where thousands
    are parted in a column they are parted throughout, so that 1234 beside 1.234 decides too.
    """
    votes, open_ = {POINT: 0, COMMA: 0}, False
    for column in bare:
        can = [mark for mark in (POINT, COMMA) if _strictly(column, mark)]
        marked = pc.any(pc.match_substring_regex(column, "[.,]")).as_py()
        if len(can) == 1:
            votes[can[0]] += 1
        open_ |= bool(len(can) == 2 and marked)
    if votes[POINT] == votes[COMMA] == 0:
        return None, open_
    return max((POINT, COMMA), key=votes.__getitem__), open_


def as_number(bare: pa.ChunkedArray, decimal: str) -> tuple[pa.ChunkedArray, str] | None:
    """Numerals as numbers under a decimal mark, and in which manner they were written; None where some are not."""
    if not pc.all(pc.match_substring_regex(bare, _written(decimal))).as_py():
        return None
    shows = pc.any(pc.match_substring(bare, COMMA)).as_py()
    manner = _MANNERS[decimal][bool(shows)]
    if decimal == COMMA and not shows and not pc.any(pc.match_substring(bare, POINT)).as_py():
        manner = "plainly"
    bare = pc.replace_substring(bare, _other(decimal), "")
    return pc.cast(pc.replace_substring(bare, decimal, POINT), pa.float64()), manner


def dressed(column: pa.ChunkedArray, bare: pa.ChunkedArray) -> list[str]:
    """The manner of numerals that had signs or gaps taken off."""
    return [] if bare.equals(column) else [_DRESSED]


def _strictly(column: pa.ChunkedArray, decimal: str) -> bool:
    if not pc.all(pc.match_substring_regex(column, _written(decimal))).as_py():
        return False
    parted = pc.match_substring(column, _other(decimal))
    unparted = pc.match_substring_regex(column, r"^[+-]?\d{4,}")
    return not (pc.any(parted).as_py() and pc.any(unparted).as_py())


def _bare(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Numerals without signs and gaps; None for what is no numeral throughout. The first cells refuse most text."""
    if column.null_count == len(column):
        return None
    for part in (column.slice(0, 100), column):
        if pc.all(pc.match_substring_regex(part, NUMERAL)).as_py() is False:
            return None
    if pc.all(pc.match_substring_regex(column, _PLAIN)).as_py():
        return column
    signs = pc.unique(pc.replace_substring_regex(column, r"[^$€£¥%]+", "")).drop_null().to_pylist()
    if len({*signs} - {""}) > 1:
        return None
    for pattern, instead in (("−", "-"), (rf" ?(%|{_SIGN}) ?", ""), (r"^\((.*)\)$", r"-\1"), (r"^(.*\d)-$", r"-\1")):
        column = pc.replace_substring_regex(column, pattern, instead)
    shows, throughout = _GAPPED
    if pc.any(pc.match_substring_regex(column, shows)).as_py():
        if not pc.all(pc.match_substring_regex(column, throughout)).as_py():
            return None
        column = pc.replace_substring_regex(column, _GAP, "")
    return column
