"""Numbers: what columns of numbers look like that makes one ask: leaks, other units, marks for what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from headwater.spectrum.rows import Array
from headwater.tables.artefacts import artefacts, dates_in
from headwater.tables.cells import CATEGORY
from headwater.tables.columns import Column, encode
from headwater.tables.side import Side
from headwater.tables.table import listed

_NEARLY = 0.999  # a correlation beyond it is one thing measured twice
_EXACTLY = 1e-9  # of the outcome's variance left over: less is a sum, and no model
_TENFOLD = 10.0
_ENOUGH = 8  # rows, below which numbers agree by chance
_SELDOM = 0.01  # how often one of all columns may seem to be in other units by chance
_SAMPLE, _HELD = 10_000, 4_000_000  # rows looked at, and numbers at most
_WIDEST = 300  # columns, up to which it is asked whether they add up to the outcome


@dataclass(frozen=True, eq=False)
class Numbers:
    """What is looked at of a table: what notes call it, its columns' names, numbers X (n, p) and outcomes Y (n, q).

    ``whole``: whether it is all of the table's rows, and no sample.
    """

    table: str
    names: list[str]
    X: Array
    Y: Array
    whole: bool = False

    @property
    def outcomes(self) -> list[str]:
        """What notes call the outcomes."""
        count = self.Y.shape[1]
        return ["the outcome"] if count == 1 else [f"outcome {index + 1}" for index in range(count)]


def sampled(rows: int, columns: int) -> NDArray[np.intp]:
    """Rows to look at: at most 10,000, and 4,000,000 numbers, evenly taken."""
    most = min(_SAMPLE, max(_ENOUGH, _HELD // max(columns, 1)))
    return np.arange(0, rows, max(1, -(-rows // most)))


def numbers_of(side: Side, columns: tuple[Column, ...], table: str) -> Numbers:
    """A sample of a table's numbers and outcomes."""
    numbers = tuple(column for column in columns if column.kind != CATEGORY)
    some = sampled(len(side.y), len(numbers))
    X = encode(replace(side.table, data=side.table.data.take(some)), numbers)
    return Numbers(table, [column.name for column in numbers], X, side.y[some][:, None], len(some) == len(side.y))


def numbers_ask(
    sources: Sequence[Numbers], target: Numbers, remedy: str = "leave it out by --exclude", in_units: bool = True
) -> Iterator[str]:
    """What there is to ask about the numbers of sources, if any, and of a target in the same columns.

    ``in_units``: whether outcomes have units, as a yes or no has not.
    """
    tables = (*sources, target)
    yield from _leaks(tables, remedy)
    for source in sources:
        yield from _units(source, target, in_units)
    for table in tables:
        outcomes, Y = (table.outcomes, table.Y) if in_units else ([], table.Y[:, :0])
        for found in artefacts(table.names, table.X, outcomes, Y, table.whole):
            yield f"{table.table} {found}"
    dates = {name: shown for table in tables for name, shown in dates_in(table.names, table.X).items()}
    if dates:
        yield (
            f"numbers that read as dates: {listed(list(dates.values()))}: written YYYY-MM-DD they are days, where as "
            "numbers each month ends with a jump"
        )
    for source in sources:
        if _adds_up(source.X, source.Y):
            yield (
                f"{source.table}'s features add up to its outcome without error: is it made of them, or one of them of "
                "it? Then there is nothing to learn"
            )


def _leaks(tables: Sequence[Numbers], remedy: str) -> Iterator[str]:
    """Columns that nearly are the outcome, by the tables in which they are."""
    told = np.array([(np.abs(_correlations(table.X, table.Y)) > _NEARLY).any(axis=1) for table in tables])
    for pattern in np.unique(told[:, told.any(axis=0)], axis=1).T[::-1]:
        names = [name for name, one in zip(tables[-1].names, told.T, strict=True) if (one == pattern).all()]
        where = " and ".join(table.table for table, leaks in zip(tables, pattern, strict=True) if leaks)
        yield (
            f"{listed(names)} {'is' if len(names) == 1 else 'are'} in {where} nearly the outcome itself: will it be "
            f"known where the outcome is not? If not, {remedy}"
        )


def _units(source: Numbers, target: Numbers, outcomes: bool) -> Iterator[str]:
    """Columns, and ``outcomes`` where they have any, that seem to be in other units on one side."""
    sides = f"in {target.table} than in {source.table}"
    shown = [f"{name} ({middles})" for name, middles in _apart(target.names, source.X, target.X)]
    if shown:
        yield f"of tenfold other spread or level {sides}: {listed(shown)}: are they in the same units in both?"
    for name, middles in _apart(target.outcomes, source.Y, target.Y) if outcomes else ():
        yield f"{name} has tenfold another spread or level {sides} ({middles}): is it in the same units in both?"


def _apart(names: list[str], X0: Array, X1: Array) -> Iterator[tuple[str, str]]:
    """The columns that seem to be in other units, and their medians."""
    for index in np.flatnonzero(_other_units(X0, X1)):
        yield names[index], f"middle {np.median(X0[:, index]):.3g} and {np.median(X1[:, index]):.3g}"


def _correlations(X: Array, Y: Array) -> Array:
    """Of each column with each outcome (p, q); 0 for one that does not vary, or for too few rows to tell."""
    if len(Y) < _ENOUGH:
        return np.zeros((X.shape[1], Y.shape[1]))
    X, Y = (values - values.mean(axis=0) for values in (X, Y))
    size = np.sqrt(np.outer((X**2).sum(axis=0), (Y**2).sum(axis=0)))
    return np.divide(X.T @ Y, size, out=np.zeros(size.shape), where=size > 0)


def _other_units(X0: Array, X1: Array) -> NDArray[np.bool_]:
    """Where the distances between quartiles differ tenfold, or the medians do.

    Medians tell only where both are further from 0 than their quartiles from each other, or very far from each other;
    of columns of few rows none tells where one of so many would by chance: half of n normal numbers lie within a tenth
    of their quartiles' distance with probability below 0.2^(n/2).
    """
    rows, columns = min(len(X0), len(X1)), X0.shape[1]
    if rows < _ENOUGH or columns * 0.2 ** (rows / 2) > _SELDOM:
        return np.zeros(columns, bool)
    (low0, middle0, high0), (low1, middle1, high1) = (np.quantile(X, [0.25, 0.5, 0.75], axis=0) for X in (X0, X1))
    wide0, wide1 = high0 - low0, high1 - low1
    wide = np.maximum(wide0, wide1)
    spread = (wide0 > 0) & (wide1 > 0) & (wide > _TENFOLD * np.minimum(wide0, wide1))
    size0, size1 = np.abs(middle0), np.abs(middle1)
    told = ((size0 > wide0) & (size1 > wide1)) | (np.abs(middle1 - middle0) > _TENFOLD * wide)
    told &= wide > 0  # nearly all rows of both alike, as where a rare yes is a frequent one: no matter of units
    return spread | (told & (np.maximum(size0, size1) > _TENFOLD * np.minimum(size0, size1)))


def _adds_up(X: Array, Y: Array) -> bool:
    """Whether a linear map of the columns, level included, leaves nothing of an outcome, with rows to spare."""
    X, Y = X[:2000], Y[:2000]
    if not 1 < X.shape[1] <= _WIDEST or len(Y) < 2 * X.shape[1] + _ENOUGH:
        return False
    told = (np.abs(_correlations(X, Y)) > _NEARLY).any(axis=0)  # which is said already
    centred, outcomes = X - X.mean(axis=0), (Y - Y.mean(axis=0))[:, ~told]
    size = centred.std(axis=0)
    centred = centred[:, size > 0] / size[size > 0]
    left = outcomes - centred @ np.linalg.lstsq(centred, outcomes, rcond=None)[0]
    whole = (outcomes**2).sum(axis=0)
    return bool(((left**2).sum(axis=0) < _EXACTLY * whole).any())
