"""Selection: the surface over (source penalty, scale, target penalty), its peak and its average.

The starts are those of the hypotheses, with their priors. All priors are proper, so nothing hangs on where a grid
ends; integrals are sums over grids that close in on the mass, so nothing hangs on how fine they are. The two tables'
axes are met once; a grid then costs three matrix products. Several sources stacked add a row for each τ1: the
start there is at their mean scales, and its score is the evidence with the scales integrated out.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from headwater.selection.hypotheses import AS_IS, OWN_PENALTY, Hypothesis, odds_of
from headwater.selection.meeting import Meeting
from headwater.selection.stacking import Stack
from headwater.selection.surface import Choice, Surface
from headwater.spectrum.rows import Array

_NODES = 61
_TARGET_REACH = (-27.0, 16.0)  # log of the target penalty over the mean eigenvalue


def survey(
    meeting: Meeting, compared: list[Hypothesis], tau: float | None = None, criterion: str = "evidence"
) -> Surface:
    """The surface over the hypotheses: on wide grids, then where each hypothesis has mass, then where the whole has."""
    nodes = [hypothesis.nodes(_NODES) for hypothesis in compared]
    logs: Array | None = None if tau is not None else np.linspace(*_TARGET_REACH, _NODES)
    for whole in (False, True):
        surface = _evaluate(meeting, compared, nodes, tau, logs, criterion)
        parts = [surface.only(hypothesis.name).weight for hypothesis in compared]
        nodes = [_closer(grid, part.sum(axis=1)) for grid, part in zip(nodes, parts, strict=True)]
        if logs is not None:
            shares = [surface.weight] if whole else parts
            logs = _closer(logs, np.max([share.sum(axis=0) / share.sum(axis=0).max() for share in shares], axis=0))
    return _evaluate(meeting, compared, nodes, tau, logs, criterion)


def _evaluate(
    meeting: Meeting,
    compared: list[Hypothesis],
    nodes: list[Array],
    tau: float | None,
    logs: Array | None,
    criterion: str,
) -> Surface:
    """The surface at these nodes of each hypothesis and these log target penalties, in units of the mean eigenvalue."""
    target_tau = np.array([tau], dtype=np.float64) if logs is None else meeting.target.unit * np.exp(logs)
    parts = []
    for hypothesis, grid, odds in zip(compared, nodes, odds_of(compared), strict=True):
        source_tau, scale, score = _scored(meeting, hypothesis, grid, target_tau, criterion)
        target_prior = np.zeros(1) if logs is None else hypothesis.log_target_density(logs) + _log_step(logs)
        prior = (np.log(odds) + hypothesis.log_density(grid) + _log_step(grid))[:, None] + target_prior
        if hypothesis.stacked:  # a start for each target penalty, and of no other
            here = np.eye(len(target_tau), dtype=bool)
            score, prior = np.where(here, score, -np.inf), np.where(here, prior, -np.inf)
        parts.append((np.repeat(hypothesis.name, len(scale)), source_tau, scale, score, prior))
    names, taus, scales, scores, priors = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Surface(criterion, names, taus, scales, target_tau, scores, priors)


def _scored(
    meeting: Meeting, hypothesis: Hypothesis, nodes: Array, target_tau: Array, criterion: str
) -> tuple[Array, Array, Array]:
    """A hypothesis's starts, source penalties and scales, at its nodes, and their scores (k, m); of sources stacked,
    a start for each target penalty, and one row of scores."""
    if not hypothesis.stacked:
        source_tau, scale = hypothesis.starts(nodes)
        return source_tau, scale, meeting.score(source_tau, scale, target_tau, criterion)
    stack = Stack(meeting, np.array(hypothesis.stacked))
    score, scale = stack.surveyed(target_tau)
    return np.tile(stack.source_tau, (len(scale), 1)), scale, score


def _log_step(nodes: Array) -> float:
    return float(np.log(nodes[1] - nodes[0])) if len(nodes) > 1 else 0.0


def _closer(nodes: Array, weight: Array) -> Array:
    """As many nodes over the part that holds more than a millionth of the weight at its peak; a lone one stays."""
    if len(nodes) == 1:
        return nodes
    held = np.flatnonzero(weight >= 1e-6 * weight.max())
    low, high = max(held[0] - 1, 0), min(held[-1] + 1, len(nodes) - 1)
    return np.linspace(nodes[low], nodes[high], len(nodes))


def best(meeting: Meeting, surface: Surface, compared: list[Hypothesis]) -> Choice:
    """The posterior's peak, off the grid, in the hypothesis that holds most weight on the winning side.

    Scratch wins where it holds half or more. As is lies on the path of own penalty and is no hypothesis beside it.
    """
    # A start at an infinite penalty, from a source that says nothing, is scratch by another name.
    winning = [one for one in compared if np.isinf(one.source_tau) != surface.transferred]
    mass = {hypothesis.name: surface.mass[hypothesis.name] for hypothesis in winning}
    points = {hypothesis.place: hypothesis.name for hypothesis in winning if hypothesis.kind == AS_IS}
    for hypothesis in winning:
        if hypothesis.kind == OWN_PENALTY:
            mass[hypothesis.name] += mass.pop(points.get(hypothesis.place, ""), 0.0)
    hypothesis = next(a for a in compared if a.name == max(mass, key=lambda name: mass[name]))
    unit, fixed = meeting.target.unit, len(surface.target_tau) == 1

    def value(start: Array, logs: Array) -> Array:
        target_tau = surface.target_tau if fixed else unit * np.exp(logs)
        score = _scored(meeting, hypothesis, start, target_tau, surface.criterion)[2]
        return score + hypothesis.log_density(start)[:, None] + (0.0 if fixed else hypothesis.log_target_density(logs))

    logs = np.zeros(1) if fixed else np.linspace(*_TARGET_REACH, 2 * _NODES)
    start, log_tau = _peak(value, hypothesis.nodes(_NODES), logs)
    target_tau = float(surface.target_tau[0]) if fixed else float(unit * np.exp(log_tau))
    source_tau, scale, score = _scored(
        meeting, hypothesis, np.array([start]), np.array([target_tau]), surface.criterion
    )
    one = [float(values[0]) if values.ndim == 1 else values[0] for values in (source_tau, scale)]
    return Choice(hypothesis.name, one[0], one[1], target_tau, float(score[0, 0]))


def _peak(value: Callable[[Array, Array], Array], starts: Array, logs: Array) -> tuple[float, float]:
    """Where a surface is highest: its best node, then ever finer grids about it, to a millionth of a step."""
    for _ in range(40):
        grid = value(starts, logs)
        row, column = np.unravel_index(int(np.argmax(grid)), grid.shape)
        start, log_tau = float(starts[row]), float(logs[column])
        if max(_step(starts, int(row)), _step(logs, int(column))) < 1e-6:
            break
        starts, logs = _around(starts, int(row)), _around(logs, int(column))
    return start, log_tau


def _step(nodes: Array, index: int) -> float:
    """The distance between nodes; 0 for a lone one, and about an infinite one."""
    if len(nodes) == 1 or not np.isfinite(nodes[index]):
        return 0.0
    steps = np.abs(np.diff(nodes))
    return float(steps[np.isfinite(steps)][0])


def _around(nodes: Array, index: int) -> Array:
    """A grid about a node: finer, or as fine where the node is the last of a grid whose peak may lie beyond it."""
    step = _step(nodes, index)
    if step == 0:
        return nodes[[index]]
    reach = 6 * step if len(nodes) == 13 and index in (0, 12) else step
    return np.asarray(nodes[index] + np.linspace(-reach, reach, 13) * np.sign(nodes[-1] - nodes[0]))
