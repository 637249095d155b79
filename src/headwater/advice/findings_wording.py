"""Findings in words: what is said of outcomes that are numbers alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from headwater.advice.calibration.fitting import Calibration
from headwater.advice.findings import Findings
from headwater.advice.wording import WAYS, next_to_nothing, rows_of_text, sentence, written
from headwater.selection.hypotheses import AS_IS, OWN_LEVEL, OWN_PENALTY, RELATED, SAME, Hypothesis
from headwater.selection.meeting import Meeting


def of_several(advice: Findings) -> str:
    """The verdict in words, of several sources about the one that serves best."""
    if advice.ranking is None:
        return sentence(advice)
    ranked = advice.ranking.sources
    name = advice.ranking.name(ranked[0].source)
    name = name if advice.ranking.names else name.capitalize()
    return f"{name} serves best of {len(ranked)}. By itself: {sentence(advice)}"


def how(advice: Findings) -> str:
    """What fit writes, in words."""
    return written(advice, advice.model, advice.surface.transferred, _transfer(advice))


def _transfer(advice: Findings) -> str:
    same, related, path = (advice.surface.share_of(*k) for k in ((SAME, OWN_LEVEL), (RELATED,), (AS_IS, OWN_PENALTY)))
    if same > max(related, path):
        pooled = advice.meeting.source.spectrum is not None
        return ", the source taken to be the same task" + (", as if both tables were one" if pooled else "")
    if np.isinf(advice.transfer_optimal_tau):
        return f", but only scaled: multiply the source's coefficients by about {advice.scale:.2g}"
    if related > path and next_to_nothing(advice.scale):
        return " of next to nothing of the source's coefficients"
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
