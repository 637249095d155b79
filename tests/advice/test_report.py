"""The report, its pictures and JSON: one summary, whatever the tables, and every text is text."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from headwater import SourceRidge, advise
from headwater.advice.from_tables import advise_pair
from headwater.advice.summary import summarise
from headwater.cli import main
from headwater.tables.pair import Roles, read_pair

EVIL = "<script>alert(1)</script>"
RNG = np.random.default_rng(3)


def write(path, rows, shift):
    """Four columns, one named like a script; the first lies elsewhere, and the category's levels are rarer."""
    X = RNG.normal(size=(rows, 3))
    words = RNG.choice(["ale", "$x$ & y"], size=rows, p=[0.7, 0.3])
    y = X @ [1.0, -1.0, 0.5] + 0.3 * RNG.normal(size=rows)
    each = zip(X, words, y, strict=True)
    lines = [f"{a + shift:.4f},{b * (1 + shift):.4f},{c:.4f},{w},{v:.4f}" for (a, b, c), w, v in each]
    path.write_text("\n".join([f"moved,wider,{EVIL},kind,price", *lines, ""]))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    write(folder / "s.csv", 80, 0.0)
    write(folder / "t.csv", 25, 4.0)
    return folder


@pytest.fixture(scope="module")
def advice(files):
    return advise_pair(read_pair(files / "s.csv", files / "t.csv", Roles("price")))


@pytest.fixture
def headwater(monkeypatch, capsys, files):
    monkeypatch.chdir(files)

    def run(*given):
        monkeypatch.setattr(sys, "argv", ["headwater", *given])
        with pytest.raises(SystemExit) as stop:
            main()
        return stop.value.code, *capsys.readouterr()

    return run


class Page(HTMLParser):
    """The cells of each table by the name of its region, and the tags."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.tags, self.text, self.asked, self._rows, self._cell = {}, [], [], [], None, None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append(tag)
        self.asked += [attributes[name] for name in ("src", "href", "srcset", "xlink:href") if name in attributes]
        if attributes.get("role") == "region":
            self._rows = self.tables.setdefault(attributes["aria-label"], [])
        elif tag == "tr" and self._rows is not None:
            self._rows.append([])
        elif tag in ("td", "th"):
            self._cell = ""

    def handle_endtag(self, tag):
        if tag == "table":
            self._rows = None
        elif tag in ("td", "th") and self._rows is not None:
            self._rows[-1].append(self._cell)
            self._cell = None

    def handle_data(self, data):
        self.text.append(data)
        if self._cell is not None:
            self._cell += data


def test_where_columns_lie_is_their_means_and_deviations(files, advice):
    source, target = (
        np.loadtxt(files / name, delimiter=",", skiprows=1, usecols=(0, 1, 2)) for name in ("s.csv", "t.csv")
    )
    found = {one.name: one for one in advice.differences}
    for index, name in enumerate(("moved", "wider", EVIL)):
        one = found[name]
        assert one.source_mean == pytest.approx(source[:, index].mean())
        assert one.target_deviation == pytest.approx(target[:, index].std())
        assert one.level == pytest.approx((target[:, index].mean() - one.source_mean) / source[:, index].std())
    assert found["moved"].differs and found["wider"].differs and not found[EVIL].differs
    text = (files / "t.csv").read_text()
    assert np.isnan(found["kind=ale"].scale) and not found["kind=ale"].differs
    assert found["kind=ale"].target_mean == pytest.approx(text.count(",ale,") / 25)


def test_without_the_source_table_columns_lie_where_its_preparation_has_them(advice):
    by_table = {one.name: one for one in advice.summary.differences}
    by_source = {one.name: one for one in replace(advice, differences=()).summary.differences}
    assert by_source.keys() == by_table.keys()
    for name, one in by_source.items():
        there = by_table[name]
        assert (one.source_mean, one.target_mean) == pytest.approx((there.source_mean, there.target_mean))
        assert one.source_deviation == pytest.approx(there.source_deviation)
        assert one.scale == pytest.approx(there.scale, nan_ok=True)


def test_arrays_are_compared_in_their_own_units():
    X0, X1 = RNG.normal(2.0, 3.0, size=(60, 2)), RNG.normal(5.0, 1.0, size=(20, 2))
    advice = advise((X0, X0 @ [1.0, 2.0]), (X1, X1 @ [1.0, 2.0] + RNG.normal(size=20)))
    for index, one in enumerate(sorted(advice.summary.differences, key=lambda one: one.name)):
        assert one.source_mean == pytest.approx(X0[:, index].mean())
        assert one.source_deviation == pytest.approx(X0[:, index].std())
        assert one.target_deviation == pytest.approx(X1[:, index].std())


def test_the_penalties_are_the_advices_and_the_sources(advice):
    found, spectrum = advice.summary.penalties, advice.meeting.source.spectrum
    np.testing.assert_allclose(found.target_expected, advice.curve.predicted)
    np.testing.assert_allclose(found.source_left_out, spectrum.gcv(np.array(found.source_tau)))
    rivals = {one.name: one.error.estimate for one in advice.rivals}
    at = dict(zip(found.source_tau, found.target_expected, strict=True))
    assert at[np.inf] == pytest.approx(rivals["scratch"])
    assert at[found.source_optimal_tau] == pytest.approx(rivals["source_optimal"])
    assert found.target_theory[-1] == pytest.approx(found.target_expected[-1], rel=1e-12)
    # The source learned much from its rows: by theory too, its own best penalty errs least of those shown.
    assert np.argmin(found.source_theory) == np.argmin(
        np.abs(np.log(np.array(found.source_tau) / found.source_optimal_tau))
    )


def test_coefficients_come_with_those_furthest_apart_first(advice):
    found = advice.summary.coefficients
    assert [one.apart for one in found] == sorted((one.apart for one in found), reverse=True)
    assert {one.name for one in found} == {"moved", "wider", EVIL, "kind=$x$ & y", "kind=ale"}
    assert all(one.low <= one.chosen <= one.high for one in found)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (np.array([1.0, 2.0]), slice(20)),
        (SourceRidge(), slice(1)),
        (SourceRidge(tau=np.inf), slice(20)),
        ("two outputs", slice(20)),
        ("constant", slice(20)),
    ],
)
def test_every_advice_has_a_summary_and_a_page(source, target, tmp_path):
    pytest.importorskip("matplotlib")
    X0, X1 = RNG.normal(size=(30, 2)), RNG.normal(size=(20, 2))
    y0, y1 = X0 @ [1.0, 2.0], X1[target] @ [1.0, 2.0] + RNG.normal(size=len(X1[target]))
    if isinstance(source, str):
        source, y0, y1 = (X0, np.c_[y0, -y0]), 0.0 * y0 if source == "constant" else y0, np.c_[y1, y1]
        y1 = y1 if source[1].ndim == 2 else y1[:, 0]
    elif hasattr(source, "fit"):
        source.fit(X0, y0)
    advice = advise(source, (X1[target], y1))
    json.dumps(summarise(advice).as_dict())
    if isinstance(source, np.ndarray):  # of the pages the one that has least to show
        advice.report(tmp_path / "page.html")
        page = (tmp_path / "page.html").read_text(encoding="utf-8")
        assert advice.sentence.replace("'", "&#39;") in page


def test_of_yes_or_no_rows_left_out_are_compared_with_what_came(tmp_path):
    pytest.importorskip("matplotlib")
    X0, X1 = RNG.normal(size=(150, 3)), RNG.normal(size=(45, 3))
    y0, y1 = (RNG.random(len(X)) < 1 / (1 + np.exp(-X @ [2.0, -1.0, 0.0])) for X in (X0, X1))
    advice = advise((X0, y0), (X1, y1), family="binomial")
    found = advice.summary
    assert sum(one.rows for one in found.calibration) == 45 and len(found.calibration) == 4
    assert sum(one.rows * one.observed for one in found.calibration) == pytest.approx(y1.sum())
    left_out = 1 / (1 + np.exp(-advice.ways["chosen"].left_out))
    assert sum(one.rows * one.predicted for one in found.calibration) == pytest.approx(left_out.sum())
    assert all(one.low < one.observed < one.high or one.observed in (0, 1) for one in found.calibration)
    by_name = {one.name: one for one in found.coefficients}
    assert [by_name[f"x{index}"].chosen for index in range(3)] == pytest.approx(advice.model.coef_[0])
    assert all(one.low < one.high for one in found.coefficients)
    advice.report(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Predicted and observed" in text and "How much the target shares" not in text


def test_a_page_asks_for_nothing_and_holds_every_text_as_text(files, headwater):
    pytest.importorskip("matplotlib")
    given = ("s.csv", "t.csv", "--outcome", "price", "--json", "--report", "page.html")
    code, out, err = headwater("advise", *given)
    assert (code, err) == (0, "")
    said, text = json.loads(out), (files / "page.html").read_text(encoding="utf-8")
    page = Page(text)
    assert not {"script", "link", "img", "iframe", "object", "embed"} & set(page.tags)
    assert all(link.startswith("#") for link in page.asked)
    assert not re.search(r"url\((?!#)|@import|https?:", text)
    assert EVIL in "".join(page.text) and "$x$ & y" in "".join(page.text)
    assert len(text.encode()) < 1_500_000
    assert "headwater advise s.csv t.csv --outcome price" in "".join(page.text)
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in page.asked} | set(re.findall(r"url\(#([^)]+)\)", text)) <= set(ids)
    for name, records, keys in (
        ("Coefficients of all 5 features", said["coefficients"],
         ("source", "scratch", "chosen", "low", "high", "deviation")),
        ("Levels and scales of all 5 columns", said["differences"],
         ("source_mean", "target_mean", "level", "source_deviation", "target_deviation", "scale")),
    ):  # fmt: skip
        _, *rows = page.tables[name]
        for row, record in zip(rows, records, strict=True):
            assert row[0] == record["name"]
            values = [np.nan if record[key] is None else record[key] for key in keys]
            cells = [float(cell.replace("–", "nan")) for cell in row[1:]]
            assert cells == pytest.approx(values, rel=6e-4, nan_ok=True)


def test_fit_writes_its_report_too_and_refuses_what_it_cannot_write(files, headwater):
    pytest.importorskip("matplotlib")
    given = ("fit", "s.csv", "t.csv", "--outcome", "price", "-o", "m.skops", "--report")
    for path, said in (("m.skops", "another file"), ("s.csv", "is an input"), ("gone/r.html", "no folder")):
        code, out, err = headwater(*given, path)
        assert (code, out) == (2, "") and err.count("\n") == 1 and "--report" in err and said in err
    assert not Path("m.skops").exists()
    assert headwater(*given, "r.html")[0] == 0
    assert Path("r.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_without_its_packages_a_report_says_what_to_install(headwater, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    code, out, err = headwater("advise", "s.csv", "t.csv", "--outcome", "price", "--report", "r.html")
    assert (code, out) == (2, "")
    assert err == "headwater: --report needs jinja2: pip install 'headwater[report]'\n"


def test_displays_follow_scikit_learns_convention(advice):
    mpl = pytest.importorskip("matplotlib")
    mpl.use("agg")
    from matplotlib.figure import Figure

    from headwater import PenaltyCurveDisplay, PhaseDiagramDisplay, RivalsDisplay, theory

    pop = theory.Population.isotropic(20, 10, 0.7, 1.0)
    for made in (
        RivalsDisplay.from_advice(advice),
        PenaltyCurveDisplay.from_advice(advice),
        PhaseDiagramDisplay.from_population(pop, 1.0),
    ):
        ax = Figure().subplots()
        assert made.ax_.figure is made.figure_ and made.figure_ is not ax.figure
        assert made.plot(ax) is made and made.ax_ is ax and made.figure_ is ax.figure
    mpl.pyplot.close("all")
    drawn = PenaltyCurveDisplay.from_advice(advice, ax=Figure().subplots()).ax_.lines[0].get_ydata()
    np.testing.assert_allclose(drawn, advice.curve.predicted[:-1])
    with pytest.raises(ValueError, match="side must be"):
        PenaltyCurveDisplay.from_advice(advice, side="both")
    with pytest.raises(ValueError, match="one source penalty only"):
        PenaltyCurveDisplay.from_advice(advise(np.ones(2), (RNG.normal(size=(9, 2)), RNG.normal(size=9))))
