"""Wording: an advice in words, first in fifteen lines that anybody can repeat, then all that it rests on, explained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from headwater.advice.calibration.fitting import Calibration
from headwater.advice.findings import Findings
from headwater.advice.rivals import CHOSEN, MEAN, POOLED, SHIFTED, SOURCE, SOURCE_OPTIMAL
from headwater.selection.hypotheses import AS_IS, OWN_LEVEL, OWN_PENALTY, RELATED, SAME, SCRATCH, Hypothesis
from headwater.selection.meeting import Meeting

WAYS = {
    CHOSEN: "what fit writes",
    SCRATCH: "scratch, the target's rows alone",
    SOURCE_OPTIMAL: "transfer, the source at its own best",
    POOLED: "both tables pooled, own level",
    SHIFTED: "the source, moved to the target's level",
    SOURCE: "the source as it is",
    MEAN: "the target's mean",
}
_NOTES = 2  # in the short form, which with them has fourteen lines at most


def sentence(advice: Findings) -> str:
    """The verdict in words, of several sources about the one that serves best."""
    if advice.ranking is None:
        return _verdict(advice)
    ranked = advice.ranking.sources
    return f"Source[{ranked[0].source}] serves best of {len(ranked)}. By itself: {_verdict(advice)}"


def _verdict(advice: Findings) -> str:
    gain, alone = advice.gain.chosen, f"the target's {_rows(advice)} alone"
    low, high = (_change(advice, end) for end in (gain.low, gain.high))
    if advice.verdict == "transfer":
        return (
            f"Transfer. Expect about {_change(advice, gain.estimate)} squared error than from {alone} "
            f"(9 times in 10 between {low} and {high})."
        )
    if advice.verdict == "scratch":
        if gain.high <= 0:
            return f"Do not transfer. What fit writes takes nothing off the squared error of {alone}."
        return (
            f"Do not transfer. Use {alone}: a transfer is expected to have {_change(advice, gain.estimate)} squared "
            f"error, and 19 times in 20 at most {high}, which is not worth it."
        )
    until = f"Until there is more, use {'the transfer as fitted' if advice.safer == 'transfer' else alone}."
    if not np.isfinite(gain.low):
        return f"Too little data to tell. {until}"
    return (
        f"Too little data to tell: against {alone}, a transfer may have anything from {low} to {high} squared error "
        f"(9 times in 10). {until}"
    )


def _rows(advice: Findings) -> str:
    groups = advice.meeting.target.basis.groups
    count, unit = (advice.target.rows, "row") if groups is None else (len(groups), "group")
    return f"{count:g} {unit}{'' if count == 1 else 's'}"


def _change(advice: Findings, gain: float) -> str:
    """A gain as a share of scratch's error, to two digits."""
    share = gain / advice.errors.scratch if advice.errors.scratch else 0.0
    if not np.isfinite(share):
        return "unknown"
    return f"{_digits(100 * abs(share), 2)} % {'more' if share < 0 else 'less'}" if abs(share) >= 5e-5 else "no less"


def table(advice: Findings) -> tuple[list[str], list[list[str]]]:
    """The table's column names and its cells."""
    errors = [(one.error.estimate, one.error.low, one.error.high) for one in advice.rivals]
    cells = []
    for one, (estimate, low, high) in zip(advice.rivals, _numbers(errors), strict=True):
        against = "" if one.name == SCRATCH or not np.isfinite(one.gain.low) else _change(advice, one.gain.estimate)
        r2 = "" if np.isnan(one.r2) else f"{one.r2:.2f}"
        cells.append([WAYS[one.name], estimate, f"{low} to {high}", r2, against])
    return ["expected on new target rows", "squared error", "90 % interval", "R2", "than scratch"], cells


def _numbers(values: Sequence[tuple[float, ...]]) -> list[tuple[str, ...]]:
    """Three digits each, all in one notation: powers of ten only where some number would need seven places."""
    sizes = [abs(value) for row in values for value in row if np.isfinite(value) and value]
    plain = not sizes or (min(sizes) >= 1e-4 and max(sizes) < 1e7)

    def written(value: float) -> str:
        if not np.isfinite(value):
            return "unknown"
        return _digits(value, 3) if plain else f"{value:.2e}"

    return [tuple(written(value) for value in row) for row in values]


def _digits(value: float, digits: int) -> str:
    """So many significant digits, without powers of ten."""
    rounded = float(f"{value:.{digits - 1}e}")
    size = int(np.floor(np.log10(abs(rounded)))) if rounded else 0
    return f"{rounded:,.{max(digits - 1 - size, 0)}f}"


def rows_of_text(names: list[str], rows: list[list[str]]) -> list[str]:
    """Columns of plain text: the first to the left, the rest to the right."""
    widths = [max(len(row[index]) for row in [names, *rows]) for index in range(len(names))]
    return [
        "  "
        + "  ".join(cell.rjust(w) if i else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True)))
        for row in [names, *rows]
    ]


def brief(advice: Findings) -> list[str]:
    """The advice in at most fourteen lines: the verdict, the table, what would change it, what was done to the data."""
    notes = [f"note: {note}" for note in advice.notes]
    if len(notes) > _NOTES:
        notes = [*notes[: _NOTES - 1], f"note: {len(notes) - _NOTES + 1} more notes with --explain"]
    lines = [sentence(advice), "", *rows_of_text(*table(advice)), *what_would_change_it(advice), *notes]
    return [line.rstrip() for line in lines]


def what_would_change_it(advice: Findings) -> Iterator[str]:
    """How the model was made, and what would change the answer; a line each."""
    gain, rows = advice.gain.chosen, advice.rows
    yield f"what fit writes is {_how(advice)}"
    if advice.verdict == "transfer":
        against = 100 * (1 - advice.rival[CHOSEN].chance)
        yield f"chance that scratch errs less: {against:.0f} %; more target rows would show it"
    elif advice.verdict == "scratch":
        yield "a source that is closer to the target, or more of its rows, might change it; more target rows will not"
    elif not np.isfinite(gain.low):
        yield "more target rows would change it, at least three and with features that vary"
    else:
        wrong = f"a transfer may cost {_change(advice, gain.low)} error, scratch may forgo {_change(advice, gain.high)}"
        if np.isnan(rows.estimate):
            yield f"{wrong}; twenty times the target rows are not expected to settle it"
        else:
            ends = [_rounded(end) if np.isfinite(end) else "many" for end in (rows.low, rows.high)]
            yield f"{wrong}; about {_rounded(rows.estimate)} more target rows ({ends[0]} to {ends[1]}) would settle it"


def _how(advice: Findings) -> str:
    """What fit writes, in words."""
    if not advice.surface.transferred:
        return f"nearly scratch, an average in which the source has {100 * advice.weight:.0f} % of the weight"
    return f"a transfer{_transfer(advice)}; the source has {100 * advice.weight:.0f} % of the weight"


def _transfer(advice: Findings) -> str:
    same, related, path = (advice.surface.share_of(*k) for k in ((SAME, OWN_LEVEL), (RELATED,), (AS_IS, OWN_PENALTY)))
    if same > max(related, path):
        pooled = advice.meeting.source.spectrum is not None
        return ", the source taken to be the same task" + (", as if both tables were one" if pooled else "")
    if np.isinf(advice.transfer_optimal_tau):
        return f", but only scaled: multiply the source's coefficients by about {advice.scale:.2g}"
    if related > path:
        return f", with the source's coefficients multiplied by about {advice.scale:.2g}"
    if advice.direction == "unknown":
        return ""
    if advice.direction == "equal":
        return ", with the source at its own best penalty"
    if not 0 < advice.ratio < np.inf:
        return f", with the source at penalty {advice.transfer_optimal_tau:.2g}"
    factor = advice.ratio if advice.ratio > 1 else 1 / advice.ratio
    how = "less" if advice.direction == "softer" else "more"
    return f", with the source regularised {factor:.3g} times {how} than is best for itself"


def notes(meeting: Meeting, calibration: Calibration) -> Iterator[str]:
    """What the numbers alone would hide."""
    low, high = calibration.rho_interval
    least, most = Hypothesis(RELATED, 1.0, axis="scale").reach
    if calibration.identified and (low > most or high < least):
        yield (
            f"by the alignment the target's outcome is about {calibration.rho:.3g} times the source's, beyond what a "
            "transfer is made for: are both in the same units?"
        )
    target, source = meeting.target, meeting.source
    if target.basis.groups is not None:
        yield (
            f"the predicted errors are of each of {len(target.basis.groups)} groups left out whole, and in choosing a "
            "group counts as one row; the alignment and the gains take rows as independent, and so are less sure than "
            "they are said to be"
        )
    if target.n_outputs > 1:
        yield "the alignment and the gains take the outputs as independent, with the same variances"
    if not target.u.any() and not target.remainder.any():
        yield "the target's outcome does not vary: there is nothing to learn, and the fit is its mean"
    if source.optimal_tau is not None and np.isinf(source.optimal_tau):
        yield "the source's outcome shows no dependence on its features: its best model is its mean"
    if source.spectrum is None:
        yield (
            "only the source's coefficients are known, not its table: its penalty cannot be changed, only its "
            "scale, and the alignment is the number they would best be multiplied by, were they known without error"
        )


def explanations(advice: Findings) -> Iterator[str]:
    """All that the table does not show, each with what it means; a line each."""
    calibration, law, benefit = advice.calibration, advice.law, advice.benefit
    yield "Alignment: how much of the source's coefficients the target shares; 1 is the same task, 0 an unrelated one."
    if calibration.identified:
        low, high = calibration.rho_interval
        yield f"  rho {calibration.rho:.3g} (95 % interval {low:.3g} to {high:.3g})"
    else:
        yield f"  not known: {calibration.reason}"
    yield "Penalties: how hard each side's coefficients are drawn in, toward 0 or, the target's, toward the source's."
    if not np.isnan(advice.source_optimal_tau):
        yield f"  best for the source itself {advice.source_optimal_tau:.3g}"
        yield f"  best for the target, the source unscaled {advice.transfer_optimal_tau:.3g} ({advice.direction})"
    yield f"  the target's own, there {advice.target_tau:.3g}"
    yield f"  number that the source's coefficients would best be multiplied by {advice.scale:.3g}"
    if calibration.identified:
        yield "Two-number law: what the source can take off the squared error, by rho and the size Q of its model."
        yield f"  Q {law.information:.3g}, as it is (2 rho - 1) Q = {law.as_published:.3g}"
        yield f"  its coefficients multiplied by rho, rho^2 Q = {law.scaled:.3g}, the most that a linear use can give"
        yield (
            f"  so retraining the source could add {law.scaled - law.as_published:.3g} at most to using it as it is, "
            "and nothing to scaling it, unless its coefficients follow its features' spectrum"
        )
    yield "Evidence: how much of the posterior each way to see the source holds."
    yield "  " + ", ".join(f"{name} {100 * share:.0f} %" for name, share in advice.surface.mass.items())
    yield "Left out: the squared error on the target's own rows, each (or each group) predicted without it; a check."
    yield from (f"  {WAYS[one.name]} {one.left_out:.3g}{' (!)' if one.doubted else ''}" for one in advice.rivals)
    yield "The source's own predictions, untouched: what they take off the squared error of the target's rows."
    yield f"  {benefit.estimate:.3g} (95 % interval {benefit.low:.3g} to {benefit.high:.3g})"
    if advice.curve is not None:
        yield "Error over source penalties, the source unscaled: expected, as in the table, and left out."
        marks = {advice.source_optimal_tau: "  best for the source", np.inf: "  scratch"}
        marks[advice.transfer_optimal_tau] = marks.get(advice.transfer_optimal_tau, "") + "  best for the target"
        rows = [[f"{tau:.3g}", f"{by:.3g}", f"{out:.3g}", marks.get(tau, "")] for tau, by, out in advice.curve.rows]
        yield from rows_of_text(["source tau", "expected", "left out", ""], rows)


def contradictions(advice: Findings) -> Iterator[str]:
    """Where the rows left out say otherwise than the table."""
    chosen = advice.rival[CHOSEN].left_out
    for one in advice.rivals:
        if one.doubted:
            yield (
                f"left out one at a time, the target's own rows say that {WAYS[one.name]!r} errs less "
                f"({one.left_out:.3g}) than what fit writes ({chosen:.3g}), more than chance would have it"
            )


def explain(advice: Findings) -> str:
    """The advice with all notes and explanations."""
    lines = [sentence(advice), "", *rows_of_text(*table(advice)), *what_would_change_it(advice), ""]
    return "\n".join(
        line.rstrip() for line in [*lines, *explanations(advice), *(f"note: {note}" for note in advice.notes)]
    )


def _rounded(rows: float) -> str:
    """Two significant digits: it is known no better."""
    return f"{float(f'{rows:.2g}'):,.12g}"
