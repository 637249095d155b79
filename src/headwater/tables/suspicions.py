"""Suspicions: what in two tables that can be read makes their answer doubtful, refused or said in a note."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.spectrum.rows import Array
from headwater.tables.columns import Column, encode
from headwater.tables.fingerprints import FEW, Codes, Rows, copies, digits, hashed, near, overlap
from headwater.tables.side import Side

_HELD = 4_000_000  # numbers of a source, up to which its rows are also compared rounded


def swapped(source_rows: float, target_rows: float) -> Iterator[str]:
    """A target larger than its source."""
    if source_rows < target_rows:
        yield (
            f"the source has fewer rows ({source_rows:g}) than the target ({target_rows:g}): are they swapped? The "
            "source is what is learnt from, the target what is to be predicted"
        )


def shared_rows(
    rows: Rows, other: Rows, outcomes: Codes, allowed: bool, option: str = "--allow-overlap", how: str = ""
) -> Iterator[str]:
    """Target rows that the source holds too; ValueError where that is no chance, and not said to be allowed.

    ``outcomes`` are all of the source's, ``other`` those of its rows that can be the target's.
    """
    found = overlap(rows, other, outcomes)
    if not found.rows:
        return
    words = f"{found.rows} of {len(rows.whole)} target rows are{how} also rows of the source, features and outcome"
    if found.by_chance and how:
        return
    if found.by_chance:
        yield f"{words}; by chance it would be {found.about}"
    elif allowed or len(np.unique(outcomes)) <= FEW:
        yield f"{words}: the source has seen their outcomes, so what it gains on them is no gain on new rows"
    else:
        raise ValueError(
            f"{words}; by chance it would be {found.about}: the source has seen their outcomes, so any "
            f"source would seem to help; take them out of one of the tables, or say {option}"
        )


def target_in_source(before: Side, after: Side, columns: tuple[Column, ...], allowed: bool) -> Iterator[str]:
    """``shared_rows`` of two tables."""
    some = near(before.table, after.table, columns)
    outcomes, said = before.told.reshape(len(before.y), -1), []
    if len(some):
        close = replace(before.table, data=before.table.data.take(some))
        other = Rows.of_table(close, columns, outcomes[some])
        said = [*shared_rows(Rows.of_table(after.table, columns, after.told), other, hashed(outcomes), allowed)]
    if not said and len(outcomes) * len(columns) <= _HELD:  # before it is encoded
        told = after.told.reshape(len(after.y), -1)
        sides = ((encode(before.table, columns), outcomes), (encode(after.table, columns), told))
        said = [*shared_when_rounded(*sides, allowed)]
    yield from said


def shared_when_rounded(
    source: tuple[Array, Array], target: tuple[Array, Array], allowed: bool, option: str = "--allow-overlap"
) -> Iterator[str]:
    """``shared_rows`` of features and outcomes (n, p) and (n, q) where one side has fewer decimals than the other."""
    if source[0].size > _HELD:
        return
    before, after = (np.hstack(side) for side in (source, target))
    written = digits(before), digits(after)
    if (written[0] == written[1]).all():
        return
    fewer = np.minimum(*written)
    for values in (before, after):
        for index, count in enumerate(fewer):
            values[:, index] = np.round(values[:, index], count)
    width = source[0].shape[1]
    other, rows = (Rows.of(values[:, :width], values[:, width:]) for values in (before, after))
    yield from shared_rows(rows, other, other.outcome, allowed, option, ", rounded,")


def rows_seen(fitted: Rows, side: Side, columns: tuple[Column, ...]) -> Iterator[str]:
    """Rows to score a model on that are those it was fitted on, beyond chance."""
    found = overlap(fitted, Rows.of_table(side.table, columns, side.told))
    if not found.by_chance:
        yield (
            f"{found.rows} of the {len(fitted.whole)} target rows that the model was fitted on are among these: on "
            "them its error is smaller than on new rows; score it on others"
        )


def copies_in_one(side: Side, columns: tuple[Column, ...]) -> tuple[Side, list[str]]:
    """The side with each row that was copied standing once, with the weight of all its copies, and a note.

    A weight of two is a row twice, so that the likelihood is unchanged; but rows are left out with their whole weight,
    where a copy left behind would tell the answer.
    """
    first = copies(Rows.of_table(side.table, columns, side.told))
    if first is None:
        return side, []
    kept, weight = collapsed(first, side.groups, side.weight)
    table = replace(side.table, data=side.table.data.take(kept))
    groups, exposure = (None if each is None else each[kept] for each in (side.groups, side.exposure))
    return Side(table, side.y[kept], weight, groups, exposure), [*copied(side.table.name, first, kept)]


def collapsed(first: NDArray[np.intp], groups: Any, weight: Array | None) -> tuple[NDArray[np.intp], Array]:
    """Which rows stand for all their copies, those of a group by themselves, and the copies' weight together."""
    both = np.c_[first, np.zeros(len(first), np.intp) if groups is None else groups]
    _, kept, inverse = np.unique(both, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(kept)
    return kept[order], np.bincount(inverse.ravel(), weight)[order].astype(np.float64)


def copied(table: str, first: NDArray[np.intp], kept: NDArray[np.intp]) -> Iterator[str]:
    """What is said of rows that were copied: those of a group leave together, those of several groups stay apart.

    What a group is, is its user's word: it stands for what is measured anew. But a copy in another group tells the
    answer where its own is left out.
    """
    rows, across = len(first), len(kept) - len(np.unique(first))
    if len(kept) < rows:
        yield (
            f"{table}: {rows - len(kept)} of {rows} rows are copies of others; they count as often as they are there, "
            "but where rows are left out all copies leave together"
        )
    if across:
        yield (
            f"{table}: {across} of {rows} rows are copies of rows in other groups, and stay when these are left out, "
            "so that predicted errors flatter: do the groups name what was measured repeatedly?"
        )
