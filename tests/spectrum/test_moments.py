"""Moments as a monoid: whatever the order, the blocks and the units, the same table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

import headwater.spectrum.rows
from headwater import Moments, Spectrum
from headwater.spectrum.moments import merge

FIELDS = ("n", "rows", "x_mean", "y_mean", "xx", "xy", "yy")


def rows(seed: int, n: int = 60, p: int = 4, q: int = 2, mean: float = 1e6):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) + mean
    return X, X @ rng.normal(size=(p, q)) + rng.normal(size=(n, q)), rng.integers(0, 3, n).astype(float)


def assert_same(one: Moments, other: Moments, rtol: float = 1e-10) -> None:
    """Equal to rtol, second moments on the scale of the spread they describe."""
    spread = np.sqrt(np.diag(other.xx)), np.sqrt(other.yy)
    scales = {"xx": np.outer(spread[0], spread[0]), "xy": np.outer(*spread), "yy": other.yy}
    for name in FIELDS:
        ours, theirs = np.asarray(getattr(one, name)), np.asarray(getattr(other, name))
        scale = scales.get(name, np.abs(theirs) + 1e-300)
        assert np.all(np.abs(ours - theirs) <= rtol * scale), name


@given(st.integers(0, 1000), st.lists(st.integers(0, 60), max_size=8), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_blocks_of_any_size_in_any_order_are_the_table(seed, cuts, order):
    X, y, w = rows(seed)
    blocks = [(X[part], y[part], w[part]) for part in np.split(np.arange(60), sorted(cuts))]
    order.shuffle(blocks)
    assert_same(Moments.from_blocks(blocks), Moments.from_arrays(X, y, w))


@pytest.mark.parametrize("seed", range(20))
def test_one_row_at_a_time_keeps_every_digit_at_a_large_mean(seed):
    """Means stored to 1e-16 of 1e6 would lose 1e-10 of the spread in every merge."""
    X, y, w = rows(seed)
    near = Moments.from_arrays(X - 1e6, y - y[0], w + 1)
    row_by_row = Moments.from_blocks((X[i : i + 1], y[i : i + 1], w[i : i + 1] + 1) for i in range(len(X)))
    np.testing.assert_allclose(row_by_row.x_mean + (row_by_row.x_mean_rest - 1e6), near.x_mean, atol=1e-9)
    assert_same(replace(row_by_row, x_mean=near.x_mean, y_mean=near.y_mean), near, rtol=1e-14)


@given(st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_addition_is_a_commutative_monoid(seed):
    X, y, w = rows(seed)
    a, b, c = (Moments.from_arrays(X[part], y[part], w[part] + 0.5) for part in np.split(np.arange(60), [5, 31]))
    nothing = replace(a, n=0.0, rows=0, xx=0 * a.xx, xy=0 * a.xy, yy=0 * a.yy)
    assert_same(a + b, b + a)
    assert_same((a + b) + c, a + (b + c))
    assert_same(a + nothing, a, rtol=0)
    assert_same(nothing + a, a, rtol=0)
    assert_same(merge([a, b, c]), a + b + c)


@pytest.mark.parametrize("mean", [0.0, 1e6])
def test_moments_are_the_rows(mean):
    X, y, w = rows(3, mean=mean)
    centre = lambda values: values - np.average(values, axis=0, weights=w)  # noqa: E731
    found, x, z = Moments.from_arrays(X, y, w), centre(X), centre(y)
    assert found.n == w.sum()
    assert found.rows == np.count_nonzero(w)
    scale = w.sum()
    np.testing.assert_allclose(found.xx, (x * w[:, None]).T @ x, atol=1e-8 * scale)
    np.testing.assert_allclose(found.xy, (x * w[:, None]).T @ z, rtol=1e-8, atol=1e-8 * scale)
    np.testing.assert_allclose(found.yy, w @ z**2, rtol=1e-8)


def test_frequencies_are_repetitions():
    X, y, w = rows(4)
    repeated = Moments.from_arrays(np.repeat(X, w.astype(int), axis=0), np.repeat(y, w.astype(int), axis=0))
    weighed = Moments.from_arrays(X, y, w)
    np.testing.assert_allclose(weighed.xx, repeated.xx, rtol=1e-9, atol=1e-7)
    assert weighed.n == repeated.n


def test_a_shift_without_rows_is_the_shift_with_rows():
    X, y, w = rows(5, mean=10.0)
    coef = np.random.default_rng(0).normal(size=(2, 4))
    assert_same(Moments.from_arrays(X, y, w).shift(coef), Moments.from_arrays(X, y - X @ coef.T, w), rtol=1e-9)
    with pytest.raises(ValueError, match=r"coef has shape \(4,\); these moments need \(2, 4\)"):
        Moments.from_arrays(X, y).shift(coef[0])


@pytest.mark.parametrize(
    "change",
    [np.asfortranarray, lambda X: np.repeat(X, 2, axis=0)[::2], scipy.sparse.csr_array, scipy.sparse.csc_matrix],
    ids=["Fortran", "strided", "sparse", "sparse columns"],
)
def test_the_layout_does_not_matter(change):
    X, y, w = rows(6, mean=0.0)
    given = change(X)
    if isinstance(given, np.ndarray):
        given.flags.writeable = False
    assert_same(Moments.from_arrays(given, y, w), Moments.from_arrays(X, y, w))


def test_a_table_larger_than_a_block_is_read_in_blocks(monkeypatch):
    X, y, w = rows(11)
    whole = Moments.from_arrays(X, y, w)
    monkeypatch.setattr(headwater.spectrum.rows, "_BLOCK", 28)
    assert_same(Moments.from_arrays(X, y, w), whole)


def test_blocks_without_rows_are_passed_over():
    X, y, w = rows(7)
    whole = Moments.from_arrays(X, y, w + 1)
    blocks = [(X[:0], y[:0], w[:0]), (X, y, w + 1), (X, y, 0 * w)]
    assert_same(Moments.from_blocks(blocks), whole)
    with pytest.raises(ValueError, match="no blocks"):
        Moments.from_blocks(blocks[:1])


@pytest.mark.parametrize("constant", [0.1, 1.0, 1e6, -1e100])
@pytest.mark.parametrize("read", [np.asarray, scipy.sparse.csr_array], ids=["dense", "sparse"])
def test_a_constant_column_is_no_feature(constant, read):
    X, y, _ = rows(8, mean=0.0)
    X = np.c_[X, np.full(60, constant)]
    moments = Moments.from_arrays(read(X), y)
    assert not moments.xx[-1].any()
    assert not moments.xy[-1].any()
    assert Spectrum.from_moments(moments).rank == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X, y, w: (X[:3], y, w), "same rows"),
        (lambda X, y, w: (X[:0], y[:0], w[:0]), "no rows"),
        (lambda X, y, w: (X, y, w - 1), "not negative"),
        (lambda X, y, w: (X, y, 0 * w), "not all zero"),
        (lambda X, y, w: (X, y, w[:3]), "one number a row"),
        (lambda X, y, w: (X * np.nan, y, w), "missing"),
        (lambda X, y, w: (X, y / 0, w), "missing or infinite"),
        (lambda X, y, w: (scipy.sparse.csr_array(X * np.inf), y, w), "missing or infinite"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_bad_input_is_named(change, message):
    X, y, w = rows(9)
    for read in (Moments.from_arrays, Spectrum.from_rows):
        with pytest.raises(ValueError, match=message):
            read(*change(X, y, w))


def test_no_digits_are_lost_to_a_large_mean():
    """Raw second moments, as OnlineStats keeps them, have a relative error of 1e-5 here."""
    rng = np.random.default_rng(10)
    X = rng.normal(size=(5000, 3))
    y = X @ [1.0, 2.0, 3.0] + rng.normal(size=5000)
    near = Moments.from_arrays(X, y)
    far = Moments.from_blocks(
        (part + 1e5, target) for part, target in zip(np.split(X, 50), np.split(y, 50), strict=True)
    )
    raw = (X + 1e5).T @ (X + 1e5) - 5000 * np.outer((X + 1e5).mean(0), (X + 1e5).mean(0))
    lost = [np.abs(found - near.xx).max() / near.xx.max() for found in (far.xx, raw)]
    assert lost[0] < 1e-10
    assert lost[1] > 1e3 * lost[0]
