"""The figures: accuracies against the source's weight decay, distances by epoch, optima against the target share."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from headwater.pages.drawing import INK, RULE, SIMULATED, THEORY
from headwater.study.checks import Array
from headwater.study.networks.catalogue import DATA_SETS
from headwater.study.networks.experiment import Networks
from headwater.study.networks.summary import FEWEST, Measured, spread
from headwater.study.networks.trials import Case, Way
from headwater.study.networks.verdict import headline

SOURCE, SCRATCH, SCALED = "#5b6670", "#009e73", "#aa5599"
COLOUR: dict[Way, str] = {"standard": SIMULATED, "l2sp": THEORY, "scaled": SCALED}
LABEL: dict[Way, str] = {
    "standard": "standard fine-tuning",
    "l2sp": "L2-SP fine-tuning",
    "scaled": "from the scaled source",
}


def sweep(experiment: Networks, measured: Measured) -> Figure:
    """Source accuracy, target accuracy at the protocol and in the control, and distance: a panel each. One share."""
    figure = Figure(figsize=(9.4, 7.8))
    (source, protocol), (distance, control) = figure.subplots(2, 2)
    figure.subplots_adjust(left=0.06, right=0.985, bottom=0.07, top=0.775, wspace=0.16, hspace=0.34)
    protocol.sharey(control)
    share = experiment.shares[0]
    _curve(source, experiment, measured.source, SOURCE)
    first = measured.verdicts[0].protocol
    _mark(source, experiment, first.source, first.source_interval, SOURCE, 0.04)
    source.set_title("Source: test accuracy, %", loc="left", fontsize=10.5)
    of_share = [case for case in experiment.cases if case.share == share]
    own = experiment.setting.head
    drawn = {
        protocol: [case for case in of_share if case.at_protocol],
        control: [case for case in of_share if not case.at_protocol and (case.head == own or case.way == "standard")],
    }
    for axes, cases in drawn.items():
        _scratch(axes, measured.curves[cases[0]].scratch)
        for i, case in enumerate(cases):
            best, dashed = measured.optima[case], not case.at_protocol and case.head != own
            _curve(axes, experiment, measured.curves[case].accuracy, COLOUR[case.way], dashed)
            _mark(axes, experiment, best.transfer, best.transfer_interval, COLOUR[case.way], 0.03 + 0.04 * i, dashed)
    rows = f"{100 * share:g} % of its rows"
    protocol.set_title(f"Target, {rows}, the paper's fine-tuning, %", loc="left", fontsize=10.5)
    control.set_title("Target, every fine-tuning at its own best, %", loc="left", fontsize=10.5)
    targets = np.concatenate([measured.curves[case].accuracy.mean(0) for cases in drawn.values() for case in cases])
    control.set_ylim(*_range(targets, [measured.curves[cases[0]].scratch.mean() for cases in drawn.values()]))
    for axes in (source, protocol, control):
        _decay_axis(axes, experiment)
        axes.set_xlabel("weight decay of the source", fontsize=10)
    _distances(distance, experiment, measured, drawn[protocol])
    ways = dict.fromkeys(case.way for case in of_share)
    handles = [Line2D([], [], color=COLOUR[way], lw=1.8, label=LABEL[way]) for way in ways]
    if len(experiment.heads) > 1:
        other = "fresh head" if own == "kept" else "source's head kept"
        handles.append(Line2D([], [], color=SIMULATED, ls=(0, (4, 2)), lw=1.5, label=f"standard, {other}"))
    handles.append(Line2D([], [], color=SCRATCH, lw=1.3, label="target from scratch"))
    handles.append(Line2D([], [], color=INK, marker="|", ms=7, lw=2.6, alpha=0.6, label="argmax, 95 % over seeds"))
    _head(figure, experiment, handles, [headline(measured.verdicts[0])])
    return figure


def independence(experiment: Networks, measured: Measured) -> Figure:
    """Standard fine-tuning at several target shares: the curves, where each is best, and what scratch has."""
    figure = Figure(figsize=(9.4, 7.8))
    (protocol, best), (control, level) = figure.subplots(2, 2)
    figure.subplots_adjust(left=0.06, right=0.985, bottom=0.07, top=0.785, wspace=0.22, hspace=0.34)
    colours = mpl.colormaps["viridis"](np.linspace(0.05, 0.85, len(experiment.shares)))
    head = experiment.setting.head
    drawn = {
        protocol: [Case("standard", share, (experiment.protocol,)) for share in experiment.shares],
        control: [Case("standard", share, experiment.grid("standard", head)) for share in experiment.shares],
    }
    titles = ("the paper's fine-tuning", "each at its own best")
    for (axes, cases), what in zip(drawn.items(), titles, strict=True):
        for case, colour in zip(cases, colours, strict=True):
            accuracy = measured.curves[case].accuracy.mean(0)
            _line(axes, experiment, 100 * (accuracy - accuracy.max()), colour)
        axes.set_title(f"Target less its maximum, {what} (points)", loc="left", fontsize=10)
        axes.set_ylim(-8, 0.5)
        _decay_axis(axes, experiment)
        axes.set_xlabel("weight decay of the source", fontsize=10)
    source = measured.verdicts[0].protocol
    low, high = _places(experiment, np.array(source.source_interval))
    best.axhspan(low - 0.05, high + 0.05, color=SOURCE, alpha=0.15, lw=0)
    best.axhline(_places(experiment, np.array([source.source]))[0], color=SOURCE, lw=1.3)
    for verdict, colour in zip(measured.verdicts, colours, strict=True):
        for optimum, marker, aside in ((verdict.protocol, "o", 0.96), (verdict.control, "D", 1.04)):
            x = verdict.share * aside
            place = float(_places(experiment, np.array([optimum.transfer]))[0])
            best.plot(
                [x] * 2, _places(experiment, np.array(optimum.transfer_interval)), color=colour, lw=2.4, alpha=0.6
            )
            best.plot(x, place, marker, color=colour, ms=6.5, mfc=colour if marker == "o" else "white")
    best.set_title("Weight decay of the source that is best", loc="left", fontsize=10)
    _decay_axis(best, experiment, vertical=True)
    shares = np.array(experiment.shares)
    for cases, style in zip(drawn.values(), ("-o", "--D"), strict=True):
        curves = [measured.curves[case] for case in cases]
        top = [100 * curve.accuracy.mean(0).max() for curve in curves]
        at = measured.source.mean(0).argmax()
        level.plot(shares, top, style, color=SIMULATED, ms=4.5, lw=1.4, mfc=SIMULATED if style == "-o" else "white")
        level.plot(shares, [100 * curve.accuracy.mean(0)[at] for curve in curves], style[:-1], color=SOURCE, lw=1.4)
        level.plot(shares, [100 * curve.scratch.mean() for curve in curves], style[:-1], color=SCRATCH, lw=1.4)
    level.set_title("Target: test accuracy, %", loc="left", fontsize=10)
    for axes in (best, level):
        axes.set_xscale("log")
        axes.set_xticks(experiment.shares, [f"{100 * share:g} %" for share in experiment.shares])
        axes.minorticks_off()
        axes.set_xlabel("share of the target's training rows", fontsize=10)
    level.legend(
        [Line2D([], [], color=colour, lw=1.8) for colour in (SIMULATED, SOURCE, SCRATCH)],
        ["after the source best for it", "after the source best for the source", "from scratch"],
        frameon=False,
        fontsize=9,
        loc="lower right",
    )
    handles = [
        Line2D([], [], color=colour, lw=1.8, label=f"{100 * share:g} % of its rows" if not i else f"{100 * share:g} %")
        for i, (share, colour) in enumerate(zip(experiment.shares, colours, strict=True))
    ]
    handles.append(Line2D([], [], color=SOURCE, lw=1.3, label="best for the source"))
    handles.append(Line2D([], [], color=INK, marker="o", ls="-", lw=1.3, label="the paper's fine-tuning"))
    handles.append(Line2D([], [], color=INK, marker="D", mfc="white", ls="--", lw=1.3, label="each at its own best"))
    _head(figure, experiment, handles, shares_in_words(measured))
    return figure


def shares_in_words(measured: Measured) -> list[str]:
    """At which shares the verdict is robust."""
    robust = [f"{100 * verdict.share:g} %" for verdict in measured.verdicts if verdict.robust]
    if measured.verdicts[0].protocol.seeds < FEWEST:
        return [headline(measured.verdicts[0])]
    if not robust:
        return ["Robust at no share of the target's rows."]
    return [f"Robust at {', '.join(robust)} of the target's rows, at no other share."]


def title(experiment: Networks) -> str:
    """What the figure shows, in one line; that it is not the paper's scale where it is not.

    >>> from headwater.study.networks.experiment import Networks
    >>> title(Networks.of("mnist", "small"))
    'MNIST: accuracy against the weight decay of the source (small scale)'
    """
    what = "accuracy against the weight decay of the source"
    if experiment.name == "independence":
        what = "the best weight decay of the source against the size of the target"
    scale = " (small scale)" if experiment.scale == "small" else ""
    return f"{DATA_SETS[experiment.setting.dataset].title}: {what}{scale}"


def _head(figure: Figure, experiment: Networks, handles: Sequence[Line2D], verdict: Sequence[str]) -> None:
    made = "one seed" if experiment.seeds == 1 else f"mean of {experiment.seeds} seeds"
    if experiment.seeds > 1 and experiment.name != "independence":
        made += " ± one standard deviation"
    if experiment.fewer:
        made += f"; fewer {', '.join(experiment.fewer)} than the paper's protocol"
    height = figure.get_figheight()
    figure.text(0.01, 1 - 0.1 / height, title(experiment), ha="left", va="top", fontsize=11.5)
    figure.text(0.01, 1 - 0.34 / height, made[0].upper() + made[1:], ha="left", va="top", fontsize=9.5, color=SOURCE)
    said = "\n".join(line for sentence in verdict for line in wrap(sentence, 104))
    figure.text(0.01, 1 - 0.56 / height, said, ha="left", va="top", fontsize=10, fontweight="bold")
    figure.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(0, 1 - 0.98 / height), ncols=4, frameon=False, fontsize=9
    )


def _range(targets: Array, scratch: Sequence[float]) -> tuple[float, float]:
    """Where the curves differ: sources that learned nothing leave the panel below."""
    top, floor = max(targets.max(), *scratch), min(np.median(targets), *scratch)
    room = top - floor
    return 100 * (max(targets.min(), floor - 1.2 * room) - 0.15 * room), 100 * (top + 0.12 * room)


def _scratch(axes: Axes, scratch: Array) -> None:
    mean, sd = 100 * scratch.mean(), 100 * np.nan_to_num(spread(scratch))
    axes.axhline(mean, color=SCRATCH, lw=1.3)
    axes.axhspan(mean - sd, mean + sd, color=SCRATCH, alpha=0.12, lw=0)


def _places(experiment: Networks, decays: Array) -> Array:
    """Where weight decays stand on the axis: by their logarithm, and zero a decade below the smallest."""
    zero = np.log10(min(decay for decay in experiment.weight_decays if decay > 0)) - 1
    return np.where(decays > 0, np.log10(np.where(decays > 0, decays, 1)), zero)


def _decay_axis(axes: Axes, experiment: Networks, vertical: bool = False) -> None:
    positive = [decay for decay in experiment.weight_decays if decay > 0]
    exponents = np.arange(np.ceil(np.log10(positive[0]) - 1e-9), np.floor(np.log10(positive[-1]) + 1e-9) + 1)
    ticks = [float(exponent) for exponent in exponents[:: max(1, len(exponents) // 6)]]
    labels = [f"$10^{{{exponent:.0f}}}$" for exponent in ticks]
    if experiment.weight_decays[0] == 0:
        ticks, labels = [float(_places(experiment, np.zeros(1))[0]), *ticks], ["0", *labels]
    (axes.set_yticks if vertical else axes.set_xticks)(ticks, labels)
    if vertical:
        low, high = _places(experiment, np.array([experiment.weight_decays[0], experiment.weight_decays[-1]]))
        axes.set_ylim(low - 0.3, high + 0.3)


def _line(axes: Axes, experiment: Networks, values: Array, colour: str, dashed: bool = False) -> None:
    """A curve over the weight decays, its point at zero apart: there is no logarithm between it and the next."""
    x = _places(experiment, np.array(experiment.weight_decays))
    apart = experiment.weight_decays[0] == 0
    style, face = ((0, (4, 2)), "white") if dashed else ("-", colour)
    axes.plot(x[apart:], values[apart:], marker="o", ls=style, color=colour, mfc=face, ms=3.2, lw=1.5)
    if apart:
        axes.plot(x[:2], values[:2], ":", color=colour, lw=1)
        axes.plot(x[0], values[0], "o", color=colour, mfc=face, ms=3.2)


def _curve(axes: Axes, experiment: Networks, accuracy: Array, colour: str, dashed: bool = False) -> None:
    mean, sd = 100 * accuracy.mean(0), 100 * np.nan_to_num(spread(accuracy))
    _line(axes, experiment, mean, colour, dashed)
    if not dashed:
        x = _places(experiment, np.array(experiment.weight_decays))
        axes.fill_between(x, mean - sd, mean + sd, color=colour, alpha=0.15, lw=0)


def _mark(
    axes: Axes,
    experiment: Networks,
    best: float,
    interval: tuple[float, float],
    colour: str,
    height: float,
    dashed: bool = False,
) -> None:
    """The argmax and its interval, along the bottom."""
    across, width = axes.get_xaxis_transform(), 1.4 if dashed else 2.6
    low, high = _places(experiment, np.array(interval))
    axes.plot([low, high], [height] * 2, color=colour, lw=width, alpha=0.6, transform=across, solid_capstyle="butt")
    axes.plot(_places(experiment, np.array([best])), [height], "|", color=colour, ms=8, mew=2.2, transform=across)


def _distances(axes: Axes, experiment: Networks, measured: Measured, cases: Sequence[Case]) -> None:
    """Thin: every source weight decay. Thick: their mean."""
    epochs = np.arange(1, experiment.setting.target_epochs + 1)
    for case in cases:
        mean = measured.curves[case].distance.mean(0)
        axes.plot(epochs, mean.T, color=COLOUR[case.way], lw=0.6, alpha=0.3)
        axes.plot(epochs, mean.mean(0), "-o", color=COLOUR[case.way], lw=2.2, ms=4, zorder=3)
    axes.set_title("Distance ‖θ − θ0‖, the paper's fine-tuning", loc="left", fontsize=10.5)
    axes.set_xlabel("epoch of fine-tuning", fontsize=10)
    axes.set_xticks(epochs)
    axes.set_ylim(bottom=0)
    axes.axhline(0, color=RULE, lw=0.8)
