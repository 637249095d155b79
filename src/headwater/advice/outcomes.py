"""Outcomes: the advice on yes/no outcomes and counts, its verdict in log loss or deviance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from headwater.advice.answer import Answer
from headwater.advice.comparison import Size
from headwater.advice.doubts import checked
from headwater.advice.findings import known
from headwater.advice.outcome_rivals import OutcomeJudge, outcome_rivals
from headwater.advice.outcome_summary import calibration_of, coefficients_of, columns_of
from headwater.advice.outcome_ways import BASE_RATE, Way, ways
from headwater.advice.rivals import CHOSEN
from headwater.advice.summary import Summary, in_order, summarise_comparison
from headwater.advice.wording import WAYS, asked_for, contradictions, next_to_nothing, written
from headwater.estimators.glm import SourceGLM, TransferGLM
from headwater.estimators.logistic import SourceLogistic, TransferLogistic
from headwater.families.named import family_named
from headwater.selection.glm_hypotheses import Target
from headwater.selection.glm_source import GLMSource
from headwater.selection.hypotheses import OWN_LEVEL, RELATED, SAME, SCRATCH


@dataclass(frozen=True, repr=False)
class OutcomeAdvice(Answer):
    """What to do with a source and a target whose outcome is a yes or no, or a count.

    ``rivals`` is the table, as ``Advice`` has it; errors are log losses, of counts unit deviances, in the mean over new
    rows, and "r2" is the share of the base rate's that is explained. ``mass`` is the posterior weight of each
    hypothesis. ``model`` is the fitted TransferLogistic or TransferGLM, ``judge`` the posterior that the table is read
    from, ``ways`` each row's coefficients. ρ, its interval and the two-number law are exact for squared error only, and
    left out.
    """

    family: str
    source_optimal_tau: float
    mass: dict[str, float]
    model: Any
    judge: OutcomeJudge
    ways: dict[str, Way]
    met: Target
    start: GLMSource | None

    @property
    def measure(self) -> str:
        return family_named(self.family).measure

    @property
    def spread(self) -> float:
        return self.rival[BASE_RATE].error.estimate

    @property
    def dimension(self) -> float:
        squares = np.square(np.linalg.svd(self.met.design.z, compute_uv=False))
        return float(squares.sum() ** 2 / max(np.square(squares).sum(), 1e-300))

    @property
    def summary(self) -> Summary:
        """All of it as plain data, as text, JSON and the report show it."""
        target = self.met.path
        return replace(
            summarise_comparison(self),
            coefficients=coefficients_of(self.model, self.ways, target, self.start),
            calibration=calibration_of(self.ways[CHOSEN].left_out, target.outcomes),
            differences=in_order(self.differences or columns_of(self.model, target, self.start)),
        )

    @property
    def errors(self) -> dict[str, float]:
        """Expected target errors by name, as the table has them."""
        return {name: one.error.estimate for name, one in self.rival.items()}

    @property
    def how(self) -> str:
        """What fit writes, in words."""
        related = self.mass.get(RELATED, 0.0)
        if self.mass.get(SAME, 0.0) + self.mass.get(OWN_LEVEL, 0.0) > related:
            words = ", the source taken to be the same task"
        elif related > 0 and next_to_nothing(self.model.scale_):
            words = " of next to nothing of the source's coefficients"
        elif related > 0:
            words = f", with the source's coefficients multiplied by about {self.model.scale_:.2g}"
        else:
            words = ""
        return written(self, self.model, self.model.transferred_, words)

    def explanations(self) -> Iterator[str]:
        """All that the table does not show, each with what it means; a line each."""
        yield "Evidence: how much of the posterior each way to see the source holds."
        yield "  " + ", ".join(f"{name} {100 * share:.0f} %" for name, share in self.mass.items())
        yield f"Left out: the {self.measure} on the target's own rows, each predicted without it; a check."
        yield from (f"  {WAYS[one.name]} {one.left_out:.3g}{' (!)' if one.doubted else ''}" for one in self.rivals)
        yield "Alignment and the two-number law are exact for squared error only, and are not given here."

    def as_dict(self) -> dict[str, Any]:
        """The advice as plain numbers, strings and lists, None where not known."""
        plain = {
            "family": self.family,
            "measure": self.measure,
            "source": {**asdict(self.source), "source_optimal_tau": self.source_optimal_tau},
            "target": asdict(self.target),
            "hypotheses": self.mass,
            "weight": self.weight,
            "errors": self.errors,
            "table": [one.as_dict() for one in self.rivals],
            "gain": asdict(self.gain),
            "verdict": self.verdict,
            "safer": self.safer,
            "rows_needed": self.rows_needed,
            "rows_needed_range": [self.rows.low, self.rows.high],
            "notes": list(self.notes),
        }
        return {name: known(value) for name, value in plain.items()}


def advise_outcome(
    source: Any,
    target: Any,
    family: str,
    exposure: ArrayLike | tuple[ArrayLike, ArrayLike] | None = None,
    allow_overlap: bool = False,
    weights_kind: str | None = None,
) -> OutcomeAdvice:
    """Say whether to transfer, for outcomes of a family that is not Gaussian.

    ``source``: (X0, y0) or (X0, y0, weights), or a model as TransferLogistic and TransferGLM take it. ``target``:
    (X1, y1) or (X1, y1, weights). ``exposure`` is (n1,) of the target beside a fitted source, or a pair, (n0,) and
    (n1,); rows of the target that are copies then stay apart. Raises ValueError as the estimators do, and as for ridge
    for rows in both tables and weights of which nobody says what they are.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X0, X1 = rng.normal(size=(500, 2)), rng.normal(size=(40, 2))
    >>> y0, y1 = (rng.random(len(X)) < 1 / (1 + np.exp(-X @ [2.0, -2.0])) for X in (X0, X1))
    >>> advise_outcome((X0, y0), (X1, y1), "binomial").verdict
    'transfer'
    """
    if source is None:
        raise ValueError("source is None; give a fitted source or a pair of arrays (X0, y0)")
    if family_named(family).dispersion is None:
        raise ValueError(f"family {family!r} is advised on without naming it")
    binomial = family == "binomial"
    if binomial and exposure is not None:
        raise ValueError("exposure multiplies a mean: it needs family='poisson'")
    theirs, ours = _exposures(exposure, isinstance(source, tuple))
    (source,), target, said = _checked(source, tuple(target), allow_overlap, weights_kind, exposure is None)
    if isinstance(source, tuple):
        X, y, weight = (*source, None)[:3]
        source = SourceLogistic().fit(X, y, weight) if binomial else SourceGLM(family).fit(X, y, weight, theirs)
    X, y, weight = (*target, None)[:3]
    if binomial:
        model: Any = TransferLogistic(source).fit(X, y, weight)
    else:
        model = TransferGLM(source, family).fit(X, y, weight, ours)
    met, start = model.met_, model.start_
    judge = OutcomeJudge(model.choice_, met.outcomes.family)
    found = ways(model.choice_, model, met, start)
    path = None if start is None else start.path
    p = len(met.design.mean)
    advice = OutcomeAdvice(
        source=Size(np.nan if path is None else path.outcomes.n, p, 1),
        target=Size(met.outcomes.n, p, 1),
        rivals=outcome_rivals(judge, found),
        weight=float(sum(share for name, share in model.mass_.items() if name != SCRATCH)),
        notes=(*said, *_notes(met, start)),
        family=family,
        source_optimal_tau=np.nan if start is None else start.tau,
        mass=model.mass_,
        model=model,
        judge=judge,
        ways=found,
        met=met,
        start=start,
    )
    return replace(advice, notes=(*_leaked(start), *contradictions(advice), *advice.notes))


def _exposures(given: Any, of_both: bool) -> tuple[Any, Any]:
    """The source's and the target's; a source that was fitted before has no part in it."""
    if given is None or not of_both:
        return None, given
    if not isinstance(given, (tuple, list)) or len(given) != 2 or any(np.ndim(one) != 1 for one in given):
        raise ValueError("exposure: the source's counts have one too: give the pair (the source's, the target's), or a "
                         "fitted SourceGLM with the target's alone")  # fmt: skip
    return given[0], given[1]


def _checked(
    source: Any, target: Any, allow_overlap: bool, weights_kind: str | None, together: bool
) -> tuple[list[Any], Any, list[str]]:
    """Both sides as ridge's are looked at, with labels as numbers for so long."""
    rows = [side for side in (source, target) if isinstance(side, tuple)]
    try:
        labels = np.unique(np.concatenate([np.unique(side[1]) for side in rows]))
    except TypeError:  # labels with gaps among them, for the estimators to refuse
        return [source], target, []
    coded = [(side[0], np.searchsorted(labels, side[1]), *side[2:]) if isinstance(side, tuple) else side
             for side in (source, target)]  # fmt: skip
    asked = None, allow_overlap, weights_kind, False, together
    sources, (X, y, *weight), _, said = checked(coded[:1], coded[1], *asked)
    sources = [(one[0], labels[one[1]], *one[2:]) if isinstance(one, tuple) else one for one in sources]
    return sources, (X, labels[y], *weight), said


def with_outcome_penalties(
    advice: OutcomeAdvice, source_tau: float | None = None, tau: float | None = None
) -> OutcomeAdvice:
    """The advice about the model at these penalties; a penalty that is None is chosen."""
    if tau is not None and source_tau is None and not 0 < tau < np.inf:
        raise ValueError("--tau must be above 0 and finite where what the source is good for is weighed; or give "
                         "--source-tau too")  # fmt: skip
    given: dict[str, Any] = {"source_tau": source_tau, "tau": tau}
    given = {name: value for name, value in given.items() if value is not None}
    free = advice.model
    fixed = {} if source_tau is None else {"scale": False}
    model = type(free)(**{**free.get_params(deep=False), **given, **fixed}).read_as(free)
    model.choose(advice.met.path)
    found = ways(advice.judge.choice, model, advice.met, advice.start)
    return replace(
        advice,
        model=model,
        ways=found,
        rivals=outcome_rivals(advice.judge, found),
        notes=(asked_for(given), *advice.notes),
    )


def _notes(met: Target, start: GLMSource | None) -> Iterator[str]:
    """What the numbers alone would hide."""
    outcomes = met.outcomes
    with np.errstate(divide="ignore"):
        rate = outcomes.family.link(outcomes.weight @ outcomes.y / outcomes.n)
    if not np.isfinite(rate):
        yield "the target holds one kind of outcome only: its rate rests on the source and on a wide prior"
    if start is not None and start.silent:
        yield "the source's outcome shows no dependence on its features: its best model is one rate for all"
    if start is not None and start.path is None:
        yield "only the source's coefficients are known, not its table: how sure it is of them is not"
    if outcomes.dispersion > 1.2:
        yield f"the counts vary {outcomes.dispersion:.2g} times as much as Poisson counts: each says that much less"


def _leaked(start: GLMSource | None) -> Iterator[str]:
    """What would make all the rest a matter of course."""
    if start is not None and start.path is not None and _told_apart(start):
        yield (
            "the source's features tell its outcomes apart without error: is one of them made of the outcome? If it "
            "will not be known where the outcome is not, leave it out by --exclude"
        )


def _told_apart(start: GLMSource) -> bool:
    """Whether the source's own model puts every event above every other, with rows to spare."""
    path = start.path
    assert path is not None
    outcomes, rows = path.outcomes, path.design.centred
    event, eta = outcomes.y == 1, rows @ start.coef
    if set(np.unique(outcomes.y)) != {0.0, 1.0} or outcomes.family.problem(np.array([2.0])) is None:
        return False
    spare = min(event.sum(), (~event).sum()) > 10 and len(rows) > 5 * rows.shape[1]
    return bool(spare and eta[event].min() > eta[~event].max())
