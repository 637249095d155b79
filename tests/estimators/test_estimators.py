"""The scikit-learn contract, and what users do with estimators."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest
from draws import random_sparse
from optional import pd, pl
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from headwater import L2SPRidge, Moments, SourceRidge, TransferRidge

ESTIMATORS = [SourceRidge(), L2SPRidge(), TransferRidge(), TransferRidge(average=False, criterion="gcv")]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_scikit_learn_contract(estimator):
    """Every check passes and none is skipped (some are where SCIPY_ARRAY_API=1 is not set, as `make test` sets it)."""
    results = check_estimator(estimator, on_fail=None, on_skip=None)
    other = {result["check_name"]: result["exception"] for result in results if result["status"] != "passed"}
    if os.environ.get("SCIPY_ARRAY_API") != "1":
        other = {name: why for name, why in other.items() if "SCIPY_ARRAY_API" not in str(why)}
    assert other == {}


@pytest.fixture
def source_table():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 6)) * [1, 2, 3, 1, 1, 1] + 4
    return X, X @ np.arange(6) / 3 + rng.normal(size=120)


@pytest.fixture
def target_table():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(25, 6)) * [1, 2, 3, 1, 1, 1] + 5
    return X, X @ np.arange(6) / 4 + rng.normal(size=25)


def test_a_source_is_kept_by_reference(source_table, target_table):
    source = SourceRidge().fit(*source_table)
    before = source.coef_.copy()
    model = TransferRidge(source)
    assert clone(model).source is source
    assert clone(clone(model).fit(*target_table)).source is source
    search = GridSearchCV(model, {"source_tau": ["auto", 0.1, np.inf], "scale": [True, False, "auto"]}, cv=3)
    assert search.fit(*target_table).best_estimator_.source is source
    assert np.isfinite(cross_val_score(L2SPRidge(source), *target_table, cv=4)).all()
    np.testing.assert_array_equal(source.coef_, before)


@pytest.mark.parametrize("kind", ["estimator", "coefficients", "pipeline", "other", "row"])
def test_any_linear_source_will_do(kind, source_table, target_table):
    X0, y0 = source_table
    source = {
        "estimator": lambda: SourceRidge().fit(X0, y0),
        "coefficients": lambda: Ridge().fit(X0, y0).coef_,
        "pipeline": lambda: make_pipeline(StandardScaler(), Ridge()).fit(X0, y0),
        "other": lambda: LinearRegression().fit(X0, y0),
        "row": lambda: Ridge().fit(X0, y0[:, None]).coef_,
    }[kind]()
    model = TransferRidge(source).fit(*target_table)
    assert model.transferred_
    assert model.coef_.shape == (6,)
    assert np.isnan(model.source_optimal_tau_) == (kind != "estimator")
    assert set(model.surface_.mass) == {"scratch", "same task, own level", "related"} | (
        {"same task"} if kind == "estimator" else set()
    )


def test_a_pipeline_brings_its_preprocessor_to_raw_frames(source_table, target_table):
    frames = []
    for X, y in (source_table, target_table):
        frame = pd.DataFrame(X, columns=list("abcdef"))
        frame["city"] = np.where(frame["a"] > 4, "up", "down")
        frames.append((frame, y))
    prepare = make_column_transformer((OneHotEncoder(), ["city"]), (StandardScaler(), list("abcdef")))
    source = make_pipeline(prepare, SourceRidge()).fit(*frames[0])
    model = TransferRidge(source).fit(*frames[1])
    assert model.coef_.shape == (8,)
    assert model.feature_names_in_.tolist() == [*"abcdef", "city"]
    np.testing.assert_allclose(clone(model).fit(*frames[1]).predict(frames[1][0]), model.predict(frames[1][0]))
    assert np.isfinite(cross_val_score(model, *frames[1], cv=3)).all()


@pytest.mark.parametrize("frame", ["pandas", "polars"])
def test_data_frames_keep_their_names(frame, source_table, target_table):
    names = list("abcdef")
    to = (lambda X: pd.DataFrame(X, columns=names)) if frame == "pandas" else (lambda X: pl.DataFrame(X, schema=names))
    source = SourceRidge().fit(to(source_table[0]), source_table[1])
    model = TransferRidge(source).fit(to(target_table[0]), target_table[1])
    np.testing.assert_allclose(model.coef_, TransferRidge(SourceRidge().fit(*source_table)).fit(*target_table).coef_)
    assert model.feature_names_in_.tolist() == names
    with pytest.raises(ValueError, match="order"):
        TransferRidge(source).fit(to(target_table[0]).__getitem__(names[::-1]), target_table[1])


def test_moments_have_no_names_and_a_source_fitted_in_parts_keeps_its():
    first = pd.DataFrame(np.eye(3), columns=list("abc"))
    source = SourceRidge().partial_fit(first, np.arange(3.0)).partial_fit(first + 1, np.arange(3.0))
    assert source.feature_names_in_.tolist() == list("abc")
    source.fit_moments(Moments.from_arrays(np.eye(2), np.arange(2.0)))
    assert not hasattr(source, "feature_names_in_")
    assert source.n_features_in_ == 2


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"tau": -1.0}, "tau must be"),
        ({"tau": np.nan}, "tau must be"),
        ({"source_tau": "best"}, "source_tau must be"),
        ({"criterion": "aic"}, "criterion must be one of evidence, loo, gcv"),
        ({"scale": "yes"}, "scale must be"),
        ({"source": np.ones(3)}, "3 features and the target 6"),
        ({"source": np.full(6, np.nan)}, "finite"),
        ({"source": SourceRidge()}, "fit it first"),
        ({"source": np.ones((2, 6))}, "2 outputs and the target 1"),
    ],
)
def test_bad_parameters_are_named(parameters, message, target_table):
    with pytest.raises(ValueError, match=message):
        TransferRidge(**parameters).fit(*target_table)


def test_outputs_share_a_penalty_or_have_their_own(source_table, target_table):
    rng = np.random.default_rng(3)
    sides = [(X, np.c_[y, rng.normal(size=len(y)), 3 * y]) for X, y in (source_table, target_table)]
    shared = TransferRidge(SourceRidge().fit(*sides[0])).fit(*sides[1])
    assert shared.coef_.shape == (3, 6)
    assert np.isscalar(shared.tau_)
    each = TransferRidge(SourceRidge(per_output=True).fit(*sides[0]), per_output=True).fit(*sides[1])
    for j in range(3):
        alone = TransferRidge(SourceRidge().fit(sides[0][0], sides[0][1][:, j])).fit(sides[1][0], sides[1][1][:, j])
        np.testing.assert_allclose(each.coef_[j], alone.coef_, rtol=1e-6, atol=1e-9)
        assert each.tau_[j] == pytest.approx(alone.tau_)
    with pytest.raises(ValueError, match="per_output=True"):
        TransferRidge(SourceRidge(per_output=True).fit(*sides[0])).fit(*sides[1])


def test_single_precision_stays_single(source_table, target_table):
    single = [(X.astype(np.float32), y.astype(np.float32)) for X, y in (source_table, target_table)]
    source = SourceRidge().fit(*single[0])
    model = TransferRidge(source).fit(*single[1])
    assert source.coef_.dtype == model.coef_.dtype == model.predict(single[1][0]).dtype == np.float32
    np.testing.assert_allclose(
        model.coef_, TransferRidge(SourceRidge().fit(*source_table)).fit(*target_table).coef_, rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("shape", [(300, 20), (30, 200)])
def test_sparse_is_dense(shape):
    rng = np.random.default_rng(0)
    X = random_sparse(shape, 0.2, rng)
    y = X @ rng.normal(size=shape[1]) + 0.1 * rng.normal(size=shape[0])
    for estimator in (SourceRidge(), L2SPRidge(np.ones(shape[1])), TransferRidge(np.ones(shape[1]))):
        sparse, dense = clone(estimator).fit(X, y), clone(estimator).fit(X.toarray(), y)
        np.testing.assert_allclose(sparse.coef_, dense.coef_, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(sparse.predict(X), dense.predict(X.toarray()), rtol=1e-6, atol=1e-8)


def test_a_source_at_another_penalty_is_the_same_source(source_table):
    source = SourceRidge().fit(*source_table)
    other = source.at(0.5)
    assert other.spectrum_ is source.spectrum_
    np.testing.assert_allclose(other.coef_, SourceRidge(tau=0.5).fit(*source_table).coef_)
    np.testing.assert_allclose(other.coef_, Ridge(alpha=0.5 * 120).fit(*source_table).coef_, atol=1e-9)
    with pytest.raises(ValueError, match="tau"):
        source.at(-1.0)


def test_models_survive_pickling(source_table, target_table):
    model = TransferRidge(SourceRidge().fit(*source_table)).fit(*target_table)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(target_table[0]), model.predict(target_table[0]))
