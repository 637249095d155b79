"""The same door: frames, files and the command line give one answer; what cannot be asked is said in one line."""

from __future__ import annotations

import json
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from headwater import Coefficients, FittedTransfer, TablePreparation, advise, fit, load
from headwater.cli import main
from headwater.tables.columns import encode
from headwater.tables.options import in_python
from headwater.tables.pair import Roles, read_pair

KINDS = {
    "size": lambda rng, n: rng.normal(80, 20, n).round(2),
    "rooms": lambda rng, n: pd.array(np.where(rng.random(n) < 0.2, None, rng.integers(1, 9, n)), dtype="Int64"),
    "width": lambda rng, n: np.where(rng.random(n) < 0.2, np.nan, rng.normal(5, 1, n).round(3)),
    "garden": lambda rng, n: rng.random(n) < 0.5,
    "lift": lambda rng, n: pd.array(rng.choice([True, False, None], n), dtype="boolean"),
    "heating": lambda rng, n: pd.Categorical(rng.choice(["gas", "oil", "wood", None], n)),
    "street": lambda rng, n: pd.array(rng.choice(["a, b", 'the "old" one', "c"], n), dtype="string"),
    "built": lambda rng, n: pd.Timestamp("1990-01-01") + pd.to_timedelta(rng.integers(0, 9000, n), unit="D"),
    "sold": lambda rng, n: pd.Timestamp("2001-02-03") + pd.to_timedelta(rng.integers(0, 10**7, n), unit="s"),
}


def houses(rows, seed, names=tuple(KINDS)):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({name: KINDS[name](rng, rows) for name in names}, index=rng.permutation(rows))
    shape = frame["size"] if "size" in names else rng.normal(80, 20, rows)
    frame["price"] = np.where(rng.random(rows) < 0.05, np.nan, (2 * shape + rng.normal(0, 20, rows)).round(2))
    return frame


def said(advice, *names):
    """All that an advice says, without the names of files."""
    text = json.dumps(advice.as_dict())
    for name, plain in zip(names, ("source", "target"), strict=False):
        text = text.replace(str(name), plain)
    return json.loads(text)


def met(source, target, **roles):
    """All that the advice is made of: a pair's columns, its rows as numbers, its outcomes and its notes."""
    pair = read_pair(source, target, Roles("price", **roles))
    sides = [(encode(side.table, pair.columns), side.y) for side in (*pair.sources, pair.target)]
    notes = [note.replace(str(source), "source").replace(str(target), "target") for note in pair.notes]
    return pair.columns, sides, notes


def assert_same(one, other):
    assert (one[0], one[2]) == (other[0], other[2])
    for (X, y), (Z, z) in zip(one[1], other[1], strict=True):
        np.testing.assert_array_equal(X, Z)
        np.testing.assert_array_equal(y, z)


@settings(max_examples=5, phases=[Phase.generate])
@given(st.sets(st.sampled_from(sorted(KINDS)), min_size=1), st.integers(0, 2**32))
def test_a_frame_is_the_same_table_in_a_file(tmp_path_factory, names, seed):
    names, folder = ("size", *sorted(names - {"size"})), tmp_path_factory.mktemp("tables")
    sides = {"source": houses(70, seed, names), "target": houses(15, seed + 1, names)}
    expected = met(*sides.values())
    forms = {"polars": {name: pl.from_pandas(frame) for name, frame in sides.items()},
             "arrow": {name: pa.table(frame.reset_index(drop=True)) for name, frame in sides.items()}}  # fmt: skip
    for ending, write in (("csv", pd.DataFrame.to_csv), ("parquet", pd.DataFrame.to_parquet)):
        forms[ending] = {name: folder / f"{name}.{ending}" for name in sides}
        for name, path in forms[ending].items():
            write(sides[name], path, index=False)
    for both_sides in forms.values():
        assert_same(met(*both_sides.values()), expected)


def test_text_is_what_it_would_be_in_a_file(tmp_path):
    """What a file's reader takes off or takes for dates, and what pandas' reader leaves."""
    sides = [
        houses(rows, seed).assign(street=lambda it: " " + it["street"] + "\n") for rows, seed in ((60, 0), (12, 1))
    ]
    paths = tmp_path / "source.csv", tmp_path / "target.csv"
    for frame, path in zip(sides, paths, strict=True):
        frame.to_csv(path, index=False)
    assert_same(met(*paths), met(*map(pd.read_csv, paths)))


@pytest.fixture
def both(tmp_path):
    paths = tmp_path / "source.csv", tmp_path / "target.csv"
    for seed, path in enumerate(paths):
        houses(80 if seed == 0 else 20, seed).assign(times=1 + (np.arange(80 if seed == 0 else 20) % 3)).to_csv(
            path, index=False
        )
    return paths


def test_the_command_line_says_the_same_and_writes_the_same_model(both, tmp_path, monkeypatch, capsys):
    options = {
        "weights": "times",
        "exclude": ["built", "garden"],
        "categories": "rooms",
        "degree": 2,
        "criterion": "gcv",
    }
    model = fit(*map(pd.read_csv, both), outcome="price", **options)
    given_ = [str(word) for name, value in options.items()
              for word in (f"--{name}", ",".join(value) if isinstance(value, list) else value)]  # fmt: skip
    asked = ["headwater", "fit", *map(str, both), "--outcome", "price", "-o", f"{tmp_path}/m", "--json"]
    monkeypatch.setattr(sys, "argv", [*asked, *given_])
    with pytest.raises(SystemExit):
        main()
    shown = json.loads(capsys.readouterr().out)
    expected = said(model.advice)
    assert len(shown["notes"]) == len(expected["notes"])
    for name in ("errors", "table", "verdict", "gain", "target_tau"):
        assert shown[name] == json.loads(json.dumps(expected[name]))
    rows = houses(9, 5).assign(times=1)
    for one in (load(tmp_path / "m"), model):
        with pytest.warns(UserWarning, match="missing values, taken as the source's median"):
            np.testing.assert_array_equal(one.predict(rows), model.predictions(rows)["chosen"])
    assert load(f"{tmp_path}/m").advice is None and model.advice.model is not None


def test_a_fit_predicts_scores_and_is_saved(tmp_path):
    frame, more = houses(80, 0, ("size", "garden")), houses(300, 7, ("size", "garden"))
    model = fit(frame, houses(20, 1, ("size", "garden")), outcome="price")
    assert repr(model) == "<FittedTransfer of 'price' by 2 columns>" and isinstance(model, FittedTransfer)
    path = tmp_path / "model.skops"
    model.save(str(path))
    for form in (more, pl.from_pandas(more), pa.Table.from_pandas(more), more[["garden", "price", "size"]]):
        np.testing.assert_array_equal(load(path).predict(form), model.predict(more))
    known = more.dropna()
    with pytest.warns(UserWarning, match="rows have no price and are left out"):
        table = model.score(more).set_index("name")
    assert table.error["chosen"] == pytest.approx(np.mean((known.price - model.predict(known)) ** 2))
    assert set(table.index) == {"chosen", "scratch", "source", "source_optimal"}
    assert model.score(known.rename(columns={"price": "cost"}), outcome="cost").equals(model.score(known))


def test_categories_of_numbers_are_codes_without_being_named(tmp_path):
    def coded(rows, seed):
        frame = houses(rows, seed, ("size",)).assign(region=np.random.default_rng(seed).choice([3, 7, 11], rows))
        return frame, frame.astype({"region": "category"})

    (plain, held), (few, few_held) = coded(80, 0), coded(15, 1)
    expected = met(plain, few, categories=("region",))
    for target in (few_held, few):
        assert_same(met(held, target), expected)
        assert met(plain, target)[0] == met(plain, few)[0] != expected[0]
    for name, frame in (("source", held), ("target", few_held)):
        frame.to_parquet(tmp_path / name, index=False)
    assert_same(met(tmp_path / "source", tmp_path / "target"), expected)


def test_published_coefficients_stand_for_a_source():
    target = houses(20, 1, ("size", "garden"))
    one = said(advise({"size": 2.0, "garden": 0.0, "const": 3.0}, target, outcome="price"))
    assert one["source"]["rows"] is None
    sure = Coefficients({"size": 2.0, "garden": 0.0}, {"size": 1e-3, "garden": 1e-3})
    assert said(advise(sure, target, outcome="price"))["errors"] != one["errors"]
    with pytest.raises(ValueError, match="need their names"):
        advise(Coefficients([2.0, 0.0]), target, outcome="price")


def test_yes_and_no_have_probabilities():
    def deaths(rows, seed):
        rng = np.random.default_rng(seed)
        age = rng.normal(60, 10, rows)
        died = np.where(rng.random(rows) < 1 / (1 + np.exp(60 - age)), "yes", "no")
        return pd.DataFrame({"age": age, "died": died})

    model = fit(deaths(200, 0), deaths(30, 1), outcome="died", positive="yes")
    held_out = deaths(100, 2)
    predicted = model.predict(held_out)
    assert predicted.min() >= 0 and predicted.max() <= 1
    assert np.corrcoef(predicted, held_out.died == "yes")[0, 1] > 0.5
    assert model.score(held_out).set_index("name").auc["chosen"] > 0.8


SOURCE, TARGET = houses(40, 0, ("size", "garden")), houses(12, 1, ("size", "garden"))
ARRAYS = (np.ones((4, 2)), np.arange(4.0))
WRONG = [
    (lambda: advise(SOURCE, TARGET, outcome="prize"), ValueError,
     "no column 'prize' (did you mean 'price' or 'size'?)"),
    (lambda: advise(SOURCE, TARGET), TypeError, "source is a table: name the column to predict by outcome="),
    (lambda: advise(ARRAYS, TARGET), TypeError, "target is a table: name the column"),
    (lambda: advise(ARRAYS, ARRAYS, outcome="price"), TypeError, "target is a table, not a tuple"),
    (lambda: advise(SOURCE.to_numpy(), TARGET, outcome="price"), TypeError, "source is a table, not a ndarray"),
    (lambda: advise(None, TARGET, outcome="price"), TypeError, "source is a table, not None"),
    (lambda: advise(SOURCE.price, TARGET, outcome="price"), TypeError, "source is no table"),
    (lambda: advise(pl.from_pandas(SOURCE).lazy(), TARGET, outcome="price"), TypeError, "give source.collect()"),
    (lambda: advise(ARRAYS, ARRAYS, features=["a"]), TypeError, "features is an option of tables"),
    (lambda: advise(SOURCE, TARGET, outcome=3), TypeError, "outcome names a column of the tables: give its name"),
    (lambda: advise(SOURCE, TARGET, outcome="price", groups=[1, 2]), TypeError, "groups names a column of the tables"),
    (lambda: advise(SOURCE[:0], TARGET, outcome="price"), ValueError, "source: the table has no rows"),
    (lambda: advise(SOURCE, TARGET[:2], outcome="price"), ValueError, "target: 2 rows have an outcome"),
    (lambda: advise(SOURCE, SOURCE, outcome="price"), ValueError, "same table; give two, or say allow_overlap=True"),
    (lambda: advise("nowhere.csv", TARGET, outcome="price"), OSError, "nowhere.csv: cannot be read"),
    (lambda: advise(SOURCE.assign(garden="x"), TARGET, outcome="price"), ValueError, "it out by exclude='garden'"),
    (lambda: advise(pd.concat([SOURCE, SOURCE[["size"]]], axis=1), TARGET, outcome="price"), ValueError,
     "the column 'size' appears 2 times; rename it, or leave it out by exclude="),
    (lambda: advise(SOURCE, TARGET.assign(w=0.5), outcome="price", weights="w"), ValueError, "say by weights_kind="),
    (lambda: fit(SOURCE, TARGET, outcome="price", tau=-1), ValueError, "tau: a penalty must be 0 or more"),
    (lambda: fit(SOURCE, TARGET, outcome="price").predict(TARGET.drop(columns="size")), ValueError, "no column 'size'"),
    (lambda: fit(SOURCE, TARGET, outcome="price").predict(ARRAYS[0]), TypeError, "the table is of type ndarray"),
]  # fmt: skip


@pytest.mark.parametrize(("ask", "error", "words"), WRONG, ids=[words for *_, words in WRONG])
def test_what_cannot_be_asked_is_said_in_one_line(ask, error, words):
    with pytest.raises(error) as caught:
        ask()
    message = str(caught.value)
    assert words in message and "\n" not in message and "--" not in message and len(message) < 400


def test_columns_that_are_no_features_are_left_out():
    odd = {"sets": [{1}] * 40, "lists": [[1, 2]] * 40, "maps": [{"a": 1}] * 40, "mixed": [1, "a", None, 2.5] * 10}
    source, target = SOURCE.assign(**odd), TARGET.assign(**{name: values[:12] for name, values in odd.items()})
    notes = advise(source, target, outcome="price").notes
    assert any("neither numbers, text nor dates: sets, lists" in note for note in notes)


def test_options_are_called_as_python_calls_them():
    assert in_python("say --decimal . or --decimal ,") == "say decimal='.' or decimal=','"
    assert in_python("leave it out by --exclude 'a b'; --weights-kind survey") == (
        "leave it out by exclude='a b'; weights_kind='survey'"
    )
    assert in_python("or say --allow-overlap, a -- b") == "or say allow_overlap=True, a -- b"


def plants(seed, rows, slope=2.0, moved=0.0, name="A", noise=40):
    rng = np.random.default_rng(seed)
    size, width = rng.normal(80, 20, rows), rng.normal(size=rows)
    price = slope * (size + 20 * width) + rng.normal(0, noise, rows)
    heating = rng.choice(["gas", "oil"], rows)
    return pd.DataFrame({"size": size + moved, "width": width, "heating": heating, "plant": name, "price": price})


NEAR, FAR, FEW = plants(0, 90), plants(1, 60, 0.0, 500.0, "B"), plants(2, 9, name="C", noise=80)


def test_of_several_sources_the_best_is_told_whatever_their_order_and_level():
    advice = advise([NEAR, FAR], FEW, outcome="price")
    assert str(advice).startswith("source[0] serves best of 2. By itself: ")
    assert "unused, no feature in any of the sources by itself: plant" in advice.notes
    turned, level = advise([FAR, NEAR], FEW, outcome="price"), advise([NEAR, plants(1, 60, 0.0)], FEW, outcome="price")
    assert [one.source for one in turned.ranking.sources] == [1, 0]
    for other in (turned, level):
        np.testing.assert_allclose(
            [one.error for one in other.ranking.sources], [one.error for one in advice.ranking.sources], rtol=1e-6
        )
    assert_same(met([NEAR], FEW), met(NEAR, FEW))
    model = fit([NEAR, FAR], FEW, outcome="price")
    np.testing.assert_allclose(model.predict(FEW), advice.model.predict(pa.table(FEW.drop(columns=["plant", "price"]))))


def test_several_sources_on_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, frame in {"near": NEAR, "far": FAR, "few": FEW}.items():
        frame.to_csv(f"{name}.csv", index=False)
    asked = {"near.csv far.csv --target few.csv": 0, "near.csv far.csv few.csv": 2, "near.csv few.csv": 0}
    shown = {}
    for words, status in asked.items():
        monkeypatch.setattr(sys, "argv", ["headwater", "advise", *words.split(), "--outcome", "price"])
        with pytest.raises(SystemExit) as stop:
            main()
        assert stop.value.code == status, words
        shown[words] = capsys.readouterr()
    told = shown["near.csv far.csv --target few.csv"].out
    assert told.startswith("near.csv serves best of 2. By itself: ") and "\nfar.csv " in told
    assert "say which is the target by --target" in shown["near.csv far.csv few.csv"].err


@pytest.mark.parametrize(("ask", "words"), [
    (lambda: advise([], FEW, outcome="price"), "source is an empty list"),
    (lambda: advise([NEAR, FAR.drop(columns="price")], FEW, outcome="price"), "source[1]: there is no column 'price'"),
    (lambda: advise([NEAR, FAR.assign(width="a")], FEW, outcome="price"), "leave it out by exclude='width'"),
    (lambda: advise([NEAR, FEW], FEW, outcome="price"), "the same table"),
    (lambda: advise([NEAR.assign(price=1 * (NEAR.width > 0)), FAR.assign(price=1 * (FAR.width > 0))],
                    FEW.assign(price=1 * (FEW.width > 0)), outcome="price"), "several sources are compared for num"),
])  # fmt: skip
def test_several_sources_that_cannot_be_compared(ask, words):
    with pytest.raises(ValueError, match=r".") as caught:
        ask()
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_a_degree_is_1_or_2():
    source, target = houses(40, 0), houses(20, 1)
    for degree in (0, 3, "2", True):
        for ask in (advise, fit):
            with pytest.raises(ValueError, match="1, or 2 for squares and products too"):
                ask(source, target, outcome="price", degree=degree)
        with pytest.raises(ValueError, match="degree: 1, or 2"):
            TablePreparation(degree).fit(source)


def test_dates_as_text_are_dates_whatever_holds_them(tmp_path):
    days = pd.date_range("2016-05-30", periods=60).strftime("%Y-%m-%d")
    frame = pd.DataFrame({"day": days, "size": np.arange(60.0) % 7, "price": np.arange(60.0)})
    target = frame[::3].assign(price=lambda held: held["price"] * 1.1 + 0.37)
    frame.to_parquet(tmp_path / "held")
    held, lent = (advise(source, target, outcome="price") for source in (tmp_path / "held", frame))
    assert held.errors == lent.errors
    assert not any("form that is not read" in note for note in held.notes)


def test_whole_numbers_beyond_doubles_may_have_gaps():
    rng = np.random.default_rng(0)
    wealth = np.round(rng.normal(size=80) * 1e17)
    wealth[::9] = np.nan
    frame = pd.DataFrame({"wealth": wealth, "price": rng.normal(size=80)})
    assert "wealth" in fit(frame[:50], frame[50:], outcome="price").pipeline[0].get_feature_names_out()


def test_what_makes_one_doubt_comes_first():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=200), "b": rng.choice(["x", "y"], 200), "id": np.arange(200)})
    frame["sold"] = np.where(rng.random(200) < 1 / (1 + np.exp(-frame["a"])), "yes", "no")
    advice = advise(frame, frame[:40], outcome="sold")
    assert "are also rows of the source" in "\n".join(str(advice).splitlines()[-2:])


def test_what_fit_writes_at_given_penalties_is_said():
    for outcome, make in (("price", lambda frame: frame), ("dear", lambda frame: frame.assign(
            dear=np.where(frame.pop("price") > 200, "yes", "no")))):  # fmt: skip
        source, target = make(houses(200, 0)), make(houses(30, 1))
        told = str(fit(source, target, outcome=outcome, source_tau=np.inf).advice)
        assert "what fit writes is scratch with the penalties that were asked for" in told
        assert "the model has the penalties asked for" in told
        assert "of the weight" not in told


def test_predictions_of_every_way_have_the_exposure():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=200), "years": rng.uniform(1, 9, 200)})
    frame["claims"] = rng.poisson(frame["years"] * np.exp(frame["a"] / 2))
    model = fit(frame[:150], frame[150:], outcome="claims", family="poisson", exposure="years")
    np.testing.assert_array_equal(model.predictions(frame)["chosen"], model.predict(frame))
    renamed = frame.rename(columns={"years": "duration"})
    np.testing.assert_array_equal(model.predictions(renamed, exposure="duration")["chosen"], model.predict(frame))
