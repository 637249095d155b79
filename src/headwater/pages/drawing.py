"""Drawing: how every figure looks, and how it becomes a file or a part of a page."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

INK, RULE, SIMULATED, THEORY = "#1f2933", "#9aa5b1", "#0072b2", "#d55e00"  # blue and vermilion: told apart by everyone
WIDTH = 5.2  # inches of a page's figure: its letters stay legible on 370 pixels, a telephone
STYLE = {
    "svg.fonttype": "none",  # text stays text: searchable, and read aloud
    "svg.hashsalt": "headwater",  # the same summary gives the same file
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"],
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": RULE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
}
# On a page these follow the reader's light or dark: the style sheet gives each of these names a colour for both.
_NAMED = {INK: "ink", RULE: "rule", SIMULATED: "first", THEORY: "second", "#ffffff": "paper", "#000000": "ink"}


def as_files(draw: Callable[[], Figure], title: str) -> tuple[bytes, bytes]:
    """The figure as SVG and as PNG."""
    with mpl.rc_context(STYLE):
        figure = draw()
        svg, png = io.BytesIO(), io.BytesIO()
        figure.savefig(svg, format="svg", metadata={"Date": None, "Title": title})
        figure.savefig(png, format="png", dpi=150, metadata={"Title": title})
    return svg.getvalue(), png.getvalue()


def drawn(draw: Callable[[], Figure], name: str) -> str:
    """The figure as an element of a page; ``name``, its own on the page, begins its ids."""
    with mpl.rc_context(STYLE):
        svg = io.BytesIO()
        draw().savefig(svg, format="svg", transparent=True)
    return inline(svg.getvalue().decode(), name)


def axes_or_new(ax: Any = None) -> tuple[Any, Any]:
    """The axes and their figure; without any, a new figure's, which a notebook shows."""
    if ax is None:
        from matplotlib import pyplot

        _, ax = pyplot.subplots(layout="constrained")
    return ax, ax.figure


def inline(svg: str, name: str) -> str:
    """The SVG element alone, to stand in a page beside others.

    What HTML does not know (metadata, a style sheet that would be the whole page's) is left out, its ids begin with
    ``name``, and the ink, the paper and the two colours are the page's.
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>|<title>.*?</title>|<style.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r' (?:xmlns(?::xlink)?|version)="[^"]*"', "", body, count=3).replace("xlink:href", "href")
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = re.sub(r'(href="|url\()#', rf"\1#{name}-", body)
    return re.sub("|".join(_NAMED), lambda found: f"var(--{_NAMED[found[0]]})", body)
