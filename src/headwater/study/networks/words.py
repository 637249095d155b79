"""The network experiments in words: where the optima are, and whether their difference is more than noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

import numpy as np

from headwater.study.networks import figures
from headwater.study.networks.experiment import PROTOCOL, Networks
from headwater.study.networks.summary import FEWEST, Curves, Optimum, Row, curves, optima, outcomes, summarise
from headwater.study.presentation import Presentation, Table
from headwater.study.store import Record

SOURCES = {
    "mnist": "handwritten digits 0, 3, 6, 8, 9; the target has 1, 2, 4, 5, 7",
    "cifar10": "photographs of birds, cats, deer, dogs, frogs; the target has aeroplanes, cars, horses, ships, trucks",
    "newsgroups": "messages of nine groups on computers and science; the target has nine others, and a new head",
}


def present(experiment: Networks, records: Sequence[Record]) -> Presentation:
    """The experiment's records as tables, figure and words."""
    measured = curves(experiment, records)
    rows, found = summarise(experiment, measured), optima(experiment, measured)
    draw = figures.independence if experiment.name == "independence" else figures.sweep
    return Presentation(
        rows=rows,
        summary=table(experiment, rows),
        trials=outcomes(experiment, records),
        title=figures.title(experiment),
        purpose=purpose(experiment),
        caption=caption(experiment),
        heading="Where the optima are, and how sure that is",
        findings=findings(experiment, measured, found),
        tables=[_optima(found), _points(experiment, rows)],
        draw=partial(draw, experiment, measured, found),
        details={"optima": [asdict(best) | {"within_noise": best.within_noise} for best in found]},
        protocol=PROTOCOL,
    )


def table(experiment: Networks, rows: Sequence[Row]) -> list[dict[str, float]]:
    """The rows by column; L2-SP is left out where it was not run."""
    wanted = [name for name in Row.__dataclass_fields__ if "l2sp" in experiment.methods or not name.startswith("l2sp")]
    return [{name: getattr(row, name) for name in wanted} for row in rows]


def purpose(experiment: Networks) -> str:
    """The experiment in words."""
    setting = experiment.setting
    scale = "This is the small scale. " if experiment.scale == "small" else ""
    if experiment.fewer:
        scale += f"Fewer {', '.join(experiment.fewer)} than in the paper's protocol. "
    sentence = (
        f"{scale}A source network learns {SOURCES[setting.dataset]}. It is trained for {setting.source_epochs} epochs "
        f"at every weight decay of a grid, and the target is fine-tuned from each for {setting.target_epochs} epochs: "
    )
    if experiment.name == "independence":
        return (
            f"{sentence}with weight decay toward zero, on several shares of its rows. A source is trained once for all "
            "shares. Shown is the weight decay of the source that is best for the target, against the share."
        )
    return (
        f"{sentence}with weight decay toward zero (standard) or toward the source (L2-SP). Shown are the test "
        "accuracies of the source on its own task and of the target, against the weight decay of the source."
    )


def caption(experiment: Networks) -> str:
    """What is drawn."""
    if experiment.name == "independence":
        return (
            "Left: mean accuracy over the seeds, each share less its own maximum. Right: the argmax of each curve with "
            "the interval that holds 95 % of the argmaxes over bootstrap draws of the seeds; the band is the source's."
        )
    return (
        "Lines and bands: mean and standard deviation over the seeds. Along the bottom: the argmax of each mean curve "
        "and the interval that holds 95 % of the argmaxes over bootstrap draws of the seeds. Right: every weight decay "
        "thin, their mean thick."
    )


def findings(experiment: Networks, measured: Curves, found: Sequence[Optimum]) -> list[str]:
    """A paragraph for each comparison of a transfer optimum with the source's, then what else the curves show."""
    words = [finding(experiment, best) for best in found]
    if experiment.name == "independence":
        words.append(_stays_put(experiment, found))
    else:
        words.append(_against_scratch(experiment, measured, found))
        words.append(_how_far(experiment, measured, found))
    return words


def finding(experiment: Networks, best: Optimum) -> str:
    """Whether the two optima differ by more than noise, and what telling them apart is worth."""
    name = figures.LABEL[best.method].capitalize().replace("L2-sp", "L2-SP")
    if experiment.name == "independence":
        name = f"{100 * best.share:g} % of the target's rows"
    optima = (
        f"{name}: the mean accuracy is largest at a source weight decay of {decay(best.source)} for the source and of "
        f"{decay(best.transfer)} for the target"
    )
    if experiment.seeds < FEWEST:
        return f"{optima}. {experiment.seeds} of {FEWEST} seeds needed: how much of this is noise cannot be told."
    optima += (
        f" (95 % over the seeds: {between(best.source_interval)}, {between(best.transfer_interval)}; the target's less "
        f"the source's, in steps of the grid: {best.steps_interval[0]} to {best.steps_interval[1]})"
    )
    worth = f"{100 * best.gain:+.2f} ± {100 * best.gain_ci95:.2f} points on seeds that had no part in the choice"
    if not best.within_noise:
        direction = "stronger" if best.steps > 0 else "weaker"
        return (
            f"{optima}. Outside the noise: the target wants a {direction} decay than the source, and choosing it for "
            f"the target rather than for the source is worth {worth}."
        )
    low, high = best.steps_interval
    reason = (
        "the order of the two is not certain"
        if low <= 0 <= high
        else "they differ, but on a part of the curve that is flat within the noise"
    )
    return f"{optima}. Within the noise: {reason}; choosing for the target rather than for the source is worth {worth}."


def _stays_put(experiment: Networks, found: Sequence[Optimum]) -> str:
    low = max(best.transfer_interval[0] for best in found)
    high = min(best.transfer_interval[1] for best in found)
    if experiment.seeds < FEWEST:
        return "Too few seeds: whether the optimum moves with the share cannot be told."
    if low <= high:
        return (
            f"The intervals of all shares overlap ({between((low, high))}): these data do not show the optimum to move "
            "with the target's size."
        )
    return "The intervals of the shares do not all overlap: the optimum moves with the target's size here."


def _against_scratch(experiment: Networks, measured: Curves, found: Sequence[Optimum]) -> str:
    share = experiment.shares[0]
    scratch = measured.scratch[share]
    parts = []
    for best in found:
        at = experiment.weight_decays.index(best.transfer)
        better = (measured.transfer[best.method, share].mean(0) > scratch.mean()).sum()
        accuracy = measured.transfer[best.method, share][:, at].mean()
        parts.append(
            f"{figures.LABEL[best.method]} reaches {100 * accuracy:.2f} % at its best and beats scratch in the mean at "
            f"{better} of {len(experiment.weight_decays)} weight decays"
        )
    return f"The target from scratch has {100 * scratch.mean():.2f} % of its test rows right; {'; '.join(parts)}."


def _how_far(experiment: Networks, measured: Curves, found: Sequence[Optimum]) -> str:
    parts = [
        f"{measured.distance[best.method, best.share][..., -1].mean():.2f} with {figures.LABEL[best.method]}"
        for best in found
    ]
    return (
        f"After {experiment.setting.target_epochs} epochs the parameters are at a distance of {' and '.join(parts)} "
        "from the source's, in the mean over seeds and weight decays."
    )


def decay(value: float) -> str:
    """A weight decay in two digits.

    >>> decay(0.0), decay(2.9552092352e-05)
    ('0', '3.0e-05')
    """
    return "0" if value == 0 else f"{value:.1e}"


def between(interval: tuple[float, float]) -> str:
    """An interval of weight decays.

    >>> between((0.0, 1e-3))
    '0 to 1.0e-03'
    """
    low, high = interval
    return decay(low) if low == high else f"{decay(low)} to {decay(high)}"


def _optima(found: Sequence[Optimum]) -> Table:
    head = ["fine-tuning", "target rows", "best for source", "95 %", "best for target", "95 %", "steps apart", "95 %"]
    head += ["worth, points", "± 95 %", "verdict"]
    body = [
        [
            figures.LABEL[best.method].removesuffix(" fine-tuning"),
            f"{100 * best.share:g} %",
            decay(best.source),
            between(best.source_interval),
            decay(best.transfer),
            between(best.transfer_interval),
            f"{best.steps:+d}",
            "{} to {}".format(*best.steps_interval),
            points(best.gain),
            points(best.gain_ci95),
            "too few seeds" if best.seeds < FEWEST else "within noise" if best.within_noise else "outside noise",
        ]
        for best in found
    ]
    caption = (
        "Weight decays of the source with the largest mean accuracy. Intervals: bootstrap over seeds. Worth: accuracy "
        "gained by choosing for the target rather than for the source, on seeds that had no part in the choice."
    )
    return Table(caption, head, body)


def _points(experiment: Networks, rows: Sequence[Row]) -> Table:
    kinds = ["source", *experiment.methods, "scratch"]
    head = ["target rows", "weight decay", *(text for kind in kinds for text in (kind.replace("l2sp", "L2-SP"), "sd"))]
    body = [
        [
            f"{100 * row.share:g} %",
            decay(row.weight_decay),
            *(points(getattr(row, f"{kind}_{name}")) for kind in kinds for name in ("mean", "sd")),
        ]
        for row in rows
    ]
    return Table("Test accuracy in percent: mean and standard deviation over the seeds.", head, body)


def points(value: float) -> str:
    """An accuracy in percent."""
    return "–" if np.isnan(value) else f"{100 * value:.2f}"
