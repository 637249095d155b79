"""Explorer: a page that answers, as sliders move, which source penalty is best for the source and which downstream."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from importlib.resources import files

from headwater.pages.frame import render

SCRIPTS = ("theory.js", "figures.js", "page.js")
FEATURES = 100  # few enough for every slider's step to be answered at once


@dataclass(frozen=True)
class Slider:
    """A range of positions; ``scale`` says what a position stands for: itself, its power of 2, or 10^it whole rows."""

    name: str
    symbol: str
    words: str
    least: float
    most: float
    step: float
    start: float
    scale: str = "linear"


SLIDERS = (
    Slider("rho", "ρ", "alignment of the target with the source", -0.5, 2, 0.05, 0.6),
    Slider("gamma", "γ", "features for each source row", -3, 3, 0.1, 1, "log2"),
    Slider("sourceNoise", "σ0", "noise of the source", -4, 2, 0.1, 0, "log2"),
    Slider("targetSamples", "n1", "rows of the target", 0.7, 3, 0.05, 1.7, "rows"),
    Slider("targetNoise", "σ1", "noise of the target", -4, 2, 0.1, -2, "log2"),
    Slider("alpha", "α", "decay of the spectrum k^−α", 0, 2, 0.1, 0),
)


def explorer(version: str) -> bytes:
    """The page, in one file that asks for nothing: its policy names the one script that may run, by its digest."""
    folder = files("headwater.pages") / "templates" / "explorer"
    script = "\n" + "\n".join((folder / name).read_text(encoding="utf-8") for name in SCRIPTS)
    script = script.replace("@FEATURES@", str(FEATURES))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return render(
        "explorer.html",
        title="Which source penalty does the downstream want?",
        sliders=SLIDERS,
        features=FEATURES,
        script=script,
        digest=f"sha256-{digest}",
        version=version,
    )
