"""The population side: risks and optimal penalties from the theory; knows no data."""

from headwater.theory import isotropic
from headwater.theory.alignments import break_even_alignment, optimal_alignment, ridgeless_alignment
from headwater.theory.decision import source_information, transfer_gain
from headwater.theory.equivalents import scratch_risk, source_risk, transfer_risk
from headwater.theory.optimum import Optimum, joint_optimum, source_optimal_tau, transfer_optimal_tau
from headwater.theory.population import Population
from headwater.theory.scaled import scaled_optimum
from headwater.theory.simulation import Simulation, simulate
from headwater.theory.targets import MultiTarget, multi_target

__all__ = [
    "MultiTarget",
    "Optimum",
    "Population",
    "Simulation",
    "break_even_alignment",
    "isotropic",
    "joint_optimum",
    "multi_target",
    "optimal_alignment",
    "ridgeless_alignment",
    "scaled_optimum",
    "scratch_risk",
    "simulate",
    "source_information",
    "source_optimal_tau",
    "source_risk",
    "transfer_gain",
    "transfer_optimal_tau",
    "transfer_risk",
]
