"""Pair: two files become a source and a target that share features, with everything left out or mended said."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.spectrum.rows import Array
from headwater.tables.columns import Column, kind_of, met, missing_in, number_column
from headwater.tables.features import shared_columns
from headwater.tables.table import Table, listed, read_table

_LEAST_ROWS = 3


@dataclass(frozen=True)
class Roles:
    """Which columns play which part; the outcome's and weights' names in the source, and what differs in the target."""

    outcome: str
    target_outcome: str | None = None
    weights: str | None = None
    groups: str | None = None
    features: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    @property
    def taken(self) -> set[str]:
        """The columns that are never features."""
        return {name for name in (self.outcome, self.target_outcome, self.weights, self.groups) if name is not None}


@dataclass(frozen=True, eq=False)
class Side:
    """One side's rows that have an outcome: y (n,), and weights (n,) and groups (n,) where asked for and there."""

    table: Table
    y: Array
    weight: Array | None
    groups: Any = None


@dataclass(frozen=True, eq=False)
class Pair:
    """A source and a target, the features they share, and notes on everything left out or mended."""

    source: Side
    target: Side
    columns: tuple[Column, ...]
    notes: tuple[str, ...]


def read_pair(source: Path, target: Path, roles: Roles, delimiter: str | None = None) -> Pair:
    """Read two files and say which columns both can be fitted on.

    Raises OSError or ValueError, of one line that names the file or column, where either cannot be used.
    """
    tables = read_table(source, delimiter), read_table(target, delimiter)
    taken = roles.taken & set(roles.features)
    if taken:
        raise ValueError(f"--features: {min(taken)!r} is the outcome, the weights or the groups, and so no feature")
    for option, name in (("--weights", roles.weights), ("--groups", roles.groups)):
        if name is not None and name in (roles.outcome, roles.target_outcome):
            raise ValueError(f"{option}: {name!r} is the outcome")
    if roles.weights is not None and not any(roles.weights in table.names for table in tables):
        raise ValueError(f"--weights: neither {tables[0].name} nor {tables[1].name} has a column {roles.weights!r}")
    if roles.target_outcome is None and roles.outcome in tables[0].names and roles.outcome not in tables[1].names:
        raise ValueError(
            f"{tables[1].name}: there is no column {roles.outcome!r}; the columns are {listed(tables[1].names)}; "
            "--target-outcome says what it is called there"
        )
    before, notes = with_outcome(tables[0], roles.outcome, roles.weights)
    after, more = with_outcome(tables[1], roles.target_outcome or roles.outcome, roles.weights)
    for side in (before, after):
        if len(side.y) < _LEAST_ROWS:
            raise ValueError(
                f"{side.table.name}: {len(side.y)} rows have an outcome; at least {_LEAST_ROWS} are needed"
            )
    if roles.groups is not None:
        after = replace(after, groups=_groups(after.table, roles.groups))
    notes += more
    columns, left_out = shared_columns(before.table, after.table, roles.taken, roles.features, roles.exclude)
    notes += left_out
    notes += [note for side in (before, after) for note in met(side.table, columns)]
    if {*np.unique(before.y), *np.unique(after.y)} == {0.0, 1.0}:
        notes.append("the outcome is 0 or 1: it is fitted as a number, so predictions are scores and no probabilities")
    return Pair(before, after, columns, tuple(notes))


def with_outcome(table: Table, outcome: str, weights: str | None = None) -> tuple[Side, list[str]]:
    """The rows of one table that have an outcome and count, and notes; ValueError where none has an outcome."""
    notes = list(table.notes)
    values = number_column(table, outcome, "outcome")
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
    y, weight = values.to_numpy(), None if weights is None else _weights(table, weights)
    if weight is not None and not weight.all():  # a row that counts zero times is not there
        notes.append(f"{table.name}: {np.sum(weight == 0)} of {len(weight)} rows have weight 0 and are left out")
        table, y, weight = table.where(pa.array(weight > 0)), y[weight > 0], weight[weight > 0]
    return Side(table, y, weight), notes


def _weights(table: Table, name: str) -> Array:
    values = number_column(table, name, "weight")
    if values.null_count:
        raise ValueError(f"{table.name}: no weight {name!r} in {values.null_count} of {len(values)} rows")
    weight = values.to_numpy()
    if weight.min() < 0 or not weight.any():
        raise ValueError(f"{table.name}: the weights {name!r} must not be negative, nor all 0: they count rows")
    return np.asarray(weight)


def _groups(table: Table, name: str) -> Any:
    """Each row's group, as whole numbers (n,)."""
    column = table.column(name)
    if kind_of(column) is None and not pa.types.is_null(column.type):
        raise ValueError(f"{table.name}: the groups {name!r} are of type {column.type}; give numbers, text or dates")
    if missing_in(column):
        raise ValueError(f"{table.name}: no group {name!r} in {missing_in(column)} of {len(column)} rows")
    codes = column.combine_chunks().dictionary_encode().indices.to_numpy()
    if codes.max() == 0:
        raise ValueError(f"{table.name}: all rows are of one group {name!r}, so none can be left out; drop --groups")
    return codes
