"""Column pictures: coefficients, levels and scales, each with what it shows in words and its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from headwater.advice.summary import Coefficient, Summary
from headwater.pages.drawing import INK, RULE, SIMULATED, THEORY, WIDTH, drawn
from headwater.pages.parts import Picture, Table, number
from headwater.tables.differences import Difference

MOST, LISTED = 16, 100  # in a figure, and in its table; JSON has all
_FURTHEST = 10.0  # deviations, beyond which a level is drawn no further out
_CHANGED = {"log loss": "log odds", "deviance": "expected count's logarithm"}  # by what errors are measured in
_CUT = 26  # letters of a name that are drawn


def coefficients(summary: Summary) -> Picture | None:
    """Those furthest apart between the source and the target alone."""
    every = summary.coefficients
    if not every:
        return None
    first, shown = every[0], _of(MOST, len(every), "features")
    columns = ["feature", "source", "target alone", "chosen", "90 % from", "to", "deviation"]
    body = [
        [one.name, *map(number, (one.source, one.scratch, one.chosen, one.low, one.high, one.deviation))]
        for one in every[:LISTED]
    ]
    return Picture(
        drawn(lambda: _draw_coefficients(every[:MOST], _CHANGED.get(summary.measure, "outcome")), "coefficients"),
        f"Coefficients of the source, of the target alone and chosen, {shown}. Furthest apart is {first.name}: "
        f"{number(first.source)} in the source, {number(first.scratch)} in the target alone, {number(first.chosen)} "
        "chosen.",
        f"{shown[0].upper()}{shown[1:]}, those in which the source and the target alone are furthest apart first. "
        "Each is drawn times its column's standard deviation in the source, so that different units can be compared.",
        [Table(f"Coefficients of {_of(LISTED, len(every), 'features')}", columns, body, named=True)],
    )


def _draw_coefficients(some: Sequence[Coefficient], changed: str) -> Figure:
    figure = Figure(figsize=(WIDTH, 1.3 + 0.3 * len(some)), layout="constrained")
    ax = figure.subplots()
    for place, one in zip(range(len(some))[::-1], some, strict=True):
        size = one.deviation
        ax.plot([one.low * size, one.high * size], [place] * 2, color=SIMULATED, lw=2)
        ax.plot(one.chosen * size, place, "D", color=SIMULATED, ms=6, label="chosen, 90 % interval")
        ax.plot(one.source * size, place, "s", color=THEORY, ms=5.5, label="the source's")
        ax.plot(one.scratch * size, place, "o", color=INK, ms=5.5, mfc="none", label="the target's alone")
    ax.axvline(0, color=RULE, lw=0.9, zorder=0)
    _name_rows(ax, [one.name for one in some])
    ax.set_xlabel(f"change of the {changed}\nfor one deviation of the column")
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(handles[:3], labels[:3], loc="outside lower center", ncols=2, frameon=False)
    return figure


def differences(summary: Summary) -> Picture | None:
    """Columns whose level or scale is another in the target."""
    every = summary.differences
    if not every:
        return None
    apart = [one.name for one in every if one.differs]
    count = f"{len(apart)} of {len(every)} columns and levels lie elsewhere or are spread otherwise"
    columns = ["column", "source mean", "target mean", "level", "source deviation", "target deviation", "scale"]
    body = [[one.name, *map(number, _numbers_of(one))] for one in every[:LISTED]]
    return Picture(
        drawn(lambda: _draw_differences(every[:MOST]), "differences"),
        f"{count}{': ' if apart else ''}{', '.join(apart[:MOST])}.",
        f"{count} (diamonds): the target's mean is over one of the source's deviations away, or its deviation over "
        "twice or under half the source's. Of a category's level the mean is its share; it has no scale.",
        [Table(f"Levels and scales of {_of(LISTED, len(every), 'columns')}", columns, body, named=True)],
    )


def _numbers_of(one: Difference) -> tuple[float, ...]:
    return one.source_mean, one.target_mean, one.level, one.source_deviation, one.target_deviation, one.scale


def _draw_differences(some: Sequence[Difference]) -> Figure:
    figure = Figure(figsize=(WIDTH, 1.0 + 0.3 * len(some)), layout="constrained")
    level, scale = figure.subplots(1, 2, sharey=True)
    for place, one in zip(range(len(some))[::-1], some, strict=True):
        colour, marker = (THEORY, "D") if one.differs else (INK, "o")
        ends = [(level, np.clip(one.level, -_FURTHEST, _FURTHEST))]
        if not np.isnan(one.scale):
            ends.append((scale, one.doublings))
        for ax, end in ends:
            ax.plot([0, end], [place] * 2, color=colour, lw=1.2)
            ax.plot(end, place, marker, color=colour, ms=6)
    for ax in (level, scale):
        ax.axvline(0, color=RULE, lw=0.9, zorder=0)
        ax.axvspan(-1, 1, color=RULE, alpha=0.16, lw=0, zorder=0)
        low, high = ax.get_xlim()
        ax.set_xlim(min(low, -1.5), max(high, 1.5))
    low, high = scale.get_xlim()
    ticks = np.arange(np.ceil(low), np.floor(high) + 1)
    ticks = ticks[:: max(1, len(ticks) // 4)]
    scale.set_xticks(ticks, [f"{2**tick:g}" if tick >= 0 else f"1/{2**-tick:g}" for tick in ticks])
    scale.tick_params(axis="y", length=0)
    _name_rows(level, [one.name for one in some])
    level.set_xlabel("level: deviations\nfrom the source's mean")
    scale.set_xlabel("scale: times the\nsource's deviation")
    return figure


def _of(most: int, whole: int, what: str) -> str:
    return f"all {whole} {what}" if whole <= most else f"{most} of {whole} {what}"


def _name_rows(ax: Any, names: Sequence[str]) -> None:
    short = [name if len(name) <= _CUT else f"{name[: _CUT - 1]}…" for name in names]
    ax.set_yticks(list(range(len(names)))[::-1], [name.replace("$", r"\$") for name in short])
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(-0.6, len(names) - 0.4)
