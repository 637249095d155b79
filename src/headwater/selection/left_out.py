"""Left out: exact leave-one-out, of rows or of groups, of a whole averaged fit, its choice of penalties included."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from scipy.special import logsumexp

from headwater.selection.stacking import Stack
from headwater.selection.surface import Part, Surface
from headwater.selection.survey import LEVEL
from headwater.spectrum.criteria import group_parts, kept_shares, loo_parts
from headwater.spectrum.rows import Array
from headwater.spectrum.spectrum import Spectrum

_TINY = np.finfo(np.float64).tiny
_CHUNK = 1 << 23  # numbers held at once, 64 MB


def averaged_loo_residuals(surface: Surface) -> Array:
    """Leave-one-out residuals y_i − ŷ_(−i) of the surface's averaged fit, (rows, q), at fixed alpha = n1 τ1.

    Under evidence the average, within hypotheses and over them, is weighted as it would be without the row, which needs
    no new decomposition: leaving row i out takes d_i e_i² from the likelihood's bracket, w_i from the contrasts and the
    factor d_i = 1 − h_i − w_i/Σw from the determinant, e_i being the residual of the row left out. A group left out
    whole takes r'S⁻¹r, its weight, and det S: see ``criteria.group_parts``. Stacked sources get the numbers that the
    brackets without the row say. Under the other criteria the weights are kept.
    Raises ValueError where the target's spectrum has no rows.
    """
    sides = [_Side(part, surface.criterion) for part in surface.parts]
    target = surface.parts[0].meeting.target
    row_weight, groups = target.rows[1], target.basis.groups
    out = np.empty((len(row_weight), target.n_outputs))
    step = max(1, _CHUNK // max(side.size for side in sides))
    for rows in groups or [slice(first, first + step) for first in range(0, len(row_weight), step)]:
        found, logs = zip(*(side.without(rows) for side in sides), strict=True)
        left = row_weight[rows].sum() if groups else row_weight[rows]
        each = (target.n - left) / (len(groups) - 1) if groups else np.ones(1)
        if surface.criterion == "evidence":
            share = np.log(surface.odds)[:, None] + np.array(logs) / np.maximum(each, 1.0)
            share = np.exp(share - share.max(axis=0))
            share /= share.sum(axis=0)
        else:
            share = surface.share[:, None]
        out[rows] = np.einsum("hi,hiq->iq", np.broadcast_to(share, (len(sides), len(found[0]))), np.array(found))
    return out


def left_out_error(surface: Surface) -> float:
    """Leave-one-out mean squared error of the surface's average; inf where one row leaves nothing to learn from."""
    weight = surface.parts[0].meeting.target.rows[1]
    if len(weight) == 1:
        return np.inf
    return float(np.average((averaged_loo_residuals(surface) ** 2).mean(axis=1), weights=weight))


@dataclass(frozen=True, eq=False)
class _Side:
    """One hypothesis, asked about rows that are left out."""

    part: Part
    criterion: str

    @cached_property
    def stack(self) -> Stack | None:
        hypothesis = self.part.hypothesis
        return Stack(self.part.meeting, np.array(hypothesis.stacked)) if hypothesis.stacked else None

    @cached_property
    def target(self) -> Spectrum:
        return self.part.meeting.target

    @cached_property
    def shifted(self) -> Array:
        """U1'(y1 − g) for each start g, (r, q, k); of sources stacked for the probes, which say all of them."""
        starts = (self.part.source_tau, self.part.scale) if self.stack is None else self.stack.probes
        return self.part.meeting.shifted(*starts)

    @cached_property
    def logs(self) -> Array:
        """Score and prior of all rows (k, m); of sources stacked the score of a start at their mean scales."""
        part = self.part
        if self.stack is None:
            score, prior = part.score, part.log_prior
        else:
            tau, scale = (of[:1] for of in self.stack.probes)
            score = part.meeting.score(tau, scale, part.target_tau, "evidence")
            prior = part.log_prior.max(axis=0)[None]
        return (score if np.isfinite(score).any() else np.zeros_like(score)) + prior  # as ``shares``: the prior stands

    @cached_property
    def bracket(self) -> Array:
        """(k, m)."""
        kept, _ = kept_shares(self.target, self.part.target_tau)
        bracket = np.einsum("rqk,rm->km", self.shifted**2, kept) + self.target.remainder.sum()
        return np.maximum(bracket, _TINY)

    @property
    def size(self) -> int:
        return prod(self.shifted.shape[1:]) * len(self.part.target_tau)

    def without(self, rows: Any) -> tuple[Array, Array]:
        """Residuals of rows left out, each alone or all together, (rows, q), and the hypothesis's log evidence then."""
        residuals, taken, log_own, weight = self._left_out(rows)
        if self.criterion != "evidence":
            return np.einsum("km,iqkm->iq", self.part.weight, residuals), np.zeros(len(taken))
        target, outputs = self.target, self.target.n_outputs
        left = np.maximum(self.bracket - taken, np.maximum(1e-15 * self.bracket, _TINY))
        contrasts, some = target.contrasts - weight, slice(None) if self.stack is None else slice(1)
        change = contrasts * np.log(left[:, some]) - target.contrasts * np.log(self.bracket[some]) + log_own
        within = self.logs - 0.5 * outputs * change
        own_level = target.basis.fit_intercept
        # of the determinant too: without a row that of the contrasts is d_i/(1 − w_i/Σw) times what it was
        compared = within - 0.5 * outputs * own_level * (np.log(left[:, some]) - np.log1p(-weight / target.n))
        if self.stack is not None:
            free, rows_left = contrasts[:, 0] * outputs, (target.n - weight[:, 0]) * outputs
            more, scale = self.stack.posterior(left, free, free)
            within = within + more[:, None]
            compared = compared + self.stack.posterior(left, rows_left, free)[0][:, None]
            residuals = self.stack.at(scale, residuals)[:, :, None]
        share = np.exp(within - within.max(axis=(1, 2), keepdims=True))
        share = np.broadcast_to(share / share.sum(axis=(1, 2), keepdims=True), (len(residuals), *share.shape[1:]))
        evidence = logsumexp(compared, axis=(1, 2)) + outputs * LEVEL * own_level
        lone = target.n - weight[:, 0, 0] <= 1
        return np.einsum("ikm,iqkm->iq", share, residuals), np.where(lone, 0.0, evidence)

    def _left_out(self, rows: Any) -> tuple[Array, Array, Array, Array]:
        """Their residuals (rows, q, k, m), and what leaving them out changes, for each or, of a group, for all.

        The changes: of the bracket (·, k, m), of the log determinant (·, 1, m), and of the observations (·, 1, 1).
        """
        target, tau, row_weight = self.target, self.part.target_tau, self.target.rows[1]
        if target.basis.groups is not None:
            residuals, taken, log_det = group_parts(target, self.shifted, tau, rows)
            return residuals, taken[None], log_det[None, None], row_weight[rows].sum().reshape(1, 1, 1)
        residuals, own = loo_parts(target, self.shifted, tau, rows)
        weight = row_weight[rows, None, None]
        log_own = np.log(np.where(own > 0, own, 1.0))[:, None]  # 0 only where the one penalty asked about is 0
        return residuals, own[:, None] * weight * (residuals**2).sum(axis=1), log_own, weight
