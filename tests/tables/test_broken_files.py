"""Files that are damaged, forged or of types nobody counts with: one line each, and never a traceback."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from fuzz import tried
from pyarrow import parquet

from headwater.tables.cells import Cells
from headwater.tables.table import read_table

N = 30
X = np.random.default_rng(0).normal(size=N)
FAR = 10**15

# types of a column that both tables have beside a good one, and what is said of it
COLUMNS = {
    "float16": (pa.array(X.astype(np.float16)), None),
    "null lists": (pa.array([None] * N, pa.list_(pa.float64())), "unused, empty in the source: z"),
    "lists": (pa.array([[x] for x in X]), "of a type (list<"),
    "durations": (pa.array([timedelta(days=i) for i in range(N)]), "of a type (duration[us])"),
    "binary": (pa.array([b"a", b"b", b"\xff"] * 10), "of a type (binary)"),
    "nulls": (pa.nulls(N), "unused, empty in the source: z"),
    "structs": (pa.array([{"a": 1}] * N), "of a type (struct<"),
    "maps": (pa.array([[("a", 1)]] * N, pa.map_(pa.string(), pa.int64())), "of a type (map<"),
    "times": (pa.array((np.arange(N) % 24 * 3600).astype(np.int32)).cast(pa.time32("s")), "of a type (time32["),
    "dates no one has": (pa.array(FAR + np.arange(N) ** 2 % 7 * 86400).cast(pa.timestamp("s")), None),
    "days no one has": (pa.array((10_000_000 + np.arange(N) ** 2 % 7).astype(np.int32)).cast(pa.date32()), None),
    "milliseconds": (pa.array((np.arange(N) ** 2 % 7) * 86_400_000).cast(pa.date64()), None),
    "dictionaries": (pa.array(["a", "b", "c"] * 10).dictionary_encode(), None),
    "dictionaries of numbers": (pa.array([1.5, 2.5, 3.5] * 10).dictionary_encode(), None),
    "large text": (pa.array(["a", "b", "c"] * 10, pa.large_string()), None),
    "views": (pa.array(["a", "b", "c"] * 10, pa.string_view()), None),
    "decimals": (pa.array([None, *range(1, N)], pa.decimal128(10, 2)), None),
    "all null text": (pa.nulls(N, pa.string()), "unused, empty in the source: z"),
}


@pytest.mark.filterwarnings("ignore:the likelihood of source and target")  # of outcomes nobody would choose
@pytest.mark.parametrize("kind", COLUMNS)
def test_each_type_of_column(headwater, kind):
    column, said = COLUMNS[kind]
    table = pa.table({"x": X, "y": X + np.cos(np.arange(N)), "z": column})
    try:
        parquet.write_table(table, "s.parquet")
    except pa.ArrowNotImplementedError as problem:  # of this pyarrow, which then no file of it comes from
        pytest.skip(str(problem))
    parquet.write_table(table.slice(0, 12), "t.parquet")
    status, out, err = headwater("advise", "s.parquet", "t.parquet", "--outcome", "y", "--allow-overlap", "--json")
    assert status == 0, err
    notes = json.loads(out)["notes"]
    assert said is None or any(said in note for note in notes), notes
    for role in ("--outcome z", "--outcome y --groups z", "--outcome y --weights z --weights-kind survey"):
        status, out, err = headwater("advise", "s.parquet", "t.parquet", *role.split(), "--allow-overlap", "--json")
        assert status in (0, 2) and (status == 0 or err.count("\n") == 1), err


def test_far_dates_do_not_wrap():
    dates = pa.chunked_array([pa.array([FAR, -FAR, 86400]).cast(pa.timestamp("s"))])
    days = Cells("t", "z", dates).floats().to_numpy()
    np.testing.assert_allclose(days, [FAR / 86400, -FAR / 86400, 1])


@pytest.mark.parametrize(("kind", "count"), [("csv", 200), ("parquet", 120), ("numbers", 250), ("model", 25)])
def test_a_sample_of_the_fuzzing(tmp_path, kind, count):
    """``python tests/fuzz.py`` runs the whole counts."""
    wrong = {trial: words for trial, words in tried(kind, count, tmp_path).items() if not words.startswith("told: ")}
    assert not wrong


def test_a_page_of_parquet_that_was_damaged_is_refused(tmp_path):
    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"x": X}), path, compression="none", use_dictionary=False, write_page_checksum=True)
    content = bytearray(path.read_bytes())
    content[content.index(X[:1].tobytes())] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"t\.parquet: not a whole Parquet file: could not verify page integrity"):
        read_table(path)


@pytest.fixture
def model(headwater):
    for name, rows in (("s", 30), ("t", 12)):
        Path(f"{name}.csv").write_text("x,y\n" + "".join(f"{a:.3f},{a + i % 3:.3f}\n" for i, a in enumerate(X[:rows])))
    assert headwater("fit", "s.csv", "t.csv", "--outcome", "y", "--allow-overlap", "-o", "m")[0] == 0
    return Path("m")


def rewritten(model, change):
    """The model file with what its schema says changed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(model) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        members = {name: old.read(name) for name in old.namelist()}
        for name, data in change(members).items():
            new.writestr(name, data)
    return buffer.getvalue()


def version_of_zip(content):
    """The same archive said to need a version that no one has, in its directory."""
    place = content.rindex(b"PK\x01\x02")
    return content[: place + 6] + b"\xff\xff" + content[place + 8 :]


def compression(content):
    place = content.rindex(b"PK\x01\x02")
    return content[: place + 10] + b"\x63\x00" + content[place + 12 :]


@pytest.mark.parametrize("forge", [
    lambda model: version_of_zip(model.read_bytes()),
    lambda model: compression(model.read_bytes()),
    lambda model: rewritten(model, lambda m: m | {"headwater.json": b"[" * 500}),
    lambda model: rewritten(model, lambda m: m | {"headwater.json": b'{"format": 1e999, "version": ""}'}),
    lambda model: rewritten(model, lambda m: m | {"headwater.json": b'{"format": Infinity, "version": ""}'}),
    lambda model: rewritten(model, lambda m: m | {"headwater.json": b"[]"}),
    lambda model: rewritten(model, lambda m: m | {"schema.json": b"[" * 100_000}),
    lambda model: rewritten(model, lambda m: m | {"schema.json": m["schema.json"].replace(b'"degree"', b'"dregee"')}),
    lambda model: rewritten(model, lambda m: m | {"schema.json": m["schema.json"].replace(b'"decimal"', b'"dezimal"')}),
], ids=range(9))  # fmt: skip
def test_forged_models_are_one_line(headwater, model, forge):
    Path("forged").write_bytes(forge(model))
    for command in ("predict", "score"):
        status, out, err = headwater(command, "forged", "t.csv")
        assert (status, out) == (2, "")
        assert err.startswith("headwater: forged: not a model") and err.count("\n") == 1


def test_a_bomb_is_refused_before_it_is_read(headwater, model):
    """Some kilobytes that would be 600 megabytes."""
    Path("bomb").write_bytes(rewritten(model, lambda m: m | {"more.npy": bytes(600_000_000)}))
    assert Path("bomb").stat().st_size < 1e6
    status, _, err = headwater("predict", "bomb", "t.csv")
    assert status == 2 and "bomb: would take 600 MB once inflated" in err
