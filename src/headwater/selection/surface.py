"""Surface: a criterion over every start and target penalty, the posterior it implies, and one point of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.selection.hypotheses import AS_IS, OWN_PENALTY, UNCHANGED
from headwater.spectrum.rows import Array


@dataclass(frozen=True, eq=False)
class Surface:
    """The criterion over every start and target penalty, and the posterior it implies.

    ``hypothesis`` (k,), ``source_tau`` and ``scale`` (k,), of s several sources (k, s), name the starts; ``target_tau``
    (m,); ``score`` (k, m) is the log evidence, or −(n1/2) log error for leave-one-out and GCV; ``log_prior`` (k, m) is
    each point's prior mass. A start of sources stacked belongs to one target penalty; elsewhere both are −∞.
    """

    criterion: str
    hypothesis: NDArray[np.str_]
    source_tau: Array
    scale: Array
    target_tau: Array
    score: Array
    log_prior: Array

    @cached_property
    def weight(self) -> Array:
        """Each point's share of the posterior, (k, m), which sums to 1."""
        logs: Array = self.score + self.log_prior
        top = logs.max()
        if not np.isfinite(top):  # all are beyond scoring (a lone row left out), or some beyond all bounds (no noise)
            logs = np.where(logs == top, self.log_prior, -np.inf)
        weight = np.exp(logs - logs.max())
        return np.asarray(weight / weight.sum())

    @property
    def points(self) -> tuple[Array, Array, Array]:
        """The starts' penalties and scales, and the target penalties, as ``Meeting`` takes them."""
        return self.source_tau, self.scale, self.target_tau

    @property
    def mass(self) -> dict[str, float]:
        """The posterior share of each hypothesis."""
        return {str(name): float(self.weight[self.hypothesis == name].sum()) for name in dict.fromkeys(self.hypothesis)}

    @property
    def source_weight(self) -> Array:
        """The posterior share of each source by itself, (s,); the rest is scratch's and that of sources stacked."""
        parts = ~np.isinf(self.source_tau.reshape(len(self.hypothesis), -1))
        alone = parts & (parts.sum(axis=1, keepdims=True) == 1)
        return np.asarray(self.weight.sum(axis=1) @ alone)

    @property
    def unscaled_weight(self) -> float:
        """The posterior share of one source at scale 1: as is, unchanged and at its own penalty."""
        return sum(self.mass.get(kind, 0.0) for kind in (AS_IS, UNCHANGED, OWN_PENALTY))

    @property
    def transfer_weight(self) -> float:
        """The posterior share of starts from the source; one at an infinite penalty is scratch by another name."""
        scratch = np.isinf(self.source_tau.reshape(len(self.hypothesis), -1)).all(axis=1)
        return min(float(self.weight[~scratch].sum()), 1.0)  # rounding may carry it past 1

    @property
    def transferred(self) -> bool:
        """Whether the starts from the source hold more than half of the weight."""
        return self.transfer_weight > 0.5

    def only(self, hypothesis: str) -> Surface:
        """The surface of one hypothesis alone; its weight again sums to 1."""
        rows = self.hypothesis == hypothesis
        return replace(
            self,
            hypothesis=self.hypothesis[rows],
            source_tau=self.source_tau[rows],
            scale=self.scale[rows],
            score=self.score[rows],
            log_prior=self.log_prior[rows],
        )


@dataclass(frozen=True)
class Choice:
    """One point: the start α ŵ0(τ0), the target penalty τ1, and the criterion's log score there.

    ``source_tau`` and ``scale`` are floats, of several sources one for each, (s,); a source at ∞ has no part.
    """

    hypothesis: str
    source_tau: Any
    scale: Any
    target_tau: float
    score: float

    @property
    def point(self) -> tuple[Array, Array, Array, Array]:
        """The choice as ``Meeting.coefficients`` takes it: the lone point of a surface, with weight 1."""
        return np.array([self.source_tau]), np.array([self.scale]), np.array([self.target_tau]), np.ones((1, 1))
