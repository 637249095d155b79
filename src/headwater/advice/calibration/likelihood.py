"""Likelihood: both tasks' restricted likelihood in five parameters, from two decompositions and no more rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dlauum, dpotrf, dpotri

from headwater.advice.calibration.side import remainder_value, side_value
from headwater.selection.meeting import Meeting
from headwater.spectrum.rows import Array

RHO, SIGNAL, NOISE, PRIVATE, TARGET_NOISE = range(5)


@dataclass(frozen=True, eq=False)
class Likelihood:
    """The restricted likelihood of y0 = X0 w0 + e0 and y1 = X1 w1 + e1, w0 random and w1 = ρ w0 + v.

    The target's axes are turned so that K = S1 V1'V0 is upper triangular, which takes two thirds off each product
    K diag(·) K'; what was diagonal there, S1², no longer is, but it is never factored.
    """

    meeting: Meeting

    def at(self, rho: float, signal: float, noise: float, private: float, target_noise: float) -> Point:
        """The likelihood at ρ and the variances σ_w², σ0², σ_v², σ1²."""
        return Point(self, np.array([rho, signal, noise, private, target_noise]))

    @cached_property
    def _turned(self) -> tuple[Array, Array]:
        """S1 Q (r1, r1) and Q'K, of the target's axes turned by Q."""
        turn, across = np.linalg.qr(self.meeting.matrix, mode="complete")
        return self.meeting.target.singular_values[:, None] * turn, np.asfortranarray(across)

    @property
    def turned(self) -> Array:
        """S1 Q (r1, r1), Q the turn."""
        return self._turned[0]

    @property
    def across(self) -> Array:
        """K (r1, r0), upper triangular: from starts in the source's axes to fitted values in the turned ones."""
        return self._turned[1]

    @cached_property
    def spread(self) -> Array:
        """X1X1' in the turned axes, (r1, r1), its lower triangle."""
        return np.tril(self.turned.T @ self.turned)

    @cached_property
    def outcome(self) -> Array:
        """U1'y1 in the turned axes, (r1, q)."""
        s1 = self.meeting.target.singular_values[:, None]
        return np.asarray(self.turned.T @ np.divide(self.meeting.target.u, s1))

    def through(self, weight: Array) -> Array:
        """K diag(weight) K' in the turned axes, its lower triangle; weights are 0 or more."""
        root = self.across * np.sqrt(weight)
        r1, r0 = root.shape
        square = min(r1, r0)
        # A triangle times its own transpose, a third of the work; what lies beside it where the source has more axes.
        upper = dlauum(root[:square, :square], lower=0)[0].T
        if r0 > r1:
            upper += np.tril(root[:, r1:] @ root[:, r1:].T)
        return upper if r1 == square else np.pad(upper, (0, r1 - square))


@dataclass(frozen=True, eq=False)
class Point:
    """The likelihood at one point.

    w0 ~ N(0, σ_w² I), v ~ N(0, σ_v² I); ``parameters`` are (ρ, σ_w², σ0², σ_v², σ1²). In the source's axes
    u0 = U0'y0 ~ N(0, t), t = σ_w² s0² + σ0²; given it, in the target's (turned) axes and with K = S1 V1'V0,

        u1 = U1'y1 ~ N(ρ K (σ_w² s0/t) u0, (ρ²σ_w² + σ_v²) S1² + σ1² I − ρ² K diag(σ_w⁴ s0²/t) K'),

    and the rest of each outcome speaks of its noise alone. The value costs one product of K with itself and one
    Cholesky factor of r1×r1, the derivatives as much again and an inverse. Quantitative genetics calls this
    bivariate REML. Several outputs count as independent draws. Of a source without a spectrum, published coefficients,
    w0 is taken as known and its variances do not appear.
    """

    likelihood: Likelihood
    parameters: Array

    @property
    def meeting(self) -> Meeting:
        return self.likelihood.meeting

    def moved(self, parameters: Array) -> Point:
        """The same likelihood at other parameters."""
        return Point(self.likelihood, parameters)

    @cached_property
    def value(self) -> float:
        """−2 log L up to a constant of the sizes; smaller is better."""
        _, signal, noise, _, target_noise = self.parameters
        source, target = self.meeting.source.spectrum, self.meeting.target
        log_det = 2 * float(np.log(self._factor.diagonal()).sum())
        value = target.n_outputs * log_det + float(np.vdot(self._half, self._half))
        value += remainder_value(target, target_noise)[0]
        return value if source is None else value + side_value(source, signal, noise)

    @cached_property
    def derivatives(self) -> tuple[Array, Array]:
        """The slope of −2 log L (5,) and its information (5, 5), never negative.

        The information is the average of expected and observed (Gilmour, Thompson and Cullis 1995) on the target's
        side, which needs no products of matrices, and the expected on the source's, where those are diagonal.
        """
        rho, signal, noise, _, _ = self.parameters
        target, q, K = self.meeting.target, self.meeting.target.n_outputs, self.likelihood.across
        spread, share, prior = self.likelihood.spread, self._share, float(self.meeting.source.spectrum is not None)
        bend = share * (1 - share)
        inverse = dpotri(self._factor.T, lower=0)[0].T
        z = self._solve(self._half, transposed=True)
        seen, zero, drawn = spread @ z + np.tril(spread, -1).T @ z, np.zeros_like(z), K.T @ z
        total, on_share = _trace(inverse, spread), _trace(inverse, self._known)
        on_bend, mean = _trace(inverse, self.likelihood.through(bend)), self._start[0]

        def shared(factor: float, more: float, shares: float, bends: float) -> tuple[Array, float]:
            """The covariance changes by factor · (more S1² − K diag(shares · share + bends · bend) K')."""
            pulled = more * seen - K @ ((shares * share + bends * bend)[:, None] * drawn)
            return factor * pulled, factor * (more * total - shares * on_share - bends * on_bend)

        # Each parameter's change of the mean (r1, q), of the covariance times z, and of the log determinant.
        by_signal, by_noise = self._mean_slopes
        parts = [
            (K @ mean, *shared(2 * rho, prior * signal, signal, 0.0)),
            (rho * (K @ by_signal), *shared(rho**2, prior, 1.0, 1.0)),
            (rho * (K @ by_noise), *shared(rho**2, 0.0, 0.0, -signal / noise)),
            (zero, seen, total),
            (zero, z, inverse.trace()),
        ]
        slope = np.array([q * trace - np.vdot(z, 2 * moved + pulled) for moved, pulled, trace in parts])
        whitened = self._solve(np.hstack([moved for moved, _, _ in parts] + [pulled for _, pulled, _ in parts]))
        moves, pulls = whitened.reshape(len(z), 2, 5, q).transpose(1, 2, 0, 3).reshape(2, 5, -1)
        information = 2 * moves @ moves.T + pulls @ pulls.T
        sides = [(TARGET_NOISE, target)]
        source = self.meeting.source.spectrum
        if source is not None:
            variance = self._parts.T @ self.parameters[[SIGNAL, NOISE]]
            shares, own = self._parts / variance, slice(SIGNAL, NOISE + 1)
            slope[own] += shares @ (q - np.square(source.u).sum(axis=1) / variance)
            information[own, own] += q * shares @ shares.T
            sides.append((NOISE, source))
        for index, side in sides:
            _, change, more = remainder_value(side, self.parameters[index])
            slope[index] += change
            information[index, index] += more
        return slope, information

    @property
    def source_mean(self) -> Array:
        """Posterior mean of w0 given the source alone, in the source's axes (r0, q): ŵ0(τ_S), or what was published."""
        return self._start[0]

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
    def _share(self) -> Array:
        """The share of w0's variance that the source's rows take away in each of its axes, σ_w² s0²/t (r0,)."""
        source = self.meeting.source.spectrum
        if source is None:
            return np.zeros(self.meeting.source.n_outputs)
        signal, noise = self.parameters[[SIGNAL, NOISE]]
        seen = signal * source.singular_values**2
        return np.asarray(seen / (seen + noise))

    @cached_property
    def _start(self) -> tuple[Array, Array]:
        """What the source says of w0 in its axes: mean (r0, q), and the variance (r0,) by which it beats the prior."""
        source, signal = self.meeting.source.spectrum, self.parameters[SIGNAL]
        if source is None:
            return np.eye(self.meeting.source.n_outputs), self._share
        return (self._share / source.singular_values)[:, None] * source.u, signal * self._share

    @cached_property
    def _mean_slopes(self) -> tuple[Array, Array]:
        """How the mean changes with σ_w² and with σ0², (r0, q) each."""
        (mean, _), source = self._start, self.meeting.source.spectrum
        if source is None:
            return 0 * mean, 0 * mean
        signal, noise = self.parameters[[SIGNAL, NOISE]]
        total = (signal * source.singular_values**2 + noise)[:, None]
        return (noise * source.singular_values[:, None] / total**2) * source.u, -mean / total

    @cached_property
    def _known(self) -> Array:
        """K diag(share) K', the lower triangle."""
        return self.likelihood.through(self._share)

    @cached_property
    def _factor(self) -> Array:
        """L (r1, r1), lower triangular, L L' the target's covariance given the source in the turned axes."""
        covariance = self._spread * self.likelihood.spread
        rho, signal = self.parameters[[RHO, SIGNAL]]
        if self.meeting.source.spectrum is not None and rho:
            covariance -= (rho**2 * signal) * self._known
        covariance[np.diag_indices_from(covariance)] += self.parameters[TARGET_NOISE]
        upper, failed = dpotrf(covariance.T, lower=0, overwrite_a=1)
        if failed:
            raise np.linalg.LinAlgError("the target's covariance is singular to rounding")
        return np.asarray(upper.T)

    def _solve(self, columns: Array, transposed: bool = False) -> Array:
        """L⁻¹ or L'⁻¹ times columns (r1, k)."""
        found = solve_triangular(self._factor, columns, lower=True, trans=int(transposed), check_finite=False)
        return np.asarray(found)

    @cached_property
    def _half(self) -> Array:
        """L⁻¹ (u1 − its mean), (r1, q)."""
        mean = self.parameters[RHO] * (self.likelihood.across @ self._start[0])
        return self._solve(self.likelihood.outcome - mean)


def _trace(inverse: Array, other: Array) -> float:
    """tr(A B) of symmetric matrices, their lower triangles given."""
    return float(2 * np.vdot(inverse, other) - inverse.diagonal() @ other.diagonal())
