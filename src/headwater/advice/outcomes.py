"""Outcomes: the advice on yes/no outcomes and counts, its verdict in deviance."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from headwater.advice.comparison import Size
from headwater.estimators.glm import SourceGLM, TransferGLM
from headwater.estimators.logistic import SourceLogistic, TransferLogistic
from headwater.families.laplace import left_out
from headwater.families.mode import find_mode
from headwater.families.named import family_named
from headwater.families.outcomes import Outcomes
from headwater.selection.glm_choice import GLMChoice, hypotheses_of, weigh
from headwater.selection.glm_hypotheses import LEVEL_SPREAD, Target
from headwater.selection.glm_left_out import left_out_predictors
from headwater.selection.glm_source import GLMSource
from headwater.selection.hypotheses import SCRATCH
from headwater.selection.predictive import Interval
from headwater.spectrum.rows import Array

_WORTH = 0.02  # of scratch's deviance: a gain that cannot be more is not worth a transfer
_SURE = 0.9  # of the posterior weight on transfer
WAYS = {
    "base_rate": "one rate for all",
    "scratch": "from scratch (target alone)",
    "source": "the source's own model",
    "source_level": "the same, its level refitted",
    "source_optimal": "source-optimal transfer",
    "chosen": "chosen",
}


@dataclass(frozen=True)
class OutcomeAdvice:
    """What to do with a source and a target whose outcome is a yes or no, or a count.

    ``errors`` maps each way to its predicted target error, the mean over rows of the log loss (counts: the unit
    deviance) of each row by a fit without it; NaN where a source's level is not known. ``gain`` is what the choice
    takes off that of scratch, with Student's 90 % interval over the rows. ``mass`` is the posterior weight of each
    hypothesis and ``weight`` that of transfer. ``model`` is the fitted TransferLogistic or TransferGLM. ρ, its
    interval and the two-number law are exact for squared error only, and left out.
    """

    family: str
    source: Size
    target: Size
    source_optimal_tau: float
    mass: dict[str, float]
    errors: dict[str, float]
    gain: Interval
    notes: tuple[str, ...]
    model: Any

    @property
    def weight(self) -> float:
        """The posterior share of transfer against scratch."""
        return float(sum(share for name, share in self.mass.items() if name != SCRATCH))

    @property
    def verdict(self) -> str:
        """ "transfer", "scratch" or "undecided".

        Transfer: nine tenths of the posterior weight use the source, and rows left out are predicted better for it.
        Scratch: the gain's interval ends below a fiftieth of scratch's error. Otherwise there is too little data.
        """
        if self.weight >= _SURE and self.gain.estimate > 0:
            return "transfer"
        return "scratch" if self.gain.high < _WORTH * self.errors["scratch"] or self.weight == 0 else "undecided"

    @property
    def safer(self) -> str:
        """The verdict or, where that is undecided, whichever of "transfer" and "scratch" holds more of the weight."""
        return self.verdict if self.verdict != "undecided" else ("transfer" if self.weight > 0.5 else "scratch")

    @property
    def measure(self) -> str:
        """What the errors are."""
        return "log loss" if self.family == "binomial" else f"{self.family.capitalize()} deviance"

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        odds = f"{self.weight:.0%} of the posterior weight is on transfer"
        saved = 1 - self.errors["chosen"] / self.errors["scratch"]
        if self.verdict == "transfer":
            return f"transfer: about {saved:.0%} less {self.measure} than from scratch ({odds})"
        if self.verdict == "scratch":
            return f"do not transfer: fit the target from scratch ({odds})"
        safer = "transferring as fitted" if self.safer == "transfer" else "fitting from scratch"
        return f"too little data to tell; {safer} is the safer choice ({odds})"

    def __str__(self) -> str:
        mass = ", ".join(f"{name} {share:.0%}" for name, share in self.mass.items())
        low, high = self.gain.low, self.gain.high
        width = max(map(len, WAYS.values()))
        lines = [
            f"verdict: {self.sentence}",
            "",
            "what is known",
            f"  posterior weight: {mass}",
            f"  the choice takes {self.gain.estimate:.3g} (90 % interval {low:.3g} to {high:.3g}) off scratch's "
            f"{self.measure} of a row left out",
            "",
            f"  source                {self.source.rows:g} rows, {self.source.features} features",
            f"  target                {self.target.rows:g} rows",
            f"  source-optimal tau    {self.source_optimal_tau:.4g}",
            "",
            f"  predicted target error (leave-one-out {self.measure})",
            *(f"    {words:{width}}  {self.errors[name]:.4g}" for name, words in WAYS.items()),
        ]
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])

    def as_dict(self) -> dict[str, Any]:
        """The advice as plain numbers, strings and lists, None where not known."""
        known = {name: None if np.isnan(value) else value for name, value in self.errors.items()}
        return {
            "family": self.family,
            "source": {**asdict(self.source), "source_optimal_tau": self.source_optimal_tau},
            "target": asdict(self.target),
            "hypotheses": self.mass,
            "weight": self.weight,
            "errors": known,
            "gain": asdict(self.gain),
            "verdict": self.verdict,
            "safer": self.safer,
            "notes": list(self.notes),
        }


def advise_outcome(source: Any, target: Any, family: str, exposure: ArrayLike | None = None) -> OutcomeAdvice:
    """Say whether to transfer, for outcomes of a family that is not Gaussian.

    ``source``: (X0, y0) or (X0, y0, weights), or a model as TransferLogistic and TransferGLM take it. ``target``:
    (X1, y1) or (X1, y1, weights). ``exposure`` (n1,) is the target's: a source with one is given fitted. Raises
    ValueError as the estimators do.

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
    if isinstance(source, tuple):
        source = (SourceLogistic() if binomial else SourceGLM(family)).fit(*source)
    X, y, weight = (*target, None)[:3]
    if binomial:
        model: Any = TransferLogistic(source).fit(X, y, weight)
    else:
        model = TransferGLM(source, family).fit(X, y, weight, exposure)
    met, start = model.met_, model.start_
    outcomes, scale = met.outcomes, 1.0 if binomial else 2.0
    etas = _predictors(model.choice_, met, start)
    each = {name: scale * outcomes.family.half_deviance(outcomes.y, eta) for name, eta in etas.items()}
    errors = {name: float(outcomes.weight @ row / outcomes.n) for name, row in each.items()}
    path = None if start is None else start.path
    p = met.design.centred.shape[1]
    return OutcomeAdvice(
        family,
        Size(np.nan if path is None else path.outcomes.n, p, 1),
        Size(outcomes.n, p, 1),
        np.nan if start is None else start.tau,
        model.mass_,
        {name: errors.get(name, np.nan) for name in WAYS},
        _interval(each["scratch"] - each["chosen"], outcomes.weight),
        tuple(_notes(met, start)),
        model,
    )


def _predictors(choice: GLMChoice, met: Target, start: GLMSource | None) -> dict[str, Array]:
    """Each way's linear predictors of the rows, by a fit without the row (n,)."""
    outcomes, rows = met.outcomes, met.design.centred + met.design.mean

    def level(shifted: Outcomes) -> Array:
        """Of a level alone."""
        one = np.ones((len(rows), 1))
        return left_out(find_mode(shifted.shift(shifted.base), one, np.array([LEVEL_SPREAD**-2])))

    scratch = GLMChoice(tuple(one for one in choice.weighed if one.prior.kind == SCRATCH))
    found = {
        "base_rate": level(outcomes),
        "scratch": left_out_predictors(scratch),
        "chosen": left_out_predictors(choice),
    }
    if start is None:
        return found
    optimal = weigh(
        [one for one in hypotheses_of(met, start, False) if one.kind != SCRATCH] or [scratch.weighed[0].prior]
    )
    found["source_optimal"] = left_out_predictors(optimal)
    moved = rows @ start.coef
    found["source_level"] = level(outcomes.shift(moved - moved.mean()))
    if start.intercept is not None:
        found["source"] = outcomes.offset + moved + start.intercept
    return found


def _interval(each: Array, weight: Array) -> Interval:
    """The mean over rows, with Student's 90 % interval; weights are frequencies."""
    n = float(weight.sum())
    mean = float(weight @ each / n)
    if n <= 2:
        return Interval(mean, -np.inf, np.inf)
    reach = float(stdtrit(n - 1, 0.95) * np.sqrt(weight @ (each - mean) ** 2 / n / (n - 1)))
    return Interval(mean, mean - reach, mean + reach)


def _notes(met: Target, start: GLMSource | None) -> list[str]:
    """What the numbers alone would hide."""
    found = []
    outcomes = met.outcomes
    if outcomes.family.problem(1 - outcomes.y) is None and len(np.unique(outcomes.y)) == 1:
        found.append("the target holds one kind of outcome only: its rate rests on the source and on a wide prior")
    if start is not None and start.silent:
        found.append("the source's outcome shows no dependence on its features: its best model is one rate for all")
    if start is not None and start.path is None:
        found.append("only the source's coefficients are known, not its table: how sure it is of them is not")
    if outcomes.dispersion > 1.2:
        found.append(
            f"the counts vary {outcomes.dispersion:.2g} times as much as Poisson counts: each says that much less"
        )
    return found
