"""Doubts: what makes an answer about two tables of numbers doubtful, refused or said beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from headwater.advice.calibration.fitting import Calibration
from headwater.advice.rivals import Judge
from headwater.spectrum.rows import Array
from headwater.tables.arrays import Arrays
from headwater.tables.fingerprints import copies
from headwater.tables.numbers import numbers_ask
from headwater.tables.side import row_counts
from headwater.tables.suspicions import collapsed, copied, shared_rows, shared_when_rounded, swapped

_ORDERED = 2.326  # standard normal, one in a hundred
_ENOUGH = 10  # rows, below which the normal distribution is none of the correlation's

Given = tuple[Any, ...]


def checked(
    sources: list[Any],
    target: Given,
    groups: ArrayLike | None,
    allow_overlap: bool,
    weights_kind: str | None = None,
    in_units: bool = True,
    together: bool = True,
) -> tuple[list[Any], Given, ArrayLike | None, list[str]]:
    """Sources and target (X, y, weights) as they are used, the target's groups, and notes.

    Weights count rows, and the target's copies are one row of as much weight (where that is ``together``: what is known
    of each row beside it must not be lost); what is said of files is said of rows of numbers.
    Raises ValueError for weights of which it is not said what they are, and where the target's rows are in a source
    that is given as rows, unless that is allowed.
    """
    if hasattr(target[0], "schema") and not hasattr(target[0], "to_numpy"):
        return sources, target, groups, []  # an Arrow table, met by name and seen to before
    target = tuple(target)
    called = ["the source"] if len(sources) == 1 else [f"source[{index}]" for index in range(len(sources))]
    notes: list[str] = []
    *sources, target = (_counted(name, side, weights_kind, notes) if isinstance(side, tuple) else side
                        for name, side in zip([*called, "the target"], [*sources, target], strict=True))  # fmt: skip
    seen = Arrays.of("the target", target)
    if seen is None:
        return sources, target, groups, notes
    others = [Arrays.of(name, one) for name, one in zip(called, sources, strict=True) if isinstance(one, tuple)]
    known = [other for other in others if other is not None and other.width == seen.width]
    for other in known:
        shared = [*shared_rows(seen.rows, other.rows, other.rows.outcome, allow_overlap, "allow_overlap=True")]
        if not shared and isinstance(other.X, np.ndarray) and isinstance(seen.X, np.ndarray):
            sides = (other.X, other.Y), (seen.X, seen.Y)
            shared = [*shared_when_rounded(*sides, allow_overlap, "allow_overlap=True")]
        found = [*swapped(other.size, seen.size), *shared]
        notes += [f"{other.table}: {note}" for note in found] if len(sources) > 1 else found
    notes += numbers_ask([other.numbers() for other in known], seen.numbers(), "leave it out", in_units)
    first = copies(seen.rows) if together else None
    if first is None:
        return sources, target, groups, notes
    X, y, weight = (*target, None)[:3]
    labels = None if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    kept, count = collapsed(first, labels, weight)
    notes += copied("the target", first, kept)
    groups = None if groups is None else np.asarray(groups)[kept]
    return sources, (_taken(X, kept), _taken(y, kept), count), groups, notes


def _counted(name: str, side: Given, kind: str | None, notes: list[str]) -> Given:
    """A side whose weights count rows, with what to say of them noted; what are no weights is refused elsewhere."""
    if len(side) < 3 or side[2] is None:
        return side
    weight: Array = np.asarray(side[2], np.float64)
    if weight.shape != (len(side[1]),) or not np.isfinite(weight).all():
        return side
    weight, said = row_counts(weight, kind, name, "its weights", "weights_kind")
    notes += said
    return (*side[:2], weight)


def doubts(judge: Judge, calibration: Calibration) -> Iterator[str]:
    """What of the answer itself makes one doubt it: an alignment the wrong way round, rows that know their order."""
    if calibration.identified and calibration.rho_interval[1] < 0:
        yield (
            f"the target's outcome has the opposite sign of the source's (alignment {calibration.rho:.3g}): the source "
            "is used with the opposite sign; is one of the outcomes coded the other way round?"
        )
    target, free = judge.meeting.target, judge.left_out
    left, weight, residual = target.rows
    if free is None or len(left) < _ENOUGH or target.basis.groups is not None:
        return
    y = (left @ target.u + residual) / np.sqrt(weight)[:, None]
    if any((np.diff(column) >= 0).all() or (np.diff(column) <= 0).all() for column in y.T):
        return  # sorted by the outcome, which is no order of time
    if max(_persistence(column) for column in free.residuals.T) > _ORDERED:
        yield (
            "the errors of neighbouring target rows are alike (a test at 1 %): if the rows are in time order, or by "
            "place or person, the errors predicted by leaving rows out flatter; name what they share by groups"
        )


def _persistence(errors: Any) -> float:
    """The correlation of the errors' ranks with those of the rows before, in standard errors of rows in any order."""
    ranks = rankdata(errors)
    ranks -= ranks.mean()
    size = ranks @ ranks
    return float((ranks[1:] @ ranks[:-1] / size + 1 / len(ranks)) * np.sqrt(len(ranks))) if size else 0.0


def _taken(values: Any, rows: Any) -> Any:
    if hasattr(values, "iloc"):
        return values.iloc[rows]
    return (np.asarray(values) if isinstance(values, (list, tuple)) else values)[rows]
