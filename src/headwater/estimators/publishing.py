"""Publishing: a table of any length becomes a source that holds no rows, in as few passes as its preparation needs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
from sklearn.preprocessing import StandardScaler

from headwater.estimators.base import check_needs_no_rows
from headwater.estimators.ridge import SourceRidge
from headwater.estimators.saved_source import SavedSource
from headwater.spectrum.moments import Moments
from headwater.spectrum.routes import GRAM_ROWS_PER_FEATURE
from headwater.tables.cells import CATEGORY
from headwater.tables.clipping import LIMIT, ClippedScaler, scaler_of
from headwater.tables.columns import Column
from headwater.tables.counted import Counted, Tally
from headwater.tables.gathered import Expanding, Gathered, Gathering
from headwater.tables.look import SAMPLE, Look, Looking, columns_seen
from headwater.tables.passes import Checkpoint, Progress, over
from headwater.tables.preparation import TablePreparation, unscaled
from headwater.tables.streams import Stream
from headwater.tables.table import all_of, listed, meant
from headwater.version import __version__

Watch = Callable[[str], AbstractContextManager[Progress | None]]  # shows how far what it names has come
_STAGES = ("look", "products", "moments")


@dataclass(frozen=True)
class Asked:
    """What is asked of a source: which rows count, which columns are used, and how its penalty is chosen.

    ``family`` "gaussian" takes an outcome of two values as numbers, which is otherwise refused.
    """

    counted: Counted
    features: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    degree: int = 1
    criterion: str = "evidence"
    family: str | None = None


def publish(
    stream: Stream, asked: Asked, watch: Watch, like: SavedSource | None = None, folder: Path | None = None
) -> tuple[SavedSource, list[str]]:
    """The source that a table is, and notes on what was left out; ``like`` another it is prepared as that was.

    With a ``folder`` the passes can be resumed after an interruption, to the same bits. Raises ValueError, of one line,
    where the table cannot be used, or its outcome needs more than moments.
    """
    check_needs_no_rows(asked.criterion)
    if asked.family not in (None, "gaussian"):
        raise ValueError(
            f"--family {asked.family}: such a source is not known by its moments; give its table to advise and fit"
        )
    checkpoint = None if folder is None else Checkpoint(folder, _job(stream, asked, like))
    if like is None:
        preparation, gathered, notes = _prepared(stream, asked, watch, checkpoint)
    else:
        preparation, gathered, notes = like[0], None, []
        absent = [name for name in like.names if name not in stream.empty.names]
        if absent:
            raise ValueError(f"{stream.name}: there is no column {absent[0]!r}, which the source it is to be like has")
    if gathered is None:
        work, names = Gathering(asked.counted, preparation), _names(preparation, asked.counted)
        with watch(f"gathering {stream.name}") as progress:
            gathered = over(stream, names, work, "moments", progress, checkpoint)
    notes = [*stream.notes, *asked.counted.notes(stream.name, gathered.tally), *notes]
    _check_outcome(stream, asked, gathered.tally)
    model = _fitted(stream, asked, preparation, gathered)
    found = SavedSource.of(preparation, model, asked.counted.outcome, gathered.tally.rows)
    return found, [*notes, *_given_away(stream.name, found)]


def _given_away(name: str, source: SavedSource) -> list[str]:
    """What a source's moments tell of single rows, which whoever hands it on should know."""
    spectrum, rows, features = source[-1].spectrum_, source.numbers["rows"], source[0].get_feature_names_out()
    levels = sum(len(column.levels) for column in source.columns)
    held = rows * spectrum.x_mean[len(features) - levels :]
    lone = [
        str(feature) for feature, count in zip(features[len(features) - levels :], held, strict=True) if count < 1.5
    ]
    found = []
    if lone:
        found.append(
            f"{name}: the file gives away the row, outcome included, that alone has {listed(lone)}: leave the column "
            "out by --exclude, or put rare values together, before handing it on"
        )
    if rows <= len(features) + 1:
        found.append(f"{name}: with {rows:,} rows and {len(features):,} features the file nearly is the table")
    return found


def finished(folder: Path) -> None:
    """Remove the checkpoints of a job whose source is written."""
    Checkpoint(folder, "").clear(_STAGES)


def _prepared(
    stream: Stream, asked: Asked, watch: Watch, checkpoint: Checkpoint | None
) -> tuple[TablePreparation, Gathered | None, list[str]]:
    """The preparation by what a first pass shows; the moments too, where that pass was enough for them."""
    looking = _looking(stream, asked)
    with watch(f"looking at {stream.name}") as progress:
        look = over(stream, [*looking.offered, *asked.counted.names], looking, "look", progress, checkpoint)
    asked.counted.notes(stream.name, look.tally)  # too few rows are refused before anything else is
    _check_outcome(stream, asked, look.tally)
    columns, notes = columns_seen(look, looking, stream.name)
    numbers = [column for column in columns if column.kind != CATEGORY]
    places = [looking.numbers.index(column.name) for column in numbers]
    fill = np.array([column.fill for column in numbers])
    mean, variance = look.spread.at(places).filled(look.tally.weight, fill)
    if asked.degree == 1 or not numbers:
        preparation = unscaled(columns)
        if numbers:
            preparation.scaler_ = scaler_of(ClippedScaler(), mean, variance, look.tally.rows)
        return preparation, _at_once(look, places, columns, preparation), notes
    preparation = unscaled(columns, scaler_of(StandardScaler(), mean, variance, look.tally.rows))
    work, names = Expanding(asked.counted, preparation), _names(preparation, asked.counted)
    with watch(f"standardising products of {stream.name}") as progress:
        products = over(stream, names, work, "products", progress, checkpoint)
    preparation.scaler_ = scaler_of(ClippedScaler(), products.mean, products.squares / products.n, look.tally.rows)
    return preparation, None, notes


def _at_once(
    look: Look, places: list[int], columns: tuple[Column, ...], preparation: TablePreparation
) -> Gathered | None:
    """The prepared moments by those of the columns as they are: standardised they differ by a shift and a factor.

    None where a value is drawn in, is missing, or is text, which rows alone can be told.
    """
    if look.moments is None or len(places) < len(columns):
        return None
    mean, scale = preparation.scaler_.mean_, preparation.scaler_.scale_
    spread = look.spread.at(places)
    if (np.maximum(mean - spread.low, spread.high - mean) > LIMIT * scale).any():
        return None
    raw = look.moments
    moments = replace(
        raw,
        x_mean=(raw.x_mean[places] - mean) / scale,
        xx=raw.xx[np.ix_(places, places)] / np.outer(scale, scale),
        xy=raw.xy[places] / scale[:, None],
        x_mean_rest=0.0,
    )
    return Gathered(look.tally, moments)


def _looking(stream: Stream, asked: Asked) -> Looking:
    """What to look at: which columns are offered, and what kinds they are."""
    table, counted = stream.empty, asked.counted
    for name in [*counted.names, *asked.features, *asked.exclude, *asked.categories]:
        if name not in table.names:
            raise ValueError(f"{table.name}: there is no column {name!r}{meant(name, table.names)}; {all_of(table)}")
    taken = {*counted.names} & {*asked.features, *asked.categories}
    if taken:
        raise ValueError(f"{min(taken)!r} is the outcome or the weights, and so no feature")
    out = {*counted.names, *asked.exclude}
    codes = tuple(dict.fromkeys([*asked.categories, *(name for name in table.codes if name not in out)]))
    kinds = {name: table.as_text(codes).column(name).kind for name in (asked.features or table.names)
             if name not in out}  # fmt: skip
    offered = tuple(name for name, kind in kinds.items() if kind is not None)
    texts = tuple(name for name in offered if kinds[name] == CATEGORY)
    whole = len(stream.parts) == 1 and stream.in_memory
    return Looking(
        counted,
        offered,
        tuple(name for name in offered if kinds[name] != CATEGORY),
        texts,
        codes,
        (*asked.features, *codes),
        1.0 if whole else SAMPLE / max(SAMPLE, stream.rows),
        gathers=asked.degree == 1 and not texts,
    )


def _fitted(stream: Stream, asked: Asked, preparation: TablePreparation, gathered: Gathered) -> SourceRidge:
    """The ridge by moments; of a table so small that squares of its width are no smaller, by its rows."""
    moments, counted, model = gathered.moments, asked.counted, SourceRidge("auto", asked.criterion)
    assert moments is not None
    unit = counted.unit(gathered.tally)
    if gathered.tally.rows >= GRAM_ROWS_PER_FEATURE * moments.n_features:
        return model.fit_moments(_times(moments, unit))
    tables = (table for part in stream.parts for _, table in part.blocks(_names(preparation, counted)))
    kept = [rows for table in tables if len((rows := counted.rows(table))[1])]
    X, y = np.concatenate([preparation.transform(rows[0]) for rows in kept]), np.concatenate([rows[1] for rows in kept])
    weights = [rows[2] for rows in kept if rows[2] is not None]
    return model.fit(X, y, unit * np.concatenate(weights) if weights else None)


def _times(moments: Moments, unit: float) -> Moments:
    """The moments with every weight so many times as large."""
    if unit == 1.0:
        return moments
    return replace(moments, n=moments.n * unit, xx=moments.xx * unit, xy=moments.xy * unit, yy=moments.yy * unit)


def _names(preparation: TablePreparation, counted: Counted) -> list[str]:
    return list(dict.fromkeys([*(column.name for column in preparation.columns_), *counted.names]))


def _check_outcome(stream: Stream, asked: Asked, tally: Tally) -> None:
    if tally.values is not None and len(tally.values) == 2 and asked.family is None:
        either = " or ".join(f"{value:g}" for value in tally.values)
        raise ValueError(
            f"{stream.name}: the outcome {asked.counted.outcome!r} is {either}, and a source of yes and no is not "
            "known by its moments: give its table to advise and fit, or say --family gaussian to take it as a number"
        )


def _job(stream: Stream, asked: Asked, like: SavedSource | None) -> str:
    """What tells this job from another."""
    prepared = "" if like is None else repr((like.columns, like.numbers))
    return sha256(f"{__version__}\n{asked}\n{prepared}\n{stream.described}".encode()).hexdigest()
