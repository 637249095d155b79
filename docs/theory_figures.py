"""Draw the figures of theory.md: the phase diagram, and the laws where w0 follows the spectrum.

python docs/theory_figures.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from headwater import theory
from headwater.files import write_figure
from headwater.theory import Population
from headwater.theory.figures import phase_diagram

IMAGES = Path(__file__).parent / "images"
TARGET_TAU = 0.1


def population(exponent: float, rho: float = 1.0) -> Population:
    """Spectrum and energies of w0 both k^−exponent; p = 500, γ = 2, σ0 = 1, n1 = 50, σ1 = 0.1."""
    return Population.power_law(exponent, 500, 250, rho, 1.0, 50, 0.1, energy_alpha=exponent)


def kept_gain(pop: Population) -> float:
    """Share of the best scaled gain that the rescaled source-optimal model keeps; the same for every ρ."""
    own = theory.source_optimal_tau(pop)
    square = -theory.transfer_gain(pop.realigned(0.0), own, TARGET_TAU)
    cross = (theory.transfer_gain(pop.realigned(1.0), own, TARGET_TAU) + square) / 2
    return cross**2 / square / theory.scaled_optimum(pop.realigned(1.0), TARGET_TAU).gain


def approximate() -> Figure:
    """How far the laws bend as energies follow the spectrum."""
    figure = Figure(figsize=(9.0, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    rhos = np.linspace(0.3, 1.8, 31)
    for exponent, shade in ((0.0, "black"), (0.5, "#1b6ca8"), (1.0, "#d1701f"), (2.0, "#a8322d")):
        pop = population(exponent)
        own = theory.source_optimal_tau(pop)
        ratios = [theory.transfer_optimal_tau(pop.realigned(rho), TARGET_TAU) / own for rho in rhos]
        left.semilogy(
            rhos, ratios, color=shade, label="even (law exact)" if exponent == 0 else f"exponent {exponent:g}"
        )
    left.axhline(1, color="0.7", linewidth=0.8, zorder=0)
    left.axvline(1, color="0.7", linewidth=0.8, zorder=0)
    left.set(xlabel="alignment ρ", ylabel="transfer-optimal τ / source-optimal τ", title="unscaled: the reversal moves")
    left.legend(frameon=False, fontsize=9)
    exponents = np.linspace(0, 2, 21)
    pops = [population(exponent) for exponent in exponents]
    right.plot(exponents, [kept_gain(pop) for pop in pops], color="black", label="gain kept, rescaled source optimum")
    right.plot(
        exponents,
        [theory.break_even_alignment(pop, target_tau=TARGET_TAU) for pop in pops],
        color="#d1701f",
        label="break-even alignment (law: 1/2)",
    )
    right.set(
        xlabel="exponent of spectrum and energies",
        ylim=(0, 1.05),
        ylabel="share, alignment",
        title="source optimum: gain kept, break-even",
    )
    right.legend(frameon=False, fontsize=9, loc="lower left")
    return figure


if __name__ == "__main__":
    write_figure(lambda: phase_diagram(Population.isotropic(500, 250, 0.7, 1.0)), IMAGES / "phase.svg", "phase")
    write_figure(approximate, IMAGES / "theory-approximate.svg", "approximate")
    for exponent in (0.0, 0.5, 1.0, 2.0):
        pop, own = population(exponent), theory.source_optimal_tau(population(exponent))
        ratios = [theory.transfer_optimal_tau(pop.realigned(rho), TARGET_TAU) / own for rho in (0.5, 1.0, 1.4)]
        scaled = theory.scaled_optimum(pop, TARGET_TAU).source_tau / own
        print(
            f"exponent {exponent:g}: ratio at rho 0.5, 1, 1.4: {ratios[0]:.2f} {ratios[1]:.2f} {ratios[2]:.2f}; "
            f"scaled {scaled:.2f}; gain kept {kept_gain(pop):.3f}; "
            f"break-even {theory.break_even_alignment(pop, target_tau=TARGET_TAU):.3f}"
        )
