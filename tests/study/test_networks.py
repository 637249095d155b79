"""headwater reproduce mnist and its like: end to end on tiny files, killed, resumed, regrouped."""

from __future__ import annotations

import csv
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import hub_files
import numpy as np
import pytest
from pyarrow import parquet

from headwater.cli import main
from headwater.study.networks.experiment import Networks, coarse_first
from headwater.study.networks.study import study
from headwater.study.networks.summary import Optimum, optimum
from headwater.study.networks.training import chosen
from headwater.study.networks.words import finding
from headwater.study.runner import complete, open_store

pytest.importorskip("matplotlib")
pytest.importorskip("torch")

OUTPUTS = {"trials.parquet", "trials.sqlite", "summary.csv", "figure.svg", "figure.png", "report.html"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hub")
    for name, sizes in (("mnist", (60, 12)), ("cifar10", (6, 6)), ("newsgroups", (12, 6))):
        hub_files.write(folder, name, sizes)
    return folder


def headwater(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    """The command in this process: its status and what it printed."""
    monkeypatch.setattr(sys, "argv", ["headwater", "reproduce", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    shown = capsys.readouterr()
    return int(stop.value.code or 0), shown.out, shown.err


@pytest.mark.parametrize(
    ("name", "seeds", "options", "shares"),
    [
        ("mnist", 2, ["--share", "0.3"], 1),
        ("cifar10", 1, ["--share", "0.8"], 1),
        ("newsgroups", 2, ["--share", "0.7"], 1),
        ("independence", 2, ["--shares", "0.3,1"], 2),
    ],
)
def test_every_experiment_end_to_end(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    seeds: int,
    options: list[str],
    shares: int,
) -> None:
    arguments = [name, "--scale", "small", "--data", str(data), "--weight-decays", "0,1e-3", *options]
    arguments += ["--seeds", str(seeds)]
    code, out, err = headwater(monkeypatch, capsys, *arguments, "--out", str(tmp_path), "--json")
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert {path.name for path in tmp_path.iterdir()} == OUTPUTS
    assert [row["weight_decay"] for row in result["summary"]] == [0, 1e-3] * shares
    assert result["config"]["scale"] == "small"
    methods = ["standard"] if name == "independence" else ["standard", "l2sp"]
    for row in result["summary"]:
        assert set(row) == {"share", "weight_decay"} | {
            f"{kind}_{what}" for kind in ("source", "scratch", *methods) for what in ("mean", "sd")
        }
        if name != "cifar10":  # a handful of steps; the others have learned something
            assert row["standard_mean"] > 2 / (18 if name == "newsgroups" else 10)
    assert [(best["share"], best["method"]) for best in result["optima"]] == [
        (share, method) for share in result["config"]["shares"] for method in methods
    ]
    assert all(best["within_noise"] for best in result["optima"])  # so few seeds prove nothing
    # The other outputs say the same, and that it is the small scale.
    with (tmp_path / "summary.csv").open() as file:
        for line, row in zip(csv.DictReader(file), result["summary"], strict=True):
            assert {key: float(value) if value else None for key, value in line.items()} == row
    trials = parquet.read_table(tmp_path / "trials.parquet", use_threads=False).to_pydict()
    means = {
        decay: np.mean(
            [
                accuracy
                for accuracy, method, other in zip(
                    trials["accuracy"], trials["method"], trials["weight_decay"], strict=True
                )
                if method == "source" and other == decay
            ]
        )
        for decay in (0, 1e-3)
    }
    assert [row["source_mean"] for row in result["summary"]][:2] == pytest.approx(list(means.values()))
    assert len(trials["seed"]) == seeds * (2 * (1 + shares * len(methods)) + shares)
    moved = [d for d, method in zip(trials["distance_1"], trials["method"], strict=True) if method in methods]
    assert min(moved) > 0
    for file in ("figure.svg", "report.html"):
        assert "small scale" in (tmp_path / file).read_text(encoding="utf-8")
    # A second run trains nothing: it does not even read the data.
    code, again, err = headwater(
        monkeypatch,
        capsys,
        *[str(tmp_path / "gone") if a == str(data) else a for a in arguments],
        "--out",
        str(tmp_path),
        "--json",
    )
    assert (code, err) == (0, "")
    assert json.loads(again)["summary"] == result["summary"]


def records(folder: Path, experiment: Networks, workers: int = 2) -> dict[str, dict[str, Any]]:
    with open_store(folder) as store:
        complete(store, experiment.trials(), workers, None, study(experiment).plan)
        return {json.dumps(trial.config): store.record(trial.config) for trial in experiment.trials()}


@pytest.mark.parametrize("name", ["mnist", "newsgroups", "cifar10"])
def test_a_record_does_not_depend_on_what_was_trained_beside_it(data: Path, tmp_path: Path, name: str) -> None:
    options: dict[str, Any] = {"data": data, "shares": (0.7,)}
    seeds = 1 if name == "cifar10" else 2
    whole = records(
        tmp_path / "whole", Networks.of(name, "small", seeds=seeds, weight_decays=(0.0, 1e-3, 0.1), **options)
    )
    grids = ((0.0, 1e-3, 0.1),) if name == "cifar10" else ((0.0, 0.1), (0.0, 1e-3), (0.0, 1e-3, 0.1))
    for decays in grids:  # convolutions: a weight decay at a time on one core, two side by side on two
        pieces = Networks.of(name, "small", seeds=seeds, weight_decays=decays, **options)
        apart = records(tmp_path / "apart", pieces, workers=1)
    assert apart.keys() == whole.keys()
    for key, record in whole.items():
        assert apart[key]["accuracy"] == pytest.approx(record["accuracy"], abs=0.02)
        assert apart[key].get("distance", []) == pytest.approx(record.get("distance", []), rel=1e-3)


def test_the_sources_are_trained_once_for_all_shares(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headwater import nets

    trained: list[int] = []
    train = nets.train

    def counted(*arguments: Any, **options: Any) -> Any:
        trained.append(len(options["seeds"]))
        return train(*arguments, **options)

    monkeypatch.setattr(nets, "train", counted)
    options: dict[str, Any] = {"seeds": 1, "weight_decays": (0.0, 1e-3), "data": data}
    records(tmp_path, Networks.independence("mnist", "small", shares=(0.3, 0.5, 1.0), **options))
    assert trained == [2, 3, 3, 3]  # two sources; at each share both, and scratch
    trained.clear()
    records(tmp_path, Networks.independence("mnist", "small", shares=(0.3, 0.5), **options))
    assert trained == []
    records(tmp_path, Networks.of("mnist", "small", shares=(0.5,), **options))
    assert trained == [2, 2]  # standard and scratch are there: L2-SP alone is missing
    records(tmp_path, Networks.of("mnist", "small", shares=(0.5,), **options | {"weight_decays": (0.0, 1e-4, 1e-3)}))
    assert trained == [2, 2, 1, 2]  # one weight decay more costs one source


def count(folder: Path) -> int:
    try:
        with sqlite3.connect(f"file:{folder / 'trials.sqlite'}?mode=ro", uri=True) as connection:
            return int(connection.execute("SELECT count(*) FROM trials").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_run_cut_short_goes_on_where_it_was(data: Path, tmp_path: Path, number: signal.Signals) -> None:
    arguments = ["mnist", "--scale", "small", "--data", str(data), "--share", "0.5", "--weight-decays", "0,1e-3"]
    command = [sys.executable, "-c", "from headwater.cli import main; main()", "reproduce", *arguments, "--seeds"]
    process = subprocess.Popen(
        [*command, "400", "--out", str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while count(tmp_path) < 7 and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert out == ""
    kept = count(tmp_path)
    assert 7 <= kept < 2800
    assert kept % 7 == 0  # whole seeds: a seed is what is trained in one go
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert err.startswith(f"headwater: interrupted with {kept} of 2800 trials stored in {tmp_path}; to go on: ")
        assert err.count("\n") == 1
    options: dict[str, Any] = {"shares": (0.5,), "weight_decays": (0.0, 1e-3), "data": data}
    resumed = records(tmp_path, Networks.of("mnist", "small", seeds=kept // 7, **options))
    assert count(tmp_path) == kept
    calm = records(
        tmp_path / "calm", Networks.of("mnist", "small", seeds=1, shares=(0.5,), weight_decays=(0.0, 1e-3), data=data)
    )
    for key, record in calm.items():
        assert resumed[key]["accuracy"] == pytest.approx(record["accuracy"], abs=0.02)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--share", "0.01"], "--share 0.01: of the target's 300 training rows seed 0 takes 3, and none is of class"),
        (["--share", "0"], "--share must be above 0"),
        (["--share", "nan"], "--share must hold finite numbers"),
        (["--weight-decays", "0"], "--weight-decays needs at least 2"),
        (["--weight-decays", "-1,0"], "--weight-decays must not be negative"),
        (["--weight-decays", "1e-3,0"], "--weight-decays must increase"),
        (["--weight-decays", "0,0:1:5"], "--weight-decays"),
        (["--weight-decays", "much"], "--weight-decays 'much': give a comma-separated list"),
        (["--seeds", "0"], "--seeds must be at least 1"),
        (["--device", "toaster"], "--device toaster cannot be used here"),
        (["--device", "cuda"], "--device cuda cannot be used here"),
        (["--data", "nowhere"], "--data nowhere: there is no such folder"),
        (["--workers", "-2"], "--workers must not be negative"),
    ],
)
def test_what_is_wrong_is_one_line_before_anything_is_trained(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    said: str,
) -> None:
    import torch

    if options == ["--device", "cuda"] and torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    defaults = ["--scale", "small", "--data", str(data), "--seeds", "1", "--weight-decays", "0,1e-3", "--share", "0.5"]
    code, out, err = headwater(monkeypatch, capsys, "mnist", *defaults, *options, "--out", str(tmp_path / "out"))
    assert (code, out) == (2, "")
    assert err.startswith(f"headwater: {said}")
    assert err.count("\n") == 1
    assert count(tmp_path / "out") == 0


def test_bad_data_lose_nothing(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options: dict[str, Any] = {"shares": (0.5,), "weight_decays": (0.0, 1e-3)}
    records(tmp_path / "out", Networks.of("mnist", "small", seeds=1, data=data, **options))
    path = hub_files.write(tmp_path / "bad", "mnist", (2, 1)) / "mnist/mnist/test-00000-of-00001.parquet"
    path.write_bytes(path.read_bytes()[:500])
    arguments = ["--scale", "small", "--data", str(tmp_path / "bad"), "--share", "0.5", "--weight-decays", "0,1e-3"]
    code, out, err = headwater(monkeypatch, capsys, "mnist", *arguments, "--seeds", "2", "--out", str(tmp_path / "out"))
    assert (code, out) == (2, "")
    assert err.startswith(f"headwater: {path} is not a whole Parquet file")
    assert err.count("\n") == 1
    assert count(tmp_path / "out") == 7


def curve(peak: float, height: float, seeds: int, noise: float, rng: np.random.Generator) -> np.ndarray:
    """Accuracies (seeds, 19) that fall off on both sides of a peak, a seed's noise on each."""
    at = np.arange(19)
    return 0.9 - height * ((at - peak) / 19) ** 2 + noise * rng.standard_normal((seeds, 19))


DECAYS = Networks.of("mnist").weight_decays


def test_a_flat_curve_is_called_noise() -> None:
    """At 10 seeds and no difference at all, a verdict "outside the noise" must be rare."""
    rng = np.random.default_rng(3)
    verdicts = [
        optimum("standard", 0.1, DECAYS, curve(9, 0, 10, 0.003, rng), curve(9, 0, 10, 0.003, rng)).within_noise
        for _ in range(100)
    ]
    assert np.mean(verdicts) >= 0.97
    same = [
        optimum("standard", 0.1, DECAYS, curve(9, 0.05, 10, 0.003, rng), curve(9, 0.05, 10, 0.003, rng)).within_noise
        for _ in range(100)
    ]
    assert np.mean(same) >= 0.95


def found(source_peak: float, transfer_peak: float, seeds: int) -> tuple[Networks, Optimum]:
    rng = np.random.default_rng(0)
    source, transfer = (curve(peak, 0.1, seeds, 0.003, rng) for peak in (source_peak, transfer_peak))
    return Networks.of("mnist", seeds=seeds), optimum("standard", 0.1, DECAYS, source, transfer)


def test_the_report_says_which_differences_are_findings() -> None:
    experiment, best = found(4, 14, 10)
    assert best.steps_interval[0] > 0
    # The true worth is 0.1 (10/19)²: what is measured on seeds without part in the choice is not flattered.
    assert best.gain == pytest.approx(0.1 * (10 / 19) ** 2, abs=3 * best.gain_ci95)
    assert "Outside the noise: the target wants a stronger decay" in finding(experiment, best)
    experiment, best = found(14, 4, 10)
    assert "Outside the noise: the target wants a weaker decay" in finding(experiment, best)
    experiment, best = found(9, 9, 10)
    assert "Within the noise" in finding(experiment, best)
    experiment, best = found(4, 14, 1)
    assert "1 of 3 seeds needed" in finding(experiment, best)
    assert best.within_noise


def test_any_beginning_of_the_order_spans_the_grid_and_shares_are_nested() -> None:
    values = [float(i) for i in range(19)]
    order = coarse_first(values)
    assert sorted(order) == values
    for k in range(3, 20):
        assert max(np.diff(sorted(order[:k]))) <= 1 + 2 * 18 / (k - 1)
    assert set(chosen(100, 0.1, 3)) < set(chosen(100, 0.5, 3))
    assert set(chosen(100, 0.1, 3)) != set(chosen(100, 0.1, 4))


def test_the_synthetic_experiments_do_without_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from headwater.cli import app; "
        f"app(['reproduce', 'phase', '--features', '10', '--seeds', '1', '--gammas', '2', '--out', {str(tmp_path)!r}], "
        "standalone_mode=False); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ})
    assert done.stdout.split()[-1] == "False"
