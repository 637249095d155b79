"""The report: the figure, what it shows in words, every number and all that made it, in one file."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from html import escape
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from string import Template
from typing import Any

from headwater.study.presentation import Presentation, Table

PACKAGES = ("headwater", "numpy", "scipy", "scikit-learn", "torch", "joblib", "matplotlib")


def render(shown: Presentation, config: Mapping[str, Any], svg: str, command: str = "") -> str:
    """The page as HTML, self-contained; everything that is not ours is escaped."""
    template = Template((files("headwater.study") / "templates" / "report.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=escape(shown.title),
        verdict="\n".join(f'<p class="verdict">{escape(line)}</p>' for line in shown.verdict),
        glance=_table(shown.at_a_glance, "The verdict") if shown.at_a_glance else "",
        purpose=escape(shown.purpose),
        figure=_inline(svg, shown.title),
        caption=escape(shown.caption),
        heading=escape(shown.heading),
        findings="\n".join(f"<p>{escape(sentence)}</p>" for sentence in shown.findings),
        tables="\n".join(map(_table, shown.tables)),
        configuration=_settings(config.items()),
        command=f"<pre><code>{escape(command)}</code></pre>" if command else "<p>A call from Python.</p>",
        versions=_settings([*_versions(), ("protocol", shown.protocol)]),
    )


def _table(table: Table, name: str = "Every point") -> str:
    lines = [f"<tr>{_cells('td', cells)}</tr>" for cells in table.body]
    return "\n".join(
        [
            f'<div class="wide" tabindex="0" role="region" aria-label="{name}">',
            f"<table><caption>{escape(table.caption)}</caption>",
            f"<thead><tr>{_cells('th scope=col', table.head)}</tr></thead>",
            "<tbody>",
            *lines,
            "</tbody></table>",
            "</div>",
        ]
    )


def _cells(tag: str, texts: Iterable[str]) -> str:
    return "".join(f"<{tag}>{escape(text)}</{tag.split()[0]}>".replace("\n", "<br>") for text in texts)


def _settings(items: Iterable[tuple[str, object]]) -> str:
    lines = [f"<tr>{_cells('th scope=row', [name])}{_cells('td', [_value(value)])}</tr>" for name, value in items]
    return "\n".join(['<table class="settings"><tbody>', *lines, "</tbody></table>"])


def _value(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(f"{entry:.6g}" if isinstance(entry, float) else str(entry) for entry in value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _versions() -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for package in PACKAGES:
        try:
            found.append((package, version(package)))
        except PackageNotFoundError:  # an extra that this experiment did without
            continue
    return [*found, ("python", platform.python_version())]


def _inline(svg: str, name: str) -> str:
    """The SVG element alone, named for those who cannot see it."""
    body = svg[svg.index("<svg") :]
    return body.replace("<svg", f'<svg role="img" aria-label="{escape(name)}"', 1)
