"""The figure: one panel for each curve, the simulation with its band and theory over it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from headwater.pages.drawing import RULE, SIMULATED, THEORY
from headwater.study.synthetic.experiment import Synthetic
from headwater.study.synthetic.summary import Row

TICKS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 1000, 10000]


def title(experiment: Synthetic) -> str:
    """What the figure shows, in one line.

    >>> title(Synthetic.phase())
    'Phase: the source penalty best for the target, over the one best for the source'
    """
    name = experiment.config["experiment"].capitalize()
    return f"{name}: the source penalty best for the target, over the one best for the source"


SYMBOL = {"gamma": "γ = p/n0", "alpha": "the exponent α of the eigenvalues k^−α"}


def label(experiment: Synthetic, value: float) -> str:
    """A curve's name.

    >>> label(Synthetic.covariance(), 0.0)
    'α = 0, isotropic'
    """
    if experiment.curve == "gamma":
        return f"γ = {value:g}"
    return f"α = {value:g}" if value else "α = 0, isotropic"


def figure(experiment: Synthetic, rows: Sequence[Row]) -> Figure:
    """One panel for each curve, on shared axes.

    The ratio is logarithmic: twice the penalty and half of it are equally far from 1. What cannot stand on such an axis
    (an interval's end below 0, a ratio of 0 or ∞) is cut.
    """
    columns = min(2, len(experiment.curves))
    lines = -(-len(experiment.curves) // columns)
    width, height = 1.0 + 3.4 * columns, 1.0 + 2.6 * lines
    drawn = Figure(figsize=(width, height))
    grid = drawn.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
    # Margins in inches, by hand: a layout engine draws the figure once more for each file.
    drawn.subplots_adjust(
        left=0.75 / width,
        right=1 - 0.1 / width,
        bottom=0.6 / height,
        top=1 - (0.65 if columns > 1 else 0.85) / height,
        wspace=0.07,
        hspace=0.2,
    )
    low, high = _limits(rows)
    for axes, value in zip(grid.flat, experiment.curves, strict=False):
        mine = sorted((row for row in rows if row.value == value), key=lambda row: row.rho)
        rho = np.array([row.rho for row in mine])
        mean, half, theory = (
            np.array([getattr(row, name) for row in mine]) for name in ("ratio_mean", "ratio_ci95", "theory_ratio")
        )
        band = axes.fill_between(rho, np.maximum(mean - half, low / 10), mean + half, color=SIMULATED, alpha=0.22, lw=0)
        (points,) = axes.plot(rho, mean, "o", color=SIMULATED, ms=3.5)
        (curve,) = axes.plot(rho, np.where(theory > 0, theory, np.nan), color=THEORY, lw=1.6)
        axes.axhline(1, color=RULE, lw=0.9, ls=(0, (4, 3)), zorder=0)
        axes.axvline(1, color=RULE, lw=0.9, ls=(0, (4, 3)), zorder=0)
        axes.set_title(label(experiment, value), loc="left", fontsize=10.5)
        axes.set_yscale("log")
    axes.set_ylim(low, high)
    ticks = [tick for tick in TICKS if low <= tick <= high]
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    for empty in grid.flat[len(experiment.curves) :]:
        empty.remove()
    drawn.supxlabel("alignment ρ of the target with the source", fontsize=10)
    drawn.supylabel(r"$\tau_0^{*}\,/\,\tau_S^{*}$", fontsize=12)
    drawn.legend(
        [(band, points), curve],  # type: ignore[list-item]  # a tuple draws its members over each other
        [f"simulated: mean of {experiment.seeds} seeds, 95 % band", "theory"],
        loc="upper left",
        ncols=columns,
        frameon=False,
    )
    return drawn


def _limits(rows: Sequence[Row]) -> tuple[float, float]:
    """The range of means and theory, a quarter wider, and the band's upper end."""
    heights = np.array([[row.ratio_mean, row.theory_ratio, row.ratio_mean + row.ratio_ci95] for row in rows])
    heights = heights[np.isfinite(heights) & (heights > 0)]
    return float(heights.min() / 1.25), float(heights.max() * 1.25)
