"""Features: which columns of two tables become features, and why the others do not."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.tables.cells import CATEGORY, NUMBER, WORDS, Cells
from headwater.tables.columns import Column, learned
from headwater.tables.numerals import NUMERAL
from headwater.tables.table import Table, all_of, listed, meant

_NAMED = re.compile(r"(^|[^A-Za-z])(id|uuid|guid)$|[a-z](ID|Id)$", re.ASCII)
_NUMBERING = re.compile(r"^(|index|idx|level_0|row|row[ _]?(id|no|nr|number)|unnamed: \d+|__index_level_\d+__)$")
_MONTH = r"(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_OTHER_DATES = (
    r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}",
    rf"\d{{1,2}}[ -]?{_MONTH}[ -]?\d{{2,4}}",
    rf"{_MONTH} \d{{1,2}},? \d{{2,4}}",
)
_OTHER_DATE = rf"^({'|'.join(_OTHER_DATES)})([ T].*)?$"
_IDENTIFIERS = "identifiers by their look (--features would use them)"
_SUBJECTS = "what was measured repeatedly by its look (--groups if so; --features would use it as a number)"
_SUBJECTS_ROWS = (2, 100)  # on average
_MOST_LEVELS = 1000
_SPLITS = "which rows are for training by its look (--features would use it)"
_PARTS = {"train", "training", "test", "testing", "val", "valid", "validation", "dev", "holdout"}
PREDICTION = "prediction"  # the column that predictions are written to
_MOST_CODES = 10  # more different numbers than that in one text column are no codes


def shared_columns(
    source: Table,
    target: Table,
    taken: set[str],
    named: Sequence[str],
    excluded: Sequence[str],
    codes: Sequence[str] = (),
) -> tuple[tuple[Column, ...], list[str]]:
    """The features two tables share, in the source's order with categories last, and notes on those left out.

    ``taken`` are the outcome, weights and groups; ``named`` the only features wanted, all if empty; ``excluded``
    those not wanted, ``codes`` those wanted whose numbers have been made text, as those of ``source.codes`` have been.
    Raises ValueError where none are left, or a column's kinds differ between the tables.
    """
    for name in [*named, *excluded]:
        if name not in source.names and name not in target.names:
            raise ValueError(f"there is no column {name!r} in {source.name} or {target.name}"
                             f"{meant(name, [*source.names, *target.names])}, of which {all_of(target)}")  # fmt: skip
    notes = []
    offered = [name for name in dict.fromkeys(named or source.names) if name not in taken and name not in excluded]
    for one, other in ((source, target), (target, source)):
        known = {*other.names, *taken, *excluded}
        alone = [name for name in dict.fromkeys(one.names) if name not in known]
        absent = [name for name in alone if name in named]
        if absent:
            raise ValueError(f"{other.name}: there is no column {absent[0]!r}, which --features names")
        if alone and not named:
            notes.append(f"{one.name}: unused, not in {other.name}: {listed(alone)}")
    columns: list[Column] = []
    dropped: dict[str, list[str]] = {}
    both = {*source.names} & {*target.names}
    for name in offered:
        if name not in both:
            continue
        cells = source.column(name)
        reason = reason_against(cells, target.column(name), wanted=name in named or name in codes)
        if reason is None:
            columns += learned(cells, name in codes or name in source.codes)
        else:
            dropped.setdefault(reason, []).append(name)
    notes += [f"unused, {reason}: {listed(names)}" for reason, names in dropped.items()]
    if not columns:
        why = f" ({'; '.join(notes)})" if notes else ""
        raise ValueError(f"{target.name}: shares no usable feature with {source.name}{why}")
    return tuple(sorted(columns, key=lambda column: column.kind == CATEGORY)), notes


def reason_against(source: Cells, target: Cells, wanted: bool) -> str | None:
    """Why a column of both tables cannot be, or had better not be, a feature."""
    name = source.name
    if not wanted and name == PREDICTION:
        return "what headwater predict adds (--features would use it)"
    if not wanted and (_NAMED.search(name) or _NUMBERING.match(name.lower())):
        return _IDENTIFIERS
    if source.missing == len(source):
        return "empty in the source"
    if source.kind is None:
        return f"of a type ({source.values.type}) that is neither numbers, text nor dates"
    if source.kind != target.kind and not target.empty:
        words = [f"{cells.table} has {WORDS[cells.kind]} ({cells.example()})" for cells in (source, target)]
        raise ValueError(f"column {name!r}: {words[0]}, {words[1]}; mend one (empty cells are missing values), "
                         f"or leave it out by --exclude {name!r}")  # fmt: skip
    if source.kind == CATEGORY:
        return _against_text(source.values, wanted)
    if not wanted and _beyond_doubles(source.values):
        return _IDENTIFIERS
    values, theirs = source.finite(), target.finite()
    if not pc.greater(pc.max(values), pc.min(values)).as_py():
        return "constant in the source"
    if wanted or source.kind != NUMBER:
        return None
    if _is_numbering(values):
        return _IDENTIFIERS
    return _SUBJECTS if _are_subjects(values) and _are_subjects(theirs) else None


def _against_text(column: pa.ChunkedArray, wanted: bool) -> str | None:
    distinct, rows = pc.count_distinct(column).as_py(), len(column) - column.null_count
    if distinct == 1 and rows == len(column):
        return "constant in the source"
    if pc.all(pc.match_substring_regex(column, _OTHER_DATE)).as_py():
        return "dates in a form that is not read (write them YYYY-MM-DD)"
    if wanted:
        return None
    levels = pc.unique(column.drop_null())
    if {str(level).lower() for level in levels[:9].to_pylist()} <= _PARTS:
        return _SPLITS
    words = levels.filter(pc.invert(pc.match_substring_regex(levels, NUMERAL)))
    if 0 < 2 * len(words) < distinct and distinct - len(words) > _MOST_CODES:
        return f"numbers with text among them, as {words[0].as_py()!r} (mend it, or leave it empty)"
    if distinct == rows:
        return _IDENTIFIERS
    if distinct > min(_MOST_LEVELS, max(50, rows // 10)):
        return "text with too many different values"
    return None


def _beyond_doubles(column: pa.ChunkedArray) -> bool:
    """Whether whole numbers are too long to be quantities: doubles no longer tell neighbours apart."""
    bounds = pc.min_max(column).values() if pa.types.is_integer(column.type) else ()
    return any(bound.is_valid and abs(bound.as_py()) > 2**53 for bound in bounds)


def _is_numbering(values: pa.ChunkedArray) -> bool:
    """Whether numbers identify rows: ten or more different whole numbers that count up or nearly fill a range."""
    rows = len(values)
    if values.null_count or rows < 10:
        return False
    for part in (values.slice(0, 100), values):  # the first cells refuse most columns
        if pc.any(pc.not_equal(part, pc.floor(part))).as_py():
            return False
    if pc.count_distinct(values).as_py() < rows:
        return False
    steps = pc.pairwise_diff(values.combine_chunks())
    counting = pc.all(pc.greater(steps, 0)).as_py()
    return bool(counting or pc.max(values).as_py() - pc.min(values).as_py() < 2 * rows)


def _are_subjects(values: pa.ChunkedArray) -> bool:
    """Whether whole numbers, of which there are many, each stand in one run of a few rows."""
    numbers = values.drop_null().to_numpy()
    if len(numbers) < len(values) or len(numbers) < 10 or (numbers[:100] % 1).any() or (numbers % 1).any():
        return False
    runs, distinct = 1 + np.count_nonzero(np.diff(numbers)), len(np.unique(numbers))
    return bool(runs == distinct >= 5 and _SUBJECTS_ROWS[0] <= len(numbers) / distinct <= _SUBJECTS_ROWS[1])
