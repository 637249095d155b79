"""A surface's average refitted without rows, every weight anew at the same nodes: what leave-one-out has to equal."""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

from headwater import Spectrum
from headwater.selection.meeting import Meeting
from headwater.selection.stacking import Stack
from headwater.selection.survey import LEVEL


def left_out(sources, surface, X, y, weight=None, groups=None):
    """Residuals (rows, q) of rows, or of whole groups, that the fit has not seen, at fixed alpha = n1 τ1."""
    y = np.reshape(y, (len(y), -1))
    ones = np.ones(len(y)) if weight is None else weight
    names = np.arange(len(y)) if groups is None else np.asarray(groups)
    brute = np.empty_like(y)
    for name in np.unique(names):
        rest, out = names != name, names == name
        meeting = Meeting(Spectrum.from_rows(X[rest], y[rest], ones[rest]), sources)
        shrunk = ones.sum() / ones[rest].sum()
        fits, logs = zip(*(refitted(meeting, part, shrunk) for part in surface.parts), strict=True)
        repeated = 1.0 if groups is None else ones[rest].sum() / (len(np.unique(names)) - 1)
        share = np.exp(logs / np.maximum(repeated, 1) + np.log(surface.odds) - max(logs / np.maximum(repeated, 1)))
        predicted = [X[out] @ coef.T + level for coef, level in fits]
        brute[out] = y[out] - np.tensordot(share / share.sum(), predicted, axes=1)
    return brute


def refitted(meeting, part, shrunk):
    """A hypothesis's average fit at its old nodes, and its log evidence."""
    hypothesis, seen = part.hypothesis, meeting.seen_by(part.hypothesis)
    target, outputs = seen.target, seen.target.n_outputs
    tau = part.target_tau * (shrunk if hypothesis.private else 1.0)
    scale, own_level = part.scale, target.basis.fit_intercept
    if hypothesis.stacked:
        stack = Stack(seen, np.array(hypothesis.stacked))
        prior = part.log_prior.max(axis=0)
        within, scale = stack.surveyed(tau, target.contrasts)
        compared, within = stack.surveyed(tau, target.n)[0] + prior, np.diag(within[0] + prior)
        within[~np.eye(len(tau), dtype=bool)] = -np.inf
    else:
        within = seen.score(part.source_tau, scale, tau, "evidence") + part.log_prior
        compared = within - 0.5 * outputs * own_level * np.log(seen.bracket(part.source_tau, scale, tau))
    share = np.exp(within - within.max())
    fit = seen.fitted(part.source_tau, scale, tau, share / share.sum())
    return fit, logsumexp(compared) + outputs * own_level * LEVEL if target.n > 1 else 0.0
