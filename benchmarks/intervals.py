"""Prediction intervals: how many new rows they hold and how wide they are, on the settings of benchmarks/rivals.py.

- headwater: ``TransferRidge.predict_interval``, the posterior's; of groups as many widths as left-out groups need;
- left out: as wide as the choice's own residuals of rows or groups left out need it (jackknife, one width for all);
- RidgeCV+: what is done without a source, jackknife+ (Barber et al. 2021) about scikit-learn's RidgeCV on the target;
- BayesianRidge: scikit-learn's own predictive intervals, on the target.

A setting is a pair and a size at which at least 30 rows are left to test on; its coverage is that of all test rows of
all draws. Widths are in deviations of the target's outcome. Outcomes are taken as numbers; counts are shown apart.

    python benchmarks/intervals.py --data FOLDER [--pairs wine breast] [--draws 10] [--level 0.9] [--jobs 1]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from pairs import COUNT, Tables, development_tables, public_pairs
from rivals import ALPHAS, draws_of, sizes
from scipy.special import ndtri
from sklearn.linear_model import BayesianRidge, RidgeCV
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from headwater import SourceRidge, TransferRidge
from headwater.selection.left_out import averaged_loo_residuals

WAYS = ("headwater", "left out", "RidgeCV+", "BayesianRidge")
Array = np.ndarray


def jackknife_plus(X: Array, y: Array, new: Array, groups: Array | None, level: float) -> Array:
    """The jackknife+ of ridge at RidgeCV's penalty, rows or groups left out, the level not penalised; (n, 2)."""
    scaler = StandardScaler().fit(X)
    alpha = RidgeCV(ALPHAS).fit(scaler.transform(X), y).alpha_
    rows, asked = (np.c_[np.ones(len(one)), scaler.transform(one)] for one in (X, new))
    penalty = np.diag([0.0, *np.full(X.shape[1], alpha)])
    inverse = np.linalg.solve(rows.T @ rows + penalty, rows.T)  # (p + 1, n)
    coef, hat = inverse @ y, rows @ inverse
    lower, upper = [], []
    for some in [[i] for i in range(len(y))] if groups is None else [np.flatnonzero(groups == g) for g in set(groups)]:
        left = np.linalg.solve(np.eye(len(some)) - hat[np.ix_(some, some)], (y - rows @ coef)[some])
        without = asked @ (coef - inverse[:, some] @ left)
        lower += [without - abs(one) for one in left]
        upper += [without + abs(one) for one in left]
    place = int(np.ceil(level * (len(y) + 1))) - 1  # of n + 1
    if place >= len(y):
        return np.tile([-np.inf, np.inf], (len(new), 1))
    low, high = np.sort(lower, axis=0)[len(y) - 1 - place], np.sort(upper, axis=0)[place]
    return np.stack([low, high], axis=1)


def intervals(source: SourceRidge, tables: Tables, train: Array, test: Array, level: float) -> dict[str, Array]:
    X, y, new = tables.X1[train], tables.y1[train], tables.X1[test]
    groups = None if tables.groups is None else tables.groups[train]
    model = TransferRidge(source)
    predicted = model.choose(model.meet(X, y, groups=groups)).predict(new)
    left = np.sort(np.abs(averaged_loo_residuals(model.surface_)[:, 0]))
    place = int(np.ceil(level * (len(left) + 1))) - 1
    half = left[place] if place < len(left) else np.inf
    own, scaler = BayesianRidge(), StandardScaler().fit(tables.own[train])
    middle, spread = own.fit(scaler.transform(tables.own[train]), y).predict(scaler.transform(tables.own[test]), True)
    reach = float(ndtri((1 + level) / 2))
    return {
        "headwater": model.predict_interval(new, level),
        "left out": np.stack([predicted - half, predicted + half], axis=1),
        "RidgeCV+": jackknife_plus(tables.own[train], y, tables.own[test], groups, level),
        "BayesianRidge": np.stack([middle - reach * spread, middle + reach * spread], axis=1),
    }


def setting(tables: Tables, size: int, draws: int, level: float) -> dict[str, tuple[float, float]]:
    """Coverage and mean width of each way."""
    source = None if tables.cut else SourceRidge().fit(tables.X0, tables.y0)
    held: dict[str, list[Array]] = {name: [] for name in WAYS}
    width: dict[str, list[float]] = {name: [] for name in WAYS}
    with threadpool_limits(1, "blas"):
        for drawn, train, test in draws_of(tables, size, draws, 0):
            given = source or SourceRidge().fit(drawn.X0, drawn.y0)
            for name, ends in intervals(given, drawn, train, test, level).items():
                y = drawn.y1[test]
                held[name].append((ends[:, 0] <= y) & (y <= ends[:, 1]))
                width[name].append(float(np.mean(ends[:, 1] - ends[:, 0]) / np.std(tables.y1)))
    return {name: (float(np.mean(np.concatenate(held[name]))), float(np.median(width[name]))) for name in WAYS}


def report(label: str, some: list[dict[str, tuple[float, float]]], level: float) -> None:
    print(f"{label}: {len(some)} settings")
    for name in WAYS:
        covered, width = np.transpose([one[name] for one in some])
        away = np.mean(abs(covered - level))
        ends = f"median {np.median(covered):.1%}, least {covered.min():.1%}, most {covered.max():.1%}"
        print(f"  {name:14} coverage: {ends}, mean distance from {level:.0%} {away:.1%}; width {np.median(width):.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with pairs/ and tabular/")
    parser.add_argument("--pairs", nargs="+", help="only these")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--level", type=float, default=0.9)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    started = time.perf_counter()
    found = [
        *public_pairs(options.data / "pairs", options.pairs),
        *development_tables(options.data / "tabular", options.pairs),
    ]
    cases = [(tables, size) for tables in found for size in sizes(tables)]
    results = Parallel(options.jobs, batch_size=1)(
        delayed(setting)(tables, size, options.draws, options.level) for tables, size in cases
    )
    print(f"{'pair, target rows or groups':30}" + "".join(f"{name:>20}" for name in WAYS) + "   coverage, width")
    for (tables, size), one in zip(cases, results, strict=True):
        label = f"{tables.name}, {size}{'' if tables.groups is None else ' groups'}"
        print(f"{label:30}" + "".join(f"{one[name][0]:13.1%}{one[name][1]:7.2f}" for name in WAYS))
    kinds = {"numbers and 0/1": lambda t: t.kind != COUNT and t.groups is None, "counts": lambda t: t.kind == COUNT,
             "groups": lambda t: t.kind != COUNT and t.groups is not None, "all": lambda t: True}  # fmt: skip
    for label, kind in kinds.items():
        some = [one for (tables, _), one in zip(cases, results, strict=True) if kind(tables)]
        if some:
            report(label, some, options.level)
    print(f"{options.draws} draws; {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
