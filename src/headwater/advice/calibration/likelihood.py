"""Likelihood: both tasks' restricted likelihood in five parameters, from two decompositions and no more rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg.lapack import dpotrf, dtrtri

from headwater.selection.meeting import Meeting
from headwater.spectrum.rows import Array
from headwater.spectrum.spectrum import Spectrum

RHO, SIGNAL, NOISE, PRIVATE, TARGET_NOISE = range(5)


@dataclass(frozen=True, eq=False)
class Point:
    """The restricted likelihood of y0 = X0 w0 + e0 and y1 = X1 w1 + e1, w0 random and w1 = ρ w0 + v, at one point.

    w0 ~ N(0, σ_w² I), v ~ N(0, σ_v² I); ``parameters`` are (ρ, σ_w², σ0², σ_v², σ1²). In the source's axes
    u0 = U0'y0 ~ N(0, t), t = σ_w² s0² + σ0²; given it, in the target's axes and with K = S1 V1'V0,

        u1 = U1'y1 ~ N(ρ K (σ_w² s0/t) u0, (ρ²σ_w² + σ_v²) S1² + σ1² I − ρ² K diag(σ_w⁴ s0²/t) K'),

    and the rest of each outcome speaks of its noise alone. It costs one product of K with itself and one Cholesky
    factor of r1×r1. Quantitative genetics calls this bivariate REML. Several outputs count as independent draws. Of a
    source without a spectrum, published coefficients, w0 is taken as known and its variances do not appear.
    """

    meeting: Meeting
    parameters: Array

    @cached_property
    def value(self) -> float:
        """−2 log L up to a constant of the sizes; smaller is better."""
        target, noise, q = self.meeting.target, self.parameters[TARGET_NOISE], self.meeting.target.n_outputs
        half, (_, log_det) = self._half, self._factor
        value = q * log_det + np.vdot(half, half) + _remainder(target, noise)[0]
        source = self.meeting.source.spectrum
        if source is not None:
            total = self._parts.T @ self.parameters[[SIGNAL, NOISE]]
            value += q * np.log(total).sum() + np.vdot(source.u, source.u / total[:, None])
            value += _remainder(source, self.parameters[NOISE])[0]
        return float(value)

    @cached_property
    def derivatives(self) -> tuple[Array, Array]:
        """The slope of −2 log L (5,) and its information (5, 5), never negative.

        The information is the average of expected and observed (Gilmour, Thompson and Cullis 1995) on the target's
        side, which needs no products of matrices, and the expected on the source's, where those are diagonal.
        """
        rho, signal, _, _, _noise = self.parameters
        target, q = self.meeting.target, self.meeting.target.n_outputs
        K, s1, (inverse, _) = self.meeting.matrix, target.singular_values, self._factor
        z = inverse.T @ self._half
        diagonal = np.einsum("ij,ij->j", inverse, inverse)
        total, seen, zero = diagonal @ s1**2, s1[:, None] ** 2 * z, np.zeros_like(z)
        leverage, drawn = np.square(inverse @ K).sum(axis=0), K.T @ z
        mean, known = self._start
        prior = float(self.meeting.source.spectrum is not None)

        def shared(factor: float, more: float, change: Array) -> tuple[Array, float]:
            """The covariance changes by factor · (more S1² − K diag(change) K')."""
            return factor * (more * seen - K @ (change[:, None] * drawn)), factor * (more * total - change @ leverage)

        # Each parameter's change of the mean (r1, q), of the covariance times z, and of the log determinant.
        (by_signal, on_signal), (by_noise, on_noise) = self._start_slopes
        parts = [
            (K @ mean, *shared(2 * rho, prior * signal, known)),
            (rho * (K @ by_signal), *shared(rho**2, prior, on_signal)),
            (rho * (K @ by_noise), *shared(rho**2, 0.0, on_noise)),
            (zero, seen, total),
            (zero, z, diagonal.sum()),
        ]
        slope = np.array([q * trace - np.vdot(z, 2 * moved + pulled) for moved, pulled, trace in parts])
        whitened = inverse @ np.hstack([moved for moved, _, _ in parts] + [pulled for _, pulled, _ in parts])
        moves, pulls = whitened.reshape(len(s1), 2, 5, q).transpose(1, 2, 0, 3).reshape(2, 5, -1)
        information = 2 * moves @ moves.T + pulls @ pulls.T
        sides = [(TARGET_NOISE, target)]
        source = self.meeting.source.spectrum
        if source is not None:
            total = self._parts.T @ self.parameters[[SIGNAL, NOISE]]
            shares, own = self._parts / total, slice(SIGNAL, NOISE + 1)
            slope[own] += shares @ (q - np.square(source.u).sum(axis=1) / total)
            information[own, own] += q * shares @ shares.T
            sides.append((NOISE, source))
        for index, side in sides:
            _, change, more = _remainder(side, self.parameters[index])
            slope[index] += change
            information[index, index] += more
        return slope, information

    def of_target(self, functional: Array) -> tuple[Array, Array]:
        """Posterior mean and variance (q,) of h'w1 an output, w1 (p, q) the target's coefficients, h (p, q) given."""
        K, s1 = self.meeting.matrix, self.meeting.target.singular_values[:, None]
        (mean, known), (inverse, _), rho = self._start, self._factor, self.parameters[RHO]
        source, spread = self.meeting.source, self._spread
        axes = source.coef @ functional if source.spectrum is None else source.spectrum.project(functional)
        there = spread * s1 * self.meeting.target.project(functional) - rho**2 * (K @ (known[:, None] * axes))
        seen = inverse @ there
        prior = spread * np.square(functional).sum(axis=0) - rho**2 * (known @ np.square(axes))
        expected = rho * (axes * mean).sum(axis=0) + (seen * self._half).sum(axis=0)
        return expected, np.maximum(prior - np.square(seen).sum(axis=0), 0.0)

    @property
    def source_mean(self) -> Array:
        """Posterior mean of w0 given the source alone, in the source's axes (r0, q): ŵ0(τ_S), or what was published."""
        return self._start[0]

    @property
    def open_variance(self) -> float:
        """The variance of a target coefficient that the source leaves open, averaged over features."""
        known = self.parameters[RHO] ** 2 * self._start[1].sum() / self.meeting.target.n_features
        return self._spread - float(known)

    @cached_property
    def _parts(self) -> Array:
        """What σ_w² and σ0² are multiplied by in the source's axes, (2, r0)."""
        source = self.meeting.source.spectrum
        assert source is not None
        return np.stack([source.singular_values**2, np.ones(source.rank)])

    @property
    def _spread(self) -> float:
        """The variance of a target coefficient before any target row, but for what the source says of it."""
        rho, signal, _, private, _ = self.parameters
        return float(private + (0.0 if self.meeting.source.spectrum is None else rho**2 * signal))

    @cached_property
    def _start(self) -> tuple[Array, Array]:
        """What the source says of w0 in its axes: mean (r0, q), and the variance (r0,) by which it beats the prior."""
        source = self.meeting.source.spectrum
        if source is None:
            return np.eye(self.meeting.source.n_outputs), np.zeros(self.meeting.source.n_outputs)
        signal, noise = self.parameters[[SIGNAL, NOISE]]
        ratio = signal / (signal * source.eigenvalues * source.n + noise)
        return (ratio * source.singular_values)[:, None] * source.u, signal * ratio * source.singular_values**2

    @cached_property
    def _start_slopes(self) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        """How both change with σ_w² and with σ0²."""
        (mean, known), source = self._start, self.meeting.source.spectrum
        if source is None:
            return (0 * mean, known), (0 * mean, known)
        signal, noise = self.parameters[[SIGNAL, NOISE]]
        total = signal * source.singular_values**2 + noise
        left, share = noise / total, known / signal
        by_signal = (left * source.singular_values / total)[:, None] * source.u, share * (2 - share)
        return by_signal, (-mean / total[:, None], -known / total)

    @cached_property
    def _factor(self) -> tuple[Array, float]:
        """L⁻¹ of the target's covariance L L' given the source, in its axes (r1, r1), and its log determinant."""
        covariance = np.diag(self._spread * self.meeting.target.singular_values**2 + self.parameters[TARGET_NOISE])
        if self.meeting.source.spectrum is not None and self.parameters[RHO]:
            half = self.meeting.matrix * (self.parameters[RHO] * np.sqrt(self._start[1]))
            covariance -= half @ half.T
        lower, failed = dpotrf(covariance, lower=1, overwrite_a=1)
        if failed:
            raise np.linalg.LinAlgError("the target's covariance is singular to rounding")
        log_det = 2 * float(np.log(lower.diagonal()).sum())
        return dtrtri(lower, lower=1, overwrite_c=1)[0], log_det

    @cached_property
    def _half(self) -> Array:
        """L⁻¹ (u1 − its mean), (r1, q)."""
        mean = self.parameters[RHO] * (self.meeting.matrix @ self._start[0])
        return np.asarray(self._factor[0] @ (self.meeting.target.u - mean))


def _remainder(side: Spectrum, noise: float) -> tuple[float, float, float]:
    """What the part of an outcome outside all axes adds: to −2 log L, its slope and the expected information."""
    free, left = side.n_outputs * (side.contrasts - side.rank), float(side.remainder.sum()) / noise
    return free * np.log(noise) + left, (free - left) / noise, max(free, 0.0) / noise**2


def start(meeting: Meeting) -> Array:
    """No alignment, and half of each outcome's variance to its signal; the variances are also their units."""
    source, target = meeting.source.spectrum, meeting.target
    own = _halves(target)
    return np.r_[0.0, own if source is None else _halves(source), own]


def _halves(side: Spectrum) -> Array:
    spread = side.n * side.eigenvalues.sum() / side.contrasts
    return np.array([variance(side) / spread / 2, variance(side) / 2])


def variance(side: Spectrum) -> float:
    """The outcome's variance, averaged over outputs; 0 for a lone row."""
    return float(np.square(side.u).sum() + side.remainder.sum()) / max(side.contrasts, 1.0) / side.n_outputs
