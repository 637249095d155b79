"""Path: a table's penalised fits at every penalty, and the penalty best for the table itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from scipy.linalg import cho_solve
from scipy.optimize import brentq

from headwater.families.design import Design
from headwater.families.laplace import log_evidence, log_evidence_slope, pearson
from headwater.families.mode import TOLERANCE, Mode, find_mode
from headwater.families.outcomes import Outcomes
from headwater.spectrum.rows import Array

_NODES = np.linspace(-16.0, 16.0, 17)  # of log(τ/c)
_TIE = 1e-8  # in log likelihood: two penalties as likely as that are equally likely


@dataclass(frozen=True, eq=False)
class Path:
    """ŵ(τ) = argmin (1/n) Σ d(y_i, o_i + b + x_i'w) + τ‖w‖², b free, at any τ, each fit started from the last."""

    outcomes: Outcomes
    design: Design
    _last: list[Mode] = field(default_factory=list)

    @cached_property
    def columns(self) -> Array:
        return self.design.columns

    @cached_property
    def base(self) -> Mode:
        """The fit of the level alone, which all at τ = ∞ is."""
        columns = self.columns[:, : self.design.level]
        start = np.full(columns.shape[1], self.outcomes.base)
        return find_mode(self.outcomes, columns, np.zeros(columns.shape[1]), start)

    @cached_property
    def unit(self) -> float:
        """c, the mean nonzero eigenvalue of X'WX/n at the base rate: at τ = c half of a direction is shrunk away."""
        return self.design.unit(self.base.curvature) / self.outcomes.n * self.outcomes.dispersion

    @cached_property
    def dispersed(self) -> Path:
        """The same path at the dispersion that its rows show, at least the family's: where that is to be estimated.

        By Pearson's statistic at the best penalty, which depends on it in turn: twice.
        """
        if not self.outcomes.family.overdispersed or not self.outcomes.y.any():
            return self
        found = self
        for _ in range(2):
            tau = found.optimal_tau
            mode = found.base if np.isinf(tau) else found.mode(tau)
            found = self._at(max(1.0, pearson(mode)))
        return found

    def as_dispersed_as(self, other: Path) -> Path:
        """The same path at another's dispersion: few rows show little of theirs."""
        return self._at(other.outcomes.dispersion)

    def _at(self, dispersion: float) -> Path:
        return replace(self, outcomes=replace(self.outcomes, dispersion=dispersion), _last=[])

    def mode(self, tau: float, tolerance: float = TOLERANCE) -> Mode:
        """The fit at a finite τ."""
        precision = np.zeros(self.columns.shape[1])
        precision[self.design.level :] = self.outcomes.n * tau / self.outcomes.dispersion
        start: Array = np.zeros_like(precision)
        near: Array | None = None
        if self._last:
            last = self._last[0]
            start, near = last.theta, last.near
            moved = np.log(precision[-1] / last.precision[-1]) if tau > 0 and last.precision[-1] > 0 else np.inf
            if abs(moved) < 1:  # a step along the path: dθ/dlog τ = −H⁻¹πθ
                factor = cho_solve(last.cheap_factor, last.precision * last.theta, check_finite=False)
                start = start - moved * factor
        else:
            start[: self.design.level] = self.base.theta
        found = find_mode(self.outcomes, self.columns, precision, start, near, tolerance)
        self._last[:] = [found]
        return found

    def coefficients(self, tau: float) -> tuple[Array, float]:
        """ŵ(τ) (p,) and the level at x̄; τ = ∞ is the level alone."""
        if np.isinf(tau):
            return np.zeros(len(self.design.mean)), float(self.base.theta.sum())
        return self.split(self.mode(tau).theta)

    def split(self, theta: Array) -> tuple[Array, float]:
        """Coefficients (p,) and the level at x̄ from those of the columns."""
        level = self.design.level
        return self.design.expand(theta[level:]), float(theta[:level].sum())

    def trace(self, taus: Iterable[float], tolerance: float = TOLERANCE) -> Iterator[tuple[float, Mode]]:
        """The fits at several finite penalties, the greatest first."""
        for tau in sorted(taus, reverse=True):
            yield tau, self.mode(tau, tolerance)

    @cached_property
    def optimal_tau(self) -> float:
        """The most probable penalty: where evidence · s(1 − s) is greatest over log τ, s = c/(c + τ) uniform a priori.

        ∞ where no penalty is better than ∞: the table says nothing.
        """
        if self.unit == 0:
            return np.inf
        nodes = _NODES[::-1]
        evidence = np.array([log_evidence(mode) for _, mode in self.trace(self.unit * np.exp(nodes))])
        if evidence.max() <= log_evidence(self.base) + _TIE:
            return np.inf
        best = int(np.argmax(evidence - 2 * np.log(2 * np.cosh(nodes / 2))))
        high, low = nodes[max(best - 1, 0)], nodes[min(best + 1, len(nodes) - 1)]
        if self.slope(low) <= 0 or self.slope(high) >= 0:
            return float(self.unit * np.exp(nodes[best]))
        return float(self.unit * np.exp(brentq(self.slope, low, high, xtol=1e-12)))

    def slope(self, log: float) -> float:
        """The derivative in log τ of evidence · s(1 − s) at τ = c exp(log)."""
        mode = self.mode(self.unit * np.exp(log))
        scaled = np.arange(len(mode.theta)) >= self.design.level
        return log_evidence_slope(mode, scaled) - float(np.tanh(log / 2))
