"""Numerals: text that holds numbers, written in the manner of its country or padded with spaces, becomes numbers."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

_PLAIN = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_MANNERS = {
    # manner: how it shows, what may stand beside it, what is left out, what becomes the decimal point
    "plainly": (_PLAIN, _PLAIN, "", ""),
    "thousands": (r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$", _PLAIN, ",", ""),
    "decimal commas": (r"^[+-]?(\d+|\d{1,3}(\.\d{3})+)?,\d+([eE][+-]?\d+)?$", r"^[+-]?\d+$", ".", ","),
}


def as_numbers(data: pa.Table, missing: list[str]) -> tuple[pa.Table, list[str]]:
    """The table with its text free of spaces around it, numerals as numbers, and which of those have commas.

    1,234.5 is a number where every cell of its column has commas in threes or none, 1,5 and 1.234,5 where every cell
    has a decimal comma or is whole. Where both fit throughout, as 1,234 alone does, the comma separates thousands. A
    column with any other text stays text. What ``missing`` holds, spaces around it or not, is missing.
    """
    found: dict[str, list[str]] = {}
    marks = pa.array(missing, pa.string())
    for index, field in enumerate(data.schema):
        if not pa.types.is_string(field.type):
            continue
        column = pc.utf8_trim_whitespace(data.column(index))
        column = pc.if_else(pc.is_in(column, marks), pa.scalar(None, pa.string()), column)
        manner = next((manner for manner in _MANNERS if _written(column, manner)), None)
        if manner is not None:
            _, _, dropped, point = _MANNERS[manner]
            column = pc.replace_substring(column, dropped, "") if dropped else column
            column = pc.replace_substring(column, point, ".") if point else column
            column = pc.cast(column, pa.float64())
            found.setdefault(manner, []).append(field.name)
        data = data.set_column(index, field.name, column)
    found.pop("plainly", None)
    return data, [f"{manner} in {', '.join(names[:8])}" for manner, names in found.items()]


def _written(column: pa.ChunkedArray, manner: str) -> bool:
    """Whether every cell is written so, or plainly, and one is written so; the first cells refuse most columns."""
    shows, beside, _, _ = _MANNERS[manner]
    for part in (column.slice(0, 100), column):
        so = pc.match_substring_regex(part, shows)
        if pc.all(pc.or_(so, pc.match_substring_regex(part, beside))).as_py() is False:
            return False
    return bool(pc.any(so).as_py())
