"""Optimal penalties: for the source itself, for its downstream, jointly, and with the source's scale set free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headwater.theory.checks import Array, one_penalty
from headwater.theory.design import Response, respond
from headwater.theory.equivalents import (
    Arrival,
    arrive,
    floor,
    metric,
    scattered,
    scratch_risk,
    transfer_risk,
)
from headwater.theory.population import Population
from headwater.theory.search import best_penalty, least, local_minima
from headwater.theory.slopes import transfer_slope


@dataclass(frozen=True)
class Optimum:
    """An optimal transfer.

    Attributes
    ----------
    source_tau, target_tau : float
        Its penalties. source_tau = inf is scratch (do not transfer), 0 the ridgeless source; target_tau = inf leaves
        the source unchanged.
    risk, scratch_risk : float
        Its excess risk, and that of scratch: at target_tau where that was given, else at its own best.
    scale : float
        What the source's coefficients are multiplied by.

    Examples
    --------
    >>> best = joint_optimum(Population.isotropic(500, 250, 0.5, 1.0, target_samples=100, target_noise=0.5))
    >>> best.risk < best.scratch_risk, best.scale
    (True, 1.0)
    """

    source_tau: float
    target_tau: float
    risk: float
    scratch_risk: float
    scale: float = 1.0

    @property
    def gain(self) -> float:
        """Risk from scratch minus risk with transfer."""
        return self.scratch_risk - self.risk


def source_optimal_tau(pop: Population) -> float:
    """τ_S*: the penalty of least source risk, the least of several local minima.

    Parameters
    ----------
    pop : Population

    Returns
    -------
    float
        In [0, inf].

    Notes
    -----
    With energies spread evenly it is σ0²/(n0 E w0_j²), whatever the spectrum; in isotropic populations γσ0²/‖w0‖².

    Examples
    --------
    >>> source_optimal_tau(Population.isotropic(n_features=500, source_samples=250, rho=0.5, source_noise=1.0))
    2.0
    """
    directions = pop.directions
    return float(best_penalty(directions.source, directions.source_energy[None], pop.source_noise)[0])


def transfer_optimal_tau(pop: Population, target_tau: float | None = None) -> float:
    """τ0*: the source penalty of least transfer risk.

    Parameters
    ----------
    pop : Population
    target_tau : float, optional
        The target's penalty; by default its own best at each τ0.

    Returns
    -------
    float
        In [0, inf]; inf means do not transfer. At 0 a negative penalty would do better where ρ exceeds
        `ridgeless_alignment`.

    Raises
    ------
    ValueError
        target_tau is not one number from 0 to inf.

    Notes
    -----
    In isotropic populations τ0* > τ_S* for ρ < 1 and τ0* < τ_S* for ρ > 1, whatever the target's size, noise and
    penalty (Hedges 2026).

    Examples
    --------
    >>> pop = Population.isotropic(n_features=500, source_samples=250, rho=0.5, source_noise=1.0)
    >>> round(transfer_optimal_tau(pop), 4), transfer_optimal_tau(pop.realigned(-0.2))
    (6.348, inf)
    """
    return best_source([pop], [1.0], one_penalty("target_tau", target_tau))


def joint_optimum(pop: Population) -> Optimum:
    """The source and target penalties of least transfer risk, together.

    Parameters
    ----------
    pop : Population

    Returns
    -------
    Optimum
        Its scale is 1.

    Notes
    -----
    Over (τ0, τ1) in [0, inf]². In isotropic populations τ1 = (p/n1) σ1²/E‖ŵ0 − w1‖².

    Examples
    --------
    >>> best = joint_optimum(Population.isotropic(500, 250, 0.5, 1.0, target_samples=100, target_noise=0.5))
    >>> round(best.source_tau, 4), round(best.target_tau, 4)
    (6.348, 6.3599)
    """
    source_tau, scratch_tau = transfer_optimal_tau(pop), best_scratch(pop)
    scratch = float(scratch_risk(pop, scratch_tau))
    if np.isinf(source_tau):
        return Optimum(source_tau, scratch_tau, scratch, scratch)
    target_tau = float(best_target(pop, arrive(pop, np.array([source_tau])))[0])
    return Optimum(source_tau, target_tau, float(transfer_risk(pop, source_tau, target_tau)), scratch)


def best_source(pops: Sequence[Population], weights: Sequence[float], target_tau: float | None) -> float:
    """The τ0 in [0, ∞] of least weighted transfer risk over populations that share their source."""

    given = None if target_tau is None else [respond(pop.directions.target, target_tau) for pop in pops]

    def meet(index: int, tau: Array) -> tuple[Arrival, Response]:
        arrival = arrive(pops[index], tau)
        if given is not None:
            return arrival, given[index]
        return arrival, respond(pops[index].directions.target, best_target(pops[index], arrival))

    look = shape if len(pops) == 1 else metric  # one target's direction stays known where its M1 vanishes

    def slope(tau: Array) -> Array:
        total = np.zeros(len(tau))
        for index, (pop, weight) in enumerate(zip(pops, weights, strict=True)):
            arrival, response = meet(index, tau)
            total += weight * transfer_slope(pop, arrival, look(pop, response))
        return total

    def risk(tau: Array) -> Array:
        total = np.zeros(len(tau))
        for index, (pop, weight) in enumerate(zip(pops, weights, strict=True)):
            arrival, response = meet(index, tau)
            seen = metric(pop, response) if target_tau is None else look(pop, response)
            total += weight * (np.vecdot(seen, arrival.error) + scattered(arrival, seen))
            if target_tau is None:
                total += weight * floor(pop, response)
        return total

    grid = pops[0].directions.source.scan.tau
    _, roots = local_minima(lambda _, tau: slope(tau), grid, slope(grid)[None])
    candidates = np.concatenate([roots, [0.0, np.inf]])
    return float(least(1, np.zeros(len(candidates), dtype=np.intp), candidates, risk(candidates))[0])


def best_target(pop: Population, arrival: Arrival) -> Array:
    """The target's best τ1 (rows,) after each arrival: L2-SP is a ridge whose signal is w1 − ŵ0."""
    with np.errstate(invalid="ignore"):
        error = arrival.error + arrival.scatter[..., None] * arrival.spread
    return best_penalty(pop.directions.target, error, pop.target_noise)


def best_scratch(pop: Population) -> float:
    """The target's best τ1 from scratch."""
    return float(best_penalty(pop.directions.target, pop.directions.target_energy[None], pop.target_noise)[0])


def shape(pop: Population, response: Response) -> Array:
    """M1 up to a positive factor, (..., k): keeps its direction where M1 itself vanishes, at τ1 = 0 and full rank."""
    design = pop.directions.target
    over = np.divide(
        design.largest, design.eigenvalues, out=np.zeros_like(design.eigenvalues), where=design.eigenvalues > 0
    )
    return np.asarray(design.count * design.eigenvalues * (response.lost + over * response.kept) ** 2)
