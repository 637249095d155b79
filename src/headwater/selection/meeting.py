"""Meeting: the axes of sources met with a target's, once, so that any transfer from them costs a small product."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from headwater.selection.hypotheses import Hypothesis, shares_of
from headwater.selection.source import Source
from headwater.selection.uncertainty import StandardErrors, Uncertainty, Whitening, related, same_task
from headwater.spectrum.criteria import kept_shares, score_named
from headwater.spectrum.rows import Array
from headwater.spectrum.spectrum import Spectrum


@dataclass(frozen=True, eq=False)
class Meeting:
    """A target's spectrum met by a source, or by several: S1 V1'V0, made once, turns any start into a shifted response.

    A start is α ŵ0(τ0), or with s sources the sum Σ_j α_j ŵ0_j(τ0_j). ``source_tau`` and ``scale`` of k starts are
    (k,) for one source and (k, s) for several; a source at an infinite penalty or at scale 0 has no part in a start.
    Targets of one size may be stacked (``spectrum.decomposed``): every array then has their axis in front.
    With ``whitening`` the target is seen in the axes of what the source leaves uncertain (``seen_by``).
    """

    target: Spectrum
    sources: tuple[Source, ...]
    dtype: Any = np.float64
    whitening: Whitening | None = None

    @property
    def source(self) -> Source:
        """The first source, or the only one."""
        return self.sources[0]

    def take(self, some: Any) -> Meeting:
        """The same of some of the targets that are stacked."""
        whitening = None if self.whitening is None else self.whitening.take(some)
        found = replace(self, target=self.target.take(some), whitening=whitening)
        if whitening is None and self.sources:
            found.__dict__["matrices"] = tuple(matrix[some] for matrix in self.matrices)  # made once
        return found

    @cached_property
    def matrices(self) -> tuple[Array, ...]:
        if self.whitening is not None:
            return self.whitening.matrices
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
        return self if len(self.sources) == 1 else replace(self, sources=self.sources[index : index + 1])

    def seen_by(self, hypothesis: Hypothesis) -> Meeting:
        """The target met with the source a hypothesis speaks of, in the axes of what it takes to be uncertain of that.

        They are shared by all α and τ1, or by all κ: each costs what it does where nothing is uncertain.
        """
        index, level, target = hypothesis.place[0], hypothesis.level, self.target
        taus = hypothesis.stacked or (hypothesis.source_tau,)
        one = self if hypothesis.stacked else self.alone(index)
        if hypothesis.private and not hypothesis.spread:
            return one
        if not hypothesis.private:
            white = self._same_task(index, taus[0], level)
        else:
            shares = hypothesis.spread * shares_of(one.sources, np.array(taus))
            known = [i for i, tau in enumerate(taus) if shares[i] and one.sources[i].knows_uncertainty(tau)]
            if not known:
                return one
            uncertain = tuple(self._uncertainty(i if hypothesis.stacked else index, taus[i]) for i in known)
            matrices = self.matrices if hypothesis.stacked else self.matrices[index : index + 1]
            white = related(target, matrices, uncertain, tuple(float(shares[i]) for i in known))
        u, left = target.u, target.basis.left
        if level:
            source = white.uncertain[0].spectrum
            moved = np.sqrt(target.n) * (target.y_mean - source.y_mean)
            u = np.concatenate([u, moved[..., None, :]], axis=-2)
            if left is not None:
                assert target.basis.row_weight is not None
                left = np.column_stack([left, np.sqrt(target.basis.row_weight / target.n)])
        basis = replace(
            target.basis,
            eigenvalues=white.eigenvalues,
            vectors=None,
            fit_intercept=target.basis.fit_intercept and not level,
            left=None if left is None else left @ white.turn.T,
            span=left,
        )
        return replace(one, target=replace(target, basis=basis, u=white.turn @ u), whitening=white)

    def _uncertainty(self, index: int, source_tau: float) -> Uncertainty:
        source = self.sources[index]
        key = index, None if source.spectrum is None else source_tau
        if key not in self._known:
            kind = StandardErrors if source.spectrum is None else Uncertainty
            self._known[key] = kind(source, self.target, source_tau, self.matrices[index])
        return self._known[key]

    def _same_task(self, index: int, source_tau: float, level: bool) -> Whitening:
        if (index, source_tau, level) not in self._whitened:
            self._whitened[index, source_tau, level] = same_task(self._uncertainty(index, source_tau), level)
        return self._whitened[index, source_tau, level]

    @cached_property
    def _whitened(self) -> dict[tuple[int, float, bool], Whitening]:
        return {}

    @cached_property
    def _known(self) -> dict[tuple[int, float | None], Uncertainty]:
        return {}

    def shifted(self, source_tau: Array, scale: Array) -> Array:
        """U1'(y1 − α X1 ŵ0(τ0)) for k starts: (r1, q, k)."""
        shifted = self.target.u[..., None]
        for index, tau, alpha in self._parts(source_tau, scale):
            shifted = shifted - self._moved(index, tau) * alpha[..., None, None, :]
        return np.broadcast_to(shifted, (*shifted.shape[:-1], self._count(scale)))

    def bracket(self, source_tau: Array, scale: Array, target_tau: Array) -> Array:
        """(y − g)'S⁻¹(y − g) summed over outputs, of k starts g at m penalties (k, m), S as ``fitted`` has it."""
        kept, _ = kept_shares(self.target, target_tau)
        energy = np.einsum("...rqk,...rqk->...kr", *[self.shifted(source_tau, scale)] * 2)
        return np.asarray(energy @ kept + self.target.remainder.sum(axis=-1)[..., None, None])

    def score(self, source_tau: Array, scale: Array, target_tau: Array, criterion: str) -> Array:
        """The criterion's log score, larger is better, of k starts at m target penalties: (k, m)."""
        value = score_named(criterion)(self.target, self.shifted(source_tau, scale), target_tau)
        if self.whitening is not None:
            value = value - 0.5 * self.target.n_outputs * np.asarray(self.whitening.log_det)[..., None, None]
        return np.asarray(value)

    def fitted(self, source_tau: Array, scale: Array, target_tau: Array, weight: Array) -> tuple[Array, Array]:
        """The average of the fits with these weights (k, m): coefficients (q, p) and intercepts (q,)."""
        coef, level = self._fitted(source_tau, scale, target_tau, weight)
        if level is None:
            return coef, self.target.y_mean - (coef @ self.target.x_mean[..., None])[..., 0]
        return coef, level

    def coefficients(self, source_tau: Array, scale: Array, target_tau: Array, weight: Array) -> Array:
        """The average of the fits with these weights (k, m); (q, p). A lone weight of 1 gives one fit."""
        return self._fitted(source_tau, scale, target_tau, weight)[0]

    def _fitted(self, source_tau: Array, scale: Array, target_tau: Array, weight: Array) -> tuple[Array, Array | None]:
        """Coefficients, and intercepts where the level is not the target's own; averages of

        αm + X1'S⁻¹r/(n1 τ1) + c C̃A'S⁻¹r,   r = y1 − αX1m,   S = I + c AC̃A' + X1X1'/(n1 τ1),

        or of the same task m + κ C̃A'S⁻¹r with S = I + κ AC̃A'.
        """
        target, held, white = self.target, weight.sum(axis=-1), self.whitening
        shifted, level = self.shifted(source_tau, scale), None
        over = 1 / (target.eigenvalues[..., None, :] + target_tau[..., None])
        divided = np.einsum("...kr,...rqk->...rq", weight @ over, shifted)
        if white is None:
            coef = target.expand(target.singular_values[..., None] * divided / target.n)
        elif not white.spread:
            coef = white.carried(divided)
        else:
            plain = white.uncertain[0].target
            residual = np.einsum("...kr,...rqk->...rq", weight @ kept_shares(target, target_tau)[0].mT, shifted)
            coef = plain.expand(plain.singular_values[..., None] * (white.turn.mT @ divided) / target.n)
            coef += white.carried(residual)
        for index, tau, alpha in self._parts(source_tau, scale):
            starts = self.sources[index].starts(tau, np.ones_like(tau)) * (alpha * held)[..., None, None, :]
            coef = coef + self.sources[index].expand(starts.sum(axis=-1))
        if white is not None and white.level:
            source, moved = white.uncertain[0].spectrum, np.sqrt(target.n) * (white.turn.mT @ divided)[..., -1, :]
            level = source.y_mean + white.uncertain[0].level_variance * moved - source.x_mean @ coef
        return np.asarray(coef.mT), level

    def _parts(self, source_tau: Array, scale: Array) -> Iterator[tuple[int, Array, Array]]:
        """Each source's part in the starts: its index, penalties (k,), or (1,) where all are one, and scales α (k,)."""
        taus, scales = (values if self._several else values[..., None] for values in (source_tau, scale))
        for index in range(len(self.sources)):
            tau, alpha = taus[..., index], scales[..., index]
            if ((alpha != 0) & ~np.isinf(tau)).any():
                one = tau.reshape(-1)[:1]
                tau = one if np.array_equal(tau, np.broadcast_to(one, tau.shape), equal_nan=True) else tau
                yield index, tau, alpha

    def _moved(self, index: int, tau: Array) -> Array:
        """U1'X1ŵ0(τ0) of a source at its penalties, (r1, q, k); at a lone one it is made once."""
        key = index, tau.tobytes()
        if key in self._at_one:
            return self._at_one[key]
        starts = self.sources[index].starts(tau, np.ones_like(tau))
        moved = _each(self.matrices[index].__matmul__, starts)
        if tau.shape == (1,):
            self._at_one[key] = moved
        return moved

    @cached_property
    def _at_one(self) -> dict[tuple[int, bytes], Array]:
        return {}

    @property
    def _several(self) -> bool:
        return len(self.sources) > 1

    def _count(self, scale: Array) -> int:
        """How many starts there are."""
        return scale.shape[-2 if self._several else -1]


def _each(product: Callable[[Array], Array], axes: Array) -> Array:
    """A product with every column of axes (r, q, k): (·, q, k)."""
    found = product(axes.reshape(*axes.shape[:-2], prod(axes.shape[-2:])))
    return found.reshape(*found.shape[:-1], *axes.shape[-2:])
