"""Predictive: every hypothesis's mixture against the dense formulas, and its quantiles against draws."""

from __future__ import annotations

import numpy as np
import pytest

from headwater import SourceRidge, TransferRidge
from headwater.selection.predictive import Mixture, _of_part, foretold

SHAPES = [(6, 40, 9), (20, 12, 9)]


def met(p, n0, n1, q=1):
    rng = np.random.default_rng(p)
    w = rng.normal(size=(p, q))
    X0, X1 = rng.normal(size=(n0, p)) + 0.3, rng.normal(size=(n1, p)) - 0.5
    source = SourceRidge().fit(X0, X0 @ w + rng.normal(size=(n0, q)) + 1)
    model = TransferRidge(source)
    meeting = model.meet(X1, X1 @ w + rng.normal(size=(n1, q)) + 1.4)
    return X0, X1, source, model.choose(meeting).surface_, rng.normal(size=(p, q)), rng.normal(size=q)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_point_is_the_dense_posterior(shape):
    """The prior's covariance P over (w1, the source's level), conditioned on the rows; σ1² by the bracket."""
    X0, X1, source, surface, h, t = met(*shape)
    (p, n0, n1), centred = shape, X0 - X0.mean(axis=0)
    known = np.linalg.inv(centred.T @ centred + n0 * source.tau_ * np.eye(p))
    assert len(surface.parts) == 4
    for part in surface.parts:
        places, scales, freedom = _of_part(part, h, t)
        kind, (k, m) = part.hypothesis, np.unravel_index(part.weight.argmax(), part.weight.shape)
        tau = part.target_tau[m]
        prior = kind.spread * known + np.eye(p) / (n1 * tau) if kind.private else known / tau
        rows, functional, own = X1 - X1.mean(axis=0), h[:, 0], t[0] ** 2 / n1
        if kind.level:
            prior = np.block([[prior, np.zeros((p, 1))], [np.zeros((1, p)), np.eye(1) / (n0 * tau)]])
            rows, own = np.c_[X1 - X0.mean(axis=0), np.ones(n1)], 0.0
            functional = np.r_[functional + t[0] * (X1.mean(axis=0) - X0.mean(axis=0)), t[0]]
        seen = rows @ prior
        left = prior - seen.T @ np.linalg.solve(np.eye(n1) + seen @ rows.T, seen)
        noise = part.meeting.bracket(part.source_tau, part.scale, part.target_tau)[k, m] / freedom
        assert scales[k, m] ** 2 == pytest.approx(noise * (functional @ left @ functional + own), rel=1e-9)
        coef, intercept = part.fitted
        level = intercept + coef @ X1.mean(axis=0)
        assert np.sum(part.weight * places) == pytest.approx(float(coef[0] @ h[:, 0] + t @ level), rel=1e-9)


@pytest.mark.parametrize("q", [1, 2])
def test_the_mean_is_the_averaged_fit(q):
    _, X1, _, surface, h, t = met(6, 40, 9, q)
    coef, intercept = surface.fitted
    expected = np.vdot(h, coef.T) + t @ (intercept + coef @ X1.mean(axis=0)) + 3.0
    assert foretold(surface, h, t, 3.0).mean == pytest.approx(float(expected), rel=1e-6)


def test_quantiles_and_probabilities_are_those_of_draws():
    mixture = Mixture(np.array([0.2, 0.8]), np.array([-1.0, 2.0]), np.array([0.5, 1.0]), np.array([3.0, 10.0]))
    rng = np.random.default_rng(0)
    count = 200_000
    which = rng.random(count) < 0.2
    draws = np.where(which, -1 + 0.5 * rng.standard_t(3, count), 2 + rng.standard_t(10, count))
    interval = mixture.interval()
    assert interval.estimate == pytest.approx(1.4)
    # four standard errors of an empirical quantile's level
    assert abs(np.mean(draws < interval.low) - 0.05) < 4 * np.sqrt(0.05 * 0.95 / count)
    assert abs(np.mean(draws > interval.high) - 0.05) < 4 * np.sqrt(0.05 * 0.95 / count)
    assert abs(np.mean(draws < 0) - mixture.below(0.0)) < 4 * np.sqrt(0.25 / count)


def test_a_certainty_has_no_width():
    mixture = Mixture(np.ones(1), np.array([2.0]), np.zeros(1), np.array([5.0]))
    assert (mixture.interval().low, mixture.interval().high) == (2.0, 2.0)
    assert (mixture.below(1.0), mixture.below(2.0), mixture.below(3.0)) == (0.0, 0.5, 1.0)
