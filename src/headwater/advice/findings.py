"""Findings: the numbers of an advice and the verdict that follows from them, without words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from headwater.advice.calibration.fitting import Calibration
from headwater.advice.calibration.side import variance
from headwater.advice.outlook import Curve, Gains, Law, Outlook, curve
from headwater.advice.ranking import Ranking
from headwater.selection.meeting import Meeting
from headwater.selection.prediction import Errors, Interval
from headwater.selection.surface import Surface
from headwater.theory.brief import direction

# Of scratch's predicted error, and of the outcome's variance: a gain that cannot be more is not worth a transfer.
_WORTH, _LEAST = 0.02, 0.001


@dataclass(frozen=True)
class Size:
    """The size of one side: rows (the sum of their weights), features and outputs; rows are NaN where unknown."""

    rows: float
    features: int
    outputs: int


@dataclass(frozen=True, eq=False)
class Workings:
    """What the findings were read from.

    ``model``: the fitted TransferRidge. ``meeting``: the target met with the source. ``surface``: the posterior over
    every penalty. ``alone``: that of each hypothesis by itself. ``calibration``: the alignment ρ̂ with its 95 %
    interval. ``outlook``: what foretells the target's risk.
    """

    model: Any
    meeting: Meeting
    surface: Surface
    alone: dict[str, Surface]
    calibration: Calibration
    outlook: Outlook


@dataclass(frozen=True)
class Findings:
    """What was found of a source and a target.

    ``source_optimal_tau`` is τ_S* (NaN for published coefficients), ``transfer_optimal_tau`` τ0*, the source penalty
    best for the target as a source is used unscaled (inf: do not transfer), ``target_tau`` τ1 there, ``scale`` the
    number that the source-optimal model would best be multiplied by, ``weight`` the posterior share of transfer
    against scratch, ``errors`` the predicted target errors, ``benefit`` the mean over target rows of 2 y ŷ0 − ŷ0²
    (centred), which is what the source's own predictions, untouched, take off the squared error; its sign decides
    whether transfer helps where the target's features are isotropic or its penalty is large, and elsewhere it may be
    wrong. ``gain`` is what transfer takes off the target's excess risk, with 90 % intervals. All of it was read from
    the ``workings``, whose parts are properties here.
    """

    source: Size
    target: Size
    source_optimal_tau: float
    transfer_optimal_tau: float
    target_tau: float
    scale: float
    weight: float
    errors: Errors
    benefit: Interval
    gain: Gains
    notes: tuple[str, ...]
    criterion: str
    workings: Workings
    ranking: Ranking | None = None

    @property
    def model(self) -> Any:
        return self.workings.model

    @property
    def meeting(self) -> Meeting:
        return self.workings.meeting

    @property
    def surface(self) -> Surface:
        return self.workings.surface

    @property
    def alone(self) -> dict[str, Surface]:
        return self.workings.alone

    @property
    def calibration(self) -> Calibration:
        return self.workings.calibration

    @property
    def outlook(self) -> Outlook:
        return self.workings.outlook

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
        return direction(self.source_optimal_tau, self.transfer_optimal_tau, within=0.01)

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
            "hypotheses": self.surface.mass,
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


def _known(value: Any) -> Any:
    """The same value with NaN as None: what is not known, or does not apply."""
    if isinstance(value, dict):
        return {name: _known(item) for name, item in value.items()}
    return None if isinstance(value, float) and np.isnan(value) else value
