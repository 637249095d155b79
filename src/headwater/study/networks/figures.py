"""The figures: accuracies against the source's weight decay, distances by epoch, optima against the target share."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from headwater.study.drawing import INK, RULE, SIMULATED, THEORY
from headwater.study.networks.experiment import Method, Networks
from headwater.study.networks.summary import Curves, Optimum, spread
from headwater.study.presentation import Array

SOURCE, SCRATCH = "#5b6670", "#009e73"
COLOUR: dict[Method, str] = {"source": SOURCE, "standard": SIMULATED, "l2sp": THEORY, "scratch": SCRATCH}
LABEL: dict[Method, str] = {
    "source": "source",
    "standard": "standard fine-tuning",
    "l2sp": "L2-SP fine-tuning",
    "scratch": "scratch",
}


def sweep(experiment: Networks, measured: Curves, found: Sequence[Optimum]) -> Figure:
    """Source accuracy, target accuracy and distance: a panel each. One target share."""
    figure = Figure(figsize=(10.5, 4.2))
    left, middle, right = figure.subplots(1, 3)
    figure.subplots_adjust(left=0.06, right=0.99, bottom=0.13, top=0.74, wspace=0.22)
    share = experiment.shares[0]
    _curve(left, experiment, measured.source, "source")
    _mark(left, experiment, found[0].source, found[0].source_interval, SOURCE, 0.04)
    left.set_title("Source: test accuracy, %", loc="left", fontsize=10.5)
    scratch = 100 * measured.scratch[share]
    middle.axhline(scratch.mean(), color=SCRATCH, lw=1.3)
    if len(scratch) > 1:
        low, high = scratch.mean() - scratch.std(ddof=1), scratch.mean() + scratch.std(ddof=1)
        middle.axhspan(low, high, color=SCRATCH, alpha=0.12, lw=0)
    for i, best in enumerate(found):
        _curve(middle, experiment, measured.transfer[best.method, share], best.method)
        _mark(middle, experiment, best.transfer, best.transfer_interval, COLOUR[best.method], 0.04 + 0.05 * i)
    middle.set_title(f"Target, {100 * share:g} % of its rows: test accuracy, %", loc="left", fontsize=10.5)
    for axes in (left, middle):
        _decay_axis(axes, experiment)
        axes.set_xlabel("weight decay of the source", fontsize=10)
    _distances(right, experiment, measured, found)
    handles = [Line2D([], [], color=COLOUR[best.method], lw=1.8, label=LABEL[best.method]) for best in found]
    handles += [Line2D([], [], color=SCRATCH, lw=1.3, label="target from scratch")]
    handles += [Line2D([], [], color=INK, marker="|", ms=7, lw=2.6, alpha=0.6, label="argmax, 95 % over seeds")]
    _head(figure, experiment, handles)
    return figure


def independence(experiment: Networks, measured: Curves, found: Sequence[Optimum]) -> Figure:
    """Standard fine-tuning at several target shares: the curves, and where each has its largest value."""
    figure = Figure(figsize=(9.4, 4.4))
    left, right = figure.subplots(1, 2)
    figure.subplots_adjust(left=0.065, right=0.985, bottom=0.13, top=0.74, wspace=0.2)
    colours = mpl.colormaps["viridis"](np.linspace(0.05, 0.85, len(experiment.shares)))
    handles: list[Line2D] = []
    for share, colour in zip(experiment.shares, colours, strict=True):
        accuracy = measured.transfer["standard", share]
        _line(left, experiment, 100 * (accuracy.mean(0) - accuracy.mean(0).max()), colour)
        handles.append(
            Line2D(
                [],
                [],
                color=colour,
                lw=1.8,
                label=f"{100 * share:g} % of the target's rows" if not handles else f"{100 * share:g} %",
            )
        )
    left.set_title("Target accuracy, less its maximum (points)", loc="left", fontsize=10.5)
    _decay_axis(left, experiment)
    left.set_xlabel("weight decay of the source", fontsize=10)
    low, high = _places(experiment, np.array(found[0].source_interval))
    right.axhspan(low - 0.05, high + 0.05, color=SOURCE, alpha=0.15, lw=0)
    right.axhline(_places(experiment, np.array([found[0].source]))[0], color=SOURCE, lw=1.3)
    for best, colour in zip(found, colours, strict=True):
        place = float(_places(experiment, np.array([best.transfer]))[0])
        bounds = _places(experiment, np.array(best.transfer_interval))
        right.plot([best.share] * 2, bounds, color=colour, lw=2.6, alpha=0.6)
        right.plot(best.share, place, "o", color=colour, ms=7)
    right.set_xscale("log")
    right.set_xticks(experiment.shares, [f"{100 * share:g} %" for share in experiment.shares])
    right.minorticks_off()
    right.set_xlabel("share of the target's training rows", fontsize=10)
    right.set_title("Weight decay of the source that is best", loc="left", fontsize=10.5)
    _decay_axis(right, experiment, vertical=True)
    right.legend(
        [Line2D([], [], color=INK, marker="o", lw=2.6, alpha=0.7), Line2D([], [], color=SOURCE, lw=1.3)],
        ["for the target, 95 % over seeds", "for the source"],
        loc="best",
        frameon=False,
        fontsize=9,
    )
    _head(figure, experiment, handles)
    return figure


def title(experiment: Networks) -> str:
    """What the figure shows, in one line; that it is not the paper's scale where it is not.

    >>> from headwater.study.networks.experiment import Networks
    >>> title(Networks.of("mnist", "small"))
    'MNIST: accuracy against the weight decay of the source (small scale)'
    """
    names = {"mnist": "MNIST", "cifar10": "CIFAR-10", "newsgroups": "20 Newsgroups"}
    what = "accuracy against the weight decay of the source"
    if experiment.name == "independence":
        what = "the best weight decay of the source against the size of the target"
    scale = " (small scale)" if experiment.scale == "small" else ""
    return f"{names[experiment.setting.dataset]}: {what}{scale}"


def _head(figure: Figure, experiment: Networks, handles: Sequence[Line2D]) -> None:
    made = "one seed" if experiment.seeds == 1 else f"mean of {experiment.seeds} seeds"
    if experiment.seeds > 1 and experiment.name != "independence":
        made += " ± one standard deviation"
    if experiment.fewer:
        made += f"; fewer {', '.join(experiment.fewer)} than the paper's protocol"
    height = figure.get_figheight()
    figure.text(0.01, 1 - 0.1 / height, title(experiment), ha="left", va="top", fontsize=11.5)
    figure.text(0.01, 1 - 0.34 / height, made[0].upper() + made[1:], ha="left", va="top", fontsize=9.5, color=SOURCE)
    figure.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(0, 1 - 0.48 / height), ncols=6, frameon=False, fontsize=9.5
    )


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


def _line(axes: Axes, experiment: Networks, values: Array, colour: str) -> None:
    """A curve over the weight decays, its point at zero apart: there is no logarithm between it and the next."""
    x = _places(experiment, np.array(experiment.weight_decays))
    apart = experiment.weight_decays[0] == 0
    axes.plot(x[apart:], values[apart:], "-o", color=colour, ms=3.2, lw=1.5)
    if apart:
        axes.plot(x[:2], values[:2], ":", color=colour, lw=1)
        axes.plot(x[0], values[0], "o", color=colour, ms=3.2)


def _curve(axes: Axes, experiment: Networks, accuracy: Array, method: Method) -> None:
    mean, sd = 100 * accuracy.mean(0), 100 * np.nan_to_num(spread(accuracy))
    x = _places(experiment, np.array(experiment.weight_decays))
    _line(axes, experiment, mean, COLOUR[method])
    axes.fill_between(x, mean - sd, mean + sd, color=COLOUR[method], alpha=0.15, lw=0)


def _mark(
    axes: Axes, experiment: Networks, best: float, interval: tuple[float, float], colour: str, height: float
) -> None:
    """The argmax and its interval, along the bottom."""
    across = axes.get_xaxis_transform()
    low, high = _places(experiment, np.array(interval))
    axes.plot([low, high], [height] * 2, color=colour, lw=2.6, alpha=0.6, transform=across, solid_capstyle="butt")
    axes.plot(_places(experiment, np.array([best])), [height], "|", color=colour, ms=9, mew=2.2, transform=across)


def _distances(axes: Axes, experiment: Networks, measured: Curves, found: Sequence[Optimum]) -> None:
    """Thin: every source weight decay. Thick: their mean."""
    epochs = np.arange(1, experiment.setting.target_epochs + 1)
    for best in found:
        mean = measured.distance[best.method, best.share].mean(0)
        axes.plot(epochs, mean.T, color=COLOUR[best.method], lw=0.6, alpha=0.3)
        axes.plot(epochs, mean.mean(0), "-o", color=COLOUR[best.method], lw=2.2, ms=4, zorder=3)
    axes.set_title("Distance ‖θ − θ0‖ from the source", loc="left", fontsize=10.5)
    axes.set_xlabel("epoch of fine-tuning", fontsize=10)
    axes.set_xticks(epochs)
    axes.set_ylim(bottom=0)
    axes.axhline(0, color=RULE, lw=0.8)
