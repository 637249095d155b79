"""Every page in a browser: it asks for nothing, its tables are the JSON's, and anybody can read it, on anything."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from headwater.advice.wording import WAYS

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

EVIL = "<script>alert(1)</script>"
JOB = ("advise", "s.csv", "t.csv", "--outcome", "price", "--json", "--report", "advice.html")
KIND = ("advise", "s.csv", "t.csv", "--outcome", "kind", "--report", "kind.html")  # of two words: yes or no
STUDY = ("reproduce", "phase", "--features", "10", "--seeds", "2", "--gammas", "2", "--rhos", "0.5,1", "--out", "study")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A page of each kind, made as a user makes it, and the JSON of the same command."""
    folder, rng = tmp_path_factory.mktemp("pages"), np.random.default_rng(5)
    for name, rows, shift in (("s.csv", 90, 0.0), ("t.csv", 30, 3.0)):
        X, words = rng.normal(size=(rows, 3)), rng.choice(["ale", "“stout” & <b>porter</b>"], size=rows)
        y = X @ [1.0, -1.0, 0.5] + rng.normal(size=rows)
        cells = zip(X + np.array([shift, 0, 0]), words, y, strict=True)
        lines = [f"{a:.4f},{b:.4f},{c:.4f},{word},{v:.4f}" for (a, b, c), word, v in cells]
        (folder / name).write_text("\n".join([f"moved,size of it,{EVIL},kind,price", *lines, ""]), encoding="utf-8")
    done = [
        subprocess.run(
            [sys.executable, "-m", "headwater", *job], cwd=folder, capture_output=True, text=True, check=False
        )
        for job in (JOB, STUDY, KIND, ("explore", "--html", "explore.html"))
    ]
    assert [one.returncode for one in done] == [0] * 4, [one.stderr for one in done]
    (folder / "said.json").write_text(done[0].stdout)
    return folder


PAGES = ("advice.html", "kind.html", "study/report.html", "explore.html")


@pytest.fixture
def opened(browser, folder):
    """Opens a page of the folder; that it asked, complained and said nothing is checked after."""
    heard, pages = [], []

    def open_page(name, width=900, scheme="light"):
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        pages.append(page)
        page.on("console", lambda message: heard.append(message.text))
        page.on("pageerror", lambda problem: heard.append(str(problem)))
        page.on("dialog", lambda dialog: heard.append(dialog.message))
        page.on("request", lambda request: heard.append(request.url))
        page.goto((folder / name).as_uri())
        assert heard.pop() == (folder / name).as_uri()
        return page

    yield open_page
    assert heard == []
    for page in pages:
        page.close()


def tables(page):
    """Every table's cells, by its region's name."""
    return page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll("[role=region]")].map(region => [
            region.getAttribute("aria-label"),
            [...region.querySelectorAll("tr")].map(row => [...row.cells].map(cell => cell.textContent)),
        ]))"""
    )


def test_tables_are_the_jsons_and_names_are_text(opened, folder):
    page, said = opened("advice.html"), json.loads((folder / "said.json").read_text())
    found = tables(page)
    assert len(found) == 5

    def same(cell, value):
        return cell in ("–", "∞", "unknown") if value is None else float(cell) == pytest.approx(value, rel=6e-3)

    for name, records, keys in (
        ("Coefficients of all 5 features", said["coefficients"],
         ("source", "scratch", "chosen", "low", "high", "deviation")),
        ("Levels and scales of all 5 columns", said["differences"],
         ("source_mean", "target_mean", "level", "source_deviation", "target_deviation", "scale")),
    ):  # fmt: skip
        assert [row[0] for row in found[name][1:]] == [record["name"] for record in records]
        for row, record in zip(found[name][1:], records, strict=True):
            assert all(same(cell, record[key]) for cell, key in zip(row[1:], keys, strict=True))
    curve = said["penalties"]
    columns = zip(*(found["Squared error by the source's penalty"][1:]), strict=True)
    keys = ("source_tau", "target_expected", "target_left_out", "target_theory", "source_left_out", "source_theory")
    for cells, key in zip(columns, keys, strict=True):
        assert all(same(cell, value) for cell, value in zip(cells, curve[key], strict=True))
    rivals = found["What each way is expected to err by"][1:]
    for row, record in zip(rivals, said["table"], strict=True):
        low, high = row[2].split(" to ")
        assert row[0] == WAYS[record["name"]]
        assert same(row[1], record["error"]["estimate"])
        assert same(low, record["error"]["low"]) and same(high, record["error"]["high"])
    (rho,) = found["The alignment, and its 95 % interval"][1:]
    alignment = said["alignment"]
    assert all(same(cell, alignment[key]) for cell, key in zip(rho, ("estimate", "low", "high"), strict=True))
    assert EVIL in page.inner_text("main") and page.locator("script").count() == 0


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_its_window_and_follows_light_and_dark(opened, name):
    pages = {scheme: opened(name, 400, scheme) for scheme in ("light", "dark")}
    colours = {}
    for scheme, page in pages.items():
        for width in (400, 900, 1600):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        style = "getComputedStyle(document.body)"
        colours[scheme] = page.evaluate(f"[{style}.backgroundColor, {style}.color]")
    assert colours["light"][0] == "rgb(255, 255, 255)"
    assert colours["dark"][0] != colours["light"][0] and colours["dark"][1] != colours["light"][1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_serious_stands_in_anybodys_way(opened, name, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = opened(name, 400, scheme)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    found = axe.run(page).response["violations"]
    serious = [(one["id"], [node["html"][:120] for node in one["nodes"]][:3]) for one in found
               if one["impact"] in ("serious", "critical")]  # fmt: skip
    assert serious == []


def test_figures_have_words_and_paper_shows_the_numbers(opened):
    page = opened("advice.html")
    figures = page.locator("figure")
    for index in range(figures.count()):
        assert len(figures.nth(index).locator("[role=img]").get_attribute("aria-label")) > 40
    folded = page.locator("details td").first
    assert not folded.is_visible()
    page.emulate_media(media="print", color_scheme="dark")
    assert folded.is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_valid_html(folder, name):
    html5lib = pytest.importorskip("html5lib")
    html5lib.HTMLParser(strict=True).parse(Path(folder / name).read_bytes(), transport_encoding="utf-8")
