"""Verdict: whether to transfer, how hard to regularise the source for it, what is known of that, and how surely."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from headwater.advice.answer import Answer
from headwater.advice.calibration.fitting import calibrate_meeting
from headwater.advice.comparison import Size
from headwater.advice.doubts import checked, doubts
from headwater.advice.findings import Findings, Workings
from headwater.advice.findings_wording import explanations, how, notes, of_several
from headwater.advice.outcomes import OutcomeAdvice, advise_outcome, with_outcome_penalties
from headwater.advice.outlook import benefit_of
from headwater.advice.ranking import is_listed, rank
from headwater.advice.rivals import Judge, rivals
from headwater.advice.summary import Summary, summarise
from headwater.advice.wording import asked_for, contradictions
from headwater.estimators.ridge import SourceRidge
from headwater.estimators.transfer import TransferRidge
from headwater.selection.hypotheses import AS_IS, OWN_PENALTY, RELATED, SCRATCH, path_of
from headwater.selection.meeting import Meeting
from headwater.selection.survey import best, survey


@dataclass(frozen=True, repr=False)
class Advice(Answer, Findings):
    """What to do with a source and a target, in words, and the findings that it rests on."""

    def brief(self, the_rest: str = ".explanation") -> str:
        """As any answer has it; of several sources with how each stands beside it."""
        short = super().brief(the_rest)
        return short if self.ranking is None else f"{short}\n\n{self.ranking}"

    @property
    def sentence(self) -> str:
        """The verdict in words, of several sources about the one that serves best."""
        return of_several(self)

    @property
    def how(self) -> str:
        return how(self)

    def explanations(self) -> Iterator[str]:
        return explanations(self)

    @property
    def summary(self) -> Summary:
        return summarise(self)


def advise_arrays(
    source: Any,
    target: Any,
    *,
    criterion: str = "evidence",
    groups: ArrayLike | None = None,
    allow_overlap: bool = False,
    weights_kind: str | None = None,
    family: str = "gaussian",
    exposure: ArrayLike | None = None,
) -> Advice | OutcomeAdvice:
    """The advice about arrays; ``door.advise`` says what each argument is. Costs one decomposition a side."""
    if family != "gaussian":
        if groups is not None or criterion != "evidence" or weights_kind == "precision":
            raise ValueError(
                f"family {family!r} is advised on by evidence and by rows that count: groups, criterion and inverse "
                "variances are ridge's"
            )
        return advise_outcome(source, target, family, exposure, allow_overlap, weights_kind)
    if exposure is not None:
        raise ValueError("exposure multiplies a mean: it needs family='poisson'")
    if source is None:
        raise ValueError("source is None; give a fitted source or a pair of arrays (X0, y0)")
    listed = is_listed(source)
    _check_numbers("the target", target)
    for side in source if listed else [source]:
        _check_numbers("the source", side)
    sources, target, groups, seen = checked(source if listed else [source], target, groups, allow_overlap, weights_kind)
    fitted = [_fitted(one, criterion) for one in sources]
    model = TransferRidge(fitted if listed else fitted[0], criterion=criterion)
    X, y, weight = (*target, None)[:3]
    meeting = model.meet(X, y, weight, groups)
    model.choose(meeting)
    if not listed:
        return _noted(seen, _advice(model, meeting))
    ranking = rank(model, meeting)
    best_one = ranking.sources[0].source
    alone = TransferRidge(fitted[best_one], criterion=criterion)
    if meeting.sources[best_one].unit is None:
        met = meeting.alone(best_one)
        alone.read_as(model)
    else:  # its own units are not those in which the target has met all sources
        met = alone.meet(X, y, weight, groups)
    return replace(_noted(seen, _advice(alone.choose(met), met)), ranking=ranking)


def _check_numbers(name: str, side: Any) -> None:
    """ValueError for outcomes that are words."""
    if not isinstance(side, (tuple, list)) or len(side) < 2:
        return
    try:
        np.asarray(side[1], dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(
            f"{name}'s outcomes are not numbers: with family='binomial' the probability of one of two labels is "
            "predicted"
        ) from None


def _noted(notes: list[str], advice: Advice) -> Advice:
    return replace(advice, notes=(*notes, *advice.notes))


def _fitted(source: Any, criterion: str) -> Any:
    return SourceRidge(criterion=criterion).fit(*source) if isinstance(source, tuple) else source


def _advice(model: TransferRidge, meeting: Meeting) -> Advice:
    """The advice about one source, from the model fitted to its meeting with the target."""
    start, surface, criterion = meeting.source, model.surface_, model.criterion
    alone = {kind: survey(meeting, [one], criterion=criterion) for kind, one in path_of(start).items()}
    sides = [alone[kind].parts[0] for kind in (SCRATCH, OWN_PENALTY if start.spectrum else AS_IS)]
    path = replace(alone[SCRATCH], parts=tuple(sides), odds=np.array([0.5, 0.5]))
    unscaled = best(path if surface.transferred else alone[SCRATCH]).point
    calibration, judge = calibrate_meeting(meeting), Judge(meeting, surface)
    rows, fits = rivals(judge, surface, alone, _intercept(model))
    found = Advice(
        source=Size(start.spectrum.n if start.spectrum else np.nan, start.n_features, start.n_outputs),
        target=Size(meeting.target.n, start.n_features, start.n_outputs),
        rivals=rows,
        source_optimal_tau=start.known_tau,
        transfer_optimal_tau=unscaled[0],
        target_tau=unscaled[2],
        scale=best(alone[RELATED]).point[1],
        scaled=judge.error(alone[RELATED].fitted).estimate,
        weight=surface.transfer_weight,
        benefit=benefit_of(meeting),
        notes=(*notes(meeting, calibration), *doubts(judge, calibration)),
        criterion=criterion,
        workings=Workings(model, meeting, surface, alone, calibration, judge, fits),
    )
    return replace(found, notes=(*contradictions(found), *found.notes))


def _intercept(model: TransferRidge) -> Any:
    """That of the source's own model; None of bare coefficients."""
    source = model.source[-1] if isinstance(model.source, Pipeline) else model.source
    return getattr(source, "intercept_", None)


def with_penalties(
    advice: Advice | OutcomeAdvice, source_tau: float | None = None, tau: float | None = None
) -> Advice | OutcomeAdvice:
    """The advice about the model at these penalties; a penalty that is None is chosen."""
    if isinstance(advice, OutcomeAdvice):
        return with_outcome_penalties(advice, source_tau, tau)
    given: dict[str, Any] = {"source_tau": source_tau, "tau": tau}
    given = {name: value for name, value in given.items() if value is not None}
    model = clone(advice.model).set_params(**given).read_as(advice.model).choose(advice.meeting)
    rows, fits = rivals(advice.judge, model.surface_, advice.alone, _intercept(model))
    return replace(
        advice,
        workings=replace(advice.workings, model=model, fits=fits),
        rivals=rows,
        notes=(asked_for(given), *advice.notes),
    )
