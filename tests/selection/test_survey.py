"""The selection's laws: peaks are peaks, averages are proper, and what ought not to matter does not."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass

import numpy as np
import pytest
from optional import pd
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import headwater.selection.survey
from headwater import L2SPRidge, SourceRidge, Spectrum, TransferRidge
from headwater.selection.hypotheses import log_logistic, path_of
from headwater.selection.meeting import Meeting
from headwater.selection.source import as_source
from headwater.selection.survey import survey

CRITERIA = ["evidence", "gcv", "loo"]


@dataclass(frozen=True)
class Pair:
    X0: np.ndarray
    y0: np.ndarray
    X1: np.ndarray
    y1: np.ndarray

    @property
    def source(self) -> SourceRidge:
        return SourceRidge().fit(self.X0, self.y0)


def draw(n0=80, n1=25, p=10, outputs=1, rho=0.6, seed=0) -> Pair:
    rng = np.random.default_rng([seed, n1, p])
    w = rng.normal(size=(p, outputs))
    X0, X1 = rng.normal(size=(n0, p)) + 1, rng.normal(size=(n1, p)) - 1
    y0, y1 = X0 @ w + 2 * rng.normal(size=(n0, outputs)), rho * X1 @ w + rng.normal(size=(n1, outputs))
    return Pair(X0, y0 if outputs > 1 else y0[:, 0], X1, y1 if outputs > 1 else y1[:, 0])


@pytest.mark.parametrize("p", [6, 60])
@pytest.mark.parametrize("criterion", CRITERIA)
def test_the_choice_is_the_posteriors_peak(p, criterion):
    """Against scipy's simplex and a fine grid over (log τ0, log τ1), for the hypothesis of its own penalty."""
    pair = draw(p=p, seed=3)
    source = as_source(pair.source)
    meeting = Meeting(Spectrum.from_rows(pair.X1, pair.y1), (source,))
    hypothesis = path_of(source)["own penalty"]
    unit = meeting.target.unit

    def height(point):
        tau, scale = hypothesis.starts(np.array(point[:1]))
        score = meeting.score(tau, scale, unit * np.exp(point[1:]), criterion)[0, 0]
        return score + log_logistic(point[0]) + log_logistic(point[1])

    found = headwater.selection.survey.best(survey(meeting, [hypothesis], criterion=criterion))
    ours = np.log([found.point[0] / hypothesis.source_tau, found.point[2] / unit])
    peer = minimize(
        lambda point: -height(point), ours + 0.3, method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-12}
    )
    assert height(ours) >= -peer.fun - 1e-9
    grid = [height(np.array([a, b])) for a in np.linspace(-12, 12, 49) for b in np.linspace(-20, 12, 65)]
    assert height(ours) >= max(grid)


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("p", [6, 60])
def test_a_sources_own_penalty_is_the_criterions_best(criterion, p):
    pair = draw(n0=40, p=p, seed=4)
    spectrum = Spectrum.from_rows(pair.X0, pair.y0)
    found = SourceRidge(criterion=criterion).fit(pair.X0, pair.y0).tau_

    def height(tau):
        if criterion != "evidence":
            return -getattr(spectrum, criterion)(tau)
        share = spectrum.unit / (spectrum.unit + tau)  # uniform a priori
        return spectrum.evidence(tau) + np.log(share * (1 - share))

    grid = height(np.geomspace(1e-9, 1e9, 20_000))
    assert height(found) >= grid.max() - 1e-12 * abs(grid.max())


def test_a_source_is_not_its_own_best_for_standing_at_a_penalty():
    """τ_S* is the table's, not the penalty that a model happens to be at; nor is one without a table at its best."""
    pair = draw()
    best = pair.source.tau_
    for moved in (SourceRidge(tau=0.5).fit(pair.X0, pair.y0), pair.source.at(5.0), pair.source.at(np.inf)):
        assert moved.tau_ != best and moved.optimal_tau_ == pytest.approx(best)
        model = TransferRidge(moved).fit(pair.X1, pair.y1)
        assert model.source_optimal_tau_ == pytest.approx(best)
        np.testing.assert_allclose(model.coef_, TransferRidge(pair.source).fit(pair.X1, pair.y1).coef_)
    for tau in (0.3, np.inf):
        published = TransferRidge(pair.source, tau=tau).fit(pair.X1, pair.y1)
        model = TransferRidge(published).fit(pair.X1, pair.y1)
        assert np.isnan(model.source_optimal_tau_) and model.transferred_


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("n1", [3, 25, 400])
@pytest.mark.parametrize("scale", [True, False, "auto"])
def test_the_fineness_of_the_grid_does_not_matter(criterion, n1, scale, monkeypatch):
    pair = draw(n1=n1, seed=5)
    models = []
    for nodes in (61, 80, 121):
        monkeypatch.setattr(headwater.selection.survey, "_NODES", nodes)
        models.append(TransferRidge(pair.source, criterion=criterion, scale=scale).fit(pair.X1, pair.y1))
    for model in models[1:]:
        close = 1e-5 if criterion == "evidence" else 5e-3  # their peaks are no likelihood's, and sharper
        np.testing.assert_allclose(model.coef_, models[0].coef_, atol=close * np.abs(model.coef_).max())
        assert model.tau_ == pytest.approx(models[0].tau_, rel=1e-4)
        assert model.scale_ == pytest.approx(models[0].scale_, abs=1e-5)
        assert model.surface_.transfer_weight == pytest.approx(models[0].surface_.transfer_weight, abs=close)


def test_weights_sum_to_one_and_one_row_leaves_the_prior():
    pair = draw(n1=1)
    surface = TransferRidge(pair.source).fit(pair.X1, pair.y1).surface_
    assert surface.share.sum() == pytest.approx(1.0)
    assert all(part.weight.sum() == pytest.approx(1.0) for part in surface.parts)
    kinds = ("scratch", "same task", "same task, own level", "related")
    assert surface.mass == pytest.approx(dict.fromkeys(kinds, 1 / 4), abs=1e-3)


def test_the_average_is_the_weighted_sum_of_fits():
    pair = draw()
    source = pair.source
    model = TransferRidge(source, scale=False).fit(pair.X1, pair.y1)
    total, held = np.zeros(10), 0.0
    for part, share in zip(model.surface_.parts, model.surface_.share, strict=True):
        weight = share * part.weight
        for i, j in np.argwhere(weight > 1e-3 * weight.max()):
            start = source.at(part.source_tau[i])
            fit = L2SPRidge(start, tau=part.target_tau[j], scale=part.scale[i]).fit(pair.X1, pair.y1)
            total, held = total + weight[i, j] * fit.coef_, held + weight[i, j]
    assert held > 0.9
    assert np.abs(total - held * model.coef_).max() < (1 - held) * np.abs(model.coef_).max()
    lone = TransferRidge(pair.source, scale=False, average=False).fit(pair.X1, pair.y1)
    at = L2SPRidge(pair.source.at(lone.source_tau_), tau=lone.tau_, scale=lone.scale_).fit(pair.X1, pair.y1)
    np.testing.assert_allclose(lone.coef_, at.coef_, atol=1e-10)


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("average", [True, False])
@pytest.mark.parametrize("tau", ["auto", 0.3])
def test_without_a_source_all_roads_are_scratch(criterion, average, tau):
    pair = draw()
    options = {"criterion": criterion, "average": average, "tau": tau}
    scratch = TransferRidge(**options).fit(pair.X1, pair.y1)
    silent = SourceRidge().fit(pair.X0, np.zeros(80))
    for source in (None, pair.source, np.ones(10)):
        model = TransferRidge(source, source_tau=np.inf, **options).fit(pair.X1, pair.y1)
        np.testing.assert_array_equal(model.coef_, scratch.coef_)
        assert model.source_tau_ == np.inf
    for source in (np.zeros(10), silent):
        model = TransferRidge(source, **options).fit(pair.X1, pair.y1)
        assert not model.transferred_
        if isinstance(source, np.ndarray):
            np.testing.assert_allclose(model.coef_, scratch.coef_, rtol=1e-4)


@pytest.mark.parametrize("p", [6, 60])
def test_the_ends_of_the_target_penalty(p):
    """τ1 = inf is the start itself, τ1 = 0 the least-squares fit, nearest the start."""
    pair = draw(p=p)
    start = pair.source.at(0.7).coef_
    held = TransferRidge(pair.source, source_tau=0.7, tau=np.inf, scale=False).fit(pair.X1, pair.y1)
    np.testing.assert_allclose(held.coef_, start, atol=1e-12)
    free = TransferRidge(pair.source, source_tau=0.7, tau=0.0, scale=False).fit(pair.X1, pair.y1)
    A, r = pair.X1 - pair.X1.mean(0), pair.y1 - pair.y1.mean()
    np.testing.assert_allclose(free.coef_, start + np.linalg.pinv(A) @ (r - A @ start), atol=1e-9)


@pytest.mark.parametrize("source_of", [lambda pair: pair.source, lambda pair: pair.source.coef_], ids=["path", "point"])
@pytest.mark.parametrize("case", ["no noise", "repeated rows", "one row"])
def test_a_fit_beyond_all_bounds_is_still_a_number(source_of, case):
    """Where a penalty of 0 leaves no residual, the evidence there is infinite for every start."""
    pair = draw(p=40 if case == "repeated rows" else 10, n1=1 if case == "one row" else 25)
    X1, y1 = pair.X1, pair.y1
    if case == "no noise":
        y1 = X1 @ np.arange(10.0)
    if case == "repeated rows":
        X1, y1 = np.repeat(X1, 2, axis=0), np.repeat(y1, 2)
    for tau in (0.0, "auto"):
        model = TransferRidge(source_of(pair), tau=tau).fit(X1, y1)
        if case != "one row" or tau == 0:  # one row may be noise about the source's level
            np.testing.assert_allclose(model.predict(X1), y1, atol=1e-5 * np.abs(y1).max())
        assert not np.isnan([model.tau_, model.scale_]).any()


def fit(pair: Pair, weight=None, **options) -> TransferRidge:
    return TransferRidge(pair.source, **options).fit(pair.X1, pair.y1, weight)


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("average", [True, False])
def test_units_order_and_axes_do_not_matter(criterion, average):
    pair, options = draw(), {"criterion": criterion, "average": average}
    base, taus = fit(pair, **options), ("source_optimal_tau_", "source_tau_", "tau_")
    rng = np.random.default_rng(0)
    rows, columns, turn = rng.permutation(25), rng.permutation(10), np.linalg.qr(rng.normal(size=(10, 10)))[0]
    for factor in (1e-6, 1e6):
        outcome = fit(Pair(pair.X0, factor * pair.y0, pair.X1, factor * pair.y1), **options)
        feature = fit(Pair(factor * pair.X0, pair.y0, factor * pair.X1, pair.y1), **options)
        np.testing.assert_allclose(outcome.coef_ / factor, base.coef_, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(feature.coef_ * factor, base.coef_, rtol=1e-4, atol=1e-5)
        for name in taus:
            assert getattr(outcome, name) == pytest.approx(getattr(base, name), rel=1e-3)
            assert getattr(feature, name) == pytest.approx(getattr(base, name) * factor**2, rel=1e-3)
    shuffled = fit(Pair(pair.X0[:, columns], pair.y0, pair.X1[rows][:, columns], pair.y1[rows]), **options)
    np.testing.assert_allclose(shuffled.coef_, base.coef_[columns], rtol=1e-4, atol=1e-5)
    turned = fit(Pair(pair.X0 @ turn, pair.y0, pair.X1 @ turn, pair.y1), **options)
    np.testing.assert_allclose(turned.coef_, base.coef_ @ turn, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("criterion", ["evidence", "gcv"])
def test_frequencies_are_repetitions(criterion):
    pair = draw()
    weight = np.random.default_rng(0).integers(1, 4, 25)
    weighed = fit(pair, weight, criterion=criterion)
    repeated = fit(
        Pair(pair.X0, pair.y0, np.repeat(pair.X1, weight, axis=0), np.repeat(pair.y1, weight)), criterion=criterion
    )
    np.testing.assert_allclose(weighed.coef_, repeated.coef_, rtol=1e-5)
    for name in ("source_tau_", "tau_", "scale_"):
        assert getattr(weighed, name) == pytest.approx(getattr(repeated, name), rel=1e-4)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_rows_of_weight_zero_are_not_there(criterion):
    pair, kept = draw(), np.arange(25) < 15
    weighed = fit(pair, kept.astype(float), criterion=criterion)
    removed = fit(Pair(pair.X0, pair.y0, pair.X1[kept], pair.y1[kept]), criterion=criterion)
    np.testing.assert_allclose(weighed.coef_, removed.coef_, atol=1e-10)


@pytest.mark.parametrize("criterion", ["evidence", "gcv"])
def test_weights_that_count_no_contrast_are_refused(criterion):
    pair = draw()
    with pytest.raises(ValueError, match=f"sample_weight sums to 1: weights are frequencies, and {criterion} needs"):
        fit(pair, np.full(25, 1 / 25), criterion=criterion)


def test_outputs_together_share_one_penalty_and_one_noise():
    """Two equal outputs are twice the evidence for one choice, and the same point is its peak."""
    pair = draw()
    both = Pair(pair.X0, np.c_[pair.y0, pair.y0], pair.X1, np.c_[pair.y1, pair.y1])
    one, two = (SourceRidge(criterion="gcv").fit(pair.X0, y).tau_ for y in (pair.y0, np.c_[pair.y0, pair.y0]))
    assert one == pytest.approx(two)
    model = fit(both)
    assert np.ndim(model.tau_) == 0
    np.testing.assert_allclose(model.coef_[0], model.coef_[1])
    assert model.coef_.shape == (2, 10)


@pytest.mark.parametrize("scale", [1, 0, 1.0, "yes", None, np.array([True])])
def test_a_scale_is_a_truth_value_or_auto(scale):
    pair = draw()
    with pytest.raises(ValueError, match="scale must be True, False or 'auto'"):
        fit(pair, scale=scale)


def test_numpys_truth_values_are_truth_values():
    pair = draw()
    for value in (True, False):
        np.testing.assert_array_equal(fit(pair, scale=np.bool_(value)).coef_, fit(pair, scale=value).coef_)


def test_the_choice_of_others_cannot_be_changed():
    """Published coefficients have one penalty; a fitted source's settings are not this estimator's."""
    pair = draw()
    with pytest.raises(ValueError, match="only the source's coefficients are known"):
        TransferRidge(pair.source.coef_, source_tau=3.0).fit(pair.X1, pair.y1)
    model = TransferRidge(pair.source)
    with pytest.raises(ValueError, match="source__tau would change a fitted source"):
        model.set_params(source__tau=3.0)
    assert model.source.tau == "auto"


def test_searching_in_two_processes_leaves_the_source_as_it_was():
    pair = draw(n1=30)
    source = pair.source
    before = source.coef_.tobytes()
    grid = {"source_tau": ["auto", 0.5, np.inf], "tau": ["auto", 1.0], "scale": [True, False]}
    search = GridSearchCV(TransferRidge(source), grid, cv=3, n_jobs=2, error_score="raise").fit(pair.X1, pair.y1)
    assert search.best_estimator_.source is source
    assert source.coef_.tobytes() == before
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_predict_alike(copied):
    pair = draw()
    for model in (pair.source, fit(pair), fit(draw(outputs=2))):
        again = copied(model)
        np.testing.assert_array_equal(again.predict(pair.X1), model.predict(pair.X1))
        np.testing.assert_array_equal(clone(again).fit(pair.X1, model.predict(pair.X1)).coef_.shape, model.coef_.shape)


def test_a_pipeline_whose_steps_rename_the_columns():
    def frame(X):
        return pd.DataFrame(X, columns=list("abcdefghij")).assign(kind=np.where(X[:, 0] > 0, "u", "v"))

    pair = draw()
    prepare = make_column_transformer(
        (OneHotEncoder(sparse_output=False), ["kind"]), (StandardScaler(), list("abcdefghij"))
    )
    named = make_pipeline(prepare, SourceRidge()).set_output(transform="pandas").fit(frame(pair.X0), pair.y0)
    plain = make_pipeline(clone(prepare), SourceRidge()).set_output(transform="default").fit(frame(pair.X0), pair.y0)
    models = [TransferRidge(source).fit(frame(pair.X1), pair.y1) for source in (named, plain)]
    np.testing.assert_allclose(models[0].coef_, models[1].coef_)
    np.testing.assert_allclose(*(model.predict(frame(pair.X1)) for model in models))
