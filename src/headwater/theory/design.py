"""A random design in the large: its fixed point, and how a ridge on it keeps, loses and fluctuates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from headwater.theory.checks import Array


@dataclass(frozen=True, eq=False)
class Design:
    """`samples` rows of covariance with these eigenvalues (k,), each repeated `count` (k,) times."""

    eigenvalues: Array
    count: Array
    samples: float

    @cached_property
    def rank(self) -> float:
        """Rank of the covariance."""
        return float(self.count[self.eigenvalues > 0].sum())

    @cached_property
    def mean(self) -> float:
        """Mean of the nonzero eigenvalues."""
        return float(self.count @ self.eigenvalues) / self.rank

    @cached_property
    def largest(self) -> float:
        """Largest eigenvalue."""
        return float(self.eigenvalues.max())

    @cached_property
    def smallest(self) -> float:
        """Smallest nonzero eigenvalue."""
        return float(self.eigenvalues[self.eigenvalues > 0].min())

    @cached_property
    def scan(self) -> Response:
        """The responses at which penalties are scanned: 1e-30 to 1e30 times the spectrum, eight a decade within it."""
        low = 1e-4 * max(self.smallest, 1e-12 * self.largest)
        high = 1e4 * self.largest
        within = np.geomspace(low, high, round(8 * np.log10(high / low)), endpoint=False)
        below = np.geomspace(1e-30 * self.largest, low, 40, endpoint=False)
        return respond(self, np.concatenate([below, within, np.geomspace(high, 1e26 * high, 53)]))


@dataclass(frozen=True, eq=False)
class Response:
    """What a ridge at effective penalty κ does in each eigendirection λ; arrays over (..., k) or, for D, (...).

    kept = λ/(λ+κ), lost = κ/(λ+κ), decay = λ/(λ+κ)² = −d kept/dκ, bend = λ/(λ+κ)³, df2 = (1/n) Σ kept², slack
    D = 1 − df2, each summed free of cancellation. D vanishes only at the interpolation peak.
    """

    tau: Array
    kappa: Array
    kept: Array
    lost: Array
    decay: Array
    bend: Array
    df2: Array
    slack: Array


def effective_penalty(design: Design, tau: ArrayLike) -> Array:
    """κ ≥ 0 with κ = τ + κ (1/n) tr Σ(Σ+κ)⁻¹, on the increasing branch; shape of `tau`, which may hold 0 and inf.

    f(κ) = κ (1 − df1(κ)/n) − τ is convex, so Newton's method from the right of its larger root falls to it
    monotonically. The start is that root for all eigenvalues equal to their mean, which by Jensen's inequality lies
    to the right. 1 − df1/n is summed as (n − rank + Σ κ/(λ+κ))/n, free of cancellation up to rank = n.
    Source: theory of deterministic equivalents for ridge regression; κ at τ = 0 is the ridgeless limit.
    """
    tau = np.asarray(tau, dtype=np.float64)
    finite = np.isfinite(tau)
    target = np.where(finite, tau, 0.0)
    eigenvalues, count = design.eigenvalues[design.eigenvalues > 0], design.count[design.eigenvalues > 0]
    surplus = design.samples - design.rank
    linear = design.mean * surplus / design.samples - target
    root = np.hypot(linear, 2 * np.sqrt(target * design.mean))
    with np.errstate(invalid="ignore"):
        kappa = np.where(linear > 0, 2 * target * design.mean / (root + np.abs(linear)), (root - linear) / 2)
    for _ in range(200):
        lost = kappa[..., None] / (eigenvalues + kappa[..., None])
        value = kappa * (surplus + lost @ count) / design.samples - target
        slope = (surplus + (lost * (2 - lost)) @ count) / design.samples
        step = np.divide(value, slope, out=np.zeros_like(kappa), where=value != 0)
        kappa = np.maximum(kappa - step, target)
        if np.all(np.abs(step) <= 1e-12 * kappa):
            break
    return np.where(finite, kappa, np.inf)


def respond(design: Design, tau: ArrayLike) -> Response:
    """The response of a ridge with penalty τ (...) on `design`."""
    tau = np.asarray(tau, dtype=np.float64)
    kappa = effective_penalty(design, tau)
    eigenvalues, null = design.eigenvalues, design.eigenvalues == 0
    total = np.where(null, 1.0, eigenvalues) + kappa[..., None]
    kept = eigenvalues / total
    with np.errstate(invalid="ignore"):
        lost = np.where(null | np.isinf(total), 1.0, kappa[..., None] / total)
    decay = kept / total
    seen = ~null
    unkept = (lost * (1 + kept))[..., seen] @ design.count[seen]
    slack = (design.samples - design.rank + unkept) / design.samples
    return Response(tau, kappa, kept, lost, decay, decay / total, kept**2 @ design.count / design.samples, slack)
