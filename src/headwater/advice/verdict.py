"""Advice: whether to transfer, how hard to regularise the source for it, what is known of that, and how surely."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from headwater.advice.calibration.fitting import Calibration, calibrate_meeting
from headwater.advice.calibration.side import variance
from headwater.advice.curve import Curve, curve
from headwater.advice.outlook import Gains, Law, Outlook
from headwater.advice.ranking import Ranking, is_listed, rank
from headwater.advice.wording import describe, notes, sentence
from headwater.estimators.ridge import SourceRidge
from headwater.estimators.transfer import TransferRidge
from headwater.selection.hypotheses import AS_IS, OWN_PENALTY, SCALED, SCRATCH, hypotheses
from headwater.selection.meeting import Meeting
from headwater.selection.prediction import Errors, Interval, benefit_of
from headwater.selection.prediction import predicted_error as predicted_error
from headwater.selection.surface import Choice, Surface
from headwater.selection.survey import best, survey
from headwater.spectrum.rows import Array

# Of scratch's predicted error, and of the outcome's variance: a gain that cannot be more is not worth a transfer.
_WORTH, _LEAST = 0.02, 0.001


@dataclass(frozen=True)
class Table:
    """The size of one side: rows (the sum of their weights), features and outputs; rows are NaN where unknown."""

    rows: float
    features: int
    outputs: int


@dataclass(frozen=True)
class Advice:
    """What to do with a source and a target, and the evidence for it.

    ``source_optimal_tau`` is τ_S* (NaN for published coefficients), ``transfer_optimal_tau`` τ0*, the source penalty
    best for the target as a source is used unscaled (inf: do not transfer), ``target_tau`` τ1 there, ``scale`` the
    number that the source-optimal model would best be multiplied by, ``weight`` the posterior share of transfer
    against scratch, ``errors`` the predicted target errors, ``benefit`` the mean over target rows of 2 y ŷ0 − ŷ0²
    (centred), which is what the source's own predictions, untouched, take off the squared error; its sign decides
    whether transfer helps where the target's features are isotropic or its penalty is large, and elsewhere it may be
    wrong. ``calibration`` holds the alignment ρ̂ with its 95 % interval, ``gain`` what transfer takes off the target's
    excess risk, with 90 % intervals, ``outlook`` what foretells it. ``model`` is the fitted TransferRidge;
    ``meeting``, the target met with the source, ``surface``, the posterior over every penalty, and ``alone``, that of
    each hypothesis by itself, are what all of this was read from.
    """

    source: Table
    target: Table
    source_optimal_tau: float
    transfer_optimal_tau: float
    target_tau: float
    scale: float
    weight: float
    errors: Errors
    benefit: Interval
    calibration: Calibration
    outlook: Outlook
    gain: Gains
    notes: tuple[str, ...]
    criterion: str
    model: Any
    meeting: Meeting
    surface: Surface
    alone: dict[str, Surface]
    ranking: Ranking | None = None

    @property
    def verdict(self) -> str:
        """ "transfer", "scratch" or "undecided".

        Transfer: ρ's 95 % interval leaves out 0, so that the source at the right scale helps, and the model, which most
        of the posterior weight has start from it, is not expected to lose. Scratch: the gain's 90 % interval ends below
        what is worth a transfer, a fiftieth of scratch's predicted error or a thousandth of the outcome's variance, or
        there is nothing to learn or to start from. Otherwise there is too little data to tell.
        """
        low, high = self.calibration.rho_interval
        helps = self.calibration.identified and not low <= 0 <= high
        if helps and self.gain.chosen.estimate >= -self._worth and self.surface.transferred:
            return "transfer"
        return "scratch" if self.gain.chosen.high < self._worth or self._void else "undecided"

    @property
    def safer(self) -> str:
        """The verdict or, where that is undecided, whichever of "transfer" and "scratch" is expected to err less."""
        if self.verdict != "undecided":
            return self.verdict
        expected = self.gain.chosen.estimate
        return "transfer" if expected > 0 or (np.isnan(expected) and self.surface.transferred) else "scratch"

    @cached_property
    def rows_needed(self) -> float:
        """About how many more target rows would settle an undecided verdict; NaN where decided, or where none would."""
        if self.verdict != "undecided":
            return np.nan
        return self.outlook.rows_needed(self._worth, self.law.information, self.weight)

    @cached_property
    def law(self) -> Law:
        """The two-number law at ρ̂ and ``target_tau``."""
        return self.outlook.law(self.target_tau)

    @cached_property
    def curve(self) -> Curve | None:
        """Theory's target error over source penalties beside leave-one-out; None where it cannot be foretold."""
        return curve(self.calibration, self.source_optimal_tau, self.target_tau)

    @property
    def _worth(self) -> float:
        return max(_WORTH * self.errors.scratch, _LEAST * variance(self.meeting.target))

    @property
    def _void(self) -> bool:
        """Whether the target's outcome does not vary, or the source's model is its mean."""
        target = self.meeting.target
        return bool(target.contrasts > 0 and variance(target) == 0) or not self.meeting.source.coef.any()

    @property
    def ratio(self) -> float:
        """τ0*/τ_S*, inf for scratch, NaN where τ_S* is unknown, 0 or inf."""
        known = 0 < self.source_optimal_tau < np.inf
        return self.transfer_optimal_tau / self.source_optimal_tau if known else np.nan

    @property
    def direction(self) -> str:
        """Regularise the source "harder" or "softer" than its own best, "equal" within 1 %, "scratch", or "unknown"."""
        if np.isinf(self.transfer_optimal_tau):
            return "scratch"
        if np.isnan(self.transfer_optimal_tau):
            return "unknown"
        low, high = 0.99 * self.source_optimal_tau, 1.01 * self.source_optimal_tau
        return (
            "softer" if self.transfer_optimal_tau < low else "harder" if self.transfer_optimal_tau > high else "equal"
        )

    def as_dict(self) -> dict[str, Any]:
        """The advice as plain numbers, strings and lists, None where not known; infinities are left to the writer."""
        plain = {
            "source": {**asdict(self.source), "source_optimal_tau": self.source_optimal_tau},
            "target": asdict(self.target),
            "transfer_optimal_tau": self.transfer_optimal_tau,
            "target_tau": self.target_tau,
            "ratio": self.ratio,
            "direction": self.direction,
            "scale": self.scale,
            "weight": self.weight,
            "errors": asdict(self.errors),
            "benefit": asdict(self.benefit),
            "alignment": self.calibration.as_dict(),
            "gain": asdict(self.gain),
            "law": asdict(self.law),
            "curve": None if self.curve is None else self.curve.as_dict(),
            "verdict": self.verdict,
            "safer": self.safer,
            "rows_needed": self.rows_needed,
            "notes": list(self.notes),
            "ranking": None if self.ranking is None else self.ranking.as_dict(),
        }
        return {name: _known(value) for name, value in plain.items()}

    def __str__(self) -> str:
        return describe(self) if self.ranking is None else f"{describe(self)}\n\n{self.ranking}"

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        if self.ranking is None:
            return sentence(self)
        ranked = self.ranking.sources
        return f"source[{ranked[0].source}] serves best of {len(ranked)}; of it by itself: {sentence(self)}"


def advise(source: Any, target: Any, *, criterion: str = "evidence", groups: ArrayLike | None = None) -> Advice:
    """Say whether to transfer from a source to a target and how hard to regularise the source for it.

    ``source``: (X0, y0), (X0, y0, weights), or a fitted source as TransferRidge takes it: a Pipeline ending in a
    SourceRidge carries its preprocessor along. Of a list of such sources the advice is about the one that serves best,
    by itself, and ``ranking`` says how each stands and what all promise together. ``target``: (X1, y1) or (X1, y1,
    weights). Arrays are used as they are: ridge depends on the columns' units, so put both sides through one
    preprocessor, fitted on the source, first.
    ``groups`` (n1,) name what the target measured repeatedly: errors are then of whole groups left out, and the
    benefit's interval is over groups. Costs one decomposition a side. Raises ValueError as the estimators do.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> w = rng.normal(size=5)
    >>> X0, X1 = rng.normal(size=(300, 5)), rng.normal(size=(30, 5))
    >>> advice = advise((X0, X0 @ w + rng.normal(size=300)), (X1, X1 @ w + rng.normal(size=30)))
    >>> advice.verdict
    'transfer'
    """
    if is_listed(source):
        ranking = rank(source, target, criterion, groups)
        return replace(advise(ranking.first, target, criterion=criterion, groups=groups), ranking=ranking)
    if isinstance(source, tuple):
        source = SourceRidge(criterion=criterion).fit(*source)
    if source is None:
        raise ValueError("source is None; give a fitted source or a pair of arrays (X0, y0)")
    model = TransferRidge(source, criterion=criterion)
    X, y, weight = (*target, None)[:3]
    meeting = model.meet(X, y, weight, groups)
    model.choose(meeting)
    start, surface = meeting.source, model.surface_

    # Each by itself: the joint surface's grid closes in on where the whole has mass, which may miss a rival's.
    alone = {hypothesis.name: [hypothesis] for hypothesis in hypotheses(start)}
    surfaces = {name: survey(meeting, compared, criterion=criterion) for name, compared in alone.items()}

    def peak(name: str) -> Choice:
        return best(meeting, surfaces[name], alone[name])

    useful = surface.unscaled_weight > surface.mass[SCRATCH]
    unscaled = peak(SCRATCH if not useful else OWN_PENALTY if start.spectrum else AS_IS)
    calibration = calibrate_meeting(meeting)
    outlook = Outlook(calibration)

    def averaged(over: Surface) -> Array:
        return meeting.coefficients(*over.points, over.weight)

    scratch = averaged(surfaces[SCRATCH])
    return Advice(
        source=Table(start.spectrum.n if start.spectrum else np.nan, start.n_features, start.n_outputs),
        target=Table(meeting.target.n, start.n_features, start.n_outputs),
        source_optimal_tau=start.known_tau,
        transfer_optimal_tau=unscaled.source_tau,
        target_tau=unscaled.target_tau,
        scale=peak(SCALED).scale,
        weight=surface.transfer_weight,
        errors=Errors(
            scratch=predicted_error(meeting, surfaces[SCRATCH]),
            source_optimal=predicted_error(meeting, surfaces[AS_IS]),
            chosen=predicted_error(meeting, surface),
            scaled=predicted_error(meeting, surfaces[SCALED]),
        ),
        benefit=benefit_of(meeting),
        calibration=calibration,
        outlook=outlook,
        gain=Gains(*(outlook.gain(scratch, averaged(over)) for over in (surface, surfaces[AS_IS]))),
        notes=tuple(notes(meeting, calibration)),
        criterion=criterion,
        model=model,
        meeting=meeting,
        surface=surface,
        alone=surfaces,
    )


def _known(value: Any) -> Any:
    """The same value with NaN as None: what is not known, or does not apply."""
    if isinstance(value, dict):
        return {name: _known(item) for name, item in value.items()}
    return None if isinstance(value, float) and np.isnan(value) else value
