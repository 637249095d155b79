"""Isotropic risks: shrinkage, what the source fit errs by on its own task and from the target's coefficients."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from headwater.theory.checks import Array


def shrinkage(tau: ArrayLike, gamma: ArrayLike) -> Array:
    """s = 1/(1+κ), the share of a coefficient that the penalty leaves.

    Parameters
    ----------
    tau, gamma : array_like

    Returns
    -------
    ndarray
        In [0, min(1, 1/γ)]: the root of τ = (1−s)/s · (1−γs), written without cancellation.

    Examples
    --------
    >>> shrinkage([0.0, 2.0, np.inf], 2.0).round(6)
    array([0.5     , 0.219224, 0.      ])
    """
    tau, gamma = np.asarray(tau, dtype=np.float64), np.asarray(gamma, dtype=np.float64)
    return np.asarray(2 / (1 + gamma + tau + np.hypot(1 - gamma, np.sqrt(tau) * np.sqrt(tau + 2 * (1 + gamma)))))


def penalty(s: ArrayLike, gamma: ArrayLike) -> Array:
    """τ = (1−s)/s · (1−γs): the inverse of `shrinkage`.

    Parameters
    ----------
    s, gamma : array_like

    Returns
    -------
    ndarray

    Examples
    --------
    >>> penalty(shrinkage(3.0, 2.0), 2.0).round(9)
    np.float64(3.0)
    """
    s, gamma = np.asarray(s, dtype=np.float64), np.asarray(gamma, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return np.asarray(np.maximum((1 - s) * (1 - gamma * s), 0.0) / s)


def source_risk(tau: ArrayLike, gamma: float, source_noise: float, signal: float = 1.0) -> Array:
    """Excess risk of the source ridge: ‖w0‖² [(1−s)² + γσ²s²] / D.

    Parameters
    ----------
    tau : array_like
    gamma, source_noise, signal : float
        γ = p/n0, σ0 and ‖w0‖.

    Returns
    -------
    ndarray, the shape of tau

    Examples
    --------
    >>> source_risk(2.0, gamma=2.0, source_noise=1.0).round(6)
    np.float64(0.780776)
    """
    s, noise = shrinkage(tau, gamma), (source_noise / signal) ** 2
    with np.errstate(divide="ignore"):
        return np.asarray(signal**2 * ((1 - s) ** 2 + gamma * noise * s**2) / (1 - gamma * s**2))


def distance(
    tau: ArrayLike, rho: float, gamma: float, source_noise: float, signal: float = 1.0, private: float = 0.0
) -> Array:
    """E‖ŵ0(τ) − w1‖² = ‖w0‖² [(s−ρ)² + γs²N/D] + ‖v‖²: all of the transfer risk that depends on τ0.

    Parameters
    ----------
    tau : array_like
    rho : float
        The alignment.
    gamma, source_noise, signal : float
        γ = p/n0, σ0 and ‖w0‖.
    private : float
        ‖v‖, the size of w1's part outside w0.

    Returns
    -------
    ndarray, the shape of tau

    Examples
    --------
    >>> float(distance(np.inf, 0.5, 2.0, 1.0))
    0.25
    """
    s, noise = shrinkage(tau, gamma), (source_noise / signal) ** 2
    with np.errstate(divide="ignore"):
        scatter = gamma * s**2 * ((1 - s) ** 2 + noise) / (1 - gamma * s**2)
    return np.asarray(signal**2 * ((s - rho) ** 2 + scatter) + private**2)


def source_optimal_tau(gamma: float, source_noise: float, signal: float = 1.0) -> float:
    """τ_S* = γσ², exactly.

    Parameters
    ----------
    gamma, source_noise, signal : float
        γ = p/n0, σ0 and ‖w0‖.

    Returns
    -------
    float

    Examples
    --------
    >>> source_optimal_tau(gamma=2.0, source_noise=1.0)
    2.0
    """
    return gamma * (source_noise / signal) ** 2


def best_target_tau(distance: ArrayLike, n_features: int, target_samples: float, target_noise: float) -> Array:
    """τ1* = (p/n1) σ1² / E‖ŵ0 − w1‖², since L2-SP is ridge whose signal is w1 − ŵ0; with τ0* the joint optimum.

    Parameters
    ----------
    distance : array_like
        E‖ŵ0 − w1‖².
    n_features, target_samples, target_noise : float
        p, n1 and σ1.

    Returns
    -------
    ndarray, the shape of distance

    Examples
    --------
    >>> float(best_target_tau(0.5, n_features=100, target_samples=50, target_noise=1.0))
    4.0
    """
    with np.errstate(divide="ignore"):
        return np.asarray(n_features / target_samples * target_noise**2 / np.asarray(distance, dtype=np.float64))
