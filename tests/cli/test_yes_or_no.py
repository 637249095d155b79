"""Yes or no, and counts, through the command line: from words in a file to probabilities in another."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.csv
import pytest
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from headwater import SourceLogistic, TransferLogistic
from headwater.cli import main

W = np.array([1.5, -1.0])


def rows(count, seed, weights=W, words=("No", "Yes")):
    """A table of numbers, gaps, a category and an outcome of two words."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, count))
    colour = rng.choice(["red", "blue"], count)
    odds = np.c_[a, b] @ weights + (colour == "red") - 0.5
    y = np.array(words)[(rng.random(count) < 1 / (1 + np.exp(-odds))).astype(int)]
    cells = ["" if rng.random() < 0.05 else f"{value:.4f}" for value in a]
    return "a,b,colour,late\n" + "".join(
        f"{x},{z:.4f},{c},{w}\n" for x, z, c, w in zip(cells, b, colour, y, strict=True)
    )


def counted(count, seed):
    rng = np.random.default_rng(seed)
    a, years = rng.normal(size=count), rng.uniform(0.5, 4, count)
    y = rng.poisson(years * np.exp(0.6 * a))
    return "a,years,claims\n" + "".join(f"{x:.4f},{t:.4f},{n}\n" for x, t, n in zip(a, years, y, strict=True))


@pytest.fixture
def headwater(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    Path("source.csv").write_text(rows(300, 0))
    Path("target.csv").write_text(rows(40, 1, words=("no", "YES")))
    Path("new.csv").write_text(rows(200, 2))
    Path("counts.csv").write_text(counted(300, 0))
    Path("claims.csv").write_text(counted(40, 1))

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["headwater", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capsys.readouterr()
        return stop.value.code, out, err

    return run


def fails(result, words):
    status, out, err = result
    assert (status, out) == (2, "")
    assert err.startswith("headwater: ") and err.count("\n") == 1 and words in err


def test_words_become_probabilities(headwater):
    status, out, _ = headwater("fit", "source.csv", "target.csv", "--outcome", "late", "-o", "m.skops")
    assert (
        status == 0
        and out.startswith("Transfer. Expect about ")
        and "less prediction error (log loss) than from" in out
    )
    assert "note: the outcome late is 'No' or 'Yes': predicted is the probability of 'Yes' (--positive No" in out
    assert headwater("predict", "m.skops", "new.csv", "-o", "out.csv")[0] == 0
    table = pyarrow.csv.read_csv("out.csv")
    assert table.column_names == ["a", "b", "colour", "late", "probability_Yes"]
    yes, probability = np.array(table["late"].to_pylist()) == "Yes", table["probability_Yes"].to_numpy()
    scores = json.loads(headwater("score", "m.skops", "new.csv", "--json")[1])
    assert scores["log_loss"] == pytest.approx(log_loss(yes, probability))
    assert scores["brier"] == pytest.approx(brier_score_loss(yes, probability))
    assert scores["auc"] == pytest.approx(roc_auc_score(yes, probability))
    assert 0.5 < scores["calibration_slope"] < 2 and abs(scores["calibration_intercept"]) < 1
    assert {"scratch", "source", "source_optimal", "pooled", "shifted", "recalibrated", "base_rate"} < set(scores)
    assert sum(part["rows"] for part in scores["calibration"]) == 200
    status, out, _ = headwater("score", "m.skops", "new.csv")
    assert status == 0 and "log loss   Brier     AUC" in out and "predicted  observed" in out
    assert headwater("predict", "m.skops", "out.csv")[0] == 2  # it has a probability already
    again = json.loads(headwater("advise", "out.csv", "target.csv", "--outcome", "late", "--json")[1])
    assert again["columns"] == ["a", "b", "colour"]


def test_the_other_label_and_a_number_are_there_for_the_asking(headwater):
    options = ("fit", "source.csv", "target.csv", "--outcome", "late")
    for positive in ("yes", "no"):
        assert headwater(*options, "--positive", positive, "-o", f"{positive}.skops")[0] == 0
    found = [json.loads(headwater("predict", f"{one}.skops", "new.csv", "--json")[1]) for one in ("yes", "no")]
    assert [one["of"] for one in found] == ["Yes", "No"]
    np.testing.assert_allclose(np.add(*(one["predictions"] for one in found)), 1, atol=1e-9)
    for name in ("source.csv", "target.csv"):
        Path(name).write_text(Path(name).read_text().lower().replace(",no\n", ",0\n").replace(",yes\n", ",1\n"))
    status, out, _ = headwater("advise", "source.csv", "target.csv", "--outcome", "late", "--family", "gaussian")
    assert status == 0 and "squared error" in out
    assert "log loss" in headwater("advise", "source.csv", "target.csv", "--outcome", "late")[1]


def test_the_model_is_the_estimators_own_and_holds_no_row(headwater, tmp_path):
    for count in (300, 1500):
        Path("more.csv").write_text(rows(count, 0))
        assert headwater("fit", "more.csv", "target.csv", "--outcome", "late", "-o", f"{count}.skops")[0] == 0
    small, large = ((tmp_path / f"{count}.skops").stat().st_size for count in (300, 1500))
    assert large < 1.1 * small
    from headwater import load
    from headwater.tables.table import read_table

    loaded = load(tmp_path / "300.skops")
    X0, X1 = (loaded.pipeline[0].transform(read_table(Path(name))) for name in ("source.csv", "target.csv"))
    y0, y1 = (
        np.array([word.lower() == "yes" for word in pyarrow.csv.read_csv(name)["late"].to_pylist()], float)
        for name in ("source.csv", "target.csv")
    )
    model = TransferLogistic(SourceLogistic().fit(X0, y0)).fit(X1, y1)
    np.testing.assert_allclose(loaded.pipeline[-1].coef_, model.coef_, rtol=1e-6)
    assert not {"choice_", "met_", "start_", "fixed_", "source_"} & set(vars(loaded.pipeline[-1]))


def test_counts_are_proposed_and_have_an_exposure(headwater):
    options = ("counts.csv", "claims.csv", "--outcome", "claims")
    status, out, _ = headwater("advise", *options)
    assert status == 0 and "squared error" in out and "--family poisson fits it better" in out
    status, out, _ = headwater("fit", *options, "--family", "poisson", "--exposure", "years", "-o", "m.skops")
    assert status == 0 and "expected on new target rows               deviance" in out
    assert headwater("predict", "m.skops", "claims.csv", "-o", "out.csv")[0] == 0
    Path("twice.csv").write_text("a,t\n0.5,1\n0.5,2\n")
    fails(headwater("predict", "m.skops", "twice.csv"), "there is no column 'years'")
    one, two = json.loads(headwater("predict", "m.skops", "twice.csv", "--exposure", "t", "--json")[1])["predictions"]
    assert two == pytest.approx(2 * one)
    scores = json.loads(headwater("score", "m.skops", "claims.csv", "--json")[1])
    assert 0 < scores["explained"] < 1 and 0.5 < scores["observed_over_expected"] < 2
    assert "the outcome is 0 in every row" not in out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--positive ja", "--positive: the outcome 'late' is 'No' or 'Yes', never 'ja'"),
        ("--family poisson", "the outcome 'late' is not numeric: 'Yes'"),
        ("--groups colour", "--groups: errors of yes or no leave out rows, not groups"),
        ("--criterion loo", "--criterion: penalties of yes or no are chosen by evidence alone"),
        ("--exposure b", "--exposure: what an expected count is in proportion to"),
        ("--weights b --weights-kind precision", "inverse variances say nothing of yes or no"),
        ("--family gaussian", "write 1 for 'Yes' and 0 for 'No'"),
    ],
)
def test_what_has_no_meaning_is_refused(headwater, options, words):
    fails(headwater("advise", "source.csv", "target.csv", "--outcome", "late", *options.split()), words)


def test_awkward_tables(headwater):
    """Three rows, one kind of outcome, features that tell all apart: finite numbers or one line."""
    lines = Path("source.csv").read_text().splitlines()
    tables = {
        "three.csv": [lines[0], *Path("target.csv").read_text().splitlines()[1:4]],
        "never.csv": [lines[0], *(line for line in lines[1:41] if line.endswith("No"))],
        "leak.csv": [lines[0], *(f"{9 * line.endswith('Yes')},{line.split(',', 1)[1]}" for line in lines[1:61])],
        "third.csv": [*lines[:30], "0.1,0.2,red,maybe"],
        "digits.csv": [line.replace("No", "0").replace("Yes", "1") for line in lines[:40]],
    }
    for name, content in tables.items():
        Path(name).write_text("\n".join(content) + "\n")
    for name in ("three.csv", "never.csv", "leak.csv"):
        status, out, err = headwater("advise", "source.csv", name, "--outcome", "late", "--json", "--allow-overlap")
        assert status == 0, err
        found = json.loads(out)
        assert all(np.isfinite(one["error"]["estimate"]) for one in found["table"])
    assert any(
        "one kind of outcome only" in note
        for note in json.loads(
            headwater("advise", "source.csv", "never.csv", "--outcome", "late", "--json", "--allow-overlap")[1]
        )["notes"]
    )
    outcome = ("--outcome", "late")
    fails(headwater("advise", "never.csv", "target.csv", *outcome), "never.csv: the outcome is the same in every row")
    fails(headwater("advise", "source.csv", "third.csv", *outcome), "third.csv: the outcome 'late' is not numeric")
    fails(headwater("advise", "source.csv", "digits.csv", *outcome), "'No' or 'Yes' in source.csv, but '0' or '1' in")
    status, out, _ = headwater("advise", "leak.csv", "target.csv", *outcome, "--explain", "--allow-overlap")
    assert status == 0 and "tell its outcomes apart without error" in out


def test_published_coefficients_are_of_log_odds(headwater):
    Path("published.csv").write_text("name,coef,se\na,1.5,0.1\nb,-1,0.1\nconst,0,\n")
    options = ("advise", "target.csv", "--coefficients", "published.csv", "--outcome", "late", "--explain")
    status, out, err = headwater(*options)
    assert status == 0, err
    assert "published.csv: the coefficients are taken to be of log odds" in out
    assert "published.csv: the standard errors are used only where the outcome is a number" in out
    assert "the source as it is" in out
