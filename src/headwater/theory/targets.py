"""One source penalty for several downstream tasks: the best on average, and the best in the worst case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from headwater.theory.checks import Array, array, one_penalty
from headwater.theory.equivalents import arrive, transfer_risk
from headwater.theory.optimum import best_source, best_target
from headwater.theory.population import Population


@dataclass(frozen=True)
class MultiTarget:
    """The one source penalty for several targets: of least weighted mean risk, and of least worst risk.

    Attributes
    ----------
    mean_tau, mean_risk : float
        The penalty of least weighted mean excess risk, and that mean.
    mean_risks : tuple of float
        The excess risk of each target there.
    worst_tau, worst_risk : float
        The penalty at which the worst target has the least excess risk, and that risk.
    worst_risks : tuple of float
        The excess risk of each target there.

    Examples
    --------
    >>> pop = Population.isotropic(n_features=100, source_samples=50, rho=0.5, source_noise=1.0)
    >>> best = multi_target([pop, pop.realigned(1.5)])
    >>> best.worst_risk == max(best.worst_risks) < max(best.mean_risks)
    True
    """

    mean_tau: float
    mean_risk: float
    mean_risks: tuple[float, ...]
    worst_tau: float
    worst_risk: float
    worst_risks: tuple[float, ...]


def multi_target(
    pops: Sequence[Population], weights: ArrayLike | None = None, target_tau: float | None = None
) -> MultiTarget:
    """The one source penalty for several targets of one source, on average and in the worst case.

    Parameters
    ----------
    pops : sequence of Population
        They differ in their targets only.
    weights : array_like (targets,), optional
        Of the mean; equal by default, normalised to sum 1.
    target_tau : float, optional
        The penalty that every target fits with; by default its own best at every τ0.

    Returns
    -------
    MultiTarget

    Raises
    ------
    ValueError
        No population, sources that differ, weights that are negative, all zero or of another number, or target_tau is
        not one number from 0 to inf.

    Notes
    -----
    Risks are excess risks, not relative ones. In isotropic populations with target_tau given, the mean's optimum is
    that of the alignment averaged with weights π_k m_k, M1_k = m_k I.

    Examples
    --------
    >>> pop = Population.isotropic(n_features=100, source_samples=50, rho=0.5, source_noise=1.0)
    >>> best = multi_target([pop, pop.realigned(1.5)], target_tau=1.0)
    >>> round(best.mean_tau, 9), best.worst_tau < best.mean_tau
    (2.0, True)
    """
    from scipy.optimize import minimize_scalar  # here, for it is most of what importing the package would cost

    shares = _check(pops, weights)
    tau1 = one_penalty("target_tau", target_tau)
    mean = best_source(pops, list(shares), tau1)

    def risks(tau: ArrayLike) -> Array:
        rows = np.atleast_1d(np.asarray(tau, dtype=np.float64))
        return np.array(
            [transfer_risk(pop, rows, best_target(pop, arrive(pop, rows)) if tau1 is None else tau1) for pop in pops]
        )

    grid = np.concatenate([[0.0], pops[0].directions.source.scan.tau, [np.inf]])
    worst = risks(grid).max(axis=0)
    low = int(worst.argmin())
    candidates = [np.inf, 0.0, float(grid[low])]
    if 2 <= low <= len(grid) - 3:
        refined = minimize_scalar(
            lambda log_tau: risks(np.exp(log_tau)).max(),
            bounds=tuple(np.log(grid[[low - 1, low + 1]])),
            method="bounded",
            options={"xatol": 1e-10},
        )
        candidates.insert(2, float(np.exp(refined.x)))
    worst = risks(candidates).max(axis=0)
    worst_tau = candidates[int(np.argmax(worst <= worst.min() * (1 + 1e-13)))]  # an end wins where the rest only ties
    at_mean, at_worst = risks(mean)[:, 0], risks(worst_tau)[:, 0]
    return MultiTarget(
        mean,
        float(shares @ at_mean),
        tuple(at_mean.tolist()),
        worst_tau,
        float(at_worst.max()),
        tuple(at_worst.tolist()),
    )


def _check(pops: Sequence[Population], weights: ArrayLike | None) -> Array:
    if not pops:
        raise ValueError("pops must hold at least one population")
    first = pops[0].directions.source
    for pop in pops[1:]:
        design = pop.directions.source
        same = (
            design.samples == first.samples
            and pop.source_noise == pops[0].source_noise
            and np.array_equal(np.asarray(pop.source_covariance), np.asarray(pops[0].source_covariance))
            and np.allclose(_source_energy(pop), _source_energy(pops[0]), rtol=1e-9, atol=0)
        )
        if not same:
            raise ValueError("pops must share their source: covariance, coefficients, samples and noise")
    shares = np.ones(len(pops)) if weights is None else array("weights", weights)
    if shares.shape != (len(pops),) or shares.min() < 0 or not shares.any():
        raise ValueError(f"weights must be {len(pops)} numbers, none negative and not all zero")
    return np.asarray(shares / shares.sum())


def _source_energy(pop: Population) -> Array:
    return np.asarray(pop.source_weights if pop.source_energy is None else pop.source_energy)
