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
from headwater.spectrum.criteria import group_parts, loo_parts
from headwater.spectrum.rows import Array
from headwater.spectrum.spectrum import Spectrum

_TINY = np.finfo(np.float64).tiny
_CHUNK = 1 << 20  # numbers held at once, 8 MB


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
    def probes(self) -> tuple[Array, Array, Array, Array]:
        """Penalties and scales of p starts that say all of the k; what is linear in a start is the k's by the third
        (k, p), what is quadratic by the fourth: along the scale three say all, elsewhere each says itself.
        """
        tau, scale = (self.part.source_tau, self.part.scale) if self.stack is None else self.stack.probes
        if self.part.hypothesis.axis != "scale" or len(scale) <= 3:
            return tau, scale, np.eye(len(scale)), np.eye(len(scale))
        middle, reach = (scale[0] + scale[-1]) / 2, (scale[-1] - scale[0]) / 2
        x = (scale - middle) / reach
        linear, quadratic = (1 - x, x, 0 * x), (1 - x**2, x * (x + 1) / 2, x * (x - 1) / 2)
        starts = middle + reach * np.array([0.0, 1.0, -1.0])
        return tau[:3], starts, np.stack(linear, axis=1), np.stack(quadratic, axis=1)

    @cached_property
    def target(self) -> Spectrum:
        return self.part.meeting.target

    @cached_property
    def shifted(self) -> Array:
        """U1'(y1 − g) for each probe g, (r, q, p)."""
        return self.part.meeting.shifted(*self.probes[:2])

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
        bracket = self.probes[3] @ self.part.meeting.bracket(*self.probes[:2], self.part.target_tau)
        return np.maximum(bracket, _TINY)

    @property
    def size(self) -> int:
        """How many numbers a row left out takes."""
        return max(prod(self.shifted.shape[1:]), len(self.probes[2])) * len(self.part.target_tau)

    def without(self, rows: Any) -> tuple[Array, Array]:
        """Residuals of rows left out, each alone or all together, (rows, q), and the hypothesis's log evidence then."""
        out = np.empty((len(self.target.rows[1][rows]), self.target.n_outputs))
        outputs = max(1, _CHUNK * self.target.n_outputs // (len(out) * self.size))  # of a large group, in blocks
        blocks = [slice(first, first + outputs) for first in range(0, self.target.n_outputs, outputs)]
        probed: Array = np.zeros(())
        for block in blocks:
            residuals, taken, log_own, weight = self._left_out(rows, block)
            probed = probed + taken
        share, evidence = self._reweighed(self.probes[3] @ probed, log_own, weight)
        for block in blocks:
            found = residuals if len(blocks) == 1 else self._left_out(rows, block)[0]
            out[:, block] = np.einsum("ipm,iqpm->iq", np.broadcast_to(share, (len(out), *share.shape[1:])), found)
        return out, evidence

    def _reweighed(self, taken: Array, log_own: Array, weight: Array) -> tuple[Array, Array]:
        """What each probe has of the average without the rows, (·, p, m), and the log evidence then, (·,)."""
        if self.criterion != "evidence":
            return self.probes[2].T @ self.part.weight[None], np.zeros(len(taken))
        target, outputs = self.target, self.target.n_outputs
        left = np.maximum(self.bracket - taken, np.maximum(1e-15 * self.bracket, _TINY))
        contrasts, some = target.contrasts - weight, slice(None) if self.stack is None else slice(1)
        log_left = np.log(left[:, some])
        change = contrasts * log_left - target.contrasts * np.log(self.bracket[some]) + log_own
        within = self.logs - 0.5 * outputs * change
        own_level = target.basis.fit_intercept
        # of the determinant too: without a row that of the contrasts is d_i/(1 − w_i/Σw) times what it was
        compared = within - 0.5 * outputs * own_level * (log_left - np.log1p(-weight / target.n))
        if self.stack is not None:
            free, rows_left = contrasts[:, 0] * outputs, (target.n - weight[:, 0]) * outputs
            more, scale = self.stack.posterior(left, free, free)
            within = within + more[:, None]
            compared = compared + self.stack.posterior(left, rows_left, free)[0][:, None]
        share = np.exp(within - within.max(axis=(1, 2), keepdims=True))
        share /= share.sum(axis=(1, 2), keepdims=True)
        share = self.probes[2].T @ share if self.stack is None else share * self.stack.probed(scale)
        evidence = logsumexp(compared, axis=(1, 2)) + outputs * LEVEL * own_level
        lone = target.n - weight[:, 0, 0] <= 1
        return share, np.where(lone, 0.0, evidence)

    def _left_out(self, rows: Any, outputs: slice) -> tuple[Array, Array, Array, Array]:
        """Some outputs' residuals at the probes (rows, q, p, m), and what leaving the rows out changes, each or all.

        The changes: of the bracket (·, p, m), of the log determinant (·, 1, m), and of the observations (·, 1, 1).
        """
        target, tau, row_weight = self.target.some_outputs(outputs), self.part.target_tau, self.target.rows[1]
        if target.basis.groups is not None:
            residuals, taken, log_det = group_parts(target, self.shifted[:, outputs], tau, rows)
            return residuals, taken[None], log_det[None, None], row_weight[rows].sum().reshape(1, 1, 1)
        residuals, own = loo_parts(target, self.shifted[:, outputs], tau, rows)
        weight = row_weight[rows, None, None]
        log_own = np.log(np.where(own > 0, own, 1.0))[:, None]  # 0 only where the one penalty asked about is 0
        return residuals, own[:, None] * weight * np.einsum("iqpm,iqpm->ipm", residuals, residuals), log_own, weight
