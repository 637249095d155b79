"""Findings: the numbers of an advice about outcomes that are numbers, without words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from headwater.advice.calibration.fitting import Calibration
from headwater.advice.calibration.side import variance
from headwater.advice.comparison import Comparison
from headwater.advice.outlook import Curve, Law, curve, law
from headwater.advice.ranking import Ranking
from headwater.advice.rivals import CHOSEN, SOURCE_OPTIMAL, Fit, Judge
from headwater.selection.hypotheses import SCRATCH
from headwater.selection.meeting import Meeting
from headwater.selection.predictive import Interval
from headwater.selection.surface import Surface
from headwater.theory.brief import direction


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
class Findings(Comparison):
    """What was found of a source and a target whose outcomes are numbers.

    ``source_optimal_tau`` is τ_S* (NaN for published coefficients),
    ``transfer_optimal_tau`` τ0*, the source penalty best for the target as a source is used unscaled (inf: do not
    transfer), ``target_tau`` τ1 there, ``scale`` the number that the source-optimal model would best be multiplied by,
    ``scaled`` the error expected of that, ``benefit`` the
    mean over target rows of 2 y ŷ0 − ŷ0² (centred), which is what the source's own predictions, untouched, take off the
    squared error; its sign decides whether transfer helps where the target's features are isotropic or its penalty is
    large, and elsewhere it may be wrong. All of it was read from the ``workings``, whose parts are properties here.
    """

    source_optimal_tau: float
    transfer_optimal_tau: float
    target_tau: float
    scale: float
    scaled: float
    benefit: Interval
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
    def judge(self) -> Judge:
        return self.workings.judge

    @property
    def fits(self) -> dict[str, Fit]:
        return self.workings.fits

    @property
    def errors(self) -> Errors:
        """Expected target errors, as the table has them."""
        errors = {name: one.error.estimate for name, one in self.rival.items()}
        own = errors.get(SOURCE_OPTIMAL, np.nan)
        return Errors(errors[SCRATCH], own, errors[CHOSEN], self.scaled)

    @property
    def measure(self) -> str:
        return "squared error"

    @property
    def spread(self) -> float:
        return variance(self.meeting.target)

    @property
    def dimension(self) -> float:
        side = self.meeting.source.spectrum or self.meeting.target
        return float(side.eigenvalues.sum() ** 2 / max(np.square(side.eigenvalues).sum(), 1e-300))

    @property
    def counted(self) -> str:
        groups = self.meeting.target.basis.groups
        return super().counted if groups is None else f"{len(groups)} group{'' if len(groups) == 1 else 's'}"

    @cached_property
    def law(self) -> Law:
        """The two-number law at ρ̂ and ``target_tau``."""
        return law(self.calibration, self.judge.covariance, self.target_tau)

    @cached_property
    def curve(self) -> Curve | None:
        """The target's error over source penalties; None where there is one penalty only, or one row."""
        return curve(self.judge, self.transfer_optimal_tau)

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
            "family": "gaussian",
            "measure": self.measure,
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
        return {name: known(value) for name, value in plain.items()}


def known(value: Any) -> Any:
    """The same value with NaN as None: what is not known, or does not apply."""
    if isinstance(value, dict):
        return {name: known(item) for name, item in value.items()}
    if isinstance(value, list):
        return [known(item) for item in value]
    return None if isinstance(value, float) and np.isnan(value) else value
