"""Posterior: what a table says of its coefficients, to second order at the mode, and what it leaves open."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from headwater.families.mode import weighted_gram
from headwater.families.path import Path
from headwater.spectrum.rows import Array


@dataclass(frozen=True, eq=False)
class Posterior:
    """w ~ N(m, C) about x̄ (p,), and the level at x̄ ~ N(b, ``level_variance``), independently of w.

    x̄ are the means by the curvatures W, which is what makes the two independent. C = V diag(1/(h + π)) V' +
    (I − VV')/π with X̃'WX̃ = V diag(h) V', V (p, r), r ≤ min(n, p), π = nτ/φ. ``level`` is None without a level.
    """

    coef: Array
    mean: Array
    level: float | None
    level_variance: float
    vectors: Array
    eigenvalues: Array
    precision: float

    @classmethod
    def of(cls, path: Path, tau: float) -> Posterior:
        """By Laplace at a finite τ > 0."""
        mode, design = path.mode(tau), path.design
        coef, level = path.split(mode.theta)
        inside = mode.curvature @ design.z / mode.curvature.sum() if design.level else np.zeros(design.z.shape[1])
        eigenvalues, vectors = np.linalg.eigh(weighted_gram(design.z - inside, mode.curvature))
        shift = design.expand(inside)
        return cls(
            coef,
            design.mean + shift,
            level + float(shift @ coef) if design.level else None,
            1 / float(mode.curvature.sum()),
            design.expand(vectors),
            eigenvalues.clip(min=0.0),
            path.outcomes.n * tau / path.outcomes.dispersion,
        )

    @cached_property
    def complete(self) -> bool:
        return self.vectors.shape[1] == self.vectors.shape[0]

    def carry(self, basis: Array | None) -> Array:
        """CB of an orthonormal basis B (p, k), None for I: (p, k). No p×p matrix is formed for a narrower one."""
        met = (self.vectors if basis is None else basis.T @ self.vectors).T
        known = (1 / (self.eigenvalues + self.precision))[:, None]
        if self.complete:
            return np.asarray(self.vectors @ (known * met))
        whole = np.eye(len(self.vectors)) if basis is None else basis
        return np.asarray(whole / self.precision + self.vectors @ ((known - 1 / self.precision) * met))
