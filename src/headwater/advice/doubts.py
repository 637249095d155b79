"""Doubts: what makes an answer about two tables of numbers doubtful, refused or said beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from headwater.advice.calibration.fitting import Calibration
from headwater.advice.rivals import Judge
from headwater.tables.fingerprints import Rows, copies
from headwater.tables.suspicions import collapsed, copied, shared_rows, swapped

_ORDERED = 2.326  # standard normal, one in a hundred
_ENOUGH = 10  # rows, below which the normal distribution is none of the correlation's

Target = tuple[Any, ...]


def checked(
    sources: list[Any], target: Target, groups: ArrayLike | None, allow_overlap: bool
) -> tuple[Target, ArrayLike | None, list[str]]:
    """The target's rows (X, y, weights) with copies together, their groups, and notes, where both sides are rows.

    Raises ValueError where the target's rows are in a source that is given as rows, unless that is allowed.
    """
    rows = _rows(*target[:2])
    if rows is None:
        return target, groups, []
    notes: list[str] = []
    for index, source in enumerate(sources):
        other = _rows(*source[:2]) if isinstance(source, tuple) else None
        if other is not None:
            weights = (source[2] if len(source) > 2 else None, target[2] if len(target) > 2 else None)
            sizes = [len(side.whole) if weight is None else float(np.sum(weight))
                     for side, weight in zip((other, rows), weights, strict=True)]  # fmt: skip
            found = [*swapped(*sizes), *shared_rows(rows, other, other.outcome, allow_overlap, "allow_overlap=True")]
            notes += [f"source[{index}]: {note}" for note in found] if len(sources) > 1 else found
    first = copies(rows)
    if first is None:
        return target, groups, notes
    X, y, weight = (*target, None)[:3]
    labels = None if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    kept, count = collapsed(first, labels, None if weight is None else np.asarray(weight, np.float64))
    notes.append(f"the target: {copied(len(first), len(kept))}")
    return (_taken(X, kept), _taken(y, kept), count), None if groups is None else np.asarray(groups)[kept], notes


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


def _rows(X: Any, y: Any) -> Rows | None:
    """Fingerprints of rows of numbers; None for other rows, and for what is to be refused elsewhere."""
    if hasattr(X, "schema") and not hasattr(X, "to_numpy"):
        return None  # an Arrow table, met by name and seen to before
    try:
        numbers = X if hasattr(X, "tocsr") else np.asarray(X, dtype=np.float64)
        outcomes = np.asarray(y, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    fits = numbers.ndim == 2 and outcomes.ndim in (1, 2) and 0 < len(outcomes) == numbers.shape[0]
    return Rows.of(numbers, outcomes) if fits else None


def _taken(values: Any, rows: Any) -> Any:
    if hasattr(values, "iloc"):
        return values.iloc[rows]
    return (np.asarray(values) if isinstance(values, (list, tuple)) else values)[rows]
