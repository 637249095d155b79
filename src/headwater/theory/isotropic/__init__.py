"""Closed forms where Σ0 = I and the target's metric is a multiple of I: no solver, and the general code's oracle.

γ = p/n0, σ² = σ0²/‖w0‖², s = 1/(1+κ) in (0, min(1, 1/γ)], N = (1−s)² + σ², D = 1 − γs². The target's size, noise and
penalty appear nowhere but in its own best penalty. Everything broadcasts over its arguments.
"""

from headwater.theory.isotropic.reversal import (
    PhaseCurve,
    break_even_alignment,
    optimal_alignment,
    phase_curve,
    ridgeless_alignment,
    transfer_optimal_tau,
)
from headwater.theory.isotropic.risks import (
    best_target_tau,
    distance,
    penalty,
    shrinkage,
    source_optimal_tau,
    source_risk,
)

__all__ = [
    "PhaseCurve",
    "best_target_tau",
    "break_even_alignment",
    "distance",
    "optimal_alignment",
    "penalty",
    "phase_curve",
    "ridgeless_alignment",
    "shrinkage",
    "source_optimal_tau",
    "source_risk",
    "transfer_optimal_tau",
]
