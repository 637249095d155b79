"""How every figure of the study looks, and how it becomes a file."""

from __future__ import annotations

import io
from collections.abc import Callable

import matplotlib as mpl
from matplotlib.figure import Figure

INK, RULE, SIMULATED, THEORY = "#1f2933", "#9aa5b1", "#0072b2", "#d55e00"  # blue and vermilion: told apart by everyone
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


def as_files(draw: Callable[[], Figure], title: str) -> tuple[bytes, bytes]:
    """The figure as SVG and as PNG."""
    with mpl.rc_context(STYLE):
        figure = draw()
        svg, png = io.BytesIO(), io.BytesIO()
        figure.savefig(svg, format="svg", metadata={"Date": None, "Title": title})
        figure.savefig(png, format="png", dpi=150, metadata={"Title": title})
    return svg.getvalue(), png.getvalue()
