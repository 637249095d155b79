"""Posterior: what the average over all hypotheses leaves open of a target's coefficients and level, and of new rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from headwater.selection.hypotheses import SCRATCH, Hypothesis
from headwater.selection.left_out import averaged_loo_residuals
from headwater.selection.meeting import Meeting
from headwater.selection.predictive import Linear, filters, noise
from headwater.selection.surface import Part, Surface
from headwater.selection.survey import survey
from headwater.selection.uncertainty import StandardErrors, Uncertainty
from headwater.spectrum.rows import Array
from headwater.spectrum.spectrum import Spectrum

_NUMBERS = (
    1 << 19
)  # of the axes kept, 4 MB: of fewer than 724 features that is all of them; eight times as many are made
_KEPT = 999  # residuals, whose places say all levels up to 99.8 %
_HELD = 1e-7  # of the likeliest point's weight: what has less is left out


@dataclass(frozen=True, eq=False)
class Posterior:
    """The first two moments of one output's (w1, ℓ1), ℓ1 its mean outcome at the target's mean features.

    ``mean`` (p + 1,), the level last. Their covariance is diag(``apart``) + Q ``within`` Q', Q the ``axes`` (p + 1, k);
    ``variance`` is the noise's and ``freedom`` its degrees of freedom. No rows are held, and no p×p matrix where p is
    large: the axes are then those along which the target varies and those along which a source varies most, and what
    is open beyond them is spread evenly. ``left_out``: residuals of whole groups left
    out in units of ``new`` at their rows, sorted, evenly spaced among them; None where rows are independent.
    """

    centre: Array
    mean: Array
    axes: Array
    within: Array
    apart: Array
    variance: float
    freedom: float
    left_out: Array | None = None

    def spread(self, X: Array) -> Array:
        """The standard error of the mean outcome at rows X (n, p), a Student's scale; (n,)."""
        rows = self._rows(X)
        inside = rows @ self.axes
        squares = rows**2 @ self.apart + np.einsum("nk,kl,nl->n", inside, self.within, inside, optimize=True)
        return np.sqrt(np.maximum(squares, 0.0))

    def new(self, X: Array, predicted: Array | None = None) -> Array:
        """The scale of a new outcome at rows X (n, p), its noise with it, about the mean or what is predicted; (n,)."""
        away = 0.0 if predicted is None else self._rows(X) @ self.mean - predicted
        return np.asarray(np.sqrt(self.spread(X) ** 2 + away**2 + self.variance))

    def standard_errors(self, coef: Array) -> Array:
        """The scale of each coefficient about what it is taken to be, both (p,)."""
        inside = np.einsum("pk,kl,pl->p", self.axes, self.within, self.axes, optimize=True)
        return np.sqrt(np.maximum(self.apart + inside, 0.0)[:-1] + (self.mean[:-1] - coef) ** 2)

    def reach(self, level: float) -> float:
        """How many scales an interval of this level goes to either side; ∞ where nothing is known of the noise."""
        return float(stdtrit(self.freedom, (1 + level) / 2)) if self.freedom >= 1 else np.inf

    def new_reach(self, level: float) -> float:
        """The same of a new outcome: where groups were left out, as many as their residuals need."""
        if self.left_out is None:
            return self.reach(level)
        # with n seen a new one is among the k smallest of n + 1 with probability k/(n + 1)
        place = int(np.ceil(level * (len(self.left_out) + 1)))
        return float(self.left_out[place - 1]) if place <= len(self.left_out) else self.reach(level)

    def _rows(self, X: Array) -> Array:
        return np.column_stack([X - self.centre, np.ones(len(X))])


def posteriors(surface: Surface) -> tuple[Posterior, ...]:
    """The posterior of each output, from the surface that a fit averages over.

    Given a hypothesis, a start and a penalty the target's task is normal times the noise; the noise, whose variance has
    a scaled inverse chi-square at each such point, is given its mean over all of them.
    """
    target = Linear(surface.parts[0], np.zeros((0, 0)), np.zeros(0)).plain
    axes, apart = _axes(surface, target), np.zeros(target.n_features + 1)
    coef, intercept = surface.fitted
    means = np.column_stack([coef, intercept + coef @ target.x_mean])  # (q, p + 1)
    within, variance, freedom = np.zeros((target.n_outputs, *2 * axes.shape[1:])), 0.0, 0.0
    for part, share in zip(surface.parts, surface.share, strict=True):
        of, weight = Linear(part, axes[:-1], axes[-1]), share * part.weight
        scale, freedom = noise(part)
        left = (weight * scale).sum(axis=0)  # the noise at each τ1, (m,)
        variance += float(left.sum())
        within += _given(of, left)
        if share > _HELD:
            for index, (held, places) in enumerate(_places(of, weight)):
                away = np.sqrt(held)[:, None] * (places - means[index] @ axes)
                within[index] += away.T @ away
        if axes.shape[0] > axes.shape[1]:
            apart[:-1] += _prior(of, left)
    within -= np.einsum("pk,p,pl->kl", axes, apart, axes, optimize=True)
    axes, within, beyond = _cut(axes, within, apart)
    found = tuple(
        Posterior(target.x_mean, mean, axes, inside, rest, variance, freedom)
        for mean, inside, rest in zip(means, within, beyond, strict=True)
    )
    return found if target.basis.groups is None else _with_left_out(found, surface, target)


def _with_left_out(found: tuple[Posterior, ...], surface: Surface, target: Spectrum) -> tuple[Posterior, ...]:
    left, weight, _ = target.rows
    rows = target.expand((left * target.singular_values / np.sqrt(weight)[:, None]).T).T + target.x_mean
    residuals = np.abs(averaged_loo_residuals(surface))
    at = np.arange(1.0, min(target.n, _KEPT) + 1) / min(target.n, _KEPT)
    out = []
    for one, each in zip(found, residuals.T, strict=True):
        standard = np.quantile(each / one.new(rows), at.clip(max=1.0), weights=weight, method="inverted_cdf")
        out.append(replace(one, left_out=standard))
    return tuple(out)


def alone(surface: Surface) -> Surface:
    """The target alone, as it is met in a surface."""
    for part in surface.parts:
        if part.hypothesis.kind == SCRATCH:
            return surface.only(part.hypothesis.name)
    target = Linear(surface.parts[0], np.zeros((0, 0)), np.zeros(0)).plain
    return survey(Meeting(target, ()), [Hypothesis(SCRATCH, np.inf)], criterion=surface.criterion)


def _most(features: int) -> int:
    """How many axes are kept."""
    return max(_NUMBERS // (features + 1), 16)


def _axes(surface: Surface, target: Spectrum) -> Array:
    """All of the space of (w1, ℓ1), or orthonormal axes of what the tables say of it, the level's first.

    Beyond these the posterior is the prior, which is diagonal.
    """
    p = target.n_features
    if p < _most(p):  # all are kept, in any order
        return np.eye(p + 1)
    found = [target.expand(np.eye(target.rank))]
    uncertain: dict[int, Uncertainty] = {}
    for part in surface.parts:
        found += [source.coef.T if source.unit is None else source.unit[:, None] * source.coef.T
                  for source in part.meeting.sources]  # fmt: skip
        white = part.meeting.whitening
        uncertain |= {id(one): one for one in (white.uncertain if white else ())}
    for one in uncertain.values():
        found += [one.shift] if one.level else []
        found.append(one.covered(found[0]))
    found += [one.source.expand(np.eye(one.source.spectrum.rank)) for one in uncertain.values() if one.source.spectrum]
    axes = np.linalg.qr(np.column_stack(found)[:, : min(8 * _most(p), p)])[0]
    return np.block([[np.zeros((p, 1)), axes], [np.ones((1, 1)), np.zeros((1, axes.shape[1]))]])


def _cut(axes: Array, within: Array, apart: Array) -> tuple[Array, Array, Array]:
    """The first axes only, the level's first of all, with what they hold and what is beyond them, of each output.

    What the others held of the whole is spread evenly over all that is beyond, so that its sum stays.
    """
    most = min(_most(len(axes) - 1), axes.shape[1])
    beyond = np.repeat(apart[None], len(within), axis=0)
    if most < axes.shape[1]:
        more = np.einsum("qkk->q", within[:, most:, most:]) / (len(axes) - most)
        beyond[:, :-1] += more[:, None]
        within = within[:, :most, :most] - more[:, None, None] * np.diag(np.arange(most) > 0)
    return axes[:, :most], within, beyond.clip(min=0.0)


def _given(of: Linear, left: Array) -> Array:
    """The covariance of f numbers given a point, summed over the points at each τ1 with the noise ``left`` (m,)."""
    (known, penalised), (uncertain, private) = of.by_prior, of.prior(lambda one, other: one.T @ other)
    kept, over, inverse = filters(of.part)
    cross = known.T @ ((over @ left)[:, None] * penalised)
    seen = known.T @ ((kept @ left)[:, None] * known) + cross + cross.T
    seen += penalised.T @ ((over * inverse @ left)[:, None] * penalised)
    level = of.own / of.plain.n * np.outer(of.levels, of.levels)
    return np.asarray(left.sum() * (uncertain + level) + (left @ inverse) * private - seen)


def _prior(of: Linear, left: Array) -> Array:
    """The prior's variance of each coefficient where neither table varies, summed alike, (p,)."""
    white, inverse = of.part.meeting.whitening, filters(of.part)[2]
    private = np.full(of.plain.n_features, left @ inverse / of.plain.n)
    if white is None:
        return private
    open_ = np.zeros(len(private))
    for one, spread in zip(white.uncertain, white.spread or (1.0,), strict=True):
        if isinstance(one, StandardErrors):
            open_ += spread * one.covered(np.ones((len(open_), 1)))[:, 0]
        elif one.spectrum.rank < one.spectrum.n_features:
            unit = 1.0 if one.source.unit is None else one.source.unit
            open_ += spread * unit**2 / (one.spectrum.n * one.tau)
    return left.sum() * open_ + private if white.spread else (left @ inverse) * open_


def _places(of: Linear, weight: Array) -> list[tuple[Array, Array]]:
    """Of each output the points' weights and what the f numbers are expected to be there, (points,) and (points, f)."""
    part, seen = of.part, of.part.meeting
    tau, scale, weight, start, penalty = _points(part, weight)
    (known, penalised), (kept, over, _) = of.by_prior, filters(part)
    shifted = seen.shifted(tau, scale)[:, :, start]
    level = of.plain.y_mean if of.shared is None else of.shared.spectrum.y_mean
    out = []
    for index in range(of.plain.n_outputs):
        residual = shifted[:, index]
        places = (residual * kept[:, penalty]).T @ known + (residual * over[:, penalty]).T @ penalised
        for place, source in enumerate(seen.sources):
            taus, scales = (one if one.ndim == 1 else one[:, place] for one in (tau, scale))
            starts = np.nan_to_num(source.starts(taus, scales))[:, index]
            places += (starts.T @ source.project(of.h))[start]
        out.append((weight, places + level[index] * of.levels))
    return out


def _points(part: Part, weight: Array) -> tuple[Array, Array, Array, NDArray[np.intp], NDArray[np.intp]]:
    """Starts, and points by their weight and the places of their start and τ1, with the moments of all of them.

    What is linear in the scale has them from two scales at each τ1, a standard deviation off the mean.
    """
    if part.hypothesis.axis == "scale":
        held = weight.sum(axis=0)
        share = weight / np.where(held > 0, held, 1.0)
        mean = part.scale @ share
        deviation = np.sqrt(np.maximum(part.scale**2 @ share - mean**2, 0.0))
        scale, places = np.concatenate([mean - deviation, mean + deviation]), np.arange(2 * len(held))
        return np.full(len(scale), part.source_tau[0]), scale, np.tile(held / 2, 2), places, places % len(held)
    start, penalty = np.nonzero(weight > _HELD * weight.max())
    return part.source_tau, part.scale, weight[start, penalty], start, penalty
