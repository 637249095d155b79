"""The optimum with the source's scale set free: start the target from α ŵ0(τ0)."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from headwater.theory.checks import Array, one_penalty
from headwater.theory.design import respond
from headwater.theory.equivalents import Arrival, arrive, floor, metric, own_risk, scattered, scratch_risk
from headwater.theory.optimum import Optimum, best_scratch, shape
from headwater.theory.population import Population
from headwater.theory.search import best_penalty, least, local_minima
from headwater.theory.slopes import cross_slope, square_slope


def scaled_optimum(pop: Population, target_tau: float | None = None) -> Optimum:
    """The optimum where the target starts from α ŵ0(τ0), α any number.

    Parameters
    ----------
    pop : Population
    target_tau : float, optional
        The target's penalty; by default the best.

    Returns
    -------
    Optimum
        Where nothing is gained (ρ = 0) source_tau = inf with scale 0; where ever harder penalties keep paying
        source_tau = scale = inf, the direction X0'y0 rescaled.

    Raises
    ------
    ValueError
        target_tau is not one number from 0 to inf.

    Notes
    -----
    The two-number law: with energies spread evenly τ0 = τ_S* for every ρ ≠ 0, whatever the spectra.

    Examples
    --------
    >>> best = scaled_optimum(Population.isotropic(n_features=500, source_samples=250, rho=0.5, source_noise=1.0))
    >>> round(best.source_tau, 6), round(best.scale, 6)
    (2.0, 0.5)
    """
    fixed_tau = one_penalty("target_tau", target_tau)

    def slope(tau: Array) -> Array:
        arrival = arrive(pop, tau)
        seen = shape(pop, respond(pop.directions.target, _fit(pop, arrival, fixed_tau)[0]))
        cross, square = _moments(arrival, seen)
        return -cross * (2 * cross_slope(pop, arrival, seen) * square - cross * square_slope(pop, arrival, seen))

    def risk(tau: Array) -> Array:
        return _fit(pop, arrive(pop, tau), fixed_tau)[2]

    grid = pop.directions.source.scan.tau
    _, roots = local_minima(lambda _, tau: slope(tau), grid, slope(grid)[None])
    candidates = np.concatenate([roots, [0.0, grid[-1]]])
    source_tau = least(1, np.zeros(len(candidates), dtype=np.intp), candidates, risk(candidates))
    target, scale, lowest = (float(value[0]) for value in _fit(pop, arrive(pop, source_tau), fixed_tau))
    scratch_tau = best_scratch(pop) if fixed_tau is None else fixed_tau
    scratch = float(scratch_risk(pop, scratch_tau))
    if scale == 0 or not lowest < scratch:
        return Optimum(math.inf, scratch_tau, scratch, scratch, 0.0)
    if source_tau[0] == grid[-1]:
        return Optimum(math.inf, target, lowest, scratch, math.copysign(math.inf, scale))
    return Optimum(float(source_tau[0]), target, lowest, scratch, scale)


def _fit(pop: Population, arrival: Arrival, target_tau: float | None) -> tuple[Array, Array, Array]:
    """For each arrival (rows,): τ1, the best α there, and the risk.

    With τ1 free: the best of a scan over τ1 with α profiled out, then τ1 given α and α given τ1 in turn.
    """
    design = pop.directions.target
    if target_tau is not None:
        tau = np.full(len(arrival.scatter), target_tau)
        scale = _scale(pop, arrival, tau)
    else:
        seen = metric(pop, design.scan)
        cross, square = _moments(_row_by_row(arrival), seen)
        risk = np.vecdot(seen, pop.directions.target_energy) + floor(pop, design.scan) - _ratio(cross, square) * cross
        tau = design.scan.tau[risk.argmin(axis=-1)]
        for _ in range(100):
            scale = _scale(pop, arrival, tau)
            previous, tau = tau, best_penalty(design, _error(pop, arrival, scale), pop.target_noise)
            if np.allclose(tau, previous, rtol=1e-12, atol=0):
                break
    risk = own_risk(design, respond(design, tau), _error(pop, arrival, scale), pop.target_noise)
    return tau, scale, risk


def _scale(pop: Population, arrival: Arrival, tau: Array) -> Array:
    """The best α: E[ŵ0]'Mw1 / E ŵ0'Mŵ0, zero where the source brings nothing or infinite noise."""
    return _ratio(*_moments(arrival, shape(pop, respond(pop.directions.target, tau))))


def _error(pop: Population, arrival: Arrival, scale: Array) -> Array:
    """E (V1'(α ŵ0 − w1))² per target direction (rows, k)."""
    scatter = np.where(scale == 0, 0.0, arrival.scatter)
    square = arrival.second + scatter[:, None] * arrival.spread
    error = scale[:, None] ** 2 * square - 2 * scale[:, None] * arrival.cross + pop.directions.target_energy
    return np.asarray(np.maximum(error, 0.0))


def _moments(arrival: Arrival, seen: Array) -> tuple[Array, Array]:
    """E[ŵ0]'Mw1 and E ŵ0'Mŵ0."""
    return np.vecdot(seen, arrival.cross), np.vecdot(seen, arrival.second) + scattered(arrival, seen)


def _row_by_row(arrival: Arrival) -> Arrival:
    """The same arrivals, with an axis for the target's penalties after the rows."""
    wide = {name: getattr(arrival, name)[:, None] for name in ("error", "second", "cross", "spread", "scatter")}
    return replace(arrival, **wide)


def _ratio(cross: Array, square: Array) -> Array:
    return np.asarray(np.divide(cross, square, out=np.zeros_like(cross), where=square > 0))
