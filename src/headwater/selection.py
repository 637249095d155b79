"""Selection: the surface over (source penalty, scale, target penalty), its maximum and its average.

A transfer starts from α ŵ0(τ0) and fits the target with penalty τ1. Four accounts of what a source is good for are
compared. The odds of scratch against the others together are even, and theirs among each other:

===========  ========  ==========  ========================================================
account      τ0        α           prior within the account
===========  ========  ==========  ========================================================
scratch      ∞         –           –
as is        τ_S*      1           –
own penalty  (0, ∞)    1           3 τ_S*/(3 τ_S* + τ0) uniform on (0, 1)
scaled       τ_S*      (−∞, ∞)     α ~ N(½, ½²): between scratch, 0, and as is, 1
===========  ========  ==========  ========================================================

Both last lines expect an alignment of one half, at which theory's best penalty is three times τ_S* (3.17 in the
isotropic case with p = 2 n0). In each, τ1 has the prior under which the shrinkage factor c/(c + τ1) is uniform, c the mean nonzero eigenvalue. All
are proper, so nothing hangs on where a grid ends; integrals are sums over grids that close in on the mass, so nothing
hangs on how fine they are. The two tables' axes are crossed once; a grid then costs three matrix products.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from headwater.crossing import Crossing
from headwater.moments import Array
from headwater.source import Source

SCRATCH, AS_IS, OWN_PENALTY, SCALED = "scratch", "as is", "own penalty", "scaled"
_NODES = 41
_TARGET_REACH = (-27.0, 16.0)  # log of the target penalty over the mean eigenvalue


@dataclass(frozen=True)
class Account:
    """One account of the source: a point, or an axis ("log tau" about ``source_tau``, or "scale")."""

    name: str
    source_tau: float
    scale: float = 1.0
    axis: str | None = None

    @property
    def reach(self) -> tuple[float, float]:
        """The ends of the axis: factors of a million either way, and six standard deviations of the scale."""
        return {None: (0.0, 0.0), "log tau": (-14.0, 14.0), "scale": (-2.5, 3.5)}[self.axis]

    def nodes(self, count: int) -> Array:
        """Evenly spaced nodes of the axis; one for a point."""
        return np.linspace(*self.reach, count if self.axis else 1)

    def starts(self, nodes: Array) -> tuple[Array, Array]:
        """Source penalties and scales at the axis's nodes."""
        flat = np.ones_like(nodes)
        if self.axis == "log tau":
            return self.source_tau * np.exp(nodes), self.scale * flat
        return self.source_tau * flat, nodes if self.axis == "scale" else self.scale * flat

    def log_density(self, nodes: Array) -> Array:
        if self.axis == "log tau":
            return _log_logistic(nodes)
        if self.axis == "scale":
            return -0.5 * np.log(2 * np.pi * 0.25) - 0.5 * ((nodes - 0.5) / 0.5) ** 2
        return np.zeros_like(nodes)


@dataclass(frozen=True, eq=False)
class Surface:
    """The criterion over every start and target penalty, and the posterior it implies.

    ``account``, ``source_tau`` and ``scale`` (k,) name the starts; ``target_tau`` (m,); ``score`` (k, m) is the log
    evidence, or −(n1/2) log error for leave-one-out and GCV; ``log_prior`` (k, m) is each point's prior mass.
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
    def transfer_weight(self) -> float:
        """The posterior share of starts from the source; one at an infinite penalty is scratch by another name."""
        return float(self.weight[~np.isinf(self.source_tau)].sum())

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
    """One point: the start α ŵ0(τ0), the target penalty τ1, and the criterion's log score there."""

    account: str
    source_tau: float
    scale: float
    target_tau: float
    score: float

    @property
    def point(self) -> tuple[Array, Array, Array, Array]:
        """The choice as ``Crossing.coefficients`` takes it: the lone point of a surface, with weight 1."""
        return np.array([self.source_tau]), np.array([self.scale]), np.array([self.target_tau]), np.ones((1, 1))


def accounts(source: Source | None, source_tau: float | None = None, scale: bool | str = "auto") -> list[Account]:
    """The accounts that apply.

    ``scale`` False keeps α at 1, True sets scaled transfer against scratch, "auto" compares them all. A fixed
    ``source_tau`` is the user's word: scratch and other penalties are no longer asked about.
    """
    if source is None or source_tau == np.inf:
        return [Account(SCRATCH, np.inf)]
    own = source.known_tau if source_tau is None else source_tau
    found = [Account(SCRATCH, np.inf)] if source_tau is None else []
    if scale is not True:
        found.append(Account(AS_IS, own))
        if source_tau is None and source.spectrum is not None:
            unit = source.spectrum.unit
            found.append(Account(OWN_PENALTY, 3 * float(np.clip(own, 1e-6 * unit, 1e4 * unit)), axis="log tau"))
    if scale is not False:
        found.append(Account(SCALED, own, axis="scale"))
    return found


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
    starts = [account.starts(grid) for account, grid in zip(compared, nodes, strict=True)]
    source_tau, scale = (np.concatenate(values) for values in zip(*starts, strict=True))
    prior = [
        np.log(odds) + account.log_density(grid) + _log_step(grid)
        for odds, account, grid in zip(_odds(compared), compared, nodes, strict=True)
    ]
    log_prior = np.concatenate(prior)[:, None]
    if logs is None:
        target_tau = np.array([tau], dtype=np.float64)
    else:
        target_tau = crossing.target.unit * np.exp(logs)
        log_prior = log_prior + _log_logistic(logs) + _log_step(logs)
    score = crossing.score(source_tau, scale, target_tau, criterion)
    account = np.repeat([account.name for account in compared], [len(grid) for grid in nodes])
    return Surface(criterion, account, source_tau, scale, target_tau, score, np.broadcast_to(log_prior, score.shape))


def _odds(compared: list[Account]) -> Array:
    """Prior mass of each account: even odds of scratch against the others, where both are compared."""
    scratch = np.array([account.name == SCRATCH for account in compared])
    sides = np.where(scratch, 1 / max(scratch.sum(), 1), 1 / max((~scratch).sum(), 1))
    return np.asarray(sides / sides.sum())


def _log_logistic(nodes: Array) -> Array:
    """Log density of log(τ/c) under which c/(c + τ) is uniform."""
    return np.asarray(-np.log(4.0) - 2 * np.log(np.cosh(nodes / 2)))


def _log_step(nodes: Array) -> float:
    return float(np.log(nodes[1] - nodes[0])) if len(nodes) > 1 else 0.0


def _closer(nodes: Array, weight: Array) -> Array:
    """As many nodes over the part that holds more than a millionth of the weight at its peak."""
    held = np.flatnonzero(weight >= 1e-6 * weight.max())
    low, high = max(held[0] - 1, 0), min(held[-1] + 1, len(nodes) - 1)
    return np.linspace(nodes[low], nodes[high], len(nodes))


def _around(nodes: Array, index: int) -> Array:
    """A finer grid between a node's neighbours; a lone node, or an infinite one, stays."""
    if len(nodes) == 1 or not np.isfinite(nodes[index]):
        return nodes[[index]]
    sides = nodes[max(index - 1, 0) : index + 2]
    low, high = sides[np.isfinite(sides)][[0, -1]]
    return np.linspace(low, high, 13)


def best(crossing: Crossing, surface: Surface, compared: list[Account]) -> Choice:
    """The maximum of the criterion, off the grid, in the account that holds most weight on the winning side.

    Scratch wins where it holds half or more. As is lies on the path of own penalty and is no account beside it. Within an account the penalties maximise the criterion alone; the scale
    maximises it times its prior, without which it would always beat scratch. 0 and inf are values of a penalty.
    """
    mass = {name: share for name, share in surface.mass.items() if (name != SCRATCH) == surface.transferred}
    if OWN_PENALTY in mass:
        mass[OWN_PENALTY] += mass.pop(AS_IS, 0.0)
    account = next(a for a in compared if a.name == max(mass, key=lambda name: mass[name]))
    unit = crossing.target.unit

    def value(start: Array, logs: Array) -> Array:
        prior = account.log_density(start)[:, None] if account.axis == "scale" else 0.0
        return np.asarray(crossing.score(*account.starts(start), unit * np.exp(logs), surface.criterion) + prior)

    # The ends stand for inf and 0, where the criterion has its limits; inf comes first and so wins where all are equal.
    starts = account.nodes(_NODES)
    if account.axis == "log tau":
        starts = np.r_[np.inf, starts[::-1], -np.inf]
    logs = np.r_[np.inf, np.linspace(27.0, -27.0, 2 * _NODES), -np.inf]
    if len(surface.target_tau) == 1:
        with np.errstate(divide="ignore"):
            logs = np.log(surface.target_tau / unit)
    for _ in range(8):
        grid = value(starts, logs)
        row, column = np.unravel_index(int(np.argmax(grid)), grid.shape)
        start, log_tau, top = float(starts[row]), float(logs[column]), float(grid[row, column])
        starts, logs = _around(starts, int(row)), _around(logs, int(column))
    source_tau, scale = account.starts(np.array([start]))
    return Choice(account.name, float(source_tau[0]), float(scale[0]), float(unit * np.exp(log_tau)), top)
