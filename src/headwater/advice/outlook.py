"""Outlook: what transfer takes off the target's excess risk, as far as both tables tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import logit, stdtrit

from headwater.advice.calibration.covariance import Shrunk, shrunk
from headwater.advice.calibration.fitting import Calibration
from headwater.advice.calibration.likelihood import TARGET_NOISE
from headwater.advice.calibration.posterior import posterior
from headwater.selection.prediction import Interval
from headwater.spectrum.criteria import loo_error
from headwater.spectrum.rows import Array

_LEVELS = np.array([0.05, 0.95])
_FACTORS = np.array([0.01, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0, np.inf])
_FEATURES = 300  # theory decomposes both covariances, p×p; beyond, ask ``Calibration.population`` itself


@dataclass(frozen=True)
class Gains:
    """What transfer takes off the target's excess risk, against scratch, each with its 90 % interval.

    ``chosen``: ``Advice.model``. ``source_optimal``: the source at its own best penalty, as it is.
    """

    chosen: Interval
    source_optimal: Interval


@dataclass(frozen=True)
class Law:
    """The two-number law at ρ̂ and the target's penalty: Q, and what a source-optimal model gains by it.

    ``as_published`` (2ρ − 1) Q, ``scaled`` ρ² Q: the most that any linear use of the source can give. NaN where ρ is
    not identified.
    """

    information: float
    as_published: float
    scaled: float


UNKNOWN = Interval(np.nan, -np.inf, np.inf)


@dataclass(frozen=True, eq=False)
class Outlook:
    """What a calibration foretells of the target's risk.

    The gain of coefficients b over scratch's a is the realised reduction of excess risk, ‖a − w1‖² − ‖b − w1‖² in the
    target's population covariance, averaged over outputs. Both fits being known it is linear in w1, whose posterior is
    normal given the variances; these are averaged over. Σ1 is ``shrinkage.shrunk``'s estimate, taken as it is.
    """

    calibration: Calibration

    def gains(self, scratch: Array, others: list[Array]) -> list[Interval]:
        """What each of others' coefficients (q, p) gains over scratch's: the posterior mean and its 90 % interval."""
        same = Interval(0.0, 0.0, 0.0)
        if self.calibration.point is None:
            return [UNKNOWN if (scratch - other).any() else same for other in others]
        seen = np.array([self._covariance @ (scratch - other).T for other in others])
        found, outputs = posterior(self.calibration.point, seen), len(scratch)
        foretold = []
        for each, other, mean, variance in zip(seen, others, found.mean, found.variance, strict=True):
            mean = (np.vdot(each, (scratch + other).T) - 2 * mean) / outputs
            low, high = found.quantiles(mean, 4 * variance / outputs**2, _LEVELS)
            foretold.append(Interval(float(found.weight @ mean), float(low), float(high)) if each.any() else same)
        return foretold

    def law(self, target_tau: float) -> Law:
        """The two-number law with Q = ‖ŵ0(τ_S)‖² an output, as the target's fit at this penalty leaves it.

        ``headwater.theory.source_information`` given the designs.
        """
        calibration, point = self.calibration, self.calibration.point
        if point is None or not calibration.identified:
            return Law(np.nan, np.nan, np.nan)
        target, start = point.meeting.target, point.meeting.source.expand(point.source_mean)
        left = start - target.expand(target.shrinkage(target_tau)[:, None] * target.project(start))
        information, rho = float(np.vdot(left, self._covariance @ left)) / left.shape[1], calibration.rho
        return Law(information, (2 * rho - 1) * information, rho**2 * information)

    def rows_needed(self, worth: float, information: float, weight: float) -> float:
        """About how many target rows, more than there are, would settle the verdict; NaN where no number would.

        The standard error of ρ̂ falls as the square root of the share s of the target's coefficients that its rows
        determine, s = 2/(b + √(b² − 4γ)), b = 1 + γ(1 + σ1²/(p μ π)), γ = p/n1: theory's isotropic closed form, with μ
        the mean eigenvalue and π the variance of a target coefficient that the source leaves open. The verdict is
        settled where ρ̂'s interval would leave out 0 and most of the posterior weight, whose log odds grow by half of
        ρ̂'s squared ratio to its error, be on transfer; or where no gain ρ² Q in the interval would be worth having.
        """
        calibration, point = self.calibration, self.calibration.point
        if point is None or not calibration.identified:
            return np.nan
        target = point.meeting.target
        rows, (low, high) = target.n * np.logspace(0, 4, 401), calibration.rho_interval
        noise = point.parameters[TARGET_NOISE] / (target.eigenvalues.sum() * point.open_variance)
        gamma = target.n_features / rows
        b = 1 + gamma * (1 + noise)
        share = 2 / (b + np.sqrt(b**2 - 4 * gamma))
        quantile = stdtrit(target.n_outputs * (rows - target.n + target.contrasts) - 1, 0.975)
        rho, error = abs(calibration.rho), (high - low) / 2 / quantile[0] * np.sqrt(share[0] / share)
        odds = np.sqrt((rho / error[0]) ** 2 + 2 * max(0.0, float(logit(min(1 - weight, 1 - 1e-12)))))
        enough = (rho > np.maximum(quantile, odds) * error) | ((rho + quantile * error) ** 2 * information < worth)
        enough[0] = False
        return float(np.ceil(rows[np.argmax(enough)] - target.n)) if enough.any() else np.nan

    @cached_property
    def _covariance(self) -> Shrunk:
        return shrunk(self.calibration.meeting)[0]


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
