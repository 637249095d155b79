"""Outcome: what kind of thing the column to predict is, and how it is read: a number, yes or no, or a count."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NoReturn

import pyarrow as pa
import pyarrow.compute as pc

from headwater.tables.cells import CATEGORY, MISSING, NUMBER, Cells
from headwater.tables.table import listed

GAUSSIAN, BINOMIAL, POISSON = "gaussian", "binomial", "poisson"
FAMILIES = (GAUSSIAN, BINOMIAL, POISSON)
_NO = re.compile(r"(0|no|not|non|n|f|false|never|none|without|neg|negative|absent)\b")  # how the other label begins
_FIRST = 1000  # rows, of which more than two values tell that it is no yes or no
_SPREAD = 0.8, 1.5  # of the variance over the mean: from there on counts are likely, and up to there whatever they are


@dataclass(frozen=True)
class Outcome:
    """How outcomes are read: their family and, of yes or no, the two labels as the source writes them, the event last.

    Labels are the same whatever their case and the space around them; true is 1 and false 0.
    """

    family: str = GAUSSIAN
    labels: tuple[str, str] | None = None

    @property
    def words(self) -> str:
        """What it is called in messages."""
        return {GAUSSIAN: "a number", BINOMIAL: "yes or no", POISSON: "a count"}[self.family]

    @property
    def prediction(self) -> str:
        """The name of the column that predictions are written to."""
        return "prediction" if self.labels is None else f"probability_{self.labels[1]}"

    def values(self, cells: Cells) -> pa.ChunkedArray:
        """The column as numbers, the event as 1, missing ones left missing; ValueError for what it cannot be."""
        if self.labels is None:
            values = cells.numeric("outcome")
            if self.family == POISSON:
                _refuse(cells, pc.less(values, 0.0), "and no count is negative: mend it")
            return values
        keys = _keys(cells)
        codes = pc.index_in(keys, pa.array([_key(label) for label in self.labels]))
        strange = pc.and_(pc.is_valid(keys), pc.is_null(codes))
        other, event = self.labels
        _refuse(cells, strange, f"and so neither {other!r} nor {event!r}: write one of them")
        return codes.cast(pa.float64())


NUMBERS = Outcome()


def find_outcome(
    columns: list[Cells], family: str | None = None, positive: str | None = None
) -> tuple[Outcome, list[str]]:
    """How the outcome of all tables is read, each with its column, and notes on what was taken for granted.

    Two values in all tables together are yes or no, if they are words, whole numbers or truth values; ``family`` says
    otherwise, and ``positive`` which of the two is the event. Raises ValueError where the tables do not agree.
    """
    if family not in (None, *FAMILIES):
        raise ValueError(f"--family: it is one of {', '.join(FAMILIES)}, not {family!r}")
    name = columns[0].name
    if family in (GAUSSIAN, POISSON):
        if positive is not None:
            fitted = f"the outcome {name!r} is fitted as {Outcome(family).words}"
            raise ValueError(f"--positive names the event of a yes or no, and {fitted}")
        return Outcome(family), list(_rates(columns)) if family == POISSON else []
    found = [_levels(cells) for cells in columns]
    words = any(cells.kind == CATEGORY for cells in columns)
    asked = words or family is not None or positive is not None
    if None in found:
        if asked:
            _refuse_many(columns, found)
        return NUMBERS, list(_proposed(columns))
    levels = {key: label for one in reversed(found) for key, label in (one or {}).items()}
    if len(levels) > 2:
        _refuse_other_labels(columns, found, words)
    if not asked and len(levels) < 2:
        return NUMBERS, []
    if not asked and not all(float(key).is_integer() for key in levels):
        return NUMBERS, [
            f"the outcome {name} is {_either(levels.values(), words)} in every row: it is fitted as a number "
            "(--family binomial fits it as yes or no)"
        ]
    return _yes_or_no(name, levels, words, family, positive)


def _yes_or_no(
    name: str, levels: dict[str, str], words: bool, family: str | None, positive: str | None
) -> tuple[Outcome, list[str]]:
    """Yes or no, the event the one asked for, else the one that is no "no", else the last in order."""
    if set(levels) < {"0", "1"}:
        levels = {"0": "0", "1": "1"}
    keys = sorted(levels, key=None if words else float)
    either = _either([levels[key] for key in keys], words)
    if len(levels) < 2:
        raise ValueError(f"the outcome {name!r} is {either} in every row of all tables: yes or no needs rows of both")
    if positive is not None and _key(positive) not in levels:
        raise ValueError(f"--positive: the outcome {name!r} is {either}, never {positive!r}")
    negative = [key for key in keys if _NO.match(key)]
    other = negative[0] if len(negative) == 1 else keys[0]
    if positive is not None and _key(positive) == other:
        other = keys[1 - keys.index(other)]
    (event,) = (key for key in keys if key != other)
    outcome = Outcome(BINOMIAL, (levels[other], levels[event]))
    if positive is not None:
        return outcome, []
    how = f"--positive {shlex.quote(levels[other])} for the other"
    how += "" if words or family else "; --family gaussian fits it as a number"
    return outcome, [
        f"the outcome {name} is {either}: predicted is the probability of {_either([levels[event]], words)} ({how})"
    ]


def _either(labels: Iterable[str], words: bool) -> str:
    return " or ".join(repr(label) if words else label for label in labels)


def _levels(cells: Cells) -> dict[str, str] | None:
    """The values by their keys, as they are written, None where there are more than two."""
    if cells.kind not in (CATEGORY, NUMBER):
        return {} if cells.empty else None
    for part in (cells.values.slice(0, _FIRST), cells.values):  # the first rows tell of most outcomes
        found: dict[str, str] = {}
        for label in _distinct(replace(cells, values=part))[1]:
            found.setdefault(_key(label), label)
        if len(found) > 2:
            return None
    return found


def _distinct(cells: Cells) -> tuple[pa.ChunkedArray, list[str]]:
    """Each row's place among the different values, none where it is missing, and these as they are written."""
    values = cells.floats() if cells.kind == NUMBER else pc.utf8_trim_whitespace(cells.text())
    if cells.kind != NUMBER:
        values = pc.if_else(pc.equal(values, MISSING), pa.scalar(None, pa.string()), values)
    known = pc.unique(values).drop_null()
    labels = known.to_pylist()
    if pa.types.is_boolean(cells.values.type):
        labels = ["true" if value else "false" for value in labels]
    elif cells.kind == NUMBER:
        labels = [f"{value:.15g}" for value in labels]
    return pc.index_in(values, known), labels


def _keys(cells: Cells) -> pa.ChunkedArray:
    """What is equal where labels are, missing ones missing."""
    places, labels = _distinct(cells)
    keys = pa.array([_key(label) for label in labels], pa.string())
    return pa.chunked_array([keys.take(places.combine_chunks())])


def _key(label: str) -> str:
    text = label.strip().casefold()
    return {"true": "1", "false": "0"}.get(text, text)


def _refuse(cells: Cells, which: pa.ChunkedArray, why: str) -> None:
    rows = pc.sum(which).as_py() or 0
    if rows:
        row = pc.index(which, True).as_py()
        raise ValueError(
            f"{cells.table}: the outcome {cells.name!r} is {str(cells.values[row].as_py())!r} in row {row + 1}"
            f"{f' and {rows - 1} more' if rows > 1 else ''}, {why}, or leave the cell empty"
        )


def _refuse_many(columns: list[Cells], found: list[dict[str, str] | None]) -> None:
    """ValueError where yes or no is asked for and there are more values than two."""
    for cells, levels in zip(columns, found, strict=True):
        if levels is None and cells.kind == CATEGORY:
            words = _distinct(cells)[1]
            raise ValueError(
                f"{cells.table}: the outcome {cells.name!r} is not numeric: {cells.example()}; it has {len(words)} "
                f"values ({listed(words, 4)}), where yes or no has two: make it a number, or leave all but two empty"
            )
    for cells in columns:
        cells.numeric("outcome")  # words beside another table's numbers
    raise ValueError(f"the outcome {columns[0].name!r} has more than two values, and yes or no has two; drop --family")


def _refuse_other_labels(columns: list[Cells], found: list[dict[str, str] | None], words: bool) -> NoReturn:
    """ValueError that says what the outcome is in each table."""
    each = [
        f"{_either([label for _, label in sorted((levels or {}).items())], words)} in {cells.table}"
        for cells, levels in zip(columns, found, strict=True)
    ]
    more = "" if words else ", or say --family gaussian if they are numbers"
    raise ValueError(f"the outcome {columns[0].name!r} is {', but '.join(each)}: write the same two in all{more}")


def _rates(columns: list[Cells]) -> Iterator[str]:
    """A note where counts are not whole."""
    if any((cells.finite().drop_null().to_numpy() % 1).any() for cells in columns if cells.kind == NUMBER):
        yield (
            f"the outcome {columns[0].name} is not in whole numbers: if these are rates give the counts, with "
            "--exposure for what they were divided by, or nothing says how much each row tells"
        )


def _proposed(columns: list[Cells]) -> Iterator[str]:
    """A note where a number looks like a count: whole, not negative, and about as wide as counts are, or wider."""
    if any(cells.kind != NUMBER for cells in columns):
        return
    numbers = [cells.finite().drop_null().to_numpy() for cells in columns]
    for values in numbers:
        if not len(values) or values.min() < 0 or (values[:_FIRST] % 1).any() or (values % 1).any():
            return
    near, most = _SPREAD
    least, mean, variance = numbers[0].min(), numbers[0].mean(), numbers[0].var()
    if near * mean <= variance and (least <= 1 or variance <= most * mean):
        yield (
            f"the outcome {columns[0].name} is whole numbers from {least:g} up that vary as counts do: if it counts "
            "something, --family poisson fits it better (--exposure for what it is in proportion to)"
        )
