"""Laplace: the evidence of a prior at the mode, and what leaving a row out would do, both from the Hessian there.

The prior is θ_j ~ N(0, 1/π_j). Evidence: Tierney and Kadane 1986; leaving out: Rahnama Rad and Maleki 2020.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, solve_triangular

from headwater.families.mode import Mode
from headwater.spectrum.rows import Array


def log_evidence(mode: Mode) -> float:
    """log ∫ f(y|θ) p(θ) dθ less log f(y; y): −objective − ½ log |I + D'WD π⁻¹|.

    A free coefficient, π_j = 0, is integrated over all numbers.
    """
    half_log_det = float(np.log(np.diag(mode.factor[0])).sum())
    held = mode.precision > 0
    free = 0.5 * np.log(2 * np.pi) * np.count_nonzero(~held)
    return -mode.objective - half_log_det + 0.5 * float(np.log(mode.precision[held]).sum()) + float(free)


def log_evidence_slope(mode: Mode, scaled: NDArray[np.bool_]) -> float:
    """The derivative of ``log_evidence`` in log s, where the precisions ``scaled`` (a mask) are all times s.

    The mode moves by −H⁻¹πθ, and with it the Hessian: the family's third derivative.
    """
    pull = np.where(scaled, mode.precision * mode.theta, 0.0)
    inverse = cho_solve(mode.factor, np.eye(len(pull)), check_finite=False)
    moved = mode.columns @ -(inverse @ pull)
    leverage = np.einsum("ij,ij->i", mode.columns @ inverse, mode.columns)
    turned = 0.5 * float((mode.outcomes.skew(mode.eta) * leverage) @ moved)
    kept = 0.5 * float(np.sum(scaled * (1 - mode.precision * np.diag(inverse))))
    return kept - 0.5 * float(pull @ mode.theta) - turned


def variance(mode: Mode) -> Array:
    """The posterior variance of each row's linear predictor, D_i'H⁻¹D_i (n,)."""
    half = solve_triangular(mode.factor[0], mode.columns.T, lower=True, check_finite=False)
    return np.asarray(np.einsum("ij,ij->j", half, half))


def left_out(mode: Mode) -> Array:
    """The linear predictor of each row by a fit without it, to first order (n,): η − h/(1−h) g/W.

    h is the leverage, of free columns too. A row of weight w is left out with its whole weight.
    """
    spread = variance(mode)  # the leverage is W times that
    return np.asarray(mode.eta - spread / (1 - mode.curvature * spread) * mode.slope)


def pearson(mode: Mode) -> float:
    """Pearson's estimate of the dispersion, in units of the family's: Σ w (y − μ)²/V over n less degrees of freedom.

    g²/W is (y − μ)²/V of canonical links.
    """
    outcomes = mode.outcomes
    freedom = float(variance(mode) @ mode.curvature)
    squares = outcomes.slope(mode.eta) ** 2 / mode.curvature * outcomes.dispersion
    return float(squares.sum()) / max(outcomes.n - freedom, 1.0)
