"""Numbers: what columns of numbers look like that makes one ask: leaks, other units, marks for what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from headwater.spectrum.rows import Array
from headwater.tables.cells import CATEGORY
from headwater.tables.columns import Column, encode
from headwater.tables.side import Side
from headwater.tables.table import listed

_NEARLY = 0.999  # a correlation beyond it is one thing measured twice
_EXACTLY = 1e-9  # of the outcome's variance left over: less is a sum, and no model
_TENFOLD = 10.0
_ENOUGH = 8  # rows, below which numbers agree by chance
_SAMPLE = 10_000  # rows looked at
_WIDEST = 300  # columns, up to which it is asked whether they add up to the outcome
_MARKS = tuple(sign * (10.0**digits - 1) for digits in (2, 3, 4, 5, 6) for sign in (-1, 1))  # ±99 to ±999999


def numbers_ask(
    names: list[str], source: tuple[Array, Array], target: tuple[Array, Array], in_units: bool = True
) -> Iterator[str]:
    """What there is to ask about the numbers (n, p) and outcomes (n,) of two tables; whether outcomes have units."""
    yield from one_column(names, source, target)
    yield from outcome_units(source[1], target[1]) if in_units else ()
    for words, (X, y) in (("source", source), ("target", target)):
        marked = {name: mark for name, column in zip([*names, "the outcome"], np.c_[X, y].T, strict=True)
                  if (mark := _mark(column)) is not None}  # fmt: skip
        if marked:
            shown = listed([f"{name} {mark:g}" for name, mark in marked.items()])
            yield (
                f"the {words} has a number far from all others more than once: {shown}: if it stands for missing, "
                "leave it empty"
            )
    if _adds_up(*source):
        yield (
            "the source's features add up to its outcome without error: is it made of them, or one of them of it? Then "
            "there is nothing to learn"
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


def _mark(column: Array) -> float | None:
    """A number such as −999 that stands more than once, further from all others than these from each other."""
    for mark in _MARKS:
        rest = column[column != mark]
        if _ENOUGH <= len(rest) <= len(column) - 2:
            low, high = rest.min(), rest.max()
            if max(low - mark, mark - high) > high - low > 0:
                return mark
    return None


def _adds_up(X: Array, y: Array) -> bool:
    """Whether a linear map of the columns, level included, leaves nothing of the outcome, with rows to spare."""
    X, y = X[:2000], y[:2000]
    if not 1 < X.shape[1] <= _WIDEST or len(y) < 2 * X.shape[1] + _ENOUGH:
        return False
    centred, outcome = X - X.mean(axis=0), y - y.mean()
    size = centred.std(axis=0)
    centred = centred[:, size > 0] / size[size > 0]
    left = outcome - centred @ np.linalg.lstsq(centred, outcome, rcond=None)[0]
    told = max(np.abs(_correlations(X, y)), default=0.0) > _NEARLY  # which is said already
    return bool(outcome.any() and left @ left < _EXACTLY * (outcome @ outcome) and not told)
