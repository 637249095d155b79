"""The reversal in words and tables: what was done, and each curve with what it is worth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from headwater.pages.parts import Table
from headwater.study.presentation import Presentation, number
from headwater.study.reversal.experiment import PROTOCOL, Reversal
from headwater.study.reversal.figures import figure, title
from headwater.study.reversal.kinds import KINDS
from headwater.study.reversal.summary import Curve, drawn, label, outcomes, summarise, table
from headwater.study.reversal.verdict import verdict
from headwater.study.store import Record


def present(experiment: Reversal, records: Sequence[Record]) -> Presentation:
    """The experiment's records as tables, figure and words."""
    curves = summarise(experiment, records)
    return Presentation(
        rows=[row for curve in curves for row in curve.rows],
        summary=table(curves),
        trials=outcomes(experiment, records),
        title=title(experiment),
        purpose=purpose(experiment),
        caption="The penalties of least mean risk over the seeds, as a ratio, with its 95 % interval. Dashed: ρ = 1 "
        "and ratio 1. A hollow point is an optimum at an end of the grid, and may lie beyond. The reversal "
        "says: above ratio 1 on the left of ρ = 1, below it on the right.",
        heading="Point by point",
        findings=findings(experiment, curves),
        tables=[_points(experiment, curves), _crossings(curves)],
        draw=partial(figure, experiment, curves),
        protocol=PROTOCOL,
        verdict=verdict(experiment, curves),
        details={
            "crossings": [
                {"gamma": curve.gamma, "target_tau": curve.target_tau, "rho": curve.crossing}
                | {"ci95": curve.crossing_half_width}
                for curve in curves
            ]
        },
    )


def purpose(experiment: Reversal) -> str:
    """The protocol in words."""
    kind = KINDS[experiment.family]
    return (
        f"Two tasks with {experiment.n_features} independent normal features and {kind.words} share a direction: the "
        f"target's coefficients are ρ times the source's, which have length {experiment.signal:g}. The source is "
        f"fitted at {len(experiment.penalties)} penalties, and {experiment.target_samples} target rows from each of "
        f"them by L2-SP, at {len(experiment.target_penalties)} target penalties. What either errs by on its whole "
        f"population is integrated exactly, as {kind.loss}, and averaged over {experiment.seeds} seeds; τ_S* is the "
        "source penalty at which the source's mean is least, τ0* that at which the target's is. Known for squared "
        "error: τ0* is above τ_S* for ρ < 1 and below it for ρ > 1, whatever the target's penalty."
    )


def findings(experiment: Reversal, curves: Sequence[Curve]) -> list[str]:
    """One paragraph for each γ."""
    return [
        " ".join(
            [
                f"γ = {gamma:g}.",
                *(_finding(experiment, curve) for curve in drawn(curves) if curve.gamma == gamma),
            ]
        )
        for gamma in experiment.gammas
    ]


def _finding(experiment: Reversal, curve: Curve) -> str:
    if curve.target_tau == math.inf and 1.0 in experiment.rhos:
        told = "its ratio at ρ = 1 is 1 by definition, for there target and source ask the same"
    elif math.isfinite(curve.crossing):
        told = f"the ratio crosses 1 at ρ = {curve.crossing:.3f} ± {curve.crossing_half_width:.3f}"
    else:
        told = "the ratio does not cross 1 once"
    loss = KINDS[experiment.family].loss
    ends = [min(curve.rows, key=lambda row: row.rho), max(curve.rows, key=lambda row: row.rho)]
    worth = " and ".join(f"{100 * row.saved:.0f} % at ρ = {row.rho:g}" for row in ends)
    sentence = f"{label(curve.target_tau).capitalize()}: {told}; τ0* saves {worth} of the excess {loss} at τ_S*."
    compared = [row for row in curve.rows if not row.on_edge and not math.isnan(row.theory_ratio)]
    if compared:
        inside = sum(row.low <= row.theory_ratio <= row.high for row in compared)
        sentence += f" Theory lies in the interval at {inside} of {len(compared)} points."
    return sentence


def _points(experiment: Reversal, curves: Sequence[Curve]) -> Table:
    head = ["γ", "target penalty", "ρ", "τ0*/τ_S*", "low", "high", "τ_S*", "τ0*", "saved"]
    theory = KINDS[experiment.family].ratios is not None
    body = [
        [
            f"{row.gamma:g}",
            row.target_tau if isinstance(row.target_tau, str) else number(row.target_tau),
            f"{row.rho:g}",
            number(row.ratio) + (" (edge)" if row.on_edge else ""),
            *map(number, (row.low, row.high, row.source_tau, row.transfer_tau)),
            f"{100 * row.saved:.1f} %",
            *([number(row.theory_ratio)] if theory else []),
        ]
        for curve in drawn(curves)
        for row in curve.rows
    ]
    caption = (
        "Low and high bound the 95 % interval of the ratio over seeds. Edge: an optimum is an end of the grid. Saved: "
        "of the target's excess risk at τ_S*, by τ0*."
    )
    return Table(caption, head + (["theory"] if theory else []), body)


def _crossings(curves: Sequence[Curve]) -> Table:
    targets = list(dict.fromkeys(curve.target_tau for curve in curves))
    gammas = list(dict.fromkeys(curve.gamma for curve in curves))
    cells = {(curve.gamma, curve.target_tau): curve for curve in curves}
    body = [
        [
            target if isinstance(target, str) else number(target),
            *(
                f"{number(cells[gamma, target].crossing)} ± {number(cells[gamma, target].crossing_half_width)}"
                for gamma in gammas
            ),
        ]
        for target in targets
    ]
    caption = "The ρ at which τ0*/τ_S* crosses 1, with its 95 % interval, by the target's penalty τ1."
    return Table(caption, ["τ1", *(f"γ = {gamma:g}" for gamma in gammas)], body)
