"""Comparison: the ways to predict a target side by side, and the verdict that follows from their table."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from headwater.advice.outlook import Rows, rows_needed
from headwater.advice.rivals import CHOSEN, SOURCE_OPTIMAL, Rival
from headwater.selection.hypotheses import SCRATCH
from headwater.selection.predictive import Interval
from headwater.tables.differences import Difference

# Of scratch's error, and of that of one prediction for all: a gain that cannot be more is not worth a transfer.
WORTH, _LEAST = 0.02, 0.001
SURE = 0.75  # how probable a gain must be for transfer to be said
_FEW = 10  # rows, of which fewer hardly speak louder than the odds before any was seen


@dataclass(frozen=True)
class Size:
    """The size of one side: rows (the sum of their weights), features and outputs; rows are NaN where unknown."""

    rows: float
    features: int
    outputs: int


@dataclass(frozen=True)
class Gains:
    """What transfer takes off scratch's error: ``chosen``, and the source at its own best penalty, as it is."""

    chosen: Interval
    source_optimal: Interval


@dataclass(frozen=True)
class Comparison(ABC):
    """A source and a target, and what each way to predict the target is expected to err by.

    ``rivals`` is the table; the verdict is read from it alone. ``weight`` is the posterior share of transfer against
    scratch, ``differences`` where each column of a pair of tables lies on either side.
    """

    source: Size
    target: Size
    rivals: tuple[Rival, ...]
    weight: float
    notes: tuple[str, ...]
    differences: tuple[Difference, ...] = field(default=(), kw_only=True)

    @property
    @abstractmethod
    def measure(self) -> str:
        """What the errors are."""

    @property
    @abstractmethod
    def spread(self) -> float:
        """The error of one prediction for all rows."""

    @property
    @abstractmethod
    def dimension(self) -> float:
        """In about how many directions the features vary."""

    @property
    @abstractmethod
    def sentence(self) -> str:
        """The verdict in words."""

    @property
    @abstractmethod
    def how(self) -> str:
        """What fit writes, in words."""

    @abstractmethod
    def explanations(self) -> Iterator[str]:
        """All that the table does not show, each with what it means; a line each."""

    @abstractmethod
    def as_dict(self) -> dict[str, Any]:
        """The answer as plain numbers, strings and lists, None where not known; infinities are left to the writer."""

    @property
    def counted(self) -> str:
        """The target's size in words: how many rows are left out one by one."""
        return f"{self.target.rows:g} row{'' if self.target.rows == 1 else 's'}"

    @cached_property
    def rival(self) -> dict[str, Rival]:
        """The table's rows by name."""
        return {one.name: one for one in self.rivals}

    @property
    def gain(self) -> Gains:
        """What transfer takes off scratch's error, as the table has it."""
        own = self.rival[SOURCE_OPTIMAL].gain if SOURCE_OPTIMAL in self.rival else Interval(np.nan, -np.inf, np.inf)
        return Gains(self.rival[CHOSEN].gain, own)

    @property
    def verdict(self) -> str:
        """ "transfer", "scratch" or "undecided", by the table's row of what was chosen.

        Scratch: the gain's 90 % interval ends below what is worth a transfer, a fiftieth of scratch's error or a
        thousandth of that of one prediction for all. Transfer: a gain is expected, and three times in four there is
        one, or oftener; of fewer than ten rows, moreover, the interval's loss is no more than the expected gain.
        Otherwise there is too little data to tell.
        """
        chosen = self.rival[CHOSEN]
        if chosen.gain.high <= self._worth:
            return "scratch"
        risk = 0.0 if self.target.rows >= _FEW else -chosen.gain.low
        return "transfer" if chosen.chance >= SURE and chosen.gain.estimate > max(risk, 0.0) else "undecided"

    @property
    def safer(self) -> str:
        """The verdict or, where that is undecided, whichever of "transfer" and "scratch" is expected to err less."""
        if self.verdict != "undecided":
            return self.verdict
        expected = self.gain.chosen.estimate
        return "transfer" if expected > 0 or (np.isnan(expected) and self.weight > 0.5) else "scratch"

    @cached_property
    def rows(self) -> Rows:
        """How many more target rows would settle an undecided verdict, half of the time; NaN where decided."""
        if self.verdict != "undecided":
            return Rows(np.nan, np.nan, np.nan)
        return rows_needed(self.target.rows, self.dimension, self.gain.chosen, self._worth)

    @property
    def rows_needed(self) -> float:
        """About how many more target rows would settle it; NaN where decided, or beyond twenty times the rows."""
        return self.rows.estimate

    @property
    def _worth(self) -> float:
        return max(WORTH * self.rival[SCRATCH].error.estimate, _LEAST * self.spread)
