"""From tables: a source and a target that share columns become the advice with its fitted model, and what is kept."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Protocol

from headwater.advice.saved import SavedModel, saved_model
from headwater.advice.verdict import Advice, advise_arrays
from headwater.estimators.from_table import behind, fit_source, published_source
from headwater.tables.fingerprints import Rows
from headwater.tables.pair import Pair
from headwater.tables.preparation import drawn_in_note, prepare
from headwater.version import __version__

Progress = Callable[[int, int], None]  # how many rows are done, of how many


class Stage(Protocol):
    """Shows what is being done for as long as it is, and of what is counted in rows how far."""

    def __call__(self, what: str, counted: bool = False) -> AbstractContextManager[Progress | None]: ...


@dataclass(frozen=True)
class Manner:
    """How a pair is fitted: 2 adds squares and products of its numbers; what penalties are chosen by."""

    degree: int = 1
    criterion: str = "evidence"


AS_USUAL = Manner()


def unseen(what: str, counted: bool = False) -> AbstractContextManager[None]:
    """A stage that nobody watches."""
    return nullcontext()


def advise_pair(pair: Pair, manner: Manner = AS_USUAL, stage: Stage = unseen) -> Advice:
    """Fit the source with its preprocessor, and advise; all notes are in the advice.

    Raises ValueError as ``advise_arrays`` does, and for products of published coefficients' columns.
    """
    before, after = pair.source, pair.target
    if pair.published is not None:
        if manner.degree > 1:
            raise ValueError("--degree: published coefficients are of the columns as they are; leave it at 1")
        model = published_source(pair.published, after, pair.columns)
    else:
        (preparation,) = prepare([(before.table, before.weight)], pair.columns, manner.degree)
        with stage(f"fitting {before.table.name}", counted=True) as progress:
            model = fit_source(preparation, before, manner.criterion, progress=progress)
    with stage(f"fitting {after.table.name}"):
        preparation = model[0].about(after.table, after.weight)
        model, beyond = behind(preparation, model[-1]), preparation.drawn_in(preparation.transform(after.table))
        rows = after.table.data.select(pair.names)
        advice = advise_arrays(model, (rows, after.y, after.weight), criterion=manner.criterion, groups=after.groups)
    notes = (*pair.notes, *drawn_in_note(after.table.name, beyond), *advice.notes)
    return replace(advice, notes=notes)


def kept(advice: Advice, pair: Pair, manner: Manner = AS_USUAL) -> SavedModel:
    """The fitted transfer as what is kept of it, with where it came from."""
    roles = pair.roles
    facts = {
        "outcome": roles.outcome,
        "target_outcome": roles.target_outcome or roles.outcome,
        "degree": manner.degree,
        "criterion": manner.criterion,
        "decimal": pair.decimal,
        "advice": advice.as_dict(),
        "columns": pair.names,
        "version": __version__,
    }
    return saved_model(advice, facts, Rows.of_table(pair.target.table, pair.columns, pair.target.y))
