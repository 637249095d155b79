"""Suspicions: what in two tables that can be read makes their answer doubtful, refused or said in a note."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.spectrum.rows import Array
from headwater.tables.columns import CATEGORY, Column, encode
from headwater.tables.fingerprints import FEW, Codes, Rows, copies, hashed, near, overlap
from headwater.tables.side import Side
from headwater.tables.table import listed

_NEARLY = 0.999  # a correlation beyond it is one thing measured twice
_TENFOLD = 10.0
_ENOUGH = 8  # rows, below which numbers agree by chance
_SAMPLE = 10_000  # rows looked at for units and levels


def swapped(source_rows: float, target_rows: float) -> Iterator[str]:
    """A target larger than its source."""
    if source_rows < target_rows:
        yield (
            f"the source has fewer rows ({source_rows:g}) than the target ({target_rows:g}): are they swapped? The "
            "source is what is learnt from, the target what is to be predicted"
        )


def shared_rows(
    rows: Rows, other: Rows, outcomes: Codes, allowed: bool, option: str = "--allow-overlap"
) -> Iterator[str]:
    """Target rows that the source holds too; ValueError where that is no chance, and not said to be allowed.

    ``outcomes`` are all of the source's, ``other`` those of its rows that can be the target's.
    """
    found = overlap(rows, other, outcomes)
    if not found.rows:
        return
    words = f"{found.rows} of {len(rows.whole)} target rows are also rows of the source, features and outcome"
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
    if len(some):
        close = replace(before.table, data=before.table.data.take(some))
        other = Rows.of_table(close, columns, before.y[some])
        yield from shared_rows(Rows.of_table(after.table, columns, after.y), other, hashed(before.y[:, None]), allowed)


def rows_seen(fitted: Rows, side: Side, columns: tuple[Column, ...]) -> Iterator[str]:
    """Rows to score a model on that are those it was fitted on, beyond chance."""
    found = overlap(fitted, Rows.of_table(side.table, columns, side.y))
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
    first = copies(Rows.of_table(side.table, columns, side.y))
    if first is None:
        return side, []
    kept, weight = collapsed(first, side.groups, side.weight)
    table = replace(side.table, data=side.table.data.take(kept))
    groups = None if side.groups is None else side.groups[kept]
    return Side(table, side.y[kept], weight, groups), [f"{side.table.name}: {copied(len(first), len(kept))}"]


def collapsed(first: NDArray[np.intp], groups: Any, weight: Array | None) -> tuple[NDArray[np.intp], Array]:
    """Which rows stand for all their copies, those of a group by themselves, and the copies' weight together."""
    both = np.c_[first, np.zeros(len(first), np.intp) if groups is None else groups]
    _, kept, inverse = np.unique(both, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(kept)
    return kept[order], np.bincount(inverse.ravel(), weight)[order].astype(np.float64)


def copied(rows: int, kept: int) -> str:
    """What is said of rows that were copied."""
    return (
        f"{rows - kept} of {rows} rows are copies of others; they count as often as they are there, but where rows are "
        "left out all copies leave together"
    )


def one_column(names: list[str], source: tuple[Array, Array], target: tuple[Array, Array]) -> Iterator[str]:
    """Columns (n, p) that nearly are the outcome, or that seem to be in other units on one side."""
    told = [np.abs(_correlations(*side)) > _NEARLY for side in (source, target)]
    for words, which in (("both tables", told[0] & told[1]), ("the source", told[0] & ~told[1]),
                         ("the target", told[1] & ~told[0])):  # fmt: skip
        if which.any():
            yield (
                f"{_those(names, which)} in {words} nearly the outcome itself: will it be known where the outcome is "
                "not? If not, leave it out by --exclude"
            )
    other = _other_units(source[0], target[0])
    if other.any():
        middles = [np.median(X[:, other], axis=0) for X in (source[0], target[0])]
        each = zip(np.array(names)[other], *middles, strict=True)
        shown = [f"{name} (middle {a:.3g} and {b:.3g})" for name, a, b in each]
        yield (
            f"of tenfold other spread or level in the target than in the source: {listed(shown)}: are they in the same "
            "units in both?"
        )


def outcome_units(source: Array, target: Array) -> Iterator[str]:
    """Outcomes (n,) that seem to be in other units on one side."""
    if _other_units(source[:, None], target[:, None]).any():
        yield (
            f"the outcome has tenfold another spread or level in the target than in the source (middle "
            f"{np.median(source):.3g} and {np.median(target):.3g}): is it in the same units in both?"
        )


def seen(side: Side, columns: tuple[Column, ...]) -> tuple[Array, Array]:
    """Numbers and outcomes of at most 10,000 rows, evenly taken."""
    numbers = tuple(column for column in columns if column.kind != CATEGORY)
    some = np.arange(0, len(side.y), max(1, len(side.y) // _SAMPLE))
    return encode(replace(side.table, data=side.table.data.take(some)), numbers), side.y[some]


def _correlations(X: Array, y: Array) -> Array:
    """Of each column with the outcome; 0 for one that does not vary, or for too few rows to tell."""
    if len(y) < _ENOUGH:
        return np.zeros(X.shape[1])
    X, y = X - X.mean(axis=0), y - y.mean()
    size = np.sqrt((X**2).sum(axis=0) * (y @ y))
    return np.divide(X.T @ y, size, out=np.zeros(X.shape[1]), where=size > 0)


def _other_units(X0: Array, X1: Array) -> NDArray[np.bool_]:
    """Where the distances between quartiles differ tenfold, or the medians do.

    Medians tell only where both are further from 0 than their quartiles from each other, or very far from each other.
    """
    if min(len(X0), len(X1)) < _ENOUGH:
        return np.zeros(X0.shape[1], bool)
    (low0, middle0, high0), (low1, middle1, high1) = (np.quantile(X, [0.25, 0.5, 0.75], axis=0) for X in (X0, X1))
    wide0, wide1 = high0 - low0, high1 - low1
    spread = (wide0 > 0) & (wide1 > 0) & (np.maximum(wide0, wide1) > _TENFOLD * np.minimum(wide0, wide1))
    size0, size1 = np.abs(middle0), np.abs(middle1)
    told = ((size0 > wide0) & (size1 > wide1)) | (np.abs(middle1 - middle0) > _TENFOLD * np.maximum(wide0, wide1))
    return spread | (told & (np.maximum(size0, size1) > _TENFOLD * np.minimum(size0, size1)))


def _those(names: list[str], which: NDArray[np.bool_]) -> str:
    some = [name for name, told in zip(names, which, strict=True) if told]
    return f"{listed(some)} {'is' if len(some) == 1 else 'are'}"
