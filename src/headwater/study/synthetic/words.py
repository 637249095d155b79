"""The synthetic experiments in words: where theory and the finite sample agree, and where they part."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from headwater.pages.parts import Table
from headwater.study.presentation import Presentation, number
from headwater.study.store import Record
from headwater.study.synthetic.experiment import PROTOCOL, Synthetic
from headwater.study.synthetic.figures import SYMBOL, figure, label, title
from headwater.study.synthetic.summary import Row, outcomes, summarise, table

PARTS_AT = 1.25  # simulation and theory part where they are this factor apart: over one step of the paper's grid
SCATTERED = 1.0  # the saving's standard deviation over its mean; 0.2 with isotropic features, where nothing parts


def present(experiment: Synthetic, records: Sequence[Record]) -> Presentation:
    """The experiment's records as tables, figure and words."""
    rows = summarise(experiment, records)
    return Presentation(
        rows=rows,
        summary=table(experiment, rows),
        trials=outcomes(experiment, records),
        title=title(experiment),
        purpose=purpose(experiment),
        caption="Points and band: the mean over seeds of the ratio of the realised optima, with its 95 % interval. "
        "Line: the deterministic equivalents. Dashed: ρ = 1 and ratio 1, where the two penalties agree.",
        heading="Simulation and theory",
        findings=findings(experiment, rows),
        tables=[_table(experiment, rows)],
        draw=partial(figure, experiment, rows),
        protocol=PROTOCOL,
    )


def purpose(experiment: Synthetic) -> str:
    """The experiment in words."""
    return (
        f"Two ridge regressions with {experiment.n_features} features share a direction: the target's coefficients are "
        "ρ times the source's. The source is fitted at every penalty of a grid, and the target starts from it. Shown "
        "is the source penalty best for the target, τ0*, over the one best for the source itself, τ_S*: above 1, train "
        "the source with a stronger penalty than is best for it; below 1, with a weaker one. The curves differ in "
        f"{SYMBOL[experiment.curve]}."
    )


def findings(experiment: Synthetic, rows: Sequence[Row]) -> list[str]:
    """Where the deterministic curve and the finite sample agree and where they part, and why, one paragraph a curve."""
    step = (experiment.penalties[-1] / experiment.penalties[0]) ** (1 / (len(experiment.penalties) - 1))
    return [
        f"Penalties are {100 * (step - 1):.0f} % apart, so a realised optimum is known to half of that.",
        *(_finding(experiment, [row for row in rows if row.value == value], step) for value in experiment.curves),
    ]


def _finding(experiment: Synthetic, rows: Sequence[Row], step: float) -> str:
    name, low, high = label(experiment, rows[0].value), experiment.penalties[0], experiment.penalties[-1]
    compared = [row for row in rows if low <= row.theory_tau <= high]
    outside = len(rows) - len(compared)
    note = f" At {outside} points theory's optimum lies off the grid of penalties." if outside else ""
    if not compared:
        return f"{name}: nothing to compare.{note}"
    inside = sum(
        abs(row.ratio_mean - row.theory_ratio) <= max(row.ratio_ci95, 0.0) + (math.sqrt(step) - 1) * row.theory_ratio
        for row in compared
    )
    apart = _factor(compared, "ratio_mean")
    sentence = (
        f"{name}: theory lies in the band, widened by half a step, at {inside} of {len(compared)} points; "
        f"mean and theory differ by a factor of {apart:.2f} on average.{note}"
    )
    if apart < PARTS_AT:
        return sentence
    middle = min(compared, key=lambda row: abs(row.rho - 1))
    sentence += (
        " Here the two part. The risks themselves do not: averaged over the seeds before the best penalties are "
        f"read off, they give ratios within a factor of {_factor(compared, 'ratio_of_mean_risks'):.2f} of theory. "
        f"The mean of the seeds' own ratios is another thing: at ρ = {middle.rho:g} it is {middle.ratio_mean:.2f} and "
        f"their median {middle.ratio_median:.2f}, and {100 * middle.on_edge:.0f} % of the seeds have an optimum at an "
        "end of the grid, so that the mean depends on where the grid ends."
    )
    if middle.gain_spread < SCATTERED:
        return sentence
    return (
        f"{sentence} The reason is that little hangs on τ0 here: the best one saves {100 * middle.gain:.0f} % of the "
        f"transfer risk at the largest penalty, and from seed to seed that saving has a standard deviation of "
        f"{middle.gain_spread:.1f} times its size. Few directions carry the spectrum, the target learns the strongest "
        "from its own rows, and in what is left to the source chance decides which penalty is best for one draw."
    )


def _factor(rows: Sequence[Row], name: str) -> float:
    """How far a column is from theory: the geometric mean of the larger over the smaller."""
    distance = sum(abs(math.log(getattr(row, name) / row.theory_ratio)) for row in rows)
    return math.exp(distance / len(rows))


def _table(experiment: Synthetic, rows: Sequence[Row]) -> Table:
    head = [experiment.curve.replace("gamma", "γ").replace("alpha", "α"), "ρ", "mean ratio", "± 95 %"]
    head += ["theory", "median", "of mean risks", "on the edge"]
    body = [
        [
            f"{row.value:g}",
            f"{row.rho:g}",
            *map(number, (row.ratio_mean, row.ratio_ci95, row.theory_ratio, row.ratio_median, row.ratio_of_mean_risks)),
            f"{100 * row.on_edge:.0f} %",
        ]
        for row in rows
    ]
    caption = (
        "Ratio τ0*/τ_S*. Of mean risks: argmins taken after averaging over seeds. On the edge: share of seeds with an "
        "optimum at the end of the grid."
    )
    return Table(caption, head, body)
