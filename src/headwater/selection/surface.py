"""Surface: what each hypothesis expects over its starts and target penalties, and the posterior they imply together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import logsumexp

from headwater.selection.hypotheses import SCRATCH, STACKED, Hypothesis
from headwater.selection.meeting import Meeting
from headwater.spectrum.rows import Array


@dataclass(frozen=True, eq=False)
class Part:
    """One hypothesis over its starts and target penalties; ``meeting`` is the target as it sees it.

    ``source_tau`` and ``scale`` (k,) of its own source, (k, s) of s stacked, are the starts; ``target_tau`` (m,) τ1, of
    the same task 1/κ; ``score`` (k, m) is the log evidence, or −(n1/2) log error for leave-one-out and GCV;
    ``compared`` (k, m) the same of rows, which is held against other hypotheses; ``log_prior`` (k, m) is each point's
    prior mass. ``nodes`` and ``logs`` are the axes that starts and target penalties are made of. A start of sources
    stacked belongs to one target penalty; elsewhere score and prior are −∞.
    """

    hypothesis: Hypothesis
    meeting: Meeting
    source_tau: Array
    scale: Array
    target_tau: Array
    score: Array
    compared: Array
    log_prior: Array
    nodes: Array
    logs: Array

    @cached_property
    def log_evidence(self) -> Array:
        """What the hypothesis says of the rows, all its points together."""
        return np.asarray(logsumexp(self.compared + self.log_prior, axis=(-2, -1)))

    def take(self, some: Any) -> Part:
        """The same of some of the targets that are stacked."""
        held = {field.name: getattr(self, field.name) for field in fields(self)}
        taken = {name: of[some] for name, of in held.items() if isinstance(of, np.ndarray)}
        return replace(self, meeting=self.meeting.take(some), **taken)

    @cached_property
    def weight(self) -> Array:
        """Each point's share of the hypothesis's posterior, (k, m), which sums to 1."""
        return shares(self.score, self.log_prior, axis=(-2, -1))

    @property
    def points(self) -> tuple[Array, Array, Array]:
        """The starts' penalties and scales, and the target penalties, as ``Meeting`` takes them."""
        return self.source_tau, self.scale, self.target_tau

    @property
    def starts(self) -> tuple[Array, Array]:
        """The starts' penalties and scales among all sources, (k,), or (k, s) of several; ∞ and 0: no part."""
        return self.hypothesis.spoken(self.source_tau, self.scale)

    @property
    def point(self) -> tuple[Any, Any, Any]:
        """Penalty, scale and target penalty of a part of one point: floats, of several sources (s,) of the first two.

        A task that is the same has no part of its own, so that its target penalty is ∞.
        """
        several = self.hypothesis.place[1] > 1
        tau, scale = (values[..., 0, :] if several else values[..., 0] for values in self.starts)
        return tau, scale, np.where(self.hypothesis.private, self.target_tau[..., 0], np.inf)

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
        """The posterior share of each part, (h,); of targets stacked (h, g), the parts first."""
        logs = np.array([part.log_evidence for part in self.parts])
        odds = self.odds.reshape(-1, *[1] * (logs.ndim - 1))
        return shares(logs / self.rows_per_observation, np.log(odds), axis=0)

    @property
    def mass(self) -> dict[str, Any]:
        """The posterior share of each hypothesis."""
        return {part.hypothesis.name: plain(share) for part, share in zip(self.parts, self.share, strict=True)}

    def share_of(self, *kinds: str) -> Any:
        """The posterior share of hypotheses of these kinds, of whatever source."""
        return plain(sum(self._shares(lambda kind: kind in kinds), np.zeros(self.share.shape[1:])))

    @property
    def source_weight(self) -> Array:
        """The posterior share of each source by itself, (s,); the rest is scratch's and that of sources stacked."""
        weight = np.zeros((*self.share.shape[1:], self.parts[0].hypothesis.place[1]))
        for part, share in zip(self.parts, self.share, strict=True):
            if part.hypothesis.kind not in (SCRATCH, STACKED):
                weight[..., part.hypothesis.place[0]] += share
        return weight

    @property
    def transfer_weight(self) -> Any:
        """The posterior share of starts from the source."""
        others = sum(self._shares(lambda kind: kind != SCRATCH), np.zeros(self.share.shape[1:]))
        return plain(np.minimum(others, 1.0))  # rounding may carry it past 1

    @property
    def transferred(self) -> Any:
        """Whether the starts from the source hold more than half of the weight."""
        return self.transfer_weight > 0.5

    def _shares(self, asked: Callable[[str], bool]) -> list[Array]:
        return [share for part, share in zip(self.parts, self.share, strict=True) if asked(part.hypothesis.kind)]

    @cached_property
    def fitted(self) -> tuple[Array, Array]:
        """The average over all parts: coefficients (q, p) and intercepts (q,)."""
        fits = [part.fitted for part in self.parts]
        coef, intercept = (np.array(values) for values in zip(*fits, strict=True))
        share = self.share[..., None]
        return (share[..., None] * coef).sum(axis=0), (share * intercept).sum(axis=0)

    def only(self, hypothesis: str) -> Surface:
        """One hypothesis alone."""
        parts = tuple(part for part in self.parts if part.hypothesis.name == hypothesis)
        return replace(self, parts=parts, odds=np.ones(len(parts)))


def shares(logs: Array, log_prior: Array, axis: int | tuple[int, ...]) -> Array:
    """What each has of the posterior, which sums to 1 over the axis.

    Where all are beyond scoring (a lone row left out), or some beyond all bounds (no noise), the prior stands.
    """
    total: Array = logs + log_prior
    top = total.max(axis=axis, keepdims=True)
    if not np.isfinite(top).all():
        total = np.where(np.isfinite(top), total, np.where(total == top, log_prior, -np.inf))
        top = total.max(axis=axis, keepdims=True)
    weight = np.exp(total - top)
    return np.asarray(weight / weight.sum(axis=axis, keepdims=True))


def plain(value: Any) -> Any:
    """A Python number of one target; of targets stacked the array."""
    value = np.asarray(value)
    return value.item() if value.ndim == 0 else value
