"""The network experiments in words: where the optima are, and whether their difference is more than noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from headwater.study.networks import figures, tables
from headwater.study.networks.catalogue import DATA_SETS
from headwater.study.networks.experiment import FACTORS, Networks
from headwater.study.networks.summary import FEWEST, Measured, Optimum, Row, measure, outcomes, summarise
from headwater.study.networks.tables import between, decay, name_of
from headwater.study.networks.trials import PROTOCOL, Case
from headwater.study.networks.verdict import headline, lines, worth
from headwater.study.presentation import Presentation
from headwater.study.store import Record
from headwater.study.synthetic.summary import half_width

TWO_LINES = "Robust is what stands in both lines, and in one direction."


def present(experiment: Networks, records: Sequence[Record]) -> Presentation:
    """The experiment's records as tables, figure and words."""
    measured = measure(experiment, records)
    rows = summarise(experiment, measured)
    draw = figures.independence if experiment.name == "independence" else figures.sweep
    return Presentation(
        rows=rows,
        summary=table(experiment, rows),
        trials=outcomes(experiment, records),
        title=figures.title(experiment),
        purpose=purpose(experiment),
        caption=caption(experiment),
        heading="What the curves say",
        findings=findings(experiment, measured),
        tables=[tables.rates(experiment, measured), tables.curves(experiment, rows)],
        draw=partial(draw, experiment, measured),
        verdict=verdict(experiment, measured),
        at_a_glance=tables.at_a_glance(experiment, measured),
        details={
            "verdict": [
                {"share": found.share, "robust": found.robust, "words": headline(found)} for found in measured.verdicts
            ],
            "optima": [entry(case, best) for case, best in measured.optima.items()],
        },
        protocol=PROTOCOL,
    )


def verdict(experiment: Networks, measured: Measured) -> list[str]:
    """What comes first: the verdict, and its two lines. Several shares have one each."""
    if len(measured.verdicts) == 1:
        return [headline(measured.verdicts[0]), *lines(experiment, measured, measured.verdicts[0])]
    return [*figures.shares_in_words(measured), TWO_LINES] + [
        f"{100 * found.share:g} % of the target's rows: at the paper's fine-tuning {worth(found.protocol)}; with every "
        f"fine-tuning at its own best rate and length {worth(found.control)}."
        for found in measured.verdicts
    ]


def entry(case: Case, best: Optimum) -> dict[str, Any]:
    """A case and its optimum as --json says them: a single fit by its numbers, a choice as such."""
    alone = case.fits[0] if len(case.fits) == 1 else None
    return {
        "method": case.way,
        "share": case.share,
        "head": case.head,
        "rows": "all" if case.at_protocol else "four fifths",
        "learning_rate": alone and alone.learning_rate,
        "epochs": alone and alone.epochs,
        "chosen_from": len(case.fits),
        **asdict(best),
        "within_noise": best.within_noise,
    }


def table(experiment: Networks, rows: Sequence[Row]) -> list[dict[str, float]]:
    """The rows by column; L2-SP is left out where it was not run."""
    wanted = [name for name in Row.__dataclass_fields__ if "l2sp" in experiment.ways or not name.startswith("l2sp")]
    return [{name: getattr(row, name) for name in wanted} for row in rows]


def purpose(experiment: Networks) -> str:
    """The experiment in words."""
    setting = experiment.setting
    scale = "This is the small scale. " if experiment.scale == "small" else ""
    if experiment.fewer:
        scale += f"Fewer {', '.join(experiment.fewer)} than in the paper's protocol. "
    sentence = (
        f"{scale}A source network learns {DATA_SETS[setting.dataset].tasks}. "
        f"It is trained for {setting.source_epochs} epochs at every weight decay of a grid, "
        f"and the target is fine-tuned from each for {setting.target_epochs} epochs: "
    )
    control = (
        "In the control every fine-tuning, and scratch, is trained on four fifths of its rows at "
        f"{len(experiment.target_lr)} learning rates and {len(experiment.target_epochs)} lengths, and takes the one "
        "that does best on the fifth left out. A source's weight decay that another learning rate makes up for is no "
        "finding about sources."
    )
    if experiment.name == "independence":
        return (
            f"{sentence}with weight decay toward zero, on several shares of its rows. A source is trained once for all "
            f"shares. Shown is the weight decay of the source that is best for the target, against the share. {control}"
        )
    return (
        f"{sentence}with weight decay toward zero (standard) or toward the source (L2-SP). Shown are the test "
        f"accuracies of the source on its own task and of the target, against the weight decay of the source. {control}"
    )


def caption(experiment: Networks) -> str:
    """What is drawn."""
    if experiment.name == "independence":
        return (
            "Left: mean accuracy over the seeds, each share less its own maximum. Top right: the argmax of each curve "
            "with the interval that holds 95 % of the argmaxes over bootstrap draws of the seeds; the band is the "
            "source's. Bottom right: what the target has after the best source, after the source's own best, and from "
            "scratch."
        )
    return (
        "Lines and bands: mean and standard deviation over the seeds; scratch is the level line. Along the bottom: the "
        "argmax of each mean curve and the interval that holds 95 % of the argmaxes over bootstrap draws of the seeds. "
        "Distances: every weight decay thin, their mean thick."
    )


def findings(experiment: Networks, measured: Measured) -> list[str]:
    """A paragraph for each curve of the paper's head, then scaling and scratch, or whether the optimum moves."""
    own = [case for case in experiment.cases if case.head == experiment.setting.head and case.way != "scaled"]
    words = [finding(experiment, case, measured.optima[case]) for case in own]
    if experiment.name == "independence":
        return [*words, _stays_put(experiment, measured)]
    if "scaled" in experiment.control:
        words.append(_scaled(experiment, measured))
    words.append(_over_the_smallest(experiment, measured))
    return [*words, _against_scratch(experiment, measured), _how_far(experiment, measured)]


def _over_the_smallest(experiment: Networks, measured: Measured) -> str:
    parts = [
        f"{name_of(experiment, case)}, {100 * best.over_smallest:+.2f} ± {100 * best.over_smallest_ci95:.2f}"
        for case in experiment.cases
        for best in [measured.optima[case]]
    ]
    smallest = experiment.weight_decays[0]
    which = f"of weight decay {decay(smallest)}" if smallest else "without weight decay"
    return f"The best source for the target against the source {which}, in points: {'; '.join(parts)}."


def finding(experiment: Networks, case: Case, best: Optimum) -> str:
    """Whether the two optima differ by more than noise, and what telling them apart is worth."""
    name = name_of(experiment, case)
    optima = (
        f"{name[0].upper()}{name[1:]}: the mean accuracy is largest at a source weight decay of {decay(best.source)} "
        f"for the source and of {decay(best.transfer)} for the target"
    )
    if best.seeds < FEWEST:
        return f"{optima}. {best.seeds} of {FEWEST} seeds needed: how much of this is noise cannot be told."
    optima += (
        f" (95 % over the seeds: {between(best.source_interval)}, {between(best.transfer_interval)}; the target's less "
        f"the source's, in steps of the grid: {best.steps_interval[0]} to {best.steps_interval[1]})"
    )
    gained = f"{100 * best.gain:+.2f} ± {100 * best.gain_ci95:.2f} points on seeds that had no part in the choice"
    if not best.within_noise:
        direction = "stronger" if best.steps > 0 else "weaker"
        return (
            f"{optima}. Outside the noise: the target wants a {direction} decay than the source, and choosing it for "
            f"the target rather than for the source is worth {gained}."
        )
    low, high = best.steps_interval
    reason = (
        "the order of the two is not certain"
        if low <= 0 <= high
        else "they differ, but on a part of the curve that is flat within the noise"
    )
    return (
        f"{optima}. Within the noise: {reason}; choosing for the target rather than for the source is worth {gained}."
    )


def _stays_put(experiment: Networks, measured: Measured) -> str:
    if experiment.seeds < FEWEST:
        return "Too few seeds: whether the optimum moves with the share cannot be told."
    intervals = [found.protocol.transfer_interval for found in measured.verdicts]
    low, high = max(low for low, _ in intervals), min(high for _, high in intervals)
    if low <= high:
        return (
            f"The intervals of all shares at the paper's fine-tuning overlap ({between((low, high))}): these data do "
            "not show the optimum to move with the target's size."
        )
    return (
        "The intervals of the shares at the paper's fine-tuning do not all overlap: the optimum moves with the "
        "target's size here."
    )


def _scaled(experiment: Networks, measured: Measured) -> str:
    """What a factor on the source's weights does for the source of the smallest weight decay, with its control."""
    share, head = experiment.shares[0], experiment.setting.head
    protocol = experiment.protocol
    pairs = (
        (Case("standard", share, (replace(protocol, held_out=True),)), experiment.rescaled(share)),
        (
            Case("standard", share, experiment.grid("standard", head)),
            Case("scaled", share, experiment.grid("scaled", head)),
        ),
    )
    said = []
    for where, (plain, scaled) in zip(
        ("at the paper's rate and length", "at its own best rate and length"), pairs, strict=True
    ):
        if plain not in measured.curves:
            continue
        as_is, factor = measured.curves[plain].accuracy, measured.curves[scaled].accuracy
        change = factor[:, 0] - as_is[:, 0]
        said.append(
            f"{where} the source of weight decay {decay(experiment.weight_decays[0])} gives the target "
            f"{100 * as_is[:, 0].mean():.2f} % as it is and {100 * factor[:, 0].mean():.2f} % scaled "
            f"({100 * change.mean():+.2f} ± {100 * float(half_width(change)):.2f}), the best source as it is "
            f"{100 * as_is.mean(0).max():.2f} %, scratch {100 * measured.curves[plain].scratch.mean():.2f} %"
        )
    factors = ", ".join(f"{factor:g}" for factor in FACTORS)
    return f"The source's weights times a factor ({factors}, chosen on held-out rows): {'; '.join(said)}."


def _against_scratch(experiment: Networks, measured: Measured) -> str:
    parts = []
    for case in experiment.cases:
        curve = measured.curves[case]
        better = (curve.accuracy.mean(0) > curve.scratch.mean()).sum()
        parts.append(
            f"{name_of(experiment, case)}, {100 * curve.accuracy.mean(0).max():.2f} % against "
            f"{100 * curve.scratch.mean():.2f} %, better at {better} of {len(experiment.weight_decays)} weight decays"
        )
    return f"The target after the best source against scratch: {'; '.join(parts)}."


def _how_far(experiment: Networks, measured: Measured) -> str:
    parts = [
        f"{measured.curves[case].distance[..., -1].mean():.2f} with {figures.LABEL[case.way]}"
        for case in experiment.cases
        if case.at_protocol
    ]
    return (
        f"After {experiment.setting.target_epochs} epochs the parameters are at a distance of {' and '.join(parts)} "
        "from the source's, in the mean over seeds and weight decays."
    )
