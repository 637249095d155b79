"""Pictures: an advice's errors and alignment, each with what it shows in words and its numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from headwater.advice.displays import PenaltyCurveDisplay, RivalsDisplay
from headwater.advice.penalties import Penalties
from headwater.advice.summary import Alignment, CalibrationPoint, Summary
from headwater.pages.drawing import RULE, SIMULATED, WIDTH, drawn
from headwater.pages.parts import Picture, Table, number

_REGIMES = (
    "hurts as it is:\nscale it or\nlet it be",
    "helps;\nregularise\nit harder",
    "helps;\nregularise\nit softer",
)
_BETWEEN = (0.5, 1.0)


def rivals(summary: Summary) -> Picture:
    """Every way to predict, with its interval."""

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 0.9 + 0.42 * len(summary.rivals)), layout="constrained")
        RivalsDisplay(summary.rivals, summary.measure).plot(figure.subplots())
        return figure

    said = "; ".join(f"{cells[0]}: {cells[1]}, {cells[2]}" for cells in summary.cells)
    return Picture(
        drawn(draw, "rivals"),
        f"Expected {summary.measure} on new target rows, with 90 % intervals. {said}.",
        "Points: what each way to predict is expected to err by on new target rows; lines: 90 % intervals. The "
        "intervals share what is not known of the noise: compare two ways by the table's last column, not by overlap.",
    )


def penalties(summary: Summary) -> Picture | None:
    """Both sides' errors against the source's penalty; None where there is one penalty only."""
    found, chosen = summary.penalties, summary.rivals[0].error.estimate
    if found is None:
        return None
    head = (
        "source penalty", "target expected", "target left out", "target theory", "source left out", "source theory",
    )  # fmt: skip
    columns = (
        found.source_tau, found.target_expected, found.target_left_out, found.target_theory, found.source_left_out,
        found.source_theory,
    )  # fmt: skip
    body = [[number(value) for value in row] for row in zip(*columns, strict=True)]
    return Picture(
        drawn(lambda: _draw_penalties(found, chosen), "penalties"),
        f"The target's and the source's squared error at {len(body)} source penalties. Best for the source itself is "
        f"{number(found.source_optimal_tau)}, best for the target {number(found.transfer_optimal_tau)}; what fit "
        f"writes is expected to err by {number(chosen)}.",
        "Above, the target's error as the source is used unscaled; below, the source's own. τS* is the penalty best "
        "for the source itself, τ0* the one best for the target; at ∞ the target starts from scratch. What is "
        "recommended, and fit writes, averages over penalties and scales, and so is a level. Rows left out are a "
        "check. Theory is what tables drawn like these are expected to gain or to lose against scratch, at one target "
        "penalty.",
        [Table("Squared error by the source's penalty", head, body, named=True)],
    )


def _draw_penalties(found: Penalties, chosen: float) -> Figure:
    figure = Figure(figsize=(WIDTH, 5.4), layout="constrained")
    above, below = figure.subplots(2, sharex=True)
    for side, ax in (("target", above), ("source", below)):
        PenaltyCurveDisplay(found, chosen).plot(ax, side=side)
    above.set_xlabel("")
    figure.legend(*above.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    return figure


def calibration(summary: Summary) -> Picture | None:
    """What was predicted for rows left out against what was observed; None of outcomes that are numbers."""
    found = summary.calibration
    if not found:
        return None
    body = [[number(value) for value in (one.rows, one.predicted, one.observed, one.low, one.high)] for one in found]
    worst = max(found, key=lambda one: abs(one.observed - one.predicted))
    return Picture(
        drawn(lambda: _draw_calibration(found), "calibration"),
        f"Predicted and observed means of {len(found)} parts of the target's rows. Furthest apart is the one of which "
        f"{number(worst.predicted)} was predicted and {number(worst.observed)} observed, 90 % interval "
        f"{number(worst.low)} to {number(worst.high)}.",
        "The target's rows in parts by what is predicted for them, each row without itself: on the line, what was "
        "predicted came. Lines are 90 % intervals of what was observed.",
        [Table("Predicted and observed", ["rows", "predicted", "observed", "90 % from", "to"], body)],
    )


def _draw_calibration(found: Sequence[CalibrationPoint]) -> Figure:
    figure = Figure(figsize=(WIDTH, 4.2), layout="constrained")
    ax = figure.subplots()
    most = max(max(one.high, one.predicted) for one in found)
    end = 1.0 if most <= 1.0 else 1.05 * most
    ax.plot([0, end], [0, end], color=RULE, lw=1, ls=(0, (4, 3)), zorder=0)
    for one in found:
        ax.plot([one.predicted] * 2, [one.low, one.high], color=SIMULATED, lw=1.6)
    ax.plot(
        [one.predicted for one in found], [one.observed for one in found], "D", color=SIMULATED, ms=6, clip_on=False
    )
    ax.set(xlim=(0, end), ylim=(0, end), xlabel="predicted", ylabel="observed")
    return figure


def alignment(summary: Summary) -> Picture | None:
    """ρ̂ among the regimes; None where it is not known."""
    found = summary.alignment
    if found is None or found.reason:
        return None
    row = [number(value) for value in (found.rho, found.low, found.high)]
    where = _REGIMES[int(np.searchsorted(_BETWEEN, found.rho))].replace("\n", " ")
    return Picture(
        drawn(lambda: _draw_alignment(found), "alignment"),
        f"The alignment is {row[0]}, 95 % interval {row[1]} to {row[2]}. In that range a source at its own best "
        f"penalty {where}.",
        "How much of the source's coefficients the target shares: 1 is the same task, 0 an unrelated one. A source at "
        "its own best penalty helps a target aligned above 1/2; below 1 the target wants it regularised harder than is "
        "best for itself, above 1 softer. That is exact where features are isotropic, and else a rule of thumb: the "
        "verdict is read from the errors, not from here.",
        [Table("The alignment, and its 95 % interval", ["alignment", "from", "to"], [row])],
    )


def _draw_alignment(found: Alignment) -> Figure:
    low, high = max(min(found.low, found.rho, -0.25), -0.75), min(max(found.high, found.rho, 1.75), 3.0)
    figure = Figure(figsize=(WIDTH, 1.9), layout="constrained")
    ax = figure.subplots()
    for start, stop, words, shade in zip(
        (low, *_BETWEEN), (*_BETWEEN, high), _REGIMES, (0.36, 0.18, 0.05), strict=True
    ):
        ax.axvspan(start, stop, color=RULE, alpha=shade, lw=0)
        ax.text((start + stop) / 2, 0.95, words, ha="center", va="top", fontsize=9.5)
    ax.plot([max(found.low, low), min(found.high, high)], [0.2] * 2, color=SIMULATED, lw=2.4)
    ax.plot(np.clip(found.rho, low, high), 0.2, "D", color=SIMULATED, ms=7)
    ax.set(xlim=(low, high), ylim=(0, 1), yticks=[], xlabel="alignment ρ of the target with the source")
    ax.set_xticks(sorted({0.5, *np.arange(np.ceil(low), high + 1e-9)}))
    ax.spines["left"].set_visible(False)
    return figure
