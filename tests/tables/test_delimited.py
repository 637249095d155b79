"""Files as they are: no row lost in silence, and no cell altered on its way out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow.csv
import pytest
from pyarrow import parquet

from headwater.tables.table import read_table

ROWS = ["a,b", '1,"x"', '2,"y, z"', '3,"say ""so"""', '4,"two\nlines"', '5,""', '6,5 " wide']
QUOTES = [
    (ROWS, None),
    ([*ROWS[:2], '2,"y', *ROWS[3:]], 3),
    ([*ROWS, '7,"'], 9),
    ([*ROWS, '7,"abc'], 9),
    ([*ROWS[:2], '2,"y\'', "3,z", "4,w"], 3),
    (["a,b", '1,5" x', '2,"y', "3,z"], 3),
    (['"a","b"', '1,"'], 2),
    (["a;b", '1;"x"', '2;"y'], 3),
    (["a,b", "1,x"], None),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "line"), QUOTES)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_file_that_ends_inside_quotes_is_refused(tmp_path, rows, line, end):
    path = tmp_path / "t.csv"
    path.write_bytes(end.join([*rows, ""]).encode())
    if line is None:
        assert read_table(path).data.num_rows == len(rows) - 1
    else:
        with pytest.raises(ValueError, match=f"the quotes that open in line {line} (are never|close in the middle)"):
            read_table(path)


def test_quotes_may_lie_across_blocks(tmp_path, monkeypatch):
    path = tmp_path / "t.csv"
    path.write_text("\n".join([*ROWS, ""]))
    for block in range(1, 12):
        monkeypatch.setattr("headwater.tables.quotes._BLOCK", block)
        assert read_table(path).data.num_rows == 6


@pytest.fixture
def model(headwater):
    for name, rows in (("source", 40), ("target", 12)):
        Path(f"{name}.csv").write_text(
            "x,y\n" + "".join(f"{i * 37 % 11}.5,{i * 37 % 11 + i % 3}.25\n" for i in range(rows))
        )
    assert headwater("fit", "source.csv", "target.csv", "--outcome", "y", "-o", "m.skops", "--allow-overlap")[0] == 0
    return "m.skops"


CELLS = "x,zip,code,when\n1.50,007,12345678901234567890,2021-02-03\n2.5,00123,00000000000000000001,2021-03-04\n"


def test_cells_go_out_of_a_pipe_as_they_came(headwater, model):
    os.mkfifo("pipe")
    writing = threading.Thread(target=lambda: Path("pipe").write_text(CELLS))
    writing.start()
    status, out, _ = headwater("predict", model, "pipe")
    writing.join()
    assert status == 0
    assert [line.rpartition(",")[0] for line in out.splitlines()] == CELLS.splitlines()


def test_cells_go_into_parquet_as_they_are(headwater, model):
    Path("new.csv").write_text(CELLS)
    assert headwater("predict", model, "new.csv", "-o", "out.parquet")[0] == 0
    written = parquet.read_table("out.parquet")
    assert written["zip"].to_pylist() == ["007", "00123"]
    assert written["code"].to_pylist() == ["12345678901234567890", "00000000000000000001"]
    assert written["x"].to_pylist() == [1.5, 2.5]
    assert str(written["when"].type).startswith("date32")
    assert (
        written["prediction"].to_pylist()
        == json.loads(headwater("predict", model, "new.csv", "--json")[1])["predictions"]
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
@pytest.mark.parametrize(("command", "unbuffered"), [("predict", True), ("score --json", False)])
def test_what_cannot_be_written_is_no_success(headwater, model, command, unbuffered, tmp_path):
    name, *options = command.split()
    given = [sys.executable, *(["-u"] if unbuffered else []), "-m", "headwater", name, model, "source.csv", *options]
    with open("/dev/full", "w") as full:
        done = subprocess.run(given, stdout=full, stderr=subprocess.PIPE, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("headwater: the output cannot be written: ")


def test_a_short_write_is_finished(headwater, model, tmp_path):
    """A pipe whose reader is slow takes less than it is given; unbuffered, the rest used to be lost."""
    Path("many.csv").write_text("x\n" + "".join(f"{i}.5\n" for i in range(60_000)))
    given = [sys.executable, "-u", "-m", "headwater", "predict", model, "many.csv"]
    done = subprocess.run(given, capture_output=True, cwd=tmp_path, check=True)
    assert done.stdout.count(b"\n") == 60_001
    assert pyarrow.csv.read_csv(pyarrow.BufferReader(done.stdout)).num_rows == 60_000
