"""Hypotheses: what sources may be good for, with their priors.

The target's coefficients are w1 ~ N(α m, σ1² (c C̃ + I/(n1 τ1))), m = ŵ0(τ_S*) the source's own best model and σ0² C̃
what it does not know of itself (headwater.selection.uncertainty). Four hypotheses, at equal odds:

====================  ====  ==========  ====  ==============================  ============
hypothesis            α     c           τ1    in other words                  level
====================  ====  ==========  ====  ==============================  ============
scratch               0     0           free  the target alone                its own
same task             1     κ, about 1  ∞     one ridge on both tables' rows  the source's
same task, own level  1     κ, about 1  ∞     the same with a target dummy    its own
related               free  ¼           free  the source scaled, then L2-SP   its own
====================  ====  ==========  ====  ==============================  ============

- α ~ N(½, ½²): between scratch, 0, and the source as it is, 1; c = ¼ is α² there.
- κ = σ0²/σ1² counts a target row for κ of the source's: κ/(κ + 1) uniform, so that it is about 1.
- τ1: the shrinkage factor c̄/(c̄ + τ1) uniform, c̄ the mean nonzero eigenvalue of the target's features; of a related
  task 3 c̄/(3 c̄ + τ1), since the source leaves less open.
- A level of the target's own has a prior about its estimate whose shrinkage is uniform, which costs log(2/3).

What C̃ is depends on what is known of the source:

=======================================  ==================================  ===================
source                                   C̃                                   the same task
=======================================  ==================================  ===================
a table                                  that of its own ridge               as above
coefficients and their standard errors   diag(se²)/v, v the variance of y1   its own level alone
coefficients alone                       0                                   L2-SP, τ1 about 100 c̄
=======================================  ==================================  ===================

σ0² of standard errors is not known: with v in its place κ is about v/σ1² where they are right. ``scale=False``
asks about the L2-SP path alone, which theory speaks of: the source at its own penalty τ0, 3 τ_S*/(3 τ_S* + τ0) uniform,
against scratch; the criteria "loo" and "gcv", which are no likelihoods, about that path and the scaled source.

Several sources share the odds of one, each as far as its own table lends it credibility (``Source.credibility``). Each
has hypotheses of its own; the related ones give half of theirs to all sources stacked, a number for each
(headwater.selection.stacking). A source whose own table says nothing, τ_S* = ∞, takes no part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from headwater.selection.source import Source
from headwater.spectrum.rows import Array

SCRATCH, SAME, OWN_LEVEL, RELATED = "scratch", "same task", "same task, own level", "related"
STACKED = "stacked"
AS_IS, OWN_PENALTY = "as is", "own penalty"  # of the L2-SP path
_SPREAD, _CLOSENESS = 0.25, 3.0  # of a related task: c, and what τ1 is about


@dataclass(frozen=True)
class Hypothesis:
    """One hypothesis: a point, or an axis ("log tau" about ``source_tau``, or "scale"), or the sources stacked.

    ``spread`` is c where it is fixed, ``private`` whether the target's coefficients have a part of their own, with τ1
    finite; without one 1/κ stands in its place. ``level``: whether the level is the source's. ``closeness``: what τ1 is
    about, in units of c̄. ``place`` says which of how many sources it speaks of; ``share`` is its prior mass in
    units of scratch's; ``stacked`` are the penalties of the sources stacked.
    """

    kind: str
    source_tau: float
    scale: float = 1.0
    axis: str | None = None
    spread: float = 0.0
    private: bool = True
    level: bool = False
    closeness: float = 1.0
    share: float = 1.0
    place: tuple[int, int] = (0, 1)
    stacked: tuple[float, ...] = ()

    @property
    def name(self) -> str:
        """Its kind and, of several sources, the one it speaks of."""
        alone = self.place[1] == 1 or self.kind in (SCRATCH, STACKED)
        return self.kind if alone else f"{self.kind}, source[{self.place[0]}]"

    @property
    def reach(self) -> tuple[float, float]:
        """The ends of the axis: factors of a million either way, and six standard deviations of the scale."""
        return {None: (0.0, 0.0), "log tau": (-14.0, 14.0), "scale": (-2.5, 3.5)}[self.axis]

    def nodes(self, count: int) -> Array:
        """Evenly spaced nodes of the axis; one for a point."""
        return np.linspace(*self.reach, count if self.axis else 1)

    def starts(self, nodes: Array) -> tuple[Array, Array]:
        """Its source's penalties and scales at the axis's nodes, (k,)."""
        flat = np.ones_like(nodes)
        tau = self.source_tau * (np.exp(nodes) if self.axis == "log tau" else flat)
        return tau, nodes if self.axis == "scale" else self.scale * flat

    def spoken(self, source_tau: Array, scale: Array) -> tuple[Array, Array]:
        """Its starts among those of all sources: (k, s), where there are several."""
        index, count = self.place
        if count == 1 or self.stacked:
            return source_tau, scale
        part = (np.arange(count) == index) & ~np.isinf(source_tau[..., None])
        return np.where(part, source_tau[..., None], np.inf), np.where(part, scale[..., None], 0.0)

    def log_target_density(self, logs: Array) -> Array:
        """Log prior density of log(τ1/c̄), c̄ the target's mean nonzero eigenvalue, or of log(1/κ)."""
        return log_logistic(logs - np.log(self.closeness))

    def log_density(self, nodes: Array) -> Array:
        if self.axis == "log tau":
            return log_logistic(nodes)
        if self.axis == "scale":
            return -0.5 * np.log(2 * np.pi * 0.25) - 0.5 * ((nodes - 0.5) / 0.5) ** 2
        return np.zeros_like(nodes)


def hypotheses(
    source: Source | Sequence[Source] | None,
    source_tau: float | None = None,
    scale: bool | str = "auto",
    criterion: str = "evidence",
    tau: float | None = None,
    level: bool = True,
) -> list[Hypothesis]:
    """The hypotheses that apply, to one source or to several.

    ``scale`` False keeps to the L2-SP path, True sets a related source against scratch, "auto" compares them all. A
    fixed ``source_tau`` is the user's word: scratch and other penalties are no longer asked about; so is a fixed
    target penalty ``tau``, which the same task has not. ``level`` says whether the target has one. Sources are stacked
    by ``criterion`` "evidence" only: the others know no noise variance to hold the numbers' prior against.
    """
    sources = [] if source is None else [source] if isinstance(source, Source) else list(source)
    count = len(sources)
    scratch = Hypothesis(SCRATCH, np.inf, place=(0, max(count, 1)))
    taus = np.array([one.known_tau if source_tau is None else source_tau for one in sources])
    if not sources or np.isinf(taus).all():
        return [scratch]
    shares = shares_of(sources, taus)
    found = [scratch] if source_tau is None else []
    for index in np.flatnonzero(shares):
        own = _hypotheses_of(sources[index], taus[index], source_tau is None, scale, criterion, tau is None, level)
        found += [replace(one, share=shares[index], place=(int(index), count)) for one in own]
    related = [hypothesis.share for hypothesis in found if hypothesis.kind == RELATED]
    if len(related) > 1 and criterion == "evidence":
        found = [replace(one, share=one.share / 2) if one.kind == RELATED else one for one in found]
        stack = Hypothesis(STACKED, np.nan, spread=_SPREAD, closeness=_CLOSENESS, share=sum(related) / 2)
        found.append(replace(stack, place=(0, count), stacked=tuple(taus)))
    return found


def shares_of(sources: Sequence[Source], taus: Array) -> Array:
    """Each source's share of the odds at these penalties, (s,), summing to 1; a silent one has none, unless all are."""
    silent = np.isinf(taus)
    if len(sources) == 1 or silent.all():
        return np.full(len(sources), 1 / len(sources))
    credible = np.array([0.0 if quiet else one.credibility for one, quiet in zip(sources, silent, strict=True)])
    return np.asarray(credible / credible.sum())


def path_of(source: Source) -> dict[str, Hypothesis]:
    """The L2-SP path: scratch, the source at its own best penalty as it is, and scaled, and at its own penalty."""
    tau = source.known_tau
    found = [Hypothesis(SCRATCH, np.inf), Hypothesis(AS_IS, tau), Hypothesis(RELATED, tau, axis="scale")]
    if source.spectrum is not None:
        found.append(_own_penalty(source, tau))
    return {one.kind: one for one in found}


def _hypotheses_of(
    source: Source, tau: float, free: bool, scale: bool | str, criterion: str, open_tau: bool, level: bool
) -> list[Hypothesis]:
    """What one source may be good for; ``free``: its penalty may be another, ``open_tau``: the target's may."""
    if scale is False:
        return [_own_penalty(source, tau) if free and source.spectrum is not None else Hypothesis(AS_IS, tau)]
    if criterion != "evidence":
        path = [_own_penalty(source, tau)] if scale == "auto" and free and source.spectrum is not None else []
        return [*path, Hypothesis(RELATED, tau, axis="scale")]
    known = source.knows_uncertainty(tau)
    related = Hypothesis(RELATED, tau, axis="scale", spread=_SPREAD, closeness=_CLOSENESS)
    if scale is True or not open_tau:
        return [related]
    if not known:
        return [Hypothesis(OWN_LEVEL, tau, closeness=100.0), related]
    own = Hypothesis(OWN_LEVEL, tau, private=False)
    shared = level and source.unit is None and source.spectrum is not None
    same = [replace(own, kind=SAME, level=True)] if shared else []
    return [*same, own, related]


def _own_penalty(source: Source, tau: float) -> Hypothesis:
    assert source.spectrum is not None
    unit = source.spectrum.unit
    return Hypothesis(OWN_PENALTY, 3 * float(np.clip(tau, 1e-6 * unit, 1e4 * unit)), axis="log tau")


def odds_of(compared: list[Hypothesis]) -> Array:
    """Prior mass of each hypothesis."""
    share = np.array([hypothesis.share for hypothesis in compared])
    return np.asarray(share / share.sum())


def log_logistic(nodes: Array) -> Array:
    """Log density of log(τ/c) under which c/(c + τ) is uniform."""
    return np.asarray(-np.log(4.0) - 2 * np.log(np.cosh(nodes / 2)))
