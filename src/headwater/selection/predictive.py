"""Predictive: what the posterior that a fit averages over says of any number that is linear in the target's task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import stdtr

from headwater.selection.surface import Part, Surface
from headwater.selection.uncertainty import Uncertainty
from headwater.spectrum.criteria import kept_shares
from headwater.spectrum.rows import Array
from headwater.spectrum.spectrum import Spectrum

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


@dataclass(frozen=True, eq=False)
class Linear:
    """Numbers linear in the target's task, as one hypothesis's rows see them: f of them, or a part for each output.

    ``slopes`` (p, f) and ``levels`` (f,) are what they take of w1 and of the level ℓ1. The prior of w1 is N(α m, σ1²P),
    P = cC̃ + I/(n1 τ1), of the same task κC̃; a level of the source's is one more coefficient, of a column of ones.
    """

    part: Part
    slopes: Array
    levels: Array

    @property
    def plain(self) -> Spectrum:
        """The target in its own axes."""
        white = self.part.meeting.whitening
        return self.part.meeting.target if white is None else white.uncertain[0].target

    @property
    def shared(self) -> Uncertainty | None:
        """The source whose level is the target's."""
        white = self.part.meeting.whitening
        return white.uncertain[0] if white is not None and white.level else None

    @property
    def own(self) -> float:
        """Whether the level is the target's own: N(ȳ1, σ1²/n1), whatever w1."""
        return float(self.shared is None and self.plain.basis.fit_intercept)

    @cached_property
    def h(self) -> Array:
        """(p, f): of a shared level ℓ1 = ℓ0 + (x̄1 − x̄0)'w1."""
        return self.slopes if self.shared is None else self.slopes + self.shared.shift * self.levels

    @cached_property
    def ones(self) -> Array:
        """The prior's variance of that level, as far as each has it, (f,)."""
        return 0 * self.levels if self.shared is None else self.levels * self.shared.level_variance

    @cached_property
    def covered(self) -> Array:
        """C̃h (p, f); 0 where nothing is known of it."""
        white = self.part.meeting.whitening
        return 0 * self.h if white is None else white.covered(self.h)

    @cached_property
    def by_prior(self) -> tuple[Array, Array]:
        """APh, (d, f) each, in the hypothesis's axes: the part that stands and the one over τ1, or over 1/κ."""
        if self.part.meeting.whitening is None:
            private = self._in_rows(self.h, 0 * self.ones) / self.plain.n
            return 0 * private, private
        uncertain = self._in_rows(self.covered, self.ones)
        if not self.stands:
            return 0 * uncertain, uncertain
        return uncertain, self._in_rows(self.h, 0 * self.ones) / self.plain.n

    @property
    def stands(self) -> bool:
        """Whether what the source does not know stands beside a part that τ1 penalises."""
        white = self.part.meeting.whitening
        return white is not None and bool(white.spread)

    def prior(self, inside: Callable[[Array, Array], Any]) -> tuple[Any, Any]:
        """h'Ph by the product that is asked for, of the part that stands and of the one over τ1, or over 1/κ."""
        uncertain = inside(self.h, self.covered) + inside(self.levels[None], self.ones[None])
        private = inside(self.h, self.h) / self.plain.n
        if self.part.meeting.whitening is None:
            return 0 * private, private
        return (uncertain, private) if self.stands else (0 * uncertain, uncertain)

    def _in_rows(self, columns: Array, level: Array) -> Array:
        """A (columns, level), in the hypothesis's axes."""
        rows = self.plain.singular_values[:, None] * self.plain.project(columns)
        if self.shared is not None:
            rows = np.vstack([rows, np.sqrt(self.plain.n) * (self.shared.shift.T @ columns + level)])
        white = self.part.meeting.whitening
        return rows if white is None else white.turn @ rows


def filters(part: Part) -> tuple[Array, Array, Array]:
    """S⁻¹ in the hypothesis's axes and S⁻¹/τ1, (d, m) each, and 1/τ1 (m,), 0 at τ1 = ∞.

    S = I + diag(λ)/τ1 there (``Whitening``), so that they are τ1/(λ + τ1) and 1/(λ + τ1). Without a penalty nothing is
    known beyond the rows' span: a billionth of the mean eigenvalue stands for it.
    """
    target = part.meeting.target
    tau = np.maximum(part.target_tau, 1e-9 * target.unit)
    kept, divided = kept_shares(target, tau)
    finite = np.isfinite(tau)
    return kept, divided * finite, np.where(finite, 1 / np.where(finite, tau, 1.0), 0.0)


def noise(part: Part) -> tuple[Array, float]:
    """σ1² at each point (k, m), and of how many degrees of freedom its scaled inverse chi-square is."""
    target = part.meeting.target
    freedom = max(target.contrasts * target.n_outputs, 1e-300)
    return part.meeting.bracket(part.source_tau, part.scale, part.target_tau) / freedom, freedom


def _of_part(part: Part, slopes: Array, levels: Array) -> tuple[Array, Array, float]:
    """Places (k, m), scales (k, m) and degrees of freedom of one hypothesis.

    The rows say y1 = A w1 + e, so that h'w1 has the mean αh'm + (APh)'S⁻¹r and the variance
    σ1²(h'Ph − (APh)'S⁻¹APh), S = I + APA'.
    """
    of, seen = Linear(part, slopes, levels), part.meeting
    (known, penalised), (known_prior, penalised_prior) = of.by_prior, of.prior(np.vdot)
    kept, over, inverse = filters(part)
    shifted = seen.shifted(part.source_tau, part.scale)
    place = np.einsum("rqk,rq->kr", shifted, known) @ kept + np.einsum("rqk,rq->kr", shifted, penalised) @ over
    source = seen.source if seen.sources else None
    if source is not None and not np.isinf(part.source_tau).all():
        starts = np.nan_to_num(source.starts(part.source_tau, part.scale))
        place += np.tensordot(starts, source.project(of.h), axes=((0, 1), (0, 1)))[:, None]
    level = of.plain.y_mean if of.shared is None else of.shared.spectrum.y_mean
    place += float(levels @ level)
    variance = known_prior + penalised_prior * inverse + of.own * float(levels @ levels) / of.plain.n
    square, cross, other = (known**2).sum(axis=1), (known * penalised).sum(axis=1), (penalised**2).sum(axis=1)
    variance = variance - square @ kept - 2 * cross @ over - (other @ over) * inverse
    scale, freedom = noise(part)
    return place, np.sqrt(scale * np.maximum(variance, 0.0)), freedom
