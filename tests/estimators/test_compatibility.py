"""Whether source and target speak of the same columns: the traps that are caught, and what must pass in silence."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from optional import pd
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from headwater import L2SPRidge, SourceRidge, TransferRidge

RNG = np.random.default_rng(0)
WEIGHTS = RNG.normal(size=5)
X0, X1 = 5 * RNG.normal(size=(90, 5)) + 7, 3 * RNG.normal(size=(30, 5)) + 9
Y0, Y1 = X0 @ WEIGHTS + RNG.normal(size=90), X1 @ WEIGHTS + RNG.normal(size=30)
ESTIMATORS = [TransferRidge, L2SPRidge]


def own(X):
    return StandardScaler().fit_transform(X)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("precision", [np.float64, np.float32])
@pytest.mark.parametrize("p", [5, 40])
def test_each_standardised_by_itself_is_an_error(estimator, precision, p):
    rng = np.random.default_rng(p)
    X0, X1 = (own(rng.normal(size=(n, p)) + 4).astype(precision) for n in (90, 30))
    source = SourceRidge().fit(X0, X0[:, 0])
    with pytest.raises(
        ValueError, match=r"each standardised by their own means.*give TransferRidge the source's Pipeline"
    ):
        estimator(source).fit(X1, X1[:, 0])


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize(
    "source", [WEIGHTS, Ridge().fit(X0, Y0), SourceRidge().fit(X0, Y0)], ids=["array", "Ridge", "raw"]
)
def test_a_target_standardised_by_itself_is_a_warning(estimator, source):
    with pytest.warns(UserWarning, match="as if standardised by themselves"):
        make_pipeline(StandardScaler(), estimator(source)).fit(X1, Y1)


def silent(work):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return work()


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_what_is_aligned_passes_in_silence(estimator):
    scaler = StandardScaler().fit(X0)
    source = SourceRidge().fit(scaler.transform(X0), Y0)
    silent(lambda: estimator(source).fit(scaler.transform(X1), Y1))
    silent(lambda: estimator(source).fit(scaler.transform(X0), Y0))  # the very rows it was standardised on
    silent(lambda: estimator(make_pipeline(StandardScaler(), SourceRidge()).fit(X0, Y0)).fit(X1, Y1))
    silent(lambda: estimator(SourceRidge().fit(X0, Y0)).fit(X1, Y1))
    silent(lambda: estimator(SourceRidge().fit(1e-9 * X0, Y0)).fit(1e-9 * X1, Y1))
    silent(lambda: estimator().fit(own(X1), Y1))
    silent(lambda: estimator(np.ones(5)).fit(X1[:1], Y1[:1]))


def test_a_constant_column_does_not_hide_the_trap():
    with_constant = [np.c_[own(X), np.zeros(len(X))] for X in (X0, X1)]
    with pytest.raises(ValueError, match="each standardised"):
        TransferRidge(SourceRidge().fit(with_constant[0], Y0)).fit(with_constant[1], Y1)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_columns_are_met_by_name(estimator):
    names = list("abcde")
    source = SourceRidge().fit(pd.DataFrame(X0, columns=names), Y0)
    for given, message in ((names[::-1], "in another order"), (list("abcdx"), "lacks the source's features e")):
        with pytest.raises(ValueError, match=message):
            estimator(source).fit(pd.DataFrame(X1, columns=given), Y1)
    by_name = estimator(source).fit(pd.DataFrame(X1, columns=names), Y1)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        np.testing.assert_allclose(estimator(source).fit(X1, Y1).coef_, by_name.coef_)
    with pytest.raises(ValueError, match="same order"):
        by_name.predict(pd.DataFrame(X1, columns=names)[names[::-1]])


def test_columns_are_met_by_name_behind_a_preprocessor_too():
    frames = [pd.DataFrame(np.abs(X), columns=list("abcde")) for X in (X0, X1)]
    source = make_pipeline(FunctionTransformer(np.log), SourceRidge()).fit(frames[0], Y0)
    assert silent(lambda: TransferRidge(source).fit(frames[1], Y1)).transferred_
    with pytest.raises(ValueError, match="same order"):
        TransferRidge(source).fit(frames[1][list("edcba")], Y1)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (np.ones(4), "the source has 4 features and the target 5: they must be the same"),
        (np.ones((2, 5)), "the source has 2 outputs and the target 1"),
        (np.ones((1, 1, 5)), r"shaped \(p,\) or \(q, p\)"),
        (np.r_[WEIGHTS[:4], np.nan], "must be finite"),
        (Ridge(), "Ridge has no coef_: fit it first"),
        ("path/to/model", "str has no coef_"),
        (Pipeline([("only", SourceRidge())]), "fit it first"),
    ],
)
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_source_that_cannot_serve_is_named_in_one_line(source, message, estimator):
    with pytest.raises(ValueError, match=message) as caught:
        estimator(source).fit(X1, Y1)
    assert "\n" not in str(caught.value)


def test_an_unfitted_preprocessor_is_named():
    with pytest.raises(NotFittedError, match="not fitted yet"):
        TransferRidge(make_pipeline(StandardScaler(), SourceRidge())).fit(X1, Y1)


def test_a_pipeline_is_its_transform_and_its_last_step():
    source = make_pipeline(StandardScaler(), SourceRidge()).fit(X0, Y0)
    whole = TransferRidge(source).fit(X1, Y1)
    parts = TransferRidge(source[-1]).fit(source[0].transform(X1), Y1)
    np.testing.assert_array_equal(whole.coef_, parts.coef_)
    np.testing.assert_allclose(whole.predict(X1), parts.predict(source[0].transform(X1)))
    lone = Pipeline([("only", SourceRidge())]).fit(X0, Y0)
    np.testing.assert_allclose(TransferRidge(lone).fit(X1, Y1).coef_, TransferRidge(lone[-1]).fit(X1, Y1).coef_)
