"""The phase diagram of transfer: where the downstream wants a harder or a softer source. Needs matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from headwater.theory import Population, joint_optimum, ridgeless_alignment, source_optimal_tau, transfer_gain
from headwater.theory.checks import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Phases(NamedTuple):
    """Over γ (rows) and ρ (columns): log10 τ0*/τ_S*, the gain at τ_S* and the gain at τ0*; ridgeless ρ per γ."""

    rho: Array
    gamma: Array
    log_ratio: Array
    gain_at_source_optimum: Array
    best_gain: Array
    ridgeless: Array


def phases(pop: Population, target_tau: float, rho: Array, gamma: Array) -> Phases:
    """Best source penalties over a grid of alignments and sample sizes of the source, everything else as in `pop`.

    Gains are linear in ρ, so two evaluations per penalty serve every alignment, and the best of 251 penalties within
    a factor 10^5 of τ_S* is read off: global, and within 5 % in τ.
    """
    offsets = np.linspace(-5, 5, 251)
    log_ratio, at_source, best, ridgeless = [], [], [], []
    for value in gamma:
        sized = Population.random_effects(
            pop.source_covariance,
            pop.target_covariance,
            rho=0.0,
            source_samples=pop.n_features / value,
            source_noise=pop.source_noise,
            target_samples=pop.target_samples,
            target_noise=pop.target_noise,
            signal=pop.signal,
        )
        taus = source_optimal_tau(sized) * 10**offsets
        base = np.asarray(transfer_gain(sized, taus, target_tau))
        per_rho = np.asarray(transfer_gain(sized.realigned(1.0), taus, target_tau)) - base
        gains = base[:, None] + per_rho[:, None] * rho
        chosen = gains.argmax(axis=0)
        log_ratio.append(offsets[chosen])
        at_source.append(gains[len(offsets) // 2])
        best.append(gains.max(axis=0))
        ridgeless.append(ridgeless_alignment(sized, target_tau))
    return Phases(rho, gamma, np.array(log_ratio), np.array(at_source), np.array(best), np.array(ridgeless))


def phase_diagram(pop: Population, target_tau: float | None = None) -> Figure:
    """Draw log10 τ0*/τ_S* over (ρ, γ) around `pop`, whose source energies are spread evenly, and mark `pop` in it.

    The target's penalty is `target_tau`, by default its best for `pop`. Raises ValueError without source noise, where
    τ_S* is 0 and no ratio exists, and ImportError without matplotlib.
    """
    if pop.source_noise == 0:
        raise ValueError("--plot needs --source-noise above 0: without noise the source's optimal penalty is 0")
    figures = _matplotlib()
    tau1 = joint_optimum(pop).target_tau if target_tau is None else target_tau
    rho = np.linspace(min(-0.25, pop.rho - 0.25), max(2.0, pop.rho + 0.25), 181)
    gamma = pop.gamma * np.geomspace(1 / 8, 8, 41)
    grid = phases(pop, tau1, rho, gamma)
    figure: Figure = figures["Figure"](figsize=(7.2, 4.8), layout="constrained")
    axes = figure.add_subplot()
    axes.set_facecolor("0.85")
    helps = grid.best_gain > 1e-9 * np.abs(grid.best_gain).max()
    colour = axes.pcolormesh(
        rho,
        gamma,
        np.where(helps, grid.log_ratio, np.nan),
        cmap="RdBu_r",
        vmin=-1.5,
        vmax=1.5,
        shading="nearest",
        rasterized=True,
    )
    rescued = helps & (grid.gain_at_source_optimum < 0)
    axes.contourf(rho, gamma, rescued, levels=[0.5, 1.5], colors="none", hatches=["//"])
    axes.axvline(1.0, color="black", linewidth=1.4)
    axes.plot(grid.ridgeless, gamma, color="0.6", linewidth=1.6, linestyle=":")
    axes.plot(pop.rho, pop.gamma, marker="o", markersize=8, markerfacecolor="gold", markeredgecolor="black")
    axes.set(xlim=(rho[0], rho[-1]), ylim=(gamma[0], gamma[-1]), yscale="log")
    axes.set_xlabel("alignment ρ of the target with the source")
    axes.set_ylabel("γ = features / source samples")
    axes.set_yticks(pop.gamma * 2.0 ** np.arange(-3, 4), minor=False)
    axes.yaxis.set_major_formatter("{x:.3g}")
    axes.minorticks_off()
    axes.set_title("Which source penalty does the downstream want?", fontsize=11)
    bar = figure.colorbar(colour, ax=axes, extend="both", label="log$_{10}$ (transfer-optimal τ / source-optimal τ)")
    bar.ax.text(0.5, 1.06, "harder", transform=bar.ax.transAxes, ha="center", va="bottom", fontsize=9)
    bar.ax.text(0.5, -0.06, "softer", transform=bar.ax.transAxes, ha="center", va="top", fontsize=9)
    line, patch = figures["Line2D"], figures["Patch"]
    figure.legend(
        handles=[
            line([], [], color="black", linewidth=1.4, label="reversal: both optima agree"),
            line([], [], color="0.6", linewidth=1.6, linestyle=":", label="beyond: no source penalty at all"),
            patch(facecolor="white", edgecolor="black", hatch="//", label="hurts at source optimum, helps at its own"),
            patch(facecolor="0.85", edgecolor="black", label="never helps: train from scratch"),
            line([], [], marker="o", markersize=8, markerfacecolor="gold", markeredgecolor="black", linestyle="none",
                 label=f"asked for: ρ = {pop.rho:.3g}, γ = {pop.gamma:.3g}"),
        ],
        loc="outside lower center",
        ncols=2,
        fontsize=8.5,
        frameon=False,
    )  # fmt: skip
    return figure


def _matplotlib() -> dict[str, Any]:
    try:
        from matplotlib.figure import Figure
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch
    except ImportError:
        raise ImportError("drawing needs matplotlib: install headwater[report]") from None
    return {"Figure": Figure, "Line2D": Line2D, "Patch": Patch}
