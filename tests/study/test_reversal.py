"""The reversal asked of any outcomes: fits and risks by their definitions, the control against theory, the words."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace

import numpy as np
import pytest

from headwater.cli import main
from headwater.families.binomial import BINOMIAL
from headwater.families.gaussian import GAUSSIAN
from headwater.study.reversal.experiment import Draw, Reversal
from headwater.study.reversal.fitting import fit
from headwater.study.reversal.kinds import KINDS
from headwater.study.reversal.risk import risk
from headwater.study.reversal.study import study
from headwater.study.reversal.summary import BEST, Curve, Row, drawn, summarise
from headwater.study.reversal.verdict import verdict
from headwater.study.store import Record

SMALL = {"n_features": 40, "gammas": (1.0,), "rhos": (0.5, 1.0, 1.5), "target_samples": 20}
COARSE = {"penalties": tuple(np.geomspace(1e-2, 30, 13)), "target_penalties": (0.1, 1.0, 10.0)}


def run(experiment: Reversal) -> list[Record]:
    batches = study(experiment).plan(experiment.trials(), 1).batches
    return [record for batch in batches for record in batch.run()]


@pytest.fixture(scope="module")
def yes_or_no() -> tuple[Reversal, list[Record]]:
    experiment = Reversal("binomial", seeds=6, **SMALL, **COARSE)
    return experiment, run(experiment)


@pytest.mark.parametrize("family", [BINOMIAL, GAUSSIAN], ids=lambda family: family.name)
@pytest.mark.parametrize("shape", [(30, 8), (8, 30)])
def test_every_fit_is_stationary_from_any_offset(family, shape):
    """Separable tables and offsets far out among them: whole Newton steps would fail there."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal(shape), rng.integers(0, 2, shape[0]).astype(float)
    offsets = np.array([0.0, 1.0, 30.0])[:, None] * rng.standard_normal((3, shape[0]))
    taus = np.array([1e-5, 0.1, 10.0])
    moved = fit(family, X, y, np.repeat(offsets, 3, axis=0), np.tile(taus, 3))
    for i, delta in enumerate(moved):
        slope = X.T @ family.slope(y, offsets[i // 3] + X @ delta) / len(X)
        np.testing.assert_allclose(slope, taus[i % 3] * delta, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.family.name)
def test_the_risk_is_the_mean_over_many_rows(kind):
    rng = np.random.default_rng(1)
    w, fitted = rng.standard_normal((2, 5))
    X = rng.standard_normal((200_000, 5))
    y = kind.draw(X @ w, rng.random(len(X)))
    # Less what no fit can change: the loss of predicting 0, which is what `risk` gives a fit of 0.
    errors = kind.family.half_deviance(y, X @ fitted) - kind.family.half_deviance(y, np.zeros(len(X)))
    signal = float(np.linalg.norm(w))
    found = risk(kind.family, fitted @ fitted, fitted @ w, signal) - risk(kind.family, 0.0, 0.0, signal)
    assert abs(errors.mean() - found) < 4 * errors.std() / math.sqrt(len(X))


def test_a_source_used_unchanged_tilts_its_own_risk(yes_or_no):
    """Its risk for the target is its own plus a number that changes sign at ρ = 1 times one function of the penalty."""
    experiment, records = yes_or_no
    signal = experiment.signal

    def tilt(rho: float) -> float:
        return rho * (math.log(2) - float(risk(BINOMIAL, 0.0, 1.0, rho * signal)))

    for low, same, high in zip(*[iter(records)] * 3, strict=True):
        below, at, above = (np.subtract(one["unchanged_risk"], one["source_risk"]) for one in (low, same, high))
        np.testing.assert_allclose(at, 0, atol=1e-13)
        overlap = below / (tilt(1.0) - tilt(0.5))
        np.testing.assert_allclose(above, (tilt(1.0) - tilt(1.5)) * overlap, atol=1e-12)
        assert (np.diff(overlap) < 0).all()  # and ŵ0'w0 falls with the penalty, so the reversal follows
    unchanged = next(curve for curve in summarise(experiment, records) if curve.target_tau == math.inf)
    low, same, high = unchanged.rows
    assert low.ratio > 1 > high.ratio
    assert (same.ratio, same.low, same.high) == pytest.approx((1, 1, 1), abs=1e-6)


def test_the_control_is_where_theory_has_it():
    experiment = Reversal("gaussian", seeds=30, **SMALL | {"rhos": (0.7, 1.0, 1.4)}, **COARSE)
    for curve in drawn(summarise(experiment, run(experiment))):
        for row in curve.rows:
            slack = 3 * math.log(row.high / row.low) / 2 / 2.045 + 0.05  # three standard errors, and p = 40 is finite
            assert abs(math.log(row.ratio / row.theory_ratio)) < slack, (curve.target_tau, row)
        assert not any(row.on_edge for row in curve.rows)


def test_a_record_does_not_depend_on_which_alignments_were_asked_with_it(yes_or_no):
    experiment, records = yes_or_no
    assert Draw([experiment.trials()[4]]).run() == [records[4]]


def test_the_best_target_penalty_is_no_worse_than_any(yes_or_no):
    experiment, records = yes_or_no
    curves = {curve.target_tau: curve.rows for curve in summarise(experiment, records)}
    assert list(curves) == [BEST, 0.1, 1.0, 10.0, math.inf]
    transfer = np.array([record["transfer_risk"] for record in records]).reshape(6, 3, 13, 3).mean(0)
    unchanged = np.array([record["unchanged_risk"] for record in records]).reshape(6, 3, 13).mean(0)
    at_best = [np.interp(np.log(row.transfer_tau), np.log(experiment.penalties), np.arange(13)) for row in curves[BEST]]
    for place, mine, other in zip(at_best, transfer, unchanged, strict=True):
        everything = np.minimum(mine.min(-1), other)
        assert abs(place - everything.argmin()) <= 1.5  # steps of the grid


def test_where_the_grid_ends_the_point_says_so(yes_or_no):
    experiment, records = yes_or_no
    cut = replace(experiment, penalties=experiment.penalties[:4])
    short = [{key: value[:4] for key, value in record.items()} for record in records]
    assert all(row.on_edge for curve in summarise(cut, short) for row in curve.rows if row.rho < 1)


def curve(low, high, crossing, half_width, target=BEST):
    """Points at ρ = 0.5 and 1.5 with this interval at the first, and its mirror image at the second."""
    sides = ((0.5, low, high), (1.5, 1 / high, 1 / low))
    rows = (Row(1.0, target, rho, 1.0, *side, False, 1.0, 1.0, 0.1, math.nan) for rho, *side in sides)
    return Curve(1.0, target, tuple(rows), crossing, half_width)


@pytest.mark.parametrize(
    ("curves", "first", "more"),
    [
        ([(2, 3, 1.01, 0.02)], "Yes: with yes/no outcomes a less aligned target wants a harder source", "at ρ = 1.01."),
        ([(2, 3, 0.9, 0.05)], "Nearly: with yes/no outcomes", "2 lie where it says, 0 on the other side"),
        ([(2, 3, 1.0, 0.1), (2, 3, 0.95, 0.045)], "Yes: ", "ρ = 0.95 to 1.00."),  # two curves: one may be off by chance
        ([(2, 3, math.nan, math.nan)], "Yes: ", "The ratio does not cross 1 once."),
        ([(0.3, 0.5, math.nan, math.nan)], "No: with yes/no outcomes", "the reversal fails"),
        ([(0.5, 2, 1.0, 0.3)], "Not known yet: ", "2 have intervals that hold 1"),
    ],
)
def test_the_answer_in_words_whichever_way_it_comes_out(curves, first, more):
    for agrees in (True, False):
        weakest = curve(2, 3, 1.0, 0.1, 0.1) if agrees else curve(0.3, 0.5, 0.7, 0.1, 0.1)
        said = verdict(Reversal("binomial", seeds=20), [*(curve(*one) for one in curves), weakest])
        assert more in said[1]
        if not agrees and first.startswith(("Yes", "Nearly")):
            assert said[0].startswith(f"{first[: first.index(':')]}, where the target's own penalty is well chosen: ")
        else:
            assert said[0].startswith(first)


def test_the_command_resumes_and_says_the_same_everywhere(tmp_path, capsys, monkeypatch):
    pytest.importorskip("matplotlib")
    options = ["--features", "6", "--gammas", "1", "--seeds", "3", "--target-samples", "4", "--rhos", "0.5,1.5"]
    options += ["--penalties", "0.01:10:7", "--target-penalties", "0.1,1,10", "--out", str(tmp_path)]

    def finish(*arguments: str) -> tuple[str, str]:
        command = ["headwater", "reproduce", "reversal", "--family", "binomial", *options, *arguments]
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as stop:
            main()
        shown = capsys.readouterr()
        assert stop.value.code == 0, shown.err
        return shown.out, shown.err

    first, _ = finish()
    found = json.loads(finish("--json")[0])
    assert first.startswith(found["verdict"][0])
    assert {(row["target_tau"], row["rho"]) for row in found["summary"]} == {
        (target, rho) for target in (BEST, 0.1, 1, 10, None) for rho in (0.5, 1.5)
    }
    ran: list[int] = []
    inner = Draw.run
    monkeypatch.setattr(Draw, "run", lambda self, tick=None: ran.append(len(self.trials)) or inner(self, tick))
    finish("--rhos", "0.5,1,1.5")
    assert ran == [1, 1, 1]
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "τ0*/τ_S*" in page and "no fit can change" not in page
    assert (tmp_path / "figure.svg").exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--family", "poisson"),
        ("--gammas", "0"),
        ("--seeds", "1"),
        ("--signal", "0"),
        ("--penalties", "1,2"),
        ("--target-penalties", "-1,1,2"),
        ("--target-samples", "0"),
        ("--features", "1"),
    ],
)
def test_a_bad_option_is_one_line_before_anything_is_written(tmp_path, capsys, monkeypatch, option, value):
    out = tmp_path / "out"
    command = ["headwater", "reproduce", "reversal", "--family", "binomial", f"{option}={value}", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    shown = capsys.readouterr()
    assert shown.err.startswith(f"headwater: {option} ")
    assert shown.err.count("\n") == 1
    assert not out.exists()
