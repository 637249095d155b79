"""The source's own uncertainty: the same task is one ridge on both tables, and what ought not to matter does not."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from scipy.stats import multivariate_normal

from headwater import SourceRidge, Spectrum, TransferRidge
from headwater.selection.hypotheses import OWN_LEVEL, RELATED, SAME, Hypothesis
from headwater.selection.meeting import Meeting
from headwater.selection.source import as_source

SHAPES = [(5, 40, 12), (30, 20, 10), (8, 50, 40), (60, 30, 25), (12, 40, 1)]  # features, source rows, target rows
TAU = 0.3
SAME_TASK = {
    level: Hypothesis(SAME if level else OWN_LEVEL, TAU, private=False, level=level) for level in (True, False)
}


def tables(p, n0, n1, outputs=1, weighted=False):
    rng = np.random.default_rng([p, n1])
    X0, X1, w = rng.normal(size=(n0, p)) + 1, rng.normal(size=(n1, p)) + 0.5, rng.normal(size=(p, outputs))
    Y0, Y1 = 3 + X0 @ w + rng.normal(size=(n0, outputs)), 4 + X1 @ w + rng.normal(size=(n1, outputs))
    weight = [rng.integers(1, 4, n).astype(float) if weighted else np.ones(n) for n in (n0, n1)]
    return (X0, Y0, weight[0]), (X1, Y1, weight[1])


def met(source, target, level_of=None):
    model = SourceRidge(tau=TAU).fit(*source)
    return Meeting(Spectrum.from_rows(*target), (as_source(model),)), model


def pooled(source, target, ratio, level):
    """Ridge on both tables' rows, a target row counted ``ratio`` times, alpha = n0 τ, the dummy unpenalised."""
    sides = [(X, Y, w * count) for (X, Y, w), count in ((source, 1.0), (target, ratio))]
    if level:
        sides = [tuple(np.concatenate(both) for both in zip(*sides, strict=True))]
    grams, products, means = [], [], []
    for X, Y, w in sides:
        x, y = w @ X / w.sum(), w @ Y / w.sum()
        grams.append((X - x).T @ ((X - x) * w[:, None]))
        products.append((X - x).T @ ((Y - y) * w[:, None]))
        means.append((x, y))
    coef = np.linalg.solve(sum(grams) + source[2].sum() * TAU * np.eye(source[0].shape[1]), sum(products)).T
    return coef, means[-1][1] - coef @ means[-1][0]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("level", [True, False])
@pytest.mark.parametrize(("outputs", "weighted"), [(1, False), (3, True)])
@pytest.mark.parametrize("ratio", [1.0, 7.0])
def test_the_same_task_is_one_ridge_on_both_tables(shape, level, outputs, weighted, ratio):
    source, target = tables(*shape, outputs, weighted)
    seen = met(source, target)[0].seen_by(SAME_TASK[level])
    coef, intercept = seen.fitted(np.array([TAU]), np.ones(1), np.array([1 / ratio]), np.ones((1, 1)))
    for ours, theirs in zip((coef, intercept), pooled(source, target, ratio, level), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("shape", SHAPES[:4])
def test_the_ends_of_the_noise_ratio(shape):
    """A target that counts for nothing leaves the source's model as it is, or moved by the mean residual."""
    source, target = tables(*shape)
    meeting, model = met(source, target)
    point = (np.array([TAU]), np.ones(1), np.array([1e12]), np.ones((1, 1)))
    for level in (True, False):
        coef, intercept = meeting.seen_by(SAME_TASK[level]).fitted(*point)
        np.testing.assert_allclose(coef, model.coef_, atol=1e-8)
        moved = 0.0 if level else np.mean(target[1] - model.predict(target[0]))
        np.testing.assert_allclose(intercept, model.intercept_ + moved, atol=1e-8)


@pytest.mark.parametrize("shape", SHAPES[:4])
def test_evidence_and_fit_are_the_dense_formulas(shape):
    (X0, Y0, _), (X1, Y1, _) = tables(*shape)
    meeting, model = met((X0, Y0), (X1, Y1))
    n0, n1, p = len(X0), len(X1), X0.shape[1]
    A = X0 - X0.mean(0)
    unknown = np.linalg.inv(A.T @ A / n0 + TAU * np.eye(p)) / n0
    about = X1 - X0.mean(0)
    residual = (Y1 - Y0.mean(0) - about @ model.coef_.T)[:, 0]

    ratio = 2.5  # the same level: a proper density of all rows, up to the noise variance that is integrated out
    covariance = np.eye(n1) + ratio * (about @ unknown @ about.T + 1 / n0)
    seen = meeting.seen_by(SAME_TASK[True])
    score = seen.score(np.array([TAU]), np.ones(1), 1 / np.array([ratio]), "evidence")[0, 0]
    bracket = residual @ np.linalg.solve(covariance, residual)
    at_peak = multivariate_normal(cov=bracket / n1 * covariance).logpdf(residual)
    assert score == pytest.approx(at_peak + n1 / 2 * (np.log(2 * np.pi / n1) + 1))

    alpha, tau = 0.7, 0.2
    centred, r = X1 - X1.mean(0), (Y1 - Y1.mean(0))[:, 0]
    prior = 0.25 * unknown + np.eye(p) / (n1 * tau)
    covariance, r = np.eye(n1) + centred @ prior @ centred.T, r - alpha * centred @ model.coef_[0]
    seen = meeting.seen_by(Hypothesis(RELATED, TAU, axis="scale", spread=0.25))
    point = np.array([TAU]), np.array([alpha]), np.array([tau])
    expected = -0.5 * (n1 - 1) * np.log(r @ np.linalg.solve(covariance, r)) - 0.5 * np.linalg.slogdet(covariance)[1]
    assert seen.score(*point, "evidence")[0, 0] == pytest.approx(expected)
    coef = alpha * model.coef_[0] + prior @ centred.T @ np.linalg.solve(covariance, r)
    np.testing.assert_allclose(seen.coefficients(*point, np.ones((1, 1)))[0], coef, atol=1e-9)


def fitted(X0, y0, X1, y1, **options):
    return TransferRidge(SourceRidge().fit(X0, y0)).fit(X1, y1, **options)


@pytest.mark.parametrize("shape", [(8, 50, 20), (60, 30, 12)])
def test_the_level_follows_every_change_of_origin_and_unit(shape):
    (X0, Y0, _), (X1, Y1, _) = tables(*shape)
    y0, y1, base = Y0[:, 0], Y1[:, 0], fitted(X0, Y0[:, 0], X1, Y1[:, 0])
    rng = np.random.default_rng(0)
    order, turn = rng.permutation(len(X1)), np.linalg.qr(rng.normal(size=(X0.shape[1],) * 2))[0]
    changed = {
        "unit of the outcome": fitted(X0, 1e3 * y0, X1, 1e3 * y1).predict(X1) / 1e3,
        "origin of the outcome": fitted(X0, y0 + 50, X1, y1 + 50).predict(X1) - 50,
        "origin of the features": fitted(X0 + 20, y0, X1 + 20, y1).predict(X1 + 20),
        "order": fitted(X0, y0, X1[order], y1[order]).predict(X1),
        "axes": fitted(X0 @ turn, y0, X1 @ turn, y1).predict(X1 @ turn),
        "repeated rows": fitted(X0, y0, X1, y1, sample_weight=np.full(len(y1), 1.0)).predict(X1),
    }
    for what, predicted in changed.items():
        np.testing.assert_allclose(predicted, base.predict(X1), rtol=1e-8, atol=1e-8, err_msg=what)


@pytest.mark.parametrize("shape", [(8, 50, 20), (60, 30, 12)])
def test_rounding_errors_stay_rounding_errors(shape):
    (X0, Y0, _), (X1, Y1, _) = tables(*shape)
    base = fitted(X0, Y0[:, 0], X1, Y1[:, 0])
    rng = np.random.default_rng(0)
    nudged = [X * (1 + 2e-16 * rng.choice([-1, 1], X.shape)) for X in (X0, X1)]
    again = fitted(nudged[0], Y0[:, 0], nudged[1], Y1[:, 0])
    np.testing.assert_allclose(again.coef_, base.coef_, atol=1e-10 * np.abs(base.coef_).max())
    for name in ("tau_", "scale_", "source_tau_", "intercept_"):
        assert getattr(again, name) == pytest.approx(getattr(base, name), rel=1e-9)


def test_a_wide_sparse_target_stays_sparse():
    """Nothing of size p×p, and the same as dense."""
    rng = np.random.default_rng(0)
    X0, X1 = (scipy.sparse.csr_array(rng.random((n, 3000)) * (rng.random((n, 3000)) < 0.02)) for n in (60, 20))
    w = rng.normal(size=3000)
    y0, y1 = X0 @ w + rng.normal(size=60), X1 @ w + rng.normal(size=20)
    sparse, dense = fitted(X0, y0, X1, y1), fitted(X0.toarray(), y0, X1.toarray(), y1)
    np.testing.assert_allclose(sparse.coef_, dense.coef_, atol=1e-7 * np.abs(dense.coef_).max())
    assert sparse.intercept_ == pytest.approx(dense.intercept_)
    assert sparse.surface_.mass == pytest.approx(dense.surface_.mass, abs=1e-6)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_few_rows_are_enough(rows):
    (X0, Y0, _), (X1, Y1, _) = tables(12, 40, 3)
    model = fitted(X0, Y0[:, 0], X1[:rows], Y1[:rows, 0])
    assert np.isfinite([*model.coef_, model.intercept_]).all()
    assert sum(model.surface_.mass.values()) == pytest.approx(1)


def test_the_level_is_the_sources_where_the_rows_say_so():
    rng = np.random.default_rng(0)
    X0, X1, w = rng.normal(size=(4000, 5)), rng.normal(size=(8, 5)), rng.normal(size=5)
    y0, y1 = 7 + X0 @ w + rng.normal(size=4000), X1 @ w + rng.normal(size=8)
    near, far = (fitted(X0, y0, X1, y1 + level).surface_.mass for level in (7.0, 2.0))
    assert near["same task"] > near["same task, own level"] > 0.1 and far["same task"] < 0.01
