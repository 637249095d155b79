"""Penalty: the one best for a table itself, τ_S*, found where a criterion's slope is zero."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import brentq

from headwater.spectrum.criteria import score_named
from headwater.spectrum.decomposed import Decomposed
from headwater.spectrum.rows import Array

_REACH, _NODES = 27.0, 122  # of log(τ/c), and how many nodes look for the peaks
_TIE = 1e-8  # in log likelihood: two penalties as likely as that are equally likely
_STEP = 1e-100  # of the imaginary part: nothing is subtracted, so it may be as small as it likes

Score = Callable[[Any], Any]


def optimal_tau(side: Decomposed, criterion: str) -> float:
    """The penalty in [0, ∞] that is best for the table itself, by the criterion alone.

    By "evidence" it is the most probable one, at the prior under which the shrinkage factor s = c/(c + τ) is uniform, c
    the mean nonzero eigenvalue: it maximises the restricted likelihood + log s(1 − s), since with p ≥ n that of clean
    noise is often flat as far as τ = 0. By "loo" and "gcv" it has the least error. ∞ is for a table that says nothing:
    where no penalty is better than ∞, one that ties with it included. An inner maximum is a root of the slope, so that
    it moves by rounding errors only where the table does.
    """
    score = score_named(criterion)
    if side.rank == 0:
        return np.inf

    def value(logs: Array) -> Array:
        """The criterion at τ = c exp(logs), which may be complex; (m,)."""
        return np.asarray(score(side, side.u[:, :, None], side.unit * np.exp(logs))[0])

    def density(logs: Array) -> Array:
        """Criterion and prior, log s(1 − s) = −2 log 2cosh(x/2)."""
        return value(logs) - 2 * np.log(2 * np.cosh(logs / 2))

    found = peak(value, np.linspace(-_REACH, _REACH, _NODES))
    nothing, everything = value(np.array([np.inf, -np.inf]))
    best = float(value(np.array([found]))[0])
    if max(best, everything) <= nothing + _TIE:
        return np.inf
    if criterion == "evidence":
        found = peak(density, np.linspace(-_REACH, _REACH, _NODES))
    elif everything >= best:
        return 0.0
    return float(side.unit * np.exp(found))


def peak(value: Score, nodes: Array) -> float:
    """The highest point of a smooth function between the first and last of these nodes: an end, or a stationary point.

    The best node's neighbourhood is made finer until the slope changes its sign over it once, and the root is taken.
    """

    def steepness(at: float) -> float:  # of one point at a time: sums of several are rounded otherwise
        return float(slope(value, np.array([at]))[0])

    for _ in range(40):
        best = int(np.argmax(value(nodes)))
        low, high = max(best - 1, 0), min(best + 1, len(nodes) - 1)
        before, after = steepness(nodes[low]), steepness(nodes[high])
        if before > 0 > after:
            return float(brentq(steepness, nodes[low], nodes[high], xtol=1e-15))
        if (best == 0 and before <= 0) or (best == len(nodes) - 1 and after >= 0) or nodes[high] - nodes[low] < 1e-9:
            break
        nodes = np.linspace(nodes[low], nodes[high], 13)
    return float(nodes[best])


def slope(value: Score, at: Array) -> Array:
    """The derivative of an analytic function by a complex step, exact but for rounding (Squire and Trapp 1998)."""
    return np.asarray(value(at + 1j * _STEP).imag / _STEP)
