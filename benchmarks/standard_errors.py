"""Published coefficients with and without their standard errors, and the source's whole table, on public pairs.

The source is published as least squares (of least norm) with its usual standard errors, or as ridge at its own best
penalty with its posterior deviations. Each is given as coefficients alone and with the errors; scores are the median
over the draws of the mean squared test error, printed over that of the coefficients alone.

    python benchmarks/standard_errors.py --data FOLDER [--pairs athletes schools] [--source-rows 100] [--draws 40]
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from pairs import Tables, public_pairs
from rivals import choice, draws_of, sizes
from threadpoolctl import threadpool_limits

from headwater import Coefficients, SourceRidge

WAYS = ("with", "table", "scratch", "shift")


def published(tables: Tables, tau: float) -> tuple[np.ndarray, np.ndarray]:
    """Ridge at a penalty, and the square roots of σ0² diag((X'X + n0 τ)⁻¹); of rank alone where that is 0."""
    n, X = len(tables.y0), tables.X0 - tables.X0.mean(axis=0)
    values, axes = np.linalg.eigh(X.T @ X / n)
    inside = values + tau > 1e-10 * values.max()
    axes, values = axes[:, inside], values[inside]
    coef = axes @ ((axes.T @ (X.T @ tables.y0)) / n / (values + tau))
    residual = tables.y0 - tables.y0.mean() - X @ coef
    variance = residual @ residual / (n - 1 - np.sum(values / (values + tau)))
    return coef, np.sqrt(variance * (axes**2 @ (1 / (values + tau))) / n)


def setting(tables: Tables, size: int, draws: int, ridge: bool, rows: int | None) -> dict[str, float]:
    rng = np.random.default_rng(size)
    errors: dict[str, list[float]] = {name: [] for name in ("without", *WAYS)}
    source = None
    for drawn, train, test in draws_of(tables, size, draws, 0):
        if source is None or rows is not None:
            some = rng.permutation(len(tables.y0))[:rows]
            cut = replace(tables, X0=tables.X0[some], y0=tables.y0[some])
            source = SourceRidge().fit(cut.X0, cut.y0)
            coef, se = published(cut, float(source.tau_) if ridge else 0.0)
        X, y, new, truth = drawn.X1[train], drawn.y1[train], drawn.X1[test], drawn.y1[test]
        groups = None if drawn.groups is None else drawn.groups[train]
        given = {"without": coef, "with": Coefficients(coef, se), "table": source, "scratch": None}
        predicted = {name: choice(one, X, y, groups).predict(new) for name, one in given.items()}
        predicted["shift"] = new @ coef + np.mean(y - X @ coef)
        for name, values in predicted.items():
            errors[name].append(float(np.mean((truth - values) ** 2)))
    return {name: float(np.median(values)) for name, values in errors.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with pairs/")
    parser.add_argument("--pairs", nargs="+", default=["athletes", "breast", "injuries", "mortgages", "schools"])
    parser.add_argument("--source-rows", type=int, help="so many rows of the source, drawn anew each time")
    parser.add_argument("--draws", type=int, default=40)
    options = parser.parse_args()
    print(f"{'source, pair, target rows or groups':38}" + "".join(f"{name:>10}" for name in WAYS))
    ratios: dict[str, list[list[float]]] = {"least squares": [], "ridge": []}
    with threadpool_limits(1, "blas"):
        for tables in public_pairs(options.data / "pairs", options.pairs):
            for kind in ratios:
                for size in sizes(tables):
                    found = setting(tables, size, options.draws, kind == "ridge", options.source_rows)
                    over = [found[name] / found["without"] for name in WAYS]
                    ratios[kind].append(over)
                    label = f"{kind}, {tables.name}, {size}"
                    print(f"{label:38}" + "".join(f"{value:10.3f}" for value in over), flush=True)
    for kind, rows in ratios.items():
        print(f"{kind + ', mean':38}" + "".join(f"{value:10.3f}" for value in np.mean(rows, axis=0)))


if __name__ == "__main__":
    main()
