"""Side: one table's rows that have an outcome and count, with their weights and groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.spectrum.rows import Array
from headwater.tables.outcome import NUMBERS, Outcome
from headwater.tables.table import Table

_MANY = 20  # times the rows: so many were hardly counted
_SMALLEST = 1e-100  # spread of an outcome: its square, and that of its inverse, are numbers with room to spare
_LEAST_ROWS = 3
WEIGHTS_KINDS = ("frequency", "precision", "survey")


@dataclass(frozen=True, eq=False)
class Side:
    """One side's rows that have an outcome: y (n,), and weights, groups and exposure (n,) where asked for and there."""

    table: Table
    y: Array
    weight: Array | None
    groups: Any = None
    exposure: Array | None = None

    @property
    def rows(self) -> float:
        """How many rows it counts for."""
        return float(len(self.y) if self.weight is None else self.weight.sum())

    @property
    def told(self) -> Array:
        """What each row tells beside its features: the outcome (n,), with its exposure where there is one (n, 2)."""
        return self.y if self.exposure is None else np.column_stack([self.y, self.exposure])


def with_outcome(
    table: Table,
    outcome: str,
    weights: str | None = None,
    kind: str | None = None,
    read: Outcome = NUMBERS,
    exposure: str | None = None,
) -> tuple[Side, list[str]]:
    """The rows of one table that have an outcome and count, and notes; ValueError where none has an outcome.

    ``kind`` says what ``weights`` are, see ``_weights``; ``read`` how the outcome is, and ``exposure`` the column that
    it is in proportion to.
    """
    notes = list(table.notes)
    values = read.values(table.column(outcome))
    known = pc.is_valid(values)
    absent = len(values) - pc.sum(known).as_py()
    if absent == len(values):
        raise ValueError(f"{table.name}: the outcome {outcome!r} is missing in every row")
    if absent:
        notes.append(f"{table.name}: {absent} of {len(values)} rows have no {outcome} and are left out")
        table, values = table.where(known), values.filter(known)
    if weights is not None and weights not in table.names:
        notes.append(f"{table.name}: has no column {weights}, so each row counts once")
        weights = None
    y, weight = values.to_numpy(), None
    if weights is not None:
        weight, said = row_counts(_weights(table, weights), kind, table.name, f"the weights {weights!r}")
        notes += said
    if weight is not None and not weight.all():  # a row that counts zero times is not there
        notes.append(f"{table.name}: {np.sum(weight == 0)} of {len(weight)} rows have weight 0 and are left out")
        table, y, weight = table.where(pa.array(weight > 0)), y[weight > 0], weight[weight > 0]
    check_spread(table.name, outcome, float(np.abs(y - y[0]).max(initial=0.0)))
    return Side(table, y, weight, exposure=None if exposure is None else exposure_of(table, exposure)), notes


def check_rows(name: str, rows: int) -> None:
    """ValueError where too few rows have an outcome."""
    if rows < _LEAST_ROWS:
        raise ValueError(f"{name}: {rows} rows have an outcome; at least {_LEAST_ROWS} are needed")


def check_spread(name: str, outcome: str, spread: float) -> None:
    """ValueError where the outcome's spread has a square that is no number, or nothing beside its rounding."""
    if spread and not _SMALLEST < spread < 1 / _SMALLEST:
        raise ValueError(f"{name}: the outcome {outcome!r} spreads over {spread:.3g}; give it in other units")


def _weights(table: Table, name: str) -> Array:
    values = table.column(name).numeric("weight")
    if values.null_count:
        raise ValueError(f"{table.name}: no weight {name!r} in {values.null_count} of {len(values)} rows")
    return np.asarray(values.to_numpy())


def row_counts(
    weight: Array, kind: str | None, table: str, name: str, option: str = "--weights-kind"
) -> tuple[Array, list[str]]:
    """Weights (n,) as frequencies, which count rows, and notes; ValueError where they seem to be something else.

    Frequencies are taken as they are. Of precisions and of survey weights only the ratios mean anything: they are
    brought to mean 1, so that there are as many degrees of freedom as rows. ``table`` and ``name`` are what messages
    call the table and its weights, ``option`` where their kind is said.
    """
    if kind not in (None, *WEIGHTS_KINDS):
        raise ValueError(f"{option}: {kind!r} is none of {', '.join(WEIGHTS_KINDS)}")
    if weight.min() < 0 or not weight.any():
        raise ValueError(f"{table}: {name} must not be negative, nor all 0: they count rows")
    if kind not in (None, "frequency"):
        return np.asarray(weight / weight[weight > 0].mean()), []
    check_whole(weight, kind, table, name, option)
    return weight, hardly_counted(table, name, len(weight), float(weight.sum()), option)


def check_whole(weight: Array, kind: str | None, table: str, name: str, option: str = "--weights-kind") -> None:
    """ValueError where weights of a kind that nobody named are no whole numbers."""
    odd = weight[weight != np.floor(weight)]
    if kind is None and len(odd):
        raise ValueError(
            f"{table}: {name} are not whole numbers ({odd[0]:g}): say by {option} whether they are frequency (how many "
            "rows a row stands for), precision (inverse variances) or survey (inverse chances of being asked)"
        )


def hardly_counted(table: str, name: str, rows: int, total: float, option: str = "--weights-kind") -> list[str]:
    """What is said of rows that stand for so many others that hardly anybody counted them."""
    if total <= _MANY * rows:
        return []
    return [
        f"{table}: by {name} {rows} rows stand for {total:g}, as if so many had been seen; if these are "
        f"survey weights, say so by {option}"
    ]


def exposure_of(table: Table, name: str) -> Array:
    """What the mean outcome is in proportion to, above 0 in every row."""
    values = table.column(name).numeric("exposure")
    if values.null_count:
        row = int(np.flatnonzero(values.is_null().to_numpy())[0]) + 1
        raise ValueError(
            f"{table.name}: no exposure {name!r} in {values.null_count} of {len(values)} rows, first in row {row}; "
            "fill it in, or leave those rows out"
        )
    exposure = np.asarray(values.to_numpy())
    if exposure.min() <= 0:
        raise ValueError(
            f"{table.name}: the exposure {name!r} is {exposure.min():g} in row {int(exposure.argmin()) + 1}; it must "
            "be above 0, for the expected count is in proportion to it"
        )
    return exposure


def groups_of(table: Table, name: str) -> Any:
    """Each row's group, as whole numbers (n,)."""
    cells = table.column(name)
    kind = cells.values.type
    if cells.kind is None and not pa.types.is_null(kind):
        raise ValueError(f"{table.name}: the groups {name!r} are of type {kind}; give numbers, text or dates")
    if cells.missing:
        raise ValueError(f"{table.name}: no group {name!r} in {cells.missing} of {len(cells)} rows")
    codes = cells.values.combine_chunks().dictionary_encode().indices.to_numpy()
    if codes.max() == 0:
        raise ValueError(f"{table.name}: all rows are of one group {name!r}, so none can be left out; drop --groups")
    if len(np.unique(codes)) == len(codes):
        raise ValueError(
            f"{table.name}: every row is a group {name!r} of its own, as if there were none; drop --groups, or name "
            "what was measured repeatedly"
        )
    return codes
