"""Sources that are not what they seem: refused where their coefficients mean something else, used where they do not."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.cross_decomposition import PLSRegression
from sklearn.linear_model import (
    ElasticNet,
    GammaRegressor,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    SGDRegressor,
    TweedieRegressor,
)
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVR

from headwater import Coefficients, L2SPRidge, SourceRidge, TransferRidge, advise

RNG = np.random.default_rng(0)
NAMES = list("abcd")
W = np.array([1.0, -2.0, 0.5, 0.0])
X0, X1 = RNG.normal(size=(80, 4)), RNG.normal(size=(20, 4))
Y0, Y1 = X0 @ W + 0.3 * RNG.normal(size=80), X1 @ W + 0.3 * RNG.normal(size=20)
COUNTS = RNG.poisson(np.exp(X0 @ W / 4))
F0, F1 = (pd.DataFrame(X, columns=NAMES) for X in (X0, X1))
GRID = {"alpha": [0.1, 1.0]}


def coef(source, X=X1):
    return TransferRidge(source).fit(X, Y1).coef_


@pytest.mark.parametrize("source", [
    LogisticRegression().fit(X0, Y0 > 0),
    LogisticRegression().fit(X0, np.where(Y0 > 0, "yes", "no")),
    RidgeClassifier().fit(X0, Y0 > 0),
    PoissonRegressor().fit(X0, COUNTS),
    GammaRegressor().fit(X0, COUNTS + 1.0),
    TweedieRegressor(power=1.5).fit(X0, COUNTS),
    TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1).fit(X0, COUNTS),
    TransformedTargetRegressor(Ridge(), transformer=StandardScaler()).fit(X0, Y0),
    make_pipeline(StandardScaler(), LogisticRegression()).fit(X0, Y0 > 0),
    GridSearchCV(PoissonRegressor(), GRID).fit(X0, COUNTS),
], ids=lambda source: type(source).__name__)  # fmt: skip
@pytest.mark.parametrize("estimator", [TransferRidge, L2SPRidge])
def test_another_link_is_refused(source, estimator):
    with pytest.raises(ValueError, match=r"coefficients are not in the outcome's units") as caught:
        estimator(source).fit(X1, Y1)
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=r"coefficients are not in the outcome's units"):
        advise(source, (X1, Y1))


@pytest.mark.parametrize("source", [
    LinearRegression(), ElasticNet(0.01), SGDRegressor(), LinearSVR(), TweedieRegressor(power=0), Ridge(),
    PLSRegression(2),
], ids=lambda source: type(source).__name__)  # fmt: skip
def test_linear_models_are_used_as_they_are(source):
    source = source.fit(X0, Y0)
    np.testing.assert_allclose(coef(source), coef(np.reshape(source.coef_, -1)))


@pytest.mark.parametrize(("source", "inner"), [
    (GridSearchCV(Ridge(), GRID), lambda model: model.best_estimator_),
    (RandomizedSearchCV(Ridge(), GRID, n_iter=1), lambda model: model.best_estimator_),
    (TransformedTargetRegressor(Ridge()), lambda model: model.regressor_),
    (GridSearchCV(make_pipeline(StandardScaler(), Ridge()), {}), lambda model: model.best_estimator_),
    (GridSearchCV(TransformedTargetRegressor(Ridge()), {"regressor__alpha": [1.0]}),
     lambda model: model.best_estimator_.regressor_),
], ids=range(5))  # fmt: skip
def test_what_a_search_or_a_wrapper_fitted_is_used(source, inner):
    source = source.fit(X0, Y0)
    np.testing.assert_allclose(coef(source), coef(inner(source)))
    model = TransferRidge(source).fit(X1, Y1)
    np.testing.assert_allclose(model.predict(X1), TransferRidge(inner(source)).fit(X1, Y1).predict(X1))


def test_a_pipeline_that_ends_in_a_search_is_its_steps():
    search = make_pipeline(StandardScaler(), GridSearchCV(make_pipeline(StandardScaler(), SourceRidge()), {})).fit(
        X0, Y0
    )
    plain = make_pipeline(StandardScaler(), StandardScaler(), SourceRidge()).fit(X0, Y0)
    np.testing.assert_allclose(coef(search), coef(plain), rtol=1e-6)


def test_named_coefficients_are_matched_by_name():
    expected = coef(W)
    by_name = dict(zip(NAMES, W, strict=True))
    backwards = {"Intercept": 3.0, **{name: by_name[name] for name in NAMES[::-1]}}
    for source in (backwards, pd.Series(backwards)):
        np.testing.assert_allclose(coef(source, F1), expected)
        assert coef([source, by_name], F1).shape == (4,)
    np.testing.assert_allclose(coef(pl.Series(W)), expected)
    np.testing.assert_allclose(coef(pd.Series(W)), expected)
    for change, words in (({"e": 1.0}, "the target lacks the source's features e"), ({}, "no coefficient for a, b")):
        given = {**by_name, **change} if change else {"c": 1.0, "d": 1.0}
        with pytest.raises(ValueError, match=words):
            coef(given, F1)


def test_names_against_none_are_warned_of_as_scikit_learn_does():
    with pytest.warns(UserWarning, match="X does not have valid feature names, but the source was fitted with feature"):
        coef(Ridge().fit(F0, Y0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        coef(Ridge().fit(F0, Y0), F1)
        coef(Ridge().fit(X0, Y0))


class Results:
    """What statsmodels' results show of themselves."""

    def __init__(self, params, names, family=None, module="statsmodels.regression.linear_model"):
        kind = type("OLS", (), {"__module__": module})
        self.params, self.model = params, kind()
        self.model.exog_names = names
        if family is not None:
            self.model.family = type("Family", (), {"link": type(family, (), {})()})


def test_statsmodels_results():
    given = Results(np.r_[5.0, W], ["const", *NAMES])
    np.testing.assert_allclose(coef(given, F1), coef(W))
    np.testing.assert_allclose(coef(Results(np.r_[5.0, W], ["const", *NAMES], "Identity"), F1), coef(W))
    for other in (Results(W, NAMES, "Log"), Results(W, NAMES, None, "statsmodels.discrete.discrete_model")):
        with pytest.raises(ValueError, match=r"not in the outcome's units"):
            coef(other, F1)


def test_statsmodels_itself():
    statsmodels = pytest.importorskip("statsmodels.api")
    design = statsmodels.add_constant(F0)
    results = statsmodels.OLS(Y0, design).fit()  # with the standard errors that it knows
    named = dict(zip(NAMES, np.asarray(results.params)[1:], strict=True))
    errors = dict(zip(NAMES, np.asarray(results.bse)[1:], strict=True))
    np.testing.assert_allclose(coef(results, F1), coef(Coefficients(named, errors), F1), rtol=1e-9)
    np.testing.assert_allclose(list(named.values()), LinearRegression().fit(X0, Y0).coef_, rtol=1e-6)
    with pytest.raises(ValueError, match=r"not in the outcome's units"):
        coef(statsmodels.GLM(COUNTS, design, family=statsmodels.families.Poisson()).fit(), F1)
