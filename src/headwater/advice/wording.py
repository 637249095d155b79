"""Wording: an advice in words, verdict first, then what is known and how surely, then what would change it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from headwater.advice.calibration.fitting import Calibration
from headwater.advice.findings import Findings
from headwater.selection.hypotheses import AS_IS, OWN_LEVEL, OWN_PENALTY, RELATED, SAME, Hypothesis
from headwater.selection.meeting import Meeting
from headwater.selection.prediction import Interval


def sentence(advice: Findings) -> str:
    """The verdict in words, of several sources about the one that serves best."""
    if advice.ranking is None:
        return _verdict(advice)
    ranked = advice.ranking.sources
    return f"source[{ranked[0].source}] serves best of {len(ranked)}; of it by itself: {_verdict(advice)}"


def _verdict(advice: Findings) -> str:
    odds = f"{advice.weight:.0%} of the posterior weight is on transfer"
    if advice.verdict == "scratch":
        return f"do not transfer: fit the target from scratch ({odds})"
    if advice.verdict == "transfer":
        return f"transfer{_how(advice)} ({odds})"
    safer = "transferring as fitted" if advice.safer == "transfer" else "fitting from scratch"
    return f"too little data to tell; {safer} is the safer choice ({odds})"


def _how(advice: Findings) -> str:
    same, related, path = (advice.surface.share_of(*k) for k in ((SAME, OWN_LEVEL), (RELATED,), (AS_IS, OWN_PENALTY)))
    if same > max(related, path):
        return ", as the same task: as if both tables were one"
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


def what_is_known(advice: Findings) -> Iterator[str]:
    """What is known and how surely, a sentence at a time."""
    calibration, law, gain = advice.calibration, advice.law, advice.gain
    if not calibration.identified:
        yield f"the alignment rho of the tasks is not known: {calibration.reason}"
    else:
        low, high = calibration.rho_interval
        yield f"alignment rho {calibration.rho:.3g} (95 % interval {low:.3g} to {high:.3g})"
    mass = ", ".join(f"{name} {share:.0%}" for name, share in advice.surface.mass.items())
    level = advice.surface.share_of(SAME)
    yield f"posterior weight: {mass}" + (f"; the level is the source's with {level:.0%}" if level else "")
    yield f"the choice takes {_interval(gain.chosen)} off the target's excess risk from scratch"
    yield f"the source at its own best penalty, as it is, takes {_interval(gain.source_optimal)} off"
    if calibration.identified:
        yield (
            f"by the two-number law, with Q = {law.information:.3g}: as it is the source-optimal model gains "
            f"(2 rho - 1) Q = {law.as_published:.3g}, multiplied by rho it gains rho^2 Q = {law.scaled:.3g}, "
            f"over scratch at the same target tau, {advice.target_tau:.3g}"
        )


def what_would_change_it(advice: Findings) -> Iterator[str]:
    """What would change the answer, a sentence at a time."""
    calibration, law = advice.calibration, advice.law
    if np.isfinite(advice.rows_needed):
        yield f"about {_rounded(advice.rows_needed)} more target rows would settle it"
    elif advice.verdict == "undecided" and calibration.identified:
        yield "no number of target rows is expected to settle it"
    if calibration.identified:
        yield (
            f"retraining the source could, at that target tau, add at most {law.scaled - law.as_published:.3g} to "
            "using it as it is, and nothing to scaling it, unless its coefficients follow its features' spectrum"
        )
    elif calibration.point is not None:
        yield "more source rows, in which its signal would show"
    elif advice.verdict == "undecided":
        yield "more target rows, at least three and with features that vary"


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


def describe(advice: Findings) -> str:
    """The advice as plain text."""
    errors, benefit = advice.errors, advice.benefit
    lines = [
        f"verdict: {sentence(advice)}",
        "",
        "what is known",
        *(f"  {line}" for line in what_is_known(advice)),
        "",
        "what would change it",
        *(f"  {line}" for line in what_would_change_it(advice)),
        "",
        f"  source                {source_size(advice)}",
        f"  target                {advice.target.rows:g} rows",
        *source_penalties(advice),
        f"  target tau            {advice.target_tau:.4g}",
        f"  best scale            {advice.scale:.3g}",
        "",
        "  predicted target error (leave-one-out mean squared error)",
        f"    from scratch             {errors.scratch:.5g}",
        f"    source-optimal transfer  {errors.source_optimal:.5g}",
        f"    chosen                   {errors.chosen:.5g}",
        f"    scaled transfer          {errors.scaled:.5g}",
        "",
        f"  the source's own predictions take {benefit.estimate:.4g} off the squared error "
        f"(95 % interval {benefit.low:.4g} to {benefit.high:.4g})",
    ]
    if advice.curve is not None:
        lines += ["", "  source tau    error by theory    left out"]
        lines += [f"  {tau:<12.4g}  {by:<17.5g}  {out:.5g}" for tau, by, out in advice.curve.rows]
    return "\n".join([*lines, *(f"  note: {note}" for note in advice.notes)])


def source_size(advice: Findings) -> str:
    """What the source is: its size, or that only its coefficients are known."""
    rows = "published coefficients" if np.isnan(advice.source.rows) else f"{advice.source.rows:g} rows"
    return f"{rows}, {advice.source.features} features"


def source_penalties(advice: Findings) -> list[str]:
    """The source's penalties, where it has any."""
    if np.isnan(advice.source_optimal_tau):
        return []
    return [
        f"  source-optimal tau    {advice.source_optimal_tau:.4g}",
        f"  transfer-optimal tau  {advice.transfer_optimal_tau:.4g}  ({advice.direction})",
    ]


def _interval(gain: Interval) -> str:
    if not np.isfinite(gain.low):
        return "an unknown amount"
    return f"{gain.estimate:.3g} (90 % interval {gain.low:.3g} to {gain.high:.3g})"


def _rounded(rows: float) -> str:
    """Two significant digits: it is known no better."""
    return f"{float(f'{rows:.2g}'):g}"
