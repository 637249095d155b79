"""Verdict: whether to transfer, how hard to regularise the source for it, what is known of that, and how surely."""

from __future__ import annotations

from dataclasses import dataclass, replace
from html import escape
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from headwater.advice.calibration.fitting import calibrate_meeting
from headwater.advice.doubts import checked, doubts
from headwater.advice.findings import Findings, Size, Workings
from headwater.advice.outcomes import OutcomeAdvice, advise_outcome
from headwater.advice.outlook import benefit_of
from headwater.advice.ranking import is_listed, rank
from headwater.advice.rivals import Judge, Rival, rivals
from headwater.advice.wording import (
    brief,
    contradictions,
    explain,
    notes,
    rows_of_text,
    sentence,
    table,
    what_would_change_it,
)
from headwater.estimators.ridge import SourceRidge
from headwater.estimators.transfer import TransferRidge
from headwater.selection.hypotheses import AS_IS, OWN_PENALTY, RELATED, SCRATCH, path_of
from headwater.selection.meeting import Meeting
from headwater.selection.survey import best, survey


@dataclass(frozen=True, repr=False)
class Advice(Findings):
    """What to do with a source and a target, in words, and the findings that it rests on."""

    def __str__(self) -> str:
        short = "\n".join(brief(self))
        return short if self.ranking is None else f"{short}\n\n{self.ranking}"

    def __repr__(self) -> str:
        return "\n".join(line.rstrip() for line in [self.sentence, *rows_of_text(*table(self))])

    def _repr_html_(self) -> str:
        names, cells = table(self)
        head = "".join(f"<th>{escape(name)}</th>" for name in names)
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in cells)
        more = "".join(f"<p>{escape(line)}</p>" for line in [*what_would_change_it(self), *self.notes])
        return f"<p><b>{escape(self.sentence)}</b></p><table><tr>{head}</tr>{body}</table>{more}"

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        return sentence(self)

    @property
    def explanation(self) -> str:
        """All that the advice rests on, each number with what it means."""
        return explain(self)

    @property
    def table(self) -> Any:
        """The table: a data frame of pandas, or else of polars, where one is installed, else a list of records."""
        records = [_record(one) for one in self.rivals]
        for package in ("pandas", "polars"):
            if find_spec(package) is not None:
                return import_module(package).DataFrame(records)
        return records


def _record(rival: Rival) -> dict[str, Any]:
    """A row of the table, flat."""
    error, gain = rival.error, rival.gain
    return {
        "name": rival.name, "error": error.estimate, "low": error.low, "high": error.high, "r2": rival.r2,
        "gain": gain.estimate, "gain_low": gain.low, "gain_high": gain.high, "chance": rival.chance,
        "left_out": rival.left_out, "doubted": rival.doubted,
    }  # fmt: skip


def advise_arrays(
    source: Any,
    target: Any,
    *,
    criterion: str = "evidence",
    groups: ArrayLike | None = None,
    allow_overlap: bool = False,
    family: str = "gaussian",
    exposure: ArrayLike | None = None,
) -> Advice | OutcomeAdvice:
    """The advice about arrays; ``door.advise`` says what each argument is. Costs one decomposition a side."""
    if family != "gaussian":
        if groups is not None or criterion != "evidence":
            raise ValueError(
                f"family {family!r} is advised on by evidence and by rows: groups and criterion are ridge's"
            )
        return advise_outcome(source, target, family, exposure)
    if exposure is not None:
        raise ValueError("exposure multiplies a mean: it needs family='poisson'")
    if source is None:
        raise ValueError("source is None; give a fitted source or a pair of arrays (X0, y0)")
    fitted = [_fitted(one, criterion) for one in source] if is_listed(source) else _fitted(source, criterion)
    model = TransferRidge(fitted, criterion=criterion)
    target, groups, seen = checked(source if is_listed(source) else [source], target, groups, allow_overlap)
    X, y, weight = (*target, None)[:3]
    meeting = model.meet(X, y, weight, groups)
    model.choose(meeting)
    if not is_listed(source):
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


def with_penalties(advice: Advice, source_tau: float | None = None, tau: float | None = None) -> Advice:
    """The advice about the model at these penalties; a penalty that is None is chosen."""
    given: dict[str, Any] = {"source_tau": source_tau, "tau": tau}
    given = {name: value for name, value in given.items() if value is not None}
    model = clone(advice.model).set_params(**given).read_as(advice.model).choose(advice.meeting)
    words = ", ".join(f"--{name.replace('_', '-')} {value:g}" for name, value in given.items())
    note = (
        f"the model has the penalties asked for ({words}), and the table and the verdict are about it; "
        "all else is about a free choice"
    )
    rows, fits = rivals(advice.judge, model.surface_, advice.alone, _intercept(model))
    return replace(
        advice,
        workings=replace(advice.workings, model=model, fits=fits),
        rivals=rows,
        notes=(*advice.notes, note),
    )
