"""Deterministic equivalents of the excess risks of source, scratch and transfer, for any two covariances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from headwater.theory.checks import Array, check_broadcast, penalties
from headwater.theory.design import Design, Response, respond
from headwater.theory.population import Population

Risk = float | Array


@dataclass(frozen=True, eq=False)
class Arrival:
    """What the source fit brings to the target's directions: E ŵ0-moments over (..., k), and its scatter (...).

    error = (V1'(E ŵ0 − w1))², second = (V1'E ŵ0)², cross = (V1'E ŵ0)(V1'w1); the covariance of ŵ0 adds
    scatter · spread to each square, with scatter = (κ0² w0'R0Σ0R0w0 + σ0²) / (n0 D0).
    """

    response: Response
    error: Array
    second: Array
    cross: Array
    spread: Array
    scatter: Array


def arrive(pop: Population, source_tau: ArrayLike) -> Arrival:
    """The source fit at every source_tau (...), seen from the target; source penalty ∞ arrives with nothing."""
    directions = pop.directions
    response = respond(directions.source, source_tau)
    bias = retained_bias(directions.source, response, directions.source_energy)
    return Arrival(
        response,
        directions.error(response.lost),
        directions.product(response.kept, response.kept),
        directions.with_target(response.kept),
        directions.spread(response.decay),
        _over(bias + pop.source_noise**2, response.slack) / pop.source_samples,
    )


def retained_bias(design: Design, response: Response, energy: Array) -> Array:
    """κ² w'RΣRw = Σ λ lost² energy: the risk of the mean estimate, (...)."""
    return np.asarray((response.lost**2 * energy) @ (design.count * design.eigenvalues))


def own_risk(design: Design, response: Response, energy: Array, noise: float) -> Array:
    """Excess risk (...) of a ridge estimating coefficients of this energy (..., k): (κ²w'RΣRw + σ² df2) / (1 − df2)."""
    bias = retained_bias(design, response, energy)
    return _over(bias + noise**2 * response.df2, response.slack)


def metric(pop: Population, response: Response) -> Array:
    """M1 = κ1² R1Σ1R1/(1 − df2) on the target's directions (..., k): the target's eye for the error it starts from."""
    design = pop.directions.target
    seen = np.divide(
        response.lost**2,
        response.slack[..., None],
        out=np.zeros_like(response.lost),
        where=response.slack[..., None] > 0,
    )
    return np.asarray(seen * (design.count * design.eigenvalues))


def floor(pop: Population, response: Response) -> Array:
    """What the target's noise costs whatever it starts from (...): σ1² df2/(1 − df2)."""
    return _over(pop.target_noise**2 * response.df2, response.slack)


def scattered(arrival: Arrival, seen: Array) -> Array:
    """tr(M1 Cov ŵ0) (...): infinite at the source's interpolation peak, unless the target sees none of it."""
    share = np.vecdot(seen, arrival.spread)
    with np.errstate(invalid="ignore"):
        return np.where(share == 0, 0.0, share * arrival.scatter)


def source_risk(pop: Population, tau: ArrayLike) -> Risk:
    """Excess risk E‖ŵ0(τ) − w0‖²_Σ0 of the source ridge on its own task.

    Parameters
    ----------
    pop : Population
    tau : array_like, any shape
        The source's penalties, 0 (ridgeless) and inf (ŵ0 = 0) included.

    Returns
    -------
    float or ndarray, the shape of tau
        inf at the interpolation peak: rank Σ0 = n0 with τ = 0 and noise.

    Raises
    ------
    ValueError
        A penalty is negative or NaN.

    Notes
    -----
    The deterministic equivalent (κ² w0'RΣ0Rw0 + σ0² df2) / (1 − df2), R = (Σ0 + κ)⁻¹, df2 = tr(Σ0²R²)/n0, where κ
    solves κ (1 − tr(Σ0R)/n0) = τ (Hastie, Montanari, Rosset and Tibshirani 2022).

    Examples
    --------
    >>> pop = Population.isotropic(n_features=500, source_samples=250, rho=0.5, source_noise=1.0)
    >>> round(source_risk(pop, 2.0), 6), source_risk(pop, np.inf)
    (0.780776, 1.0)
    """
    tau = penalties("tau", tau)
    directions = pop.directions
    response = respond(directions.source, tau)
    return plain(own_risk(directions.source, response, directions.source_energy, pop.source_noise))


def scratch_risk(pop: Population, target_tau: ArrayLike) -> Risk:
    """Excess risk of the target's own ridge, penalised toward zero: `source_risk` on the target's side.

    Parameters
    ----------
    pop : Population
    target_tau : array_like, any shape
        The target's penalties, 0 and inf included.

    Returns
    -------
    float or ndarray, the shape of target_tau

    Raises
    ------
    ValueError
        A penalty is negative or NaN.

    Examples
    --------
    >>> pop = Population.isotropic(500, 250, 0.5, 1.0, target_samples=100, target_noise=0.5)
    >>> scratch_risk(pop, np.inf)
    0.25
    """
    tau = penalties("target_tau", target_tau)
    directions = pop.directions
    response = respond(directions.target, tau)
    return plain(own_risk(directions.target, response, directions.target_energy, pop.target_noise))


def transfer_risk(pop: Population, source_tau: ArrayLike, target_tau: ArrayLike) -> Risk:
    """Excess risk of the target's ridge penalised toward ŵ0(source_tau) (L2-SP) with penalty target_tau.

    Parameters
    ----------
    pop : Population
    source_tau, target_tau : array_like
        Penalties that broadcast against each other. source_tau = inf is scratch; target_tau = inf uses ŵ0 as it is.

    Returns
    -------
    float or ndarray, the shape of both broadcast
        inf at either interpolation peak.

    Raises
    ------
    ValueError
        A penalty is negative or NaN, or the two do not broadcast.

    Notes
    -----
    E (ŵ0 − w1)'M1(ŵ0 − w1) + σ1² df2/(1 − df2), M1 = κ1² R1Σ1R1/(1 − df2): L2-SP is a ridge whose signal is w1 − ŵ0.

    Examples
    --------
    >>> pop = Population.isotropic(500, 250, 0.5, 1.0, target_samples=100, target_noise=0.5)
    >>> bool(transfer_risk(pop, 6.348, 1.0) < transfer_risk(pop, 2.0, 1.0))
    True
    >>> np.allclose(transfer_risk(pop, np.inf, [1.0, 2.0]), scratch_risk(pop, [1.0, 2.0]), rtol=1e-14)
    True
    """
    source_tau, target_tau = penalties("source_tau", source_tau), penalties("target_tau", target_tau)
    check_broadcast(source_tau, target_tau)
    arrival, response = arrive(pop, source_tau), respond(pop.directions.target, target_tau)
    seen = metric(pop, response)
    return plain(np.vecdot(seen, arrival.error) + scattered(arrival, seen) + floor(pop, response))


def gain_at(pop: Population, source_tau: Array, target_tau: Array) -> Array:
    """scratch − transfer risk at given penalties, without the target's noise: 2 E[ŵ0]'M1w1 − E ŵ0'M1ŵ0."""
    arrival, seen = arrive(pop, source_tau), metric(pop, respond(pop.directions.target, target_tau))
    return np.asarray(np.vecdot(seen, 2 * arrival.cross - arrival.second) - scattered(arrival, seen))


def _over(numerator: Array, slack: Array) -> Array:
    """numerator / slack, its limit 0 where both vanish, inf where only the slack does."""
    limit = np.where(numerator > 0, np.inf, 0.0)
    return np.asarray(np.divide(numerator, slack, out=limit, where=slack > 0))


def plain(risk: Array) -> Risk:
    """A float where the risk is a single number."""
    return float(risk) if np.ndim(risk) == 0 else risk
