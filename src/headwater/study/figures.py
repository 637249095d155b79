"""The figure: one panel for each curve, the simulation with its band and theory over it."""

from __future__ import annotations

import io
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from headwater.study.experiments import Synthetic
from headwater.study.summary import Row

INK, RULE, SIMULATED, THEORY = "#1f2933", "#9aa5b1", "#0072b2", "#d55e00"  # blue and vermilion: told apart by everyone
STYLE = {
    "svg.fonttype": "none",  # text stays text: searchable, and read aloud
    "svg.hashsalt": "headwater",  # the same summary gives the same file
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"],
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": RULE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
}
TICKS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 1000, 10000]


def draw(experiment: Synthetic, rows: Sequence[Row]) -> tuple[bytes, bytes]:
    """The figure as SVG and as PNG.

    Panels share their axes; the ratio is logarithmic, so that a penalty twice too strong and one twice too weak are equally
    far from 1. Points that cannot stand on such an axis (an interval's end below 0, an infinite ratio) are cut.
    """
    with mpl.rc_context(STYLE):
        figure = _figure(experiment, rows)
        svg, png = io.BytesIO(), io.BytesIO()
        figure.savefig(svg, format="svg", metadata={"Date": None, "Title": title(experiment)})
        figure.savefig(png, format="png", dpi=150, metadata={"Title": title(experiment)})
    return svg.getvalue(), png.getvalue()


def title(experiment: Synthetic) -> str:
    """What the figure shows, in one line."""
    return f"Transfer-optimal over source-optimal penalty against alignment, by {SYMBOL[experiment.curve]}"


SYMBOL = {"gamma": "γ = p/n0", "alpha": "spectrum exponent α"}


def label(experiment: Synthetic, value: float) -> str:
    """A curve's name.

    >>> label(Synthetic.covariance(), 0.0)
    'isotropic'
    """
    if experiment.curve == "gamma":
        return f"γ = {value:g}"
    return f"eigenvalues k^−{value:g}" if value else "isotropic"


def _figure(experiment: Synthetic, rows: Sequence[Row]) -> Figure:
    columns = min(2, len(experiment.curves))
    lines = -(-len(experiment.curves) // columns)
    figure = Figure(figsize=(1.4 + 3.3 * columns, 0.9 + 2.5 * lines), layout="constrained")
    grid = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
    low, high = _limits(rows)
    for axes, value in zip(grid.flat, experiment.curves, strict=False):
        mine = sorted((row for row in rows if row.value == value), key=lambda row: row.rho)
        rho = np.array([row.rho for row in mine])
        mean, width, theory = (
            np.array([getattr(row, name) for row in mine]) for name in ("ratio_mean", "ratio_ci95", "theory_ratio")
        )
        band = axes.fill_between(
            rho, np.maximum(mean - width, low / 10), mean + width, color=SIMULATED, alpha=0.22, lw=0
        )
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
    figure.supxlabel("alignment ρ of the target with the source", fontsize=10)
    figure.supylabel("τ0* / τ_S*", fontsize=10)
    figure.legend(
        [(band, points), curve],
        [f"simulated: mean of {experiment.seeds} seeds, 95 % band", "theory"],
        loc="outside upper left",
        ncols=2,
        frameon=False,
    )
    return figure


def _limits(rows: Sequence[Row]) -> tuple[float, float]:
    """The range of means and theory, a quarter wider, and the band's upper end."""
    heights = np.array([[row.ratio_mean, row.theory_ratio, row.ratio_mean + row.ratio_ci95] for row in rows])
    heights = heights[np.isfinite(heights) & (heights > 0)]
    return float(heights.min() / 1.25), float(heights.max() * 1.25)
