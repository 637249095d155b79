"""Predictive: what the posterior that a fit averages over says of any number that is linear in the target's task."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import brentq
from scipy.special import stdtr

from headwater.selection.surface import Part, Surface
from headwater.spectrum.criteria import kept_shares
from headwater.spectrum.rows import Array

_HELD = 1e-7  # of the likeliest point's weight: what has less is left out


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval, of the level its maker states."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Mixture:
    """A mixture of k Student distributions: ``weight`` (k,), which sum to 1, ``place``, ``scale`` and ``freedom``."""

    weight: Array
    place: Array
    scale: Array
    freedom: Array

    @cached_property
    def mean(self) -> float:
        return float(self.weight @ self.place)

    @cached_property
    def spread(self) -> float:
        """The standard deviation; that of a Student of 2.5 degrees of freedom where there are fewer."""
        heavy = self.freedom / np.maximum(self.freedom - 2, 0.5)
        return float(np.sqrt(self.weight @ ((self.place - self.mean) ** 2 + heavy * self.scale**2)))

    def below(self, value: float) -> float:
        """The probability of less than this; half of what is exactly so."""
        with np.errstate(divide="ignore", invalid="ignore"):
            standard = (value - self.place) / self.scale
        return float(self.weight @ stdtr(self.freedom, np.where(np.isnan(standard), 0.0, standard)))

    def interval(self, level: float = 0.9) -> Interval:
        """The mean with the central interval."""
        if self.spread == 0:
            return Interval(self.mean, self.mean, self.mean)
        low, high = (self._quantile(share) for share in ((1 - level) / 2, (1 + level) / 2))
        return Interval(self.mean, low, high)

    def _quantile(self, share: float) -> float:
        reach = 4 * self.spread
        while not self.below(self.mean - reach) < share < self.below(self.mean + reach):
            reach *= 4
        found = brentq(
            lambda value: self.below(value) - share, self.mean - reach, self.mean + reach, xtol=1e-12 * reach
        )
        return float(found)


def foretold(surface: Surface, slopes: Array, levels: Array, constant: float) -> Mixture:
    """The posterior of constant + Σ slopes'w1 + levels'ℓ1 over the outputs; slopes (p, q), levels (q,).

    w1 (p, q) are the target's coefficients and ℓ1 (q,) its mean outcome at the rows' mean features. Given a point of
    the surface, a hypothesis with its start and penalty, they are normal times the noise, whose variance has the scaled
    inverse chi-square that the point's bracket and its degrees of freedom make it: any linear number is Student's.
    """
    parts = []
    for part, share in zip(surface.parts, surface.share, strict=True):
        place, scale, freedom = _of_part(part, slopes, levels)
        weight = share * part.weight
        parts.append(
            np.stack([weight, constant + place, *np.broadcast_arrays(scale, freedom, weight)[:2]]).reshape(4, -1)
        )
    found = np.concatenate(parts, axis=1)
    weight, place, scale, freedom = found[:, found[0] > _HELD * found[0].max()]
    return Mixture(weight / weight.sum(), place, scale, freedom)


def _of_part(part: Part, slopes: Array, levels: Array) -> tuple[Array, Array, float]:
    """Places (k, m), scales (k, m) and degrees of freedom of one hypothesis.

    The prior of w1 is N(α m, σ1² P), P = cC̃ + I/(n1 τ1), of the same task κC̃; the rows say y1 = A w1 + e, so that
    h'w1 has the mean αh'm + (APh)'S⁻¹r and the variance σ1²(h'Ph − (APh)'S⁻¹APh), S = I + APA'. In the hypothesis's
    axes S is I + diag(λ)/τ1 (``Whitening``), and P = known + penalised/τ1. A level of the source's is one more
    coefficient, of a column of ones; one of the target's own is N(ȳ1, σ1²/n1), whatever w1.
    """
    seen, target, white = part.meeting, part.meeting.target, part.meeting.whitening
    n, plain = target.n, target if white is None else white.uncertain[0].target
    shared = white.uncertain[0] if white is not None and white.level else None  # its level is the target's
    own = float(shared is None and target.basis.fit_intercept)
    h, ones = slopes, np.zeros_like(levels)
    if shared is not None:  # ℓ1 = ℓ0 + (x̄1 − x̄0)'w1
        h, ones = slopes + shared.shift * levels, levels * shared.level_variance

    def seen_in_rows(columns: Array, level: Array) -> Array:
        """A (columns, level), in the hypothesis's axes."""
        rows = plain.singular_values[:, None] * plain.project(columns)
        if shared is not None:
            rows = np.vstack([rows, np.sqrt(n) * (shared.shift.T @ columns + level)])
        return rows if white is None else white.turn @ rows

    penalised, penalised_prior = seen_in_rows(h, 0 * ones) / n, float(np.vdot(h, h)) / n
    known, known_prior = np.zeros_like(penalised), 0.0
    if white is not None:
        covered = white.covered(h)
        seen_of_it, prior = seen_in_rows(covered, ones), float(np.vdot(h, covered) + levels @ ones)
        if white.spread:
            known, known_prior = seen_of_it, prior
        else:
            penalised, penalised_prior = seen_of_it, prior
    kept, divided = kept_shares(target, part.target_tau)
    finite = np.isfinite(part.target_tau)
    inverse = np.where(finite, 1 / np.where(finite, part.target_tau, 1.0), 0.0)
    # S⁻¹ = τ1/(λ + τ1), and over τ1 that is 1/(λ + τ1): the products below never divide by a τ1 of 0.
    over = divided * finite
    shifted = seen.shifted(part.source_tau, part.scale)
    place = np.einsum("rqk,rq->kr", shifted, known) @ kept + np.einsum("rqk,rq->kr", shifted, penalised) @ over
    source = seen.source if seen.sources else None
    if source is not None and not np.isinf(part.source_tau).all():
        starts = np.nan_to_num(source.starts(part.source_tau, part.scale))
        place += np.tensordot(starts, source.project(h), axes=((0, 1), (0, 1)))[:, None]
    level = plain.y_mean if shared is None else shared.spectrum.y_mean
    place += float(levels @ level)
    variance = known_prior + penalised_prior * inverse + own * float(levels @ levels) / n
    square, cross, other = (known**2).sum(axis=1), (known * penalised).sum(axis=1), (penalised**2).sum(axis=1)
    variance = variance - square @ kept - 2 * cross @ over - (other @ over) * inverse
    freedom = max(target.contrasts * target.n_outputs, 1e-300)
    noise = seen.bracket(part.source_tau, part.scale, part.target_tau) / freedom
    return place, np.sqrt(noise * np.maximum(variance, 0.0)), freedom
