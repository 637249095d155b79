"""Penalties: both tables' errors against the source's penalty, with rows left out and by theory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headwater.advice.findings import Findings
from headwater.spectrum.rows import Array
from headwater.theory import Population, source_risk, transfer_risk

_LARGEST = 1000  # features, with which theory takes a second


@dataclass(frozen=True)
class Penalties:
    """Errors on new rows at each source penalty, ∞ last, which for the target is scratch, the source unscaled.

    ``target_expected`` is by the table's own method and ``target_left_out`` that of the target's own rows left out.
    ``source_left_out`` is by generalised cross-validation. Those by theory are of the population that the alignment's
    likelihood is highest at: the source's error, and what the target has more or less of it than from scratch at its
    penalty ``target_tau`` throughout, added to what is expected from scratch. NaN where that is not known.
    """

    source_tau: tuple[float, ...]
    target_expected: tuple[float, ...]
    target_left_out: tuple[float, ...]
    target_theory: tuple[float, ...]
    source_left_out: tuple[float, ...]
    source_theory: tuple[float, ...]
    source_optimal_tau: float
    transfer_optimal_tau: float
    target_tau: float


def penalties(advice: Findings) -> Penalties | None:
    """The errors where the advice has a curve."""
    curve, source = advice.curve, advice.meeting.source.spectrum
    if curve is None or source is None:
        return None
    taus, unknown = curve.source_tau, np.full(len(curve.source_tau), np.nan)
    pop = _population(advice)
    there = unknown if pop is None else np.asarray(source_risk(pop, taus)) + pop.source_noise**2
    risk = unknown if pop is None else np.asarray(transfer_risk(pop, taus, advice.target_tau))
    here = curve.predicted[-1] + risk - risk[-1]
    return Penalties(
        source_tau=_plain(taus),
        target_expected=_plain(curve.predicted),
        target_left_out=_plain(curve.leave_one_out),
        target_theory=_plain(here),
        source_left_out=_plain(np.asarray(source.gcv(taus))),
        source_theory=_plain(there),
        source_optimal_tau=advice.source_optimal_tau,
        transfer_optimal_tau=advice.transfer_optimal_tau,
        target_tau=advice.target_tau,
    )


def _plain(values: Array) -> tuple[float, ...]:
    return tuple(values.tolist())


def _population(advice: Findings) -> Population | None:
    calibration = advice.calibration
    if not calibration.identified or advice.source.features > _LARGEST:
        return None
    return calibration.population()
