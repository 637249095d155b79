"""Columns: what the source shows of each feature, and any table's rows as numbers by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.spectrum.rows import Array
from headwater.tables.cells import CATEGORY, DATE, MISSING, NUMBER, WORDS, Cells
from headwater.tables.table import Table, listed

INDICATED = 20  # rows of the source, with so many of which missing a number's missingness is a feature


@dataclass(frozen=True)
class Column:
    """One feature as the source shows it: its kind, its levels where it is a category, and what stands for missing.

    ``fill`` is the source's median; a category has missing as a level of its own, MISSING, where the source has it.
    ``coded`` categories are text made of numbers: codes, or whether a number is missing, of level MISSING alone.
    """

    name: str
    kind: str
    levels: tuple[str, ...]
    fill: float
    coded: bool = False

    @property
    def indicates(self) -> bool:
        """Whether it says of a number that it is missing."""
        return self.coded and self.levels == (MISSING,)


def is_described(column: Column) -> bool:
    """Whether a column read from a file says of itself what it must."""
    texts = isinstance(column.levels, tuple) and all(isinstance(text, str) for text in (column.name, *column.levels))
    known = column.kind in (NUMBER, CATEGORY, DATE) and isinstance(column.coded, bool)
    return bool(texts and known and np.isfinite(column.fill))


def learned(cells: Cells, coded: bool = False) -> list[Column]:
    """What the source shows of a column, and beside it whether it is missing where that is often."""
    assert cells.kind is not None
    if cells.kind == CATEGORY:
        return [Column(cells.name, CATEGORY, tuple(sorted(pc.unique(cells.text()).to_pylist())), 0.0, coded)]
    found = [Column(cells.name, cells.kind, (), float(np.median(cells.floats().drop_null().to_numpy())))]
    return [*found, Column(cells.name, CATEGORY, (MISSING,), 0.0, True)] if cells.missing >= INDICATED else found


def met(table: Table, columns: tuple[Column, ...]) -> Iterator[str]:
    """What a table holds that the source's columns do not foresee: missing values and unseen levels."""
    missing = {column.name: table.column(column.name).missing for column in columns if column.kind != CATEGORY}
    missing = {name: count for name, count in missing.items() if count}
    if missing:
        yield (
            f"{table.name}: missing values, taken as the source's median: "
            f"{listed([f'{name} {count}' for name, count in missing.items()])}"
        )
    for column in columns:
        if column.kind == CATEGORY and not column.indicates:
            values = pc.unique(table.column(column.name).text())
            unseen = values.filter(pc.invert(pc.is_in(values, pa.array(column.levels, pa.string())))).to_pylist()
            if unseen:
                words = listed([value or "missing" for value in unseen])
                plain = {level.strip().lower(): level for level in column.levels}
                meant = [plain[value.strip().lower()] for value in unseen if value.strip().lower() in plain]
                otherwise = f", which the source writes {listed(meant)}" if meant else ""
                yield f"{table.name}: {column.name} has values the source never had, taken as none: {words}{otherwise}"


def encode(table: Table, columns: tuple[Column, ...]) -> Array:
    """The matrix (rows, columns) of numbers, days, and positions of levels; −1 is a level the source never had.

    Raises ValueError for a column that is not there, of another kind than the source's, or not finite.
    """
    out = np.empty((table.data.num_rows, len(columns)))
    for index, column in enumerate(columns):
        cells = table.column(column.name)
        _check_kind(cells, column)
        if column.kind != CATEGORY:
            out[:, index] = cells.finite().fill_null(column.fill).to_numpy()
            continue
        codes = pc.index_in(cells.text(), pa.array(column.levels, pa.string()))
        out[:, index] = codes.cast(pa.float64()).fill_null(-1.0).to_numpy()
    return out


def check_kinds(table: Table, columns: tuple[Column, ...]) -> None:
    """ValueError where a column is not there, or of another kind than the source's."""
    for column in columns:
        _check_kind(table.column(column.name), column)


def _check_kind(cells: Cells, column: Column) -> None:
    if cells.kind != column.kind and not column.coded and not cells.empty:
        raise ValueError(
            f"{cells.table}: column {column.name!r} has {WORDS[cells.kind]} ({cells.example()}) where the source "
            f"had {WORDS[column.kind]}; mend it"
        )
