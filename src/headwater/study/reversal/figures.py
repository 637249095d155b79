"""The figure: one panel for each γ, the ratio against ρ at three kinds of target penalty, theory where there is one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from headwater.pages.drawing import INK, RULE, SIMULATED, THEORY
from headwater.study.reversal.experiment import Reversal
from headwater.study.reversal.kinds import KINDS
from headwater.study.reversal.summary import Curve, drawn, label

TICKS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.5, 1, 2, 5, 10, 30, 100, 300, 1000]
LOOKS = [(SIMULATED, "o"), (THEORY, "s"), ("#009e73", "^")]  # told apart by shape as well


def title(experiment: Reversal) -> str:
    """What the figure shows, in one line.

    >>> title(Reversal("binomial"))
    'Reversal, yes/no outcomes: the source penalty best for the target, over the one best for the source'
    """
    words = KINDS[experiment.family].words
    return f"Reversal, {words}: the source penalty best for the target, over the one best for the source"


def figure(experiment: Reversal, curves: Sequence[Curve]) -> Figure:
    """One panel for each γ, on shared axes; the ratio is logarithmic. Points on the grid's edge are hollow."""
    columns = min(2, len(experiment.gammas))
    lines = -(-len(experiment.gammas) // columns)
    width, height = 1.2 + 3.4 * columns, 1.3 + 2.6 * lines
    picture = Figure(figsize=(width, height))
    grid = picture.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
    picture.subplots_adjust(
        left=0.95 / width, right=1 - 0.1 / width, bottom=0.6 / height, top=1 - 0.95 / height, wspace=0.07, hspace=0.2
    )
    shown = drawn(curves)
    nudge = 0.006 * (max(experiment.rhos) - min(experiment.rhos) or 1)
    for axes, gamma in zip(grid.flat, experiment.gammas, strict=False):
        axes.axhline(1, color=RULE, lw=0.9, ls=(0, (4, 3)), zorder=0)
        axes.axvline(1, color=RULE, lw=0.9, ls=(0, (4, 3)), zorder=0)
        mine = [curve for curve in shown if curve.gamma == gamma]
        for i, (curve, (colour, marker)) in enumerate(zip(mine, LOOKS, strict=True)):
            rows = sorted(curve.rows, key=lambda row: row.rho)
            rho, ratio, low, high = (
                np.array([getattr(row, name) for row in rows]) for name in ("rho", "ratio", "low", "high")
            )
            rho = rho + nudge * (i - 1)
            axes.vlines(rho, low, high, color=colour, lw=1.3)
            axes.plot(rho, ratio, color=colour, lw=0.8, alpha=0.5)
            axes.plot(rho, ratio, marker, color=colour, ms=4, ls="none", label=label(curve.target_tau))
            edge = np.array([row.on_edge for row in rows])
            axes.plot(rho[edge], ratio[edge], marker, color=colour, ms=4, ls="none", mfc="white")
        theory = np.array([row.theory_ratio for row in sorted(mine[0].rows, key=lambda row: row.rho)])
        if not np.isnan(theory).all():
            rhos = sorted(experiment.rhos)
            axes.plot(rhos, np.where(theory > 0, theory, np.nan), color=INK, lw=1.4, ls=(0, (1, 1)), label="theory")
        axes.set_title(f"γ = p/n0 = {gamma:g}", loc="left", fontsize=10.5)
        axes.set_yscale("log")
    bottom, top = _limits(shown)
    grid[0, 0].set_ylim(bottom, top)
    ticks = [tick for tick in TICKS if bottom <= tick <= top]
    grid[0, 0].set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    for axes in grid.flat:
        axes.minorticks_off()
    for empty in grid.flat[len(experiment.gammas) :]:
        empty.remove()
    picture.supxlabel("alignment ρ of the target with the source", fontsize=10)
    picture.supylabel(r"$\tau_0^{*}\,/\,\tau_S^{*}$", fontsize=12)
    handles, names = grid[0, 0].get_legend_handles_labels()
    picture.legend(handles, names, loc="upper left", ncols=2 if columns > 1 else 1, frameon=False, fontsize=9.5)
    return picture


def _limits(curves: Sequence[Curve]) -> tuple[float, float]:
    """The range of the ratios, a quarter wider: an interval that is wider still is cut."""
    ratios = np.array([row.ratio for curve in curves for row in curve.rows])
    return float(ratios.min() / 1.4), float(ratios.max() * 1.4)
