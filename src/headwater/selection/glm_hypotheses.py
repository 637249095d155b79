"""The Gaussian choice's hypotheses for any family, each a prior of the target's coefficients.

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

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from headwater.families.design import Design
from headwater.families.outcomes import Outcomes
from headwater.families.path import Path
from headwater.families.posterior import Posterior
from headwater.selection.glm_source import GLMSource
from headwater.selection.hypotheses import RELATED, SAME, log_logistic
from headwater.spectrum.rows import Array

LEVEL_SPREAD = 2.5  # of a level of the target's own, on the link's scale
_SCALE = (0.5, 0.5)  # α's prior mean and spread
_LOGS = np.linspace(9.0, -9.0, 19)  # of log(τ1/c̄), about its prior median


@dataclass(frozen=True, eq=False)
class Prior:
    """One hypothesis: θ ~ N(0, 1/π) of the columns D, and what coefficients come of θ.

    ``precisions`` (k, c) and ``log_masses`` (k,) at the nodes of τ1, ``target_tau`` (k,): one where it is a point. The
    columns are, in this order, ones where the level is ``free`` about ``level``, X̃m where α is (``scaled``), and the
    rows in the r axes of a basis B in which B'(cC + sI)B is diag(1/π): what rows say of Bθ they say of all of w, by
    w = α m + (c CB + s B) πθ. ``carried`` is c CB (p, r), ``basis`` B, ``own`` s (k,).
    """

    kind: str
    outcomes: Outcomes
    columns: Array
    precisions: Array
    log_masses: Array
    target_tau: Array
    source: Array
    carried: Array | float
    basis: Array
    own: Array
    level: float
    mean: Array
    free: bool
    scaled: bool

    def coefficients(self, thetas: Array, weights: Array) -> tuple[Array, float]:
        """Coefficients (p,) and the level at x = 0, summed over the nodes, θ (k, c) and weights (k,)."""
        axes = int(self.free) + int(self.scaled)
        drawn = weights[:, None] * self.precisions[:, axes:] * thetas[:, axes:]
        coef = self.basis @ (self.own @ drawn)
        if isinstance(self.carried, np.ndarray):
            coef = coef + self.carried @ drawn.sum(axis=0)
        coef = coef + (weights @ self.scales(thetas)) * self.source
        level = weights.sum() * self.level + (weights @ thetas[:, 0] if self.free else 0.0)
        return coef, float(level - coef @ self.mean)

    def scales(self, thetas: Array) -> Array:
        """α (k,)."""
        return _SCALE[0] + thetas[:, int(self.free)] if self.scaled else np.ones(len(thetas))


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

    @cached_property
    def unit(self) -> float:
        """c̄ at the base rate, half an outcome added; 1 of rows that do not differ."""
        base = self.outcomes.offset + self.outcomes.base
        return self.design.unit(self.outcomes.curvature(base)) / self.outcomes.n * self.outcomes.dispersion or 1.0

    def isotropic(self, kind: str, source: Array | None, closeness: float, level: float | None = None) -> Prior:
        """w ~ N(α source, φ/(n1τ1) I); ``level``: at the target's means, where it is not the target's own."""
        r = self.design.z.shape[1]
        basis = np.eye(r) if self.design.vectors is None else self.design.vectors
        return self._prior(kind, source, 0.0, np.zeros(r), basis, self.design.z, closeness, level)

    def informed(self, kind: str, source: GLMSource, spread: float, closeness: float) -> Prior:
        """w ~ N(α m, c C + φ/(n1τ1) I); τ1 = ∞ where ``closeness`` is."""
        assert source.posterior is not None
        basis, carried, squares = _axes(source.posterior, self.design.vectors)
        columns = self.design.centred @ basis
        return self._prior(kind, source.coef, spread * carried, spread * squares, basis, columns, closeness, None)

    def same(self, source: GLMSource) -> Prior:
        """w ~ N(m, C) and the level N(b0, Var b0), about the source's means."""
        posterior, outcomes = source.posterior, self.outcomes
        assert posterior is not None and posterior.level is not None
        rows = Design.of(self.design.centred + (self.design.mean - posterior.mean), outcomes.weight, level=False)
        basis, carried, squares = _axes(posterior, rows.vectors)
        return Prior(
            SAME,
            outcomes.shift(posterior.level + rows.centred @ posterior.coef),
            np.column_stack([np.ones(len(rows.z)), rows.centred @ basis]),
            1 / np.r_[posterior.level_variance, squares][None],
            np.zeros(1),
            np.array([np.inf]),
            posterior.coef,
            carried,
            basis,
            np.zeros(1),
            posterior.level,
            posterior.mean,
            True,
            False,
        )

    def _prior(
        self,
        kind: str,
        source: Array | None,
        carried: Array | float,
        squares: Array,
        basis: Array,
        columns: Array,
        closeness: float,
        level: float | None,
    ) -> Prior:
        """One about the target's means, with c C of variances ``squares`` along the basis."""
        design, outcomes = self.design, self.outcomes
        tau, masses = self._nodes(closeness)
        own = outcomes.dispersion / (outcomes.n * tau)
        m = np.zeros(len(design.mean)) if source is None else source
        moved, scaled, free = design.centred @ m, kind == RELATED, design.level and level is None
        # Before the axes come the level and the scale, each where it is free.
        lead = [(np.ones(len(columns)), LEVEL_SPREAD**2)] * free + [(moved, _SCALE[1] ** 2)] * scaled
        variances = np.column_stack([np.tile([wide for _, wide in lead], (len(tau), 1)), squares + own[:, None]])
        base = (outcomes.base if design.level else 0.0) if level is None else level
        return Prior(
            kind,
            outcomes.shift(base + (_SCALE[0] if scaled else 1.0) * moved),
            np.column_stack([*(column for column, _ in lead), columns]),
            1 / variances,
            masses,
            tau,
            m,
            carried,
            basis,
            own,
            base,
            design.mean,
            free,
            scaled,
        )

    def _nodes(self, closeness: float) -> tuple[Array, Array]:
        """Nodes of τ1 (k,), the greatest first, and their log masses."""
        if np.isinf(closeness):
            return np.array([np.inf]), np.zeros(1)
        if self.tau is not None:
            return np.array([self.tau]), np.zeros(1)
        tau = self.unit * closeness * np.exp(_LOGS)
        return tau, log_logistic(_LOGS) + np.log(_LOGS[0] - _LOGS[1])


def _axes(posterior: Posterior, vectors: Array | None) -> tuple[Array, Array, Array]:
    """The basis B (p, r) of the rows' axes in which B'CB is diagonal, CB, and that diagonal (r,)."""
    carried = posterior.carry(vectors)
    inside = carried if vectors is None else vectors.T @ carried
    squares, turn = np.linalg.eigh((inside + inside.T) / 2)
    return (
        turn if vectors is None else vectors @ turn,
        carried @ turn,
        squares.clip(min=1e-12 * squares.max(initial=0.0)),
    )
