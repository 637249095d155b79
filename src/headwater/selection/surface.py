"""Surface: what each hypothesis expects over its starts and target penalties, and the posterior they imply together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from headwater.selection.hypotheses import SCRATCH, STACKED, Hypothesis
from headwater.selection.meeting import Meeting
from headwater.spectrum.rows import Array


@dataclass(frozen=True, eq=False)
class Part:
    """One hypothesis over its starts and target penalties; ``meeting`` is the target as it sees it.

    ``source_tau`` and ``scale`` (k,) of its own source, (k, s) of s stacked, are the starts; ``target_tau`` (m,) τ1, of
    the same task 1/κ; ``score`` (k, m) is the log evidence, or −(n1/2) log error for leave-one-out and GCV;
    ``log_prior`` (k, m) is each point's prior mass; ``log_evidence`` what is held against other hypotheses. A start of
    sources stacked belongs to one target penalty; elsewhere score and prior are −∞.
    """

    hypothesis: Hypothesis
    meeting: Meeting
    source_tau: Array
    scale: Array
    target_tau: Array
    score: Array
    log_prior: Array
    log_evidence: float

    @cached_property
    def weight(self) -> Array:
        """Each point's share of the hypothesis's posterior, (k, m), which sums to 1."""
        return shares(self.score, self.log_prior)

    @property
    def points(self) -> tuple[Array, Array, Array]:
        """The starts' penalties and scales, and the target penalties, as ``Meeting`` takes them."""
        return self.source_tau, self.scale, self.target_tau

    @property
    def starts(self) -> tuple[Array, Array]:
        """The starts' penalties and scales among all sources, (k,), or (k, s) of several; ∞ and 0: no part."""
        return self.hypothesis.spoken(self.source_tau, self.scale)

    @property
    def point(self) -> tuple[Any, Any, float]:
        """Penalty, scale and target penalty of a part of one point: floats, of several sources (s,) of the first two.

        A task that is the same has no part of its own, so that its target penalty is ∞.
        """
        tau, scale = (float(values[0]) if values.ndim == 1 else values[0] for values in self.starts)
        return tau, scale, float(self.target_tau[0]) if self.hypothesis.private else np.inf

    @cached_property
    def fitted(self) -> tuple[Array, Array]:
        """The average fit: coefficients (q, p) and intercepts (q,)."""
        return self.meeting.fitted(*self.points, self.weight)


@dataclass(frozen=True, eq=False)
class Surface:
    """The hypotheses compared, each a part with its prior ``odds``, and the posterior by ``criterion``.

    ``rows_per_observation``: how many rows count as one between hypotheses. Repeated measures speak for or against one
    once a group, though within it each row has its say.
    """

    criterion: str
    parts: tuple[Part, ...]
    odds: Array
    rows_per_observation: float = 1.0

    @cached_property
    def share(self) -> Array:
        """The posterior share of each part."""
        logs = np.array([part.log_evidence for part in self.parts])
        return shares(logs / self.rows_per_observation, np.log(self.odds))

    @property
    def mass(self) -> dict[str, float]:
        """The posterior share of each hypothesis."""
        return {part.hypothesis.name: float(share) for part, share in zip(self.parts, self.share, strict=True)}

    def share_of(self, *kinds: str) -> float:
        """The posterior share of hypotheses of these kinds, of whatever source."""
        return float(sum(s for part, s in zip(self.parts, self.share, strict=True) if part.hypothesis.kind in kinds))

    @property
    def source_weight(self) -> Array:
        """The posterior share of each source by itself, (s,); the rest is scratch's and that of sources stacked."""
        weight = np.zeros(self.parts[0].hypothesis.place[1])
        for part, share in zip(self.parts, self.share, strict=True):
            if part.hypothesis.kind not in (SCRATCH, STACKED):
                weight[part.hypothesis.place[0]] += share
        return weight

    @property
    def transfer_weight(self) -> float:
        """The posterior share of starts from the source."""
        others = [share for part, share in zip(self.parts, self.share, strict=True) if part.hypothesis.kind != SCRATCH]
        return min(float(np.sum(others)), 1.0)  # rounding may carry it past 1

    @property
    def transferred(self) -> bool:
        """Whether the starts from the source hold more than half of the weight."""
        return self.transfer_weight > 0.5

    @cached_property
    def fitted(self) -> tuple[Array, Array]:
        """The average over all parts: coefficients (q, p) and intercepts (q,)."""
        fits = [part.fitted for part in self.parts]
        coef, intercept = (np.tensordot(self.share, np.array(values), axes=1) for values in zip(*fits, strict=True))
        return coef, intercept

    def only(self, hypothesis: str) -> Surface:
        """One hypothesis alone."""
        parts = tuple(part for part in self.parts if part.hypothesis.name == hypothesis)
        return replace(self, parts=parts, odds=np.ones(len(parts)))


def shares(logs: Array, log_prior: Array) -> Array:
    """What each has of the posterior, which sums to 1.

    Where all are beyond scoring (a lone row left out), or some beyond all bounds (no noise), the prior stands.
    """
    total: Array = logs + log_prior
    top = total.max()
    if not np.isfinite(top):
        total = np.where(total == top, log_prior, -np.inf)
    weight = np.exp(total - total.max())
    return np.asarray(weight / weight.sum())
