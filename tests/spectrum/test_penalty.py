"""The penalty best for a table itself: a root of the slope, a function of the table and of nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime
from sklearn.linear_model import RidgeCV

from headwater import SourceRidge, Spectrum
from headwater.spectrum.criteria import SCORES
from headwater.spectrum.penalty import optimal_tau, peak, slope

CRITERIA = sorted(SCORES)


def table(seed: int, rows: int = 30, features: int = 12, signal: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X, w = rng.normal(size=(rows, features)) + 0.5, rng.normal(size=features) / np.sqrt(features)
    return X, signal * X @ w + rng.normal(size=rows)


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("features", [5, 60])
@pytest.mark.parametrize("grouped", [False, True])
def test_every_criterions_slope_is_had_by_a_complex_step(criterion, features, grouped):
    X, y = table(0, features=features)
    groups = np.arange(30) // 3 if grouped else None
    side = Spectrum.from_rows(X, np.c_[y, y**2], np.linspace(1, 2, 30), groups=groups)

    def value(logs):
        return SCORES[criterion](side, side.u[:, :, None], side.unit * np.exp(logs))[0]

    at = np.array([-6.0, -1.0, 0.5, 4.0])
    differences = [approx_fprime(x, lambda x: value(x)[0], 1e-6)[0] for x in at[:, None]]
    np.testing.assert_allclose(slope(value, at), differences, rtol=1e-4, atol=1e-4)


def test_the_slope_of_the_evidence_is_its_closed_form():
    X, y = table(1)
    side = Spectrum.from_rows(X, y)
    lam, energy = side.eigenvalues[:, None], side.u**2
    tau = np.geomspace(1e-3, 1e3, 9)
    kept = tau / (lam + tau)
    bracket = (energy * kept).sum(axis=0) + side.remainder
    closed = -0.5 * (side.contrasts * (energy * kept * (1 - kept)).sum(axis=0) / bracket - (1 - kept).sum(axis=0))
    found = slope(lambda logs: SCORES["evidence"](side, side.u[:, :, None], np.exp(logs))[0], np.log(tau))
    np.testing.assert_allclose(found, closed, rtol=1e-10, atol=1e-12)


@given(st.integers(0, 10_000), st.integers(4, 60), st.integers(1, 80), st.floats(0, 2))
@settings(max_examples=60)
def test_rounding_moves_no_penalty(seed, rows, features, signal):
    """By evidence: the order of rows, and a perturbation of one rounding error. A tie with ∞ is ∞ either way."""
    X, y = table(seed, rows, features, signal)
    rng = np.random.default_rng(seed)
    tau = SourceRidge().fit(X, y).tau_
    order = rng.permutation(rows)
    moved = X * (1 + 2e-16 * rng.choice([-1, 0, 1], size=X.shape)), y * (1 + 2e-16 * rng.choice([-1, 0, 1], size=rows))
    for other in ((X[order], y[order]), moved):
        again = SourceRidge().fit(*other).tau_
        assert again == tau or abs(again - tau) <= 1e-10 * tau


def test_clean_noise_in_many_features_is_never_interpolated():
    """Of 60 such tables 18 once had τ_S = 0: a restricted likelihood that is flat as far as 0 says nothing of 0."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        assert SourceRidge().fit(rng.normal(size=(54, 2000)), rng.normal(size=54)).tau_ > 0


def test_a_table_of_few_rows_errs_no_more_than_cross_validation_would():
    ratios = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        w, X = rng.normal(size=85) / np.sqrt(85), rng.normal(size=(30, 85))
        y = X @ w + rng.normal(size=30)
        ours, theirs = (
            1 + np.sum((model.fit(X, y).coef_ - w) ** 2) + model.intercept_**2
            for model in (SourceRidge(), RidgeCV(np.logspace(-3, 5, 60)))
        )
        ratios.append(ours / theirs)
    assert np.median(ratios) <= 1.03 and np.max(ratios) <= 1.10


def test_a_peak_is_an_end_or_a_stationary_point():
    nodes = np.linspace(-3, 3, 7)
    assert peak(lambda x: -((x - 0.3) ** 2), nodes) == pytest.approx(0.3, abs=1e-14)
    assert peak(lambda x: x, nodes) == 3 and peak(lambda x: -x, nodes) == -3
    two = peak(lambda x: -((x**2 - 1) ** 2) + 0.1 * x, nodes)  # two peaks between few nodes: the higher one
    assert two == pytest.approx(1.0121, abs=1e-3)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_a_table_that_says_nothing_has_an_infinite_penalty(criterion):
    X, y = table(2)
    assert optimal_tau(Spectrum.from_rows(X, 0 * y), criterion) == np.inf
    assert optimal_tau(Spectrum.from_rows(0 * X, y), criterion) == np.inf
