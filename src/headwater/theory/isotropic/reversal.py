"""Reversal: which alignment wants which penalty, and from which transfer helps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from headwater.theory.checks import Array
from headwater.theory.isotropic.risks import penalty, shrinkage


class PhaseCurve(NamedTuple):
    """The transfer-optimal penalty against the alignment.

    Attributes
    ----------
    rho, tau : ndarray (points,)
        ρ increasing and τ0* decreasing.

    Examples
    --------
    >>> phase_curve(gamma=2.0, source_noise=1.0, points=64).rho.shape
    (64,)
    """

    rho: Array
    tau: Array


def optimal_alignment(tau: ArrayLike, gamma: float, source_noise: float, signal: float = 1.0) -> Array:
    """h(s) = s + γs [N/D² − s(1−s)/D]: the ρ at which τ is transfer-optimal; increasing in s, 1 at τ_S*.

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
    >>> round(float(optimal_alignment(2.0, gamma=2.0, source_noise=1.0)), 9)
    1.0
    """
    s, noise = shrinkage(tau, gamma), (source_noise / signal) ** 2
    slack = 1 - gamma * s**2
    with np.errstate(divide="ignore"):
        return np.asarray(s + gamma * s * (((1 - s) ** 2 + noise) / slack**2 - s * (1 - s) / slack))


def phase_curve(gamma: float, source_noise: float, signal: float = 1.0, points: int = 512) -> PhaseCurve:
    """Walk s over (0, s_max) and read off (ρ, τ): the whole reversal, without solving anything.

    Parameters
    ----------
    gamma, source_noise, signal : float
        γ = p/n0, σ0 and ‖w0‖.
    points : int

    Returns
    -------
    PhaseCurve

    Examples
    --------
    >>> curve = phase_curve(gamma=2.0, source_noise=1.0)
    >>> bool(np.all(np.diff(curve.rho) > 0) and np.all(np.diff(curve.tau) < 0))
    True
    """
    s = min(1.0, 1 / gamma) * np.arange(1, points + 1) / (points + 1)
    tau = penalty(s, gamma)
    return PhaseCurve(optimal_alignment(tau, gamma, source_noise, signal), tau)


def transfer_optimal_tau(rho: ArrayLike, gamma: float, source_noise: float, signal: float = 1.0) -> Array:
    """τ0*, the root of h(s) = ρ.

    Parameters
    ----------
    rho : array_like
        Alignments.
    gamma, source_noise, signal : float
        γ = p/n0, σ0 and ‖w0‖.

    Returns
    -------
    ndarray, the shape of rho
        inf for ρ ≤ 0 (do not transfer), 0 from `ridgeless_alignment` on.

    Notes
    -----
    Solved in κ, measured from its ridgeless value: in s, eight digits are lost near γ = 1 at small noise. By bisection
    of its logarithm, all alignments at once: loading a root finder would take longer than a phase curve.

    Examples
    --------
    >>> transfer_optimal_tau([-0.2, 0.5, 1.0, 6.0], gamma=2.0, source_noise=1.0).round(4)
    array([  inf, 6.348, 2.   , 0.   ])
    """
    noise, boundary = (source_noise / signal) ** 2, ridgeless_alignment(gamma, source_noise, signal)
    rho, start = np.asarray(rho, dtype=np.float64), max(0.0, gamma - 1)
    low, high = np.full(rho.shape, -100.0), np.full(rho.shape, 100.0)
    for _ in range(70):
        middle = (low + high) / 2
        excess = np.exp(middle)
        kappa, total = start + excess, 1 + start + excess
        slack = abs(1 - gamma) * max(1.0, gamma) + 2 * max(1.0, gamma) * excess + excess**2  # (1+κ)² − γ
        scatter = (kappa**2 + noise * total**2) * total**2 / slack**2 - kappa / slack
        harder = (1 + gamma * scatter) / total > rho
        low, high = np.where(harder, middle, low), np.where(harder, high, middle)
    excess = np.exp((low + high) / 2)
    tau = (start + excess) * (abs(min(0.0, gamma - 1)) + excess) / (1 + start + excess)
    return np.where(rho <= 0, np.inf, np.where(rho >= boundary, 0.0, tau))


def break_even_alignment(tau: ArrayLike, gamma: float, source_noise: float, signal: float = 1.0) -> Array:
    """ρ_min(s) = [s + γsN/D] / 2: transfer helps iff ρ exceeds it; exactly 1/2 at τ_S*, 0 at inf.

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
    >>> round(float(break_even_alignment(2.0, gamma=2.0, source_noise=1.0)), 9)
    0.5
    """
    s, noise = shrinkage(tau, gamma), (source_noise / signal) ** 2
    with np.errstate(divide="ignore"):
        return np.asarray((s + gamma * s * ((1 - s) ** 2 + noise) / (1 - gamma * s**2)) / 2)


def ridgeless_alignment(gamma: float, source_noise: float, signal: float = 1.0) -> float:
    """h(s_max): 1 + σ²γ²/(γ−1)² for γ > 1, 1 + σ²γ/(1−γ)² for γ < 1; at γ = 1 inf with noise, 3/4 without.

    Parameters
    ----------
    gamma, source_noise, signal : float
        γ = p/n0, σ0 and ‖w0‖.

    Returns
    -------
    float

    Examples
    --------
    >>> ridgeless_alignment(gamma=2.0, source_noise=1.0)
    5.0
    """
    noise = (source_noise / signal) ** 2
    if gamma == 1:
        return float(np.inf) if noise else 0.75  # N/D = (1−s)/(1+s), so h = 1 − 1/(1+s)²
    return float(1 + noise * gamma * max(gamma, 1.0) / (gamma - 1) ** 2)
