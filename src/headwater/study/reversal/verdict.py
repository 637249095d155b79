"""Verdict: whether the reversal holds, in words that a person can repeat, whichever way it came out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import stdtrit

from headwater.study.reversal.experiment import Reversal
from headwater.study.reversal.kinds import KINDS
from headwater.study.reversal.summary import BEST, Curve, drawn, label

CHANCE = 1 / 40  # of a 95 % interval lying on one given side of what it is for


@dataclass(frozen=True)
class Tally:
    """Points by what their intervals say of the reversal; ρ = 1 is not among them."""

    agree: int
    contradict: int
    silent: int

    @property
    def total(self) -> int:
        return self.agree + self.contradict + self.silent

    @property
    def holds(self) -> bool | None:
        """None where no interval tells. As many contradictions as chance allows are none."""
        if self.contradict > CHANCE * self.total:
            return False
        return True if self.agree else None


def tally(curves: Sequence[Curve]) -> Tally:
    """The points of some curves."""
    rows = [row for curve in curves for row in curve.rows if row.rho != 1]
    sides = [row.direction * (1 if row.rho < 1 else -1) for row in rows]
    return Tally(sides.count(1), sides.count(-1), sides.count(0))


def verdict(experiment: Reversal, curves: Sequence[Curve]) -> list[str]:
    """The answer, then how it depends on the target's penalty."""
    by_target: dict[float | str, list[Curve]] = {}
    for curve in drawn(curves):
        by_target.setdefault(curve.target_tau, []).append(curve)
    counts = {target: tally(of) for target, of in by_target.items()}
    words = KINDS[experiment.family].words
    elsewhere = turns_elsewhere(experiment, by_target[BEST])
    yes = "Nearly" if elsewhere else "Yes"
    if not all(count.holds for count in counts.values()):
        yes += ", where the target's own penalty is well chosen"
    turn = f", but the turn comes at ρ = {_range(by_target[BEST])}, not at 1" if elsewhere else ""
    answer = {
        True: f"{yes}: with {words} a less aligned target wants a harder source, a more aligned one a softer{turn}.",
        False: f"No: with {words} alignment does not say which way the source's penalty should go.",
        None: f"Not known yet: with {words} and {experiment.seeds} seeds no interval tells. Ask for more seeds.",
    }[counts[BEST].holds]
    return [answer, *(_sentence(target, counts[target], of) for target, of in by_target.items())]


def turns_elsewhere(experiment: Reversal, curves: Sequence[Curve]) -> bool:
    """Whether some curve crosses ratio 1 elsewhere than at ρ = 1, at 95 % for all of them together (Bonferroni)."""
    degrees = experiment.seeds - 1
    wider = stdtrit(degrees, 1 - 0.025 / len(curves)) / stdtrit(degrees, 0.975)
    return any(abs(curve.crossing - 1) > wider * curve.crossing_half_width for curve in curves)  # NaN is not


def _sentence(target: float | str, count: Tally, curves: Sequence[Curve]) -> str:
    holds = {True: "the reversal holds", False: "the reversal fails", None: "nothing can be said"}[count.holds]
    where = label(target)[0].upper() + label(target)[1:]
    crosses = f"crosses 1 at ρ = {_range(curves)}" if _crossings(curves) else "does not cross 1 once"
    return (
        f"{where}: {holds}. Of {count.total} points {count.agree} lie where it says, {count.contradict} on the other "
        f"side, and {count.silent} have intervals that hold 1. The ratio {crosses}."
    )


def _crossings(curves: Sequence[Curve]) -> list[float]:
    return [curve.crossing for curve in curves if math.isfinite(curve.crossing)]


def _range(curves: Sequence[Curve]) -> str:
    """Where the curves cross, in two decimals."""
    low, high = (f"{end(_crossings(curves)):.2f}" for end in (min, max))
    return low if low == high else f"{low} to {high}"
