"""The verdict in words: whether it pays to regularise the source for the target, at the protocol and in the control."""

from __future__ import annotations

from headwater.study.networks.experiment import Networks
from headwater.study.networks.summary import FEWEST, Measured, Optimum, Verdict
from headwater.study.networks.trials import Case

WHAT = "choosing the source's weight decay for the target rather than for the source"


def headline(verdict: Verdict) -> str:
    """The first line of every output.

    >>> from headwater.study.networks.summary import Optimum
    >>> none = Optimum(0.0, (0.0, 0.0), 0.0, (0.0, 0.0), 0, (0, 0), 0.0, 0.0, 0.0, 0.0, 2)
    >>> headline(Verdict(0.1, none, none))
    'Too few seeds: 2 of the 3 needed to tell a difference from noise.'
    """
    protocol, control = verdict.protocol, verdict.control
    if protocol.seeds < FEWEST:
        return f"Too few seeds: {protocol.seeds} of the {FEWEST} needed to tell a difference from noise."
    if verdict.robust:
        direction = "stronger" if protocol.steps > 0 else "weaker"
        return (
            f"Robust: the target wants a {direction} weight decay of the source than the source does, at the paper's "
            "fine-tuning and with every fine-tuning at its own best rate and length."
        )
    if not protocol.within_noise and not control.within_noise:
        return f"Not robust: {WHAT} pays in both lines, but in opposite directions."
    if not protocol.within_noise:
        return (
            f"Not robust: {WHAT} pays at the paper's fine-tuning, and no longer once every fine-tuning has its own "
            "best rate and length."
        )
    if not control.within_noise:
        return (
            f"Not robust: {WHAT} pays once every fine-tuning has its own best rate and length, but not at the paper's "
            "fine-tuning."
        )
    return f"No finding: {WHAT} pays neither at the paper's fine-tuning nor with every fine-tuning at its own best."


def lines(experiment: Networks, measured: Measured, verdict: Verdict) -> list[str]:
    """The two lines of the verdict: what the choice is worth, and where scratch stands."""
    head = experiment.setting.head
    cases = {
        "At the paper's fine-tuning": (
            Case("standard", verdict.share, (experiment.protocol,)),
            verdict.protocol,
        ),
        "Every fine-tuning at its own best rate and length": (
            Case("standard", verdict.share, experiment.grid("standard", head)),
            verdict.control,
        ),
    }
    said = []
    for where, (case, best) in cases.items():
        curve = measured.curves[case]
        said.append(
            f"{where}: {worth(best)}. Test accuracy {100 * curve.accuracy.mean(0).max():.1f} % after the best source, "
            f"{100 * curve.scratch.mean():.1f} % from scratch."
        )
    return said


def worth(best: Optimum) -> str:
    """What the choice is worth, in points, and whether that is noise."""
    if best.seeds < FEWEST:
        return "worth cannot be told from so few seeds"
    noise = "within" if best.within_noise else "outside"
    return f"worth {100 * best.gain:+.2f} ± {100 * best.gain_ci95:.2f} points, {noise} the noise"
