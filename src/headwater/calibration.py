"""Calibration: from two tables to the population they were drawn from, with the alignment's interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from headwater.crossing import Crossing
from headwater.estimators import TransferRidge
from headwater.likelihood import NOISE, PRIVATE, RHO, SIGNAL, TARGET_NOISE, Point, start
from headwater.moments import Array
from headwater.shrinkage import shrunk

if TYPE_CHECKING:
    from headwater.theory import Population

_TOLERANCE = 1e-4  # of −2 log L, whose interval is cut at 4 and more
_STUCK = 1e9  # times the information: rounding leaves no shorter step
_CLOSE = 0.01  # of the signed root, cut at 2 and more
_FLOOR = 1e-8  # of an outcome's variance: noise below it is none
_ALL, _NUISANCE = [RHO, SIGNAL, NOISE, PRIVATE, TARGET_NOISE], [SIGNAL, NOISE, PRIVATE, TARGET_NOISE]


@dataclass(frozen=True, eq=False)
class Calibration:
    """The model of a source and a target that their tables support: w1 = ρ w0 + v, both random.

    ``rho`` is the alignment ρ̂, by maximum restricted likelihood, ``rho_interval`` its 95 % interval from the profile
    of both tasks' likelihood, (−inf, inf) where ρ is not ``identified``; ``reason`` then says why in a sentence, and
    ``rho`` is no more than where the likelihood is flat at its highest (NaN where there is none). ``source_signal``
    σ_w is the standard deviation of a source coefficient, ``source_noise`` σ0 and ``target_noise`` σ1 those of the
    noises, ``private_variance`` σ_v² the variance of a target coefficient's own part. ``estimand`` says in words what
    ρ is. Of published coefficients σ_w and σ0 are NaN, and ρ is the number these would best be multiplied by.
    """

    rho: float
    rho_interval: tuple[float, float]
    identified: bool
    source_signal: float
    source_noise: float
    target_noise: float
    private_variance: float
    estimand: str
    reason: str
    crossing: Crossing
    point: Point | None

    def population(self) -> Population:
        """The calibrated population, for headwater.theory: its covariances are shrunk (p, p), its coefficients random.

        Raises ValueError where ρ is not identified, or where only coefficients were published.
        """
        from headwater.theory import Population

        source, target = self.crossing.source.spectrum, self.crossing.target
        if not self.identified:
            raise ValueError(f"the alignment is not identified: {self.reason}")
        if source is None:
            raise ValueError("only the source's coefficients are known: its table's covariance and noise are not")
        there, here = shrunk(self.crossing)
        assert here is not None
        features = np.eye(target.n_features)
        return Population.random_effects(
            here @ features,
            there @ features,
            rho=self.rho,
            source_samples=source.n,
            source_noise=self.source_noise,
            target_samples=target.n,
            target_noise=self.target_noise,
            signal=self.source_signal * np.sqrt(target.n_features),
            private=np.sqrt(self.private_variance * target.n_features),
        )

    def as_dict(self) -> dict[str, Any]:
        """The alignment as plain values; its estimate is NaN where it is not identified."""
        low, high = self.rho_interval
        return {
            "estimate": self.rho if self.identified else np.nan,
            "low": low,
            "high": high,
            "identified": self.identified,
            "reason": self.reason,
            "estimand": self.estimand,
        }


def calibrate(source: Any, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Calibration:
    """Estimate the alignment and the variances of a fitted source and target rows X (n1, p), y (n1,) or (n1, q)."""
    model = TransferRidge(source, source_tau=np.inf, tau=1.0, per_output=True)
    return calibrate_crossing(model.fit_crossing(X, y, sample_weight, leave_one_out=False))


def calibrate_crossing(crossing: Crossing) -> Calibration:
    """The calibration of a source met with a target's decomposition."""
    source = crossing.source.spectrum
    reason = _nothing_to_go_by(crossing)
    best, interval = None, (-np.inf, np.inf)
    if not reason:
        best, interval = _profile(crossing)
        if not np.isfinite(interval).all():
            reason = (
                "the source's own signal cannot be told from none, so neither can a target's share in it"
                if source is not None
                else "the target rows do not bound it"
            )
    parameters = np.full(5, np.nan) if best is None else best.parameters
    known = parameters if source is not None else np.where(np.isin(_ALL, (SIGNAL, NOISE)), np.nan, parameters)
    return Calibration(
        rho=float(parameters[RHO]),
        rho_interval=interval,
        identified=not reason,
        source_signal=float(np.sqrt(known[SIGNAL])),
        source_noise=float(np.sqrt(known[NOISE])),
        target_noise=float(np.sqrt(known[TARGET_NOISE])),
        private_variance=float(known[PRIVATE]),
        estimand=_estimand(crossing, parameters),
        reason=reason,
        crossing=crossing,
        point=best,
    )


def _estimand(crossing: Crossing, parameters: Array) -> str:
    """What ρ is, in words."""
    if crossing.source.spectrum is None:
        return "the number that the published coefficients would best be multiplied by to be the target's"
    words = "rho of the model w1 = rho w0 + v, w0 and v random and unrelated, not the realised <w0, w1>/|w0|^2"
    if not parameters[SIGNAL] > 0:
        return words
    apart = np.sqrt(parameters[PRIVATE] / parameters[SIGNAL] / crossing.target.n_features)
    return f"{words}, from which it differs by a standard deviation of {apart:.2g}"


def _nothing_to_go_by(crossing: Crossing) -> str:
    """Why there is no likelihood to speak of; empty where there is."""
    source, target = crossing.source, crossing.target
    if target.contrasts * target.n_outputs <= 1:
        return f"too few target rows ({target.n:g}) to tell a slope from noise"
    if not target.rank:
        return "the target's features do not vary"
    if not target.u.any() and not target.remainder.any():
        return "the target's outcome does not vary"
    if not (source.coef if source.spectrum is None else source.spectrum.u).any():
        return "the source's outcome does not vary with its features"
    return ""


def _profile(crossing: Crossing) -> tuple[Point, tuple[float, float]]:
    """The likelihood's maximum, and the ρ at which the profile over the other four falls to the interval's cut.

    The cut is that of χ²₁, 3.84, with Student's t in the place of the normal: exact where the source is known and w1
    has no part of its own, which is regression on one variable.
    """
    unit = start(crossing)
    # Some tables have two maxima, with and without a part of the target's own.
    first = [np.where(np.isin(_ALL, without), 0.0, unit) for without in ((), (PRIVATE,))]
    best = min((_descend(Point(crossing, place), unit, _ALL) for place in first), key=lambda point: point.value)
    free = crossing.target.contrasts * crossing.target.n_outputs
    cut = free * np.log1p(float(stdtrit(free - 1, 0.975)) ** 2 / (free - 1))
    if _unbounded(best, unit) < cut:
        return best, (-np.inf, np.inf)
    curvature = best.derivatives[1] / 2
    reach = np.sqrt(cut * max(np.linalg.pinv(curvature)[RHO, RHO], 1 / max(curvature[RHO, RHO], 1e-300)))
    low, high = (_end(best, unit, cut, side * float(reach)) for side in (-1, 1))
    return best, (low, high)


def _end(best: Point, unit: Array, cut: float, step: float) -> float:
    """Where the profile falls to the cut, on the side that the first step goes to."""
    near = best

    def short(rho: float) -> float:
        nonlocal near
        parameters = near.parameters.copy()
        parameters[RHO] = rho
        near = _descend(Point(best.crossing, parameters), unit, _NUISANCE)
        return float(np.sqrt(max(near.value - best.value, 0.0)) - np.sqrt(cut))

    # The signed root of the profile is nearly straight in ρ: false position, the kept end halved (Illinois).
    inner, outer = (best.parameters[RHO], -np.sqrt(cut)), None
    rho = inner[0] + step
    for _ in range(60):
        value = short(rho)
        if abs(value) < _CLOSE:
            return float(rho)
        if value > 0:
            outer, inner = (rho, value), (inner[0], inner[1] / 2 if outer else inner[1])
        else:
            inner, outer = (rho, value), outer and (outer[0], outer[1] / 2)
        if outer:
            rho = inner[0] + (outer[0] - inner[0]) * -inner[1] / (outer[1] - inner[1])
        else:
            rho, step = rho + step, 1.5 * step
    return float(rho if outer else np.copysign(np.inf, step))


def _unbounded(best: Point, unit: Array) -> float:
    """How much −2 log L is above its minimum as ρ → ±∞: without any source signal, and the tasks unrelated."""
    if best.crossing.source.spectrum is None:
        return np.inf
    parameters = best.parameters.copy()
    parameters[[RHO, SIGNAL]] = 0.0, _FLOOR * unit[SIGNAL]
    return _descend(Point(best.crossing, parameters), unit, [NOISE, PRIVATE, TARGET_NOISE]).value - best.value


def _descend(point: Point, unit: Array, free: list[int]) -> Point:
    """The minimum of −2 log L over the free parameters: scoring by the average information, damped, variances kept ≥ 0.

    In variances, not in their logarithms: at a variance of 0, a common maximum, the logarithm's slope is 0 as well.
    """
    floor = [_FLOOR, _FLOOR, 0.0, _FLOOR] * np.maximum(unit[1:], 1e-300)
    damping = 1e-3
    for _ in range(200):
        old, (slope, information) = point.parameters, point.derivatives
        low = np.r_[-np.inf, np.maximum(floor, [0.1, 0.1, 0.0, 0.1] * old[1:]) - old[1:]]
        high = np.r_[np.inf, 9 * old[1:] + unit[1:]]
        scale = information.diagonal() + 1e-300
        alone = np.where(np.isin(_ALL, free), np.clip(-slope / scale, low, high), 0.0)
        if -slope @ alone < _TOLERANCE or damping > _STUCK:
            break
        step = _boxed(information + np.diag(damping * scale), slope, low, high, free)
        tried = Point(point.crossing, old + step) if slope @ step < 0 else point
        if tried.value < point.value:
            point, damping = tried, damping / 10
        else:
            damping = max(10 * damping, 1e-3)
    return point


def _boxed(matrix: Array, slope: Array, low: Array, high: Array, free: list[int]) -> Array:
    """The step that minimises slope's + ½ s'matrix s, coordinates that would leave the box held at its sides in turn."""
    step, moving = np.zeros(5), list(free)
    while moving:
        pull = slope[moving] + matrix[moving] @ np.where(np.isin(_ALL, moving), 0.0, step)
        step[moving] = np.linalg.solve(matrix[np.ix_(moving, moving)], -pull)
        beyond = [index for index in moving if not low[index] <= step[index] <= high[index]]
        if not beyond:
            break
        step[beyond] = np.clip(step, low, high)[beyond]
        moving = [index for index in moving if index not in beyond]
    return step
