"""Source -> target pairs as benchmarks meet them: read and prepared as headwater's command line does.

``public_pairs`` reads the sixteen pairs of DATA/pairs; ``development_tables`` the tables on which priors were set
(benchmarks/regret.py): wine, California and three splits of scikit-learn's diabetes, expanded to degree 2, with the
whole source and with 150 rows of it drawn anew each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from regret import design, real_tables

from headwater.tables.cells import CATEGORY
from headwater.tables.columns import encode
from headwater.tables.pair import Roles, read_pair
from headwater.tables.preparation import prepare

NUMBER, YES_NO, COUNT = "number", "yes/no", "count"


@dataclass(frozen=True)
class Public:
    """What is left out of a public pair, and what its outcome is."""

    outcome: str
    kind: str = NUMBER
    exclude: tuple[str, ...] = ()
    groups: str | None = None


PUBLIC = {
    "breast": Public("event3y", YES_NO, ("time", "status")),
    "meats": Public("protein", exclude=("water", "fat")),
    "gasoline": Public("octane"),
    "fermentation": Public("glucose"),
    "mortgages": Public("deny", YES_NO),
    "visits": Public("visits", COUNT),
    "murders": Public("murders", COUNT, groups="countyid"),
    "contraception": Public("use", YES_NO, groups="district"),
    "schools": Public("mAch", groups="school"),
    "athletes": Public("colgpa"),
    "injuries": Public("ldurat", exclude=("totmed",)),
    "airfares": Public("lfare", groups="id"),
    "coffee": Public("total_cup_points", exclude=("harvest_year",)),
    "flights": Public("late", YES_NO),
    "speech": Public("pd", YES_NO),
    "tweets": Public("sentiment"),
}


@dataclass(frozen=True, eq=False)
class Tables:
    """A source and a target in one design: ``X0`` (n0, p), ``X1`` (n1, p); ``own`` the target's columns untouched.

    ``groups`` (n1,): what the target measured repeatedly. ``cut``: how many source rows a draw takes, None for all.
    """

    name: str
    kind: str
    X0: np.ndarray
    y0: np.ndarray
    X1: np.ndarray
    y1: np.ndarray
    own: np.ndarray
    groups: np.ndarray | None = None
    cut: int | None = None

    def drawn(self, rng: np.random.Generator) -> Tables:
        """The same pair with the source of one draw; of a cut source the design is learned from the rows it has."""
        if self.cut is None:
            return self
        kept = rng.permutation(len(self.y0))[: self.cut]
        return _expanded(self, self.X0[kept], self.y0[kept])


def _expanded(tables: Tables, X0: np.ndarray, y0: np.ndarray) -> Tables:
    """Degree 2 by what these source rows show, the target's drawn in to ten standard deviations."""
    features = design(X0, 2)
    own = features.transform(tables.own)
    return replace(tables, X0=features.transform(X0), y0=y0, X1=np.clip(own, -10, 10), own=own, cut=None)


def public_pairs(folder: Path, names: list[str] | None = None) -> Iterator[Tables]:
    """The public pairs, a design of degree 1 as ``headwater advise`` makes it."""
    for name, public in PUBLIC.items():
        if names and name not in names:
            continue
        paths = [next(folder.glob(f"{name}-{side}.*")) for side in ("source", "target")]
        pair = read_pair(*paths, Roles(public.outcome, groups=public.groups, exclude=public.exclude, family="gaussian"))
        (design,) = prepare([(pair.source.table, None)], pair.columns)
        X0, X1 = design.transform(pair.source.table), design.transform(pair.target.table)
        numbers = sum(column.kind != CATEGORY for column in pair.columns)
        own = np.hstack([encode(pair.target.table, pair.columns[:numbers]), X1[:, numbers:]])
        y1, groups, weight = pair.target.y, pair.target.groups, pair.target.weight
        # Copies of a row, which the command line takes together, are rows of the table that draws are from.
        rows = np.arange(len(y1)) if weight is None else np.repeat(np.arange(len(y1)), weight.astype(int))
        yield Tables(
            name,
            public.kind,
            X0,
            pair.source.y,
            X1[rows],
            y1[rows],
            own[rows],
            None if groups is None else groups[rows],
        )


def development_tables(data: Path | None, names: list[str] | None = None) -> Iterator[Tables]:
    for name, (X0, y0, X1, y1) in real_tables(data):
        if names and name not in names:
            continue
        raw = Tables(name, NUMBER, X0, y0, X1, y1, X1)
        yield _expanded(raw, X0, y0)
        yield replace(raw, name=f"{name}, 150", cut=150)
