"""A published source is the fit it stands for: read in parts, interrupted, merged, saved; and no row is in it."""

from __future__ import annotations

import io
import json
import os
import pickle
import signal
import zipfile
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from headwater import SourceRidge, TransferRidge, advise, load
from headwater.estimators.from_table import fit_source
from headwater.estimators.publishing import Asked, publish
from headwater.estimators.saved_source import SavedSource
from headwater.tables import look
from headwater.tables.counted import Counted
from headwater.tables.gathered import Gathering
from headwater.tables.pair import Roles, pair_of
from headwater.tables.preparation import prepare
from headwater.tables.streams import Part, open_stream
from headwater.tables.table import read_table

ROWS = 211


def table(kind="plain", rows=ROWS, seed=0):
    rng = np.random.default_rng(seed)
    columns = {f"x{j}": rng.normal(size=rows) * (j + 1) + 50 * j for j in range(4)}
    y = columns["x0"] - columns["x1"] + rng.normal(size=rows)
    if kind == "far":
        columns["x3"][17] = 1e5
    if kind == "mixed":
        columns["x2"][::7] = np.nan
        columns["colour"] = np.array(["red", "blue", "green"])[rng.integers(0, 3, rows)]
        columns["code"] = rng.integers(0, 4, rows)
        y[::19] = np.nan
    return pa.table({**columns, "w": rng.integers(0, 4, rows), "y": y}), (
        "--categories",
        "code",
    ) if kind == "mixed" else ()


def asked(kind="plain", weights=None, **more):
    return Asked(Counted("y", weights), exclude=() if weights else ("w",),
                 categories=("code",) if kind == "mixed" else (), **more)  # fmt: skip


def quiet(_):
    return nullcontext()


def fitted(path, kind, weights=None, degree=1, like=None):
    """The same by the way that advise takes with a table in memory."""
    found = read_table(path)
    roles = Roles(
        "y", weights=weights, exclude=() if weights else ("w",), categories=("code",) if kind == "mixed" else ()
    )
    pair = pair_of(found, found, roles, allow_overlap=True)
    (preparation,) = (
        prepare([(pair.source.table, pair.source.weight)], pair.columns, degree) if like is None else [like]
    )
    return fit_source(preparation, pair.source)


def same_fit(found, expected, rtol=1e-10):
    size = np.abs(expected[-1].coef_).max()
    np.testing.assert_allclose(found[-1].coef_, expected[-1].coef_, rtol=0, atol=rtol * size)
    np.testing.assert_allclose(found[-1].tau_, expected[-1].tau_, rtol=1e-8)
    np.testing.assert_allclose(found[-1].intercept_, expected[-1].intercept_, rtol=rtol)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Parquet in seven row groups, the same in three files, and as text."""
    folder = tmp_path_factory.mktemp("sources")
    for kind in ("plain", "far", "mixed"):
        data, _ = table(kind)
        parquet.write_table(data, folder / f"{kind}.parquet", row_group_size=33)
        (folder / kind).mkdir()
        for index, start in enumerate((0, 70, 140)):
            parquet.write_table(data.slice(start, 70 if index < 2 else None), folder / kind / f"{index}.parquet")
        csv.write_csv(data, folder / f"{kind}.csv")
    return folder


@pytest.mark.parametrize(("kind", "weights", "degree", "passes"), [
    ("plain", None, 1, 1), ("plain", "w", 1, 1), ("far", None, 1, 2), ("mixed", None, 1, 2), ("mixed", "w", 2, 3),
])  # fmt: skip
def test_what_is_read_in_parts_is_what_is_fitted_in_memory(files, monkeypatch, kind, weights, degree, passes):
    read, blocks = [], Part.blocks
    monkeypatch.setattr(Part, "blocks", lambda self, names: (read.append(names), blocks(self, names))[1])
    path = files / f"{kind}.parquet"
    found, _ = publish(open_stream(str(path)), asked(kind, weights, degree=degree), quiet)
    assert len(read) == 7 * passes  # no more passes than the preparation needs, of no column that it does not
    assert (set(read[-1]) & {"w", "z"} == {"w"}) == (weights is not None)
    expected = fitted(path, kind, weights, degree)
    assert found.columns == tuple(expected[0].columns_)
    same_fit(found, expected)
    numbers = found.numbers
    data = table(kind)[0]
    kept = ~np.isnan(data["y"].to_numpy()) & ((data["w"].to_numpy() > 0) if weights else True)
    assert numbers["rows"] == kept.sum() and numbers["outcome"] == "y"
    for other in (files / kind, files / f"{kind}.csv"):
        same_fit(publish(open_stream(str(other)), asked(kind, weights, degree=degree), quiet)[0], found)


def test_an_address_is_read_where_fsspec_is_there(files):
    memory = pytest.importorskip("fsspec").filesystem("memory")
    memory.put(str(files / "plain.parquet"), "/shop/plain.parquet")
    found, _ = publish(open_stream("memory://shop/plain.parquet"), asked(), quiet)
    same_fit(found, fitted(files / "plain.parquet", "plain"))
    same_fit(publish(open_stream((files / "plain.parquet").as_uri()), asked(), quiet)[0], found)


def test_hive_folders_give_their_column(tmp_path):
    for year in (2020, 2021, 2022):
        (tmp_path / f"year={year}").mkdir()
        parquet.write_table(table(seed=year)[0], tmp_path / f"year={year}" / "a.parquet")
    found, _ = publish(open_stream(str(tmp_path)), asked(), quiet)
    assert "year" in found.names and found.numbers["rows"] == 3 * ROWS


def test_a_sample_judges_columns_but_the_whole_table_has_its_say(tmp_path, monkeypatch):
    monkeypatch.setattr("headwater.estimators.publishing.SAMPLE", 40)
    data = table("mixed", 400)[0]
    rare = np.array(["usual"] * 400)
    rare[333] = "rare"
    lone = np.zeros(400)
    lone[332] = 1.0
    gaps = np.where(np.arange(400) % 15 == 3, np.nan, np.arange(400) ** 0.5)
    data = (
        data.append_column("rare", pa.array(rare))
        .append_column("lone", pa.array(lone))
        .append_column("gaps", pa.array(gaps))
    )
    parquet.write_table(data, tmp_path / "t.parquet", row_group_size=50)
    stream = open_stream(str(tmp_path / "t.parquet"))
    found, _ = publish(stream, asked("mixed"), quiet)
    expected = fitted(tmp_path / "t.parquet", "mixed")
    assert [replace(column, fill=0.0) for column in found.columns] == [
        replace(column, fill=0.0) for column in expected[0].columns_
    ]
    same_fit(found, fitted(tmp_path / "t.parquet", "mixed", like=found[0]))


def test_rows_that_a_file_gives_away_are_said(tmp_path):
    data = table("mixed", 60)[0].drop_columns(["w"])
    data = data.append_column("town", pa.array(["lone"] + ["here", "there"] * 29 + ["here"]))
    parquet.write_table(data.slice(1), tmp_path / "kept.parquet")
    parquet.write_table(data.slice(0, 31), tmp_path / "t.parquet")
    for name, told in (("kept", ()), ("t", ("town=lone",))):
        _, notes = publish(open_stream(str(tmp_path / f"{name}.parquet")), replace(asked("mixed"), exclude=()), quiet)
        assert [note for note in notes if "gives away" in note and "town" in note] == [
            note for note in notes if any(word in note for word in told)
        ]
    parquet.write_table(data.slice(20, 9), tmp_path / "few.parquet")
    _, notes = publish(open_stream(str(tmp_path / "few.parquet")), replace(asked("mixed"), exclude=()), quiet)
    assert any("nearly is the table" in note for note in notes)


def test_wide_tables_keep_their_digits(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 60)) * np.logspace(0, -6, 60)
    data = pa.table({**{f"x{j}": X[:, j] for j in range(60)}, "y": X @ np.ones(60) + rng.normal(size=30), "w": X[:, 0]})
    parquet.write_table(data, tmp_path / "wide.parquet", row_group_size=7)
    found, _ = publish(open_stream(str(tmp_path / "wide.parquet")), asked(), quiet)
    same_fit(found, fitted(tmp_path / "wide.parquet", "plain"))
    assert found[-1].spectrum_.rank == 29


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """A source, one prepared like it, and one of all rows with that preparation."""
    folder = tmp_path_factory.mktemp("parts")
    data = table("mixed", 300)[0]
    for name, some in (("a", data.slice(0, 120)), ("b", data.slice(120)), ("both", data)):
        parquet.write_table(some, folder / f"{name}.parquet", row_group_size=50)
    first, _ = publish(open_stream(str(folder / "a.parquet")), asked("mixed"), quiet)
    more = [publish(open_stream(str(folder / f"{name}.parquet")), asked("mixed"), quiet, like=first)[0]
            for name in ("b", "both")]  # fmt: skip
    return folder, (first, *more)


def test_merged_sources_are_one_fit_to_all_rows(parts):
    _, (first, second, both) = parts
    merged = first + second
    same_fit(merged, both)
    assert merged.numbers["rows"] == both.numbers["rows"]
    np.testing.assert_allclose(merged[-1].spectrum_.eigenvalues, both[-1].spectrum_.eigenvalues, rtol=1e-10)
    for name in ("signal", "noise"):
        np.testing.assert_allclose(merged.numbers[name], both.numbers[name], rtol=1e-10)


def test_what_cannot_be_merged_is_refused(parts, files):
    folder, (first, second, _) = parts
    own, _ = publish(open_stream(str(folder / "b.parquet")), asked("mixed"), quiet)
    for other, words in ((own, "prepared differently"), (first, "same rows"), (second.of_rank(3), "cut by --rank")):
        with pytest.raises(ValueError, match=words):
            first + other
    with pytest.raises(ValueError, match="outcomes are 'y' and 'z'"):
        first + SavedSource(second.steps, {**second.facts, "outcome": "z"})


def test_the_error_of_a_cut_is_that_of_its_predictions(files):
    path = files / "mixed.parquet"
    whole, _ = publish(open_stream(str(path)), asked("mixed"), quiet)
    data = read_table(path)
    rows = data.where(pa.array(~np.isnan(data.data["y"].to_numpy())))
    for rank in (1, 4):
        cut = whole.of_rank(rank)
        moved = cut.predict(rows) - whole.predict(rows)
        np.testing.assert_allclose(cut.numbers["lost"], np.sqrt(np.mean(moved**2)), rtol=1e-9)
    assert whole.of_rank(10**6) is whole


def test_a_saved_source_is_the_same_and_holds_no_row(files, tmp_path):
    source, _ = publish(open_stream(str(files / "mixed.parquet")), asked("mixed"), quiet)
    source.save(tmp_path / "a")
    loaded = SavedSource.load(tmp_path / "a")
    loaded.save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert loaded.numbers == source.numbers
    data = table("mixed")[0]
    target = data.slice(0, 25).drop_columns(["y", "w"])
    y = np.nan_to_num(data["y"].to_numpy()[:25])
    model = TransferRidge(loaded).fit(target, y)
    np.testing.assert_array_equal(model.predict(target), model.set_params(source=source).fit(target, y).predict(target))
    seen = np.concatenate([np.ravel(data[name].to_numpy(zero_copy_only=False)) for name in ("x0", "x1", "y")])
    made = source[0].transform(data)[:, :3].ravel()
    with zipfile.ZipFile(tmp_path / "a") as archive:
        for name in archive.namelist():
            if name.endswith(".npy"):
                values = np.load(io.BytesIO(archive.read(name)), allow_pickle=False)
                assert ROWS not in values.shape and ROWS - 12 not in values.shape
                if values.dtype == np.float64:
                    assert not np.isin(values, [*seen, *made]).any()


def test_work_can_be_sent_to_other_processes(files):
    stream = open_stream(str(files / "mixed.parquet"))
    source, _ = publish(stream, asked("mixed"), quiet)
    gathering = pickle.loads(pickle.dumps(Gathering(Counted("y"), source[0])))
    parts = pickle.loads(pickle.dumps(stream.parts))
    found = None
    for part in reversed(parts):
        for first, block in part.blocks([*source.names, "y"]):
            piece = pickle.loads(pickle.dumps(gathering(first, block)))
            found = piece if found is None else found + piece
    assert found.tally.rows == source.numbers["rows"]
    same_fit([SourceRidge().fit_moments(found.moments)], source)


@pytest.mark.parametrize("kind", ["plain", "mixed"])
def test_an_interrupted_job_goes_on_to_the_same_bits(files, tmp_path, monkeypatch, kind):
    stream, job = open_stream(str(files / f"{kind}.parquet")), asked(kind, degree=2 if kind == "mixed" else 1)
    monkeypatch.setattr("headwater.tables.passes._SHARE", 1e9)  # after every part
    publish(stream, job, quiet)[0].save(tmp_path / "whole")
    again = tmp_path / "again"
    left = [0]

    @contextmanager
    def until(_):
        def progress(done, total):
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt

        yield progress

    source = None
    while source is None:  # three parts at a time
        left[0] = 3
        try:
            source, _ = publish(stream, job, until, folder=again)
        except KeyboardInterrupt:
            assert list(again.iterdir())
    source.save(tmp_path / "parted")
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "parted").read_bytes()
    with pytest.raises(ValueError, match=r"look\.skops: not a checkpoint .* \(it is of another source"):
        publish(stream, replace(job, exclude=("w", "x1")), quiet, folder=again)


@pytest.mark.parametrize("parts", [1, 9, 23])
def test_a_killed_process_leaves_what_another_goes_on_from(tmp_path, monkeypatch, parts):
    rng = np.random.default_rng(0)
    data = pa.table({**{f"x{j}": rng.normal(size=12_000) for j in range(10)}, "y": rng.normal(size=12_000)})
    parquet.write_table(data, tmp_path / "s.parquet", row_group_size=500)
    stream, job = open_stream(str(tmp_path / "s.parquet")), Asked(Counted("y"))
    publish(stream, job, quiet)[0].save(tmp_path / "whole")

    @contextmanager
    def killed(_):
        def progress(done, total):
            if done == parts:
                os.kill(os.getpid(), signal.SIGKILL)

        yield progress

    monkeypatch.setattr("headwater.tables.passes._SHARE", 0.5)
    child = os.fork()  # everything is loaded there
    if child == 0:
        publish(stream, job, killed, folder=tmp_path / "c")
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert (tmp_path / "c" / "look.skops").exists()
    publish(stream, job, quiet, folder=tmp_path / "c")[0].save(tmp_path / "resumed")
    assert (tmp_path / "resumed").read_bytes() == (tmp_path / "whole").read_bytes()


def fails(result, words):
    status, out, err = result
    assert (status, out) == (2, "")
    assert err.startswith("headwater: ") and err.count("\n") == 1 and words in err, err


def test_the_commands(headwater, parts):
    folder, (first, *_) = parts
    options = ("--outcome", "y", "--exclude", "w", "--categories", "code")
    status, out, _ = headwater("publish", folder / "a.parquet", *options, "-o", "a.skops")
    assert status == 0 and out.startswith("a.skops: what 113 rows say of y by 6 columns")
    same_fit(SavedSource.load("a.skops"), first)
    assert headwater("show", "a.skops")[1] == out
    status, out, _ = headwater("publish", folder / "b.parquet", "--outcome", "y", "--like", "a.skops", "-o", "b.skops")
    assert status == 0
    status, out, _ = headwater("merge", "a.skops", "b.skops", "-o", "both.skops")
    assert status == 0 and out.startswith("both.skops: what 284 rows say of y")
    status, out, _ = headwater("publish", folder / "b.parquet", "--outcome", "y", "--like", "a.skops", "--rank", "2",
                               "-o", "cut.skops")  # fmt: skip
    assert status == 0 and "cut to 2 axes; its predictions for its own rows moved by" in out
    fails(headwater("merge", "a.skops", "cut.skops", "-o", "x"), "a.skops and cut.skops: a source that was cut")
    fails(headwater("merge", "a.skops", "-o", "x"), "at least two")
    fails(headwater("show", folder / "a.parquet"), "not a source saved by headwater, or not whole")


@pytest.fixture
def source_and_target(headwater):
    """A source as a table and as a file, and a target; ``x0`` is missing here and there in both."""
    both = [table("mixed", 400)[0].drop_columns(["w"]), table("mixed", 60, seed=7)[0].drop_columns(["w"])]
    for name, data in zip(("source", "target"), both, strict=True):
        parquet.write_table(data.slice(0, 120 if name == "source" else 30), f"{name}.parquet")
    status, _, _ = headwater(
        "publish", "source.parquet", "--outcome", "y", "--categories", "code", "-o", "source.skops"
    )
    assert status == 0
    return headwater


def test_advise_and_fit_take_a_source_file_as_they_take_its_table(source_and_target):
    headwater, options = source_and_target, ("target.parquet", "--outcome", "y", "--json")
    by_table = json.loads(headwater("advise", "source.parquet", *options, "--categories", "code")[1])
    by_file = json.loads(headwater("advise", "source.skops", *options)[1])
    for one, other in zip(by_table["table"], by_file["table"], strict=True):
        assert one["name"] == other["name"]
        np.testing.assert_allclose(one["error"]["estimate"], other["error"]["estimate"], rtol=1e-6)
    assert by_file["verdict"] == by_table["verdict"] and by_file["columns"] == by_table["columns"]
    source, target = load("source.skops"), parquet.read_table("target.parquet")
    for given in (source, "source.skops", [source]):
        advice = advise(given, target, outcome="y")
        assert advice.verdict == by_table["verdict"]
        np.testing.assert_allclose(advice.rivals[0].error.estimate, by_file["table"][0]["error"]["estimate"], rtol=1e-9)
    with pytest.raises(ValueError, match="features: the columns of source are settled"):
        advise(source, target, outcome="y", features=["x0"])
    for name, given in (("source.skops", ["source.parquet", "source.skops"]), ("source", [source, "source.parquet"])):
        with pytest.raises(ValueError, match=f"^{name}: several sources are compared as tables"):
            advise(given, target, outcome="y")
    several = ("source.parquet", "source.skops", "--target", "target.parquet", "--outcome", "y")
    fails(headwater("advise", *several), "source.skops: several sources are compared as tables")
    assert any("source.skops holds no rows" in note for note in by_file["notes"])
    predictions = []
    for name, more in (("source.parquet", ("--categories", "code")), ("source.skops", ())):
        assert headwater("fit", name, *options, *more, "-o", "m.skops")[0] == 0
        predictions.append(json.loads(headwater("predict", "m.skops", "target.parquet", "--json")[1])["predictions"])
    np.testing.assert_allclose(*predictions, rtol=1e-6)


@pytest.mark.parametrize(("change", "options", "words"), [
    (lambda data: data.drop_columns(["x1"]), (), "target.parquet: there is no column 'x1'"),
    (lambda data: data.drop_columns(["y"]), (), "there is no column 'y'"),
    (lambda data: data.set_column(0, "x0", data["colour"]), (), "('green') where the source had numbers; mend it"),
    (lambda data: data.slice(0, 2), (), "at least 3 are needed"),
    (lambda data: data, ("--features", "x0"), "--features: the columns of source.skops are settled"),
    (lambda data: data, ("--degree", "2"), "--degree: the columns of a source that was published are settled"),
    (lambda data: data, ("--family", "binomial"), "--family binomial: source.skops is of a number"),
    (lambda data: data, ("--outcome", "x0"), "source.skops: its outcome is 'y', not 'x0'"),
])  # fmt: skip
def test_a_target_that_does_not_fit_a_source_file_is_refused(source_and_target, change, options, words):
    parquet.write_table(change(parquet.read_table("target.parquet")), "target.parquet")
    options = options if "--outcome" in options else ("--outcome", "y", *options)
    fails(source_and_target("advise", "source.skops", "target.parquet", *options), words)


@pytest.mark.parametrize(("options", "words"), [
    (("--outcome", "z"), "there is no column 'z'"),
    (("--outcome", "colour"), "is not numeric"),
    (("--outcome", "y", "--features", "y"), "'y' is the outcome or the weights"),
    (("--outcome", "y", "--criterion", "loo"), "needs the rows"),
    (("--outcome", "y", "--family", "poisson"), "--family poisson: such a source is not known by its moments"),
    (("--outcome", "yes"), "the outcome 'yes' is 0 or 1"),
    (("--outcome", "y", "--rank", "0"), "--rank"),
    (("--outcome", "y", "--features", "inf"), "column 'inf' has an infinite value"),
    (("--outcome", "y", "--features", "same"), "constant in the source"),
    (("--outcome", "y", "--weights", "x0"), "must not be negative"),
])  # fmt: skip
def test_publish_refuses_in_one_line(headwater, options, words):
    data = table("mixed", 60)[0]
    data = data.append_column("yes", pa.array([0, 1] * 30)).append_column("same", pa.array([3.0] * 60))
    data = data.append_column("inf", pa.array([1.0, 2.0] * 29 + [np.inf, 0.0]))
    parquet.write_table(data, "t.parquet", row_group_size=20)
    fails(headwater("publish", "t.parquet", *options, "-o", "x.skops"), words)
    assert not Path("x.skops").exists()


def test_damaged_sources_are_refused_in_one_line(headwater, files, tmp_path):
    source, _ = publish(open_stream(str(files / "plain.parquet")), asked(), quiet)
    source.save("good")
    content, rng = Path("good").read_bytes(), np.random.default_rng(0)
    Path("cut").write_bytes(content[: len(content) // 2])
    fails(headwater("show", "cut"), "cut: not a source saved by headwater, or not whole")
    fails(headwater("show", "nowhere"), "there is no such file")
    for _ in range(25):
        damaged = bytearray(content)
        for place in rng.integers(4, len(damaged), rng.integers(1, 8)):
            damaged[place] = rng.integers(256)
        Path("bad").write_bytes(damaged)
        status, out, err = headwater("show", "bad")
        assert status == 0 or (out == "" and err.count("\n") == 1)
    spoilt = [
        lambda found: setattr(found[-1], "tau_", -1.0),
        lambda found: setattr(found[-1], "spectrum_", replace(found[-1].spectrum_, u=found[-1].spectrum_.u[1:])),
        lambda found: setattr(found[-1], "spectrum_", replace(found[-1].spectrum_, u=found[-1].spectrum_.u * np.nan)),
        lambda found: setattr(found[0], "columns_", found[0].columns_[:-1]),
        lambda found: found.facts.pop("outcome"),
        lambda found: found.facts.update(rows="many"),
        lambda found: setattr(found[-1], "criterion", "luck"),
    ]
    for spoil in spoilt:
        found = SavedSource.load("good")
        spoil(found)
        found.save("bad")
        fails(headwater("show", "bad"), "bad: not a source this headwater can read")


def test_other_folders_are_refused_in_one_line(headwater, files):
    Path("folder").mkdir()
    fails(headwater("publish", "folder", "--outcome", "y", "-o", "x"), "folder: there are no rows of Parquet in it")
    Path("folder/a.parquet").write_bytes((files / "plain.parquet").read_bytes()[:-30])
    fails(headwater("publish", "folder", "--outcome", "y", "-o", "x"), "folder: cannot be read as Parquet")
    fails(headwater("publish", "nothing://x/y", "--outcome", "y", "-o", "x"), "nothing://x/y")
    fails(headwater("publish", files / "plain.csv", "--outcome", "y", "-o", "x", "--checkpoint", "c"), "is read whole")
    assert not Path("x").exists() and not Path("c").exists()


def test_looks_are_the_same_whatever_the_parts():
    """Spreads with gaps and weights add up to those of the whole."""
    rng = np.random.default_rng(0)
    X = np.where(rng.random((50, 3)) < 0.2, np.nan, rng.normal(size=(50, 3)) + 1e3)
    weight = rng.random(50)
    whole = look.Spread.of(X, weight)
    parts = look.Spread.of(X[:0], weight[:0]) + look.Spread.of(X[:9], weight[:9]) + look.Spread.of(X[9:], weight[9:])
    for name, value in vars(whole).items():
        np.testing.assert_allclose(getattr(parts, name), value, rtol=1e-10)
    filled = np.where(np.isnan(X), 7.0, X)
    mean, variance = whole.filled(weight.sum(), np.full(3, 7.0))
    np.testing.assert_allclose(mean, np.average(filled, axis=0, weights=weight), rtol=1e-12)
    np.testing.assert_allclose(variance, np.average((filled - mean) ** 2, axis=0, weights=weight), rtol=1e-10)
