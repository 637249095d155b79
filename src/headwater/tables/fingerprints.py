"""Fingerprints: which rows of two tables, or of one, are the same rows, and whether that is more than chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.special import bdtrc

from headwater.spectrum.rows import Array, row_blocks
from headwater.tables.cells import CATEGORY
from headwater.tables.columns import Column, encode
from headwater.tables.table import Table

Codes = NDArray[np.uint64]

_CHANCE = 1e-3
_MIX = np.uint64(0x9E3779B97F4A7C15)
FEW = 20  # so many different outcomes, or fewer, agree too often to tell a copy from a coincidence


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows as numbers that are equal where the rows are: ``features`` (n,), and ``whole`` (n,) with the outcome."""

    features: Codes
    whole: Codes
    outcome: Codes

    @classmethod
    def of(cls, X: Any, y: Any) -> Rows:
        """The rows of X (n, p), dense or CSR, each with its outcome, y (n,) or (n, q)."""
        features, outcome = hashed(X), hashed(np.reshape(y, (len(y), -1)))
        return cls(features, features * _MIX + outcome, outcome)

    @classmethod
    def of_table(cls, table: Table, columns: tuple[Column, ...], y: Array) -> Rows:
        """The rows of a table in these columns, each with what else it tells, y (n,) or (n, q)."""
        parts = row_blocks(table.data.num_rows, len(columns))
        features = np.concatenate([hashed(encode(table.rows(rows), columns)) for rows in parts])
        outcome = hashed(np.reshape(y, (len(y), -1)))
        return cls(features, features * _MIX + outcome, outcome)


@dataclass(frozen=True)
class Overlap:
    """How many rows of one table are rows of another too, how many of them chance would make, whether it can have."""

    rows: int
    expected: float
    by_chance: bool

    @property
    def about(self) -> str:
        """The expected number in words."""
        return f"about {self.expected:.0f}" if self.expected >= 10 else f"about {self.expected:.2g}"


def overlap(rows: Rows, other: Rows, outcomes: Codes | None = None) -> Overlap:
    """The rows that another table has too, features and outcome; ``outcomes`` are all of its outcomes where ``other``
    holds only those of its rows that are ``near``.

    Where m of its rows have the same features, chance makes one of them have the same outcome too with probability
    e = 1 − (1 − π)^m, π being how frequent that outcome is there. Twice that, or half way from there to always, would
    make so many matches less than once in a thousand times where they are no chance.
    """
    found = int(np.isin(rows.whole, other.whole).sum())
    if not found:
        return Overlap(0, 0.0, True)
    values, counts = np.unique(other.features, return_counts=True)
    alike = _looked_up(rows.features, values, counts)
    outcomes = other.outcome if outcomes is None else outcomes
    share = _looked_up(rows.outcome, *np.unique(outcomes, return_counts=True)) / len(outcomes)
    expected = 1 - (1 - share) ** alike
    most = np.minimum(2 * expected, (1 + expected) / 2)[alike > 0].mean()
    return Overlap(found, float(expected.sum()), bool(bdtrc(found - 1, (alike > 0).sum(), most) > _CHANCE))


def copies(rows: Rows) -> NDArray[np.intp] | None:
    """Which row each row is a copy of, by the place of the first, (n,); None where chance can have made the copies.

    Of rows with the same features each is compared with the one before it. Their outcomes agree by chance as often as
    those of other rows, π; more than twice that, or half way from there to always, is no chance (a binomial number
    reaches it less than once in a thousand times).
    """
    order = np.argsort(rows.features, kind="stable")
    same = rows.features[order][1:] == rows.features[order][:-1]
    agree = same & (rows.whole[order][1:] == rows.whole[order][:-1])
    if not agree.any():
        return None
    _, frequency = np.unique(rows.outcome, return_counts=True)
    _, inside = np.unique(rows.whole, return_counts=True)
    _, alike = np.unique(rows.features, return_counts=True)
    pairs = [float(np.sum(counts * (counts - 1.0))) for counts in (frequency, inside, alike)]
    others = len(rows.whole) * (len(rows.whole) - 1.0) - pairs[2]
    share = (pairs[0] - pairs[1]) / others if others else 0.0
    if bdtrc(agree.sum() - 1, same.sum(), min(2 * share, (1 + share) / 2)) > _CHANCE:
        return None
    _, first, inverse = np.unique(rows.whole, return_index=True, return_inverse=True)
    return np.asarray(first[inverse])


def near(table: Table, other: Table, columns: tuple[Column, ...]) -> NDArray[np.intp]:
    """The rows of a table of which every value is among another's, cheaply: most tables lose all by one column."""
    rows = np.arange(table.data.num_rows)
    for column in columns:
        if len(rows):
            sides = table.column(column.name), other.column(column.name)
            mine, theirs = (cells.text() if column.kind == CATEGORY else cells.floats() for cells in sides)
            rows = rows[pc.is_in(mine.take(rows), pc.unique(theirs)).to_numpy()]
    return rows


def digits(values: Array) -> NDArray[np.intp]:
    """How many decimals the first 200 numbers of each column (n, p) are written with, at most nine, (p,)."""
    some = np.where(np.isfinite(values[:200]), values[:200], 0.0)
    found, spare = np.full(some.shape[1], 9), 1e-12 * np.abs(some)
    for count in range(8, -1, -1):
        found[(np.abs(np.round(some, count) - some) <= spare).all(axis=0)] = count
    return found


def _looked_up(values: NDArray[np.generic], known: NDArray[np.generic], counts: NDArray[np.intp]) -> Array:
    """The counts of those of the values that are known, sorted; 0 for the others."""
    place = np.minimum(np.searchsorted(known, values), len(known) - 1)
    return np.where(known[place] == values, counts[place], 0).astype(np.float64)


def hashed(X: Any) -> Codes:
    """Each row's numbers as 64 bits: their bits, folded, times odd numbers of the columns' own, added up.

    A zero adds nothing, so that sparse rows need no other way.
    """
    odd = 2 * np.random.default_rng(0).integers(0, 1 << 63, X.shape[1], dtype=np.uint64) + np.uint64(1)
    if hasattr(X, "tocsr"):
        X = X.tocsr()
        sums = np.concatenate([[np.uint64(0)], np.cumsum(_folded(X.data) * odd[X.indices], dtype=np.uint64)])
        return np.diff(sums[X.indptr])
    codes = [_folded(X[rows]) @ odd for rows in row_blocks(*X.shape)]
    return np.concatenate(codes) if codes else np.zeros(0, np.uint64)


def _folded(values: Array) -> Codes:
    bits = (np.ascontiguousarray(values, np.float64) + 0.0).view(np.uint64)  # −0 is 0
    bits ^= bits >> np.uint64(32)
    return bits
