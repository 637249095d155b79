"""Hypotheses: what sources may be good for, with their priors.

A transfer starts from α ŵ0(τ0) and fits the target with penalty τ1. Five hypotheses of what a source is good for are
compared. The odds of scratch against the others together are even, and theirs among each other:

===========  ========  ==========  ========================================================
hypothesis      τ0        α           prior within the hypothesis
===========  ========  ==========  ========================================================
scratch      ∞         –           –
as is        τ_S*      1           –
unchanged    τ_S*      1           τ1 expected a hundred times greater: the same task
own penalty  (0, ∞)    1           3 τ_S*/(3 τ_S* + τ0) uniform on (0, 1)
scaled       τ_S*      (−∞, ∞)     α ~ N(½, ½²): between scratch, 0, and as is, 1
===========  ========  ==========  ========================================================

Both last lines expect an alignment of one half, at which theory's best penalty is three times τ_S* (3.17 in the
isotropic case with p = 2 n0). τ1 has the prior under which the shrinkage factor c/(c + τ1) is uniform, c the mean
nonzero eigenvalue of the target's features, and 100 c for a source unchanged.

Several sources share the odds of one, each as far as its own table lends it credibility (``Source.credibility``). Each
has hypotheses of its own; the scaled ones give half of theirs to all sources stacked, a number for each
(headwater.selection.stacking). A source whose own table says nothing, τ_S* = ∞, takes no part unless all are such.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from headwater.selection.source import Source
from headwater.spectrum.rows import Array

SCRATCH, AS_IS, UNCHANGED, OWN_PENALTY = "scratch", "as is", "unchanged", "own penalty"
SCALED, STACKED = "scaled", "stacked"


@dataclass(frozen=True)
class Hypothesis:
    """One hypothesis: a point, or an axis ("log tau" about ``source_tau``, or "scale"), or the sources stacked.

    ``place`` says which of how many sources it speaks of; ``share`` is its prior mass beside the other hypotheses that
    transfer; ``stacked`` are the penalties of the sources stacked.
    """

    kind: str
    source_tau: float
    scale: float = 1.0
    axis: str | None = None
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
        """Source penalties and scales at the axis's nodes: (k,), or (k, s) of s sources."""
        flat = np.ones_like(nodes)
        tau = self.source_tau * (np.exp(nodes) if self.axis == "log tau" else flat)
        scale = nodes if self.axis == "scale" else self.scale * flat
        index, count = self.place
        if count == 1:
            return tau, scale
        spoken = (np.arange(count) == index) & ~np.isinf(tau[:, None])
        return np.where(spoken, tau[:, None], np.inf), np.where(spoken, scale[:, None], 0.0)

    def log_target_density(self, logs: Array) -> Array:
        """Log prior density of log(τ1/c), c the target's mean nonzero eigenvalue."""
        return log_logistic(logs - np.log(100.0)) if self.kind == UNCHANGED else log_logistic(logs)

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
) -> list[Hypothesis]:
    """The hypotheses that apply, to one source or to several.

    ``scale`` False keeps α at 1, True sets scaled transfer against scratch, "auto" compares them all. A fixed
    ``source_tau`` is the user's word: scratch and other penalties are no longer asked about. Sources are stacked by
    ``criterion`` "evidence" only: the other criteria know no noise variance to hold the numbers' prior against.
    """
    sources = [] if source is None else [source] if isinstance(source, Source) else list(source)
    count = len(sources)
    scratch = Hypothesis(SCRATCH, np.inf, place=(0, max(count, 1)))
    if not sources or source_tau == np.inf:
        return [scratch]
    taus = [one.known_tau if source_tau is None else source_tau for one in sources]
    shares = shares_of(sources, np.array(taus))
    found = [scratch] if source_tau is None else []
    for index in np.flatnonzero(shares):
        own = _hypotheses_of(sources[index], taus[index], source_tau is None, scale)
        found += [replace(one, share=shares[index] / len(own), place=(int(index), count)) for one in own]
    scaled = [hypothesis.share for hypothesis in found if hypothesis.kind == SCALED]
    if len(scaled) > 1 and criterion == "evidence" and not np.isinf(taus).all():
        found = [replace(one, share=one.share / 2) if one.kind == SCALED else one for one in found]
        found.append(Hypothesis(STACKED, np.nan, share=sum(scaled) / 2, place=(0, count), stacked=tuple(taus)))
    return found


def shares_of(sources: Sequence[Source], taus: Array) -> Array:
    """Each source's share of the odds at these penalties, (s,), summing to 1; a silent one has none, unless all are."""
    silent = np.isinf(taus)
    if len(sources) == 1 or silent.all():
        return np.full(len(sources), 1 / len(sources))
    credible = np.array([0.0 if quiet else one.credibility for one, quiet in zip(sources, silent, strict=True)])
    return np.asarray(credible / credible.sum())


def _hypotheses_of(source: Source, tau: float, free: bool, scale: bool | str) -> list[Hypothesis]:
    """What one source may be good for: its penalty ``free``, or only as it is and scaled."""
    found = [Hypothesis(AS_IS, tau)] if scale is not True else []
    if scale is not True and free and not np.isinf(tau):
        found.append(Hypothesis(UNCHANGED, tau))
    if scale is not True and free and source.spectrum is not None:
        unit = source.spectrum.unit
        found.append(Hypothesis(OWN_PENALTY, 3 * float(np.clip(tau, 1e-6 * unit, 1e4 * unit)), axis="log tau"))
    if scale is not False:
        found.append(Hypothesis(SCALED, tau, axis="scale"))
    return found


def odds_of(compared: list[Hypothesis]) -> Array:
    """Prior mass of each hypothesis: even odds of scratch against the others, where both are compared."""
    scratch = np.array([hypothesis.kind == SCRATCH for hypothesis in compared])
    share = np.array([hypothesis.share for hypothesis in compared])
    sides = [np.where(side, share, 0.0) for side in (scratch, ~scratch)]
    sides = [side / side.sum() for side in sides if side.any()]
    return np.asarray(sum(sides) / len(sides))


def log_logistic(nodes: Array) -> Array:
    """Log density of log(τ/c) under which c/(c + τ) is uniform."""
    return np.asarray(-np.log(4.0) - 2 * np.log(np.cosh(nodes / 2)))
