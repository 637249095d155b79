"""Brief: everything the theory says of one population, as plain numbers."""

from __future__ import annotations

import math
from typing import Any

from headwater.theory.alignments import break_even_alignment, ridgeless_alignment
from headwater.theory.decision import transfer_gain
from headwater.theory.optimum import joint_optimum, source_optimal_tau, transfer_optimal_tau
from headwater.theory.population import Population


def summarise(pop: Population, target_tau: float | None) -> dict[str, Any]:
    """The answers as plain numbers, infinities included; `gain` is that of the transfer-optimal penalty."""
    source, transfer = source_optimal_tau(pop), transfer_optimal_tau(pop, target_tau)
    joint = joint_optimum(pop)
    ratio = transfer / source if source > 0 and math.isfinite(source) else (1.0 if source == transfer else math.inf)
    return {
        "source_optimal_tau": source,
        "transfer_optimal_tau": transfer,
        "ratio": ratio,
        "direction": direction(source, transfer),
        "gain": transfer_gain(pop, transfer, target_tau),
        "break_even_alignment": break_even_alignment(pop, target_tau=target_tau),
        "ridgeless_alignment": ridgeless_alignment(pop, target_tau),
        "joint": {
            "source_tau": joint.source_tau,
            "target_tau": joint.target_tau,
            "risk": joint.risk,
            "scratch_risk": joint.scratch_risk,
            "gain": joint.gain,
        },
    }


def direction(source_tau: float, transfer_tau: float, within: float = 1e-9) -> str:
    """Which way the downstream pulls the source penalty: "harder", "softer", "equal" within so much, or "scratch".

    "unknown" where either is NaN.
    """
    if math.isinf(transfer_tau):
        return "scratch"
    if math.isnan(source_tau) or math.isnan(transfer_tau):
        return "unknown"
    if abs(transfer_tau - source_tau) <= within * source_tau:
        return "equal"
    return "harder" if transfer_tau > source_tau else "softer"
