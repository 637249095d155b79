"""Alignments: where transfer breaks even, where a source penalty is optimal, and where no penalty is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from headwater.theory.checks import Array, one_penalty, penalties
from headwater.theory.decision import transfer_gain
from headwater.theory.design import respond
from headwater.theory.equivalents import Arrival, Risk, arrive, plain, scattered, scratch_risk
from headwater.theory.optimum import best_scratch, best_target, shape, source_optimal_tau
from headwater.theory.population import Population
from headwater.theory.slopes import transfer_slope


def break_even_alignment(pop: Population, source_tau: float | None = None, target_tau: float | None = None) -> float:
    """ρ_min: the alignment above which transfer from ŵ0(source_tau) helps, the part of w1 outside w0 held fixed.

    Parameters
    ----------
    pop : Population
        Its own alignment does not matter.
    source_tau : float, optional
        By default τ_S*. At inf the answer is the limit of ever harder penalties.
    target_tau : float, optional
        The penalty of both fits; by default each has its own best.

    Returns
    -------
    float
        Where `transfer_gain` is zero; inf at the interpolation peak.

    Raises
    ------
    ValueError
        A penalty is not one number from 0 to inf.

    Notes
    -----
    At τ_S* it is 1/2 wherever the energies of w0 are spread evenly. At the transfer-optimal penalty, in isotropic
    populations, transfer helps for every ρ > 0; there the answer does not depend on target_tau either.

    Examples
    --------
    >>> pop = Population.isotropic(n_features=500, source_samples=250, rho=0.9, source_noise=1.0)
    >>> round(break_even_alignment(pop), 9)
    0.5
    """
    given = one_penalty("source_tau", source_tau)
    tau = source_optimal_tau(pop) if given is None else given

    def where_even(arrival: Arrival, seen: Array) -> Array:
        kept = pop.directions.source.eigenvalues if np.isinf(tau) else arrival.response.kept
        own = np.vecdot(seen, pop.directions.product(kept, np.ones_like(kept)))
        cross = np.vecdot(seen, pop.directions.with_target(kept))
        square = np.vecdot(seen, arrival.second) + scattered(arrival, seen)
        return np.asarray((square / 2 - (cross - pop.rho * own)) / own)

    even = float(_consistent(pop, np.array([tau]), target_tau, where_even)[0])
    return even if target_tau is not None or not np.isfinite([even, tau]).all() else _root_of_gain(pop, tau, even)


def _root_of_gain(pop: Population, tau: float, start: float) -> float:
    """Where scratch and transfer, each at its own best target penalty, are even; `start` where no gain is seen."""
    from scipy.optimize import root_scalar  # here, for it is most of what importing the package would cost

    def gain(rho: float) -> float:
        return float(transfer_gain(pop.realigned(rho), tau))

    if abs(gain(start)) <= 1e-13 * float(scratch_risk(pop, best_scratch(pop))):  # even, as far as can be told
        return start
    found = root_scalar(gain, x0=start, x1=start + 1e-4, xtol=1e-14, rtol=1e-13, maxiter=30)
    return float(found.root) if found.converged else start


def optimal_alignment(pop: Population, source_tau: ArrayLike, target_tau: float | None = None) -> Risk:
    """The alignment at which source_tau is transfer-optimal: the phase curve, no solver.

    Parameters
    ----------
    pop : Population
        Its own alignment does not matter; the part of w1 outside w0 is held fixed.
    source_tau : array_like, any shape
        Positive and finite.
    target_tau : float, optional
        The target's penalty; by default the best at that alignment.

    Returns
    -------
    float or ndarray, the shape of source_tau
        Where the risk has several minima, the alignment at which source_tau is stationary.

    Raises
    ------
    ValueError
        A penalty is negative, NaN, 0 or inf, or target_tau is not one number from 0 to inf.

    Notes
    -----
    The risk's slope is linear in ρ, so its zero is read off. In isotropic populations it is h(s) of the closed forms.

    Examples
    --------
    >>> pop = Population.isotropic(n_features=500, source_samples=250, rho=1.0, source_noise=1.0)
    >>> optimal_alignment(pop, [2.0, 6.348006])
    array([1. , 0.5])
    """
    tau = penalties("source_tau", source_tau)
    if np.isinf(tau).any() or (tau == 0).any():
        raise ValueError("source_tau must be positive and finite; for 0 see ridgeless_alignment")
    return plain(_stationary_alignment(pop, tau.ravel(), target_tau).reshape(tau.shape))


def ridgeless_alignment(pop: Population, target_tau: float | None = None) -> float:
    """The alignment from which the ridgeless source is transfer-optimal: above it a negative penalty would do better.

    Parameters
    ----------
    pop : Population
        Its own alignment does not matter.
    target_tau : float, optional
        The target's penalty; by default the best at that alignment.

    Returns
    -------
    float
        inf at the interpolation peak, where some penalty always pays.

    Raises
    ------
    ValueError
        target_tau is not one number from 0 to inf.

    Notes
    -----
    Isotropic: 1 + σ²γ²/(γ−1)² for γ > 1, 1 + σ²γ/(1−γ)² for γ < 1, with σ² = σ0²/‖w0‖².

    Examples
    --------
    >>> round(ridgeless_alignment(Population.isotropic(n_features=500, source_samples=250, rho=1, source_noise=1)), 9)
    5.0
    """
    design = pop.directions.source
    tau = 0.0
    if design.rank == design.samples:
        if pop.source_noise > 0:
            return float(np.inf)
        tau = float(design.scan.tau[0])
    return float(_stationary_alignment(pop, np.array([tau]), target_tau)[0])


def _stationary_alignment(pop: Population, tau: Array, target_tau: float | None) -> Array:
    def where_stationary(arrival: Arrival, seen: Array) -> Array:
        decay = arrival.response.decay
        turn = 2 * np.vecdot(seen, pop.directions.product(decay, np.ones_like(decay)))
        return np.asarray(pop.rho - transfer_slope(pop, arrival, seen) / turn)

    return _consistent(pop, tau, target_tau, where_stationary)


def _consistent(
    pop: Population, tau: Array, target_tau: float | None, alignment: Callable[[Arrival, Array], Array]
) -> Array:
    """The alignments (rows,) asked for, at `target_tau` or at the target penalty that is best at those alignments."""
    arrival, given, directions = arrive(pop, tau), one_penalty("target_tau", target_tau), pop.directions
    if given is not None:
        return alignment(arrival, shape(pop, respond(directions.target, np.full(len(tau), given))))
    kept = arrival.response.kept
    every = np.ones_like(kept)
    tilt = directions.product(kept, every) - directions.with_target(every)
    bend = directions.product(every, every)
    found = np.full(len(tau), pop.rho)
    for _ in range(50):
        change = (found - pop.rho)[:, None]
        error = np.maximum(arrival.error - 2 * change * tilt + change**2 * bend, 0.0)
        best = best_target(pop, replace(arrival, error=error))
        previous, found = found, alignment(arrival, shape(pop, respond(directions.target, best)))
        settled = np.abs(found - previous) <= 1e-13 * np.abs(found)
        if np.all(settled | ~np.isfinite(found)):
            break
        found = np.where(np.isfinite(found), found, previous)
    return found
