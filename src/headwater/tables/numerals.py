"""Numerals: text that holds numbers, written in the manner of its country or its program, becomes numbers."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

_SIGN = "[$€£¥]"
_GAP = "[ '’\u00a0\u202f]"
# A numeral in any dress: $ 1,234.50, 12 %, 1'234, (1,234) and 1,234- for negative ones.
NUMERAL = (
    rf"^\(?[+\-−]?(?:{_SIGN} ?)?[+\-−]?(?:\d|{_GAP}|[.,])*\d[.,]?(?:[eE][+-]?\d+)?(?:{_GAP}?(?:%|{_SIGN}))?[\-−]?\)?$"
)
_GAPPED = (rf"\d{_GAP}\d", rf"^[+-]?(\d+|\d{{1,3}}({_GAP}\d{{3}})+)([.,]\d+)?$")
_PLAIN = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_MANNERS = {
    # manner: how it shows, what may stand beside it, what is left out, what becomes the decimal point
    "plainly": (_PLAIN, _PLAIN, "", ""),
    "thousands": (r"^[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?$", _PLAIN, ",", ""),
    "decimal commas": (
        r"^[+-]?(\d+|[1-9]\d{0,2}(\.\d{3})+)?,\d+([eE][+-]?\d+)?$",
        r"^[+-]?(\d+|[1-9]\d{0,2}(\.\d{3})+)$",
        ".",
        ",",
    ),
    "thousands with dots": (r"^[+-]?[1-9]\d{0,2}(\.\d{3})+$", r"^[+-]?\d+$", ".", ""),
}
_DRESSED = "signs or gaps taken off"
ANGLOPHONE = ("plainly", "thousands", "decimal commas")
UNSURE = ("plainly", "decimal commas", "thousands")
CONTINENTAL = ("thousands with dots", "plainly", "decimal commas", "thousands")


def as_numbers(data: pa.Table, missing: list[str], manners: tuple[str, ...]) -> tuple[pa.Table, dict[str, list[str]]]:
    """The table with its text free of spaces around it, numerals as numbers, and which columns in which manner.

    1,234.5 is a number where every cell of its column has commas in threes or none, 1,5 and 1.234,5 where every cell
    has a decimal comma or is whole; what fits several of the ``manners`` is read in the first. One currency or per
    cent sign a column, spaces or apostrophes between thousands, and brackets or a last minus for negative numbers are
    taken off. A column with any other text stays text. What ``missing`` holds, spaces around it or not, is missing.
    """
    found: dict[str, list[str]] = {}
    marks = pa.array(missing, pa.string())
    for index, field in enumerate(data.schema):
        if not pa.types.is_string(field.type):
            continue
        column = pc.utf8_trim_whitespace(data.column(index))
        column = pc.if_else(pc.is_in(column, marks), pa.scalar(None, pa.string()), column)
        bare = _bare(column)
        manner = None if bare is None else next((manner for manner in manners if _written(bare, manner)), None)
        if bare is not None and manner is not None:
            for how in (manner, *([] if bare.equals(column) else [_DRESSED])):
                found.setdefault(how, []).append(field.name)
            _, _, dropped, point = _MANNERS[manner]
            bare = pc.replace_substring(bare, dropped, "") if dropped else bare
            bare = pc.replace_substring(bare, point, ".") if point else bare
            column = pc.cast(bare, pa.float64())
        data = data.set_column(index, field.name, column)
    return data, found


def _bare(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Numerals without signs and gaps; None for what is no numeral throughout. The first cells refuse most text."""
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


def _written(column: pa.ChunkedArray, manner: str) -> bool:
    """Whether every cell is written so, or beside it as it may be, and one is written so."""
    shows, beside, _, _ = _MANNERS[manner]
    so = pc.match_substring_regex(column, shows)
    return bool(pc.any(so).as_py() and pc.all(pc.or_(so, pc.match_substring_regex(column, beside))).as_py())
