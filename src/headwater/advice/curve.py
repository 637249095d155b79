"""Curve: the target's error over source penalties, by theory beside leave-one-out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from headwater.advice.calibration.fitting import Calibration
from headwater.spectrum.criteria import loo_error
from headwater.spectrum.rows import Array

_FACTORS = np.array([0.01, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0, np.inf])
_FEATURES = 300  # theory decomposes both covariances, p×p; beyond, ask ``Calibration.population`` itself


@dataclass(frozen=True, eq=False)
class Curve:
    """Target error over source penalties at one target penalty: ``predicted`` by theory, noise included, left out."""

    source_tau: Array
    predicted: Array
    leave_one_out: Array

    @property
    def rows(self) -> Iterator[tuple[float, float, float]]:
        return zip(*(values.tolist() for values in (self.source_tau, self.predicted, self.leave_one_out)), strict=True)

    def as_dict(self) -> dict[str, Any]:
        """The curve as plain lists."""
        return {
            "source_tau": self.source_tau.tolist(),
            "predicted": self.predicted.tolist(),
            "leave_one_out": self.leave_one_out.tolist(),
        }


def curve(calibration: Calibration, source_tau: float, target_tau: float) -> Curve | None:
    """The curve about a source's own best penalty; None without an alignment, a spectrum, or for too many features."""
    meeting = calibration.meeting
    if not (calibration.identified and 0 < source_tau < np.inf) or meeting.source.spectrum is None:
        return None
    if meeting.target.n_features > _FEATURES or len(meeting.target.rows[0]) < 2:
        return None
    from headwater.theory import transfer_risk

    taus = source_tau * _FACTORS
    predicted = np.asarray(transfer_risk(calibration.population(), taus, target_tau)) + calibration.target_noise**2
    shifted = meeting.shifted(taus, np.ones_like(taus))
    return Curve(taus, predicted, loo_error(meeting.target, shifted, np.array([target_tau]))[:, 0])
