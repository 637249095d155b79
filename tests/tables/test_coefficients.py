"""Published coefficients in the place of a source: matched by name, in the columns' own units."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from headwater import Coefficients, TransferRidge


def target(rows, seed):
    rng = np.random.default_rng(seed)
    age, colour = 40 + 10 * rng.normal(size=rows), np.array(["blue", "red"])[rng.integers(0, 2, rows)]
    y = 3 + 0.2 * age + 1.5 * (colour == "red") + 0.3 * rng.normal(size=rows)
    return age, colour, y


def written(name, rows, seed):
    age, colour, y = target(rows, seed)
    lines = [f"{a},{c},{v},{i % 7}" for i, (a, c, v) in enumerate(zip(age, colour, y, strict=True))]
    Path(name).write_text("\n".join(["age,colour,y,other", *lines, ""]))


@pytest.fixture
def files(headwater):
    written("t.csv", 12, 0)
    written("new.csv", 200, 1)
    Path("c.csv").write_text("name,coef,se\n(Intercept),3,0.1\nage,0.2,0.01\ncolour=red,1.5,0.1\nheight,9,1\n")


def test_they_take_the_place_of_a_source(headwater, files):
    status, out, err = headwater("advise", "t.csv", "--coefficients", "c.csv", "--outcome", "y", "--explain")
    assert status == 0, err
    assert "Warning" not in err
    assert " nan" not in out and "only the source's coefficients are known" in out
    status, out, err = headwater("fit", "t.csv", "--coefficients", "c.csv", "--outcome", "y", "-o", "m", "--json")
    assert status == 0, err
    notes = str(json.loads(out)["notes"])
    for words in ("without a coefficient: other", "no features of t.csv: height", "standard errors say how sure"):
        assert words in notes
    scores = json.loads(headwater("score", "m", "new.csv", "--json")[1])
    age, colour, y = target(200, 1)
    theirs = 3 + 0.2 * age + 1.5 * (colour == "red")
    assert scores["source"]["error"] == pytest.approx(np.mean((y - theirs) ** 2), rel=1e-9)
    assert scores["error"] < 1.2 * scores["source"]["error"] < scores["scratch"]["error"]


def test_the_fit_is_the_estimators_own(headwater, files):
    headwater("fit", "t.csv", "--coefficients", "c.csv", "--outcome", "y", "-o", "m", "--json")
    found = json.loads(headwater("predict", "m", "new.csv", "--json")[1])["predictions"]
    age, colour, y = target(12, 0)
    X = np.c_[(age - age.mean()) / age.std(), colour == "blue", colour == "red"]
    scale = np.r_[age.std(), 1, 1]
    model = TransferRidge(Coefficients(scale * [0.2, 0, 1.5], scale * [0.01, 0, 0.1])).fit(X, y)
    age1, colour1, _ = target(200, 1)
    expected = model.predict(np.c_[(age1 - age.mean()) / age.std(), colour1 == "blue", colour1 == "red"])
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_without_one_standard_error_none_is_used(headwater, files):
    """And that is said; the level needs none."""
    fits = {}
    for name, column in (("without", "coef"), ("one", "coef,se")):
        errors = {"coef": ("", "", ""), "coef,se": (",", ",0.01", ",")}[column]
        rows = zip(("const,3", "age,0.2", "colour=red,1.5"), errors, strict=True)
        Path("c.csv").write_text("\n".join([f"name,{column}", *(a + b for a, b in rows), ""]))
        status, out, err = headwater("fit", "t.csv", "--coefficients", "c.csv", "--outcome", "y", "-o", name, "--json")
        assert status == 0, err
        assert ("not used, since there is none of colour=red" in out) == (name == "one")
        fits[name] = json.loads(headwater("predict", name, "new.csv", "--json")[1])["predictions"]
    assert fits["one"] == fits["without"]


@pytest.mark.parametrize(("given", "words"), [
    ("s.csv t.csv --coefficients c.csv", "--coefficients takes the place of SOURCE: give TARGET alone"),
    ("t.csv", "give SOURCE and TARGET, or TARGET alone and --coefficients"),
    ("t.csv --coefficients t.csv", "t.csv: there is no column 'name'"),
    ("t.csv --coefficients c.csv --degree 2", "--degree: published coefficients are of the columns as they are"),
    ("t.csv --coefficients twice.csv", "twice.csv: there are two coefficients of age"),
    ("t.csv --coefficients below.csv", "below.csv: the standard error, se, is below 0 of age"),
    ("t.csv --coefficients none.csv", "none.csv: no coefficient is of a column of t.csv; the columns are age, colour"),
])  # fmt: skip
def test_what_cannot_be_used(headwater, files, given, words):
    Path("twice.csv").write_text("name,coef\nage,1\nage,2\n")
    Path("below.csv").write_text("name,coef,se\nage,1,-1\ncolour=red,2,1\n")
    Path("none.csv").write_text("name,coef\nheight,1\nweight,2\n")
    status, out, err = headwater("advise", *given.split(), "--outcome", "y")
    assert (status, out) == (2, "") and words in err and err.count("\n") == 1
