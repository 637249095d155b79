"""The core by differential tests: against scikit-learn, brute force, and itself by another route."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from draws import random_sparse
from scipy.stats import multivariate_normal
from sklearn.linear_model import Ridge

from headwater import L2SPRidge, Moments, SourceRidge, Spectrum, TransferRidge

SHAPES = [(60, 8), (20, 8), (9, 8), (10, 30)]
TAUS = np.array([0.0, 1e-3, 0.1, 1.0, np.inf])


def table(n: int, p: int, q: int = 1, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng([seed, n, p, q])
    X = rng.normal(size=(n, p)) + 3
    y = X @ rng.normal(size=(p, q)) + rng.normal(size=(n, q))
    return X, y[:, 0] if q == 1 else y, rng.integers(1, 4, n).astype(float)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_every_route_gives_scikit_learns_ridge(shape, outputs, weighted):
    X, y, w = table(*shape, outputs)
    w = w if weighted else None
    routes = [
        Spectrum.from_rows(X, y, w),
        Spectrum.from_moments(Moments.from_arrays(X, y, w)),
        Spectrum.from_rows(scipy.sparse.csr_array(X), y, w),
    ]
    for tau in (0.1, 1.0):
        peer = Ridge(alpha=routes[0].n * tau).fit(X, y, w)
        for spectrum in routes:
            np.testing.assert_allclose(spectrum.coefficients(tau), peer.coef_, atol=1e-9)
            np.testing.assert_allclose(spectrum.intercepts(tau), peer.intercept_, atol=1e-8)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("tau", [1e-6, 0.1, 1.0])
def test_leave_one_out_is_brute_force(shape, weighted, tau):
    X, y, w = table(*shape)
    w = w if weighted else np.ones(len(y))
    spectrum = Spectrum.from_rows(X, y, w)
    brute = []
    for i in range(len(y)):
        rest = np.arange(len(y)) != i
        model = Ridge(alpha=spectrum.n * tau, solver="svd").fit(X[rest], y[rest], w[rest])
        brute.append(y[i] - model.predict(X[[i]])[0])
    np.testing.assert_allclose(spectrum.loo_residuals(tau), brute, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(spectrum.loo(tau), np.average(np.square(brute), weights=w), rtol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_repeating_rows_is_weighing_them(shape):
    X, y, w = table(*shape)
    weighed = Spectrum.from_rows(X, y, w)
    repeated = Spectrum.from_rows(np.repeat(X, w.astype(int), axis=0), np.repeat(y, w.astype(int)))
    assert weighed.unit == pytest.approx(repeated.unit)
    for name in ("df", "evidence", "gcv", "coefficients"):
        np.testing.assert_allclose(getattr(weighed, name)(TAUS), getattr(repeated, name)(TAUS), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_evidence_is_the_restricted_likelihood(shape):
    """Against the density of the contrasts of y, its variance profiled out, up to one constant for all penalties."""
    X, y, _ = table(*shape)
    n = len(y)
    contrasts = np.linalg.qr(np.c_[np.ones(n), np.random.default_rng(0).normal(size=(n, n - 1))])[0][:, 1:].T
    taus = np.array([1e-2, 0.1, 1.0, 10.0])
    dense = []
    for tau in taus:
        covariance = contrasts @ (np.eye(n) + X @ X.T / (n * tau)) @ contrasts.T
        variance = contrasts @ y @ np.linalg.solve(covariance, contrasts @ y) / (n - 1)
        dense.append(multivariate_normal(cov=variance * covariance, allow_singular=True).logpdf(contrasts @ y))
    gap = Spectrum.from_rows(X, y).evidence(taus) - np.array(dense)
    np.testing.assert_allclose(gap, gap[0], atol=1e-6)


def test_moments_merge_in_any_order_and_keep_their_digits():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(4000, 6)) + 1e6
    y = X @ rng.normal(size=6) + rng.normal(size=4000)
    centred = X - X.mean(axis=0)
    whole = Moments.from_arrays(X, y)
    np.testing.assert_allclose(whole.xx, centred.T @ centred, rtol=1e-8, atol=1e-6)
    for cuts in ([1, 2, 3], [2000], list(range(7, 4000, 61))):
        parts = np.array_split(np.arange(4000), cuts)
        merged = Moments.from_blocks((X[rows], y[rows]) for rows in reversed(parts))
        np.testing.assert_allclose(merged.xx, whole.xx, rtol=1e-10, atol=1e-10 * np.diag(whole.xx).max())
        np.testing.assert_allclose(merged.x_mean, whole.x_mean, rtol=1e-14)


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("weighted", [False, True])
def test_l2sp_is_ridge_on_the_shifted_response(outputs, weighted):
    X, y, w = table(25, 12, outputs)
    start = np.random.default_rng(2).normal(size=(12,) if outputs == 1 else (outputs, 12))
    w = w if weighted else None
    ours = L2SPRidge(start, tau=0.3).fit(X, y, w)
    peer = Ridge(alpha=0.3 * (25 if w is None else w.sum())).fit(X, y - X @ start.T, w)
    np.testing.assert_allclose(ours.coef_, peer.coef_ + start, atol=1e-10)
    np.testing.assert_allclose(ours.intercept_, peer.intercept_, atol=1e-9)
    moved = Spectrum.from_moments(Moments.from_arrays(X, y, w).shift(start))
    np.testing.assert_allclose(moved.coefficients(0.3) + start, ours.coef_, atol=1e-9)


def test_the_documented_objective_is_stationary():
    """One λ for all: not squared, not halved, not multiplied by a variance, as peers have it."""
    X, y, _ = table(30, 5)
    start, tau = np.arange(5.0), 0.7
    model = L2SPRidge(start, tau=tau).fit(X, y)
    residual = y - model.predict(X)
    gradient = -2 * X.T @ residual / len(y) + 2 * tau * (model.coef_ - start)
    np.testing.assert_allclose(gradient, 0, atol=1e-10)
    assert residual.sum() == pytest.approx(0, abs=1e-9)


def test_ends_are_values():
    X, y, _ = table(10, 30)
    start = np.random.default_rng(0).normal(size=30)
    np.testing.assert_array_equal(L2SPRidge(start, tau=np.inf).fit(X, y).coef_, start)
    nearest = L2SPRidge(start, tau=0.0).fit(X, y)
    np.testing.assert_allclose(nearest.predict(X), y, atol=1e-8)
    scratch = TransferRidge().fit(X, y)
    np.testing.assert_allclose(TransferRidge(start, source_tau=np.inf).fit(X, y).coef_, scratch.coef_)
    assert scratch.source_tau_ == np.inf
    assert not scratch.transferred_


def test_wide_tables_stay_wide():
    """p ≫ n: nothing of size p×p, dense or sparse."""
    rng = np.random.default_rng(0)
    X = random_sparse((40, 200_000), 1e-3, rng)
    y = rng.normal(size=40)
    sparse = TransferRidge(SourceRidge().fit(X, y)).fit(X[:20], y[:20])
    assert sparse.coef_.shape == (200_000,)
    dense = TransferRidge(SourceRidge().fit(X.toarray(), y)).fit(X[:20].toarray(), y[:20])
    np.testing.assert_allclose(sparse.coef_, dense.coef_, atol=1e-9)
