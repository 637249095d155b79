"""Moments in a file, added to by rows, and in the place of rows."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
import skops.io

from headwater import Moments, SourceRidge, TransferRidge, archive
from headwater.spectrum.moments import KIND
from headwater.spectrum.routes import decompose_moments, moments_of
from headwater.spectrum.spectrum import Spectrum


def table(seed, rows=40, p=5):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, p)) @ rng.normal(size=(p, p)) + 30.0
    return X, X @ rng.normal(size=p) + rng.normal(size=rows), rng.integers(1, 4, rows).astype(float)


@pytest.mark.parametrize("columns", [False, True])
def test_saved_moments_are_the_same_to_the_bit(tmp_path, columns):
    X, y, weight = table(0)
    parts = (slice(0, 7), slice(7, 40))
    moments = Moments.from_blocks((X[s], np.c_[y, y**2][s] if columns else y[s], weight[s]) for s in parts)
    moments.save(tmp_path / "m.skops")
    loaded = Moments.load(str(tmp_path / "m.skops"))
    for name, value in vars(moments).items():
        np.testing.assert_array_equal(getattr(loaded, name), value)
        assert type(getattr(loaded, name)) is type(value)


def test_other_files_are_no_moments(tmp_path):
    X, y, _ = table(1)
    good, bad = tmp_path / "m", tmp_path / "b"
    Moments.from_arrays(X, y).save(good)
    content = vars(Moments.load(good))
    archive.write(archive.Kind("model", 1, ""), content, bad)
    with pytest.raises(ValueError, match="not a table of moments saved by headwater but a model"):
        Moments.load(bad)
    for change in ({"n": 0.0}, {"xx": content["xx"][:2]}, {"xy": content["xy"] * np.nan}, {"yy": -content["yy"]},
                   {"n": "many"}, {"more": 1}, {"x_mean": None}):  # fmt: skip
        archive.write(KIND, content | change, bad)
        with pytest.raises(ValueError, match="b: not a table of moments this headwater can read") as told:
            Moments.load(bad)
        assert "\n" not in str(told.value)
    bad.write_bytes(skops.io.dumps(content))
    with zipfile.ZipFile(bad, "a") as file:
        file.writestr("headwater.json", json.dumps({"kind": KIND.name, "format": 2, "version": "9.0"}))
    with pytest.raises(ValueError, match=r"headwater 9\.0, which is newer"):
        Moments.load(bad)
    bad.write_bytes(good.read_bytes()[:200])
    with pytest.raises(ValueError, match="not whole"):
        Moments.load(bad)
    with pytest.raises(OSError, match="no such file"):
        Moments.load(tmp_path / "nowhere")


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("rows", [40, 4])
def test_a_decomposition_gives_back_its_moments(fit_intercept, rows):
    X, y, weight = table(2, rows)
    spectrum = Spectrum.from_rows(X, y, weight, fit_intercept=fit_intercept)
    moments = moments_of(spectrum)
    expected = Moments.from_arrays(X, y, weight)
    expected = expected if fit_intercept else expected.about_zero()
    for name in ("n", "x_mean", "y_mean", "xx", "xy", "yy"):
        size = np.abs(getattr(expected, name)).max()
        np.testing.assert_allclose(getattr(moments, name), getattr(expected, name), rtol=0, atol=1e-12 * size)
    again = decompose_moments(Spectrum, moments, fit_intercept)
    assert again.rank == spectrum.rank
    coef = spectrum.coefficients(0.1)
    np.testing.assert_allclose(again.coefficients(0.1), coef, rtol=0, atol=1e-9 * np.abs(coef).max())


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_rows_are_fitted_in_parts(fit_intercept):
    X, y, weight = table(3)
    parted = SourceRidge(fit_intercept=fit_intercept)
    for some in (slice(30, 40), slice(0, 1), slice(1, 30)):
        parted.partial_fit(X[some], y[some], weight[some])
    whole = SourceRidge(fit_intercept=fit_intercept).fit(X, y, weight)
    np.testing.assert_allclose(parted.coef_, whole.coef_, rtol=1e-10)
    np.testing.assert_allclose(parted.tau_, whole.tau_, rtol=1e-9)
    np.testing.assert_allclose(parted.intercept_, whole.intercept_, rtol=1e-9, atol=1e-9)
    # fit forgets; rows may come after it
    again = parted.fit(X[:20], y[:20], weight[:20]).partial_fit(X[20:], y[20:], weight[20:])
    np.testing.assert_allclose(again.coef_, whole.coef_, rtol=1e-10)
    with pytest.raises(ValueError, match="features"):
        parted.partial_fit(X[:, :2], y)
    with pytest.raises(ValueError, match="criterion 'loo' needs the rows"):
        SourceRidge(criterion="loo").partial_fit(X, y)


@pytest.mark.parametrize("criterion", ["evidence", "gcv"])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_a_target_is_met_by_its_moments(criterion, fit_intercept):
    X, y, _ = table(4, 120)
    source = SourceRidge(fit_intercept=fit_intercept).fit(X[:100], y[:100])
    model = TransferRidge(source, criterion=criterion, fit_intercept=fit_intercept).fit(X[100:], y[100:])
    by_moments = TransferRidge(source, criterion=criterion, fit_intercept=fit_intercept)
    by_moments.fit_moments(Moments.from_arrays(X[100:], y[100:]))
    np.testing.assert_allclose(by_moments.predict(X), model.predict(X), rtol=1e-8)
    np.testing.assert_allclose(by_moments.surface_.transfer_weight, model.surface_.transfer_weight, rtol=1e-7)
    with pytest.raises(ValueError, match="criterion 'loo' needs the rows"):
        TransferRidge(source, criterion="loo").fit_moments(Moments.from_arrays(X, y))
    with pytest.raises(ValueError, match="5 features and the target 4"):
        by_moments.fit_moments(Moments.from_arrays(X[:, :4], y))


@pytest.mark.parametrize("far", [0.0, 2.0, 1e6])
def test_moments_of_rows_near_zero_are_those_of_the_rows(far):
    rng = np.random.default_rng(0)
    X, shift = rng.normal([0.0, 0.1, far, 0.0], size=(80, 4)), np.array([1e5, -3.0, 7.0, 2.0])
    X[:, 3] = 0.0  # constant
    y = X[:, 0] + rng.normal(size=80) + 1e4
    near, expected = Moments.from_near(np.asfortranarray(X), y, shift), Moments.from_arrays(X + shift, y)
    np.testing.assert_allclose(near.x_mean, expected.x_mean, rtol=1e-13)
    np.testing.assert_allclose(near.x_mean_rest + (near.x_mean - shift), X.mean(axis=0), rtol=1e-12, atol=1e-14)
    for name in ("n", "rows", "y_mean", "yy"):
        np.testing.assert_allclose(getattr(near, name), getattr(expected, name), rtol=1e-12)
    for name in ("xx", "xy"):
        np.testing.assert_allclose(getattr(near, name), getattr(expected, name), rtol=1e-9, atol=1e-8)
    assert not near.xx[3].any()


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("place", ["X", "y"])
@pytest.mark.filterwarnings("ignore:invalid value")
def test_moments_of_rows_near_zero_are_finite(place, value):
    rng = np.random.default_rng(0)
    given = {"X": rng.normal(size=(9, 2)), "y": rng.normal(size=9)}
    given[place][1] = value
    with pytest.raises(ValueError, match="missing"):
        Moments.from_near(**given, shift=np.zeros(2))
