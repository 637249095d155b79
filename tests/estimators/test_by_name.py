"""Coefficients by name: what they are of, in which units, and how often their intervals hold the truth."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from headwater import SourceRidge, TablePreparation, TransferRidge
from headwater.estimators import by_name

RNG = np.random.default_rng(0)
P = 4
WEIGHTS = RNG.normal(size=P)
X0, X1 = RNG.normal(size=(60, P)), RNG.normal(size=(15, P))
Y0, Y1 = X0 @ WEIGHTS + RNG.normal(size=60), X1 @ WEIGHTS + RNG.normal(size=15)


@pytest.fixture(autouse=True)
def records(monkeypatch):
    monkeypatch.setattr(by_name, "find_spec", lambda name: None)


def test_each_column_is_the_model_it_names():
    source = SourceRidge().fit(X0, Y0)
    model = TransferRidge(source).fit(X1, Y1)
    rows = model.coefficients()
    assert list(rows[0]) == ["name", "source", "scratch", "chosen", "low", "high"]
    assert [row["name"] for row in rows] == ["x0", "x1", "x2", "x3"]
    alone = TransferRidge().fit(X1, Y1)
    for name, coef in {"source": source.coef_, "scratch": alone.coef_, "chosen": model.coef_}.items():
        np.testing.assert_allclose([row[name] for row in rows], coef, rtol=1e-9)
    assert all(row["low"] < row["chosen"] < row["high"] for row in rows)


def test_a_scaler_is_undone():
    """Behind a scaler they are what the same columns would have: the slope of the prediction in each raw column."""
    model = TransferRidge(make_pipeline(StandardScaler(), SourceRidge()).fit(50 * X0 + 7, Y0)).fit(50 * X1, Y1)
    rows = model.coefficients()
    base = model.predict(np.zeros((1, P)))
    for row, step in zip(rows, np.eye(P), strict=True):
        assert row["chosen"] == pytest.approx(float((model.predict(step[None]) - base)[0]), rel=1e-9)


@pytest.mark.parametrize(
    ("source", "y", "options"),
    [
        (None, Y1, {}),
        (WEIGHTS, Y1, {}),
        ([WEIGHTS, SourceRidge().fit(X0, Y0)], Y1, {}),
        (SourceRidge().fit(X0, np.c_[Y0, -Y0]), np.c_[Y1, -Y1], {}),
        (SourceRidge().fit(X0, np.c_[Y0, -Y0]), np.c_[Y1, -Y1], {"per_output": True}),
        (SourceRidge().fit(X0, Y0), Y1, {"average": False}),
        (SourceRidge().fit(X0, Y0), Y1, {"criterion": "loo"}),
        (SourceRidge().fit(X0, Y0), Y1, {"source_tau": 1.0}),
        (SourceRidge().fit(X0, Y0), Y1, {"fit_intercept": False}),
        (SourceRidge().fit(X0, Y0), Y1[:1], {}),
    ],
    ids=["scratch", "array", "several", "outputs", "each output", "best", "loo", "fixed", "no level", "one row"],
)
def test_every_fit_has_them(source, y, options):
    model = TransferRidge(source, **options).fit(X1[: len(y)], y, sample_weight=np.ones(len(y)))
    rows = model.coefficients()
    assert len(rows) == P * (1 if y.ndim == 1 else 2)
    assert ("output" in rows[0]) == (y.ndim == 2)
    np.testing.assert_allclose([row["chosen"] for row in rows], model.coef_.ravel())
    known = [name for name in rows[0] if name.startswith("source")]
    assert known == (["source[0]", "source[1]"] if isinstance(source, list) else ["source"])
    assert np.isnan(rows[0]["source"]) if source is None else np.isfinite(rows[0][known[0]])
    assert all(row["low"] <= row["chosen"] <= row["high"] for row in rows)
    assert np.isinf(rows[0]["high"]) == (len(y) == 1)


def test_other_units_change_them_alone():
    for k, c in ((1e3, 1.0), (1.0, 1e-3)):
        source = SourceRidge().fit(k * X0, c * Y0)
        plain, other = TransferRidge(SourceRidge().fit(X0, Y0)).fit(X1, Y1), TransferRidge(source).fit(k * X1, c * Y1)
        for row, moved in zip(plain.coefficients(), other.coefficients(), strict=True):
            for name in ("scratch", "chosen", "low", "high"):
                assert moved[name] == pytest.approx(c / k * row[name], rel=1e-3, abs=1e-6 * c / k)


def test_the_intervals_hold_the_truth():
    """Where a hypothesis holds, over coefficients drawn as it says, nine in ten; draws are what is independent."""
    held = []
    for seed in range(16):
        rng = np.random.default_rng(seed)
        w = rng.normal(size=(2, 12))
        truth = 0.5 * w[0] + 0.5 * w[1]
        A, B = rng.normal(size=(40, 12)), rng.normal(size=(15, 12))
        source = SourceRidge().fit(A, A @ w[0] + rng.normal(size=40))
        rows = TransferRidge(source).fit(B, B @ truth + rng.normal(size=15)).coefficients()
        held.append(np.mean([row["low"] <= w1 <= row["high"] for row, w1 in zip(rows, truth, strict=True)]))
    assert abs(np.mean(held) - 0.9) < 0.03 + 3 * np.std(held) / np.sqrt(len(held))


@pytest.mark.parametrize("degree", [1, 2])
def test_prepared_columns_have_their_names_and_units(degree):
    """The slope of the prediction in a column, in its own units: of degree 2 where every number is at its mean."""
    rng = np.random.default_rng(1)

    def table(count, spread=1.0):
        level = np.array(["a", "b", "c"])[rng.integers(3, size=count)]
        return pa.table(
            {"size": spread * 50 * rng.normal(size=count) + 100, "age": rng.normal(size=count), "kind": level}
        )

    source, target = table(80), table(20, 4.0)
    y0, y1 = (np.asarray(one["size"]) / 20 + np.asarray(one["age"]) for one in (source, target))
    preparation = TablePreparation(degree).fit(source).about(target)
    before = make_pipeline(preparation, SourceRidge().fit(preparation.transform(source), y0 + rng.normal(size=80)))
    model = TransferRidge(before).fit(target, y1 + rng.normal(size=20))
    rows = {row["name"]: row for row in model.coefficients()}
    numbers = ["size", "age", *(["size^2", "size age", "age^2"] if degree == 2 else [])]
    assert list(rows) == [*numbers, "kind=a", "kind=b", "kind=c"]
    means = {name: np.mean(source[name]) for name in ("size", "age")}

    def predicted(kind="a", **moved):
        row = {name: [mean + moved.get(name, 0.0)] for name, mean in means.items()}
        return float(model.predict(pa.table({**row, "kind": [kind]}))[0])

    for name, step in (("size", 1.0), ("age", 0.01)):
        slope = (predicted(**{name: step}) - predicted(**{name: -step})) / (2 * step)
        assert rows[name]["chosen"] == pytest.approx(slope, rel=1e-6)
    assert rows["kind=b"]["chosen"] - rows["kind=a"]["chosen"] == pytest.approx(predicted("b") - predicted(), rel=1e-6)
