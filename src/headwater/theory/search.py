"""Global minimisation over a penalty in [0, ∞]: every rising zero of the slope, and both ends."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from headwater.theory.checks import Array
from headwater.theory.design import Design, respond
from headwater.theory.equivalents import own_risk
from headwater.theory.slopes import own_slope

Index = NDArray[np.intp]


def local_minima(slope: Callable[[Index, Array], Array], grid: Array, signs: Array) -> tuple[Index, Array]:
    """Every (row, τ) where a row of slopes `signs` (rows, grid) turns from falling to rising, refined.

    `slope(row, tau)` takes flat arrays of equal length. All roots are refined at once, in log τ, by Ridders' method,
    which keeps its bracket.
    """
    row, cell = np.nonzero((signs[:, :-1] < 0) & (signs[:, 1:] >= 0))
    left, right = np.log(grid[cell]), np.log(grid[cell + 1])
    below, above = signs[row, cell], signs[row, cell + 1]
    root = np.full(len(row), np.inf)
    for _ in range(60 if len(row) else 0):
        middle = (left + right) / 2
        level = slope(row, np.exp(middle))
        unit = np.maximum(np.maximum(-below, above), np.finfo(np.float64).tiny)
        bow = np.sqrt((level / unit) ** 2 - (below / unit) * (above / unit))
        shift = np.divide(level / unit, bow, out=np.zeros_like(bow), where=bow > 0)
        previous, root = root, middle - (middle - left) * shift
        value = slope(row, np.exp(root))
        for point, height in ((middle, level), (root, value)):
            falls, rises = (height < 0) & (point > left), (height >= 0) & (point < right)
            left, below = np.where(falls, point, left), np.where(falls, height, below)
            right, above = np.where(rises, point, right), np.where(rises, height, above)
        if np.all((np.abs(root - previous) <= 1e-14 * np.maximum(np.abs(root), 1)) | (value == 0)):
            break
    return row, np.exp(root)


def best_penalty(design: Design, energy: Array, noise: float) -> Array:
    """The penalty (rows,) of least `own_risk`, one for each row of energies (rows, k); 0 and inf are values.

    A row that is not finite (an infinitely bad start) gets 0: the fit that sees least of where it starts.
    """
    best = np.zeros(len(energy))
    usable = np.isfinite(energy).all(axis=-1)
    energy = energy[usable]
    row, root = local_minima(
        lambda row, tau: own_slope(design, respond(design, tau), energy[row], noise),
        design.scan.tau,
        own_slope(design, design.scan, energy[:, None, :], noise),
    )
    rows = np.arange(len(energy))
    row, tau = (
        np.concatenate([row, rows, rows]),
        np.concatenate([root, np.zeros(len(rows)), np.full(len(rows), np.inf)]),
    )
    best[usable] = least(len(rows), row, tau, own_risk(design, respond(design, tau), energy[row], noise))
    return best


def least(rows: int, row: Index, tau: Array, risk: Array) -> Array:
    """For each row the τ of least risk; of risks equal to rounding, the first listed (minima before the ends)."""
    lowest = np.full(rows, np.inf)
    np.minimum.at(lowest, row, risk)
    good = risk <= lowest[row] * (1 + 1e-14)
    chosen, first = np.unique(row[good], return_index=True)
    best = np.empty(rows)
    best[chosen] = tau[good][first]
    return best
