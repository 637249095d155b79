"""The spectrum where it is hard: definitions, limits, degenerate tables, weights, precision and memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import scipy.sparse
from draws import random_sparse
from sklearn.linear_model import Ridge

import headwater.spectrum.routes
import headwater.spectrum.rows
from headwater import L2SPRidge, Moments, SourceRidge, Spectrum, TransferRidge

RNG = np.random.default_rng(0)
TAUS = np.array([0.0, 1e-6, 0.3, 10.0, np.inf])
X, W = RNG.normal(size=(40, 6)), RNG.integers(1, 4, 40).astype(float)
Y = X @ RNG.normal(size=6) + RNG.normal(size=40)

# Tables that break careless linear algebra: name, rows, outcome, rank.
DEGENERATE = {
    "one row": (X[:1], Y[:1], 0),
    "two rows": (X[:2], Y[:2], 1),
    "as many rows as features": (X[:6], Y[:6], 5),
    "one row more": (X[:7], Y[:7], 6),
    "all zero": (np.zeros((9, 3)), Y[:9], 0),
    "all constant": (np.full((9, 3), 0.1), Y[:9], 0),
    "a constant column": (np.c_[X, np.full(40, 1e6)], Y, 6),
    "a nearly constant column": (np.c_[X, 1e6 + 1.2e-10 * (np.arange(40) % 2)], Y, 6),
    "each column twice": (np.c_[X, X], Y, 6),
    "a column of sums": (np.c_[X, X.sum(axis=1)], Y, 6),
    "each row thrice": (np.repeat(X[:5], 3, axis=0), np.repeat(Y[:5], 3), 4),
    "an outcome that does not vary": (X, np.full(40, 0.1), 6),
    "an outcome without noise": (X, X @ np.arange(6.0), 6),
    "integers": (np.rint(4 * X).astype(int), np.rint(Y).astype(int), 6),
    "large means": (X + 1e6, Y + 1e6, 6),
    "small units": (1e-9 * X, 1e-9 * Y, 6),
    "large units": (1e9 * X, 1e9 * Y, 6),
    "unequal units": (X * np.logspace(-3, 3, 6), Y, 6),
}


@pytest.mark.parametrize("case", DEGENERATE)
@pytest.mark.parametrize("intercept", [True, False])
def test_degenerate_tables_have_their_ridge(case, intercept):
    """Normal equations at every penalty, minimum norm at 0; everything a number; scikit-learn's coefficients."""
    rows, y, rank = DEGENERATE[case]
    spectrum = Spectrum.from_rows(rows, y, fit_intercept=intercept)
    if intercept:
        assert spectrum.rank == rank
    if intercept:
        varies = np.ptp(rows, axis=0) > 1e-14 * np.abs(rows).max(axis=0)
        rows, y = (rows - rows.mean(axis=0)) * varies, (y - y.mean()) * (np.ptp(y) > 0)
    for tau in spectrum.unit * TAUS[1:-1]:
        alpha = len(y) * tau
        coef = np.linalg.lstsq(np.r_[rows, np.sqrt(alpha) * np.eye(rows.shape[1])], np.r_[y, np.zeros(rows.shape[1])])[
            0
        ]
        scale = np.abs(coef).max() + 1e-12 * np.abs(y).max() / np.sqrt(spectrum.unit)
        np.testing.assert_allclose(spectrum.coefficients(tau), coef, atol=2e-7 * scale)
    least = np.linalg.pinv(rows, rcond=1e-9) @ y
    np.testing.assert_allclose(spectrum.coefficients(0.0), least, atol=1e-6 * np.abs(least).max() + 1e-14)
    assert not spectrum.coefficients(np.inf).any()
    for value in (spectrum.df(TAUS), spectrum.evidence(TAUS[1:]), spectrum.gcv(TAUS), spectrum.loo(TAUS)):
        assert not np.isnan(value).any()


@pytest.mark.parametrize("case", DEGENERATE)
def test_degenerate_tables_can_be_fitted_and_transferred_to(case):
    rows, y, _ = DEGENERATE[case]
    start = np.ones(rows.shape[1])
    for criterion in ("evidence", "gcv", "loo"):
        source = SourceRidge(criterion=criterion).fit(rows, y)
        assert not np.isnan(source.tau_)
        for model in (TransferRidge(source, criterion=criterion), TransferRidge(start, criterion=criterion, tau=0.0)):
            assert np.isfinite(model.fit(rows, y).predict(rows)).all()


@pytest.mark.parametrize("case", ["all zero", "all constant", "one row", "an outcome that does not vary"])
@pytest.mark.parametrize("criterion", ["evidence", "gcv", "loo"])
def test_a_table_that_says_nothing_is_its_mean(case, criterion):
    rows, y, _ = DEGENERATE[case]
    source = SourceRidge(criterion=criterion).fit(rows, y)
    assert source.tau_ == np.inf
    np.testing.assert_allclose(source.predict(rows), np.mean(y))


@pytest.mark.parametrize(("n", "p"), [(30, 5), (8, 5), (6, 5), (12, 40)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("intercept", [True, False])
def test_gcv_is_its_definition(n, p, weighted, intercept):
    rng = np.random.default_rng([n, p])
    rows, y = rng.normal(size=(n, p)) + 1, rng.normal(size=(n, 2))
    w = rng.integers(1, 3, n) if weighted else np.ones(n, dtype=int)
    spectrum = Spectrum.from_rows(rows, y, w, fit_intercept=intercept)
    rows, y, total = np.repeat(rows, w, axis=0), np.repeat(y, w, axis=0), w.sum()
    for tau in (1e-3, 0.3, 10.0):
        centre = np.eye(total) - intercept * np.ones((total, total)) / total
        A = centre @ rows
        hat = A @ np.linalg.solve(A.T @ A + total * tau * np.eye(p), A.T) + np.eye(total) - centre
        left = y - hat @ y
        definition = (left**2).sum() / total / (1 - np.trace(hat) / total) ** 2 / 2
        assert spectrum.gcv(tau) == pytest.approx(definition, rel=1e-8)
        assert spectrum.df(tau) == pytest.approx(np.trace(hat) - intercept)


def dense_evidence(rows, y, tau, intercept):
    """Restricted log likelihood of w ~ N(0, σ²/(nτ)) by its contrasts, σ² profiled over all outputs together."""
    n, q = y.shape
    contrasts = np.linalg.qr(np.ones((n, 1)), mode="complete")[0][:, intercept:].T
    covariance = contrasts @ (np.eye(n) + rows @ rows.T / (n * tau)) @ contrasts.T
    z = contrasts @ y
    bracket = np.einsum("iq,iq->", z, np.linalg.solve(covariance, z))
    return -0.5 * q * (len(z) * np.log(bracket) + np.linalg.slogdet(covariance)[1])


@pytest.mark.parametrize(("n", "p"), [(30, 5), (6, 5), (5, 5), (12, 40)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("intercept", [True, False])
def test_evidence_is_the_likelihood_of_the_contrasts(n, p, weighted, intercept):
    rng = np.random.default_rng([n, p, 1])
    rows, y = rng.normal(size=(n, p)) + 1, rng.normal(size=(n, 2))
    w = rng.integers(1, 3, n) if weighted else np.ones(n, dtype=int)
    taus = np.array([1e-2, 0.3, 10.0])
    many = np.repeat(rows, w, axis=0), np.repeat(y, w, axis=0)
    dense = [dense_evidence(*many, tau, int(intercept)) for tau in taus]
    for spectrum in (
        Spectrum.from_rows(rows, y, w, fit_intercept=intercept),
        Spectrum.from_moments(Moments.from_arrays(rows, y, w), fit_intercept=intercept),
    ):
        gap = spectrum.evidence(taus) - dense
        np.testing.assert_allclose(gap, gap[0], atol=1e-7)


@pytest.mark.parametrize(("n", "p"), [(30, 5), (8, 20)])
def test_criteria_reach_their_limits(n, p):
    rng = np.random.default_rng(5)
    spectrum = Spectrum.from_rows(rng.normal(size=(n, p)), rng.normal(size=n))
    for criterion in (spectrum.gcv, spectrum.loo):
        np.testing.assert_allclose(criterion([0.0, np.inf]), criterion([1e-13, 1e13]), rtol=1e-6)
    assert spectrum.evidence(np.inf) == pytest.approx(spectrum.evidence(1e13))
    if p > n:
        assert spectrum.evidence(0.0) == pytest.approx(spectrum.evidence(1e-13))


@pytest.mark.parametrize(("n", "p"), [(30, 5), (8, 20), (7, 6), (6, 6)])
@pytest.mark.parametrize("tau", [0.0, np.inf])
def test_leave_one_out_at_the_ends_is_brute_force(n, p, tau):
    rng = np.random.default_rng([n, p, 2])
    rows, y = rng.normal(size=(n, p)) + 2, rng.normal(size=n)
    found = Spectrum.from_rows(rows, y).loo_residuals(tau)
    for i in range(n):
        rest = np.arange(n) != i
        without = Spectrum.from_rows(rows[rest], y[rest])
        brute = y[i] - rows[i] @ without.coefficients(tau) - without.intercepts(tau)
        assert found[i] == pytest.approx(brute, rel=1e-7, abs=1e-9)


def test_a_row_that_fits_itself_is_left_out_exactly():
    """A dummy column of one row: its leverage tends to 1 as τ to 0, and its residual to that of the other columns."""
    rows = np.c_[X[:12, :3], np.eye(12)[:, 0]]
    found = Spectrum.from_rows(rows, Y[:12]).loo_residuals([0.0, 1e-12, 1e-9])
    without = Spectrum.from_rows(rows[1:], Y[1:12])
    brute = Y[0] - rows[0] @ without.coefficients(0.0) - without.intercepts(0.0)
    np.testing.assert_allclose(found[:, 0], brute, rtol=1e-6)


@pytest.mark.parametrize("route", ["rows", "gram", "moments", "sparse", "sparse wide"])
def test_small_weights_are_still_weights(route):
    """Weights that sum to less than the number of rows bound no rank: ridge depends on Σw τ alone."""
    rng = np.random.default_rng(6)
    n, p = (20, 50) if route == "sparse wide" else (20, 10) if route == "rows" else (60, 5)
    rows, y, w = rng.normal(size=(n, p)), rng.normal(size=n), rng.random(n) / 100
    given = scipy.sparse.csr_array(rows) if "sparse" in route else rows
    spectrum = (
        Spectrum.from_moments(Moments.from_arrays(rows, y, w))
        if route == "moments"
        else Spectrum.from_rows(given, y, w)
    )
    peer = Ridge(alpha=0.1 * w.sum(), solver="cholesky").fit(rows, y, w)
    np.testing.assert_allclose(spectrum.coefficients(0.1), peer.coef_, atol=1e-9)
    with pytest.raises(ValueError, match="weights are frequencies"):
        spectrum.evidence(0.1)


@pytest.mark.parametrize("digits", [0, 3, 6])
@pytest.mark.parametrize("dependent", [False, True])
def test_tall_routes_lose_no_digits(digits, dependent, monkeypatch):
    """Gram, triangular factor and singular values agree where each is used, with blocks and without."""
    rng = np.random.default_rng(digits)
    turn = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    rows = (rng.normal(size=(200, 8)) * np.logspace(0, -digits, 8)) @ turn + 3
    rows = np.c_[rows, rows[:, 0] - rows[:, 1], np.full(200, 7e5)] if dependent else rows
    y, w = rng.normal(size=(200, 2)), rng.random(200)
    monkeypatch.setattr(headwater.spectrum.rows, "_BLOCK", 500)
    tall = Spectrum.from_rows(rows, y, w)
    monkeypatch.setattr(headwater.spectrum.routes, "GRAM_ROWS_PER_FEATURE", 10**6)
    singular = Spectrum.from_rows(rows, y, w)
    assert tall.rank == singular.rank == 8
    np.testing.assert_allclose(tall.eigenvalues, singular.eigenvalues, rtol=1e-7)
    scale = np.abs(singular.coefficients(0.0)).max()
    np.testing.assert_allclose(tall.coefficients(TAUS), singular.coefficients(TAUS), atol=1e-8 * scale)
    np.testing.assert_allclose(tall.remainder, singular.remainder, rtol=1e-10)
    np.testing.assert_allclose(tall.loo(TAUS), singular.loo(TAUS), rtol=1e-8)


@pytest.mark.parametrize("weighted", [False, True])
def test_rotating_the_features_rotates_the_fit(weighted):
    w = W if weighted else None
    turn = np.linalg.qr(RNG.normal(size=(6, 6)))[0]
    one, other = Spectrum.from_rows(X, Y, w), Spectrum.from_rows(X @ turn, Y, w)
    np.testing.assert_allclose(other.coefficients(TAUS), one.coefficients(TAUS) @ turn, atol=1e-10)
    for name in ("df", "evidence", "gcv", "loo"):
        np.testing.assert_allclose(getattr(other, name)(TAUS[1:]), getattr(one, name)(TAUS[1:]), rtol=1e-9)


def test_the_order_of_rows_and_columns_does_not_matter():
    rows, columns = RNG.permutation(40), RNG.permutation(6)
    one, other = Spectrum.from_rows(X, Y, W), Spectrum.from_rows(X[rows][:, columns], Y[rows], W[rows])
    np.testing.assert_allclose(other.coefficients(TAUS), one.coefficients(TAUS)[:, columns], atol=1e-12)
    np.testing.assert_allclose(other.loo_residuals(0.1), one.loo_residuals(0.1)[rows], atol=1e-12)


def test_the_shape_of_tau_leads():
    spectrum = Spectrum.from_rows(X, np.c_[Y, -Y])
    grid = np.full((2, 3), 0.1)
    assert spectrum.coefficients(grid).shape == (2, 3, 2, 6)
    assert spectrum.intercepts(grid).shape == (2, 3, 2)
    assert spectrum.loo_residuals(grid).shape == (2, 3, 40, 2)
    for criterion in (spectrum.df, spectrum.evidence, spectrum.gcv, spectrum.loo):
        assert criterion(grid).shape == (2, 3)
        assert isinstance(criterion(0.1), float)
    with pytest.raises(ValueError, match="must not be negative"):
        spectrum.df(-1.0)


@pytest.mark.parametrize("n", [100, 9])
def test_a_shift_needs_no_rows(n):
    rng = np.random.default_rng(n)
    rows, y, coef = rng.normal(size=(n, 12)), rng.normal(size=n), rng.normal(size=12)
    shifted, direct = Spectrum.from_rows(rows, y).shift(coef), Spectrum.from_rows(rows, y - rows @ coef)
    np.testing.assert_allclose(shifted.coefficients(TAUS), direct.coefficients(TAUS), atol=1e-10)
    np.testing.assert_allclose(shifted.intercepts(TAUS), direct.intercepts(TAUS), atol=1e-10)
    np.testing.assert_allclose(shifted.loo(TAUS), direct.loo(TAUS), rtol=1e-8)


def peak(work) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(60_000, 40), (40, 60_000)])
def test_single_precision_is_never_copied_into_double_as_a_whole(shape, weighted):
    rows = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    y, w = rows[:, 0] + rows[:, 1], np.ones(len(rows)) if weighted else None
    spare = 40e6 if shape[0] > shape[1] else 3.2 * rows.nbytes  # two blocks, or the vectors twice
    double = peak(lambda: Spectrum.from_rows(rows.astype(float), y, w, leave_one_out=False))
    single = peak(lambda: Spectrum.from_rows(rows, y, w, leave_one_out=False))
    assert single < spare
    assert single < double
    vectors = Spectrum.from_rows(rows[: shape[1] * 2], y[: shape[1] * 2]).vectors
    assert shape[0] > shape[1] or vectors.dtype == np.float32


def test_wide_tables_cost_what_their_rows_cost():
    rng = np.random.default_rng(0)
    dense = rng.normal(size=(10, 100_000))
    sparse = random_sparse((100, 200_000), 1e-3, rng)
    for rows, room in ((dense, 5 * dense.nbytes), (sparse, 5e7)):
        y = rng.normal(size=rows.shape[0])
        start = np.ones(rows.shape[1])
        for work in (
            lambda rows=rows, y=y: SourceRidge().fit(rows, y),
            lambda rows=rows, y=y, start=start: L2SPRidge(start).fit(rows, y),
            lambda rows=rows, y=y, start=start: TransferRidge(start).fit(rows, y),
            lambda rows=rows, y=y: TransferRidge(SourceRidge().fit(rows, y)).fit(rows[:5], y[:5]),
        ):
            assert peak(work) < room


def test_spectra_without_rows_say_so():
    spectrum = Spectrum.from_moments(Moments.from_arrays(X, Y))
    with pytest.raises(ValueError, match="leave-one-out needs the rows"):
        spectrum.loo(0.1)
