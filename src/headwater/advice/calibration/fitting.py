"""Fitting: from two tables to the population they were drawn from, with the alignment's interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from headwater.advice.calibration.covariance import shrunk
from headwater.advice.calibration.likelihood import NOISE, PRIVATE, SIGNAL, TARGET_NOISE, Point
from headwater.advice.calibration.profile import profile
from headwater.estimators.l2sp import L2SPRidge
from headwater.selection.meeting import Meeting
from headwater.spectrum.rows import Array

if TYPE_CHECKING:
    from headwater.theory import Population


@dataclass(frozen=True, eq=False)
class Calibration:
    """The model of a source and a target that their tables support: w1 = ρ w0 + v, both random.

    ``rho`` is the alignment ρ̂, by both tasks' restricted likelihood and with the maximum's bias taken off, and
    ``rho_interval`` its 95 % interval from the likelihood's profile: (−inf, inf) where ρ is not ``identified``.
    ``reason`` then says why in a sentence, and ``rho`` is no more than where a flat likelihood is highest (NaN where
    there is none). ``source_signal`` σ_w is the standard deviation of a source coefficient, ``source_noise`` σ0 and
    ``target_noise`` σ1 those of the noises, ``private_variance`` σ_v² the variance of a target coefficient's own part,
    all at the likelihood's maximum. ``estimand`` says in words what ρ is. Of published coefficients σ_w and σ0 are NaN,
    and ρ is the number these would best be multiplied by.
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
    meeting: Meeting
    point: Point | None

    def population(self) -> Population:
        """The calibrated population, for headwater.theory: its covariances are shrunk (p, p), its coefficients random.

        Raises ValueError where ρ is not identified, or where only coefficients were published.
        """
        from headwater.theory import Population

        source, target = self.meeting.source.spectrum, self.meeting.target
        if not self.identified:
            raise ValueError(f"the alignment is not identified: {self.reason}")
        if source is None:
            raise ValueError("only the source's coefficients are known: its table's covariance and noise are not")
        there, here = shrunk(self.meeting)
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
    """Estimate how much of a source the target's rows share, with an interval: w1 = ρ w0 + v.

    The empirical-Bayes model that L2-SP's penalties stand for: w0 ~ N(0, σ_w² I), v ~ N(0, σ_v² I), y0 = X0 w0 + e0,
    y1 = X1 w1 + e1, intercepts aside. ρ̂ maximises the restricted likelihood of both outcomes over (ρ, σ_w², σ0², σ_v²,
    σ1²) (bivariate REML of quantitative genetics), so that its interval carries what is not known of the source.

    Parameters
    ----------
    source : fitted model, array or Pipeline
        As TransferRidge takes it; a SourceRidge for all of this.
    X : array (n1, p)
        The target's features; one row is enough to ask.
    y : array (n1,) or (n1, q)
        Its outcomes. Several share the parameters and count as independent, as rows do.
    sample_weight : array (n1,), optional
        Frequencies.

    Returns
    -------
    Calibration
        ρ̂, its interval, and the variances; ``reason`` where ρ cannot be told.

    Raises
    ------
    ValueError
        As TransferRidge does.

    Notes
    -----
    Costs some thirty Cholesky factors and inverses of min(n1, p)².

    Examples
    --------
    >>> import numpy as np
    >>> from headwater import SourceRidge
    >>> rng = np.random.default_rng(0)
    >>> w = rng.normal(size=20)
    >>> X0, X1 = rng.normal(size=(300, 20)), rng.normal(size=(60, 20))
    >>> source = SourceRidge().fit(X0, X0 @ w + rng.normal(size=300))
    >>> found = calibrate(source, X1, 0.5 * X1 @ w + rng.normal(size=60))
    >>> low, high = found.rho_interval
    >>> found.identified, bool(low < 0.5 < high < 1)
    (True, True)
    """
    return calibrate_meeting(L2SPRidge(source).meet(X, y, sample_weight, leave_one_out=False))


def calibrate_meeting(meeting: Meeting) -> Calibration:
    """The calibration of a source met with a target's decomposition."""
    source = meeting.source.spectrum
    reason = _nothing_to_go_by(meeting)
    best, rho, interval = None, np.nan, (-np.inf, np.inf)
    if not reason:
        best, rho, interval = profile(meeting)
        if not np.isfinite(interval).all():
            reason = (
                "the source's own signal cannot be told from none, so neither can a target's share in it"
                if source is not None
                else "the target rows do not bound it"
            )
    parameters = np.full(5, np.nan) if best is None else best.parameters
    known = parameters if source is not None else np.where(np.isin(range(5), (SIGNAL, NOISE)), np.nan, parameters)
    return Calibration(
        rho=rho,
        rho_interval=interval,
        identified=not reason,
        source_signal=float(np.sqrt(known[SIGNAL])),
        source_noise=float(np.sqrt(known[NOISE])),
        target_noise=float(np.sqrt(known[TARGET_NOISE])),
        private_variance=float(known[PRIVATE]),
        estimand=_estimand(meeting, parameters),
        reason=reason,
        meeting=meeting,
        point=best,
    )


def _estimand(meeting: Meeting, parameters: Array) -> str:
    """What ρ is, in words."""
    if meeting.source.spectrum is None:
        return "the number that the published coefficients would best be multiplied by to be the target's"
    words = "rho of the model w1 = rho w0 + v, w0 and v random and unrelated, not the realised <w0, w1>/|w0|^2"
    if not parameters[SIGNAL] > 0:
        return words
    apart = np.sqrt(parameters[PRIVATE] / parameters[SIGNAL] / meeting.target.n_features)
    return f"{words}, from which it differs by a standard deviation of {apart:.2g}"


def _nothing_to_go_by(meeting: Meeting) -> str:
    """Why there is no likelihood to speak of; empty where there is."""
    source, target = meeting.source, meeting.target
    if target.contrasts * target.n_outputs <= 1:
        return f"too few target rows ({target.n:g}) to tell a slope from noise"
    if not target.rank:
        return "the target's features do not vary"
    if not target.u.any() and not target.remainder.any():
        return "the target's outcome does not vary"
    if not (source.coef if source.spectrum is None else source.spectrum.u).any():
        return "the source's outcome does not vary with its features"
    return ""
