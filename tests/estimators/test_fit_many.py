"""Many targets of one source: each model is what fit makes of its group's rows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from headwater import Coefficients, GroupModels, SourceRidge, TransferRidge
from headwater.estimators import group_models

P = 6
ATTRIBUTES = ("coef_", "intercept_", "tau_", "source_tau_", "scale_", "level_weight_", "transferred_")


def draw(outputs=(), seed=0):
    """Groups of 1 to 30 rows in any order, far from the source and near, some of them flat."""
    rng = np.random.default_rng(seed)
    w = rng.normal(size=(P, *outputs))
    X0 = rng.normal(size=(90, P))
    group = np.repeat(np.arange(8), [1, 2, 4, 7, 7, 7, 30, 30])
    X = rng.normal(size=(len(group), P)) + 0.5
    own = w + rng.normal(size=(8, *w.shape)) * np.reshape([0, 0.3, 3, 0] * 2, (-1, *[1] * w.ndim))
    y = np.einsum("ij,ij...->i...", X, own[group]) + rng.normal(size=(len(group), *outputs))
    y[group == 5], X[group == 4, 1], X[group == 7, 2] = 2.0, 4.0, X[group == 7, 1]
    order = rng.permutation(len(group))
    source = SourceRidge().fit(X0, X0 @ w + rng.normal(size=(90, *outputs)))
    return source, X[order], y[order], group[order]


def same(models, model, X, y, groups):
    assert set(models) == set(np.unique(groups))
    for name, found in models.items():
        rows = np.asarray(groups) == name
        whole = model.fit(X[rows], y[rows])
        for attribute in (*ATTRIBUTES, "source_weight_") if hasattr(whole, "source_weight_") else ATTRIBUTES:
            mine, other = getattr(found, attribute), getattr(whole, attribute)
            assert np.shape(mine) == np.shape(other) and type(mine) is type(other)
            np.testing.assert_allclose(mine, other, rtol=1e-10, atol=1e-10, err_msg=f"{name} {attribute}")
        np.testing.assert_array_equal(found.source_optimal_tau_, whole.source_optimal_tau_)


@pytest.mark.parametrize(
    "options",
    [{}, {"average": False}, {"scale": False}, {"tau": 0.3}, {"criterion": "gcv"}, {"fit_intercept": False}],
    ids=str,
)
def test_each_model_is_fits(options):
    source, X, y, groups = draw()
    model = TransferRidge(source, **options)
    same(model.fit_many(X, y, groups), model, X, y, groups)


@pytest.mark.parametrize("kind", ["none", "coefficients", "errors", "wide", "several"])
def test_from_every_kind_of_source(kind):
    source, X, y, groups = draw(seed=1)
    wide = SourceRidge().fit(X[:4], y[:4])
    sources = {
        "none": None,
        "coefficients": source.coef_,
        "errors": Coefficients(source.coef_, 0.1 + np.abs(source.coef_) / 10),
        "wide": wide,
        "several": [source, wide, source.coef_],
    }
    some = (groups > 0) & (groups < 6)
    model = TransferRidge(sources[kind])
    same(model.fit_many(X[some], y[some], groups[some]), model, X[some], y[some], groups[some])


@pytest.mark.parametrize("per_output", [False, True])
def test_of_several_outputs(per_output):
    source, X, y, groups = draw(outputs=(2,))
    some = (groups > 2) & (groups < 7)
    model = TransferRidge([source, source.coef_] if per_output else source, per_output=per_output)
    models = model.fit_many(X[some], y[some], groups[some])
    same(models, model, X[some], y[some], groups[some])
    assert models.predict(X, np.full(len(X), 6)).shape == y.shape


@pytest.mark.parametrize("kind", ["loo", "sparse", "single precision", "pipeline"])
def test_rows_of_every_kind(kind):
    """Leave-one-out and sparse rows go one group at a time, and are the same."""
    source, X, y, groups = draw()
    some = (groups > 2) & (groups < 8)
    X, y, groups = X[some], y[some], groups[some]
    model = TransferRidge(source, criterion="loo" if kind == "loo" else "evidence")
    if kind == "pipeline":
        model = TransferRidge(make_pipeline(StandardScaler(), SourceRidge()).fit(X + 1, y))
    X = {"sparse": sparse.csr_array, "single precision": np.float32}.get(kind, np.asarray)(X)
    models = model.fit_many(X, y, groups)
    same(models, model, X, y, groups)
    rows = groups == 6
    np.testing.assert_allclose(models.predict(X, groups)[rows], models[6].predict(X[rows]), rtol=1e-5)
    assert models[6].coef_.dtype == model.fit(X[rows], y[rows]).coef_.dtype


def test_neither_the_company_nor_the_size_of_a_stack_matters(monkeypatch):
    source, X, y, groups = draw()
    told = []
    together = TransferRidge(source).fit_many(X, y, groups, lambda *counts: told.append(counts))
    assert told[-1] == (8, 8) and [done for done, _ in told] == sorted(done for done, _ in told)
    monkeypatch.setattr(group_models, "_TOGETHER", 3)
    apart = TransferRidge(source).fit_many(X, y, np.char.add("g", groups.astype(str)))
    for name in together:
        np.testing.assert_allclose(together[name].coef_, apart[f"g{name}"].coef_, rtol=1e-10, atol=1e-12)


def test_the_mapping_is_light_and_says_what_it_lacks():
    source, X, y, groups = draw()
    model = TransferRidge(source)
    models = model.fit_many(X, y, groups)
    assert isinstance(models, GroupModels) and not hasattr(model, "coef_")
    assert sum(values.nbytes for values in models.fitted.values()) < 8 * 8 * (P + 8)
    assert not hasattr(models[3], "surface_") and models[3].source is source
    assert repr(models) == "GroupModels(TransferRidge(source=SourceRidge()), 8 groups)"
    with pytest.raises(KeyError):
        models["nowhere"]
    with pytest.raises(ValueError, match=r"^no model was fitted for group 99 and 1 more$"):
        models.predict(X[:2], [99, 100])
    with pytest.raises(ValueError, match="keeps its coefficients alone"):
        models[3].coefficients()


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ([1.0, np.nan, 2.0], "groups is missing in 1 of 3 rows"),
        (np.array(["a", None, "b"], dtype=object), "groups is missing in 1 of 3 rows"),
        (np.array(["a", 2, "b"], dtype=object), "all numbers, all text or all dates"),
        ([1, 2], "needs one name a row"),
    ],
)
def test_groups_that_cannot_be_are_said_in_one_line(groups, said):
    with pytest.raises(ValueError, match=said) as refused:
        TransferRidge(np.ones(2)).fit_many(np.eye(3, 2), np.arange(3.0), groups)
    assert "\n" not in str(refused.value)
