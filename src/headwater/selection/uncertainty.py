"""Uncertainty: what a source does not know of its own coefficients, met with a target's rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from headwater.selection.source import Source
from headwater.spectrum.rows import Array
from headwater.spectrum.spectrum import Spectrum


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """The posterior covariance C = σ0² C̃ of a source's coefficients in the rows of a target.

    C̃ = (I − V0 diag(λ/(λ+τ0)) V0')/(n0 τ0) = (V0 diag(1/(λ+τ0)) V0' + (I − V0V0')/τ0)/n0. The rows A are in the
    target's axes, S1V1', and where ``level`` is known √n1 (x̄1 − x̄0)' comes after them: those of the target about the
    source's means, but for what no axis holds. ``met`` (r1, r0) is S1V1'V0. No p×p matrix is formed.
    """

    source: Source
    target: Spectrum
    tau: float
    met: Array

    @property
    def level(self) -> bool:
        """Whether the target's level can be held against the source's: both have one, at means of the same columns."""
        return self.target.basis.fit_intercept and self.source.unit is None

    @property
    def spectrum(self) -> Spectrum:
        assert self.source.spectrum is not None
        return self.source.spectrum

    @cached_property
    def rows(self) -> Array:
        """A V0, (r1, r0), or (r1 + 1, r0) with the level's."""
        if not self.level:
            return self.met
        return np.concatenate([self.met, np.sqrt(self.target.n) * self.spectrum.project(self.shift).mT], axis=-2)

    @cached_property
    def matrix(self) -> Array:
        """A C̃ A', (r1, r1), or (r1 + 1, r1 + 1) with the level's."""
        inside = (self.rows / (self.spectrum.eigenvalues + self.tau)) @ self.rows.mT
        if self.spectrum.rank < self.spectrum.n_features:
            squares, axes = np.linalg.eigh(self._gram - self.rows @ self.rows.mT)
            size = np.abs(self._gram).max(axis=(-2, -1), initial=0.0)[..., None]
            held = np.where(squares > np.finfo(np.float64).eps * self.target.n_features * size, squares, 0.0)
            inside += (axes * held[..., None, :]) @ axes.mT / self.tau
        return np.asarray(inside / self.spectrum.n)

    @property
    def level_variance(self) -> float:
        """That of the source's own level at its means, over σ0²."""
        return 1 / self.spectrum.n if self.spectrum.basis.fit_intercept else 0.0

    def carried(self, axes: Array) -> Array:
        """C̃A' axes: what a residual (d, q) in the target's axes says of the source's coefficients, (p, q)."""
        spread = (self.rows[..., : axes.shape[-2], :].mT @ axes) / (self.spectrum.eigenvalues + self.tau)[:, None]
        if self.spectrum.rank == self.spectrum.n_features:
            return self._in_units(self.spectrum.expand(spread / self.spectrum.n))
        held = self.target.expand(self.target.singular_values[..., None] * axes[..., : self.target.rank, :])
        if axes.shape[-2] > self.target.rank:
            held += np.sqrt(self.target.n) * self.shift * axes[..., -1:, :]
        # V0 diag(1/(λ+τ)) V0' + (I − V0V0')/τ = I/τ − V0 diag(λ/(λ+τ)) V0'/τ
        inside = self.spectrum.eigenvalues[:, None] * spread
        return self._in_units((self._in_units(held) - self.spectrum.expand(inside)) / (self.spectrum.n * self.tau))

    def covered(self, columns: Array) -> Array:
        """C̃ @ columns (p, q)."""
        inside = self._in_units(columns)
        axes = self.spectrum.project(inside)
        spread = self.spectrum.expand(axes / (self.spectrum.eigenvalues + self.tau)[:, None])
        if self.spectrum.rank < self.spectrum.n_features:
            spread += (inside - self.spectrum.expand(axes)) / self.tau
        return self._in_units(spread / self.spectrum.n)

    @property
    def shift(self) -> Array:
        """x̄1 − x̄0, (p, 1)."""
        return (self.target.x_mean - self.spectrum.x_mean)[..., None]

    @cached_property
    def _gram(self) -> Array:
        """A A'."""
        target = self.target
        if self.source.unit is not None:
            rows = self._in_units(target.expand(_diagonal(target.singular_values)))
            return np.asarray(rows.mT @ rows)
        gram = _diagonal(target.singular_values**2)
        if not self.level:
            return gram
        mean = np.sqrt(target.n) * target.singular_values[..., None] * target.project(self.shift)
        return np.block([[gram, mean], [mean.mT, target.n * (self.shift.mT @ self.shift)]])

    def take(self, some: Any) -> Self:
        """The same of some of the targets that are stacked."""
        return replace(self, target=self.target.take(some), met=self.met[some])

    def _in_units(self, columns: Array) -> Array:
        return columns if self.source.unit is None else self.source.unit[:, None] * columns


@dataclass(frozen=True, eq=False)
class StandardErrors(Uncertainty):
    """What published standard errors say of that: C̃ = diag(se²)/v, of several outputs the mean se² over the mean v.

    They are in the outcome's units and σ0² is not known, so v, the variance of the target's outcome, stands for it: κ
    then counts in units of v/σ1². No level is known beside them.
    """

    @property
    def level(self) -> bool:
        return False

    @cached_property
    def matrix(self) -> Array:
        held = self.target.expand(_diagonal(self.target.singular_values))
        return np.asarray(held.mT @ self.covered(held))

    def carried(self, axes: Array) -> Array:
        return self.covered(self.target.expand(self.target.singular_values[..., None] * axes))

    def covered(self, columns: Array) -> Array:
        return self._variances[..., None] * columns

    @cached_property
    def _variances(self) -> Array:
        """The diagonal of C̃, (p,); an outcome that does not vary says nothing, whatever v."""
        assert self.source.coef_se is not None
        target = self.target
        variance = (np.sum(target.u**2, axis=-2) + target.remainder).mean(axis=-1, keepdims=True) / target.n
        squares = np.mean(self.source.coef_se**2, axis=0)
        return self._in_units(self._in_units(squares[:, None]))[:, 0] / np.where(variance > 0, variance, 1.0)


@dataclass(frozen=True, eq=False)
class Whitening:
    """The axes in which a hypothesis's covariance of y1 is diagonal, whatever the one number that it leaves open.

    ``turn`` T (d, d), ``eigenvalues`` λ (d,). A related target has I + Σ_j c_j A C̃_j A' + A A'/(n1 τ1), c_j each
    source's ``spread``: with B the sum, T (I + B) T' = I and T A A' T' = n1 diag(λ), so that it is I + diag(λ)/τ1 here,
    and ``log_det`` is that of I + B. The same task, without ``spread``, has I + κ A C̃ A', κ = σ0²/σ1²: T is orthogonal
    and 1/κ in the place of τ1; with ``level`` the rows are about the source's means and A C̃ A' holds what the source
    does not know of its level. A target in these axes is a target: all that is said of its spectrum holds, but that
    they are not orthonormal in the rows. ``matrices`` are S1V1'V0 of each source that has a part, in these axes.
    """

    uncertain: tuple[Uncertainty, ...]
    spread: tuple[float, ...]
    matrices: tuple[Array, ...]
    level: bool
    turn: Array
    eigenvalues: Array
    log_det: Any = 0.0

    def carried(self, axes: Array) -> Array:
        """Σ_j c_j C̃_j A' T' axes, or C̃ A' T' axes of the same task; (p, q)."""
        plain = self.turn.mT @ axes
        parts = zip(self.uncertain, self.spread or (1.0,), strict=True)
        return np.sum([spread * one.carried(plain) for one, spread in parts], axis=0)

    def take(self, some: Any) -> Whitening:
        """The same of some of the targets that are stacked."""
        uncertain = tuple(one.take(some) for one in self.uncertain)
        matrices = tuple(matrix[some] for matrix in self.matrices)
        turn, log_det = self.turn[some], np.broadcast_to(self.log_det, len(self.turn))[some]
        return Whitening(uncertain, self.spread, matrices, self.level, turn, self.eigenvalues[some], log_det)

    def covered(self, columns: Array) -> Array:
        """Σ_j c_j C̃_j columns, or C̃ columns of the same task; (p, q)."""
        parts = zip(self.uncertain, self.spread or (1.0,), strict=True)
        return np.sum([spread * one.covered(columns) for one, spread in parts], axis=0)


def same_task(uncertainty: Uncertainty, level: bool) -> Whitening:
    d = uncertainty.target.rank + level
    matrix = uncertainty.matrix[..., :d, :d].copy()
    if level:
        matrix[..., -1, -1] += uncertainty.target.n * uncertainty.level_variance
    eigenvalues, axes = np.linalg.eigh(matrix)
    turn, descending = axes[..., ::-1].mT, eigenvalues[..., ::-1].clip(min=0.0)
    return Whitening((uncertainty,), (), (turn @ uncertainty.rows[..., :d, :],), level, turn, descending)


def related(
    target: Spectrum, matrices: tuple[Array, ...], uncertain: tuple[Uncertainty, ...], spread: tuple[float, ...]
) -> Whitening:
    """``matrices`` of all sources; ``uncertain`` those of which it is known what they do not know."""
    r = target.rank
    inside = [share * one.matrix[..., :r, :r] for one, share in zip(uncertain, spread, strict=True)]
    factor = np.linalg.cholesky(np.eye(r) + np.sum(inside, axis=0))
    inverse = np.linalg.inv(factor)
    half = inverse * target.singular_values[..., None, :]
    squares, axes = np.linalg.eigh(half @ half.mT)
    turn = axes[..., ::-1].mT @ inverse
    log_det = 2 * np.log(np.diagonal(factor, axis1=-2, axis2=-1)).sum(axis=-1)
    turned = tuple(turn @ matrix for matrix in matrices)
    return Whitening(uncertain, spread, turned, False, turn, squares[..., ::-1].clip(min=0.0) / target.n, log_det)


def _diagonal(values: Array) -> Array:
    return values[..., None] * np.eye(values.shape[-1])
