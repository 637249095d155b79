"""Mode: the most probable coefficients under a Gaussian prior, by Newton's method.

Minimises Σ_i w_i d(y_i, o_i + D_i'θ)/2 + ½ Σ_j π_j θ_j². A factor of the Hessian serves for as long as its steps bring
the mode ten times nearer: a step costs two products with the columns, a Hessian as many as there are columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from headwater.families.outcomes import Outcomes
from headwater.spectrum.rows import Array

TOLERANCE = 1e-18  # of the Newton decrement, the square of a distance to the mode in standard errors
_ENOUGH, _NEAR, _STEPS = 1e-2, 1e-6, 200
_NOTHING = 1e-6  # of information left in all rows together: the fit has run away
_LEAST = 1e-14  # of each column's curvature, whatever its unit, or of the greatest where it has none: so all is held


@dataclass(frozen=True, eq=False)
class Mode:
    """The mode θ (c,) of outcomes at columns D (n, c) under precisions π (c,); 0 leaves a coefficient free.

    ``eta`` (n,) are the linear predictors, offset included. ``near`` is D'WD where it was last needed.
    """

    outcomes: Outcomes
    columns: Array
    precision: Array
    theta: Array
    eta: Array
    near: Array

    @cached_property
    def curvature(self) -> Array:
        """W (n,), weights included."""
        return self.outcomes.curvature(self.eta)

    @cached_property
    def gram(self) -> Array:
        """D'WD at the mode."""
        return weighted_gram(self.columns, self.curvature)

    @cached_property
    def factor(self) -> Any:
        """The Cholesky factor of the Hessian D'WD + diag π at the mode."""
        return factorise(self.gram, self.precision)

    @property
    def cheap_factor(self) -> Any:
        """The factor that the last step was taken with, or one as cheap."""
        return factorise(self.near, self.precision)

    @cached_property
    def slope(self) -> Array:
        """The log likelihood's derivative in η at the mode (n,), weights included."""
        return self.outcomes.slope(self.eta)

    @cached_property
    def objective(self) -> float:
        """Half the deviance and half the penalty: what the mode minimises."""
        return self.outcomes.half_deviance(self.eta) + 0.5 * float(self.precision @ self.theta**2)


def weighted_gram(columns: Array, weight: Array) -> Array:
    """D'WD."""
    scaled = np.sqrt(weight)[:, None] * columns
    return np.asarray(scaled.T @ scaled)


def factorise(gram: Array, precision: Array) -> Any:
    hessian = gram.copy()
    diagonal = np.einsum("ii->i", hessian)
    diagonal += precision
    diagonal += _LEAST * np.where(diagonal > 0, diagonal, diagonal.max(initial=0.0))
    return cho_factor(hessian, lower=True, overwrite_a=True, check_finite=False)


def find_mode(
    outcomes: Outcomes,
    columns: Array,
    precision: Array,
    start: Array | None = None,
    near: Array | None = None,
    tolerance: float = TOLERANCE,
) -> Mode:
    """The mode, from ``start`` (0 by default) and a D'WD ``near`` it.

    Raises ValueError where there is none: a free coefficient that the outcomes drive without end.
    """
    theta = np.zeros(columns.shape[1]) if start is None else start
    eta = outcomes.offset + columns @ theta
    value = outcomes.half_deviance(eta) + 0.5 * float(precision @ theta**2)
    factor, fresh, before = (None if near is None else factorise(near, precision)), False, np.inf
    for _ in range(_STEPS):
        gradient = columns.T @ outcomes.slope(eta) - precision * theta
        if factor is None:
            near = weighted_gram(columns, outcomes.curvature(eta))
            factor, fresh = factorise(near, precision), True
        step = cho_solve(factor, gradient, check_finite=False)
        decrement = float(gradient @ step)
        if not fresh and decrement > max(_ENOUGH * before, tolerance):
            factor, before = None, np.inf
            continue
        length = 1.0
        while True:
            moved = theta + length * step
            eta_moved = outcomes.offset + columns @ moved
            reached = outcomes.half_deviance(eta_moved) + 0.5 * float(precision @ moved**2)
            # The objective's rounding cannot tell the last steps apart, and they need no watching.
            if decrement < _NEAR or reached <= value - 1e-4 * length * decrement or length < 1e-8:
                break
            length /= 2
        theta, eta, value = moved, eta_moved, reached
        if decrement <= tolerance:
            assert near is not None
            if not precision.all() and outcomes.curvature(eta).sum() < _NOTHING:
                break
            return Mode(outcomes, columns, precision, theta, eta, near)
        before = decrement
        if length < 1:
            factor = None
        fresh = False
    raise ValueError("the outcomes leave a coefficient without bound: give a larger penalty, or rows of both kinds")
