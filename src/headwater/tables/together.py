"""Together: the tables of several sources as one, which shows what each of their columns is."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from headwater.tables.cells import CATEGORY, NUMBER, WORDS, Cells
from headwater.tables.columns import Column
from headwater.tables.features import shared_columns
from headwater.tables.table import Table, listed


def columns_of_all(
    sources: Sequence[Table],
    target: Table,
    taken: set[str],
    named: Sequence[str],
    excluded: Sequence[str],
    codes: Sequence[str] = (),
) -> tuple[tuple[Column, ...], list[str]]:
    """The features that all sources share with the target, and notes on those left out, as ``shared_columns`` has them.

    A column is a feature where at least one source by itself would use it: one that names the source, and so does not
    vary within any, is none. Levels, medians and what is missing are those of all sources' rows.
    Raises ValueError as ``shared_columns`` does, and where the sources differ in a column's kind.
    """
    if len(sources) == 1:
        return shared_columns(sources[0], target, taken, named, excluded, codes)
    each = [shared_columns(source, target, taken, named, excluded, codes)[0] for source in sources]
    used = {column.name for columns in each for column in columns}
    shared = [name for name in dict.fromkeys(sources[0].names) if all(name in one.names for one in sources)]
    offered = [name for name in shared if name not in taken and name not in excluded]
    unlike = [name for name in offered if name in target.names and name not in used]
    notes = [f"unused, no feature in any of the sources by itself: {listed(unlike)}"] if unlike else []
    kept = [name for name in offered if name in used]
    for source in sources:
        alone = [name for name in source.names if name in used and name not in shared]
        if alone:
            notes.append(f"{source.name}: unused, not in every source: {listed(alone)}")
    if not kept:
        raise ValueError(f"{target.name}: the sources share no usable feature with it ({'; '.join(notes)})")
    whole = pa.table({name: _stacked([source.column(name) for source in sources]) for name in kept})
    all_codes = tuple(dict.fromkeys(name for source in sources for name in source.codes))
    table = Table(" and ".join(source.name for source in sources), whole, codes=all_codes)
    columns, _ = shared_columns(table, target, taken, kept, (), codes)
    return columns, notes


def _stacked(parts: Sequence[Cells]) -> pa.ChunkedArray:
    """One column's cells of all sources, of one type."""
    kinds = {cells.kind: cells for cells in parts if not cells.empty}
    if len(kinds) > 1:
        words = ", ".join(f"{cells.table} has {WORDS[kind]} ({cells.example()})" for kind, cells in kinds.items())
        raise ValueError(f"column {parts[0].name!r}: {words}; mend one, or leave it out by --exclude {parts[0].name!r}")
    (kind,) = kinds or {CATEGORY}
    types = {cells.values.type for cells in parts if not cells.empty}
    if len(types) > 1:  # whole numbers beside others, days beside seconds
        wanted = pa.float64() if kind == NUMBER else pa.timestamp("s")
        chunks = [cells.floats() if kind == NUMBER else cells.values.cast(wanted, safe=False) for cells in parts]
    else:
        wanted = next(iter(types), pa.string())
        chunks = [pa.chunked_array([pa.nulls(len(cells), wanted)]) if cells.empty else cells.values for cells in parts]
    return pa.chunked_array([chunk for part in chunks for chunk in part.chunks], wanted)
