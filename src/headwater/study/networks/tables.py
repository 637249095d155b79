"""The network experiments in tables, and the words that tables and paragraphs share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headwater.pages.parts import Table
from headwater.study.networks import figures
from headwater.study.networks.experiment import Networks
from headwater.study.networks.summary import FEWEST, Measured, Row
from headwater.study.networks.trials import Case


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


def at_a_glance(experiment: Networks, measured: Measured) -> Table:
    """The verdict at a glance: narrow enough for the report's column."""
    head = ["fine-tuning", "best for source", "best for target", "worth, points", "verdict"]
    body = []
    for case in experiment.cases:
        best = measured.optima[case]
        name = name_of(experiment, case).replace(" fine-tuning", "").replace(" of the target's rows", "")
        body.append(
            [
                name.replace(", ", ",\n"),
                f"{decay(best.source)}\n{between(best.source_interval)}",
                f"{decay(best.transfer)}\n{between(best.transfer_interval)}",
                f"{points(best.gain)}\n± {points(best.gain_ci95)}",
                "too few\nseeds" if best.seeds < FEWEST else f"{'within' if best.within_noise else 'outside'}\nnoise",
            ]
        )
    caption = (
        "Weight decays of the source with the largest mean accuracy, below them 95 % over bootstrap draws of the "
        "seeds. Worth: accuracy gained by choosing for the target rather than for the source, on seeds that had no "
        "part in the choice."
    )
    return Table(caption, head, body)


def rates(experiment: Networks, measured: Measured) -> Table:
    head = ["target rows", "head", "rate", "epochs", "best for target", "worth, points", "over the smallest"]
    head += ["best source, %", "scratch, %"]
    body = [
        [
            f"{100 * share:g} %",
            kind,
            f"{case.fits[0].learning_rate:g}",
            f"{case.fits[0].epochs}",
            decay(best.transfer),
            f"{points(best.gain)} ± {points(best.gain_ci95)}",
            f"{points(best.over_smallest)} ± {points(best.over_smallest_ci95)}",
            points(float(measured.curves[case].accuracy.mean(0).max())),
            points(float(measured.curves[case].scratch.mean())),
        ]
        for share in experiment.shares
        for kind in experiment.heads
        for case in experiment.points(share, kind)
        for best in [measured.optima[case]]
    ]
    caption = (
        "Standard fine-tuning on four fifths of the target's rows at every rate and length of the control. Worth: as "
        "above; over the smallest: the same against the source of the grid's smallest weight decay."
    )
    return Table(caption, head, body)


def curves(experiment: Networks, rows: Sequence[Row]) -> Table:
    kinds = ["source", *experiment.ways, "scratch", "control", "control_scratch"]
    names = (kind.replace("l2sp", "L2-SP").replace("_", " ") for kind in kinds)
    head = ["target rows", "weight decay", *(text for name in names for text in (name, "sd"))]
    body = [
        [
            f"{100 * row.share:g} %",
            decay(row.weight_decay),
            *(points(getattr(row, f"{kind}_{name}")) for kind in kinds for name in ("mean", "sd")),
        ]
        for row in rows
    ]
    caption = (
        "Test accuracy in percent: mean and standard deviation over the seeds. Control: every fine-tuning at its own "
        "best rate and length."
    )
    return Table(caption, head, body)


def points(value: float) -> str:
    """An accuracy in percent."""
    return "–" if np.isnan(value) else f"{100 * value:.2f}"


def name_of(experiment: Networks, case: Case) -> str:
    """A case in words."""
    name = figures.LABEL[case.way]
    if experiment.name == "independence":
        name = f"{100 * case.share:g} % of the target's rows"
    if case.head != experiment.setting.head:
        name += ", fresh head" if case.head == "fresh" else ", the source's head kept"
    return name + (", the paper's" if case.at_protocol else ", at its own best")
