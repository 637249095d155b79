"""`headwater theory` as a user runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from headwater import theory
from headwater.cli import main
from headwater.theory import Population

BASE = ["--features", "500", "--source-samples", "250", "--source-noise", "1"]


@pytest.fixture
def run(monkeypatch, capsys):
    """Run `headwater theory …` through main(), as the installed command does."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["headwater", "theory", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, ended.value.code or 0, captured.out, captured.err)

    return call


def test_the_installed_command():
    script = Path(sys.executable).with_name("headwater")
    done = subprocess.run([script, "theory", *BASE, "--rho", "1", "--json"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["direction"] == "equal"


def test_json_is_the_library_answer(run):
    done = run(*BASE, "--rho", "0.5", "--target-samples", "50", "--target-noise", "0.1", "--json")
    answer = json.loads(done.stdout)
    pop = Population.isotropic(500, 250, 0.5, 1.0, target_samples=50, target_noise=0.1)
    assert (done.returncode, done.stderr) == (0, "")
    assert answer["source_optimal_tau"] == theory.source_optimal_tau(pop)
    assert answer["transfer_optimal_tau"] == pytest.approx(theory.transfer_optimal_tau(pop))
    assert answer["ratio"] == pytest.approx(3.174, abs=1e-4)
    assert answer["direction"] == "harder"
    assert answer["gain"] == pytest.approx(theory.joint_optimum(pop).gain)
    assert answer["break_even_alignment"] == pytest.approx(0.5)
    assert answer["ridgeless_alignment"] == pytest.approx(5)
    assert answer["joint"]["target_tau"] == pytest.approx(theory.joint_optimum(pop).target_tau)


@pytest.mark.parametrize(("rho", "direction"), [("1.5", "softer"), ("1", "equal"), ("-0.5", "scratch")])
def test_directions(run, rho, direction):
    answer = json.loads(run(*BASE, "--rho", rho, "--json").stdout)
    assert answer["direction"] == direction
    if direction == "scratch":
        assert answer["transfer_optimal_tau"] is answer["ratio"] is answer["joint"]["source_tau"] is None
        assert answer["gain"] == 0


def test_words(run):
    done = run(*BASE, "--rho", "0.5")
    assert done.returncode == 0
    assert "3.174" in done.stdout
    assert "harder" in done.stdout
    assert "aligned above 0.5" in done.stdout


@pytest.mark.parametrize(
    ("option", "value"),
    [("--source-noise", "-1"), ("--rho", "nan"), ("--features", "0"), ("--alpha", "inf"), ("--target-samples", "0"),
     ("--target-tau", "-2"), ("--private", "-1"), ("--plot", "phase.gif"), ("--plot", "no/such/folder/phase.svg")],
)  # fmt: skip
def test_bad_parameters_are_one_line_naming_the_option(run, option, value):
    done = run(*BASE, "--rho", "0.5", f"{option}={value}", "--json")
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert option in done.stderr


@pytest.mark.parametrize("kind", ["svg", "png", "pdf"])
def test_phase_diagram(run, tmp_path, kind):
    pytest.importorskip("matplotlib")
    path = tmp_path / f"phase.{kind}"
    done = run(*BASE, "--rho", "0.5", "--plot", str(path))
    assert done.returncode == 0, done.stderr
    assert path.read_bytes().startswith({"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}[kind])
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_phases_agree_with_the_optima():
    import numpy as np

    from headwater.theory.figures import phases

    pop = Population.isotropic(500, 250, 0.5, 1.0)
    grid = phases(pop, 1.0, rho=np.array([-0.5, 0.3, 0.5, 1.0, 1.4]), gamma=np.array([0.5, 2.0]))
    ratio = theory.isotropic.transfer_optimal_tau(grid.rho[1:], 2.0, 1.0) / 2
    np.testing.assert_allclose(grid.log_ratio[1, 1:], np.log10(ratio), atol=0.021)
    assert np.all(grid.gain_at_source_optimum[:, 1] < 0)
    assert np.all(grid.best_gain[:, 1:] > 0)
    assert np.all(grid.best_gain[:, 0] < 1e-4)
    np.testing.assert_allclose(grid.ridgeless, [3.0, 5.0])


def test_a_problem_beyond_memory_is_one_line(run):
    size = ["--features", "1000000000000000", "--source-samples", "50", "--source-noise", "1"]
    done = run(*size, "--rho", "0.5", "--alpha", "1")
    assert done.returncode == 2
    assert done.stderr.startswith("headwater: not enough memory") and done.stderr.count("\n") == 1
