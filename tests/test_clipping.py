"""Drawing values in: a target's level and width are kept, a lone far value is not, and predict remembers both."""

from __future__ import annotations

import json
import sys

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from headwater import TransferRidge
from headwater.cli import main
from headwater.tables.clipping import LIMIT, ClippedScaler
from headwater.tables.columns import Column
from headwater.tables.frames import as_table
from headwater.tables.preparation import prepare

RNG = np.random.default_rng(0)
X0 = RNG.normal(5, 2, size=(400, 3))


def met(X, weight=None):
    scaler = ClippedScaler().fit(X0).set_level(X, weight)
    return scaler, np.abs(StandardScaler().fit(X0).transform(X) - scaler.level_) > LIMIT * scaler.width_


def test_within_reach_nothing_is_changed():
    scaler, beyond = met(X0[:50] + 3)
    assert not beyond.any()
    np.testing.assert_allclose(scaler.transform(X0[:50] + 3), StandardScaler().fit(X0).transform(X0[:50] + 3))


@pytest.mark.parametrize("offset", [-1e3, 1e3])
def test_a_level_shift_is_a_matter_of_the_intercept(offset):
    scaler, beyond = met(X0[:50] + offset)
    assert not beyond.any()
    plain = StandardScaler().fit(X0)
    np.testing.assert_allclose(scaler.transform(X0 + offset), plain.transform(X0 + offset), rtol=1e-9)


def test_a_wide_column_is_measured_in_wider_units_and_keeps_its_order():
    X = X0[:50] * [1, 1, 100]
    scaler, beyond = met(X)
    assert not beyond.any()
    assert scaler.width_[:2] == pytest.approx(1)
    made = scaler.transform(X)
    np.testing.assert_allclose(np.corrcoef(made[:, 2], X[:, 2])[0, 1], 1)
    assert np.abs(made[:, 2] - scaler.level_[2]).max() < LIMIT


def test_a_lone_far_value_is_drawn_in_and_moves_no_other():
    X = X0[:50].copy()
    X[0, 1] = 1e9
    scaler, beyond = met(X)
    assert beyond.sum() == 1 and beyond[0, 1]
    made = scaler.transform(X)
    assert made[0, 1] == pytest.approx(scaler.level_[1] + LIMIT)
    np.testing.assert_allclose(made[1:], StandardScaler().fit(X0).transform(X[1:]), atol=1e-12)


def test_weights_are_frequencies():
    X, weight = X0[:30] * 20, RNG.integers(1, 4, 30).astype(float)
    for one, other in zip(met(X, weight), met(np.repeat(X, weight.astype(int), axis=0)), strict=True):
        if isinstance(one, ClippedScaler):
            np.testing.assert_array_equal(one.level_, other.level_)
            np.testing.assert_array_equal(one.width_, other.width_)


def instruments(rows, offset):
    """Spectra of one instrument or another: 30 wavelengths of spread 0.01."""
    X = 1 + offset + 0.01 * RNG.normal(size=(rows, 30))
    return X, X @ (100 * np.cos(np.arange(30))) + RNG.normal(size=rows)


def test_scratch_on_a_second_instrument_is_as_good_as_ridge_on_its_own_standardisation():
    (A, _), (X, y) = instruments(200, 0), instruments(400, 0.5)
    scaler = ClippedScaler().fit(A)
    scaler.set_level(X[:60])
    scratch = TransferRidge().fit(scaler.transform(X[:60]), y[:60])
    own = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 6, 37))).fit(X[:60], y[:60])
    ours = scratch.score(scaler.transform(X[60:]), y[60:])
    assert ours > 0.85
    assert ours > own.score(X[60:], y[60:]) - 0.01


@pytest.mark.parametrize("degree", [1, 2])
def test_the_level_is_kept_in_the_pipeline(degree):
    """The rows of a second instrument come out the same one by one as all together, and as numpy says."""
    names = ("a", "b", "c")
    columns = tuple(Column(name, "number", (), 0.0) for name in names)
    source, target = (as_table(pa.table(dict(zip(names, X.T, strict=True)))) for X in (X0, X0[:40] + 100))
    prepared = prepare([(source, None)], columns, degree)[0].about(target)
    whole = prepared.transform(target)
    parts = [prepared.transform(target.rows(slice(i, i + 1))) for i in range(40)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    raw = make_pipeline(StandardScaler(), PolynomialFeatures(degree, include_bias=False), StandardScaler()).fit(X0)
    expected = raw.transform(X0[:40] + 100)
    wide = prepared.scaler_.width_
    level = np.quantile(expected, 0.5, axis=0, method="inverted_cdf")
    moved = (expected - level) / wide
    np.testing.assert_allclose(whole, level + np.clip(moved, -LIMIT, LIMIT), rtol=1e-9)
    beyond = prepared.drawn_in(whole)
    assert beyond.sum() <= 1
    np.testing.assert_array_equal(beyond, (abs(moved) > LIMIT).any(axis=1))


def test_predict_remembers_the_target(tmp_path, monkeypatch, capsys):
    """On the command line: a target with an offset, scored on more rows of its own."""
    monkeypatch.chdir(tmp_path)
    for name, (rows, offset) in {"source": (200, 0), "target": (60, 0.5), "more": (300, 0.5)}.items():
        X, y = instruments(rows, offset)
        pyarrow.csv.write_csv(pa.table({f"x{i}": x for i, x in enumerate(X.T)} | {"y": y}), f"{name}.csv")
    for given in (["fit", "source.csv", "target.csv", "--outcome", "y", "-o", "m"], ["score", "m", "more.csv"]):
        monkeypatch.setattr(sys, "argv", ["headwater", *given, "--json"])
        with pytest.raises(SystemExit) as stop:
            main()
        assert stop.value.code == 0
        shown = json.loads(capsys.readouterr().out)
        assert not any("drawn in" in note for note in shown["notes"])
    assert shown["scratch"]["r2"] > 0.85 and shown["r2"] > 0.9
