"""Findings: the numbers of an advice and the verdict that follows from them, without words."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from headwater.advice.calibration.fitting import Calibration
from headwater.advice.calibration.side import variance
from headwater.advice.outlook import Curve, Law, Rows, curve, law, rows_needed
from headwater.advice.ranking import Ranking
from headwater.advice.rivals import CHOSEN, SOURCE_OPTIMAL, Fit, Judge, Rival
from headwater.selection.hypotheses import SCRATCH
from headwater.selection.meeting import Meeting
from headwater.selection.predictive import Interval
from headwater.selection.surface import Surface
from headwater.tables.differences import Difference
from headwater.theory.brief import direction

# Of scratch's error, and of the outcome's variance: a gain that cannot be more is not worth a transfer.
WORTH, _LEAST = 0.02, 0.001
SURE = 0.75  # how probable a gain must be for transfer to be said
_FEW = 10  # rows, of which fewer hardly speak louder than the odds before any was seen


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
    interval. ``judge``: the posterior that the table is read from.
    """

    model: Any
    meeting: Meeting
    surface: Surface
    alone: dict[str, Surface]
    calibration: Calibration
    judge: Judge
    fits: dict[str, Fit]


@dataclass(frozen=True)
class Errors:
    """Expected target errors, those of the table, NaN where it has none.

    ``scratch``, ``chosen``, and transfer from the source at its own best penalty, as it is (``source_optimal``) and
    ``scaled``.
    """

    scratch: float
    source_optimal: float
    chosen: float
    scaled: float


@dataclass(frozen=True)
class Gains:
    """What transfer takes off scratch's error: ``chosen``, and the source at its own best penalty, as it is."""

    chosen: Interval
    source_optimal: Interval


@dataclass(frozen=True)
class Findings:
    """What was found of a source and a target.

    ``rivals`` is the table: what each way to predict the target is expected to err by, and what it takes off scratch's
    error. The verdict is read from it alone. ``source_optimal_tau`` is τ_S* (NaN for published coefficients),
    ``transfer_optimal_tau`` τ0*, the source penalty best for the target as a source is used unscaled (inf: do not
    transfer), ``target_tau`` τ1 there, ``scale`` the number that the source-optimal model would best be multiplied by,
    ``scaled`` the error expected of that, ``weight`` the posterior share of transfer against scratch, ``benefit`` the
    mean over target rows of 2 y ŷ0 − ŷ0² (centred), which is what the source's own predictions, untouched, take off the
    squared error; its sign decides whether transfer helps where the target's features are isotropic or its penalty is
    large, and elsewhere it may be wrong. ``differences`` is where each column of a pair of tables lies on either side.
    All of it was read from the ``workings``, whose parts are properties here.
    """

    source: Size
    target: Size
    rivals: tuple[Rival, ...]
    source_optimal_tau: float
    transfer_optimal_tau: float
    target_tau: float
    scale: float
    scaled: float
    weight: float
    benefit: Interval
    notes: tuple[str, ...]
    criterion: str
    workings: Workings
    ranking: Ranking | None = None
    differences: tuple[Difference, ...] = field(default=(), kw_only=True)

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
    def judge(self) -> Judge:
        return self.workings.judge

    @property
    def fits(self) -> dict[str, Fit]:
        return self.workings.fits

    @cached_property
    def rival(self) -> dict[str, Rival]:
        """The table's rows by name."""
        return {one.name: one for one in self.rivals}

    @property
    def errors(self) -> Errors:
        """Expected target errors, as the table has them."""
        errors = {name: one.error.estimate for name, one in self.rival.items()}
        own = errors.get(SOURCE_OPTIMAL, np.nan)
        return Errors(errors[SCRATCH], own, errors[CHOSEN], self.scaled)

    @property
    def gain(self) -> Gains:
        """What transfer takes off scratch's error, as the table has it."""
        own = self.rival[SOURCE_OPTIMAL].gain if SOURCE_OPTIMAL in self.rival else Interval(np.nan, -np.inf, np.inf)
        return Gains(self.rival[CHOSEN].gain, own)

    @property
    def verdict(self) -> str:
        """ "transfer", "scratch" or "undecided", by the table's row of what was chosen.

        Scratch: the gain's 90 % interval ends below what is worth a transfer, a fiftieth of scratch's error or a
        thousandth of the outcome's variance. Transfer: a gain is expected, and three times in four there is one, or
        oftener; of fewer than ten rows, moreover, the interval's loss is no more than the expected gain. Otherwise
        there is too little data to tell.
        """
        chosen = self.rival[CHOSEN]
        if chosen.gain.high <= self._worth:
            return "scratch"
        risk = 0.0 if self.target.rows >= _FEW else -chosen.gain.low
        return "transfer" if chosen.chance >= SURE and chosen.gain.estimate > max(risk, 0.0) else "undecided"

    @property
    def safer(self) -> str:
        """The verdict or, where that is undecided, whichever of "transfer" and "scratch" is expected to err less."""
        if self.verdict != "undecided":
            return self.verdict
        expected = self.gain.chosen.estimate
        return "transfer" if expected > 0 or (np.isnan(expected) and self.weight > 0.5) else "scratch"

    @cached_property
    def rows(self) -> Rows:
        """How many more target rows would settle an undecided verdict, half of the time; NaN where decided."""
        if self.verdict != "undecided":
            return Rows(np.nan, np.nan, np.nan)
        side = self.meeting.source.spectrum or self.meeting.target
        dimension = side.eigenvalues.sum() ** 2 / max(np.square(side.eigenvalues).sum(), 1e-300)
        return rows_needed(self.target.rows, float(dimension), self.gain.chosen, self._worth)

    @property
    def rows_needed(self) -> float:
        """About how many more target rows would settle it; NaN where decided, or beyond twenty times the rows."""
        return self.rows.estimate

    @cached_property
    def law(self) -> Law:
        """The two-number law at ρ̂ and ``target_tau``."""
        return law(self.calibration, self.judge.covariance, self.target_tau)

    @cached_property
    def curve(self) -> Curve | None:
        """The target's error over source penalties; None where there is one penalty only, or one row."""
        return curve(self.judge, self.transfer_optimal_tau)

    @property
    def _worth(self) -> float:
        return max(WORTH * self.errors.scratch, _LEAST * variance(self.meeting.target))

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
            "table": [one.as_dict() for one in self.rivals],
            "benefit": asdict(self.benefit),
            "alignment": self.calibration.as_dict(),
            "gain": asdict(self.gain),
            "law": asdict(self.law),
            "curve": None if self.curve is None else self.curve.as_dict(),
            "verdict": self.verdict,
            "safer": self.safer,
            "rows_needed": self.rows_needed,
            "rows_needed_range": [self.rows.low, self.rows.high],
            "notes": list(self.notes),
            "ranking": None if self.ranking is None else self.ranking.as_dict(),
        }
        return {name: _known(value) for name, value in plain.items()}


def _known(value: Any) -> Any:
    """The same value with NaN as None: what is not known, or does not apply."""
    if isinstance(value, dict):
        return {name: _known(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_known(item) for item in value]
    return None if isinstance(value, float) and np.isnan(value) else value
