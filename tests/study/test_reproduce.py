"""headwater reproduce as a user runs it: interrupted, killed, twice at once, on one worker and on two."""

from __future__ import annotations

import csv
import json
import os
import pty
import random
import signal
import sqlite3
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from joblib import parallel_config
from pyarrow import parquet

from headwater.cli import main
from headwater.study.runner import complete, open_store, reproduce
from headwater.study.store import Record
from headwater.study.synthetic.experiment import Synthetic, Trial
from headwater.study.synthetic.study import study

pytest.importorskip("matplotlib")

HEADWATER = [sys.executable, "-c", "from headwater.cli import main; main()", "reproduce"]
SMALL = ["--features", "40", "--penalties", "12", "--rhos", "0.5,1,1.5", "--target-samples", "8"]
OUTPUTS = {"trials.parquet", "summary.csv", "figure.svg", "figure.png", "report.html"}


def start(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*HEADWATER, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def finish(*arguments: str) -> tuple[int, str, str]:
    process = start(*arguments)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def count(folder: Path) -> int:
    """How many trials are stored, read beside whoever writes."""
    path = folder / "trials.sqlite"
    if not path.exists():
        return 0
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return int(connection.execute("SELECT count(*) FROM trials").fetchone()[0])
    except sqlite3.OperationalError:  # killed before the table was there
        return 0
    finally:
        connection.close()


def wait_for(folder: Path, more_than: int, process: subprocess.Popen[str]) -> None:
    while count(folder) <= more_than and process.poll() is None:
        time.sleep(0.005)


def summary(text: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(text)["summary"]
    return rows


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("small") / "deeper" / "out"
    code, out, err = finish("covariance", *SMALL, "--seeds", "4", "--out", str(folder), "--json")
    assert (code, err) == (0, "")
    return folder, json.loads(out)


def test_json_is_one_object_of_the_promised_shape(small: tuple[Path, dict[str, Any]]) -> None:
    _, result = small
    assert set(result) == {"summary", "config", "seconds"}
    assert [(row["alpha"], row["rho"]) for row in result["summary"]] == [
        (alpha, rho) for alpha in (0.0, 0.5, 1.0, 2.0) for rho in (0.5, 1.0, 1.5)
    ]
    assert all(set(row) == {"alpha", "rho", "ratio_mean", "ratio_ci95", "theory_ratio"} for row in result["summary"])
    assert result["config"]["seeds"] == 4
    assert result["config"]["penalties"] == pytest.approx(list(np.geomspace(0.01, 100, 12)))


def test_every_output_says_the_same(small: tuple[Path, dict[str, Any]]) -> None:
    folder, result = small
    assert {path.name for path in folder.iterdir()} == OUTPUTS | {"trials.sqlite"}
    with (folder / "summary.csv").open() as file:
        table = list(csv.DictReader(file))
    for line, row in zip(table, result["summary"], strict=True):
        assert {name: float(line[name]) for name in row} == row
    trials = parquet.read_table(folder / "trials.parquet", use_threads=False).to_pydict()
    ratio = np.array(trials["ratio"]).reshape(4, 4, 3).mean(1).ravel()
    np.testing.assert_allclose(ratio, [row["ratio_mean"] for row in result["summary"]], rtol=1e-12)
    assert (folder / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert "α = 2" in (folder / "figure.svg").read_text(encoding="utf-8")


def test_the_report_needs_nothing_from_elsewhere(small: tuple[Path, dict[str, Any]]) -> None:
    folder, result = small
    page = (folder / "report.html").read_text(encoding="utf-8")
    fetched: list[str] = []
    tags: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            tags.append(tag)
            fetched.extend(value or "" for name, value in attributes if name in ("src", "href", "xlink:href", "srcset"))

    Reader().feed(page)
    assert not {"script", "link", "img", "iframe"} & set(tags)
    assert all(link.startswith("#") for link in fetched)
    assert tags.count("svg") == 1
    assert f"{result['summary'][0]['ratio_mean']:.3f}" in page
    assert "covariance --features 40" in page
    assert "numpy" in page


def test_the_report_escapes_what_it_did_not_write(tmp_path: Path) -> None:
    experiment = Synthetic.phase(gammas=(2.0,), n_features=10, rhos=(1.0,), seeds=1)
    reproduce(study(experiment), tmp_path, command="headwater --out '<script>$title</script>'")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script>" not in page
    assert "&lt;script&gt;$title&lt;/script&gt;" in page


def test_kills_cost_nothing_that_was_stored(tmp_path: Path) -> None:
    arguments = ["phase", *SMALL, "--gammas", "0.5,2", "--seeds", "150", "--workers", "2", "--json", "--out"]
    moments = random.Random(5)
    killed, stored = 0, 0
    for attempt in range(8):
        process = start(*arguments, str(tmp_path / "killed"))
        if attempt % 4:  # during the trials; every fourth time anywhere, start-up and creation of the store included
            wait_for(tmp_path / "killed", stored, process)
            time.sleep(moments.uniform(0, 0.06))
        else:
            time.sleep(moments.uniform(0, 0.8))
        process.kill()
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
        now = count(tmp_path / "killed")
        assert now >= stored
        stored = now
    assert killed == 8
    assert 0 < stored < 300
    code, resumed, err = finish(*arguments, str(tmp_path / "killed"))
    assert (code, err) == (0, "")
    code, undisturbed, _ = finish(*arguments, str(tmp_path / "calm"))
    assert code == 0
    assert summary(resumed) == summary(undisturbed)
    assert count(tmp_path / "killed") == 300
    assert (tmp_path / "killed" / "summary.csv").read_bytes() == (tmp_path / "calm" / "summary.csv").read_bytes()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_what_is_stored_and_how_to_go_on(tmp_path: Path, number: signal.Signals) -> None:
    arguments = ["phase", *SMALL, "--gammas", "2", "--seeds", "3000", "--out", str(tmp_path / "my out")]
    process = start(*arguments)
    wait_for(tmp_path / "my out", 4, process)  # early: the outputs' libraries are still being loaded beside the trials
    process.send_signal(number)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 128 + number
    assert out == ""
    assert {path.name for path in (tmp_path / "my out").iterdir()} == {"trials.sqlite"}
    stored = count(tmp_path / "my out")
    assert err == (
        f"headwater: interrupted with {stored} of 3000 trials stored in {tmp_path}/my out; to go on: "
        f"headwater reproduce phase {' '.join(SMALL)} --gammas 2 --seeds 3000 --out '{tmp_path}/my out'\n"
    )


def test_two_runs_at_once_on_one_folder(tmp_path: Path) -> None:
    arguments = ["phase", *SMALL, "--gammas", "2", "--seeds", "60", "--json", "--out", str(tmp_path / "out")]
    both = [start(*arguments), start(*arguments)]
    results = [process.communicate(timeout=120) for process in both]
    assert [(process.returncode, err) for process, (_, err) in zip(both, results, strict=True)] == [(0, ""), (0, "")]
    assert summary(results[0][0]) == summary(results[1][0])
    assert {path.name for path in (tmp_path / "out").iterdir()} == OUTPUTS | {"trials.sqlite"}
    assert count(tmp_path / "out") == 60


def test_the_numbers_do_not_depend_on_the_workers(tmp_path: Path) -> None:
    """At a size where BLAS would use several threads if it were let."""
    experiment = Synthetic.phase(gammas=(0.9, 2.0), n_features=300, seeds=3)
    one, two = (reproduce(study(experiment), tmp_path / str(workers), workers) for workers in (1, 2))
    assert one.summary == two.summary
    for name in ("trials.parquet", "summary.csv", "figure.svg", "figure.png"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_another_joblib_backend_gives_the_same_records(tmp_path: Path) -> None:
    experiment = Synthetic.phase(gammas=(2.0,), n_features=120, seeds=4)
    with open_store(tmp_path / "here") as store:
        complete(store, experiment.trials(), workers=1)
        here = [store.record(trial.config) for trial in experiment.trials()]
    with parallel_config(backend="loky", n_jobs=2), open_store(tmp_path / "there") as store:
        complete(store, experiment.trials(), workers=None)
        there = [store.record(trial.config) for trial in experiment.trials()]
    assert here == there


def test_only_what_is_missing_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[Trial] = []
    run = Trial.run

    def counted(trial: Trial) -> Record:
        ran.append(trial)
        return run(trial)

    monkeypatch.setattr(Trial, "run", counted)
    options: dict[str, Any] = {"n_features": 20, "rhos": (0.5, 1.5), "penalties": (0.1, 1.0, 10.0)}

    def new(experiment: Synthetic) -> int:
        before = len(ran)
        steps: list[tuple[int, int]] = []
        with open_store(tmp_path) as store:
            complete(store, experiment.trials(), 1, lambda done, total: steps.append((done, total)))
        total = len(experiment.trials())
        assert steps[0] == (total - (len(ran) - before), total)
        assert steps[-1] == (total, total)
        return len(ran) - before

    assert new(Synthetic.phase(seeds=2, **options)) == 8
    assert new(Synthetic.phase(seeds=2, **options)) == 0
    assert new(Synthetic.phase(seeds=3, **options)) == 4
    assert new(Synthetic.phase(seeds=3, **options | {"rhos": (1.0,)})) == 0
    assert new(Synthetic.phase(gammas=(2.0, 4.0), seeds=3, **options)) == 3
    assert new(Synthetic.covariance(seeds=3, **options)) == 9


def test_infinity_is_null(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    options = ["--features", "20", "--gammas", "2", "--rhos=-1,1", "--seeds", "1", "--json", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["headwater", "reproduce", "phase", *options])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0
    first, second = json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(name))["summary"]
    assert (first["theory_ratio"], first["ratio_ci95"]) == (None, None)
    assert second["theory_ratio"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("command", "option", "value"),
    [
        ("phase", "--gammas", "0"),
        ("phase", "--gammas", "2,nan"),
        ("phase", "--gammas", "2,2"),
        ("phase", "--gammas", "1e9"),
        ("phase", "--gammas", "1e-9"),
        ("phase", "--gammas", "two"),
        ("phase", "--gammas", ""),
        ("covariance", "--alphas", "-1"),
        ("covariance", "--alphas", "inf"),
        ("covariance", "--gammas", "-2"),
        ("phase", "--rhos", "0.5:1.5"),
        ("phase", "--rhos", "0.5:1.5:0"),
        ("phase", "--rhos", "0:inf:3"),
        ("phase", "--penalties", "1"),
        ("phase", "--penalties", "0"),
        ("phase", "--penalties", "-5"),
        ("phase", "--penalties", "0:1:5"),
        ("phase", "--penalties", "1:0.1:5"),
        ("phase", "--penalties", "-1,2"),
        ("phase", "--seeds", "0"),
        ("phase", "--features", "1"),
        ("phase", "--features", "-3"),
        ("phase", "--target-samples", "0"),
        ("phase", "--source-noise", "0"),
        ("phase", "--source-noise", "nan"),
        ("phase", "--target-noise", "-0.1"),
        ("phase", "--target-tau", "0"),
        ("phase", "--workers", "-1"),
    ],
)
def test_a_bad_option_is_one_line_before_anything_is_written(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    option: str,
    value: str,
) -> None:
    out = tmp_path / "out"
    monkeypatch.setattr(sys, "argv", ["headwater", "reproduce", command, f"{option}={value}", "--out", str(out)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"headwater: {option} ")
    assert shown.err.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize("inside", [False, True])
def test_a_file_where_the_folder_should_be(tmp_path: Path, inside: bool) -> None:
    path = tmp_path / "file"
    path.write_text("mine")
    code, out, err = finish("phase", *SMALL, "--out", str(path / "deeper" if inside else path))
    assert (code, out) == (2, "")
    assert err.startswith("headwater: --out ")
    assert err.count("\n") == 1
    assert path.read_text() == "mine"


def test_a_newer_store_is_one_line_and_untouched(tmp_path: Path) -> None:
    open_store(tmp_path).__exit__(None, None, None)
    connection = sqlite3.connect(tmp_path / "trials.sqlite")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = (tmp_path / "trials.sqlite").read_bytes()
    code, out, err = finish("phase", *SMALL, "--out", str(tmp_path))
    assert (code, out) == (2, "")
    assert "newer headwater" in err
    assert err.count("\n") == 1
    assert (tmp_path / "trials.sqlite").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["trials.sqlite"]


def test_a_terminal_sees_progress_and_a_pipe_does_not(tmp_path: Path, small: tuple[Path, dict[str, Any]]) -> None:
    mine, its = pty.openpty()
    process = subprocess.Popen(
        [*HEADWATER, "phase", *SMALL, "--seeds", "30", "--out", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=its,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(its)
    seen = b""
    try:
        while chunk := os.read(mine, 4096):
            seen += chunk
    except OSError:  # Linux says the other end is closed
        pass
    out, _ = process.communicate(timeout=60)
    os.close(mine)
    assert process.returncode == 0
    assert b"120/120" in seen
    assert b"trials/s" in seen
    assert b"report.html" in out
