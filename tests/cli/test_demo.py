"""The demo, and advice from two clean tables, as a user runs them."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from headwater.cli.demo import experiment


def headwater(*arguments: object, cwd=None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "headwater", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    return experiment.write_tables(experiment.patients(), folder, seed=0)


def test_advice_is_one_json_object(tables):
    done = headwater(
        "advise", tables["source"], tables["target"], "--outcome", experiment.OUTCOME, "--degree", "2", "--json"
    )
    assert done.returncode == 0, done.stderr
    advice = json.loads(done.stdout, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert advice["source"]["rows"] == 215
    assert advice["target"]["rows"] == 30
    assert advice["direction"] in ("harder", "softer", "equal", "scratch")
    assert set(advice["errors"]) == {"scratch", "source_optimal", "chosen", "scaled"}
    assert advice["benefit"]["low"] < advice["benefit"]["high"]


@pytest.mark.parametrize(
    ("text", "outcome", "said"),
    [
        ("", "y", "empty"),
        ("a,b\n1,2\n", "y", "no column 'y'"),
        ("y,zz\n1,2\n2,3\n3,4\n", "y", "feature"),
    ],
)
def test_a_wrong_table_is_one_line(tables, tmp_path, text, outcome, said):
    wrong = tmp_path / "wrong.csv"
    wrong.write_text(text)
    right = tmp_path / "right.csv"
    right.write_text("a,b,y\n" + "".join(f"{i},{i % 3},{i % 2 + i}\n" for i in range(20)))
    done = headwater("advise", right, wrong, "--outcome", outcome)
    assert done.returncode == 2
    assert done.stdout == ""
    assert said in done.stderr
    assert "wrong.csv" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_demo_shows_a_typical_draw_and_its_picture(tmp_path):
    pytest.importorskip("matplotlib")
    done = headwater("demo", "--out", "here", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for name in ("source.csv", "target.csv", "heldout.csv", "model.skops", "demo.png"):
        assert (tmp_path / "here" / name).stat().st_size > 0
    assert "squared error" in done.stdout
    assert "here/demo.png" in done.stdout


def test_without_matplotlib_the_demo_says_so_before_it_starts(tmp_path):
    program = "import sys; sys.modules['matplotlib'] = None; from headwater.cli import main; main()"
    command = [sys.executable, "-c", program, "demo", "--out", "here"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "headwater: the demo's picture needs matplotlib: pip install 'headwater[report]'\n"
    assert not (tmp_path / "here").exists()


def test_the_draw_shown_is_the_median_one():
    draws = [experiment.Draw(np.ones(1), 1.0, 1.0, chosen, 1.0) for chosen in (0.5, 2.0, 1.0)]
    assert experiment.typical(draws) == 2
