"""Draw the figures of theory.md: the phase diagram, the mismatch's control, the laws where w0 follows the spectrum.

python docs/theory_figures.py
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from headwater import theory
from headwater.files import write_figure
from headwater.theory import Population
from headwater.theory.figures import phase_diagram

IMAGES = Path(__file__).parent / "images"
TARGET_TAU = 0.1


def population(exponent: float, rho: float = 1.0, gamma: float = 2.0) -> Population:
    """Spectrum and energies of w0 both k^−exponent; p = 500, p/γ source rows, σ0 = 1, n1 = 50, σ1 = 0.1."""
    return Population.power_law(
        exponent, 500, 500 / gamma, rho, 1.0, target_samples=50, target_noise=0.1, energy_alpha=exponent
    )


def risk(pop: Population, source_tau: float, target_tau: float | None) -> float:
    """The transfer risk at given penalties; the target's own best where none is given."""
    joint = target_tau is None
    alone = theory.joint_optimum(pop).scratch_risk if joint else theory.scratch_risk(pop, target_tau)
    return float(alone - theory.transfer_gain(pop, source_tau, target_tau))


def saved(pop: Population, target_tau: float | None) -> float:
    """What τ0* saves of the transfer risk at τ_S*, in percent."""
    own, best = theory.source_optimal_tau(pop), theory.transfer_optimal_tau(pop, target_tau)
    return 100 * (1 - risk(pop, best, target_tau) / risk(pop, own, target_tau))


def saved_scaled(exponent: float, rho: float, gamma: float) -> float:
    """The same where the source's coefficients may be scaled, each time by the best factor."""
    pop = population(exponent, 1.0, gamma)
    own = theory.source_optimal_tau(pop)
    square = -theory.transfer_gain(pop.realigned(0.0), own, TARGET_TAU)
    cross = (theory.transfer_gain(pop, own, TARGET_TAU) + square) / 2
    scratch = risk(pop.realigned(rho), np.inf, TARGET_TAU)
    best = theory.scaled_optimum(pop.realigned(rho), TARGET_TAU).gain
    return 100 * (1 - (scratch - best) / (scratch - rho**2 * cross**2 / square))


def control() -> Figure:
    """What is left of the gain of τ0* over τ_S* once the target's penalty, or a factor, is at its best as well."""
    figure = Figure(figsize=(9.4, 3.7), layout="constrained")
    rhos = np.linspace(0.2, 1.8, 17)
    for axes, gamma in zip(figure.subplots(1, 3, sharey=True), (0.5, 2.0, 5.0), strict=True):
        for exponent, colour, name in ((0.0, "#1f2933", "isotropic"), (1.0, "#d1701f", "energies k$^{-1}$")):
            pops = [population(exponent, 1.0, gamma).realigned(rho) for rho in rhos]
            axes.plot(rhos, [saved(pop, TARGET_TAU) for pop in pops], color=colour, lw=4, alpha=0.35,
                      label=f"{name}: τ1 fixed at {TARGET_TAU:g}")  # fmt: skip
            axes.plot(rhos, [saved(pop, None) for pop in pops], color=colour, lw=1.4, ls=(0, (4, 2)),
                      label=f"{name}: τ1 at its best")  # fmt: skip
            axes.plot(rhos, [saved_scaled(exponent, rho, gamma) for rho in rhos], color=colour, lw=1.6, ls=":",
                      label=f"{name}: factor free")  # fmt: skip
        axes.set(title=f"γ = {gamma:g}", xlabel="alignment ρ")
        axes.axvline(1, color="0.8", linewidth=0.8, zorder=0)
    figure.axes[0].set_ylabel("transfer risk saved by τ0* over τ_S*, %")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure


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
    write_figure(control, IMAGES / "theory-control.svg", "control")
    for exponent, gamma, rho in product((0.0, 1.0), (0.5, 2.0, 5.0), (0.5, 0.7, 1.3)):
        pop = population(exponent, 1.0, gamma).realigned(rho)
        print(
            f"exponent {exponent:g}, gamma {gamma:g}, rho {rho:g}: saved {saved(pop, TARGET_TAU):.1f} %, tau1 at its "
            f"best {saved(pop, None):.1f} %, factor free {abs(saved_scaled(exponent, rho, gamma)):.1f} %"
        )
    for exponent in (0.0, 0.5, 1.0, 2.0):
        pop, own = population(exponent), theory.source_optimal_tau(population(exponent))
        ratios = [theory.transfer_optimal_tau(pop.realigned(rho), TARGET_TAU) / own for rho in (0.5, 1.0, 1.4)]
        scaled = theory.scaled_optimum(pop, TARGET_TAU).source_tau / own
        print(
            f"exponent {exponent:g}: ratio at rho 0.5, 1, 1.4: {ratios[0]:.2f} {ratios[1]:.2f} {ratios[2]:.2f}; "
            f"scaled {scaled:.2f}; gain kept {kept_gain(pop):.3f}; "
            f"break-even {theory.break_even_alignment(pop, target_tau=TARGET_TAU):.3f}"
        )
