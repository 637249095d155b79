"""fit, predict and score: what is saved is what was fitted, and nothing else passes for it."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
import skops.io
from pyarrow import parquet
from sklearn.linear_model import Ridge

from headwater import FittedTransfer, fit, load
from headwater.advice.fitted import KIND
from headwater.tables.table import read_table

TABLES = Path(__file__).parents[1] / "tables" / "awkward"
RAW = Path(__file__).parents[3] / "shared" / "data" / "tabular"


@pytest.fixture
def headwater(headwater, tmp_path):
    """The command line as everywhere, which here leaves nothing unfinished."""

    def run(*given):
        found = headwater(*given)
        assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".")]
        return found

    return run


@pytest.fixture
def model(headwater, tmp_path):
    status, _, err = headwater("fit", *sides("dates"), *OUTCOME, "--degree", "2", "-o", "model.skops")
    assert (status, err) == (0, "")
    return tmp_path / "model.skops"


OUTCOME = ("--outcome", "price")


def sides(name):
    return TABLES / f"{name}_source.csv", TABLES / f"{name}.csv"


def fails(result, words):
    status, out, err = result
    assert (status, out) == (2, "")
    assert err.startswith("headwater: ") and err.count("\n") == 1 and words in err


def test_a_loaded_model_predicts_what_was_fitted_to_the_bit(headwater, monkeypatch, tmp_path):
    kept = []
    real = FittedTransfer.save
    monkeypatch.setattr(FittedTransfer, "save", lambda model, path: (kept.append(model), real(model, path)))
    headwater("fit", *sides("dates"), *OUTCOME, "--degree", "2", "-o", "model.skops")
    table = pyarrow.csv.read_csv(TABLES / "dates.csv")
    loaded = load(tmp_path / "model.skops")
    for name, values in kept[0].predictions(table).items():
        np.testing.assert_array_equal(loaded.predictions(table)[name], values)
    assert set(loaded.predictions(table)) == {"chosen", "scratch", "source", "source_optimal"}
    assert loaded.facts == kept[0].facts
    # the file's numbers are the same bits too
    assert headwater("predict", "model.skops", TABLES / "dates.csv", "-o", "out.csv")[0] == 0
    written = pyarrow.csv.read_csv("out.csv")["prediction"].to_numpy()
    np.testing.assert_array_equal(written, loaded.predictions(table)["chosen"])


@pytest.mark.parametrize(("source", "target", "outcome"), [
    ("wine-white.csv", "wine-red.csv", "quality"),
    ("california-housing.csv", "california-housing.csv", "median_house_value"),
])  # fmt: skip
def test_real_models_too(headwater, monkeypatch, source, target, outcome):
    """From the raw table to predictions in a file, to the bit."""
    if not RAW.exists():
        pytest.skip("the raw tables are not here")
    kept = []
    real = FittedTransfer.save
    monkeypatch.setattr(FittedTransfer, "save", lambda model, path: (kept.append(model), real(model, path)))
    few = pyarrow.csv.read_csv(RAW / target).take(np.random.default_rng(0).permutation(1000)[:60])
    pyarrow.csv.write_csv(few, "few.csv")
    options = ["--allow-overlap"] if source == target else []
    assert headwater("fit", RAW / source, "few.csv", "--outcome", outcome, "-o", "m.skops", *options)[0] == 0
    assert headwater("predict", "m.skops", RAW / target, "-o", "out.csv")[0] == 0
    written = pyarrow.csv.read_csv("out.csv")["prediction"].to_numpy()
    np.testing.assert_array_equal(written, kept[0].predictions(read_table(RAW / target))["chosen"])


def test_the_model_is_the_estimators_own(model):
    """The command line fits TransferRidge on the source's pipeline; a data frame's columns may be in any order."""
    from headwater import TransferRidge
    from headwater.estimators.from_table import behind, fit_source
    from headwater.tables.pair import Roles, read_pair
    from headwater.tables.preparation import prepare

    pair = read_pair(*sides("dates"), Roles("price"))
    (preparation,) = prepare([(pair.source.table, None)], pair.columns, degree=2)
    fitted = fit_source(preparation, pair.source)
    pipeline = behind(preparation.about(pair.target.table), fitted[-1])
    expected = TransferRidge(pipeline).fit(pair.target.table.data.select([c.name for c in pair.columns]), pair.target.y)
    loaded = load(model)
    np.testing.assert_array_equal(loaded.pipeline[-1].coef_, expected.coef_)
    frame = pair.target.table.data.to_pandas()[["sold", "size", "price", "colour", "age"]]
    predicted = loaded.predictions(frame)
    np.testing.assert_allclose(predicted["chosen"], expected.predict(pair.target.table.data.select(
        [c.name for c in pair.columns])), rtol=1e-12)  # fmt: skip
    source = pipeline[-1]
    features = pipeline[:-1].transform(frame)
    np.testing.assert_allclose(predicted["source"], features @ source.coef_ + source.intercept_)
    scratch = TransferRidge().fit(features, pair.target.y)
    np.testing.assert_allclose(predicted["scratch"], scratch.predict(features), rtol=1e-6)


def test_the_file_holds_no_rows(headwater, tmp_path):
    """Ten times the source's rows, the same size."""
    rng = np.random.default_rng(0)
    for n in (50, 300, 3000):
        X = rng.normal(size=(n, 3))
        table = pa.table({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "y": X.sum(axis=1) + rng.normal(size=n)})
        pyarrow.csv.write_csv(table, f"s{n}.csv")
    for n in (300, 3000):
        headwater("fit", f"s{n}.csv", "s50.csv", "--outcome", "y", "-o", f"{n}.skops")
    sizes = [(tmp_path / f"{n}.skops").stat().st_size for n in (300, 3000)]
    assert sizes[1] < 1.05 * sizes[0] < 20_000


def test_predict_keeps_every_cell_as_it_is_written(headwater, model):
    text = (
        'sold,"size, m2",size,age,colour,zip,"say ""so"""\n'
        '2021-02-03,"1,5",50.10,007,red,00123,"a ""b"""\n'
        '2021-03-04,,NA,12,,,"two\nlines"\n'
    )
    Path("new.csv").write_text(text)
    status, out, err = headwater("predict", model, "new.csv")
    assert status == 0
    assert "note: new.csv: missing values, taken as the source's median: size 1" in err
    assert "colour has values the source never had, taken as none: missing" in err
    lines = out.split("\n")
    assert lines[0] == 'sold,"size, m2",size,age,colour,zip,"say ""so""",prediction'
    assert lines[1].startswith('2021-02-03,"1,5",50.10,007,red,00123,"a ""b""",')
    assert out.replace("\r", "").count("\n") == 4
    status, _, _ = headwater("predict", model, "new.csv", "-o", "out.tsv")
    assert Path("out.tsv").read_text().startswith('sold\tsize, m2\tsize\tage\tcolour\tzip\t"say ""so"""\tprediction\n')


def test_predict_speaks_json_and_parquet(headwater, model):
    data = TABLES / "dates.csv"
    status, out, _ = headwater("predict", model, data, "--json")
    assert status == 0
    assert len(json.loads(out)["predictions"]) == 8
    status, out, _ = headwater("predict", model, data, "-o", "out.parquet", "--json")
    assert json.loads(out)["out"] == "out.parquet"
    np.testing.assert_array_equal(parquet.read_table("out.parquet")["prediction"], json_of(headwater, model, data))
    status, _, _ = headwater("predict", model, "out.parquet", "-o", "again.parquet")
    assert status == 2  # it has a prediction already, which is not replaced


def test_predict_writes_what_the_name_says(headwater, model):
    data = TABLES / "dates.csv"
    plain = headwater("predict", model, data)[1]
    assert headwater("predict", model, data, "-o", "out.csv.gz")[0] == 0
    assert gzip.decompress(Path("out.csv.gz").read_bytes()).decode() == plain
    for name in ("out.xlsx", "out.gz", "out"):
        fails(headwater("predict", model, data, "-o", name), f"-o: {name} ends in none of .csv, .tsv")
    Path("link.csv").symlink_to("linked.csv")
    Path("linked.csv").write_text("before")
    assert headwater("predict", model, data, "-o", "link.csv")[0] == 0
    assert Path("link.csv").is_symlink() and Path("linked.csv").read_text() == plain


@pytest.mark.parametrize("name", ["dates.csv", "dates.parquet"])
def test_a_pipe_is_read_as_a_file_is(headwater, model, tmp_path, name):
    parquet.write_table(pyarrow.csv.read_csv(TABLES / "dates.csv"), "dates.parquet")
    content = ((TABLES if name.endswith("csv") else tmp_path) / name).read_bytes()
    os.mkfifo("pipe")
    writing = threading.Thread(target=lambda: Path("pipe").write_bytes(content))
    writing.start()
    status, out, _ = headwater("predict", model, "pipe", "--json")
    writing.join()
    assert status == 0
    assert json.loads(out)["predictions"] == json_of(headwater, model, TABLES / "dates.csv")


def json_of(headwater, model, data):
    return json.loads(headwater("predict", model, data, "--json")[1])["predictions"]


def test_score_is_the_error_of_the_predictions(headwater, model):
    data = TABLES / "dates.csv"
    scores = json.loads(headwater("score", model, data, "--json")[1])
    y = pyarrow.csv.read_csv(data)["price"].to_numpy()
    predicted = np.array(json_of(headwater, model, data))
    assert scores["error"] == pytest.approx(np.mean((y - predicted) ** 2))
    assert scores["r2"] == pytest.approx(1 - np.mean((y - predicted) ** 2) / np.var(y))
    assert set(scores) == {"rows", "error", "r2", "scratch", "source", "source_optimal", "notes", "version"}
    status, out, _ = headwater("score", model, data)
    assert status == 0
    assert "scratch, the target's rows alone" in out and "mean squared error" in out


def test_score_counts_weights_and_leaves_out_what_has_no_outcome(headwater):
    weighted = TABLES / "weights.csv"
    headwater("fit", TABLES / "source.csv", weighted, *OUTCOME, "-o", "m.skops")
    scores = json.loads(headwater("score", "m.skops", weighted, "--weights", "times", "--json")[1])
    table = pyarrow.csv.read_csv(weighted)
    twice = pa.concat_tables([table, table.filter(pa.array(table["times"].to_numpy() == 2))])
    pyarrow.csv.write_csv(twice, "twice.csv")
    assert scores["error"] == pytest.approx(
        json.loads(headwater("score", "m.skops", "twice.csv", "--json")[1])["error"]
    )
    _, out, _ = headwater("score", "m.skops", TABLES / "missing_outcome.csv", "--json")
    assert json.loads(out)["rows"] == 5
    assert "3 of 8 rows have no price" in json.loads(out)["notes"][0]
    same = json.loads(headwater("score", "m.skops", TABLES / "same_outcome.csv", "--json")[1])
    assert same["r2"] is None
    fails(headwater("score", "m.skops", TABLES / "renamed_outcome.csv"), "no column 'price'")
    assert headwater("score", "m.skops", TABLES / "renamed_outcome.csv", "--outcome", "cost")[0] == 0


def test_fixed_penalties_are_kept(headwater, tmp_path):
    both = TABLES / "source.csv", TABLES / "target.csv"
    status, out, _ = headwater("fit", *both, *OUTCOME, "--source-tau", "0.5", "--tau", "inf", "-o", "m.skops", "--json")
    assert status == 0
    assert "--source-tau 0.5, --tau inf" in json.loads(out)["notes"][-1]
    loaded = load(tmp_path / "m.skops").pipeline[-1]
    assert (loaded.source_tau_, loaded.tau_) == (0.5, np.inf)
    assert headwater("fit", *both, *OUTCOME, "--tau", "0", "-o", "exact.skops")[0] == 0
    _, out, _ = headwater("fit", *both, *OUTCOME, "--source-tau", "inf", "-o", "scratch.skops", "--json")
    assert json.loads(out)["verdict"] == "scratch"  # of the table, whose first row is the model asked for
    scratch = load(tmp_path / "scratch.skops").predictions(pyarrow.csv.read_csv(both[1]))
    np.testing.assert_allclose(scratch["chosen"], scratch["scratch"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--source-tau", "-1", "-o", "m.skops"], "--source-tau: a penalty must be 0 or more, got -1"),
        (["--tau", "nan", "-o", "m.skops"], "--tau: a penalty must be 0 or more, got nan"),
        (["--tau", "x", "-o", "m.skops"], "--tau"),
        (["-o", "nowhere/m.skops"], "there is no folder nowhere"),
        (["-o", "."], "is a folder"),
        (["-o", TABLES / "source.csv"], "is an input"),
        ([], "--out"),
    ],
)
def test_fit_refuses_in_one_line(headwater, tmp_path, options, words):
    before = (TABLES / "source.csv").read_bytes()
    fails(headwater("fit", TABLES / "source.csv", TABLES / "target.csv", *OUTCOME, *options), words)
    assert not list(tmp_path.iterdir())
    assert (TABLES / "source.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("target.csv", "there is no column 'sold'"),
        ("dates_or_numbers.csv", "column 'sold' has numbers ('0') where the source had dates"),
        ("empty.csv", "the file is empty"),
        ("nowhere.csv", "there is no such file"),
    ],
)
def test_predict_refuses_other_tables_in_one_line(headwater, model, name, words):
    fails(headwater("predict", model, TABLES / name, "-o", "out.csv"), words)
    assert not Path("out.csv").exists()


def altered(model, **changes):
    """The model file with members replaced."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(model) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            new.writestr(name, changes.pop(name.replace(".", "_"), old.read(name)))
    return buffer.getvalue()


def forged(content, mark=None):
    """A skops file of other things under headwater's mark."""
    buffer = io.BytesIO(skops.io.dumps(content))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("headwater.json", json.dumps(mark or {"format": KIND.format, "version": "0"}))
    return buffer.getvalue()


class Foreign:
    """A type no model needs."""


def test_other_files_are_no_models(headwater, model):
    content = model.read_bytes()
    schema = zipfile.ZipFile(model).read("schema.json").decode()
    ridge = Ridge().fit([[0.0], [1.0]], [0.0, 1.0])
    cases = {
        "table": ((TABLES / "source.csv").read_bytes(), "not a model saved by headwater"),
        "empty": (b"", "not a model saved by headwater"),
        "truncated": (content[: len(content) // 2], "not a model saved by headwater"),
        "pickle": (pickle.dumps(ridge), "not a model saved by headwater"),
        "scikit-learn": (skops.io.dumps(ridge), "not a model saved by headwater"),
        "archive": (zipped({"a.txt": "a"}), "not a model saved by headwater"),
        "newer": (altered(model, headwater_json='{"format": 99, "version": "9.1"}'), "headwater 9.1, which is newer"),
        "older": (altered(model, headwater_json='{"format": 1, "version": "0.1"}'), "saved by an earlier headwater"),
        "other": (forged({"pipeline": ridge, "rivals": {}, "facts": {}}), "not a model this headwater can read"),
        "foreign": (forged(Foreign()), "not a model this headwater can read"),
        "evil": (altered(model, schema_json=schema.replace('"TransferRidge"', '"system"').replace(
            '"headwater.estimators.transfer"', '"os"')), "not a model this headwater can read"),
        "damaged": (altered(model, schema_json=schema[:-40]), "not a model this headwater can read"),
    }  # fmt: skip
    for name, (data, words) in cases.items():
        Path(f"{name}.skops").write_bytes(data)
        fails(headwater("predict", f"{name}.skops", TABLES / "dates.csv"), words)
    fails(headwater("score", "nowhere.skops", TABLES / "dates.csv"), "there is no such file")


def zipped(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda loaded: setattr(loaded.pipeline[-1], "coef_", loaded.pipeline[-1].coef_[:-1]),
        lambda loaded: setattr(loaded.pipeline[-1], "intercept_", float("nan")),
        lambda loaded: loaded.rivals.pop("scratch"),
        lambda loaded: loaded.facts.pop("outcome"),
        lambda loaded: loaded.pipeline.steps.pop(1),
        lambda loaded: setattr(loaded.pipeline[0], "columns_", loaded.pipeline[0].columns_[:-1]),
    ],
)
def test_a_model_is_checked_after_it_is_loaded(headwater, model, spoil):
    loaded = load(model)
    spoil(loaded)
    loaded.save(model)
    fails(headwater("predict", model, TABLES / "dates.csv"), "not a model this headwater can read")


def test_what_cannot_be_written_leaves_the_old_file(headwater, model, monkeypatch):
    before = model.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    fails(headwater("fit", *sides("dates"), *OUTCOME, "-o", model), "No space left on device")
    assert model.read_bytes() == before


def test_an_interrupt_leaves_nothing(tmp_path):
    rng = np.random.default_rng(0)
    columns = {f"x{i}": rng.normal(size=20_000) for i in range(60)}
    pyarrow.csv.write_csv(pa.table({**columns, "y": columns["x0"]}), tmp_path / "s.csv")
    command = [
        sys.executable,
        "-m",
        "headwater",
        "fit",
        "s.csv",
        "s.csv",
        "--allow-overlap",
        *OUTCOME[:1],
        "y",
        "--degree",
        "2",
        "-o",
        "m",
    ]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(2.5)
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    # Python dies of the signal itself where it came amid an exec, as of a dataclass: a shell shows 130 for both
    assert process.returncode in (130, -signal.SIGINT)
    assert (out, err) == ("", "headwater: interrupted\n")
    assert {path.name for path in tmp_path.iterdir()} == {"s.csv"}


def test_intervals_are_two_more_columns_and_those_of_the_loaded_model(headwater, model):
    loaded = load(model)
    table = TABLES / "dates.csv"
    status, out, _ = headwater("predict", model, table, "--interval", "0.8")
    assert status == 0
    written = pyarrow.csv.read_csv(io.BytesIO(out.encode()))
    assert written.column_names[-3:] == ["prediction", "prediction_low", "prediction_high"]
    values, low, high = (np.asarray(written[name]) for name in written.column_names[-3:])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ends, wider = (loaded.predict_interval(table, level) for level in (0.8, 0.95))
    np.testing.assert_allclose(np.stack([low, high], axis=1), ends)
    assert np.all(wider[:, 0] < low) and np.all(low < values) and np.all(values < high) and np.all(high < wider[:, 1])
    status, out, _ = headwater("predict", model, table, "--interval", "0.8", "--json")
    np.testing.assert_allclose(json.loads(out)["high"], high)
    headwater("predict", model, table, "-o", "one.csv", "--interval", "0.8")
    fails(headwater("predict", model, "one.csv", "--interval", "0.8"), "there is a column 'prediction' already")
    fails(headwater("predict", model, table, "--interval", "90"), "between 0 and 1, such as 0.9")


def test_a_loaded_model_says_of_its_coefficients_what_the_fitted_one_does(tmp_path):
    source, target = sides("dates")
    fitted = fit(source, target, outcome="price")
    fitted.save(tmp_path / "model.skops")
    ours, loaded = fitted.coefficients(), load(tmp_path / "model.skops").coefficients()
    assert list(ours["name"]) == list(loaded["name"]) == list(fitted.pipeline[0].get_feature_names_out())
    models = fitted.advice.model.coefficients()
    for name in ("source", "scratch", "chosen", "low", "high"):
        np.testing.assert_array_equal(loaded[name], ours[name])
        np.testing.assert_allclose(ours[name], models[name], rtol=1e-6)
    assert np.all(ours["low"] < ours["chosen"]) and np.all(ours["chosen"] < ours["high"])
