"""A source of a generalised linear model as selection meets it: coefficients, a level, and what it leaves open."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from headwater.families.path import Path
from headwater.families.posterior import Posterior
from headwater.spectrum.rows import Array


@dataclass(frozen=True, eq=False)
class GLMSource:
    """``coef`` (p,) and ``intercept``, the level at x = 0, of a source; of one fitted here also its ``path``.

    ``tau`` is τ_S*, ∞ where the source's table says nothing. Published coefficients have no path, and may lack a level.
    """

    coef: Array
    intercept: float | None
    path: Path | None = None
    tau: float = np.nan

    @cached_property
    def silent(self) -> bool:
        return np.isinf(self.tau)

    @cached_property
    def posterior(self) -> Posterior | None:
        """What the source knows at τ_S*, where it says."""
        if self.path is None or not 0 < self.tau < np.inf:
            return None
        return Posterior.of(self.path, self.tau)

    def at(self, tau: float) -> GLMSource:
        """The source at another of its own penalties."""
        if self.path is None:
            raise ValueError("only the source's coefficients are known: source_tau must be 'auto' or inf")
        coef, level = self.path.coefficients(tau)
        return GLMSource(coef, level - float(self.path.design.mean @ coef), self.path, tau)
