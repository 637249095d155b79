"""Likelihood: both tasks' restricted likelihood in five parameters, from two decompositions and no more rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dpotrf, dtrtri

from headwater.crossing import Crossing
from headwater.moments import Array

RHO, SIGNAL, NOISE, PRIVATE, TARGET_NOISE = range(5)


@dataclass(frozen=True, eq=False)
class Point:
    """Where the likelihood stands: parameters, −2 log L, its slope, and its average information, never negative."""

    parameters: Array
    value: float
    slope: Array
    curvature: Array


@dataclass(frozen=True, eq=False)
class Likelihood:
    """The restricted likelihood of y0 = X0 w0 + e0 and y1 = X1 w1 + e1 with w0 random and w1 = ρ w0 + v.

    w0 ~ N(0, σ_w² I), v ~ N(0, σ_v² I); parameters are (ρ, log σ_w², log σ0², log σ_v², log σ1²). In the source's axes
    u0 = U0'y0 ~ N(0, t), t = σ_w² s0² + σ0²; given it, in the target's axes and with K = S1 V1'V0,

        u1 = U1'y1 ~ N(ρ K (σ_w² s0/t) u0, (ρ²σ_w² + σ_v²) S1² + σ1² I − ρ² K diag(σ_w⁴ s0²/t) K'),

    and the rest of each outcome speaks of its noise alone. An evaluation costs one product of K with itself and one
    Cholesky factor of r1×r1. Quantitative genetics calls this bivariate REML; its average information (Gilmour,
    Thompson and Cullis 1995) needs no more. Several outputs count as independent draws. Published coefficients are
    taken as w0 itself, of which they are then all that is known.
    """

    crossing: Crossing

    def at(self, parameters: Array) -> Point:
        """−2 log L and its derivatives; a constant of the sizes is left out."""
        target, q, rho = self.crossing.target, self.crossing.target.n_outputs, parameters[RHO]
        _, private, target_noise = self.variances(parameters)
        K, s1 = self.crossing.matrix, target.singular_values
        mean, known, changes = self.source_terms(parameters)
        value, slope, curvature = self._of_source(parameters)

        inverse, log_det = self.factor(parameters)
        half = inverse @ (target.u - rho * (K @ mean))
        z = inverse.T @ half
        free, left = q * (target.contrasts - target.rank), target.remainder.sum() / target_noise
        value += q * log_det + np.vdot(half, half) + free * np.log(target_noise) + left

        # Each parameter's change of the mean (r1, q), of the covariance's product with z, and of its log determinant.
        diagonal = np.einsum("ij,ij->j", inverse, inverse)
        total, seen, zero = diagonal @ s1**2, s1[:, None] ** 2 * z, np.zeros_like(z)
        leverage, drawn = np.square(inverse @ K).sum(axis=0), K.T @ z
        signal = np.exp(parameters[SIGNAL]) if len(known) else 0.0

        def shared(factor: float, more: float, change: Array) -> tuple[Array, float]:
            """The covariance changes by factor · (more S1² − K diag(change) K')."""
            return factor * (more * seen - K @ (change[:, None] * drawn)), factor * (more * total - change @ leverage)

        (by_signal, on_signal), (by_noise, on_noise) = changes
        parts = [
            (K @ mean, *shared(2 * rho, signal, known)),
            (rho * (K @ by_signal), *shared(rho**2, signal, on_signal)),
            (rho * (K @ by_noise), *shared(rho**2, 0.0, on_noise)),
            (zero, private * seen, private * total),
            (zero, target_noise * z, target_noise * diagonal.sum()),
        ]
        slope += [q * trace - np.vdot(z, 2 * moved + pulled) for moved, pulled, trace in parts]
        slope[TARGET_NOISE] += free - left
        whitened = inverse @ np.hstack([moved for moved, _, _ in parts] + [pulled for _, pulled, _ in parts])
        moves, pulls = whitened.reshape(len(s1), 2, 5, q).transpose(1, 2, 0, 3).reshape(2, 5, -1)
        curvature += 2 * moves @ moves.T + pulls @ pulls.T
        curvature[TARGET_NOISE, TARGET_NOISE] += left
        return Point(parameters, float(value), slope, curvature)

    def _of_source(self, parameters: Array) -> tuple[float, Array, Array]:
        """The source's own part of −2 log L, its slope and its average information."""
        slope, curvature, source = np.zeros(5), np.zeros((5, 5)), self.crossing.source.spectrum
        if source is None:
            return 0.0, slope, curvature
        signal, noise = np.exp(parameters[[SIGNAL, NOISE]])
        parts = np.stack([signal * source.singular_values**2, np.full(source.rank, noise)])
        total, q = parts.sum(axis=0), source.n_outputs
        energy, shares = np.square(source.u).sum(axis=1) / total, parts / total
        free, left = q * (source.contrasts - source.rank), source.remainder.sum() / noise
        own = slice(SIGNAL, NOISE + 1)
        slope[own] = shares @ (q - energy)
        slope[NOISE] += free - left
        curvature[own, own] = (shares * energy) @ shares.T
        curvature[NOISE, NOISE] += left
        return float(q * np.log(total).sum() + energy.sum() + free * np.log(noise) + left), slope, curvature

    def source_terms(self, parameters: Array) -> tuple[Array, Array, tuple[tuple[Array, Array], tuple[Array, Array]]]:
        """What the source says of w0 in its axes: mean (r0, q), and the variance (r0,) by which it beats the prior.

        Then how both change with log σ_w² and log σ0².
        """
        source = self.crossing.source.spectrum
        if source is None:
            mean, known = np.eye(self.crossing.source.n_outputs), np.zeros(self.crossing.source.n_outputs)
            return mean, known, ((0 * mean, known), (0 * mean, known))
        signal, noise = np.exp(parameters[[SIGNAL, NOISE]])
        s0 = source.singular_values
        share = signal * s0**2 / (signal * s0**2 + noise)
        mean, known = (share / s0)[:, None] * source.u, signal * share
        lost = (1 - share)[:, None] * mean
        return mean, known, ((lost, known * (2 - share)), (-lost, -known * (1 - share)))

    def factor(self, parameters: Array) -> tuple[Array, float]:
        """L⁻¹ of the target's covariance L L' given the source, in its axes (r1, r1), and its log determinant."""
        shared, private, target_noise = self.variances(parameters)
        covariance = np.diag((shared + private) * self.crossing.target.singular_values**2 + target_noise)
        if shared:
            half = self.crossing.matrix * (parameters[RHO] * np.sqrt(self.source_terms(parameters)[1]))
            covariance -= half @ half.T
        lower, info = dpotrf(covariance, lower=1, overwrite_a=1)
        if info:
            raise np.linalg.LinAlgError("the target's covariance is singular to rounding")
        log_det = 2 * float(np.log(lower.diagonal()).sum())
        return dtrtri(lower, lower=1, overwrite_c=1)[0], log_det

    def variances(self, parameters: Array) -> tuple[float, float, float]:
        """ρ²σ_w², 0 where w0 is taken as known, σ_v² and σ1²."""
        signal, _, private, target_noise = np.exp(parameters[1:])
        shared = 0.0 if self.crossing.source.spectrum is None else parameters[RHO] ** 2 * signal
        return float(shared), float(private), float(target_noise)
