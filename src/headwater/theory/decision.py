"""Whether to transfer: the gain, the alignments at which it changes sign, and what the source is worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from headwater.theory.checks import Array, check_broadcast, one_penalty, penalties
from headwater.theory.design import respond
from headwater.theory.equivalents import (
    Arrival,
    Risk,
    arrive,
    gain_at,
    metric,
    plain,
    scattered,
    scratch_risk,
    transfer_risk,
)
from headwater.theory.optimum import best_scratch, best_target, shape, source_optimal_tau
from headwater.theory.population import Population
from headwater.theory.slopes import transfer_slope


def transfer_gain(pop: Population, source_tau: ArrayLike, target_tau: ArrayLike | None = None) -> Risk:
    """Risk from scratch minus risk with transfer, positive where transfer helps; exactly 0 at source_tau = ∞.

    At given target_tau, the same for both, the penalties broadcast and the target's noise cancels:
    2 E[ŵ0]'M1w1 − E ŵ0'M1ŵ0. By default scratch and transfer each have their own best target penalty.

    >>> pop = Population.isotropic(n_features=500, source_samples=250, rho=0.5, source_noise=1.0)
    >>> abs(transfer_gain(pop, 2.0, 1.0)) < 1e-15, transfer_gain(pop, 6.348, 1.0) > 0
    (True, True)
    """
    source_tau = penalties("source_tau", source_tau)
    if target_tau is not None:
        target_tau = penalties("target_tau", target_tau)
        check_broadcast(source_tau, target_tau)
        return plain(gain_at(pop, source_tau, target_tau))
    rows = source_tau.ravel()
    risk = np.asarray(transfer_risk(pop, rows, best_target(pop, arrive(pop, rows))))
    gain = np.where(np.isinf(rows), 0.0, scratch_risk(pop, best_scratch(pop)) - risk)
    return plain(gain.reshape(source_tau.shape))


def break_even_alignment(pop: Population, source_tau: float | None = None, target_tau: float | None = None) -> float:
    """ρ_min: the alignment above which transfer from ŵ0(source_tau) helps, the part of w1 outside w0 held fixed.

    At the source-optimal penalty by default, where it is 1/2 whenever the energies of w0 are spread evenly; at its own
    optimum, in isotropic populations, transfer helps for every ρ > 0. Both fit the target with `target_tau`, by default
    each with its own best: where `transfer_gain` is zero, whatever the alignment of `pop`; in isotropic populations the
    answer does not depend on it. At source_tau = ∞ the limit of ever harder penalties. inf at the interpolation peak.

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
    """The alignment at which source_tau (..., positive and finite) is transfer-optimal: the phase curve, no solver.

    The risk's slope is linear in ρ, so its zero is read off; the part of w1 outside w0 is held fixed. Where the risk
    has several minima this is where source_tau is stationary. The target fits with `target_tau`, by default with the
    best τ1 at that alignment. In isotropic populations it is h(s) of the closed forms.

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

    Isotropic: 1 + σ²γ²/(γ−1)² for γ > 1, 1 + σ²γ/(1−γ)² for γ < 1, with σ² = σ0²/‖w0‖². inf at the interpolation peak,
    where some penalty always pays.

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


def source_information(pop: Population, target_tau: float | None = None) -> float:
    """Q = E‖ŵ0(τ_S*)‖² in the target's metric M1: the unit in which transfer pays.

    The two-number law: where the energies of w0 are spread evenly and w1 = ρ w0 + v, the source-optimal model gains
    (2ρ − 1) Q over scratch and its best rescaling ρ² Q, for any two covariances, sample sizes and noises. At
    `target_tau`, by default the target's best after transfer at τ_S*.

    >>> pop = Population.power_law(1.0, n_features=100, source_samples=50, rho=0.8, source_noise=1.0)
    >>> gain = transfer_gain(pop, source_optimal_tau(pop), 0.3)
    >>> abs(gain - (2 * 0.8 - 1) * source_information(pop, 0.3)) < 1e-12
    True
    """
    tau = one_penalty("target_tau", target_tau)
    arrival = arrive(pop, np.array([source_optimal_tau(pop)]))
    target = best_target(pop, arrival) if tau is None else np.array([tau])
    seen = metric(pop, respond(pop.directions.target, target))
    return float((np.vecdot(seen, arrival.second) + scattered(arrival, seen))[0])


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
