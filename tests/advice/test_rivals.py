"""Rivals: the table is a function of the data, and its numbers are what they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from headwater import SourceRidge, advise
from headwater.advice.outlook import MOST, rows_needed
from headwater.selection.predictive import Interval


def tables(seed, p=5, n0=60, n1=15, rho=0.7):
    rng = np.random.default_rng(seed)
    w, v = rng.normal(size=(2, p))
    X0, X1 = rng.normal(size=(n0, p)) @ np.diag(np.arange(1.0, p + 1)), rng.normal(size=(n1, p)) + 0.3
    return X0, X0 @ w + rng.normal(size=n0), X1, 1 + X1 @ (rho * w + 0.5 * v) + rng.normal(size=n1)


def numbers(advice, unit=1.0):
    """Every number of the table and of the curve, and what each may move by: a share of its interval's width."""
    found, width = [], []
    for rival in advice.rivals:
        for interval in (rival.error, rival.gain):
            some = [interval.estimate, interval.low, interval.high]
            found += some
            width += [max(interval.high - interval.low, 1e-9)] * 3
        found += [rival.left_out, unit**2 * rival.chance, unit**2 * rival.r2]
        width += [rival.error.high - rival.error.low, unit**2, unit**2]
    for by, out in zip(advice.curve.predicted, advice.curve.leave_one_out, strict=True):
        found += [by, out]
        width += [advice.rivals[0].error.high - advice.rivals[0].error.low] * 2
    return np.array(found) / unit**2, np.array(width) / unit**2


CHANGES = {
    "rows in another order": lambda X0, y0, X1, y1, rng: (X0[::-1], y0[::-1], X1[::-1], y1[::-1], None),
    "columns in another order": lambda X0, y0, X1, y1, rng: (X0[:, ::-1], y0, X1[:, ::-1], y1, None),
    "a rotation": lambda X0, y0, X1, y1, rng: (
        X0 @ (turn := np.linalg.qr(rng.normal(size=(X0.shape[1],) * 2))[0]),
        y0,
        X1 @ turn,
        y1,
        None,
    ),
    "a constant column": lambda X0, y0, X1, y1, rng: (
        np.c_[X0, np.full(len(X0), 0.1)],
        y0,
        np.c_[X1, np.full(len(X1), 0.1)],
        y1,
        None,
    ),
    "a rounding error": lambda X0, y0, X1, y1, rng: (
        *(part * (1 + 2e-16 * rng.choice([-1, 0, 1], size=part.shape)) for part in (X0, y0, X1, y1)),
        None,
    ),
}


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([(5, 15), (12, 8)]))
def test_the_table_is_a_function_of_the_data(seed, shape):
    """No number moves by more than a millionth of its interval's width, and no verdict changes."""
    p, n1 = shape
    data = tables(seed, p=p, n1=n1)
    base = advise(data[:2], data[2:])
    before, width = numbers(base)
    for name, change in CHANGES.items():
        X0, y0, X1, y1, weight = change(*data, np.random.default_rng(seed))
        advice = advise((X0, y0), (X1, y1, weight))
        assert np.max(np.abs(numbers(advice)[0] - before) / width) < 1e-6, name
        assert (advice.verdict, advice.safer) == (base.verdict, base.safer), name


@pytest.mark.parametrize("seed", range(3))
def test_other_units_of_the_outcome_change_its_units_alone(seed):
    X0, y0, X1, y1 = tables(seed)
    before, width = numbers(advise((X0, y0), (X1, y1)))
    after, _ = numbers(advise((X0, 1000 * y0), (X1, 1000 * y1)), unit=1000.0)
    assert np.max(np.abs(after - before) / width) < 1e-6


@pytest.mark.parametrize("seed", range(3))
def test_a_weight_of_two_is_a_row_twice(seed):
    X0, y0, X1, y1 = tables(seed)
    weight = np.random.default_rng(seed).integers(1, 4, size=len(y1))
    twice = np.repeat(np.arange(len(y1)), weight)
    before, width = numbers(advise((X0, y0), (X1, y1, weight.astype(float))))
    after, _ = numbers(advise((X0, y0), (X1[twice], y1[twice])))
    assert np.max(np.abs(after - before) / width) < 1e-6


def test_left_out_errors_are_those_of_refits():
    """Of the rivals without penalties of their own to choose: fitted anew without each row."""
    X0, y0, X1, y1 = tables(0)
    source = SourceRidge().fit(X0, y0)
    rival = advise(source, (X1, y1)).rival
    rest = [np.arange(len(y1)) != i for i in range(len(y1))]

    def pooled(k):
        X = np.concatenate([X0 - X0.mean(axis=0), X1[k] - X1[k].mean(axis=0)])
        y = np.concatenate([y0 - y0.mean(), y1[k] - y1[k].mean()])
        coef = Ridge(len(y0) * source.tau_, fit_intercept=False).fit(X, y).coef_
        return y1[~k] - y1[k].mean() - (X1[~k] - X1[k].mean(axis=0)) @ coef

    left = {
        "source": [y1[~k] - source.predict(X1[~k]) for k in rest],
        "shifted": [y1[~k] - source.predict(X1[~k]) - np.mean(y1[k] - source.predict(X1[k])) for k in rest],
        "target_mean": [y1[~k] - y1[k].mean() for k in rest],
        "pooled": [pooled(k) for k in rest],
    }
    for name, residuals in left.items():
        assert rival[name].left_out == pytest.approx(np.mean(np.square(residuals)), rel=1e-9), name


def test_groups_are_left_out_whole():
    X0, y0, X1, y1 = tables(1, n1=18)
    groups = np.repeat(np.arange(6), 3)
    rival = advise((X0, y0), (X1, y1), groups=groups).rival
    means = np.array([y1[groups != group].mean() for group in groups])
    assert rival["target_mean"].left_out == pytest.approx(np.mean((y1 - means) ** 2))


def test_gains_are_differences_of_errors():
    advice = advise(tables(2)[:2], tables(2)[2:])
    for rival in advice.rivals:
        assert rival.gain.estimate == pytest.approx(advice.errors.scratch - rival.error.estimate, abs=1e-9)
        assert rival.gain.low <= rival.gain.estimate <= rival.gain.high or rival.name == "scratch"


def test_rows_needed_are_a_martingale():
    """More is needed for less; a range holds the middle; what is beyond twenty times the rows is not said."""
    few, more = (
        rows_needed(20.0, 10.0, Interval(gain, gain - 0.4, gain + 0.4), 0.02).estimate for gain in (0.08, 0.04)
    )
    assert few < more
    needed = rows_needed(20.0, 10.0, Interval(0.08, -0.32, 0.48), 0.02)
    assert needed.low <= needed.estimate
    assert np.isnan(needed.high) or needed.estimate <= needed.high <= 20 * MOST
    assert np.isnan(rows_needed(20.0, 10.0, Interval(np.nan, -np.inf, np.inf), 0.02).estimate)
