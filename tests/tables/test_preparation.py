"""The preparation: a transformer by scikit-learn's own checks, the same however it is fitted, its names and outputs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from headwater import SourceRidge, TablePreparation
from headwater.tables.clipping import pooled
from headwater.tables.frames import as_table
from headwater.tables.pair import Roles, pair_of
from headwater.tables.preparation import prepare

RNG = np.random.default_rng(0)


def houses(rows, seed=0, offset=0.0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({
        "size": rng.normal(80 + offset, 20, rows).round(1),
        "age": pd.array(rng.integers(0, 90, rows), dtype="Int64"),
        "garden": rng.random(rows) < 0.5,
        "heating": pd.Categorical(rng.choice(["gas", "oil", "wood"], rows)),
        "region": pd.Categorical(rng.choice([3, 7, 11], rows)),
        "built": pd.to_datetime("1990-01-01") + pd.to_timedelta(rng.integers(0, 9000, rows), unit="D"),
        "customer_id": rng.permutation(rows),
    })  # fmt: skip
    frame["price"] = frame["size"] * 2 + 10 * frame["garden"] + rng.normal(0, 5, rows)
    frame.loc[frame.index[: rows // 3], "age"] = pd.NA
    return frame


@parametrize_with_checks([TablePreparation()])
def test_it_is_a_transformer_of_scikit_learns(estimator, check):
    check(estimator)


def test_its_features_have_names_and_any_container():
    frame = houses(90).drop(columns="price")
    preparation = TablePreparation()
    made = preparation.fit_transform(frame)
    assert list(preparation.get_feature_names_out()) == [
        "size", "age", "garden", "built", "age=(missing)",
        "heating=gas", "heating=oil", "heating=wood", "region=11", "region=3", "region=7",
    ]  # fmt: skip
    assert preparation.notes_ == ["unused, identifiers by their look (--features would use them): customer_id"]
    for container, kind in (("pandas", pd.DataFrame), ("polars", pl.DataFrame)):
        held = clone(preparation).set_output(transform=container).fit(frame).transform(frame)
        assert isinstance(held, kind) and list(held.columns) == list(preparation.get_feature_names_out())
        np.testing.assert_array_equal(held.to_numpy(), made)
    squares = TablePreparation(2, features=["size", "age"]).fit(frame)
    assert list(squares.get_feature_names_out()) == ["size", "age", "size^2", "size age", "age^2", "age=(missing)"]
    np.testing.assert_allclose(squares.transform(frame)[:, :5].std(axis=0), 1)


@pytest.mark.parametrize("degree", [1, 2])
def test_a_pair_is_prepared_by_what_its_transformer_says_it_is(degree):
    """The preparation of a pair, cloned and fitted to the source's frame again, makes the same features."""
    frame = houses(120)
    pair = pair_of(as_table(frame, "source"), as_table(houses(20, 1), "target"), Roles("price"))
    (preparation,) = prepare([(pair.source.table, None)], pair.columns, degree)
    again = clone(preparation).fit(frame.drop(columns="price"))
    assert again.columns_ == preparation.columns_
    np.testing.assert_array_equal(again.transform(frame), preparation.transform(frame))


def test_columns_are_met_by_name_and_rows_one_by_one():
    frame = houses(60)
    preparation = TablePreparation().fit(frame.drop(columns="price"))
    whole = preparation.transform(frame)
    np.testing.assert_array_equal(preparation.transform(frame[frame.columns[::-1]].assign(more=1)), whole)
    np.testing.assert_array_equal(preparation.transform(pl.from_pandas(frame)), whole)
    np.testing.assert_array_equal(preparation.transform(pa.Table.from_pandas(frame)), whole)
    np.testing.assert_array_equal(np.concatenate([preparation.transform(frame[i : i + 1]) for i in range(60)]), whole)
    with pytest.raises(ValueError, match="there is no column 'size'"):
        preparation.transform(frame.drop(columns="size"))


def test_it_stands_in_a_pipeline_and_weights_are_frequencies():
    frame = houses(60)
    X, y, count = frame.drop(columns="price"), frame["price"], RNG.integers(1, 4, 60)
    model = make_pipeline(TablePreparation(), SourceRidge()).fit(X, y)
    assert model.score(X, y) > 0.9
    weighted = TablePreparation(exclude=["customer_id"]).fit(X, sample_weight=count)
    repeated = TablePreparation(exclude=["customer_id"]).fit(X.loc[X.index.repeat(count)])
    numbers = [column.name for column in weighted.columns_ if column.name in ("size", "garden", "built")]
    places = [list(weighted.get_feature_names_out()).index(name) for name in dict.fromkeys(numbers)]
    np.testing.assert_allclose(weighted.transform(X)[:, places], repeated.transform(X)[:, places])


@pytest.mark.parametrize("degree", [1, 2])
def test_several_sources_share_units_whatever_their_levels(degree):
    """Moving one source as a whole moves its own level and no unit: what varies within the sources is what counts."""
    columns = pair_of(as_table(houses(120), "s"), as_table(houses(20, 1), "t"), Roles("price")).columns
    near = [(as_table(houses(60, seed, 0.0)), None) for seed in (2, 3)]
    far = [near[0], (as_table(houses(60, 3, 400.0)), None)]
    one, other = prepare(near, columns, degree), prepare(far, columns, degree)
    if degree == 1:
        np.testing.assert_allclose(one[0].scaler_.scale_, other[0].scaler_.scale_)
    for preparations, sides in ((one, near), (other, far)):
        assert all(made is not preparations[0] for made in preparations[1:])
        for preparation, (table, _) in zip(preparations, sides, strict=True):
            assert not preparation.drawn_in(preparation.transform(table)).any()
            np.testing.assert_array_equal(preparation.scaler_.scale_, preparations[0].scaler_.scale_)
    swapped = prepare(near[::-1], columns, degree)
    np.testing.assert_allclose(swapped[1].transform(near[0][0]), one[0].transform(near[0][0]), atol=1e-12)


def test_of_one_table_the_pooled_scaler_is_its_own():
    (preparation,) = prepare([(as_table(houses(60)), None)], TablePreparation().fit(houses(60)).columns_)
    assert pooled([preparation.scaler_]) is preparation.scaler_
