"""Survey: each hypothesis over its starts and target penalties, and the best point of them all.

All priors are proper, so nothing hangs on where a grid ends; integrals are sums over grids that close in on the mass,
so nothing hangs on how fine they are. The two tables' axes are met once; a grid then costs three matrix products.
Several sources stacked have a start for each τ1: their mean scales, with the evidence of the scales integrated out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from headwater.selection.hypotheses import OWN_LEVEL, SAME, SCRATCH, Hypothesis, odds_of
from headwater.selection.meeting import Meeting
from headwater.selection.stacking import Stack
from headwater.selection.surface import Part, Surface
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
    seen, unit = meeting.seen_by(hypothesis), meeting.target.unit if hypothesis.private else 1.0
    logs: Array = np.linspace(*_TARGET_REACH, _NODES if tau is None else 1)

    def target_tau() -> Array:
        return np.asarray(unit * np.exp(logs)) if tau is None else np.array([tau], dtype=np.float64)

    spaced = _spacing(seen, hypothesis, target_tau())
    even: Array = spaced.even(hypothesis.nodes(_NODES))

    def part() -> Part:
        steps = spaced.log_slope(even) + _log_step(even)
        return _evaluate(
            seen, hypothesis, spaced.nodes(even), steps, logs if tau is None else None, target_tau(), criterion
        )

    for _ in range(2 if len(even) * len(logs) > 1 else 0):
        weight = part().weight
        even, logs = _closer(even, weight.sum(axis=1)), _closer(logs, weight.sum(axis=0))
    return part()


@dataclass(frozen=True)
class _Spacing:
    """How nodes of an axis are spaced: evenly in asinh((node − centre)/width), or evenly where that is infinite."""

    centre: float = 0.0
    width: float = np.inf

    def even(self, nodes: Array) -> Array:
        """As many even coordinates between those of the first and the last node."""
        if np.isinf(self.width):
            return nodes
        first, last = np.arcsinh((nodes[[0, -1]] - self.centre) / self.width)
        return np.linspace(first, last, len(nodes))

    def nodes(self, even: Array) -> Array:
        return even if np.isinf(self.width) else self.centre + self.width * np.sinh(even)

    def log_slope(self, even: Array) -> Array:
        """Of the nodes along their even coordinates."""
        return np.zeros_like(even) if np.isinf(self.width) else np.log(self.width * np.cosh(even))


def _spacing(seen: Meeting, hypothesis: Hypothesis, target_tau: Array) -> _Spacing:
    """Nodes close together where the likelihood may have a peak too narrow for even ones.

    Along the scale α the bracket is a parabola, b ((α − α̂)² + δ²), and the likelihood a power of it: with a row or two
    to spare α̂ may fit by chance, δ be next to nothing, and the flanks too heavy for a grid to close in on the peak. It
    has poles at α̂ ± iδ, and none near the real axis in asinh((α − α̂)/δ), so that sums over even nodes there are exact.
    """
    if hypothesis.axis != "scale":
        return _Spacing()
    low, middle, high = seen.bracket(*hypothesis.starts(np.array([0.0, 0.5, 1.0])), target_tau)
    curvature, slope = np.maximum(2 * (low - 2 * middle + high), _TINY), high - low
    width = np.sqrt(np.maximum(middle - slope**2 / (4 * curvature), 0.0) / curvature)
    narrowest = int(np.argmin(width))
    centre, width = 0.5 - slope[narrowest] / (2 * curvature[narrowest]), max(float(width[narrowest]), _NARROW)
    ends = hypothesis.reach
    return _Spacing(float(np.clip(centre, *ends)), width) if width < ends[1] - ends[0] else _Spacing()


def _evaluate(
    seen: Meeting,
    hypothesis: Hypothesis,
    nodes: Array,
    log_steps: Array,
    logs: Array | None,
    target_tau: Array,
    criterion: str,
) -> Part:
    """The part at these nodes of the hypothesis, each with the log of its step along the axis, and at these log target
    penalties in units of the mean eigenvalue.
    """
    source_tau, scale, score, compared = _scored(seen, hypothesis, nodes, target_tau, criterion)
    target_prior = np.zeros(1) if logs is None else hypothesis.log_target_density(logs) + _log_step(logs)
    prior = (hypothesis.log_density(nodes) + log_steps)[:, None] + target_prior
    log_evidence = float(logsumexp(compared + prior))
    if hypothesis.stacked:  # a start for each target penalty, and of no other
        here = np.eye(len(target_tau), dtype=bool)
        score, prior = np.where(here, score, -np.inf), np.where(here, prior, -np.inf)
    return Part(hypothesis, seen, source_tau, scale, target_tau, score, prior, log_evidence)


def _scored(
    seen: Meeting, hypothesis: Hypothesis, nodes: Array, target_tau: Array, criterion: str
) -> tuple[Array, Array, Array, Array]:
    """A hypothesis's starts, source penalties and scales, at its nodes, their scores (k, m), and those compared.

    Of sources stacked a start for each target penalty, and one row of scores. Scores within a hypothesis are
    restricted to contrasts; compared are those of rows, with the level's own prior where it is the target's.
    """
    target = seen.target
    levels = target.n_outputs * (LEVEL if target.basis.fit_intercept else 0.0)
    if hypothesis.stacked:
        stack = Stack(seen, np.array(hypothesis.stacked))
        score, scale = stack.surveyed(target_tau, target.contrasts)
        compared = stack.surveyed(target_tau, target.n)[0] + levels
        source_tau = np.tile(stack.source_tau, (len(scale), 1))
    else:
        source_tau, scale = hypothesis.starts(nodes)
        score = compared = seen.score(source_tau, scale, target_tau, criterion)
        if criterion == "evidence" and target.basis.fit_intercept:
            bracket = np.maximum(seen.bracket(source_tau, scale, target_tau), _TINY)
            compared = score - 0.5 * target.n_outputs * np.log(bracket) + levels
    if target.contrasts <= 1 and criterion == "evidence":  # one contrast may be all noise or none: which, nobody knows
        score, compared = np.zeros_like(score), np.zeros_like(compared)
    return source_tau, scale, score, compared


def _log_step(nodes: Array) -> float:
    return float(np.log(nodes[1] - nodes[0])) if len(nodes) > 1 else 0.0


def _closer(nodes: Array, weight: Array) -> Array:
    """As many nodes over the part that holds more than a ten-millionth of the weight at its peak; a lone one stays."""
    if len(nodes) == 1:
        return nodes
    held = np.flatnonzero(weight >= 1e-7 * weight.max())
    low, high = max(held[0] - 1, 0), min(held[-1] + 1, len(nodes) - 1)
    return np.linspace(nodes[low], nodes[high], len(nodes))


def best(surface: Surface) -> Part:
    """The posterior's peak, off the grid, in the hypothesis that holds most weight on the winning side; one point.

    Scratch wins where it holds half or more. A source is the same task where both hypotheses of that, whatever the
    level, hold more than any other; of them the likelier is taken.
    """
    winning = [
        (part, share)
        for part, share in zip(surface.parts, surface.share, strict=True)
        if (part.hypothesis.kind != SCRATCH) == surface.transferred
    ]
    mass: dict[tuple[bool, str], float] = {}
    for part, share in winning:
        mass[_side(part)] = mass.get(_side(part), 0.0) + share
    side = max(mass, key=lambda name: mass[name])
    part, _ = max((pair for pair in winning if _side(pair[0]) == side), key=lambda pair: pair[1])
    hypothesis, seen, unit = part.hypothesis, part.meeting, _unit(part)
    fixed = len(part.target_tau) == 1

    logs = np.zeros(1) if fixed else np.linspace(*_TARGET_REACH, 2 * _NODES)
    spaced = _spacing(seen, hypothesis, part.target_tau if fixed else unit * np.exp(logs))

    def value(even: Array, logs: Array) -> Array:
        start, target_tau = spaced.nodes(even), part.target_tau if fixed else unit * np.exp(logs)
        score = _scored(seen, hypothesis, start, target_tau, surface.criterion)[2]
        return score + hypothesis.log_density(start)[:, None] + (0.0 if fixed else hypothesis.log_target_density(logs))

    even, log_tau = peak(value, spaced.even(hypothesis.nodes(_NODES)), logs)
    target_tau = part.target_tau if fixed else np.array([unit * np.exp(log_tau)])
    start = spaced.nodes(np.array([even]))
    return _evaluate(seen, hypothesis, start, np.zeros(1), None, target_tau, surface.criterion)


def _side(part: Part) -> tuple[bool, str]:
    """Hypotheses of the same task, of one source, stand together."""
    same = part.hypothesis.kind in (SAME, OWN_LEVEL)
    return same, str(part.hypothesis.place) if same else part.hypothesis.name


def _unit(part: Part) -> float:
    white = part.meeting.whitening
    if not part.hypothesis.private:
        return 1.0
    return (part.meeting.target if white is None else white.uncertain[0].target).unit


def peak(value: Callable[[Array, Array], Array], starts: Array, logs: Array) -> tuple[float, float]:
    """Where a smooth surface is highest: its best node, then finer grids about it, then where its slopes vanish.

    Comparing values finds a peak to √ε; the last steps are Newton's, on slopes by differences of fourth order.
    """
    axes = [starts, logs]
    for _ in range(12):
        top = np.unravel_index(int(np.argmax(value(*axes))), (len(axes[0]), len(axes[1])))
        found = np.array([axis[index] for axis, index in zip(axes, top, strict=True)])
        steps = np.array([axis[1] - axis[0] if len(axis) > 1 else 0.0 for axis in axes])
        if steps.max() < 1e-2:
            break
        axes = [_around(axis, int(index)) for axis, index in zip(axes, top, strict=True)]
    free = np.flatnonzero(steps)
    refined = found.copy()
    for _ in range(12 if len(free) else 0):
        grid = value(refined[0] + _OFFSETS, refined[1] + _OFFSETS)
        if not np.isfinite(grid).all():
            return float(found[0]), float(found[1])
        slope, curvature = _derivatives(grid)
        slope, curvature = slope[free], curvature[np.ix_(free, free)]
        if np.linalg.eigvalsh(curvature).max() >= 0:
            return float(found[0]), float(found[1])
        move = np.linalg.solve(curvature, slope)
        refined[free] -= move
        if not (np.abs(refined - found) <= 4 * steps + 1e-9).all():  # an end, or a ridge without a top
            return float(found[0]), float(found[1])
        if np.abs(move).max() < 1e-13:
            break
    return float(refined[0]), float(refined[1])


_WIDTH = 1e-2
_OFFSETS = _WIDTH * np.arange(-2, 3)
_FIRST, _SECOND = np.array([1, -8, 0, 8, -1]) / (12 * _WIDTH), np.array([-1, 16, -30, 16, -1]) / (12 * _WIDTH**2)


def _derivatives(grid: Array) -> tuple[Array, Array]:
    """Slopes (2,) and curvatures (2, 2) from a grid of five by five values, or five by one."""
    if grid.shape[1] == 1:
        grid = np.repeat(grid, 5, axis=1)
    across, along = grid[:, 2], grid[2]
    mixed = _FIRST @ grid @ _FIRST
    return np.array([_FIRST @ across, _FIRST @ along]), np.array([[_SECOND @ across, mixed], [mixed, _SECOND @ along]])


def _around(nodes: Array, index: int) -> Array:
    """A finer grid about a node, or one as fine where the peak may lie beyond the grid's end; a lone node stays."""
    if len(nodes) == 1:
        return nodes
    step = nodes[1] - nodes[0]
    reach = 6 * step if len(nodes) == 13 and index in (0, 12) else step
    return np.asarray(nodes[index] + np.linspace(-reach, reach, 13))
