"""The population side: risks and optimal penalties from the theory; knows no data."""

from headwater.theory.equivalents import scratch_risk, source_risk, transfer_risk
from headwater.theory.optimum import Optimum, joint_optimum, source_optimal_tau, transfer_optimal_tau
from headwater.theory.population import Population
from headwater.theory.simulation import Simulation, simulate

__all__ = [
    "Optimum",
    "Population",
    "Simulation",
    "joint_optimum",
    "scratch_risk",
    "simulate",
    "source_optimal_tau",
    "source_risk",
    "transfer_optimal_tau",
    "transfer_risk",
]
