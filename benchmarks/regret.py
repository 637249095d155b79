"""Regret on real tables: what each way of choosing the penalties costs over the better of its two simple rivals.

Rivals, tuned the same way (target penalty averaged by evidence): scratch, the target alone; source-optimal, transfer
from the source at its own best penalty. Printed for each setting: the median test error over the draws, divided by
the smaller of the rivals' two. The last column divides scratch by the better of two scikit-learn RidgeCV grids.

Preprocessing: the features are standardised by the source, expanded to degree 2, standardised by the source again and
the target's clipped at ±10; for California six features, five of them logged. A draw takes the stated number of
target rows at random (and, where the source is cut, 150 source rows) and tests on the target rows left.

With ``--several`` bad sources stand beside the good one, by default its own table with the outcome shuffled, drawn
anew each time; the rivals know which is good. The first column after theirs is TransferRidge given the good one alone.

    python benchmarks/regret.py --data FOLDER --draws 100
    python benchmarks/regret.py --data FOLDER --several shuffled
    python benchmarks/regret.py --source a.csv --target b.csv --outcome y
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv
from joblib import Parallel, delayed
from sklearn.datasets import load_diabetes, load_digits
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from headwater import SourceRidge, TransferRidge

WAYS = {
    "scratch": lambda source: TransferRidge(),
    "source-optimal": lambda source: TransferRidge(source, source_tau=source.tau_, scale=False),
    "unscaled": lambda source: TransferRidge(source, scale=False),
    "scaled": lambda source: TransferRidge(source, scale=True),
    "all three": lambda source: TransferRidge(source),
    "chosen": lambda source: TransferRidge(source, average=False),
    "loo": lambda source: TransferRidge(source, criterion="loo"),
    "RidgeCV": lambda source: RidgeCV(np.logspace(-3, 3, 13)),
    "RidgeCV, fine": lambda source: RidgeCV(np.logspace(-3, 5, 60)),
}
SEVERAL = {
    "scratch": WAYS["scratch"],
    "source-optimal": lambda sources: WAYS["source-optimal"](sources[0]),
    "good one alone": lambda sources: TransferRidge(sources[0]),
    "unscaled": lambda sources: TransferRidge(sources, scale=False),
    "stacked": lambda sources: TransferRidge(sources, scale=True),
    "all": lambda sources: TransferRidge(sources),
    "chosen": lambda sources: TransferRidge(sources, average=False),
    "loo": lambda sources: TransferRidge(sources, criterion="loo"),
}
BAD = {
    "shuffled": lambda X, y, rng: [SourceRidge().fit(X, rng.permutation(y))],
    "opposite": lambda X, y, rng: [SourceRidge().fit(X, -y)],
    "hundredfold": lambda X, y, rng: [SourceRidge().fit(X, 100 * y)],
    "unrelated": lambda X, y, rng: [SourceRidge().fit(X, unrelated(X, y, rng))],
    "twice": lambda X, y, rng: [SourceRidge().fit(X, y)],
    "five": lambda X, y, rng: (
        [bad for name in BAD if name not in ("twice", "five") for bad in BAD[name](X, y, rng)]
        + BAD["unrelated"](X, y, rng)
    ),
}
Tables = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def columns(path: Path) -> dict[str, np.ndarray]:
    table = pyarrow.csv.read_csv(path).drop_null()
    return {name: table[name].to_numpy() for name in table.column_names}


def pair(source: dict[str, np.ndarray], target: dict[str, np.ndarray], outcome: str) -> Tables:
    names = [name for name in source if name != outcome and name in target]
    rows = [np.column_stack([side[name] for name in names]).astype(float) for side in (source, target)]
    return rows[0], source[outcome].astype(float), rows[1], target[outcome].astype(float)


def split(X: np.ndarray, y: np.ndarray, source: np.ndarray) -> Tables:
    return X[source], y[source], X[~source], y[~source]


def real_tables(data: Path | None) -> Iterator[tuple[str, Tables]]:
    if data is not None:
        yield "wine", pair(columns(data / "wine-white.csv"), columns(data / "wine-red.csv"), "quality")
        homes = columns(data / "california-housing.csv")
        logged = ("total_rooms", "total_bedrooms", "population", "households", "median_income")
        X = np.column_stack([homes["housing_median_age"], *(np.log(homes[name]) for name in logged)])
        yield "california", split(X, np.log(homes["median_house_value"]), homes["longitude"] > -119)
    people = load_diabetes(scaled=False)
    age, sex, bmi = people.data[:, :3].T
    X = np.delete(people.data, 1, axis=1)
    for name, source in (("age", age > 50), ("sex", sex == 1), ("bmi", bmi > np.median(bmi))):
        yield f"diabetes {name}", split(X, people.target, source)


def more_tables(data: Path | None) -> Iterator[tuple[str, Tables]]:
    """The same pairs the other way round, and tables on which nothing was ever tuned."""
    for name, (X0, y0, X1, y1) in real_tables(data):
        yield f"{name}, reversed", (X1, y1, X0, y0)
    digits = load_digits()
    pixels = digits.images.reshape(len(digits.images), -1)
    yield "digit halves", split(pixels[:, :32], pixels[:, 32:], digits.target < 5)  # type: ignore[misc]


def design(X0: np.ndarray, degree: int) -> Pipeline:
    """What makes features of columns, learned from the source."""
    expand = [PolynomialFeatures(degree, include_bias=False), StandardScaler()] if degree > 1 else []
    return make_pipeline(StandardScaler(), *expand).fit(X0)


def prepared(X0: np.ndarray, X1: np.ndarray, degree: int) -> tuple[np.ndarray, np.ndarray]:
    prepare = design(X0, degree)
    return prepare.transform(X0), np.clip(prepare.transform(X1), -10, 10)


def unrelated(X: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An outcome that depends on the features, half of it noise, by coefficients that have nothing to do with y's."""
    signal = X @ rng.normal(size=X.shape[1])
    return y.std() * (signal / signal.std() + rng.normal(size=len(y)))


def setting(
    tables: Tables, cut: int | None, rows: int, draws: int, seed: int, degree: int, bad: str | None
) -> dict[str, float]:
    """Median test error of each way over the draws."""
    X0, y0, X1, y1 = tables
    rng, bad_rng = np.random.default_rng([seed, rows, cut or 0]), np.random.default_rng([seed, rows, cut or 0, 1])
    ways: dict[str, Any] = WAYS if bad is None else SEVERAL
    errors: dict[str, list[float]] = {name: [] for name in ways}
    source: Any = None
    for _ in range(draws):
        order = rng.permutation(len(y1))
        train, test = order[:rows], order[rows:]
        if source is None or cut:
            kept = rng.permutation(len(y0))[:cut] if cut else slice(None)
            A0, A1 = prepared(X0[kept], X1, degree)
            source = SourceRidge().fit(A0, y0[kept])
        given = source if bad is None else [source, *BAD[bad](A0, y0[kept], bad_rng)]
        for name, way in ways.items():
            model = way(given).fit(A1[train], y1[train])
            errors[name].append(float(np.mean((y1[test] - model.predict(A1[test])) ** 2)))
    return {name: float(np.median(values)) for name, values in errors.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of wine-white.csv, wine-red.csv, california-housing.csv")
    parser.add_argument("--source", type=Path, help="another source table, numeric CSV")
    parser.add_argument("--target", type=Path, help="and its target table")
    parser.add_argument("--outcome", help="and their outcome column")
    parser.add_argument("--more", action="store_true", help="the pairs reversed and digit halves instead")
    parser.add_argument("--several", choices=list(BAD), const="shuffled", nargs="?", help="bad sources beside the good")
    parser.add_argument("--rows", type=int, nargs="+", default=[20, 50, 200])
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--degree", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    if options.source:
        found = [(options.source.stem, pair(columns(options.source), columns(options.target), options.outcome))]
    else:
        found = list(more_tables(options.data) if options.more else real_tables(options.data))

    started = time.perf_counter()
    cases = [
        (name, tables, cut, rows)
        for name, tables in found
        for cut in (None, 150)
        for rows in options.rows
        if rows + 50 <= len(tables[3]) and (cut is None or cut + 20 < len(tables[1]))
    ]
    results = Parallel(options.jobs)(
        delayed(setting)(
            tables, cut, rows, options.draws, options.seed, 1 if "digit" in name else options.degree, options.several
        )
        for name, tables, cut, rows in cases
    )
    ways = SEVERAL if options.several else WAYS
    shown = [*ways] if options.several else [*ways, "/RidgeCV"]
    beside = f", {options.several} sources beside the good one" if options.several else ""
    print(f"median test error over the better rival's; {options.draws} draws, seed {options.seed}{beside}")
    print(f"{'source -> target, source rows, target rows':44}" + "".join(f"{name:>15}" for name in shown))
    ratios: dict[str, list[float]] = {name: [] for name in shown}
    for (name, tables, cut, rows), error in zip(cases, results, strict=True):
        better = min(error["scratch"], error["source-optimal"])
        row = {way: error[way] / better for way in ways}
        if not options.several:
            row["/RidgeCV"] = error["scratch"] / min(error["RidgeCV"], error["RidgeCV, fine"])
        for way, ratio in row.items():
            ratios[way].append(ratio)
        print(f"{f'{name}, {cut or len(tables[1])}, {rows}':44}" + "".join(f"{row[way]:15.3f}" for way in shown))
    for label, summary in (("median of the settings", np.median), ("worst of the settings", np.max)):
        print(f"{label:44}" + "".join(f"{summary(ratios[way]):15.4f}" for way in shown))
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
