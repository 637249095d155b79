"""Crossing: a source's axes met with a target's, once, so that any transfer from it costs a small product."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np

from headwater.criteria import score_named
from headwater.moments import Array
from headwater.source import Source
from headwater.spectrum import Spectrum


@dataclass(frozen=True, eq=False)
class Crossing:
    """A target's spectrum met by a source: S1 V1'V0, made once, turns any start into a shifted response."""

    target: Spectrum
    source: Source

    @cached_property
    def matrix(self) -> Array:
        return self.source.crossing(self.target)

    def output(self, index: int) -> Crossing:
        """The same crossing with one output only."""
        return Crossing(self.target.output(index), self.source.output(index))

    def shifted(self, source_tau: Array, scale: Array) -> Array:
        """U1'(y1 − α X1 ŵ0(τ0)) for k starts: (r1, q, k)."""
        starts = self.source.starts(source_tau, scale)
        moved = self.matrix @ starts.reshape(len(starts), prod(starts.shape[1:]))
        return np.asarray(self.target.u[:, :, None] - moved.reshape(self.target.rank, *starts.shape[1:]))

    def score(self, source_tau: Array, scale: Array, target_tau: Array, criterion: str) -> Array:
        """The criterion's log score, larger is better, of k starts at m target penalties: (k, m)."""
        return score_named(criterion)(self.target, self.shifted(source_tau, scale), target_tau)

    def coefficients(self, source_tau: Array, scale: Array, target_tau: Array, weight: Array) -> Array:
        """The average of the L2-SP fits with these weights (k, m); (q, p). A lone weight of 1 gives one fit."""
        target = self.target
        start = self.source.expand(self.source.starts(source_tau, scale) @ weight.sum(axis=1))
        filters = 1 / (target.eigenvalues + target_tau[:, None]) * np.sqrt(target.eigenvalues / target.n)
        learned = np.einsum("kr,rqk->rq", weight @ filters, self.shifted(source_tau, scale))
        return np.asarray((start + target.expand(learned)).T)

    def each_coefficients(self, source_tau: Array, scale: Array, target_tau: Array) -> Array:
        """The L2-SP fits of k starts, each at its own target penalty (k,); (k, q, p)."""
        target, starts = self.target, self.source.starts(source_tau, scale)
        filters = np.sqrt(target.eigenvalues / target.n)[:, None] / (target.eigenvalues[:, None] + target_tau)
        learned = filters[:, None] * self.shifted(source_tau, scale)
        both = [
            side.expand(axes.reshape(len(axes), -1)).reshape(-1, *axes.shape[1:])
            for side, axes in ((self.source, starts), (target, learned))
        ]
        return np.moveaxis(both[0] + both[1], (0, 1, 2), (2, 1, 0))
