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

    w0 ~ N(0, σ_w² I), v ~ N(0, σ_v² I); parameters are (ρ, σ_w², σ0², σ_v², σ1²). In the source's axes
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
        rho, _, _, _, noise = parameters
        target, q = self.crossing.target, self.crossing.target.n_outputs
        K, s1 = self.crossing.matrix, target.singular_values
        mean, known, changes = self.source_terms(parameters)
        value, slope, curvature = self._of_source(parameters)

        inverse, log_det = self.factor(parameters)
        half = inverse @ (target.u - rho * (K @ mean))
        z = inverse.T @ half
        free, left = q * (target.contrasts - target.rank), target.remainder.sum() / noise
        value += q * log_det + np.vdot(half, half) + free * np.log(noise) + left

        # Each parameter's change of the mean (r1, q), of the covariance's product with z, and of its log determinant.
        diagonal = np.einsum("ij,ij->j", inverse, inverse)
        total, seen, zero = diagonal @ s1**2, s1[:, None] ** 2 * z, np.zeros_like(z)
        leverage, drawn = np.square(inverse @ K).sum(axis=0), K.T @ z
        prior = 0.0 if self.crossing.source.spectrum is None else 1.0

        def shared(factor: float, more: float, change: Array) -> tuple[Array, float]:
            """The covariance changes by factor · (more S1² − K diag(change) K')."""
            return factor * (more * seen - K @ (change[:, None] * drawn)), factor * (more * total - change @ leverage)

        (by_signal, on_signal), (by_noise, on_noise) = changes
        parts = [
            (K @ mean, *shared(2 * rho, prior * parameters[SIGNAL], known)),
            (rho * (K @ by_signal), *shared(rho**2, prior, on_signal)),
            (rho * (K @ by_noise), *shared(rho**2, 0.0, on_noise)),
            (zero, seen, total),
            (zero, z, diagonal.sum()),
        ]
        slope += [q * trace - np.vdot(z, 2 * moved + pulled) for moved, pulled, trace in parts]
        slope[TARGET_NOISE] += (free - left) / noise
        whitened = inverse @ np.hstack([moved for moved, _, _ in parts] + [pulled for _, pulled, _ in parts])
        moves, pulls = whitened.reshape(len(s1), 2, 5, q).transpose(1, 2, 0, 3).reshape(2, 5, -1)
        curvature += 2 * moves @ moves.T + pulls @ pulls.T
        curvature[TARGET_NOISE, TARGET_NOISE] += free / noise**2
        return Point(parameters, float(value), slope, curvature)

    def _of_source(self, parameters: Array) -> tuple[float, Array, Array]:
        """The source's own part of −2 log L, its slope and its expected information."""
        slope, curvature, source = np.zeros(5), np.zeros((5, 5)), self.crossing.source.spectrum
        if source is None:
            return 0.0, slope, curvature
        _, signal, noise, _, _ = parameters
        parts, q = np.stack([source.singular_values**2, np.ones(source.rank)]), source.n_outputs
        total = signal * parts[0] + noise
        energy, shares = np.square(source.u).sum(axis=1) / total, parts / total
        free, left = q * (source.contrasts - source.rank), source.remainder.sum() / noise
        own = slice(SIGNAL, NOISE + 1)
        slope[own] = shares @ (q - energy)
        slope[NOISE] += (free - left) / noise
        curvature[own, own] = q * shares @ shares.T
        curvature[NOISE, NOISE] += free / noise**2
        return float(q * np.log(total).sum() + energy.sum() + free * np.log(noise) + left), slope, curvature

    def source_terms(self, parameters: Array) -> tuple[Array, Array, tuple[tuple[Array, Array], tuple[Array, Array]]]:
        """What the source says of w0 in its axes: mean (r0, q), and the variance (r0,) by which it beats the prior.

        Then how both change with σ_w² and σ0².
        """
        source = self.crossing.source.spectrum
        if source is None:
            mean, known = np.eye(self.crossing.source.n_outputs), np.zeros(self.crossing.source.n_outputs)
            return mean, known, ((0 * mean, known), (0 * mean, known))
        _, signal, noise, _, _ = parameters
        s0 = source.singular_values
        total = signal * s0**2 + noise
        share, seen = signal * s0**2 / total, (s0 / total)[:, None] * source.u
        mean, known = signal * seen, signal * share
        by_signal = (1 - share)[:, None] * seen, share * (2 - share)
        return mean, known, (by_signal, (-mean / total[:, None], -known / total))

    def factor(self, parameters: Array) -> tuple[Array, float]:
        """L⁻¹ of the target's covariance L L' given the source, in its axes (r1, r1), and its log determinant."""
        rho, signal, _, private, noise = parameters
        shared = 0.0 if self.crossing.source.spectrum is None else rho**2 * signal
        covariance = np.diag((shared + private) * self.crossing.target.singular_values**2 + noise)
        if shared:
            half = self.crossing.matrix * (rho * np.sqrt(self.source_terms(parameters)[1]))
            covariance -= half @ half.T
        lower, info = dpotrf(covariance, lower=1, overwrite_a=1)
        if info:
            raise np.linalg.LinAlgError("the target's covariance is singular to rounding")
        log_det = 2 * float(np.log(lower.diagonal()).sum())
        return dtrtri(lower, lower=1, overwrite_c=1)[0], log_det
