"""Gathered: the moments of a table's prepared rows, block by block, with their tally."""

from __future__ import annotations

from dataclasses import dataclass

from headwater.spectrum.moments import Moments
from headwater.tables.counted import Counted, Tally
from headwater.tables.look import Spread
from headwater.tables.preparation import TablePreparation, expanded
from headwater.tables.table import Table


@dataclass(frozen=True, eq=False)
class Gathered:
    """Moments of rows, None of no rows, and their tally; adds up by ``+``."""

    tally: Tally
    moments: Moments | None

    def __add__(self, other: Gathered) -> Gathered:
        both = self.moments is not None and other.moments is not None
        moments = self.moments + other.moments if both else self.moments or other.moments  # type: ignore[operator]
        return Gathered(self.tally + other.tally, moments)


@dataclass(frozen=True, eq=False)
class Gathering:
    """From a block of a table to the moments of its prepared rows; can be sent to another process."""

    counted: Counted
    preparation: TablePreparation

    def __call__(self, first: int, table: Table) -> Gathered:
        table, y, weight, tally, _ = self.counted.rows(table)
        if not len(y):
            return Gathered(tally, None)
        return Gathered(tally, Moments.from_arrays(self.preparation.transform(table), y, weight))


@dataclass(frozen=True, eq=False)
class Expanding:
    """From a block of a table to the spread of its numbers' squares and products, which are then standardised."""

    counted: Counted
    preparation: TablePreparation

    def __call__(self, first: int, table: Table) -> Spread:
        table, _, weight, _, _ = self.counted.rows(table)
        return Spread.of(expanded(self.preparation, table), weight)
