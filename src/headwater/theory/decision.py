"""Whether to transfer: the gain, and what the source is worth."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from headwater.theory.checks import check_broadcast, one_penalty, penalties
from headwater.theory.design import respond
from headwater.theory.equivalents import (
    Risk,
    arrive,
    gain_at,
    metric,
    plain,
    scattered,
    scratch_risk,
    transfer_risk,
)
from headwater.theory.optimum import best_scratch, best_target, source_optimal_tau
from headwater.theory.population import Population


def transfer_gain(pop: Population, source_tau: ArrayLike, target_tau: ArrayLike | None = None) -> Risk:
    """Risk from scratch minus risk with transfer: positive where transfer helps.

    Parameters
    ----------
    pop : Population
    source_tau : array_like, any shape
    target_tau : array_like, optional
        The same penalty for both, which broadcasts against source_tau; by default each has its own best.

    Returns
    -------
    float or ndarray, the shape of both broadcast
        Exactly 0 at source_tau = inf.

    Raises
    ------
    ValueError
        A penalty is negative or NaN, or the two do not broadcast.

    Notes
    -----
    At a given target_tau the target's noise cancels: 2 E[ŵ0]'M1w1 − E ŵ0'M1ŵ0.

    Examples
    --------
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


def source_information(pop: Population, target_tau: float | None = None) -> float:
    """Q = E‖ŵ0(τ_S*)‖² in the target's metric M1: the unit in which transfer pays.

    Parameters
    ----------
    pop : Population
    target_tau : float, optional
        The target's penalty; by default the best after transfer at τ_S*.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        target_tau is not one number from 0 to inf.

    Notes
    -----
    The two-number law: where the energies of w0 are spread evenly and w1 = ρ w0 + v, the source-optimal model gains
    (2ρ − 1) Q over scratch and its best rescaling ρ² Q, for any two covariances, sample sizes and noises.

    Examples
    --------
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
