"""Artefacts: what habits and programs leave in numbers: marks for what is missing, totals, cut-off tops, dates."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from headwater.spectrum.rows import Array
from headwater.tables.table import listed

_ENOUGH = 8  # rows, below which numbers agree by chance
_MARKS = tuple(sign * (10.0**digits - 1) for digits in (2, 3, 4, 5, 6) for sign in (-1, 1))  # ±99 to ±999999
_ROUNDED = 1e-4  # of the sum of sizes: by so much a sum of rounded numbers may be beside it
_CUT, _OFTENER, _VALUES = 0.05, 3, 20  # share at the top, how much oftener than any other value, and of how many
_FIRST_DAY, _LAST_DAY = 19000101, 21001231


def artefacts(names: list[str], X: Array, outcomes: list[str], Y: Array, whole: bool) -> Iterator[str]:
    """What is odd in a table's numbers X (n, p) and outcomes Y (n, q), as what is said of it after its name.

    ``whole``: whether these are all of its rows, the last one included.
    """
    marked = [*_marks(names, X), *_marks(outcomes, Y)]
    if marked:
        yield (
            f"has a number far from all others more than once: {listed(marked)}: if it stands for missing, leave it "
            "empty"
        )
    if whole:
        yield from _total(np.c_[X, Y])
    for name, y in zip(outcomes, Y.T, strict=True):
        yield from _cut_off(name, y)


def _marks(names: list[str], values: Array) -> Iterator[str]:
    """Columns with a number such as −999 that stands more than once, further from all others than these are apart."""
    if not len(values):
        return
    ends = np.array([values.min(axis=0), values.max(axis=0)])
    for index in np.flatnonzero(np.isin(ends, _MARKS).any(axis=0)):
        for mark in ends[:, index]:
            if mark in _MARKS and _is_mark(values[:, index], mark):
                yield f"{names[index]} {mark:g}"
                break


def _is_mark(column: Array, mark: float) -> bool:
    rest = column[column != mark]
    if not _ENOUGH <= len(rest) <= len(column) - 2:
        return False
    low, high = rest.min(), rest.max()
    return bool(max(low - mark, mark - high) > high - low > 0)


def _total(values: Array) -> Iterator[str]:
    """A last row that is, in most columns, the sum or the mean of those above it."""
    if len(values) <= _ENOUGH:
        return
    above, last = values[:-1], values[-1]
    size = np.abs(above).sum(axis=0)
    varies = above.min(axis=0) < above.max(axis=0)
    for what, share in (("sum", 1.0), ("mean", 1 / len(above))):
        told = varies & (np.abs(share * above.sum(axis=0) - last) <= _ROUNDED * share * size)
        if what == "sum":
            told &= np.abs(last) > np.abs(above).max(axis=0)
        if told.sum() >= max(2, varies.sum() / 2):
            yield f"ends with a row that is the {what} of those above it, and no observation: leave it out"


def _cut_off(name: str, y: Array) -> Iterator[str]:
    """An outcome of many values whose largest is by far its most frequent."""
    found, counts = np.unique(y, return_counts=True)
    if len(found) <= _VALUES or counts[-1] < max(_CUT * len(y), 5) or counts[-1] <= _OFTENER * counts[:-1].max():
        return
    yield (
        f"has its largest value, {found[-1]:g}, in {counts[-1] / len(y):.0%} of {name}: if what is above was cut off "
        "there, the errors are of what was written and not of what was"
    )


def dates_in(names: list[str], X: Array) -> dict[str, str]:
    """Columns of numbers that read as dates, with an example of each."""
    return {name: f"{name} {column[0]:.0f}" for name, column in zip(names, X.T, strict=True) if _are_dates(column)}


def _are_dates(column: Array) -> bool:
    """Whether whole numbers, of which there are several, are all dates written as YYYYMMDD."""
    if len(column) < _ENOUGH or column.min() < _FIRST_DAY or column.max() > _LAST_DAY or (column % 1).any():
        return False
    month, day = column // 100 % 100, column % 100
    inside = (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    return bool(inside.all() and column.min() < column.max())
