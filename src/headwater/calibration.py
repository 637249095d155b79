"""Calibration: from two tables to the population they were drawn from, with the alignment's interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from headwater.crossing import Crossing
from headwater.likelihood import NOISE, PRIVATE, RHO, SIGNAL, TARGET_NOISE, Likelihood, Point
from headwater.moments import Array
from headwater.spectrum import Spectrum

_FLOOR, _CEILING = np.log(1e-8), np.log(1e4)  # of a variance, about the outcome's own
_TOLERANCE = 1e-4  # of −2 log L
COUNT = [0]

def start(crossing: Crossing) -> Array:
    """No alignment, and half of each outcome's variance to its signal."""
    source, target = crossing.source.spectrum, crossing.target
    own = _halves(target)
    return np.r_[0.0, own if source is None else _halves(source), own]


def _halves(spectrum: Spectrum) -> Array:
    variance = (np.square(spectrum.u).sum() + spectrum.remainder.sum()) / spectrum.contrasts / spectrum.n_outputs
    spread = spectrum.n * spectrum.eigenvalues.sum() / spectrum.contrasts
    return np.array([variance / spread / 2, variance / 2])


def descend(likelihood: Likelihood, point: Point, unit: Array, free: list[int]) -> Point:
    damping = 1e-3
    floor = np.r_[-np.inf, 1e-8, 1e-8, 0, 1e-8] * unit
    for _ in range(100):
        old, slope, curvature = point.parameters, point.slope, point.curvature
        moving = [i for i in free if old[i] > floor[i] or slope[i] < 0]
        H = curvature[np.ix_(moving, moving)]
        scale = np.diag(H) + 1e-300
        step = np.zeros(5)
        step[moving] = np.linalg.solve(H + damping * np.diag(scale), -slope[moving])
        new = old + step
        new[1:] = np.clip(new[1:], np.maximum(floor, [0, .1, .1, 0, .1] * old)[1:], 10 * old[1:] + unit[1:])
        if -slope @ (new - old) < _TOLERANCE:
            return point
        COUNT[0] += 1
        tried = likelihood.at(new)
        if tried.value < point.value:
            point, damping = tried, damping / 10
        else:
            damping = max(10 * damping, 1e-3)
    print("stop")
    return point

def calib(crossing):
    L = Likelihood(crossing)
    x0 = start(crossing)
    box=np.r_[1,x0[1:]]
    best = descend(L, L.at(x0), box, [0, 1, 2, 3, 4])
    c0 = COUNT[0]
    m = crossing.target.contrasts * crossing.target.n_outputs
    t = stdtrit(m - 1, 0.975)
    cut = m * np.log1p(t**2 / (m - 1))
    H = best.curvature
    rest = [1, 2, 3, 4]
    cov = np.linalg.pinv(H / 2)
    se = np.sqrt(cov[0, 0])
    ends = []
    for side in (-1, 1):
        def profile(rho, frm):
            x = frm.parameters.copy(); x[0] = rho
            return descend(L, L.at(x), box, rest)
        a, za = best, -np.sqrt(cut)
        step = np.sqrt(cut) * se
        near = best
        rho = best.parameters[0] + side * step
        inside, outside = (best.parameters[0], -np.sqrt(cut)), None
        for k in range(60):
            near = profile(rho, near)
            z = np.sqrt(max(near.value - best.value, 0)) - np.sqrt(cut)
            if abs(z) < 0.01: break
            if z < 0: inside = (rho, z)
            else: outside = (rho, z)
            if outside is None:
                prev = best.parameters[0]
                rho = prev + (rho - prev) * min(max(1.1 * np.sqrt(cut) / max(z + np.sqrt(cut), 1e-9), 1.05), 3)
            else:
                f = np.clip(-inside[1] / (outside[1] - inside[1]), 0.1, 0.9)
                rho = inside[0] + f * (outside[0] - inside[0])
        ends.append(rho)
    return best, ends, se, c0, COUNT[0]
