"""From tables: a source and a target that share columns become the advice with its fitted model."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Protocol

from headwater.advice.outcomes import OutcomeAdvice
from headwater.advice.verdict import Advice, advise_arrays, with_penalties
from headwater.estimators.from_table import behind, fit_source, published_source
from headwater.estimators.glm_from_table import fit_outcome_source, of_family
from headwater.tables.differences import differences
from headwater.tables.outcome import GAUSSIAN
from headwater.tables.pair import Pair
from headwater.tables.preparation import check_degree, drawn_in_note, prepare

Progress = Callable[[int, int], None]  # how many rows are done, of how many


class Stage(Protocol):
    """Shows what is being done for as long as it is, and of what is counted in rows how far."""

    def __call__(self, what: str, counted: bool = False) -> AbstractContextManager[Progress | None]: ...


@dataclass(frozen=True)
class Manner:
    """How a pair is fitted: 2 adds squares and products of its numbers; what penalties are chosen by, or what they are.

    A ``source_tau`` or ``tau`` that is None is chosen.
    """

    degree: int = 1
    criterion: str = "evidence"
    source_tau: float | None = None
    tau: float | None = None

    def __post_init__(self) -> None:
        check_degree("--degree", self.degree)


AS_USUAL = Manner()


def unseen(what: str, counted: bool = False) -> AbstractContextManager[None]:
    """A stage that nobody watches."""
    return nullcontext()


def advise_pair(pair: Pair, manner: Manner = AS_USUAL, stage: Stage = unseen) -> Advice | OutcomeAdvice:
    """Fit the source with its preprocessor, and advise; all notes are in the advice.

    Raises ValueError as ``advise_arrays`` does, for products of published coefficients' columns, and for what the
    outcome's family has no use for.
    """
    after, outcome = pair.target, pair.outcome
    plain = outcome.family == GAUSSIAN
    if not plain and manner.criterion != "evidence":
        raise ValueError(f"--criterion: penalties of {outcome.words} are chosen by evidence alone; drop it")
    if pair.published is not None:
        if manner.degree > 1:
            raise ValueError("--degree: published coefficients are of the columns as they are; leave it at 1")
        model = published_source(pair.published, after, pair.columns)
        models = [model if plain else of_family(model, outcome.family)]
    elif pair.fitted is not None:
        if manner.degree > 1:
            raise ValueError("--degree: the columns of a source that was published are settled; leave it out")
        models = [pair.fitted]
    else:
        sides = [(side.table, side.weight) for side in pair.sources]
        preparations, models = prepare(sides, pair.columns, manner.degree), []
        for preparation, before in zip(preparations, pair.sources, strict=True):
            with stage(f"fitting {before.table.name}", counted=plain) as progress:
                if plain:
                    models.append(fit_source(preparation, before, manner.criterion, progress=progress))
                else:
                    models.append(fit_outcome_source(preparation, before, outcome.family))
    with stage(f"fitting {after.table.name}"):
        preparation = models[0][0].about(after.table, after.weight)
        models = [behind(preparation, model[-1]) for model in models]
        beyond = preparation.drawn_in(preparation.transform(after.table))
        source = models if len(models) > 1 else models[0]
        rows = after.table.data.select(pair.names)
        met = (rows, after.y, after.weight)
        if plain:
            advice = advise_arrays(source, met, criterion=manner.criterion, groups=after.groups)
        else:
            advice = advise_arrays(source, met, family=outcome.family, exposure=after.exposure)
        if manner.source_tau is not None or manner.tau is not None:
            advice = with_penalties(advice, manner.source_tau, manner.tau)
    # What makes one doubt the tables, then the answer, then bookkeeping: the short form shows the first.
    notes = (*pair.doubts, *advice.notes, *pair.mended, *drawn_in_note(after.table.name, beyond))
    if isinstance(advice, Advice) and advice.ranking is not None:
        ranking = replace(advice.ranking, names=tuple(side.table.name for side in pair.sources))
        pair, advice = pair.alone(ranking.sources[0].source), replace(advice, ranking=ranking)
    return replace(advice, notes=notes, differences=differences(pair))
