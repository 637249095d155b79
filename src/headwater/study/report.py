"""The report: the figure, what it shows in words, every number and all that made it, in one file."""

from __future__ import annotations

import math
import platform
from collections.abc import Iterable, Sequence
from html import escape
from importlib.metadata import version
from importlib.resources import files
from string import Template

from headwater.study.experiments import PROTOCOL, Synthetic
from headwater.study.figures import SYMBOL, label, title
from headwater.study.summary import Row

PARTS_AT = 1.25  # simulation and theory part where they are this factor apart: over one step of the paper's grid
SCATTERED = 1.0  # the saving's standard deviation over its mean; 0.2 with isotropic features, where nothing parts


def render(experiment: Synthetic, rows: Sequence[Row], svg: str, command: str = "") -> str:
    """The page as HTML, self-contained; everything that is not ours is escaped."""
    template = Template((files("headwater.study") / "templates" / "report.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=escape(title(experiment)),
        purpose=escape(purpose(experiment)),
        figure=_inline(svg, title(experiment)),
        caption=escape(
            "Points and band: the mean over seeds of the ratio of the realised optima, with its 95 % interval. "
            "Line: the deterministic equivalents. Dashed: ρ = 1 and ratio 1, where the two penalties agree."
        ),
        findings="\n".join(f"<p>{escape(sentence)}</p>" for sentence in findings(experiment, rows)),
        table=_table(experiment, rows),
        configuration=_settings(experiment.config.items()),
        command=f"<pre><code>{escape(command)}</code></pre>" if command else "<p>A call from Python.</p>",
        versions=_settings(_versions()),
    )


def purpose(experiment: Synthetic) -> str:
    """The experiment in words."""
    return (
        f"Two ridge regressions with {experiment.n_features} features share a direction: the target's coefficients are "
        "ρ times the source's. The source is fitted at every penalty of a grid, and the target starts from it. Shown "
        "is the source penalty best for the target, τ0*, over the one best for the source itself, τ_S*: above 1, train "
        "the source with a stronger penalty than is best for it; below 1, with a weaker one. The curves differ in "
        f"{SYMBOL[experiment.curve]}."
    )


def findings(experiment: Synthetic, rows: Sequence[Row]) -> list[str]:
    """Where the deterministic curve and the finite sample agree and where they part, and why, one paragraph a curve."""
    step = (experiment.penalties[-1] / experiment.penalties[0]) ** (1 / (len(experiment.penalties) - 1))
    return [
        f"Penalties are {100 * (step - 1):.0f} % apart, so a realised optimum is known to half of that.",
        *(_finding(experiment, [row for row in rows if row.value == value], step) for value in experiment.curves),
    ]


def _finding(experiment: Synthetic, rows: Sequence[Row], step: float) -> str:
    name, low, high = label(experiment, rows[0].value), experiment.penalties[0], experiment.penalties[-1]
    compared = [row for row in rows if low <= row.theory_tau <= high]
    outside = len(rows) - len(compared)
    note = f" At {outside} points theory's optimum lies off the grid of penalties." if outside else ""
    if not compared:
        return f"{name}: nothing to compare.{note}"
    inside = sum(
        abs(row.ratio_mean - row.theory_ratio) <= max(row.ratio_ci95, 0.0) + (math.sqrt(step) - 1) * row.theory_ratio
        for row in compared
    )
    apart = _factor(compared, "ratio_mean")
    sentence = (
        f"{name}: theory lies in the band, widened by half a step, at {inside} of {len(compared)} points; "
        f"mean and theory differ by a factor of {apart:.2f} on average.{note}"
    )
    if apart < PARTS_AT:
        return sentence
    middle = min(compared, key=lambda row: abs(row.rho - 1))
    sentence += (
        " Here the two part. The risks themselves do not: averaged over the seeds before the best penalties are "
        f"read off, they give ratios within a factor of {_factor(compared, 'ratio_of_mean_risks'):.2f} of theory. "
        f"The mean of the seeds' own ratios is another thing: at ρ = {middle.rho:g} it is {middle.ratio_mean:.2f} and "
        f"their median {middle.ratio_median:.2f}, and {100 * middle.on_edge:.0f} % of the seeds have an optimum at an "
        "end of the grid, so that the mean depends on where the grid ends."
    )
    if middle.gain_spread < SCATTERED:
        return sentence
    return (
        f"{sentence} The reason is that little hangs on τ0 here: the best one saves {100 * middle.gain:.0f} % of the "
        f"transfer risk at the largest penalty, and from seed to seed that saving has a standard deviation of "
        f"{middle.gain_spread:.1f} times its size. Few directions carry the spectrum, the target learns the strongest "
        "from its own rows, and in what is left to the source chance decides which penalty is best for one draw."
    )


def _factor(rows: Sequence[Row], name: str) -> float:
    """How far a column is from theory: the geometric mean of the larger over the smaller."""
    distance = sum(abs(math.log(getattr(row, name) / row.theory_ratio)) for row in rows)
    return math.exp(distance / len(rows))


def _table(experiment: Synthetic, rows: Sequence[Row]) -> str:
    head = [experiment.curve.replace("gamma", "γ").replace("alpha", "α"), "ρ", "mean ratio", "± 95 %"]
    head += ["theory", "median", "of mean risks", "on the edge"]
    body = [
        [
            f"{row.value:g}",
            f"{row.rho:g}",
            *map(number, (row.ratio_mean, row.ratio_ci95, row.theory_ratio, row.ratio_median, row.ratio_of_mean_risks)),
            f"{100 * row.on_edge:.0f} %",
        ]
        for row in rows
    ]
    lines = [f"<tr>{_cells('td', cells)}</tr>" for cells in body]
    return "\n".join(
        [
            '<div class="wide" tabindex="0" role="region" aria-label="Every point">',
            "<table><caption>Ratio τ0*/τ_S*. Of mean risks: argmins taken after averaging over seeds. On the edge: "
            "share of seeds with an optimum at the end of the grid.</caption>",
            f"<thead><tr>{_cells('th scope=col', head)}</tr></thead>",
            "<tbody>",
            *lines,
            "</tbody></table>",
            "</div>",
        ]
    )


def _cells(tag: str, texts: Iterable[str]) -> str:
    return "".join(f"<{tag}>{escape(text)}</{tag.split()[0]}>" for text in texts)


def number(value: float) -> str:
    """A number to three decimals; ∞ and – where it is infinite or undefined."""
    if math.isnan(value):
        return "–"
    return "∞" if math.isinf(value) else f"{value:.3f}"


def _settings(items: Iterable[tuple[str, object]]) -> str:
    lines = [f"<tr>{_cells('th scope=row', [name])}{_cells('td', [_value(value)])}</tr>" for name, value in items]
    return "\n".join(['<table class="settings"><tbody>', *lines, "</tbody></table>"])


def _value(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(f"{entry:.6g}" if isinstance(entry, float) else str(entry) for entry in value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _versions() -> list[tuple[str, object]]:
    packages = ("headwater", "numpy", "scipy", "joblib", "matplotlib")
    return [
        *((package, version(package)) for package in packages),
        ("python", platform.python_version()),
        ("protocol", PROTOCOL),
    ]


def _inline(svg: str, name: str) -> str:
    """The SVG element alone, named for those who cannot see it."""
    body = svg[svg.index("<svg") :]
    return body.replace("<svg", f'<svg role="img" aria-label="{escape(name)}"', 1)
