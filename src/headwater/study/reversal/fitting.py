"""Fitting: one table's penalised fits, many penalties and offsets at once, by Newton's method."""

from __future__ import annotations

import numpy as np

from headwater.families.design import Design
from headwater.families.family import Family
from headwater.study.checks import Array

TOLERANCE = 1e-10  # of the Newton decrement before the last step: quadratic convergence squares it
_NEAR, _STEPS = 1e-6, 100


def fit(family: Family, X: Array, y: Array, offsets: Array, taus: Array) -> Array:
    """δ (fits, p): argmin (1/n) Σ d(y_i, o_i + x_i'δ) + τ‖δ‖² at each pair of offsets (fits, n) and τ (fits,) > 0.

    L2-SP is this with o = X ŵ0, and ŵ1 = ŵ0 + δ. There is no level. With p > n it is solved in the rows' n dimensions.
    """
    design = Design.of(X, np.ones(len(X)), level=False)
    columns = design.columns
    strength = len(X) * taus[:, None]
    theta = np.zeros((len(taus), columns.shape[1]))

    def objective(eta: Array, theta: Array, strength: Array) -> Array:
        half = family.half_deviance(y, eta).sum(-1) + 0.5 * (strength * theta**2).sum(-1)
        return np.asarray(half)

    left = np.arange(len(taus))  # the fits that have not converged
    for _ in range(_STEPS):
        at, under = theta[left], strength[left]
        eta = offsets[left] + at @ columns.T
        slope = family.slope(y, eta) @ columns - under * at
        hessian = (columns.T * family.curvature(y, eta)[:, None, :]) @ columns
        np.einsum("ijj->ij", hessian)[...] += under
        step = np.linalg.solve(hessian, slope[..., None])[..., 0]
        decrement = (slope * step).sum(-1)
        length = np.ones((len(left), 1))
        # Near the optimum the objective's rounding cannot tell steps apart, and they need no watching.
        watched, before = decrement > _NEAR, objective(eta, at, under)
        while watched.any():
            reached = at + length * step
            after = objective(offsets[left] + reached @ columns.T, reached, under)
            watched &= after > before - 1e-4 * length[:, 0] * decrement
            length[watched] /= 2
        theta[left] = at + length * step
        left = left[decrement > TOLERANCE]
        if not len(left):
            return theta if design.vectors is None else theta @ design.vectors.T
    raise ArithmeticError("Newton's method did not converge")  # convex and damped: it does
