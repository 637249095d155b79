"""Figures: the phase diagram of transfer, where the downstream wants a harder or a softer source. Needs matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from headwater.theory import Population, joint_optimum, ridgeless_alignment, source_optimal_tau, transfer_gain
from headwater.theory.checks import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_SIZE = (7.2, 4.8)  # inches


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


class PhaseDiagramDisplay:
    """Which source penalty the downstream wants, over alignment and sample size: log10 τ0*/τ_S* in colour.

    Parameters
    ----------
    phases : Phases
        The diagram's numbers.
    rho, gamma : float
        The point that is marked.

    Attributes
    ----------
    ax_, figure_
        Where it was drawn.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from headwater import PhaseDiagramDisplay, theory
    >>> pop = theory.Population.isotropic(50, 25, 0.7, 1.0)
    >>> display = PhaseDiagramDisplay.from_population(pop, 1.0, ax=Figure().subplots())
    >>> display.ax_.get_ylabel()
    'γ = features / source samples'
    """

    def __init__(self, phases: Phases, rho: float, gamma: float) -> None:
        self.phases = phases
        self.rho = rho
        self.gamma = gamma

    @classmethod
    def from_population(cls, population: Population, target_tau: float | None = None, *, ax: Any = None) -> Self:
        """Draw the diagram around a population, whose source energies are spread evenly, and mark it.

        Parameters
        ----------
        population : Population
        target_tau : float, optional
            The target's penalty; the population's best by default.
        ax : matplotlib Axes, optional
            A new figure by default.

        Returns
        -------
        PhaseDiagramDisplay

        Raises
        ------
        ValueError
            There is no source noise, without which τ_S* is 0 and no ratio exists.
        """
        if population.source_noise == 0:
            raise ValueError("--plot needs --source-noise above 0: without noise the source's optimal penalty is 0")
        tau1 = joint_optimum(population).target_tau if target_tau is None else target_tau
        rho = np.linspace(min(-0.25, population.rho - 0.25), max(2.0, population.rho + 0.25), 181)
        gamma = population.gamma * np.geomspace(1 / 8, 8, 41)
        return cls(phases(population, tau1, rho, gamma), population.rho, population.gamma).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw it.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            A new figure by default.

        Returns
        -------
        self

        Raises
        ------
        ImportError
            Without matplotlib.
        """
        try:
            from matplotlib import pyplot
            from matplotlib.lines import Line2D
            from matplotlib.patches import Patch
        except ImportError:
            raise ImportError("drawing needs matplotlib: install headwater[report]") from None
        if ax is None:
            _, ax = pyplot.subplots(figsize=_SIZE, layout="constrained")
        self.ax_, self.figure_, grid = ax, ax.figure, self.phases
        ax.set_facecolor("0.85")
        helps = grid.best_gain > 1e-9 * np.abs(grid.best_gain).max()
        colour = ax.pcolormesh(
            grid.rho,
            grid.gamma,
            np.where(helps, grid.log_ratio, np.nan),
            cmap="RdBu_r",
            vmin=-1.5,
            vmax=1.5,
            shading="nearest",
            rasterized=True,
        )
        rescued = helps & (grid.gain_at_source_optimum < 0)
        ax.contourf(grid.rho, grid.gamma, rescued, levels=[0.5, 1.5], colors="none", hatches=["//"])
        ax.axvline(1.0, color="black", linewidth=1.4)
        ax.plot(grid.ridgeless, grid.gamma, color="0.6", linewidth=1.6, linestyle=":")
        ax.plot(self.rho, self.gamma, marker="o", markersize=8, markerfacecolor="gold", markeredgecolor="black")
        ax.set(xlim=(grid.rho[0], grid.rho[-1]), ylim=(grid.gamma[0], grid.gamma[-1]), yscale="log")
        ax.set_xlabel("alignment ρ of the target with the source")
        ax.set_ylabel("γ = features / source samples")
        ax.set_yticks(self.gamma * 2.0 ** np.arange(-3, 4), minor=False)
        ax.yaxis.set_major_formatter("{x:.3g}")
        ax.minorticks_off()
        ax.set_title("Which source penalty does the downstream want?", fontsize=11)
        label = "log$_{10}$ (transfer-optimal τ / source-optimal τ)"
        bar = self.figure_.colorbar(colour, ax=ax, extend="both", label=label)
        bar.ax.text(0.5, 1.06, "harder", transform=bar.ax.transAxes, ha="center", va="bottom", fontsize=9)
        bar.ax.text(0.5, -0.06, "softer", transform=bar.ax.transAxes, ha="center", va="top", fontsize=9)
        asked = f"asked for: ρ = {self.rho:.3g}, γ = {self.gamma:.3g}"
        ax.legend(
            handles=[
                Line2D([], [], color="black", linewidth=1.4, label="reversal: both optima agree"),
                Line2D([], [], color="0.6", linewidth=1.6, linestyle=":", label="beyond: no source penalty at all"),
                Patch(fc="white", ec="black", hatch="//", label="hurts at source optimum, helps at its own"),
                Patch(fc="0.85", ec="black", label="never helps: train from scratch"),
                Line2D([], [], marker="o", ms=8, mfc="gold", mec="black", linestyle="none", label=asked),
            ],
            loc="upper center",
            bbox_to_anchor=(0.58, -0.14),
            ncols=2,
            fontsize=8.5,
            frameon=False,
        )
        return self


def phase_diagram(pop: Population, target_tau: float | None = None) -> Figure:
    """The diagram as a figure by itself; raises as PhaseDiagramDisplay does, and ImportError without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError("drawing needs matplotlib: install headwater[report]") from None
    figure: Figure = Figure(figsize=_SIZE, layout="constrained")
    PhaseDiagramDisplay.from_population(pop, target_tau, ax=figure.subplots())
    return figure
