"""Prediction intervals: they nest, have the data's units, widen away from it, and hold as many as they say."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import sparse
from scipy.stats import t as student
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from headwater import SourceRidge, TransferRidge
from headwater.selection.left_out import averaged_loo_residuals

RNG = np.random.default_rng(0)
P = 4
WEIGHTS = RNG.normal(size=P)
X0, X1, NEW = RNG.normal(size=(60, P)), RNG.normal(size=(15, P)), RNG.normal(size=(5, P))
Y0, Y1 = X0 @ WEIGHTS + RNG.normal(size=60), X1 @ WEIGHTS + RNG.normal(size=15)
SOURCE = SourceRidge().fit(X0, Y0)
GROUPS = np.repeat(np.arange(5), 3)

FITS = {
    "table": (SOURCE, Y1, {}),
    "scratch": (None, Y1, {}),
    "array": (WEIGHTS, Y1, {}),
    "several": ([WEIGHTS, SOURCE], Y1, {}),
    "outputs": (SourceRidge().fit(X0, np.c_[Y0, -Y0]), np.c_[Y1, -Y1], {}),
    "each output": (SourceRidge().fit(X0, np.c_[Y0, -Y0]), np.c_[Y1, -Y1], {"per_output": True}),
    "loo": (SOURCE, Y1, {"criterion": "loo"}),
    "no penalty": (SOURCE, Y1, {"tau": 0.0}),
    "the source itself": (SOURCE, Y1, {"tau": np.inf}),
    "no level": (SOURCE, Y1, {"fit_intercept": False}),
    "pipeline": (make_pipeline(StandardScaler(), SourceRidge()).fit(X0, Y0), Y1, {}),
    "one best point": (SOURCE, Y1, {"average": False}),
}


def width(model, X=NEW, level=0.9):
    ends = model.predict_interval(X, level)
    return ends[..., 1] - ends[..., 0]


@pytest.mark.parametrize("grouped", [False, True], ids=["rows", "groups"])
@pytest.mark.parametrize("case", FITS)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_levels_nest_about_the_prediction(case, grouped):
    source, y, options = FITS[case]
    model = TransferRidge(source, **options).fit(X1, y, groups=GROUPS if grouped else None)
    middle, found = model.predict(NEW), [model.predict_interval(NEW, level) for level in (0.2, 0.5, 0.8, 0.95)]
    assert found[0].shape == (*middle.shape, 2)
    for inner, outer in pairwise(found):
        assert np.all(outer[..., 0] < inner[..., 0]) and np.all(inner[..., 1] < outer[..., 1])
    np.testing.assert_allclose(found[0].mean(axis=-1), middle)
    assert np.isfinite(found).all()


@pytest.mark.parametrize(("k", "c"), [(1e3, 1.0), (1.0, -1e-3)])
def test_they_have_the_units_of_the_outcome(k, c):
    other = TransferRidge(SourceRidge().fit(k * X0, c * Y0)).fit(k * X1, c * Y1)
    np.testing.assert_allclose(width(other, k * NEW), abs(c) * width(TransferRidge(SOURCE).fit(X1, Y1)), rtol=1e-4)


def test_they_widen_away_from_the_rows():
    model = TransferRidge(SOURCE).fit(X1, Y1)
    assert np.all(np.diff(width(model, X1.mean(axis=0) + np.arange(4.0)[:, None] * NEW[:1])) > 0)


def test_sparse_rows_and_weights_of_two_are_the_same():
    model = TransferRidge(SOURCE).fit(X1, Y1, sample_weight=np.full(15, 2.0))
    twice = TransferRidge(SOURCE).fit(np.r_[X1, X1], np.r_[Y1, Y1])
    np.testing.assert_allclose(width(model, sparse.csr_array(NEW)), width(twice), rtol=1e-9)


def test_many_rows_have_the_textbooks_interval():
    """Where the prior has nothing to say, whatever the penalty: Student's of least squares."""
    X = RNG.normal(size=(2000, P))
    y = X @ WEIGHTS + RNG.normal(size=2000)
    design, rows = np.c_[np.ones(2000), X], np.c_[np.ones(5), NEW]
    residual = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    leverage = np.einsum("ij,ij->i", rows @ np.linalg.inv(design.T @ design), rows)
    expected = 2 * student.ppf(0.95, 1995) * np.sqrt(residual @ residual / 1995 * (1 + leverage))
    for tau in ("auto", 0.0):
        np.testing.assert_allclose(width(SourceRidge(tau=tau).fit(X, y)), expected, rtol=2e-3)


def test_a_penalty_that_was_asked_for_is_no_excuse():
    """Interpolating, and the source alone, are expected to err by more than the free choice, and so say."""
    X, y = X1[:5], Y1[:5]
    chosen = width(TransferRidge(SOURCE).fit(X, y))
    for tau in (0.0, np.inf):
        assert np.all(width(TransferRidge(SOURCE, tau=tau).fit(X, y)) > chosen)


def test_groups_left_out_say_how_wide():
    """Of repeated measures the middle level's interval about the rows holds that share of the residuals left out."""
    groups = np.repeat(np.arange(30), 4)
    X, level = RNG.normal(size=(120, P)), np.repeat(RNG.normal(size=30), 4)
    y = X @ WEIGHTS + 3 * level + 0.3 * RNG.normal(size=120)
    model = TransferRidge(SOURCE).fit(X, y, groups=groups)
    left = averaged_loo_residuals(model.surface_)[:, 0]
    for share in (0.5, 0.9):
        assert np.mean(np.abs(left) <= width(model, X, share) / 2) == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize(("rho", "level"), [(1.0, 0.9), (0.5, 0.9), (0.0, 0.5)])
def test_they_hold_what_they_say(rho, level):
    """Over tasks, rows and new outcomes drawn anew."""
    held = []
    for seed in range(15):
        rng = np.random.default_rng(seed)
        w, v = rng.normal(size=(2, 10)) / np.sqrt(10)
        A, B, new = (rng.normal(size=(n, 10)) for n in (50, 15, 200))
        truth = rho * w + 0.5 * v
        model = TransferRidge(SourceRidge().fit(A, A @ w + rng.normal(size=50)))
        model.fit(B, B @ truth + 0.5 * rng.normal(size=15))
        y = new @ truth + 0.5 * rng.normal(size=200)
        low, high = model.predict_interval(new, level).T
        held.append(np.mean((low <= y) & (y <= high)))
    assert abs(np.mean(held) - level) < 0.02 + 3 * np.std(held) / np.sqrt(len(held))


def test_one_row_bounds_nothing():
    assert np.isinf(TransferRidge(SOURCE).fit(X1[:1], Y1[:1]).predict_interval(NEW)).all()


@pytest.mark.parametrize("level", [0.0, 1.0, 90, -0.5, np.nan])
def test_a_level_is_a_share(level):
    with pytest.raises(ValueError, match="between 0 and 1, such as"):
        SOURCE.predict_interval(NEW, level)


def test_a_model_of_many_says_that_it_keeps_none():
    model = TransferRidge(SOURCE).fit_many(X1, Y1, GROUPS)[0]
    for ask in (model.coefficients, lambda: model.predict_interval(NEW)):
        with pytest.raises(ValueError, match="fit_many keeps its coefficients alone"):
            ask()
