"""Hypotheses of the Gaussian choice, for any family: each a prior of the target's coefficients, as columns and precisions.

η = o + X̃w + b, w ~ N(α m, c C + φ/(n1 τ1) I), m = ŵ0(τ_S*) and C the source's posterior covariance by Laplace:

====================  =========  =====  ==================  ===============================================
hypothesis            α          c      log(τ1/c̄)           level b
====================  =========  =====  ==================  ===============================================
scratch               0          0      logistic about 0    its own
same task             1          1      ∞                   the source's, as far as it knows it
same task, own level  1          1      ∞                   its own
related               N(½, ½²)   ¼      about log 3         its own
====================  =========  =====  ==================  ===============================================

at equal odds. c̄ is the mean nonzero eigenvalue of X̃'WX̃/n1 at the base rate. A level of the target's own is N(base
rate, 2.5²) on the link's scale, which keeps separable tables finite. α is one more coefficient, with the column X̃m.
Where C is not known (published coefficients) it is 0 and the same task has τ1 about 100 c̄.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from headwater.families.design import Design
from headwater.families.outcomes import Outcomes
from headwater.families.path import Path
from headwater.selection.glm_source import GLMSource
from headwater.selection.hypotheses import log_logistic
from headwater.spectrum.rows import Array

SCRATCH, AS_IS, SAME, OWN_LEVEL, RELATED = "scratch", "as is", "same task", "same task, own level", "related"
LEVEL_SPREAD = 2.5  # of a level of the target's own, on the link's scale
_SCALE = (0.5, 0.5)  # α's prior mean and spread
_LOGS = np.linspace(-9.0, 9.0, 19)  # of log(τ1/c̄), about its prior median


@dataclass(frozen=True, eq=False)
class Prior:
    """One hypothesis: θ_j ~ N(0, 1/π_j) of columns D, and what coefficients come of θ.

    ``precisions`` (k, c) and ``log_masses`` (k,) at the nodes of τ1, ``target_tau`` (k,): one where it is a point.
    w = ``start`` + ``lift`` θ, the level at x = 0 is b = ``level`` + θ[0] − w'x̄, θ[0] only where ``free``.
    """

    kind: str
    outcomes: Outcomes
    columns: Array
    precisions: Array
    log_masses: Array
    target_tau: Array
    start: Array
    lift: Array
    level: float
    mean: Array
    free: bool

    def coefficients(self, theta: Array) -> tuple[Array, float]:
        """Coefficients (p,) and the level at x = 0."""
        coef = self.start + self.lift @ theta
        return coef, self.level + (float(theta[0]) if self.free else 0.0) - float(coef @ self.mean)

    def scale(self, theta: Array) -> float:
        """α."""
        if self.kind != RELATED:
            return float(self.kind != SCRATCH)
        return _SCALE[0] + float(theta[int(self.free)])


@dataclass(frozen=True, eq=False)
class Target:
    """A target's rows and outcomes; ``tau`` fixes τ1."""

    path: Path
    tau: float | None = None

    @property
    def outcomes(self) -> Outcomes:
        return self.path.outcomes

    @property
    def design(self) -> Design:
        return self.path.design

    @property
    def unit(self) -> float:
        """c̄ at the base rate, half an outcome added."""
        base = self.outcomes.offset + self.outcomes.base
        return self.design.unit(self.outcomes.curvature(base)) / self.outcomes.n * self.outcomes.dispersion or 1.0

    def private(self, closeness: float) -> tuple[Array, Array, Array]:
        """Nodes of τ1 (k,), their log masses, and φ/(n1 τ1)."""
        if self.tau is None:
            tau = self.unit * closeness * np.exp(_LOGS[::-1])
            masses = log_logistic(_LOGS[::-1]) + np.log(_LOGS[1] - _LOGS[0])
        else:
            tau, masses = np.array([self.tau]), np.zeros(1)
        with np.errstate(divide="ignore"):
            return tau, masses, self.outcomes.dispersion / (self.outcomes.n * tau)

    def isotropic(self, kind: str, start: Array | None, closeness: float, level: float | None = None) -> Prior:
        """w ~ N(start, φ/(n1τ1) I), of a free scale where related; ``level``: at its means, where it is not free."""
        free = self.design.level and level is None
        tau, masses, variance = self.private(closeness)
        scale = [] if kind != RELATED else [self.design.centred @ start]
        return self._prior(kind, start, scale, np.eye(0), self.design.z, variance[:, None], tau, masses, free, level)

    def informed(self, kind: str, source: GLMSource, spread: float, private: bool) -> Prior:
        """w ~ N(α m, c C + φ/(n1τ1) I), τ1 = ∞ unless ``private``."""
        assert source.posterior is not None
        squares, turn = np.linalg.eigh(source.posterior.covariance(self.design.vectors))
        tau, masses, variance = self.private(3.0) if private else (np.array([np.inf]), np.zeros(1), np.zeros(1))
        spreads = spread * squares.clip(min=1e-12 * squares.max()) + variance[:, None]
        scale = [] if kind != RELATED else [self.design.centred @ source.coef]
        return self._prior(
            kind, source.coef, scale, turn, self.design.z @ turn, spreads, tau, masses, self.design.level, None
        )

    def same(self, source: GLMSource) -> Prior:
        """w ~ N(m, C) and the level N(b0, Var b0), about the source's means."""
        posterior, outcomes = source.posterior, self.outcomes
        assert posterior is not None and posterior.level is not None
        rows = Design.of(self.design.centred + (self.design.mean - posterior.mean), outcomes.weight, level=False)
        squares, turn = np.linalg.eigh(posterior.covariance(rows.vectors))
        columns = np.column_stack([np.ones(len(rows.z)), rows.z @ turn])
        precision = 1 / np.r_[posterior.level_variance, squares.clip(min=1e-12 * squares.max())]
        lift = np.column_stack([np.zeros(len(posterior.coef)), rows.expand(turn)])
        shifted = outcomes.shift(posterior.level + rows.centred @ posterior.coef)
        point = np.zeros(1), np.array([np.inf])
        return Prior(
            SAME, shifted, columns, precision[None], *point, posterior.coef, lift, posterior.level, posterior.mean, True
        )

    def _prior(
        self,
        kind: str,
        start: Array | None,
        scale: list[Array],
        turn: Array,
        columns: Array,
        variance: Array,
        tau: Array,
        masses: Array,
        free: bool,
        level: float | None,
    ) -> Prior:
        design, outcomes, p = self.design, self.outcomes, self.design.centred.shape[1]
        m = np.zeros(p) if start is None else start
        alpha = _SCALE[0] if scale else 1.0
        base = (outcomes.base if design.level else 0.0) if level is None else level
        lead = [np.ones(len(design.centred))] * free + scale
        spreads = [LEVEL_SPREAD**2] * free + [_SCALE[1] ** 2] * len(scale)
        every = np.column_stack([np.tile(spreads, (len(tau), 1)), np.broadcast_to(variance, (len(tau), columns.shape[1]))])
        lift = [np.zeros(p)] * free + [m] * len(scale) + [design.expand(turn) if turn.size else design.expand(np.eye(columns.shape[1]))]
        with np.errstate(divide="ignore"):
            precisions = 1 / every
        return Prior(
            kind,
            outcomes.shift(base + alpha * (design.centred @ m)),
            np.column_stack([*lead, columns]),
            precisions,
            masses,
            tau,
            alpha * m,
            np.column_stack(lift),
            base,
            design.mean,
            free,
        )
