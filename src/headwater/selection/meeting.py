"""Meeting: the axes of sources met with a target's, once, so that any transfer from them costs a small product."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.selection.source import Source
from headwater.spectrum.criteria import kept_shares, score_named
from headwater.spectrum.rows import Array
from headwater.spectrum.spectrum import Spectrum


@dataclass(frozen=True, eq=False)
class Meeting:
    """A target's spectrum met by a source, or by several: S1 V1'V0, made once, turns any start into a shifted response.

    A start is α ŵ0(τ0), or with s sources the sum Σ_j α_j ŵ0_j(τ0_j). ``source_tau`` and ``scale`` of k starts are
    (k,) for one source and (k, s) for several; a source at an infinite penalty or at scale 0 has no part in a start.
    """

    target: Spectrum
    sources: tuple[Source, ...]
    dtype: Any = np.float64

    @property
    def source(self) -> Source:
        """The first source, or the only one."""
        return self.sources[0]

    @cached_property
    def matrices(self) -> tuple[Array, ...]:
        return tuple(source.onto(self.target) for source in self.sources)

    @property
    def matrix(self) -> Array:
        """That of the first source, or the only one."""
        return self.matrices[0]

    def output(self, index: int) -> Meeting:
        """The same meeting with one output only."""
        sources = tuple(source.output(index) for source in self.sources)
        return replace(self, target=self.target.output(index), sources=sources)

    def alone(self, index: int) -> Meeting:
        """The same target met with one of the sources only."""
        return replace(self, sources=self.sources[index : index + 1])

    def shifted(self, source_tau: Array, scale: Array) -> Array:
        """U1'(y1 − α X1 ŵ0(τ0)) for k starts: (r1, q, k)."""
        shifted = np.repeat(self.target.u[:, :, None], len(scale), axis=2)
        for index, some, starts in self._parts(source_tau, scale):
            moved = self.matrices[index] @ starts.reshape(len(starts), prod(starts.shape[1:]))
            shifted[:, :, some] -= moved.reshape(self.target.rank, *starts.shape[1:])
        return shifted

    def bracket(self, source_tau: Array, scale: Array, target_tau: Array) -> Array:
        """(y − g)'S⁻¹(y − g) summed over outputs, of k starts g at m penalties (k, m), with S = I + X1X1'/(n1 τ1)."""
        kept, _ = kept_shares(self.target, target_tau)
        energy = np.einsum("rqk,rqk->kr", *[self.shifted(source_tau, scale)] * 2)
        return np.asarray(energy @ kept + self.target.remainder.sum())

    def score(self, source_tau: Array, scale: Array, target_tau: Array, criterion: str) -> Array:
        """The criterion's log score, larger is better, of k starts at m target penalties: (k, m)."""
        return score_named(criterion)(self.target, self.shifted(source_tau, scale), target_tau)

    def coefficients(self, source_tau: Array, scale: Array, target_tau: Array, weight: Array) -> Array:
        """The average of the L2-SP fits with these weights (k, m); (q, p). A lone weight of 1 gives one fit."""
        target, held = self.target, weight.sum(axis=1)
        filters = 1 / (target.eigenvalues + target_tau[:, None]) * np.sqrt(target.eigenvalues / target.n)
        coef = target.expand(np.einsum("kr,rqk->rq", weight @ filters, self.shifted(source_tau, scale)))
        for index, some, starts in self._parts(source_tau, scale):
            coef += self.sources[index].expand(starts @ held[some])
        return np.asarray(coef.T)

    def each_coefficients(self, source_tau: Array, scale: Array, target_tau: Array) -> Array:
        """The L2-SP fits of k starts, each at its own target penalty (k,); (k, q, p)."""
        target = self.target
        filters = np.sqrt(target.eigenvalues / target.n)[:, None] / (target.eigenvalues[:, None] + target_tau)
        coef = _expanded(target, filters[:, None] * self.shifted(source_tau, scale))
        for index, some, starts in self._parts(source_tau, scale):
            coef[:, :, some] += _expanded(self.sources[index], starts)
        return np.moveaxis(coef, (0, 1, 2), (2, 1, 0))

    def _parts(self, source_tau: Array, scale: Array) -> Iterator[tuple[int, NDArray[np.intp] | slice, Array]]:
        """Each source's part in the starts: its index, the starts it has a part in, and its own axes' starts there."""
        taus, scales = (np.reshape(values, (len(values), -1)) for values in (source_tau, scale))
        for index, source in enumerate(self.sources):
            tau, alpha = taus[:, index], scales[:, index]
            held = (alpha != 0) & ~np.isinf(tau)
            if held.any():
                some = slice(None) if held.all() else np.flatnonzero(held)
                yield index, some, source.starts(tau[some], alpha[some])


def _expanded(side: Spectrum | Source, axes: Array) -> Array:
    return side.expand(axes.reshape(len(axes), -1)).reshape(-1, *axes.shape[1:])
