"""Survey: each hypothesis over its starts and target penalties, and the best point of them all.

All priors are proper, so nothing hangs on where a grid ends; integrals are sums over grids that close in on the mass,
so nothing hangs on how fine they are. The two tables' axes are met once; a grid then costs three matrix products.
Several sources stacked have a start for each τ1: their mean scales, with the evidence of the scales integrated out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from headwater.selection.hypotheses import OWN_LEVEL, SAME, SCRATCH, Hypothesis, odds_of
from headwater.selection.meeting import Meeting
from headwater.selection.peak import node_at, peak
from headwater.selection.stacking import Stack
from headwater.selection.surface import Part, Surface, plain, shares
from headwater.spectrum.rows import Array

_NODES = 61
_TARGET_REACH = (-27.0, 16.0)  # log of the target penalty over the mean eigenvalue
_TINY = np.finfo(np.float64).tiny
_NARROW = 1e-4  # of a scale: closer is nobody's
LEVEL = float(np.log(2 / 3))  # of a level at its estimate with uniform shrinkage: the mean of √s over s in (0, 1)


def survey(
    meeting: Meeting, compared: list[Hypothesis], tau: float | None = None, criterion: str = "evidence"
) -> Surface:
    """The surface over the hypotheses, each on a wide grid, then twice where it has mass."""
    groups = meeting.target.basis.groups
    repeated = 1.0 if groups is None else max(meeting.target.n / len(groups), 1.0)
    parts = tuple(_surveyed(meeting, hypothesis, tau, criterion) for hypothesis in compared)
    return Surface(criterion, parts, odds_of(compared), repeated)


def _surveyed(meeting: Meeting, hypothesis: Hypothesis, tau: float | None, criterion: str) -> Part:
    seen = meeting.seen_by(hypothesis)
    unit = np.asarray(meeting.target.unit if hypothesis.private else 1.0)[..., None]
    logs: Array = np.linspace(*_TARGET_REACH, _NODES if tau is None else 1)

    def target_tau() -> Array:
        return unit * np.exp(logs) if tau is None else np.array([tau], dtype=np.float64)

    axis = _axis_of(seen, hypothesis, target_tau())
    even = axis.even(_NODES)
    for _ in range(2 if even.shape[-1] * len(logs) > 1 else 0):
        _, _, score = _scored(seen, hypothesis, axis.nodes(even), target_tau(), criterion)
        weight = shares(score, _log_prior(axis, even, logs if tau is None else None), axis=(-2, -1))
        even, logs = _closer(even, weight.sum(axis=-1)), _closer(logs, weight.sum(axis=-2))
    return _part(seen, axis, even, logs if tau is None else None, target_tau(), criterion)


@dataclass(frozen=True)
class _Axis:
    """A hypothesis's axis with nodes even in asinh((node − centre)/width), or in themselves where there is no width."""

    hypothesis: Hypothesis
    centre: Any = None
    width: Any = None

    def even(self, count: int) -> Array:
        """As many even coordinates from end to end; one for a point."""
        if self.width is None:
            return self.hypothesis.nodes(count)
        low, high = (np.arcsinh((end - self.centre) / self.width) for end in self.hypothesis.reach)
        return np.linspace(low, high, count, axis=-1)

    def nodes(self, even: Array) -> Array:
        return even if self.width is None else self.centre[..., None] + self.width[..., None] * np.sinh(even)

    def log_slope(self, even: Array) -> Array:
        """Of the nodes along their even coordinates."""
        return np.zeros(1) if self.width is None else np.log(self.width[..., None] * np.cosh(even))


def _axis_of(seen: Meeting, hypothesis: Hypothesis, target_tau: Array) -> _Axis:
    """The axis with nodes close together where the likelihood may have a peak too narrow for even ones.

    Along the scale α the bracket is a parabola, b ((α − α̂)² + δ²), and the likelihood a power of it: with a row or two
    to spare, α̂ may fit by chance, δ be next to nothing, and the flanks too heavy for a grid to close in on the peak. It
    has poles at α̂ ± iδ, and none near the real axis in asinh((α − α̂)/δ), so that sums over even nodes there are exact.
    """
    if hypothesis.axis != "scale":
        return _Axis(hypothesis)
    found = seen.bracket(*hypothesis.starts(np.array([0.0, 0.5, 1.0])), target_tau)
    low, middle, high = np.moveaxis(found, -2, 0)
    curvature, slope = np.maximum(2 * (low - 2 * middle + high), 1e-12 * middle + _TINY), high - low
    width = np.sqrt(np.maximum(middle - slope**2 / (4 * curvature), 0.0) / curvature)
    narrowest = width.argmin(axis=-1)
    centre = node_at(0.5 - slope / (2 * curvature), narrowest)
    least = 1.0 if seen.target.contrasts <= 1 else _NARROW  # one contrast is fitted exactly, and says nothing
    return _Axis(hypothesis, np.clip(centre, *hypothesis.reach), np.clip(node_at(width, narrowest), least, 1.0))


def _part(seen: Meeting, axis: _Axis, even: Array, logs: Array | None, target_tau: Array, criterion: str) -> Part:
    """The part at these nodes of an axis and, in units of the mean eigenvalue, these log target penalties."""
    hypothesis, nodes = axis.hypothesis, axis.nodes(even)
    source_tau, scale, score = _scored(seen, hypothesis, nodes, target_tau, criterion)
    compared = _compared(seen, hypothesis, (source_tau, scale, target_tau), score, criterion)
    prior = _log_prior(axis, even, logs)
    if hypothesis.stacked:  # a start for each target penalty, and of no other
        here = np.eye(target_tau.shape[-1], dtype=bool)
        score, prior = np.where(here, score, -np.inf), np.where(here, prior, -np.inf)

    def whole(values: Array) -> Array:
        """An axis that targets stacked may share, with theirs in front."""
        return np.broadcast_to(values, (*score.shape[:-2], values.shape[-1]))

    starts = (source_tau, scale) if hypothesis.stacked else (whole(source_tau), whole(scale))
    axes = whole(even), whole(np.zeros(1) if logs is None else logs)
    prior = np.broadcast_to(prior, score.shape)
    return Part(hypothesis, seen, *starts, whole(target_tau), score, compared, prior, *axes)


def _log_prior(axis: _Axis, even: Array, logs: Array | None) -> Array:
    """Each point's prior mass (k, m); ``logs`` None: the target penalty is fixed."""
    hypothesis = axis.hypothesis
    prior = (hypothesis.log_density(axis.nodes(even)) + axis.log_slope(even) + _log_step(even))[..., None]
    return prior if logs is None else prior + (hypothesis.log_target_density(logs) + _log_step(logs))[..., None, :]


def _scored(
    seen: Meeting, hypothesis: Hypothesis, nodes: Array, target_tau: Array, criterion: str
) -> tuple[Array, Array, Array]:
    """A hypothesis's starts, source penalties and scales, at its nodes, and their scores (k, m).

    Of sources stacked a start for each target penalty, and one row of scores. They are of contrasts; a lone one may be
    all noise or none, which nobody can know, and has no evidence.
    """
    blind = seen.target.contrasts <= 1 and criterion == "evidence"
    if hypothesis.stacked:
        stack = Stack(seen, np.array(hypothesis.stacked))
        score, scale = stack.surveyed(target_tau, seen.target.contrasts)
        return np.broadcast_to(stack.source_tau, scale.shape), scale, np.zeros_like(score) if blind else score
    source_tau, scale = hypothesis.starts(nodes)
    score = seen.score(source_tau, scale, target_tau, criterion)
    return source_tau, scale, np.zeros_like(score) if blind else score


def _compared(
    seen: Meeting, hypothesis: Hypothesis, points: tuple[Array, Array, Array], score: Array, criterion: str
) -> Array:
    """What these scores are between hypotheses: of rows, with the level's own prior where it is the target's."""
    target = seen.target
    levels = target.n_outputs * (LEVEL if target.basis.fit_intercept else 0.0)
    if target.contrasts <= 1 and criterion == "evidence":
        return np.zeros_like(score)
    if hypothesis.stacked:
        return Stack(seen, np.array(hypothesis.stacked)).surveyed(points[2], target.n)[0] + levels
    if criterion == "evidence" and target.basis.fit_intercept:
        bracket = np.maximum(seen.bracket(*points), _TINY)
        return score - 0.5 * target.n_outputs * np.log(bracket) + levels
    return score


def _log_step(nodes: Array) -> Array:
    return np.log(nodes[..., 1:2] - nodes[..., :1]) if nodes.shape[-1] > 1 else np.zeros(1)


def _closer(nodes: Array, weight: Array) -> Array:
    """As many nodes over the part that holds more than a ten-millionth of the weight at its peak; a lone one stays."""
    count = nodes.shape[-1]
    if count == 1:
        return nodes
    held = weight >= 1e-7 * weight.max(axis=-1, keepdims=True)
    first, last = held.argmax(axis=-1), count - 1 - held[..., ::-1].argmax(axis=-1)
    low, high = node_at(nodes, np.maximum(first - 1, 0)), node_at(nodes, np.minimum(last + 1, count - 1))
    return np.linspace(low, high, count, axis=-1)


@dataclass(frozen=True)
class Best:
    """The posterior's peak, of each target that is stacked: the hypotheses that won any, at their peaks, and which."""

    parts: tuple[Part, ...]
    won: tuple[Any, ...] | None = None

    @cached_property
    def point(self) -> tuple[Any, Any, Any]:
        """The source's penalty and scale and the target penalty there (``Part.point``)."""
        first, second, third = zip(*(part.point for part in self.parts), strict=True)
        return self._gathered(first), self._gathered(second), self._gathered(third)

    @cached_property
    def fitted(self) -> tuple[Array, Array]:
        """Its fit: coefficients (q, p) and intercepts (q,)."""
        coef, intercept = zip(*(part.fitted for part in self.parts), strict=True)
        return self._gathered(coef), self._gathered(intercept)

    def _gathered(self, values: Sequence[Any]) -> Any:
        if self.won is None:
            return plain(values[0])
        found = np.empty((sum(map(len, self.won)), *np.shape(values[0])[1:]))
        for some, value in zip(self.won, values, strict=True):
            found[some] = value
        return found


def best(surface: Surface) -> Best:
    """The posterior's peak, off the grid, in the hypothesis that holds most weight on the winning side; one point.

    Scratch wins where it holds half or more. A source is the same task where both hypotheses of that, whatever the
    level, hold more than any other; of them the likelier is taken.
    """
    share, sides = surface.share, [_side(part) for part in surface.parts]
    scratch = np.array([part.hypothesis.kind == SCRATCH for part in surface.parts])
    winning = scratch.reshape(-1, *[1] * (share.ndim - 1)) != surface.transferred
    held = np.where(winning, share, -1.0)
    mass = np.array([sum(held[i] for i, other in enumerate(sides) if other == side) for side in sides])
    winner = np.where(mass == mass.max(axis=0), held, -1.0).argmax(axis=0)
    if not winner.ndim:
        return Best((_peak_of(surface.parts[winner], surface.criterion),))
    won = tuple(np.flatnonzero(winner == index) for index in np.unique(winner))
    some = [surface.parts[winner[places[0]]].take(places) for places in won]
    return Best(tuple(_peak_of(part, surface.criterion) for part in some), won)


def _peak_of(part: Part, criterion: str) -> Part:
    """A hypothesis at its peak alone."""
    hypothesis, seen, unit = part.hypothesis, part.meeting, np.asarray(_unit(part))[..., None]
    fixed = part.target_tau.shape[-1] == 1

    wide = part.target_tau if fixed else unit * np.exp(np.linspace(*_TARGET_REACH, _NODES))
    axis = _axis_of(seen, hypothesis, wide)

    def value(even: Array, logs: Array) -> Array:
        nodes, target_tau = axis.nodes(even), part.target_tau if fixed else unit * np.exp(logs)
        density = hypothesis.log_density(nodes)[..., None]
        density = density if fixed else density + hypothesis.log_target_density(logs)[..., None, :]
        return _scored(seen, hypothesis, nodes, target_tau, criterion)[2] + density

    height = part.score + part.log_prior - axis.log_slope(part.nodes)[..., None]
    height = height.max(axis=-2, keepdims=True) if hypothesis.stacked else height
    start, log_tau = peak(value, part.nodes, part.logs, height)
    target_tau = part.target_tau if fixed else unit * np.exp(log_tau[..., None])
    return _part(seen, axis, start[..., None], None, target_tau, criterion)


def _side(part: Part) -> tuple[bool, str]:
    """Hypotheses of the same task, of one source, stand together."""
    same = part.hypothesis.kind in (SAME, OWN_LEVEL)
    return same, str(part.hypothesis.place) if same else part.hypothesis.name


def _unit(part: Part) -> Any:
    white = part.meeting.whitening
    if not part.hypothesis.private:
        return 1.0
    return (part.meeting.target if white is None else white.uncertain[0].target).unit
