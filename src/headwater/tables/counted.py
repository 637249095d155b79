"""Counted: which rows of a block have an outcome and a weight, and the tally of a table that is read in blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headwater.spectrum.rows import Array
from headwater.tables.side import check_rows, check_spread, check_whole, hardly_counted
from headwater.tables.table import Table


@dataclass(frozen=True)
class Tally:
    """How many rows count, lack an outcome, have weight 0, Σw of those that count, and the outcome's range.

    ``values`` are the outcomes met, None once there are more than two, or others than whole numbers.
    """

    rows: int = 0
    absent: int = 0
    weightless: int = 0
    weight: float = 0.0
    low: float = np.inf
    high: float = -np.inf
    values: tuple[float, ...] | None = ()

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.rows + other.rows,
            self.absent + other.absent,
            self.weightless + other.weightless,
            self.weight + other.weight,
            min(self.low, other.low),
            max(self.high, other.high),
            _two(self.values, other.values),
        )


@dataclass(frozen=True)
class Counted:
    """The columns that say which rows count: the outcome, and weights of a kind as ``headwater.tables.side`` has it."""

    outcome: str
    weights: str | None = None
    kind: str | None = None

    @property
    def names(self) -> list[str]:
        return [self.outcome] if self.weights is None else [self.outcome, self.weights]

    def rows(self, table: Table) -> tuple[Table, Array, Array | None, Tally, NDArray[np.bool_]]:
        """A block's rows that count, their outcomes (n,) and weights (n,), their tally, and which of its rows they are.

        Weights are as they stand: those that are no frequencies are brought to mean 1 once all are known.
        """
        y = table.column(self.outcome).numeric("outcome").to_numpy().astype(np.float64)
        known = ~np.isnan(y)
        kept, weight = known, None
        if self.weights is not None:
            weight = self._weights(table)
            kept = known & (weight > 0)
            weight = weight[kept]
        y = y[kept]
        absent, counts = int((~known).sum()), int(kept.sum())
        if counts < len(kept):
            table = table.where(pa.array(kept))
        empty = counts == 0
        tally = Tally(
            counts,
            absent,
            len(kept) - counts - absent,
            float(counts if weight is None else weight.sum()),
            np.inf if empty else float(y.min()),
            -np.inf if empty else float(y.max()),
            None if _two((), tuple(y[:1000].tolist())) is None else _two((), tuple(y.tolist())),
        )
        return table, y, weight, tally, kept

    def _weights(self, table: Table) -> Array:
        assert self.weights is not None
        values = table.column(self.weights).numeric("weight")
        if values.null_count:
            raise ValueError(f"{table.name}: no weight {self.weights!r} in {values.null_count} rows")
        weight = values.to_numpy().astype(np.float64)
        if len(weight) and weight.min() < 0:
            raise ValueError(f"{table.name}: the weights {self.weights!r} must not be negative: they count rows")
        check_whole(weight, self.kind, table.name, f"the weights {self.weights!r}")
        return weight

    def notes(self, name: str, tally: Tally) -> list[str]:
        """What there is to say once all rows are counted; ValueError where too few are left, or the outcome is none."""
        total = tally.rows + tally.absent + tally.weightless
        if not tally.rows:
            raise ValueError(f"{name}: the outcome {self.outcome!r} is missing in every row")
        check_rows(name, tally.rows)
        if tally.low == tally.high:
            raise ValueError(
                f"{name}: the outcome {self.outcome!r} is {tally.low:g} in every row; there is nothing to fit"
            )
        check_spread(name, self.outcome, tally.high - tally.low)
        found = []
        if tally.absent:
            found.append(f"{name}: {tally.absent} of {total} rows have no {self.outcome} and are left out")
        if tally.weightless:
            found.append(f"{name}: {tally.weightless} of {total} rows have weight 0 and are left out")
        if self.kind is None:
            found += hardly_counted(name, f"the weights {self.weights!r}", tally.rows, tally.weight)
        return found

    def unit(self, tally: Tally) -> float:
        """What weights are multiplied by: of those that are no frequencies only the ratios mean anything."""
        frequencies = self.weights is None or self.kind in (None, "frequency")
        return 1.0 if frequencies else tally.rows / tally.weight


def _two(some: tuple[float, ...] | None, more: tuple[float, ...] | None) -> tuple[float, ...] | None:
    """The values of both while they are two whole numbers at most."""
    if some is None or more is None:
        return None
    both = tuple(sorted({*some, *more}))
    return both if len(both) <= 2 and all(value.is_integer() for value in both) else None
