"""The demo's picture: held-out error against the source penalty, for one draw and over many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from headwater.cli.demo.experiment import Draw
from headwater.spectrum.rows import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DRAW, _MANY, _CHOICE, _SCRATCH = "#1f5fa8", "#9fb8d3", "#b3411e", "#555555"


def draw_figure(taus: Array, source_tau: float, draws: list[Draw], shown: int) -> Figure:
    """The shown draw's curve with its marks, in front of the spread of all draws."""
    from matplotlib.figure import Figure

    first = draws[shown]
    curves = np.array([draw.curve for draw in draws])
    figure = Figure(figsize=(8.5, 5.6), layout="constrained")
    axes = figure.add_subplot()
    band = np.quantile(curves, [0.1, 0.9], axis=0)
    axes.fill_between(taus, *band, color=_MANY, alpha=0.35, lw=0, label=f"{len(draws)} draws, 10 to 90 %")
    axes.plot(taus, np.median(curves, axis=0), color=_MANY, lw=1.5, label=f"{len(draws)} draws, median")
    axes.plot(taus, first.curve, color=_DRAW, lw=2, label="this draw, by source penalty")
    axes.axhline(first.scratch, color=_SCRATCH, ls="--", lw=1.2, label=f"this draw, scratch: {first.scratch:.0f}")
    axes.axhline(first.chosen, color=_CHOICE, lw=1.4, label=f"this draw, the choice (averaged): {first.chosen:.0f}")
    marks = [(source_tau, "τ_S*, best for the source ", "right", _DRAW)]
    if np.isfinite(first.chosen_tau):
        marks.append((first.chosen_tau, " τ0*, chosen for the target", "left", _CHOICE))
    if len(marks) == 2 and marks[1][0] < marks[0][0]:
        marks = [
            (tau, text.strip(), side, color)
            for (tau, text, _, color), side in zip(marks, ("left", "right"), strict=True)
        ]
    for tau, text, side, color in marks:
        axes.axvline(tau, color=color, ls=":", lw=1.4)
        axes.text(tau, 1.01, text, transform=axes.get_xaxis_transform(), ha=side, va="bottom", color=color)
    axes.set_xscale("log")
    axes.set_xlabel("source penalty τ0   (softer ← → harder; the far right is scratch)")
    axes.set_ylabel("held-out mean squared error")
    axes.legend(frameon=False, fontsize=9, loc="upper right")
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlim(taus[0], taus[-1])
    figure.supxlabel(summary(draws), fontsize=9, color="#333333")
    return figure


def summary(draws: list[Draw]) -> str:
    """What the draws say, in one sentence."""
    scratch, optimal, chosen = (
        np.array([getattr(draw, name) for draw in draws]) for name in ("scratch", "source_optimal", "chosen")
    )
    return (
        f"Median held-out error of {len(draws)} draws: scratch {np.median(scratch):.0f}, source-optimal transfer "
        f"{np.median(optimal):.0f}, choice {np.median(chosen):.0f}.\nThe choice beat both in "
        f"{np.mean(chosen < np.minimum(scratch, optimal)):.0%} of them; source-optimal transfer lost to scratch in "
        f"{np.mean(optimal > scratch):.0%}."
    )
