"""The explorer: its numbers are the library's, its sliders move them, and it asks nothing of anybody."""

from __future__ import annotations

import base64
import hashlib
import http.client
import re
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest

from headwater import theory
from headwater.theory import Population

pytest.importorskip("jinja2")
from headwater.pages.explorer import FEATURES, explorer

COMMAND = [sys.executable, "-c", "from headwater.cli import main; main()", "explore"]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("explorer") / "explore.html"
    path.write_bytes(explorer("0.0"))
    return path


@pytest.fixture(scope="module")
def page(browser, path):
    """The page in a window 900 wide; that it asked for nothing and complained of nothing is checked at the end."""
    opened = browser.new_page(viewport={"width": 900, "height": 900})
    heard: list[str] = []
    opened.on("console", lambda message: heard.append(message.text))
    opened.on("pageerror", lambda problem: heard.append(str(problem)))
    opened.on("request", lambda request: heard.append(request.url))
    opened.goto(path.as_uri())
    yield opened
    assert heard == [path.as_uri()]


def points(seed, count, alphas):
    """Parameters over the sliders' ranges."""
    rng = np.random.default_rng(seed)
    return [
        {
            "features": FEATURES,
            "gamma": float(2 ** rng.uniform(-3, 3)),
            "rho": float(rng.uniform(-0.5, 2)),
            "sourceNoise": float(2 ** rng.uniform(-4, 2)),
            "targetSamples": int(10 ** rng.uniform(0.7, 3)),
            "targetNoise": float(2 ** rng.uniform(-4, 2)),
            "alpha": alpha,
        }
        for alpha in alphas(rng, count)
    ]


def population(point):
    return Population.power_law(
        point["alpha"],
        n_features=FEATURES,
        source_samples=FEATURES / point["gamma"],
        rho=point["rho"],
        source_noise=point["sourceNoise"],
        target_samples=point["targetSamples"],
        target_noise=point["targetNoise"],
    )


ASK = """points => points.map(point => {
  const pop = population(point);
  const { curve, ...told } = answer(pop);
  const grid = [0.001, 0.1, 1, 30, Infinity].flatMap((source) =>
    [0, 0.05, 2, Infinity].map((target) => transferRisk(pop, source, target)));
  return { ...told, grid, sourceCurve: curve.filter((_, i) => i % 12 === 0).map((one) => one.source),
    targetCurve: curve.filter((_, i) => i % 24 === 0).map((one) => one.target) };
})"""


def test_two_hundred_points_agree_with_the_library(page):
    """Risks to rounding; the optimum stationary, and beaten nowhere on a grid; isotropic, the closed forms'."""
    asked = points(0, 170, lambda rng, n: [0.0] * n) + points(1, 30, lambda rng, n: rng.uniform(0.1, 2, n).tolist())
    taus = 10.0 ** np.arange(-6, 6.1, 1.5)
    penalties = np.concatenate([[0.0], np.geomspace(1e-4, 1e4, 17), [np.inf]])
    for point, told in zip(asked, page.evaluate(ASK, asked), strict=True):
        pop = population(point)
        source, target = np.array([0.001, 0.1, 1, 30, np.inf]), np.array([0, 0.05, 2, np.inf])
        np.testing.assert_allclose(
            np.reshape(told["grid"], (5, 4)), theory.transfer_risk(pop, source[:, None], target), rtol=1e-9
        )
        np.testing.assert_allclose(told["sourceCurve"], theory.source_risk(pop, taus), rtol=1e-9)
        assert told["sourceTau"] == pytest.approx(theory.source_optimal_tau(pop), rel=1e-12)
        assert told["sourceRisk"] == pytest.approx(theory.source_risk(pop, told["sourceTau"]), rel=1e-12, abs=0)
        best = told["transferTau"], told["targetTau"]
        assert told["risk"] == pytest.approx(theory.transfer_risk(pop, *best), rel=1e-12, abs=0)
        assert told["scratchRisk"] == pytest.approx(theory.scratch_risk(pop, told["scratchTau"]), rel=1e-12, abs=0)
        everywhere = theory.transfer_risk(pop, penalties[:, None], penalties)
        assert told["risk"] <= everywhere.min() * (1 + 1e-12)
        assert told["scratchRisk"] <= theory.scratch_risk(pop, penalties).min() * (1 + 1e-12)
        for beside in (1 - 1e-3, 1 + 1e-3):
            assert told["risk"] <= theory.transfer_risk(pop, best[0] * beside, best[1]) * (1 + 1e-13)
            assert told["risk"] <= theory.transfer_risk(pop, best[0], best[1] * beside) * (1 + 1e-13)
        if point["alpha"] == 0:
            closed = theory.isotropic.transfer_optimal_tau(point["rho"], point["gamma"], point["sourceNoise"])
            if closed == 0 or 1e-6 < closed < 1e6:
                assert told["transferTau"] == pytest.approx(float(closed), rel=1e-7)


def test_optima_are_the_library_s_where_there_is_no_closed_form(page):
    asked = points(2, 2, lambda rng, n: rng.uniform(0.3, 2, n).tolist())
    for point, told in zip(asked, page.evaluate(ASK, asked), strict=True):
        best = theory.joint_optimum(population(point))
        assert (told["transferTau"], told["targetTau"]) == pytest.approx((best.source_tau, best.target_tau), rel=1e-6)
        assert (told["risk"], told["scratchRisk"]) == pytest.approx((best.risk, best.scratch_risk), rel=1e-10)


def test_the_phase_diagram_s_colours_are_the_closed_form_s(page):
    point = points(3, 1, lambda rng, n: [0.0])[0] | {"sourceNoise": 1.0}
    gammas, rhos = [0.5, 2.0, 5.0], [-0.3, 0.0, 0.4, 0.9, 1.0, 1.2, 1.6]
    found = page.evaluate("([point, gammas, rhos]) => phases(point, 1, gammas, rhos)", [point, gammas, rhos])
    for gamma, row in zip(gammas, found, strict=True):
        ratios = theory.isotropic.transfer_optimal_tau(rhos, gamma, 1.0) / gamma
        with np.errstate(divide="ignore"):
            np.testing.assert_allclose(row, np.clip(np.log10(ratios), -3, None), atol=0.01)


def ratio(page):
    return float(page.inner_text("#numbers tr:nth-child(3) td"))


def eventually(page, holds):
    """Wait until it holds; Playwright's own way evaluates text in the page, whose policy forbids that."""
    for _ in range(100):
        if holds():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it did not come about")


def test_moving_the_slider_turns_the_answer_at_rho_one(page):
    slider = page.locator("#rho")
    slider.fill("0.9")
    seen = {}
    for rho in ("0.95", "1", "1.05"):
        slider.press("ArrowRight")
        eventually(page, lambda rho=rho: page.inner_text("#rho-value") == rho)
        seen[rho] = ratio(page), page.inner_text("#verdict"), page.inner_html("#risks")
    (harder, more, first), (same, equal, _), (softer, less, last) = seen.values()
    assert harder > 1 == same > softer
    assert "stronger penalty" in more and "weaker penalty" in less and "downstream too" in equal
    assert first != last
    slider.press("Home")
    eventually(page, lambda: page.inner_text("#verdict").startswith("Do not transfer"))
    assert page.inner_text("#numbers tr:nth-child(2) td") == "∞"


def test_every_slider_has_a_label_and_says_its_value(page):
    for slider in page.locator("input[type=range]").all():
        name = slider.get_attribute("id")
        assert page.locator(f"label[for={name}]").count() == 1
        slider.press("Enter")  # nothing is sent anywhere
        page.keyboard.press("End")
        at_end = (
            "name => { const it = document.getElementById(name), shown = short(parameters()[name]);"
            " return it.getAttribute('aria-valuetext') === shown && it.value === it.max"
            " && document.getElementById(name + '-value').textContent === shown }"
        )
        eventually(page, lambda name=name, at_end=at_end: page.evaluate(at_end, name))
    for figure in page.locator("[role=img]").all():
        assert re.search(r"\d", figure.get_attribute("aria-label"))
    for text in page.locator("svg text").all_text_contents():
        assert "NaN" not in text and "undefined" not in text


def test_a_figure_s_table_says_what_its_curves_say(page):
    page.evaluate("update()")
    cells = "(row) => [...row.cells].map((cell) => cell.textContent)"
    rows = page.evaluate(f"[...document.querySelectorAll('#risk-numbers tbody tr')].map({cells})")
    told = page.evaluate("answer(population(parameters())).curve.filter(({ tau }, i) => i % 8 === 0 && tau > 9e-4)")
    assert rows == [
        page.evaluate("row => row.map(short)", [one["tau"], one["source"], one["target"]]) for one in told[: len(rows)]
    ]
    assert len(rows) == 7


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_small_screen_in_light_and_dark(browser, path, scheme):
    opened = browser.new_page(viewport={"width": 400, "height": 800}, color_scheme=scheme)
    opened.goto(path.as_uri())
    assert opened.evaluate("document.documentElement.scrollWidth") <= 400
    ground = opened.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground))) > 380) == (scheme == "light")
    opened.close()


def test_the_file_names_the_one_script_that_may_run_and_nothing_else():
    page = explorer("<b>1</b>").decode()
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'" in page
    assert re.findall(r"\w+://[^\s\"'`)]+", page) == ["http://www.w3.org/2000/svg"]
    assert "<b>1</b>" not in page


def test_served_it_is_the_page_alone_to_this_machine_alone_until_interrupted(path):
    process = subprocess.Popen(
        [*COMMAND, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    )
    line = process.stdout.readline()
    port = int(re.search(r"http://127\.0\.0\.1:(\d+)/", line)[1])

    def ask(path, method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read()

    status, body = ask("/")
    assert (status, body[:15]) == (200, b"<!doctype html>")
    assert ask("/../etc/passwd")[0] == ask("/favicon.ico")[0] == 404
    assert ask("/", "POST")[0] == 501
    taken = subprocess.run([*COMMAND, "--port", str(port)], capture_output=True, text=True)
    assert (taken.returncode, taken.stderr.count("\n")) == (2, 1)
    assert taken.stderr.startswith(f"headwater: --port {port}: ")
    for address in {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}:
        if not address.startswith("127."):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((address, port), timeout=5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "stopped\n", "")


def test_the_command_writes_the_page_or_says_what_is_missing(tmp_path, capsys, monkeypatch):
    from headwater.cli import main

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["headwater", "explore", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        return stop.value.code, capsys.readouterr()

    out = tmp_path / "explore.html"
    code, shown = run("--html", str(out))
    assert (code, shown.err) == (0, "") and str(out) in shown.out
    assert out.read_bytes().startswith(b"<!doctype html>")
    for arguments in ([], ["--html", str(tmp_path)], ["--html", str(tmp_path / "no" / "a.html")], ["--port", "99999"]):
        code, shown = run(*arguments)
        assert (code, shown.out, shown.err.count("\n")) == (2, "", 1), arguments
