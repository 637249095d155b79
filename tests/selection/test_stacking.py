"""Several sources: chosen among, averaged over and stacked, where the answer is known or has another route."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse
from optional import pd
from refits import left_out
from scipy.special import logsumexp
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, PolynomialFeatures, RobustScaler, StandardScaler

from headwater import L2SPRidge, SourceRidge, Spectrum, TransferRidge, advise
from headwater.selection.hypotheses import hypotheses
from headwater.selection.left_out import averaged_loo_residuals
from headwater.selection.meeting import Meeting
from headwater.selection.source import as_source
from headwater.selection.stacking import Stack
from headwater.selection.survey import survey

P = 8
RNG = np.random.default_rng(0)
WEIGHTS = RNG.normal(size=P)


def source(weights=WEIGHTS, rows=60, noise=1.5, seed=0, outputs=None):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, P)) + 1
    y = X @ weights + noise * rng.normal(size=rows)
    return SourceRidge().fit(X, y if outputs is None else np.c_[y, rng.normal(size=(rows, outputs - 1))])


def target(rows=25, weights=WEIGHTS, scale=0.6, noise=1.0, seed=1):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, P)) - 1
    return X, scale * X @ weights + noise * rng.normal(size=rows)


GOOD, OTHER = source(), source(seed=2)
OPPOSITE, UNRELATED = source(-WEIGHTS, seed=3), source(np.random.default_rng(9).normal(size=P), seed=4)
HUNDREDFOLD, SILENT = source(100 * WEIGHTS, noise=150, seed=5), source(0 * WEIGHTS, noise=0.0)
X1, Y1 = target()


def meeting_of(models, X=X1, y=Y1, weight=None, groups=None):
    return Meeting(Spectrum.from_rows(X, y, weight, groups=groups), tuple(map(as_source, models)))


@pytest.mark.parametrize("rows", [1, 6, 25, 300])
@pytest.mark.parametrize("times", [2, 3])
def test_the_same_source_again_changes_nothing(rows, times):
    X, y = target(rows)
    once, again = TransferRidge(GOOD).fit(X, y), TransferRidge([GOOD] * times).fit(X, y)
    np.testing.assert_allclose(again.coef_, once.coef_, atol=1e-6)
    mass, shared = once.surface_.mass, again.surface_.mass
    for kind in ("same task", "same task, own level"):
        assert sum(shared[f"{kind}, source[{i}]"] for i in range(times)) == pytest.approx(mass[kind], abs=1e-6)
    # Half of what speaks for a related source is now said by the stack, without a grid over its numbers.
    assert shared["stacked"] == pytest.approx(mass["related"] / 2, abs=1e-6)
    np.testing.assert_allclose(again.source_weight_, again.source_weight_[0])


def test_the_stack_is_what_a_grid_over_its_numbers_says():
    meeting, tau = meeting_of([GOOD, UNRELATED]), np.array([0.05, 1.0, 20.0])
    stack = Stack(meeting, np.array([GOOD.tau_, UNRELATED.tau_]))
    log_evidence, scale = stack.surveyed(tau, meeting.target.contrasts)
    nodes = np.linspace(-2.5, 3.0, 221)
    grid = np.stack(np.meshgrid(nodes, nodes, indexing="ij"), axis=-1).reshape(-1, 2)
    prior = (
        -0.5 * ((grid - 0.25) ** 2 / 0.125).sum(axis=1) - np.log(2 * np.pi * 0.125) + 2 * np.log(nodes[1] - nodes[0])
    )
    height = meeting.score(np.tile(stack.source_tau, (len(grid), 1)), grid, tau, "evidence") + prior[:, None]
    np.testing.assert_allclose(log_evidence[0], logsumexp(height, axis=0), atol=1e-6)
    np.testing.assert_allclose(scale, (np.exp(height - logsumexp(height, axis=0)).T @ grid), atol=1e-6)


@pytest.mark.parametrize("criterion", ["evidence", "gcv", "loo"])
def test_the_order_of_sources_does_not_matter(criterion):
    models = [GOOD, UNRELATED, HUNDREDFOLD, OTHER.coef_]
    order = [3, 1, 0, 2]
    first = TransferRidge(models, criterion=criterion).fit(X1, Y1)
    second = TransferRidge([models[i] for i in order], criterion=criterion).fit(X1, Y1)
    np.testing.assert_allclose(second.coef_, first.coef_, atol=1e-8)
    for name in ("source_weight_", "source_tau_", "scale_", "source_optimal_tau_"):
        np.testing.assert_allclose(getattr(second, name), getattr(first, name)[order], atol=1e-8)


def test_a_source_that_says_nothing_is_not_there():
    assert np.isinf(SILENT.tau_)
    models = [TransferRidge(sources).fit(X1, Y1) for sources in ([GOOD, OTHER], [SILENT, GOOD, np.zeros(P), OTHER])]
    np.testing.assert_allclose(models[1].coef_, models[0].coef_, atol=1e-9)
    np.testing.assert_allclose(
        models[1].source_weight_, [0, models[0].source_weight_[0], 0, models[0].source_weight_[1]]
    )
    assert not TransferRidge([SILENT, np.zeros(P)]).fit(X1, Y1).transferred_


def test_a_lone_source_in_a_list_is_that_source():
    alone, listed = TransferRidge(GOOD).fit(X1, Y1), TransferRidge([GOOD]).fit(X1, Y1)
    np.testing.assert_array_equal(listed.coef_, alone.coef_)
    assert listed.surface_.mass == alone.surface_.mass
    for name in ("source_tau_", "scale_", "source_optimal_tau_"):
        np.testing.assert_array_equal(getattr(listed, name), [getattr(alone, name)])


@pytest.mark.parametrize("bad", [[OPPOSITE], [HUNDREDFOLD], [UNRELATED], [UNRELATED] * 5, [SILENT]], ids=len)
def test_bad_sources_do_not_hurt(bad):
    """Mean excess error over 40 targets, a bad source or five beside a good one, against the good one alone."""
    errors = {False: [], True: []}
    for seed in range(40):
        X, y = target(20, scale=0.9, seed=100 + seed)
        for several in errors:
            model = TransferRidge([*bad, GOOD] if several else GOOD).fit(X, y)
            errors[several].append(np.sum((model.coef_ - 0.9 * WEIGHTS) ** 2))
    assert 1 + np.mean(errors[True]) <= 1.03 * (1 + np.mean(errors[False]))  # the noise variance is 1


def test_sources_that_complete_each_other_are_stacked():
    halves = [WEIGHTS * (np.arange(P) % 2 == i) for i in (0, 1)]
    models = [source(half, rows=400, seed=6 + i) for i, half in enumerate(halves)]
    X, y = target(200, scale=1.0)
    stacked = TransferRidge(models).fit(X, y)
    assert stacked.surface_.mass["stacked"] > 0.9
    np.testing.assert_allclose(stacked.scale_, 1, atol=0.2)
    assert (stacked.source_tau_ == stacked.source_optimal_tau_).all()
    errors = [np.sum((TransferRidge(model).fit(X, y).coef_ - WEIGHTS) ** 2) for model in (models, *models)]
    assert errors[0] < 0.5 * min(errors[1:])


@pytest.mark.parametrize("models", [[GOOD, OTHER], [OPPOSITE, HUNDREDFOLD, UNRELATED.coef_]], ids=["alike", "unlike"])
@pytest.mark.parametrize(
    "options", [{}, {"tau": 0.3}, {"source_tau": 0.5}, {"criterion": "gcv", "scale": True}], ids=str
)
def test_the_chosen_point_is_the_l2sp_fit_it_names(models, options):
    if "source_tau" in options:
        models = [model for model in models if isinstance(model, SourceRidge)]
    chosen = TransferRidge(models, average=False, **{"scale": False, **options}).fit(X1, Y1)
    starts = [model.at(tau).coef_ if isinstance(model, SourceRidge) else model
              for model, tau in zip(models, chosen.source_tau_, strict=True)]  # fmt: skip
    start = np.sum([a * w for a, w in zip(chosen.scale_, starts, strict=True)], axis=0)
    np.testing.assert_allclose(chosen.coef_, L2SPRidge(start, tau=chosen.tau_).fit(X1, Y1).coef_, atol=1e-9)
    assert ((chosen.scale_ == 0) >= np.isinf(chosen.source_tau_)).all()


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("rows", [6, 25])
@pytest.mark.parametrize("left_out_of", ["rows", "weighted rows", "groups"])
def test_stacked_sources_are_left_out_exactly(outputs, rows, left_out_of):
    """Against refitting without the row or group: the numbers of the stack and every weight anew."""
    rng = np.random.default_rng(rows)
    X, y = target(rows)
    y = np.c_[y, rng.normal(size=(rows, outputs - 1))]
    weight = rng.integers(1, 4, rows).astype(float) if left_out_of == "weighted rows" else np.ones(rows)
    groups = np.arange(rows) // 2
    models = [
        source(outputs=outputs, seed=0),
        source(outputs=outputs, seed=2),
        source(-WEIGHTS, outputs=outputs, seed=3),
    ]
    meeting = meeting_of(models, X, y, weight, groups if left_out_of == "groups" else None)
    surface = survey(meeting, hypotheses(meeting.sources))
    brute = left_out(meeting.sources, surface, X, y, weight, groups if left_out_of == "groups" else None)
    np.testing.assert_allclose(averaged_loo_residuals(surface), brute, atol=1e-9)


def test_weights_are_frequencies():
    weight = np.random.default_rng(0).integers(1, 4, 25)
    weighed = TransferRidge([GOOD, OPPOSITE]).fit(X1, Y1, weight)
    repeated = TransferRidge([GOOD, OPPOSITE]).fit(np.repeat(X1, weight, axis=0), np.repeat(Y1, weight))
    np.testing.assert_allclose(weighed.coef_, repeated.coef_, rtol=1e-6)
    np.testing.assert_allclose(weighed.source_weight_, repeated.source_weight_, rtol=1e-6)


@pytest.mark.parametrize("case", ["one row", "no noise", "repeated rows", "a constant outcome", "a constant feature"])
@pytest.mark.parametrize("tau", ["auto", 0.0, 1.0, np.inf])
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_every_target_has_an_answer(case, tau):
    X, y = X1.copy(), Y1.copy()
    if case == "one row":
        X, y = X[:1], y[:1]
    elif case == "no noise":
        y = X @ WEIGHTS
    elif case == "repeated rows":
        X, y = np.repeat(X[:5], 2, axis=0), np.repeat(y[:5], 2)
    elif case == "a constant outcome":
        y = np.full(25, 3.0)
    else:
        X[:] = 1.0
    for models in ([GOOD, OTHER], [GOOD, WEIGHTS, HUNDREDFOLD]):
        model = TransferRidge(models, tau=tau).fit(X, y)
        assert np.isfinite(model.coef_).all()
        assert model.surface_.share.sum() == pytest.approx(1)
        assert not np.isnan([*model.scale_, model.tau_]).any()


def test_each_output_may_choose_for_itself():
    Y = np.c_[Y1, -Y1, RNG.normal(size=25)]
    models = [source(outputs=3, seed=seed) for seed in (0, 2)]
    each, shared = (TransferRidge(models, per_output=per_output).fit(X1, Y) for per_output in (True, False))
    assert each.coef_.shape == shared.coef_.shape == (3, P)
    for name in ("source_tau_", "scale_", "source_weight_", "source_optimal_tau_"):
        assert getattr(each, name).shape == (3, 2)
        assert getattr(shared, name).shape == (2,)
    assert each.tau_.shape == (3,) and np.isscalar(shared.tau_)
    alone = [as_source(model).output(0) for model in models]
    np.testing.assert_allclose(each.coef_[0], TransferRidge(alone).fit(X1, Y1).coef_, atol=1e-8)


def test_sources_are_kept_by_reference():
    models = [GOOD, OTHER, WEIGHTS, Ridge().fit(*target(40))]
    before = [model.coef_.tobytes() for model in (GOOD, OTHER)]
    model = TransferRidge(models)
    assert clone(model).source is models
    search = GridSearchCV(model, {"source_tau": ["auto", np.inf], "scale": [True, False, "auto"]}, cv=3)
    assert search.fit(X1, Y1).best_estimator_.source is models
    assert np.isfinite(cross_val_score(model, X1, Y1, cv=4)).all()
    assert [model.coef_.tobytes() for model in (GOOD, OTHER)] == before
    for copied in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(copied.fit(X1, Y1).predict(X1), model.fit(X1, Y1).predict(X1))


def test_a_list_of_numbers_is_one_source():
    listed, array = (TransferRidge(w).fit(X1, Y1) for w in (WEIGHTS.tolist(), WEIGHTS))
    np.testing.assert_array_equal(listed.coef_, array.coef_)
    assert np.isscalar(listed.tau_) and not hasattr(listed, "source_weight_")
    Y = np.c_[Y1, 2 * Y1]
    np.testing.assert_array_equal(
        *(TransferRidge(w).fit(X1, Y).coef_ for w in ([WEIGHTS.tolist()] * 2, np.array([WEIGHTS] * 2)))
    )


def tables(count=2):
    rng = np.random.default_rng(7)
    found = []
    for i in range(count):
        X = (rng.normal(size=(50, P)) + i) * (i + 1)
        found.append((pd.DataFrame(X, columns=list("abcdefgh")), X @ WEIGHTS + rng.normal(size=50)))
    return found


def test_pipelines_of_one_fitted_preprocessor_carry_it():
    scaler = StandardScaler().fit(tables()[0][0])
    models = [SourceRidge().fit(scaler.transform(X), y) for X, y in tables()]
    frame = pd.DataFrame(X1, columns=list("abcdefgh"))
    carried = TransferRidge([make_pipeline(scaler, model) for model in models]).fit(frame, Y1)
    by_hand = TransferRidge(models).fit(scaler.transform(frame), Y1)
    np.testing.assert_array_equal(carried.coef_, by_hand.coef_)
    np.testing.assert_array_equal(carried.predict(frame), by_hand.predict(scaler.transform(frame)))
    copied = TransferRidge([make_pipeline(copy.deepcopy(scaler), model) for model in models]).fit(frame, Y1)
    np.testing.assert_array_equal(carried.coef_, copied.coef_)
    lone = [Pipeline([("only", GOOD)]), OTHER]
    np.testing.assert_array_equal(TransferRidge(lone).fit(X1, Y1).coef_, TransferRidge([GOOD, OTHER]).fit(X1, Y1).coef_)


@pytest.mark.parametrize("scaler", [StandardScaler, MinMaxScaler, RobustScaler, lambda: StandardScaler(with_std=False)])
def test_columns_rescaled_by_each_source_are_the_same_columns(scaler):
    """Against the raw coefficients that each Pipeline's amount to, met in the first one's units."""
    models = [make_pipeline(scaler(), Ridge(alpha=5.0)).fit(X, y) for X, y in tables(3)]
    corners = pd.DataFrame(np.r_[np.eye(P), np.zeros((1, P))], columns=list("abcdefgh"))
    raw = [(model.predict(corners)[:-1] - model.predict(corners)[-1]) for model in models]
    frame = pd.DataFrame(X1, columns=list("abcdefgh"))
    lead = models[0][0]
    slope = lead.transform(frame + 1).mean(axis=0) - lead.transform(frame).mean(axis=0)
    peer = TransferRidge([w / slope for w in raw]).fit(lead.transform(frame), Y1)
    ours = TransferRidge([models[0], raw[1], models[2]]).fit(frame, Y1)
    np.testing.assert_allclose(ours.coef_, peer.coef_, atol=1e-8)
    np.testing.assert_allclose(ours.predict(frame), peer.predict(lead.transform(frame)), atol=1e-8)


@pytest.mark.parametrize("sparse", [False, True])
def test_a_path_in_other_units_is_the_path_rescaled(sparse):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(6, P)), rng.normal(size=6)
    rows = scipy.sparse.csr_array(X) if sparse else X
    one = SourceRidge(fit_intercept=False).fit(rows, y)
    unit = np.arange(1.0, P + 1)
    meeting = Meeting(Spectrum.from_rows(X1, Y1), (replace(as_source(one), unit=unit),))
    tau, ones = np.array([0.1, 2.0]), np.ones(2)
    starts = np.array([unit * one.at(t).coef_ for t in tau])
    peer = Meeting(Spectrum.from_rows(X1, Y1), tuple(map(as_source, starts)))
    published = np.where(np.eye(2) > 0, np.nan, np.inf), np.eye(2)
    np.testing.assert_allclose(meeting.shifted(tau, ones), peer.shifted(*published), atol=1e-9)
    for lone in np.eye(4).reshape(4, 2, 2):  # of two starts at two penalties
        fits = [c.coefficients(*points, tau, lone) for c, points in ((meeting, (tau, ones)), (peer, published))]
        np.testing.assert_allclose(*fits, atol=1e-9)


def test_preprocessors_that_differ_are_refused():
    each = [make_pipeline(StandardScaler(), PolynomialFeatures(1, include_bias=False), SourceRidge()).fit(X, y)
            for X, y in tables()]  # fmt: skip
    scaler = StandardScaler()
    refitted = [make_pipeline(scaler, SourceRidge()).fit(X, y) for X, y in tables()]
    own = [make_pipeline(StandardScaler(), SourceRidge()).fit(X, y)[-1] for X, y in tables()]
    frame = pd.DataFrame(X1, columns=list("abcdefgh"))
    cases = [
        (each, r"source\[1\] has another preprocessor than source\[0\]"),
        ([each[0][-1], each[1]], r"source\[0\] has another preprocessor than source\[1\]"),
        (refitted, r"source\[0\] and source\[1\] were each standardised by their own means"),
        (own, r"source\[0\] and source\[1\] were each standardised by their own means"),
    ]
    for models, message in cases:
        with pytest.raises(ValueError, match=message) as caught:
            TransferRidge(models).fit(frame, Y1)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ([GOOD, WEIGHTS[:4]], r"source\[1\]: the source has 4 features and the target 8"),
        ([np.ones((2, P)), GOOD], r"source\[0\]: the source has 2 outputs and the target 1"),
        ([GOOD, SourceRidge()], r"source\[1\]: .* fit it first"),
        ([GOOD, None], r"source\[1\]: .* has no coef_"),
        ([GOOD, np.full(P, np.nan)], r"source\[1\]: .* finite"),
    ],
)
def test_the_source_at_fault_is_named(models, message):
    with pytest.raises(ValueError, match=message):
        TransferRidge(models).fit(X1, Y1)
    with pytest.raises(ValueError, match="L2SPRidge starts from one source"):
        L2SPRidge([GOOD, OTHER]).fit(X1, Y1)


def tables_of(models=(WEIGHTS, -WEIGHTS, WEIGHTS)):
    rng = np.random.default_rng(11)
    found = []
    for weights, noise in zip(models, (1.5, 1.5, 4.0), strict=True):
        X = rng.normal(size=(60, P))
        found.append((X, X @ weights + noise * rng.normal(size=60)))
    return found


@pytest.mark.parametrize("criterion", ["evidence", "loo"])
def test_advice_ranks_sources_and_is_about_the_first(criterion):
    sources = tables_of()
    advice = advise(sources[1:] + sources[:1], (X1, Y1), criterion=criterion)
    alone = advise(sources[0], (X1, Y1), criterion=criterion)
    ranking = advice.ranking
    errors = [one.error for one in ranking.sources]
    order = [one.source for one in ranking.sources]
    assert order[0] == 2 and errors == sorted(errors)
    assert alone.ranking is None and alone.as_dict()["ranking"] is None
    assert advice.errors == alone.errors and advice.source_optimal_tau == alone.source_optimal_tau
    assert ranking.sources[0].error == pytest.approx(alone.errors.chosen)
    fitted = TransferRidge([SourceRidge(criterion=criterion).fit(*one) for one in sources], criterion=criterion)
    np.testing.assert_allclose(ranking.model.predict(X1), fitted.fit(X1, Y1).predict(X1), atol=1e-8)
    np.testing.assert_allclose(
        [one.weight for one in ranking.sources], fitted.source_weight_[[[1, 2, 0][i] for i in order]], atol=1e-8
    )
    assert (ranking.stacked > 0) == (criterion == "evidence") == all(np.isfinite(one.scale) for one in ranking.sources)
    assert "Source[2] serves best of 3" in str(advice) and str(ranking) in str(advice)
    assert [one["source"] for one in advice.as_dict()["ranking"]["sources"]] == order


def test_the_predicted_error_of_all_together_is_that_of_refitting_without_each_row():
    sources = [SourceRidge().fit(*one) for one in tables_of()]
    rest = np.arange(25) != np.arange(25)[:, None]
    # At fixed alpha = nτ, as the prediction is: the surface's penalties grow as rows leave, so the two agree closely.
    left = [Y1[i] - TransferRidge(sources).fit(X1[kept], Y1[kept]).predict(X1[[i]])[0] for i, kept in enumerate(rest)]
    assert advise(sources, (X1, Y1)).ranking.error == pytest.approx(np.mean(np.square(left)), rel=0.02)


def test_fitted_sources_of_every_kind_are_ranked():
    frame = pd.DataFrame(X1, columns=list("abcdefgh"))
    kinds = [make_pipeline(StandardScaler(), SourceRidge()).fit(*tables()[0]), WEIGHTS, Ridge().fit(*tables()[1])]
    advice = advise(kinds, (frame, Y1))
    assert sorted(one.source for one in advice.ranking.sources) == [0, 1, 2]
    assert all(held is given for held, given in zip(advice.ranking.model.source, kinds, strict=True))
    assert np.isfinite(advice.ranking.error)
