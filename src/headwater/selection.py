"""Selection: the surface over (source penalty, scale, target penalty), its peak and its average.

The starts are those of headwater.accounts, with their priors. All priors are proper, so nothing hangs on where a grid
ends; integrals are sums over grids that close in on the mass, so nothing hangs on how fine they are. The two tables'
axes are crossed once; a grid then costs three matrix products. Several sources stacked add a row for each τ1: the
start there is at their mean scales, and its score is the evidence with the scales integrated out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.accounts import AS_IS, OWN_PENALTY, UNCHANGED, Account, odds_of
from headwater.criteria import score_named
from headwater.crossing import Crossing
from headwater.moments import Array
from headwater.spectrum import Spectrum
from headwater.stacking import Stack

_NODES = 61
_TARGET_REACH = (-27.0, 16.0)  # log of the target penalty over the mean eigenvalue


@dataclass(frozen=True, eq=False)
class Surface:
    """The criterion over every start and target penalty, and the posterior it implies.

    ``account`` (k,), ``source_tau`` and ``scale`` (k,), of s several sources (k, s), name the starts; ``target_tau``
    (m,); ``score`` (k, m) is the log evidence, or −(n1/2) log error for leave-one-out and GCV; ``log_prior`` (k, m) is
    each point's prior mass. A start of sources stacked belongs to one target penalty; elsewhere both are −∞.
    """

    criterion: str
    account: NDArray[np.str_]
    source_tau: Array
    scale: Array
    target_tau: Array
    score: Array
    log_prior: Array

    @cached_property
    def weight(self) -> Array:
        """Each point's share of the posterior, (k, m), which sums to 1."""
        logs: Array = self.score + self.log_prior
        top = logs.max()
        if not np.isfinite(top):  # all are beyond scoring (a lone row left out), or some beyond all bounds (no noise)
            logs = np.where(logs == top, self.log_prior, -np.inf)
        weight = np.exp(logs - logs.max())
        return np.asarray(weight / weight.sum())

    @property
    def points(self) -> tuple[Array, Array, Array]:
        """The starts' penalties and scales, and the target penalties, as ``Crossing`` takes them."""
        return self.source_tau, self.scale, self.target_tau

    @property
    def mass(self) -> dict[str, float]:
        """The posterior share of each account."""
        return {str(name): float(self.weight[self.account == name].sum()) for name in dict.fromkeys(self.account)}

    @property
    def source_weight(self) -> Array:
        """The posterior share of each source by itself, (s,); the rest is scratch's and that of sources stacked."""
        parts = ~np.isinf(self.source_tau.reshape(len(self.account), -1))
        alone = parts & (parts.sum(axis=1, keepdims=True) == 1)
        return np.asarray(self.weight.sum(axis=1) @ alone)

    @property
    def unscaled_weight(self) -> float:
        """The posterior share of one source at scale 1: as is, unchanged and at its own penalty."""
        return sum(self.mass.get(kind, 0.0) for kind in (AS_IS, UNCHANGED, OWN_PENALTY))

    @property
    def transfer_weight(self) -> float:
        """The posterior share of starts from the source; one at an infinite penalty is scratch by another name."""
        scratch = np.isinf(self.source_tau.reshape(len(self.account), -1)).all(axis=1)
        return min(float(self.weight[~scratch].sum()), 1.0)  # rounding may carry it past 1

    @property
    def transferred(self) -> bool:
        """Whether the starts from the source hold more than half of the weight."""
        return self.transfer_weight > 0.5

    def only(self, account: str) -> Surface:
        """The surface of one account alone; its weight again sums to 1."""
        rows = self.account == account
        return replace(
            self,
            account=self.account[rows],
            source_tau=self.source_tau[rows],
            scale=self.scale[rows],
            score=self.score[rows],
            log_prior=self.log_prior[rows],
        )


@dataclass(frozen=True)
class Choice:
    """One point: the start α ŵ0(τ0), the target penalty τ1, and the criterion's log score there.

    ``source_tau`` and ``scale`` are floats, of several sources one for each, (s,); a source at ∞ has no part.
    """

    account: str
    source_tau: Any
    scale: Any
    target_tau: float
    score: float

    @property
    def point(self) -> tuple[Array, Array, Array, Array]:
        """The choice as ``Crossing.coefficients`` takes it: the lone point of a surface, with weight 1."""
        return np.array([self.source_tau]), np.array([self.scale]), np.array([self.target_tau]), np.ones((1, 1))


def survey(
    crossing: Crossing, compared: list[Account], tau: float | None = None, criterion: str = "evidence"
) -> Surface:
    """The surface over the accounts: on wide grids, then where each account has mass, then where the whole has."""
    nodes = [account.nodes(_NODES) for account in compared]
    logs: Array | None = None if tau is not None else np.linspace(*_TARGET_REACH, _NODES)
    for whole in (False, True):
        surface = _evaluate(crossing, compared, nodes, tau, logs, criterion)
        parts = [surface.only(account.name).weight for account in compared]
        nodes = [_closer(grid, part.sum(axis=1)) for grid, part in zip(nodes, parts, strict=True)]
        if logs is not None:
            shares = [surface.weight] if whole else parts
            logs = _closer(logs, np.max([share.sum(axis=0) / share.sum(axis=0).max() for share in shares], axis=0))
    return _evaluate(crossing, compared, nodes, tau, logs, criterion)


def _evaluate(
    crossing: Crossing,
    compared: list[Account],
    nodes: list[Array],
    tau: float | None,
    logs: Array | None,
    criterion: str,
) -> Surface:
    """The surface at these nodes of each account and, in units of the mean eigenvalue, these log target penalties."""
    target_tau = np.array([tau], dtype=np.float64) if logs is None else crossing.target.unit * np.exp(logs)
    parts = []
    for account, grid, odds in zip(compared, nodes, odds_of(compared), strict=True):
        source_tau, scale, score = _scored(crossing, account, grid, target_tau, criterion)
        target_prior = np.zeros(1) if logs is None else account.log_target_density(logs) + _log_step(logs)
        prior = (np.log(odds) + account.log_density(grid) + _log_step(grid))[:, None] + target_prior
        if account.stacked:  # a start for each target penalty, and of no other
            here = np.eye(len(target_tau), dtype=bool)
            score, prior = np.where(here, score, -np.inf), np.where(here, prior, -np.inf)
        parts.append((np.repeat(account.name, len(scale)), source_tau, scale, score, prior))
    names, taus, scales, scores, priors = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Surface(criterion, names, taus, scales, target_tau, scores, priors)


def _scored(
    crossing: Crossing, account: Account, nodes: Array, target_tau: Array, criterion: str
) -> tuple[Array, Array, Array]:
    """An account's starts, source penalties and scales, at its nodes, and their scores (k, m); of sources stacked,
    a start for each target penalty, and one row of scores."""
    if not account.stacked:
        source_tau, scale = account.starts(nodes)
        return source_tau, scale, crossing.score(source_tau, scale, target_tau, criterion)
    stack = Stack(crossing, np.array(account.stacked))
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


def best(crossing: Crossing, surface: Surface, compared: list[Account]) -> Choice:
    """The posterior's peak, off the grid, in the account that holds most weight on the winning side.

    Scratch wins where it holds half or more. As is lies on the path of own penalty and is no account beside it.
    """
    # A start at an infinite penalty, from a source that says nothing, is scratch by another name.
    winning = [account for account in compared if np.isinf(account.source_tau) != surface.transferred]
    mass = {account.name: surface.mass[account.name] for account in winning}
    points = {account.place: account.name for account in winning if account.kind == AS_IS}
    for account in winning:
        if account.kind == OWN_PENALTY:
            mass[account.name] += mass.pop(points.get(account.place, ""), 0.0)
    account = next(a for a in compared if a.name == max(mass, key=lambda name: mass[name]))
    unit, fixed = crossing.target.unit, len(surface.target_tau) == 1

    def value(start: Array, logs: Array) -> Array:
        target_tau = surface.target_tau if fixed else unit * np.exp(logs)
        score = _scored(crossing, account, start, target_tau, surface.criterion)[2]
        return score + account.log_density(start)[:, None] + (0.0 if fixed else account.log_target_density(logs))

    logs = np.zeros(1) if fixed else np.linspace(*_TARGET_REACH, 2 * _NODES)
    start, log_tau = _peak(value, account.nodes(_NODES), logs)
    target_tau = float(surface.target_tau[0]) if fixed else float(unit * np.exp(log_tau))
    source_tau, scale, score = _scored(crossing, account, np.array([start]), np.array([target_tau]), surface.criterion)
    one = [float(values[0]) if values.ndim == 1 else values[0] for values in (source_tau, scale)]
    return Choice(account.name, one[0], one[1], target_tau, float(score[0, 0]))


def optimal_tau(spectrum: Spectrum, criterion: str) -> float:
    """The penalty in [0, ∞] at which the criterion alone is best for the table itself; inf where all are equal."""
    score = score_named(criterion)

    def value(_: Array, logs: Array) -> Array:
        return score(spectrum, spectrum.u[:, :, None], spectrum.unit * np.exp(logs))

    # The ends stand for inf and 0, where the criteria have their limits; inf comes first and so wins a tie.
    ends = np.r_[np.inf, np.linspace(27.0, -27.0, 2 * _NODES), -np.inf]
    return float(spectrum.unit * np.exp(_peak(value, np.zeros(1), ends)[1]))


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
