"""What models of yes/no outcomes and counts read: sources inside pipelines and searches, outcomes, scores."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import DataConversionWarning
from sklearn.linear_model import LogisticRegression, PoissonRegressor
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from headwater import SourceGLM, TransferGLM, TransferLogistic

RNG = np.random.default_rng(0)
W = np.array([1.0, -1.0, 0.5])
X0, X1 = RNG.normal(size=(200, 3)) + 0.5, RNG.normal(size=(30, 3)) + 0.2
YES0, YES1 = (np.where(RNG.random(len(X)) < 1 / (1 + np.exp(-X @ W)), "yes", "no") for X in (X0, X1))
COUNT0, COUNT1 = (RNG.poisson(np.exp(X @ W / 2)) for X in (X0, X1))


def test_a_preprocessor_may_make_sparse_rows():
    towns0, towns1 = RNG.choice(["a", "b", "c"], size=(200, 1)), RNG.choice(["a", "b", "c"], size=(30, 1))
    dense, sparse = (
        make_pipeline(OneHotEncoder(sparse_output=of), LogisticRegression()).fit(towns0, YES0) for of in (False, True)
    )
    found = [TransferLogistic(source).fit(towns1, YES1) for source in (sparse, dense)]
    np.testing.assert_allclose(*(model.predict_proba(towns1) for model in found))


WORDS = make_pipeline(StandardScaler(), LogisticRegression()).fit(X0, YES0)
COUNTS = make_pipeline(StandardScaler(), PoissonRegressor()).fit(X0, COUNT0)


@pytest.mark.parametrize("source", [WORDS, WORDS[-1]])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y: y[:-1], "inconsistent numbers of samples"),
        (lambda y: np.column_stack([y, y]), "1d array"),
        (lambda y: np.array([*y[:-1], np.nan], dtype=object), "contains NaN"),
    ],
)
def test_labels_are_checked_behind_a_preprocessor_as_without(source, change, message):
    with pytest.raises(ValueError, match=message):
        TransferLogistic(source).fit(X1, change(YES1))


@pytest.mark.parametrize("source", [COUNTS, COUNTS[-1]])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_counts_are_checked_behind_a_preprocessor_as_without(source, value):
    for use in (TransferGLM(source).fit, TransferGLM(source).fit(X1, COUNT1).score):
        with pytest.raises(ValueError, match="Input y contains"):
            use(X1, np.r_[value, COUNT1[1:]])


@pytest.mark.parametrize(("model", "y"), [(TransferLogistic(WORDS), YES1), (TransferGLM(COUNTS), COUNT1)], ids=str)
def test_a_column_of_outcomes_is_taken_with_a_warning(model, y):
    expected = model.fit(X1, y).coef_
    with pytest.warns(DataConversionWarning, match="column-vector y"):
        found = model.fit(X1, y[:, None]).coef_
    np.testing.assert_array_equal(found, expected)


GRID = {"C": [0.1, 1.0]}


@pytest.mark.parametrize(("source", "inner"), [
    (GridSearchCV(LogisticRegression(), GRID), lambda model: model.best_estimator_),
    (RandomizedSearchCV(LogisticRegression(), GRID, n_iter=1), lambda model: model.best_estimator_),
    (GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {}), lambda model: model.best_estimator_),
    (make_pipeline(StandardScaler(), GridSearchCV(LogisticRegression(), GRID)),
     lambda model: make_pipeline(model[0], model[-1].best_estimator_)),
], ids=["grid", "randomised", "of a pipeline", "in a pipeline"])  # fmt: skip
def test_a_search_stands_for_what_it_fitted(source, inner):
    frame0, frame1 = (pd.DataFrame(X, columns=list("abc")) for X in (X0, X1))
    searched = source.fit(frame0, YES0)
    ours, expected = (TransferLogistic(model).fit(frame1, YES1) for model in (searched, inner(searched)))
    np.testing.assert_array_equal(ours.predict_proba(frame1), expected.predict_proba(frame1))
    assert ours.source is searched
    with pytest.raises(ValueError, match="use the same labels"):
        TransferLogistic(searched).fit(frame1, YES1 == "yes")


def test_a_search_of_another_link_is_refused_and_one_that_is_not_fitted_is_named():
    with pytest.raises(ValueError, match="on the scale of its log link"):
        TransferLogistic(GridSearchCV(PoissonRegressor(), {}).fit(X0, COUNT0)).fit(X1, YES1)
    with pytest.raises(ValueError, match="GridSearchCV has no coef_: fit it first"):
        TransferLogistic(GridSearchCV(LogisticRegression(), {})).fit(X1, YES1)


@pytest.mark.parametrize(("family", "value"), [("poisson", 0), ("poisson", 3), ("binomial", 0), ("binomial", 1)])
def test_constant_outcomes_explain_nothing_and_raise_no_warning(family, value):
    model = SourceGLM(family, 0.1).fit(X0, COUNT0 > 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model.score(X1, np.full(30, value)) == 0.0
        # a row of weight 0 is not there
        assert model.score(X1, np.r_[1 - min(value, 1), np.full(29, value)], np.r_[0.0, np.ones(29)]) == 0.0


def test_no_count_at_any_exposure_explains_nothing():
    model, exposure = SourceGLM(tau=0.1).fit(X0, COUNT0), RNG.uniform(1, 2, 30)
    assert model.score(X1, np.zeros(30), exposure=exposure) == 0.0
    sure = SourceGLM("gaussian", 0.1).fit(X0, np.full(200, 2.0))
    assert sure.score(X1, np.full(30, 2.0)) == 1.0  # R², too, is 1 where nothing is left to explain


@pytest.mark.parametrize(
    ("family", "value", "message"),
    [("poisson", -1.0, "y must not be negative: family 'poisson'"), ("binomial", 2.0, "y must lie between 0 and 1")],
)
def test_an_impossible_outcome_has_no_score(family, value, message):
    with pytest.raises(ValueError, match=message):
        SourceGLM(family, 0.1).fit(X0, COUNT0 > 0).score(X1, np.full(30, value))
