"""Look: what one pass over a source shows of its columns, before it is known which of them become features."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from headwater.spectrum.moments import Moments
from headwater.spectrum.rows import Array
from headwater.tables.cells import CATEGORY, MISSING, Cells
from headwater.tables.columns import INDICATED, Column
from headwater.tables.counted import Counted, Tally
from headwater.tables.features import reason_against
from headwater.tables.table import Table, listed

_LARGEST = 1e140  # a million squares of it can still be added up
SAMPLE = 1 << 15  # rows by which columns are judged: a sample's median is one of the middle 1 % of ranks
MOST_LEVELS = 1000
_GOLDEN = 0.6180339887498949  # multiples of it are spread evenly, and are in step with nothing


@dataclass(frozen=True, eq=False)
class Spread:
    """Of each of k columns Σw over its values that are there, their mean, Σw(x − mean)², least and largest, (k,)."""

    n: Array
    mean: Array
    squares: Array
    low: Array
    high: Array

    @classmethod
    def of(cls, X: Array, weight: Array | None) -> Spread:
        """Of a matrix (m, k) in which NaN is missing."""
        there = ~np.isnan(X)
        weights = there * (1.0 if weight is None else weight[:, None])
        n = weights.sum(axis=0)
        mean = (weights * np.where(there, X, 0.0)).sum(axis=0) / np.maximum(n, np.finfo(float).tiny)
        squares = (weights * np.where(there, X - mean, 0.0) ** 2).sum(axis=0)
        low, high = (
            np.where(there, X, np.inf).min(axis=0, initial=np.inf),
            np.where(there, X, -np.inf).max(axis=0, initial=-np.inf),
        )
        return cls(n, mean, squares, low, high)

    def __add__(self, other: Spread) -> Spread:
        n = self.n + other.n
        share = other.n / np.maximum(n, np.finfo(float).tiny)
        apart = other.mean - self.mean
        squares = self.squares + other.squares + self.n * share * apart**2
        low, high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)
        return Spread(n, self.mean + share * apart, squares, low, high)

    def at(self, places: list[int]) -> Spread:
        """That of some of the columns."""
        return Spread(*(getattr(self, field.name)[places] for field in fields(self)))

    def filled(self, n: float, fill: Array) -> tuple[Array, Array]:
        """Means and variances once the missing among n have these values."""
        absent = n - self.n
        mean = (self.n * self.mean + absent * fill) / n
        squares = self.squares + self.n * (self.mean - mean) ** 2 + absent * (fill - mean) ** 2
        return mean, squares / n


@dataclass(frozen=True, eq=False)
class Look:
    """What rows show of their columns; adds up by ``+``.

    ``spread`` is of the columns of numbers, ``missing`` how many rows lack each, ``levels`` the values of each column
    of text, None for one that has too many, ``sample`` every so-manieth row, ``moments`` those of numbers and outcome
    while none is missing and ``gathers``.
    """

    tally: Tally
    spread: Spread
    missing: NDArray[np.int64]
    levels: dict[str, tuple[str, ...] | None]
    sample: pa.Table
    moments: Moments | None
    gathers: bool
    wanted: tuple[str, ...]

    def __add__(self, other: Look) -> Look:
        gathers = self.gathers and other.gathers
        moments = None
        if gathers and self.moments is not None and other.moments is not None:
            moments = self.moments + other.moments
        elif gathers:
            moments = self.moments or other.moments
        return Look(
            self.tally + other.tally,
            self.spread + other.spread,
            self.missing + other.missing,
            {name: _few(self.levels[name], other.levels[name], name in self.wanted) for name in self.levels},
            pa.concat_tables([self.sample, other.sample]).combine_chunks(),
            moments,
            gathers,
            self.wanted,
        )

    def __getstate__(self) -> dict[str, Any]:
        """For files of arrays and plain values: the sample as Arrow's own bytes."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self.sample.schema) as writer:
            writer.write_table(self.sample)
        return {**self.__dict__, "sample": np.frombuffer(sink.getvalue(), np.uint8)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        with pa.ipc.open_stream(pa.py_buffer(state["sample"])) as reader:
            self.__dict__.update(state | {"sample": reader.read_all()})


@dataclass(frozen=True)
class Looking:
    """Looks at a block of a table's rows; can be sent to another process.

    ``offered`` are the columns that may become features: ``numbers`` and ``texts``, of which those ``wanted`` are used
    whatever they look like; ``codes`` are numbers taken as text; a ``share`` of the rows is kept as a sample.
    """

    counted: Counted
    offered: tuple[str, ...]
    numbers: tuple[str, ...]
    texts: tuple[str, ...]
    codes: tuple[str, ...]
    wanted: tuple[str, ...]
    share: float
    gathers: bool

    def __call__(self, first: int, table: Table) -> Look:
        kept = (np.arange(first, first + table.data.num_rows) * _GOLDEN) % 1.0 < self.share
        table, y, weight, tally, left = self.counted.rows(table)
        X, shift, low, high = self._matrix(table, len(y))
        gathers, moments = self.gathers and bool((np.maximum(-low, high) <= _LARGEST).all()), None
        if gathers and len(y):
            missing = np.zeros(len(low), np.int64)
            moments = Moments.from_near(X, y, shift) if weight is None else Moments.from_arrays(X + shift, y, weight)
            spread = Spread(np.full(len(low), moments.n), moments.x_mean, np.diag(moments.xx), low, high)
        else:
            missing = np.isnan(X).sum(axis=0)
            with np.errstate(all="ignore"):  # of values beyond reason, which are refused where they are used
                spread = Spread.of(X + shift, weight)
        coded = table.as_text(self.codes)
        found = {name: tuple(pc.unique(coded.column(name).text()).to_pylist()) for name in self.texts}
        levels = {name: _few(values, (), name in self.wanted) for name, values in found.items()}
        sample = coded.data.select([*self.numbers, *self.texts]).take(np.flatnonzero(kept[left]))
        return Look(tally, spread, missing, levels, sample.combine_chunks(), moments, gathers, self.wanted)

    def _matrix(self, table: Table, rows: int) -> tuple[Array, Array, Array, Array]:
        """The numbers less their first (rows, k), that, which brings them near 0, and their least and largest (k,).

        The last two are NaN where a value is missing.
        """
        X = np.empty((len(self.numbers), rows))
        shift, low, high = (np.full(len(X), value) for value in (0.0, np.inf, -np.inf))
        places = {name: index for index, name in enumerate(table.names)}
        for index, name in enumerate(self.numbers if rows else ()):
            values = _numbers(Cells(table.name, name, table.data.column(places[name])))
            low[index], high[index] = np.minimum.reduce(values), np.maximum.reduce(values)
            first = float(values[0])
            shift[index] = first if abs(first) <= _LARGEST else 0.0
            np.subtract(values, shift[index], out=X[index])
        return X.T, shift, low, high


def _numbers(cells: Cells) -> Any:
    values = cells.values
    if pa.types.is_floating(values.type) and values.num_chunks == 1:
        return values.chunk(0).to_numpy(zero_copy_only=False)
    return cells.floats().to_numpy()


def _few(some: tuple[str, ...] | None, more: tuple[str, ...] | None, wanted: bool) -> tuple[str, ...] | None:
    """The values of both, sorted; None where there are too many, and it was not asked for them whatever they are."""
    if some is None or more is None:
        return None
    both = tuple(sorted({*some, *more}))
    return both if wanted or len(both) <= MOST_LEVELS else None


def columns_seen(look: Look, looking: Looking, name: str) -> tuple[tuple[Column, ...], list[str]]:
    """The columns that become features, numbers first, and notes on those that do not; ValueError where none is left.

    A column is judged by the sample, but for what the whole table is known to have: its levels, whether it varies, and
    how many of its values are missing.
    """
    columns: list[Column] = []
    dropped: dict[str, list[str]] = {}
    sample = Table(name, look.sample)
    for offered in looking.offered:
        cells = sample.column(offered)
        reason = reason_against(cells, cells, offered in looking.wanted)
        found = (_number if offered in looking.numbers else _text)(look, looking, cells)
        if isinstance(found, str) or (reason is not None and not reason.startswith("constant")):
            dropped.setdefault(found if isinstance(found, str) else str(reason), []).append(offered)
        else:
            columns += found
    notes = [f"unused, {reason}: {listed(names)}" for reason, names in dropped.items()]
    if not columns:
        raise ValueError(f"{name}: has no usable feature" + (f" ({'; '.join(notes)})" if notes else ""))
    return tuple(sorted(columns, key=lambda column: column.kind == CATEGORY)), notes


def _number(look: Look, looking: Looking, cells: Cells) -> list[Column] | str:
    """What a column of numbers is as a feature, or why it is none."""
    index = looking.numbers.index(cells.name)
    low, high, missing = look.spread.low[index], look.spread.high[index], look.missing[index]
    if low > high:
        return "empty in the source"
    if low == high:
        return "constant in the source"
    if max(-low, high) > _LARGEST:
        worst = high if high > -low else low
        what = "an infinite value" if np.isinf(worst) else f"{worst:g}, which is too large to square"
        raise ValueError(f"{cells.table}: column {cells.name!r} has {what}; mend it or leave it empty")
    assert cells.kind is not None
    there = cells.floats().drop_null().to_numpy()
    found = [Column(cells.name, cells.kind, (), float(np.median(there) if len(there) else look.spread.mean[index]))]
    return [*found, Column(cells.name, CATEGORY, (MISSING,), 0.0, True)] if missing >= INDICATED else found


def _text(look: Look, looking: Looking, cells: Cells) -> list[Column] | str:
    levels = look.levels[cells.name]
    if levels is None:
        return "text with too many different values"
    if len(levels) == 1:
        return "constant in the source" if levels != (MISSING,) else "empty in the source"
    return [Column(cells.name, CATEGORY, levels, 0.0, cells.name in looking.codes)]
