"""Advice: its words follow its numbers, and its numbers are those of refits, whatever the tables."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from headwater import SourceRidge, TransferRidge, advise
from headwater.advice.wording import _numbers
from headwater.selection.predictive import Interval

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
    advice = advise(source, target, criterion=criterion, weights_kind="frequency")
    assert advice.verdict in ("transfer", "scratch", "undecided")
    assert advice.safer in ("transfer", "scratch")
    assert (advice.verdict == "undecided") or advice.safer == advice.verdict
    assert np.isnan(advice.rows_needed) or (advice.verdict == "undecided" and advice.rows_needed > 0)
    assert advice.direction in ("harder", "softer", "equal", "scratch", "unknown")
    assert (advice.direction == "scratch") == np.isinf(advice.transfer_optimal_tau)
    assert 0 <= advice.weight <= 1
    assert advice.verdict != "transfer" or (advice.gain.chosen.estimate > 0 and advice.rival["chosen"].chance >= 0.75)
    for gain in (advice.gain.chosen, advice.gain.source_optimal):
        assert np.isnan(gain.estimate) or gain.low <= gain.estimate <= gain.high
    if advice.curve is not None:
        assert np.isfinite([*advice.curve.predicted, *advice.curve.leave_one_out]).all()
    assert np.isnan(advice.source_optimal_tau) == (case == "published coefficients")
    assert np.isnan(advice.transfer_optimal_tau) <= (case == "published coefficients")
    assert not np.isnan([advice.target_tau, advice.scale]).any()
    for rival in advice.rivals:
        assert np.isfinite(rival.error.estimate) == (case != "one row")
        assert case == "one row" or 0 <= rival.error.low <= rival.error.estimate <= rival.error.high
    assert advice.benefit.low <= advice.benefit.estimate <= advice.benefit.high
    assert np.isfinite(advice.model.coef_).all()
    text = str(advice)
    assert text.startswith(advice.sentence)
    assert len(text.splitlines()) <= 14
    assert "--" not in text and ("more notes with .explanation" in text) == (len(advice.notes) > 2)
    assert len(repr(advice).splitlines()) <= 10
    assert all(note in advice.explanation for note in advice.notes)
    plain = json.loads(json.dumps(advice.as_dict()))
    assert plain["verdict"] == advice.verdict
    assert {"estimate", "low", "high", "identified"} <= plain["alignment"].keys()
    assert plain["gain"].keys() == {"chosen", "source_optimal"}
    assert {"law", "curve", "safer", "rows_needed", "table"} <= plain.keys()


@pytest.mark.parametrize(
    ("ratio", "direction"),
    [(3.0, "harder"), (0.25, "softer"), (1.005, "equal"), (0.0, "softer"), (np.inf, "scratch"), (np.nan, "unknown")],
)
def test_the_direction_follows_the_penalties(ratio, direction):
    advice = advise((X0, Y0), (X1, Y1))
    advice = dataclasses.replace(advice, transfer_optimal_tau=ratio * advice.source_optimal_tau)
    assert advice.direction == direction
    written = advice.as_dict()["ratio"]
    assert written is None if np.isnan(ratio) else written == pytest.approx(ratio)


def _with(advice, gain, chance, scratch=1.0):
    """The advice with this gain and chance in its table's first row."""
    first, second, *rest = advice.rivals
    second = dataclasses.replace(second, error=Interval(scratch, 0.5, 2.0))
    return dataclasses.replace(advice, rivals=(dataclasses.replace(first, gain=gain, chance=chance), second, *rest))


@pytest.mark.parametrize(
    ("gain", "chance", "verdict", "words"),
    [
        (
            (0.2, -0.05, 0.38),
            0.93,
            "transfer",
            "Transfer. Expect about 20 % less prediction error (squared) than from the target",
        ),
        (
            (0.2, 0.12, 0.38),
            0.99,
            "transfer",
            "a chance of 99 %, and 9 times in 10 the error is from 38 % less to 12 % less.",
        ),
        (
            (0.003, -0.01, 0.014),
            0.6,
            "scratch",
            "Do not transfer: it would not help enough. Use the target's 24 rows alone",
        ),
        ((0.003, 0.001, 0.014), 0.99, "scratch", "at best 1.4 % less"),
        ((0.0, 0.0, 0.0), 0.5, "scratch", "takes nothing off"),
        ((0.05, -0.2, 0.3), 0.6, "undecided", "prediction error (squared) may be anything from 30 % less to 20 % more"),
        (
            (-0.05, -0.2, 0.3),
            0.4,
            "undecided",
            "Too little data to tell; for now use the target's 24 rows alone, expected to err less.",
        ),
        ((np.nan, -np.inf, np.inf), np.nan, "undecided", "Too little data to tell"),
    ],
)
def test_the_verdict_is_read_from_the_table_and_so_are_its_words(gain, chance, verdict, words):
    advice = _with(advise((X0, Y0), (X1, Y1)), Interval(*gain), chance)
    assert advice.verdict == verdict
    assert words in advice.sentence


def test_numbers_have_three_digits_and_one_notation():
    assert _numbers([(2763.5, 1684.0, 0.25)]) == [("2,760", "1,680", "0.250")]
    assert _numbers([(2.7e-9, 1.0, np.inf)]) == [("2.70e-09", "1.00e+00", "unknown")]
    assert _numbers([(0.41, 0.0, 9.999)]) == [("0.410", "0.00", "10.0")]


def test_the_table_is_a_data_frame_or_records(monkeypatch):
    advice = advise((X0, Y0), (X1, Y1))
    monkeypatch.setattr("headwater.estimators.by_name.find_spec", lambda name: None)
    records = advice.table
    assert [row["name"] for row in records] == [rival.name for rival in advice.rivals]
    assert records[0]["error"] == advice.errors.chosen == advice.rivals[0].error.estimate
    assert records[1]["gain"] == 0
    html = advice._repr_html_()
    assert html.count("<tr>") == len(records) + 1
    assert advice.sentence.split(".")[0] in html


def test_too_little_data_is_said_with_the_safer_choice_and_what_each_mistake_would_cost():
    w = RNG.normal(size=P)
    advice = advise((X0, X0 @ w + NOISE0), (X1[:6], X1[:6] @ (0.5 * w + 0.8 * WEIGHTS) + NOISE1[:6]))
    assert advice.verdict == "undecided"
    assert advice.sentence.startswith("Too little data to tell")
    assert "a transfer may cost" in str(advice)


# Right on average over relations, and so not for a weak one: docs/decisions/calibration-verdict-and-gain.md.
WEAK = pytest.mark.xfail(reason="of a weak relation a third settles, not half", strict=True)


@pytest.mark.parametrize(("rho", "draws"), [(0.0, 25), pytest.param(0.3, 50, marks=WEAK)])
def test_rows_needed_are_enough_half_of_the_time(rho, draws):
    """An expectation: of the draws that 12 rows leave undecided, that many more settle about half or more."""
    settled = []
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        w, v = rng.normal(size=(2, 20)) / np.sqrt(20)
        X, rows = rng.normal(size=(300, 20)), rng.normal(size=(3000, 20))
        source = SourceRidge().fit(X, X @ w + rng.normal(size=300))
        y = rows @ (rho * w + 0.5 * v) + 0.5 * rng.normal(size=3000)
        first = advise(source, (rows[:12], y[:12]))
        if first.rows_needed <= 2900:
            more = 12 + int(first.rows_needed)
            settled.append(advise(source, (rows[:more], y[:more])).verdict != "undecided")
    assert len(settled) >= 8  # enough to speak of
    assert np.mean(settled) > 0.5 - 2 * np.sqrt(0.25 / len(settled))


def test_the_gain_is_its_definition_where_everything_is_known():
    """With plenty of rows on both sides w1 is known: the gain is what it is, and its interval closes on it."""
    rng = np.random.default_rng(0)
    w = rng.normal(size=(2, P))
    X0, X1 = rng.normal(size=(2000, P)), rng.normal(size=(3000, P))
    advice = advise((X0, X0 @ w[0] + rng.normal(size=2000)), (X1, X1 @ w[1] + rng.normal(size=3000)))
    scratch = advice.alone["scratch"].fitted[0][0]
    realised = np.sum((scratch - w[1]) ** 2) - np.sum((advice.model.coef_ - w[1]) ** 2)
    assert advice.gain.chosen.estimate == pytest.approx(realised, abs=0.002)
    assert advice.gain.chosen.low <= realised <= advice.gain.chosen.high


def test_gains_have_the_units_of_the_target_squared():
    plain, scaled = advise((X0, Y0), (X1, Y1)), advise((1e4 * X0, 1e-3 * Y0), (1e4 * X1, 1e-3 * Y1))
    for name in ("estimate", "low", "high"):
        assert getattr(scaled.gain.chosen, name) == pytest.approx(1e-6 * getattr(plain.gain.chosen, name), rel=0.02)


def test_outcomes_in_other_units_are_asked_about():
    asked = [any("same units" in note for note in advise((X0, Y0), (X1, k * Y1)).notes) for k in (1.0, 1000.0)]
    assert asked == [False, True]


def test_the_two_number_law_is_stated():
    advice = advise((X0, Y0), (X1, Y1))
    rho, law = advice.calibration.rho, advice.law
    assert law.as_published == pytest.approx((2 * rho - 1) * law.information)
    assert law.scaled == pytest.approx(rho**2 * law.information)
    assert law.information > 0
    assert "Two-number law" in advice.explanation


def test_the_curve_has_the_tables_numbers_and_the_recommended_penalty():
    advice = advise((X0, Y0), (X1, Y1))
    taus = list(advice.curve.source_tau)
    for tau, name in ((advice.source_optimal_tau, "source_optimal"), (np.inf, "scratch")):
        row = taus.index(tau)
        assert advice.curve.predicted[row] == pytest.approx(advice.rival[name].error.estimate, rel=1e-12)
        assert advice.curve.leave_one_out[row] == pytest.approx(advice.rival[name].left_out, rel=1e-12)
    assert advice.transfer_optimal_tau in taus


def test_the_numbers_are_the_fitted_models():
    advice = advise((X0, Y0), (X1, Y1))
    source = SourceRidge().fit(X0, Y0)
    model = TransferRidge(source).fit(X1, Y1)
    np.testing.assert_allclose(advice.model.coef_, model.coef_)
    assert advice.source_optimal_tau == source.tau_
    assert advice.weight == model.surface_.transfer_weight
    assert (advice.source.rows, advice.source.features, advice.source.outputs) == (150, P, 1)
    assert advice.target.rows == 24
    assert json.dumps(advise(source, (X1, Y1)).as_dict()) == json.dumps(advice.as_dict())
    weighted = advise((X0, Y0, V0), (X1, Y1, V1), weights_kind="frequency")
    assert (weighted.source.rows, weighted.target.rows) == pytest.approx((V0.sum(), V1.sum()))


@pytest.mark.parametrize("n1", [8, 24])
def test_predicted_errors_are_those_of_refits(n1):
    """Refitting TransferRidge without each row moves its grids and its unit a little, and nothing else."""
    X, y = X1[:n1], Y1[:n1]
    source = SourceRidge().fit(X0, Y0)
    rival = advise(source, (X, y)).rival
    ways = {
        "scratch": TransferRidge(),
        "chosen": TransferRidge(source),
        "source_optimal": TransferRidge(source, source_tau=source.tau_, scale=False),
    }
    for name, way in ways.items():
        rest = [np.arange(n1) != i for i in range(n1)]
        left = [y[~k] - way.fit(X[k], y[k]).predict(X[~k]) for k in rest]
        assert rival[name].left_out == pytest.approx(np.mean(np.square(left)), rel=0.05)


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
        ((X0, Y0), (X1, Y1, -V1), "not be negative"),
    ],
)
def test_bad_tables_are_named(source, target, message):
    with pytest.raises(ValueError, match=message):
        advise(source, target)
