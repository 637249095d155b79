"""Makes the reports of the gallery: three real pairs of tables, each by the command that its page quotes.

    python docs/gallery/make.py [wine breast coffee] [--data FOLDER]

FOLDER holds `tabular/wine-white.csv` and `wine-red.csv` (UCI's Wine Quality), and in `pairs/` a source and a target
table of `breast` (Rotterdam's patients and the German trial, of R's survival package) and `coffee` (the Coffee Quality
Institute's Arabica and Robusta). Of a target that is no small table, 60 rows are drawn.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random
from shutil import copy

HERE = Path(__file__).parent
PAIRS = {
    "wine": ("tabular/wine-white.csv", "tabular/wine-red.csv", 60, ["--outcome", "quality"]),
    "breast": (
        "pairs/breast-source.csv",
        "pairs/breast-target.csv",
        60,
        ["--outcome", "event3y", "--exclude", "time,status"],
    ),
    "coffee": (
        "pairs/coffee-source.csv",
        "pairs/coffee-target.csv",
        None,
        ["--outcome", "total_cup_points", "--exclude", "harvest_year"],
    ),
}


def make(name: str, data: Path) -> str:
    """Write one report, and give its first line."""
    source, target, drawn, options = PAIRS[name]
    with tempfile.TemporaryDirectory() as folder:
        copy(data / source, Path(folder) / "source.csv")
        header, *rows = (data / target).read_text(encoding="utf-8").splitlines()
        if drawn is not None:
            outcome = header.replace('"', "").split(";" if ";" in header else ",").index(options[1])
            rows = [row for row in rows if row.split(";" if ";" in header else ",")[outcome].strip()]
            rows = Random(0).sample(rows, drawn)
        (Path(folder) / "target.csv").write_text("\n".join([header, *rows, ""]), encoding="utf-8")
        page = f"{name}.html"
        command = ["headwater", "advise", "source.csv", "target.csv", *options, "--report", page]
        start = [sys.executable, "-m", *command]
        said = subprocess.run(start, cwd=folder, check=True, capture_output=True, text=True).stdout
        copy(Path(folder) / page, HERE / page)
    return said.splitlines()[0]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the reports of the gallery again.")
    parser.add_argument("names", nargs="*", help=f"of {', '.join(PAIRS)}; all by default")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the raw tables")
    given = parser.parse_args()
    for name in given.names or PAIRS:
        print(f"{name}: {make(name, given.data)}")
