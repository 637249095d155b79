"""Advice: its words follow its numbers, and its numbers are those of refits, whatever the tables."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from headwater import SourceRidge, TransferRidge, advise

RNG = np.random.default_rng(0)
P = 6
WEIGHTS = RNG.normal(size=P)
X0, X1 = RNG.normal(size=(150, P)), RNG.normal(size=(24, P))
NOISE0, NOISE1 = RNG.normal(size=150), RNG.normal(size=24)
Y0, Y1 = X0 @ WEIGHTS + NOISE0, 0.8 * X1 @ WEIGHTS + 0.5 * NOISE1
V0, V1 = RNG.random(150) + 0.5, RNG.random(24) + 0.5

TABLES = {
    "plain": ((X0, Y0), (X1, Y1)),
    "weighted": ((X0, Y0, V0), (X1, Y1, V1)),
    "two outputs": ((X0, np.c_[Y0, -Y0]), (X1, np.c_[Y1, -Y1])),
    "wide": ((RNG.normal(size=(30, 80)), Y0[:30]), (RNG.normal(size=(12, 80)), Y1[:12])),
    "one row": ((X0, Y0), (X1[:1], Y1[:1])),
    "two rows": ((X0, Y0), (X1[:2], Y1[:2])),
    "three rows": ((X0, Y0), (X1[:3], Y1[:3])),
    "a constant outcome": ((X0, Y0), (X1, np.full(24, 0.1))),
    "constant features": ((X0, Y0), (np.ones((24, P)), Y1)),
    "a constant source outcome": ((X0, np.full(150, 0.1)), (X1, Y1)),
    "an unrelated source": ((X0, NOISE0), (X1, Y1)),
    "an opposite source": ((X0, -Y0), (X1, Y1)),
    "no noise anywhere": ((X0, X0 @ WEIGHTS), (X1, X1 @ WEIGHTS)),
    "a dummy of one row": ((X0, Y0), (np.c_[X1[:, 1:], np.eye(24)[0]], Y1)),
    "a fitted source": (SourceRidge().fit(X0, Y0), (X1, Y1)),
    "a source at no penalty": (SourceRidge(tau=0.0).fit(X0, Y0), (X1, Y1)),
    "a source at infinity": (SourceRidge(tau=np.inf).fit(X0, Y0), (X1, Y1)),
    "published coefficients": (WEIGHTS, (X1, Y1)),
    "published zeros": (np.zeros(P), (X1, Y1)),
    "a pipeline": (make_pipeline(StandardScaler(), SourceRidge()).fit(X0 + 5, Y0), (X1 + 5, Y1)),
}


@pytest.mark.parametrize("case", TABLES)
@pytest.mark.parametrize("criterion", ["evidence", "gcv", "loo"])
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_every_table_has_an_answer(case, criterion):
    source, target = TABLES[case]
    advice = advise(source, target, criterion=criterion)
    assert advice.verdict in ("transfer", "scratch")
    assert advice.direction in ("harder", "softer", "equal", "scratch", "unknown")
    assert (advice.direction == "scratch") == np.isinf(advice.transfer_optimal_tau)
    assert advice.direction == "scratch" or advice.verdict == "transfer"
    assert 0 <= advice.weight <= 1
    assert (advice.weight > 0.5) == (advice.verdict == "transfer")
    assert np.isnan(advice.source_optimal_tau) == (case == "published coefficients")
    assert np.isnan(advice.transfer_optimal_tau) <= (case == "published coefficients")
    assert not np.isnan([advice.target_tau, advice.scale]).any()
    for error in dataclasses.astuple(advice.errors):
        assert np.isfinite(error) == (case != "one row")
    assert advice.benefit.low <= advice.benefit.estimate <= advice.benefit.high
    assert np.isfinite(advice.model.coef_).all()
    text = str(advice)
    assert text.startswith("verdict: ")
    assert advice.sentence in text
    assert all(note in text for note in advice.notes)
    assert json.loads(json.dumps(advice.as_dict()))["verdict"] == advice.verdict


@pytest.mark.parametrize(
    ("ratio", "direction", "words"),
    [
        (3.0, "harder", "regularised 3 times more than is best for itself"),
        (0.25, "softer", "regularised 4 times less than is best for itself"),
        (1.005, "equal", "at its own best penalty"),
        (0.0, "softer", "with the source at penalty 0"),
        (np.inf, "scratch", "only scaled"),
        (np.nan, "unknown", "transfer ("),
    ],
)
def test_words_follow_numbers(ratio, direction, words):
    advice = advise((X0, Y0), (X1, Y1))
    assert advice.verdict == "transfer"
    advice = dataclasses.replace(advice, transfer_optimal_tau=ratio * advice.source_optimal_tau)
    assert advice.direction == direction
    assert words in advice.sentence
    np.testing.assert_allclose(advice.as_dict()["ratio"], ratio)


def test_scratch_is_said_in_words():
    advice = advise((X0, NOISE0), (X1, X1 @ WEIGHTS))
    assert (advice.verdict, advice.direction, advice.transfer_optimal_tau) == ("scratch", "scratch", np.inf)
    assert advice.sentence.startswith("do not transfer: fit the target from scratch")


def test_the_numbers_are_the_fitted_models():
    advice = advise((X0, Y0), (X1, Y1))
    source = SourceRidge().fit(X0, Y0)
    model = TransferRidge(source).fit(X1, Y1)
    np.testing.assert_allclose(advice.model.coef_, model.coef_)
    assert advice.source_optimal_tau == source.tau_
    assert advice.weight == model.surface_.transfer_weight
    assert (advice.source.rows, advice.source.features, advice.source.outputs) == (150, P, 1)
    assert advice.target.rows == 24
    assert advise(source, (X1, Y1)).as_dict() == advice.as_dict()
    weighted = advise((X0, Y0, V0), (X1, Y1, V1))
    assert (weighted.source.rows, weighted.target.rows) == pytest.approx((V0.sum(), V1.sum()))


@pytest.mark.parametrize("n1", [8, 24])
def test_predicted_errors_are_those_of_refits(n1):
    """Refitting TransferRidge without each row moves its grids and its unit a little, and nothing else."""
    X, y = X1[:n1], Y1[:n1]
    source = SourceRidge().fit(X0, Y0)
    errors = advise(source, (X, y)).errors
    ways = {
        "scratch": TransferRidge(),
        "chosen": TransferRidge(source),
        "source_optimal": TransferRidge(source, source_tau=source.tau_, scale=False),
    }
    for name, way in ways.items():
        rest = [np.arange(n1) != i for i in range(n1)]
        left = [y[~k] - way.fit(X[k], y[k]).predict(X[~k]) for k in rest]
        assert getattr(errors, name) == pytest.approx(np.mean(np.square(left)), rel=0.05)


def test_the_benefit_is_its_definition():
    """The mean of 2 y ŷ0 − ŷ0², centred: what the source's predictions take off the variance of y."""
    source = SourceRidge().fit(X0, Y0)
    benefit = advise(source, (X1, Y1)).benefit
    y, predicted = Y1 - Y1.mean(), (X1 - X1.mean(axis=0)) @ source.coef_
    each = 2 * y * predicted - predicted**2
    assert benefit.estimate == pytest.approx(each.mean())
    assert benefit.estimate == pytest.approx(np.var(y) - np.mean((y - predicted) ** 2))
    half = 2.0687 * each.std(ddof=1) / np.sqrt(24)  # Student's 0.975 quantile of 23 degrees of freedom
    assert (benefit.low, benefit.high) == pytest.approx((each.mean() - half, each.mean() + half), rel=1e-4)


@pytest.mark.parametrize("rows", [1, 2])
def test_too_few_rows_bound_nothing(rows):
    """Two rows, centred, mirror each other: their spread is 0, and an interval from it would be a certainty."""
    benefit = advise((X0, Y0), (X1[:rows], Y1[:rows])).benefit
    assert (benefit.low, benefit.high) == (-np.inf, np.inf)


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        (None, (X1, Y1), "source is None"),
        ((X0[:, :3], Y0), (X1, Y1), "3 features and the target 6"),
        (SourceRidge(), (X1, Y1), "fit it first"),
        ((X0, Y0), (X1, Y1[:5]), "inconsistent numbers of samples"),
        ((X0, Y0), (X1, Y1, -V1), "not negative"),
    ],
)
def test_bad_tables_are_named(source, target, message):
    with pytest.raises(ValueError, match=message):
        advise(source, target)
