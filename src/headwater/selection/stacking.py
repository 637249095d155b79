"""Stacking: one number per source, all at once, known by their prior and the evidence and so integrated out.

The start is Σ_j α_j ŵ0_j(τ_S*j), with α_j ~ N(π_j/2, π_j/4) for each of s sources whose shares π_j of the odds sum to
1: the sum of the numbers then has the prior of one source's scale, N(½, ½²), and giving a source twice changes nothing.
At a target penalty τ1 and a noise variance σ², α is Gaussian and its evidence an update by s×s matrices; σ² is
integrated over numerically, as the restricted likelihood of a fixed start integrates it in closed form. No grid is laid
over α.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement

import numpy as np
from scipy.special import gammaln, logsumexp

from headwater.selection.hypotheses import shares_of
from headwater.selection.meeting import Meeting
from headwater.spectrum.rows import Array

_NODES, _CLOSINGS = 33, 3
_TINY = 1e-200  # nothing is left of the outcome; its square does not overflow


@dataclass(frozen=True, eq=False)
class Stack:
    """The sources of a meeting stacked, each at its penalty in ``source_tau`` (s,).

    The bracket of a start, b(α) = (y − Gα)'S⁻¹(y − Gα), is quadratic in α: what it is at the ``probes`` says what it is
    everywhere, for the whole target and for a target some rows of which are left out alike.
    """

    meeting: Meeting
    source_tau: Array

    @cached_property
    def share(self) -> Array:
        """Each source's share of the odds, (s,)."""
        return shares_of(self.meeting.sources, self.source_tau)

    @property
    def mean(self) -> Array:
        """The prior mean of the scales, (s,)."""
        return self.share / 2

    @cached_property
    def steps(self) -> Array:
        """How far apart the probes are along each source, (s,): far enough to move the outcome by its own length."""
        target, eye = self.meeting.target, np.eye(len(self.source_tau))
        moved = target.u[..., None] - self.meeting.shifted(np.tile(self.source_tau, (len(eye), 1)), eye)
        moved_length = np.sqrt(np.einsum("...rqs,...rqs->...s", moved, moved))
        length = np.sqrt(np.sum(target.u**2, axis=(-2, -1)))[..., None]
        return np.where(moved_length * length > 0, length / np.where(moved_length > 0, moved_length, 1.0), 1.0)

    @cached_property
    def probes(self) -> tuple[Array, Array]:
        """Source penalties and scales (k, s): the mean, a step along each source, and steps along each two."""
        eye = np.eye(len(self.mean))
        both = [one + other for one, other in combinations_with_replacement(eye, 2)]
        scale = self.mean + np.array([0 * self.mean, *eye, *both]) * self.steps[..., None, :]
        return np.broadcast_to(self.source_tau, scale.shape), scale

    def surveyed(self, target_tau: Array, contrasts: float) -> tuple[Array, Array]:
        """The log evidence at m target penalties, (1, m), of so many contrasts, and the mean scales there, (m, s)."""
        meeting, probes = self.meeting, self.probes
        target, bracket = meeting.target, meeting.bracket(*probes, target_tau)
        more, scale = self.posterior(bracket, contrasts * target.n_outputs, target.contrasts * target.n_outputs)
        middle = meeting.score(probes[0][..., :1, :], probes[1][..., :1, :], target_tau, "evidence")
        at_mean = np.log(np.maximum(bracket[..., :1, :], _TINY))
        further = 0.5 * target.n_outputs * (contrasts - target.contrasts) * at_mean
        return middle + more[..., None, :] - further, scale

    def posterior(self, brackets: Array, observations: Array | float, contrasts: Array | float) -> tuple[Array, Array]:
        """The log evidence less that of a start at the mean scales, (..., m), and the mean scales, (..., m, s).

        ``brackets`` (..., k, m): b(α) of the probes; ``observations`` (..., m): rows or contrasts, times outputs.
        Where ``contrasts`` are no more than the sources, the numbers could leave no noise at all: the prior stands.
        """
        rest, pull, stiffness = self._quadratic(brackets)
        curvature, axes = np.linalg.eigh(stiffness)
        pull = np.einsum("...ij,...i->...j", axes, pull)
        observed = np.broadcast_to(observations, rest.shape)
        known = np.broadcast_to(contrasts, rest.shape) > np.count_nonzero(self.share)
        shape = np.where(known, observed, 2.0) / 2
        log_evidence, kept = _over_noise(rest, pull, curvature.clip(min=0.0), shape)
        log_evidence += shape * np.log(rest) - gammaln(shape)
        moved = np.sqrt(self.share) * np.einsum("...ij,...j->...i", axes, kept * pull)
        return np.where(known, log_evidence, 0.0), self.mean + np.where(known[..., None], moved, 0.0)

    def probed(self, scale: Array) -> Array:
        """What is linear in the scales, at scales (..., m, s), is this much of it at each probe: (..., k, m)."""
        steps = np.moveaxis((scale - self.mean) / self.steps, -1, -2)
        found = np.zeros((*steps.shape[:-2], len(self.probes[0]), steps.shape[-1]))
        found[..., 0, :] = 1 - steps.sum(axis=-2)
        found[..., 1 : len(self.mean) + 1, :] = steps
        return found

    def _quadratic(self, brackets: Array) -> tuple[Array, Array, Array]:
        """b, h, A of the bracket b − 2h'δ + δ'Aδ at scales √π δ off the mean: (..., m), (..., m, s), (..., m, s, s)."""
        unit = (np.sqrt(self.share) / self.steps)[..., None, :]
        count = len(self.source_tau)
        values = np.moveaxis(brackets, -2, -1)
        rest, one = values[..., 0], values[..., 1 : count + 1]
        stiffness = np.empty((*rest.shape, count, count))
        for place, (i, j) in enumerate(combinations_with_replacement(range(count), 2), start=count + 1):
            stiffness[..., i, j] = (values[..., place] - one[..., i] - one[..., j] + rest) / 2
            stiffness[..., j, i] = stiffness[..., i, j]
        pull = (np.einsum("...ii->...i", stiffness) - one + rest[..., None]) / 2
        return np.maximum(rest, _TINY), pull * unit, stiffness * unit[..., None] * unit[..., None, :]


def _over_noise(rest: Array, pull: Array, curvature: Array, shape: Array) -> tuple[Array, Array]:
    """log ∫ t^shape exp(−t b(t)) Π (1 + ω a)^-½ d log t with t = 1/2σ² and ω = 1/4σ², and the mean ω/(1 + ω a).

    b(t) = rest − Σ ω pull²/(1 + ω a) is the bracket with the scales integrated out. The nodes, evenly spaced in log t,
    close in on the mass.
    """
    # b(t) falls from rest, where all is noise (ω = 0), to rest − Σ pull²/a, where none is (ω = ∞).
    most = np.sum(np.divide(pull**2, curvature, out=np.zeros_like(pull), where=curvature > 0), axis=-1)
    least = np.maximum(rest - most, 1e-13 * rest)
    # t^shape exp(−t b) peaks at shape/b; seven standard deviations of a gamma's logarithm, 1/√shape, and its long lower
    # tail, 1/shape, on either side of the extreme peaks hold the mass.
    low = np.log(shape / rest) - 14 / shape - 7 / np.sqrt(shape)
    high = np.log(shape / least) + np.log1p(20 / shape) + 7 / np.sqrt(shape)
    for closing in range(_CLOSINGS):
        logs = low[..., None] + (high - low)[..., None] * np.linspace(0, 1, _NODES)
        t = np.exp(logs)
        height = shape[..., None] * logs - t * rest[..., None]
        # The integrand's logarithm gains t ω pull²/(1 + ω a) − ½ log(1 + ω a) from each axis of the scales.
        for axis in range(pull.shape[-1]):
            omega = t / 2
            free = 1 + omega * curvature[..., axis, None]
            height += t * pull[..., axis, None] ** 2 * (omega / free) - np.log(free) / 2
        if closing < _CLOSINGS - 1:
            # Nodes within e^−16 of the highest, and one more on each side, are the next grid's ends.
            held = height > height.max(axis=-1, keepdims=True) - 16
            first = np.maximum(held.argmax(axis=-1) - 1, 0)
            last = np.minimum(_NODES - held[..., ::-1].argmax(axis=-1), _NODES - 1)
            low, high = (np.take_along_axis(logs, end[..., None], -1)[..., 0] for end in (first, last))
    # The trapezium rule in log t, and the mean of ω/(1 + ω a) under the same weights.
    log_evidence = logsumexp(height, axis=-1) + np.log(logs[..., 1] - logs[..., 0])
    weight = np.exp(height - height.max(axis=-1, keepdims=True))
    weight /= weight.sum(axis=-1, keepdims=True)
    omega = t[..., None, :] / 2
    kept = np.einsum("...t,...st->...s", weight, omega / (1 + omega * curvature[..., None]))
    return log_evidence, kept
