"""Differences: where each column lies in a source and in a target, and how widely it is spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.tables.cells import CATEGORY
from headwater.tables.columns import Column
from headwater.tables.numbers import numbers_of
from headwater.tables.pair import Pair
from headwater.tables.side import Side

_DOUBLINGS = 5.0
FAR, WIDE = 1.0, 2.0  # what counts as another level, in the source's deviations, and as another scale, a factor


@dataclass(frozen=True)
class Difference:
    """The mean and the standard deviation of a column on either side.

    Of a category's level the mean is its share of the rows, and there is no scale: ``target_deviation`` is NaN.
    """

    name: str
    source_mean: float
    source_deviation: float
    target_mean: float
    target_deviation: float

    @property
    def level(self) -> float:
        """How many of the source's deviations the target's mean lies above the source's."""
        moved = self.target_mean - self.source_mean
        return moved / self.source_deviation if self.source_deviation else np.inf * moved if moved else 0.0

    @property
    def scale(self) -> float:
        """The target's deviation over the source's; NaN where neither varies."""
        if not self.source_deviation:
            return np.inf if self.target_deviation else np.nan
        return self.target_deviation / self.source_deviation

    @property
    def doublings(self) -> float:
        """The logarithm of the scale to base 2, between ±5, where one side does not vary; 0 where neither does."""
        scale = self.scale
        return 0.0 if np.isnan(scale) else float(np.log2(np.clip(scale, 2**-_DOUBLINGS, 2**_DOUBLINGS)))

    @property
    def differs(self) -> bool:
        """Whether the level is over one deviation away, or the scale over twice or under half the source's."""
        return abs(self.level) > FAR or self.scale < 1 / WIDE or self.scale > WIDE


def differences(pair: Pair) -> tuple[Difference, ...]:
    """Those of a pair's columns, from at most 10,000 rows a side, each counted once; none without both tables."""
    if pair.stands_in:
        return ()
    numbers = [numbers_of(side, pair.columns, side.table.name) for side in (pair.source, pair.target)]
    sides = [values.tolist() for one in numbers for values in (one.X.mean(axis=0), one.X.std(axis=0))]
    found = [Difference(name, *values) for name, *values in zip(numbers[0].names, *sides, strict=True)]
    for column in pair.columns:
        if column.kind == CATEGORY:
            shares = zip(*(_shares(side, column) for side in (pair.source, pair.target)), strict=True)
            for level, (p, q) in zip(column.levels, shares, strict=True):
                name = f"{column.name}={level or '(missing)'}"
                found.append(Difference(name, p, (p * (1 - p)) ** 0.5, q, np.nan))
    return tuple(found)


def _shares(side: Side, column: Column) -> list[float]:
    """Of a category's levels, as the source shows them, among a side's rows."""
    text = side.table.column(column.name).text()
    places = pc.index_in(text, pa.array(column.levels, pa.string())).drop_null().to_numpy()
    counts = np.bincount(places, minlength=len(column.levels))
    return [float(count) / len(side.y) for count in counts]
