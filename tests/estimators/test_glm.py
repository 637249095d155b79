"""Estimators of yes/no outcomes and counts: scikit-learn's contract, peers' coefficients, what a user brings."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor
from sklearn.metrics import d2_tweedie_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from headwater import L2SPRidge, SourceGLM, SourceLogistic, TransferGLM, TransferLogistic

ESTIMATORS = [SourceLogistic(), TransferLogistic(), SourceGLM(), TransferGLM(), SourceGLM("gaussian", tau=1.0)]
RNG = np.random.default_rng(0)
W = np.array([1.0, -1.0, 0.5, 0.0])
X0, X1 = RNG.normal(size=(500, 4)) + 0.5, RNG.normal(size=(40, 4)) + 0.2
E0, E1 = RNG.uniform(0.5, 3, 500), RNG.uniform(0.5, 3, 40)
YES0, YES1 = (RNG.random(len(X)) < 1 / (1 + np.exp(-X @ W)) for X in (X0, X1))
COUNT0, COUNT1 = (RNG.poisson(e * np.exp(X @ W / 2)) for X, e in ((X0, E0), (X1, E1)))
WEIGHT = RNG.integers(1, 4, 40).astype(float)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_scikit_learn_contract(estimator):
    """Every check passes and none is skipped (some are where SCIPY_ARRAY_API=1 is not set, as `make test` sets it)."""
    results = check_estimator(estimator, on_fail=None, on_skip=None)
    other = {result["check_name"]: result["exception"] for result in results if result["status"] != "passed"}
    if os.environ.get("SCIPY_ARRAY_API") != "1":
        other = {name: why for name, why in other.items() if "SCIPY_ARRAY_API" not in str(why)}
    assert other == {}


@pytest.mark.parametrize("tau", [0.003, 0.1, 3.0])
def test_logistic_regression_is_scikit_learns(tau):
    """C = 1/(Σw τ)."""
    peer = LogisticRegression(C=1 / (WEIGHT.sum() * tau), solver="newton-cholesky", tol=1e-12)
    peer.fit(X1, YES1, WEIGHT)
    ours = SourceLogistic(tau).fit(X1, YES1, WEIGHT)
    np.testing.assert_allclose(ours.coef_, peer.coef_, atol=1e-8)
    np.testing.assert_allclose(ours.intercept_, peer.intercept_, atol=1e-8)
    np.testing.assert_allclose(ours.predict_proba(X0), peer.predict_proba(X0), atol=1e-8)
    np.testing.assert_array_equal(ours.predict(X0), peer.predict(X0))


@pytest.mark.parametrize("tau", [0.003, 0.1, 3.0])
def test_poisson_regression_is_scikit_learns_and_rates_are_counts_with_exposure(tau):
    """alpha = τ; rates y/e weighted by e are counts of exposure e where alpha is τ n/Σe."""
    peer = PoissonRegressor(alpha=tau, solver="newton-cholesky", tol=1e-12).fit(X1, COUNT1, WEIGHT)
    ours = SourceGLM(tau=tau).fit(X1, COUNT1, WEIGHT)
    np.testing.assert_allclose(ours.coef_, peer.coef_, atol=1e-8)
    assert ours.intercept_ == pytest.approx(peer.intercept_, abs=1e-8)
    assert ours.score(X0, COUNT0) == pytest.approx(d2_tweedie_score(COUNT0, ours.predict(X0), power=1))
    rates = PoissonRegressor(alpha=tau * 40 / E1.sum(), solver="newton-cholesky", tol=1e-12).fit(X1, COUNT1 / E1, E1)
    ours = SourceGLM(tau=tau).fit(X1, COUNT1, exposure=E1)
    np.testing.assert_allclose(ours.coef_, rates.coef_, atol=1e-8)
    np.testing.assert_allclose(ours.predict(X0, exposure=E0), E0 * rates.predict(X0), rtol=1e-7)


@pytest.mark.parametrize("tau", [0.01, 0.3])
def test_l2sp_is_glums_with_an_offset(tau):
    glum = pytest.importorskip("glum")
    tight = {"alpha": tau, "gradient_tol": 1e-11, "max_iter": 1000}
    source = SourceLogistic(0.05).fit(X0, YES0)
    ours = TransferLogistic(source, source_tau=0.05, tau=tau, scale=False).fit(X1, YES1, WEIGHT)
    peer = glum.GeneralizedLinearRegressor(family="binomial", **tight)
    peer.fit(X1, YES1.astype(float), sample_weight=WEIGHT, offset=X1 @ source.coef_[0])
    np.testing.assert_allclose(ours.coef_[0], source.coef_[0] + peer.coef_, atol=1e-8)
    counts = SourceGLM(tau=0.05).fit(X0, COUNT0, exposure=E0)
    ours = TransferGLM(counts, source_tau=0.05, tau=tau, scale=False).fit(X1, COUNT1, WEIGHT, exposure=E1)
    peer = glum.GeneralizedLinearRegressor(family="poisson", **tight)
    peer.fit(X1, COUNT1, sample_weight=WEIGHT, offset=np.log(E1) + X1 @ counts.coef_)
    np.testing.assert_allclose(ours.coef_, counts.coef_ + peer.coef_, atol=1e-8)
    assert ours.intercept_ == pytest.approx(peer.intercept_, abs=1e-8)


def test_gaussian_l2sp_is_l2sp_ridge():
    source = SourceGLM("gaussian", tau=0.05).fit(X0, X0 @ W)
    ours = TransferGLM(source, "gaussian", source_tau=0.05, tau=0.3, scale=False).fit(X1, COUNT1)
    np.testing.assert_allclose(ours.coef_, L2SPRidge(source.coef_, tau=0.3).fit(X1, COUNT1).coef_, atol=1e-9)
    with pytest.raises(ValueError, match="SourceRidge chooses one"):
        SourceGLM("gaussian").fit(X0, X0 @ W)
    with pytest.raises(AttributeError, match="SourceRidge chooses one"):
        source.optimal_tau_  # noqa: B018
    assert "SourceGLM" in source._repr_html_()  # which asks for all attributes
    with pytest.raises(ValueError, match="chosen for by TransferRidge"):
        TransferGLM(source, "gaussian").fit(X1, COUNT1)


def test_weights_are_frequencies():
    times = WEIGHT.astype(int)
    source = SourceLogistic().fit(X0, YES0)
    weighted = TransferLogistic(source).fit(X1, YES1, WEIGHT)
    repeated = TransferLogistic(source).fit(np.repeat(X1, times, axis=0), np.repeat(YES1, times))
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, atol=1e-8)
    none = TransferLogistic(source).fit(np.r_[X1, X0[:5]], np.r_[YES1, YES0[:5]], np.r_[np.ones(40), np.zeros(5)])
    np.testing.assert_allclose(none.coef_, TransferLogistic(source).fit(X1, YES1).coef_, atol=1e-8)


def test_exposures_unit_is_the_levels_alone():
    source = SourceGLM().fit(X0, COUNT0, exposure=E0)
    years = TransferGLM(source).fit(X1, COUNT1, exposure=E1)
    months = TransferGLM(SourceGLM().fit(X0, COUNT0, exposure=12 * E0)).fit(X1, COUNT1, exposure=12 * E1)
    np.testing.assert_allclose(months.coef_, years.coef_, atol=1e-7)
    assert months.intercept_ == pytest.approx(years.intercept_ - np.log(12), abs=1e-7)


def test_a_source_keeps_its_path():
    source = SourceLogistic().fit(X0, YES0)
    assert source.tau_ == source.optimal_tau_
    elsewhere = source.at(0.3)
    np.testing.assert_allclose(elsewhere.coef_, SourceLogistic(0.3).fit(X0, YES0).coef_, atol=1e-9)
    assert (elsewhere.tau, elsewhere.tau_, source.tau) == (0.3, 0.3, "auto")
    np.testing.assert_array_equal(source.at(np.inf).coef_, np.zeros((1, 4)))
    with pytest.raises(ValueError, match="must be a number here"):
        source.at("auto")


def logit_sources():
    sm = pytest.importorskip("statsmodels.api")
    glum = pytest.importorskip("glum")
    frame = pd.DataFrame(X0, columns=list("abcd"))
    results = sm.Logit(YES0.astype(float), sm.add_constant(frame)).fit(disp=0)
    yield results
    yield sm.GLM(YES0.astype(float), sm.add_constant(frame), family=sm.families.Binomial()).fit()
    yield glum.GeneralizedLinearRegressor(family="binomial", alpha=0).fit(frame, YES0.astype(float))
    yield LogisticRegression(C=np.inf, tol=1e-10).fit(frame, YES0)
    yield results.params[::-1]
    yield results.params.to_dict()


def test_any_fitted_logistic_source_will_do_and_columns_are_met_by_name():
    frame = pd.DataFrame(X1, columns=list("abcd"))
    found = [TransferLogistic(source).fit(frame, YES1) for source in logit_sources()]
    for model in found:
        assert set(model.mass_) == {"scratch", "same task", "same task, own level", "related"}
        np.testing.assert_allclose(model.coef_, found[0].coef_, atol=1e-3)
        assert model.transferred_
    lacking = frame.rename(columns={"d": "e"})
    for source in logit_sources():
        with pytest.raises(ValueError, match="lacks the source's features d"):
            TransferLogistic(source).fit(lacking, YES1)


def test_counts_of_others_and_links_that_do_not_fit():
    peer = PoissonRegressor(alpha=1e-3).fit(X0, COUNT0 / E0, E0)
    assert TransferGLM(peer).fit(X1, COUNT1, exposure=E1).transferred_
    with pytest.raises(ValueError, match="on the scale of its log link, the target's family binomial has a logit link"):
        TransferLogistic(peer).fit(X1, YES1)
    with pytest.raises(ValueError, match="on the scale of its identity link"):
        TransferGLM(LinearRegression().fit(X0, COUNT0)).fit(X1, COUNT1)
    glum = pytest.importorskip("glum")
    other = glum.GeneralizedLinearRegressor(family="poisson", alpha=1e-3).fit(X0, COUNT0 / E0, sample_weight=E0)
    np.testing.assert_allclose(
        TransferGLM(other).fit(X1, COUNT1).coef_, TransferGLM(peer).fit(X1, COUNT1).coef_, atol=1e-3
    )


def test_a_pipeline_brings_its_preprocessor_and_a_target_standardised_by_itself_is_refused():
    source = make_pipeline(StandardScaler(), SourceLogistic()).fit(X0, YES0)
    whole = TransferLogistic(source).fit(X1, YES1)
    parts = TransferLogistic(source[-1]).fit(source[0].transform(X1), YES1)
    np.testing.assert_allclose(whole.predict_proba(X1), parts.predict_proba(source[0].transform(X1)))
    own = StandardScaler().fit_transform(X1)
    with pytest.raises(ValueError, match="as if standardised by themselves"):
        TransferLogistic(source[-1]).fit(own, YES1)
    with pytest.warns(UserWarning, match="as if standardised by themselves"):
        TransferLogistic(SourceLogistic().fit(X0, YES0)).fit(own, YES1)


def test_a_source_is_kept_by_reference_and_models_are_pickled():
    source = SourceLogistic().fit(X0, YES0)
    model = TransferLogistic(source).fit(X1, YES1)
    assert clone(model).source is source
    search = GridSearchCV(model, {"scale": [True, False, "auto"]}, cv=3, scoring="neg_log_loss").fit(X1, YES1)
    assert search.best_estimator_.source is source
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X1), model.predict_proba(X1))
    with pytest.raises(ValueError, match="would change a fitted source"):
        model.set_params(source__tau=1.0)


WORDS0, WORDS1 = np.where(YES0, "yes", "no"), np.where(YES1, "yes", "no")


def test_labels_are_words_and_those_of_the_source():
    source = SourceLogistic().fit(X0, WORDS0)
    model = TransferLogistic(source).fit(X1, WORDS1)
    assert model.classes_.tolist() == ["no", "yes"]
    assert set(model.predict(X0)) == {"no", "yes"}
    np.testing.assert_allclose(model.coef_, TransferLogistic(SourceLogistic().fit(X0, YES0)).fit(X1, YES1).coef_)
    with pytest.raises(ValueError, match="use the same labels"):
        TransferLogistic(source).fit(X1, YES1)
    with pytest.raises(ValueError, match=r"Only binary classification is supported.*until softmax comes"):
        TransferLogistic(source).fit(X1, np.arange(40) % 3)
    with pytest.raises(ValueError, match="one class only, 'no'"):
        TransferLogistic().fit(X1, np.full(40, "no"))


@pytest.mark.parametrize("case", ["separable", "one class", "three rows", "one in a hundred", "constant", "wide"])
@pytest.mark.parametrize("known", [True, False])
def test_awkward_targets_are_given_finite_and_moderate_numbers(case, known):
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(60, 4)), rng.random(60) < 0.4
    if case == "separable":
        y = X[:, 0] > 0
    elif case == "one class":
        y = np.zeros(60, dtype=bool)
    elif case == "three rows":
        X, y = X[:3], np.array([True, False, True])
    elif case == "one in a hundred":
        X = rng.normal(size=(100, 4))
        y = np.arange(100) == 3
    elif case == "constant":
        X[:] = 1.0
    source = SourceLogistic().fit(X0, YES0)
    if case == "wide":
        X, wide = rng.normal(size=(60, 300)), rng.normal(size=(80, 300))
        source = SourceLogistic().fit(wide, wide[:, 0] > 0)
    if case == "one class" and not known:
        return
    model = TransferLogistic(source if known else None).fit(X, y)
    assert np.isfinite(model.coef_).all()
    assert np.abs(model.coef_).max() < 20
    probability = model.predict_proba(X)[:, 1]
    assert 0 < probability.min() <= probability.max() < 1
    assert sum(model.mass_.values()) == pytest.approx(1)
    if case == "one in a hundred" and not known:
        assert probability.mean() == pytest.approx(0.01, abs=0.02)


def test_counts_without_a_single_event_are_given_a_finite_rate():
    for source in (None, SourceGLM().fit(X0, COUNT0)):
        model = TransferGLM(source).fit(X1, np.zeros(40), exposure=E1)
        assert 0 < model.predict(X1).sum() < 40
        assert np.abs(model.coef_).max() < 20


@pytest.mark.parametrize(
    ("fit", "message"),
    [
        (lambda: SourceGLM("gamma").fit(X0, COUNT0), "family must be one of"),
        (lambda: SourceGLM().fit(X0, -COUNT0), "y must not be negative"),
        (lambda: SourceGLM("binomial").fit(X0, COUNT0), "y must lie between 0 and 1"),
        (lambda: SourceGLM().fit(X0, COUNT0, exposure=0 * E0), "exposure must be finite and above 0"),
        (
            lambda: SourceGLM().fit(X0, COUNT0, exposure=E0 - E0.min()),
            "exposure must be finite and above 0",
        ),
        (lambda: SourceGLM().fit(X0, COUNT0, exposure=E1), r"exposure has shape \(40,\); it needs one number a row"),
        (lambda: SourceGLM("binomial").fit(X0, YES0, exposure=E0), "it needs a log link"),
        (lambda: SourceLogistic(-1.0).fit(X0, YES0), "tau must be 'auto' or a number not below 0"),
        (lambda: TransferLogistic(np.ones(3)).fit(X1, YES1), "the source has 3 features and the target 4"),
        (lambda: TransferLogistic(np.ones(4), source_tau=1.0).fit(X1, YES1), "only the source's coefficients are"),
        (lambda: TransferLogistic("model").fit(X1, YES1), "str has no coef_: fit it first"),
        (lambda: TransferLogistic(LogisticRegression()).fit(X1, YES1), "has no coef_: fit it first"),
        (lambda: TransferLogistic(scale="no").fit(X1, YES1), "scale must be True, False or 'auto'"),
        (lambda: TransferLogistic(np.ones(4), tau=0.0).fit(X1, YES1), "tau must be above 0 and finite"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(fit, message):
    with pytest.raises(ValueError, match=message) as caught:
        fit()
    assert "\n" not in str(caught.value)


def test_coefficients_by_name_are_read_as_ridges_are():
    """A dict, Coefficients and a Series say the same; a level that nobody named is not taken for 0."""
    from headwater import Coefficients

    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(40, 2)), columns=["a", "b"])
    y = rng.random(40) < 1 / (1 + np.exp(-X["a"] + X["b"]))
    values = {"b": -1.0, "a": 1.0, "_cons": 0.1}
    given = [values, pd.Series(values), Coefficients(values)]
    first, *others = (TransferLogistic(source).fit(X, y) for source in given)
    assert first.start_.intercept == 0.1
    for other in others:
        np.testing.assert_array_equal(other.coef_, first.coef_)
    assert TransferLogistic({"a": 1.0, "b": -1.0}).fit(X, y).start_.intercept is None


@pytest.mark.parametrize("unit", [1e-8, 1e6, 1e12])
def test_a_column_may_be_in_any_unit(unit):
    plain = TransferLogistic(SourceLogistic().fit(X0, YES0)).fit(X1, YES1)
    other = TransferLogistic(SourceLogistic().fit(X0 * unit, YES0)).fit(X1 * unit, YES1)
    np.testing.assert_allclose(other.coef_ * unit, plain.coef_, rtol=1e-6)
    one = np.r_[unit, np.ones(X0.shape[1] - 1)]
    assert np.isfinite(TransferGLM(SourceGLM().fit(X0 * one, COUNT0, exposure=E0)).fit(X1 * one, COUNT1).coef_).all()


def test_a_column_that_does_not_vary_is_no_matter_without_a_penalty():
    rows = np.c_[X0, np.full(len(X0), 5.0)]
    for plain, other in (
        (SourceLogistic(tau=0.0).fit(X0, YES0), SourceLogistic(tau=0.0).fit(rows, YES0)),
        (SourceGLM(tau=0.0).fit(X0, COUNT0), SourceGLM(tau=0.0).fit(rows, COUNT0)),
    ):
        np.testing.assert_allclose(np.ravel(other.coef_), np.r_[np.ravel(plain.coef_), 0.0], rtol=1e-8)
