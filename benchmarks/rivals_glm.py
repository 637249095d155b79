"""The choice for yes/no outcomes and counts against what people would have done instead, on public pairs.

- base rate: of the target's rows, half an outcome added;
- scratch: the target alone, scikit-learn's LogisticRegressionCV (counts: PoissonRegressor by cross-validation);
- as is: the source's own model, its penalty by cross-validation;
- level: the same with its level refitted on the target's rows;
- level, slope: the same with level and slope refitted;
- pool: one model of both tables stacked with an unpenalised target dummy, at the source's own best penalty;
- L2-SP: toward the source at its own best penalty, the target's penalty by cross-validation;
- Gaussian: headwater's ridge choice on 0/1 outcomes clipped to [0.005, 0.995] (counts: on rates, clipped above 0).

A setting is a pair and 20, 60 or 150 target rows, where at least 30 are left to test on. Its score is the median over
the draws of the mean log loss of the test rows (counts: the mean unit deviance). Printed are each rival's score over
the choice's, the choice's over the best of the rivals', and the calibration slope of its predictions: that of outcomes
on its own linear predictors, 1 where odds are neither too bold nor too shy.

    python benchmarks/rivals_glm.py --data FOLDER [--pairs breast visits] [--draws 40] [--jobs 2] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from pairs import COUNT, PUBLIC, YES_NO
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import KFold, StratifiedKFold
from threadpoolctl import threadpool_limits

from headwater import SourceGLM, SourceLogistic, SourceRidge, TransferGLM, TransferLogistic, TransferRidge
from headwater.estimators.glm_base import TransferModel
from headwater.families.design import Design
from headwater.families.family import Family
from headwater.families.mode import find_mode
from headwater.families.named import family_named
from headwater.families.outcomes import Outcomes
from headwater.families.path import Path as Fits
from headwater.tables.pair import Roles, read_pair
from headwater.tables.preparation import prepare

FAMILY = {YES_NO: "binomial", COUNT: "poisson"}
PAIRS = [name for name, public in PUBLIC.items() if public.kind in FAMILY]
EXPOSURE = {"murders": "popul"}
SIZES, LEAST_TEST_ROWS = (20, 60, 150), 30
TAUS = np.logspace(-5, 2, 15)
RIVALS = ("base rate", "scratch", "as is", "level", "level, slope", "pool", "L2-SP", "Gaussian")


@dataclass(frozen=True, eq=False)
class Tables:
    """A source and a target in one design, with their exposures."""

    name: str
    family: Family
    X0: np.ndarray
    y0: np.ndarray
    e0: np.ndarray
    X1: np.ndarray
    y1: np.ndarray
    e1: np.ndarray


def read(folder: Path, name: str) -> Tables:
    """A public pair in the design that ``headwater advise`` makes."""
    public, exposure = PUBLIC[name], EXPOSURE.get(name)
    exclude = (*public.exclude, *(column for column in (public.groups, exposure) if column is not None))
    paths = [next(folder.glob(f"{name}-{side}.*")) for side in ("source", "target")]
    pair = read_pair(*paths, Roles(public.outcome, exclude=exclude))
    (design,) = prepare([(pair.source.table, None)], pair.columns)
    found: list[np.ndarray] = []
    for side in (pair.source, pair.target):
        size = np.ones(len(side.y)) if exposure is None else side.table.column(exposure).values.to_numpy().astype(float)
        found += [design.transform(side.table), side.y, size]
    return Tables(name, family_named(FAMILY[public.kind]), *found)


def path_of(tables: Tables, X: np.ndarray, y: np.ndarray, e: np.ndarray) -> Fits:
    ones = np.ones(len(y))
    return Fits(Outcomes(tables.family, y, np.log(e), ones), Design.of(X, ones))


def folds(tables: Tables, y: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    kind: Any = KFold
    if tables.family.name == "binomial" and min(np.bincount(y.astype(int), minlength=2)) >= 2:
        kind = StratifiedKFold
    count = min(5, len(y), *(np.bincount(y.astype(int)) if kind is StratifiedKFold else [5]))
    found = kind(count, shuffle=True, random_state=0).split(np.zeros(len(y)), y)
    return [(train, test) for train, test in found if y[train].any() and (1 - y[train]).any()]


def cross_validated(tables: Tables, X: np.ndarray, y: np.ndarray, e: np.ndarray, start: np.ndarray) -> Any:
    """L2-SP toward ``start`` at the penalty of least cross-validated deviance: coefficients, level at 0, penalty."""
    if not (y.any() and (1 - y).any()):  # one kind only: nothing but a level is to be had
        level = find_mode(path_of(tables, X, y, e).outcomes.shift(X @ start), np.ones((len(y), 1)), np.array([0.01]))
        return start, level.theta[0], np.inf
    errors = np.zeros(len(TAUS))
    for train, test in folds(tables, y):
        fits = shifted(tables, X[train], y[train], e[train], start)
        held = Outcomes(tables.family, y[test], np.log(e[test]) + X[test] @ start, np.ones(len(test)))
        for index, tau in enumerate(TAUS[::-1]):
            coef, level = fits.coefficients(tau)
            errors[-1 - index] += held.half_deviance(held.offset + level + (X[test] - fits.design.mean) @ coef)
    best = TAUS[np.argmin(errors)]
    fits = shifted(tables, X, y, e, start)
    coef, level = fits.coefficients(best)
    return start + coef, level - fits.design.mean @ coef, best


def shifted(tables: Tables, X: np.ndarray, y: np.ndarray, e: np.ndarray, start: np.ndarray) -> Fits:
    """The path of what the start leaves, with a whisker of a prior on the level, of a class that may be absent."""
    path = path_of(tables, X, y, e)
    return Fits(path.outcomes.shift(X @ start), path.design)


class Sourced:
    """What is made once for each source."""

    def __init__(self, tables: Tables) -> None:
        X, y, e = tables.X0, tables.y0, tables.e0
        self.zero = np.zeros(X.shape[1])
        if len(y) > 20_000:  # cross-validation of a large table: every penalty ties
            self.tau = TAUS[0]
            path = path_of(tables, X, y, e)
            self.coef, level = path.coefficients(self.tau)
            self.level = level - path.design.mean @ self.coef
        else:
            self.coef, self.level, self.tau = cross_validated(tables, X, y, e, self.zero)
        self.ridge = SourceRidge().fit(X, y / e, e)
        binomial = tables.family.name == "binomial"
        self.model = SourceLogistic().fit(X, y) if binomial else SourceGLM().fit(X, y, exposure=e)
        self.pooled: np.ndarray | None = None

    def predictors(self, tables: Tables, train: np.ndarray, test: np.ndarray) -> dict[str, np.ndarray]:
        """Each rival's linear predictors of the test rows, exposure aside."""
        X, y, e, new = tables.X1[train], tables.y1[train], tables.e1[train], tables.X1[test]
        outcomes = Outcomes(tables.family, y, np.log(e), np.ones(len(y)))
        as_is, there = X @ self.coef + self.level, new @ self.coef + self.level
        ones, wide = np.ones((len(y), 1)), np.array([0.01])  # a level N(., 10²): finite where a class is absent
        level = find_mode(outcomes.shift(as_is), ones, wide).theta[0]
        both = find_mode(outcomes.shift(as_is), np.c_[ones, as_is - as_is.mean()], np.array([0.01, 0.01])).theta
        coef, at, _ = cross_validated(tables, X, y, e, self.coef)
        return {
            "base rate": np.full(len(test), outcomes.base),
            "scratch": self.scratch(tables, X, y, e, new),
            "as is": there,
            "level": there + level,
            "level, slope": there + both[0] + both[1] * (there - as_is.mean()),
            "pool": self.pool(tables, X, y, e, new),
            "L2-SP": new @ coef + at,
            "Gaussian": self.gaussian(tables, X, y, e, new),
        }

    def scratch(self, tables: Tables, X: np.ndarray, y: np.ndarray, e: np.ndarray, new: np.ndarray) -> np.ndarray:
        if tables.family.name != "binomial":
            coef, at, _ = cross_validated(tables, X, y, e, self.zero)
            return new @ coef + at
        if len(np.unique(y)) < 2 or min(np.bincount(y.astype(int))) < 2:
            return np.full(len(new), tables.family.base(y, 0 * y, np.ones(len(y))))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = LogisticRegressionCV(
                Cs=10,
                cv=folds(tables, y),
                scoring="neg_log_loss",
                max_iter=300,
                l1_ratios=(0,),
                use_legacy_attributes=False,
            ).fit(X, y)
        return np.asarray(model.decision_function(new))

    def pool(self, tables: Tables, X: np.ndarray, y: np.ndarray, e: np.ndarray, new: np.ndarray) -> np.ndarray:
        rows, both = np.vstack([tables.X0, X]), np.r_[tables.y0, y]
        dummy = np.r_[np.zeros(len(tables.y0)), np.ones(len(y))]
        outcomes = Outcomes(tables.family, both, np.log(np.r_[tables.e0, e]), np.ones(len(both)))
        precision = np.r_[1e-4, 0.01, np.full(X.shape[1], len(tables.y0) * self.tau)]
        start = np.r_[self.level, 0.0, self.coef] if self.pooled is None else self.pooled
        columns = np.c_[np.ones(len(both)), dummy, rows]
        self.pooled = find_mode(outcomes, columns, precision, start, tolerance=1e-8).theta
        return np.asarray(self.pooled[0] + self.pooled[1] + new @ self.pooled[2:])

    def gaussian(self, tables: Tables, X: np.ndarray, y: np.ndarray, e: np.ndarray, new: np.ndarray) -> np.ndarray:
        mean = TransferRidge(self.ridge).fit(X, y / e, e).predict(new)
        if tables.family.name == "binomial":
            return np.asarray(tables.family.link(np.clip(mean, 0.005, 0.995)))
        return np.log(np.maximum(mean, 0.1 * (y.sum() + 0.5) / e.sum()))

    def choice(self, tables: Tables, train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, TransferModel]:
        X, y, e, new = tables.X1[train], tables.y1[train], tables.e1[train], tables.X1[test]
        if tables.family.name == "binomial":
            model: Any = TransferLogistic(self.model).fit(X, y)
            return model.decision_function(new), model
        model = TransferGLM(self.model).fit(X, y, exposure=e)
        return np.log(model.predict(new)), model


def setting(tables: Tables, size: int, draws: int, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng([seed, size])
    errors: dict[str, list[float]] = {}
    slopes, masses, seconds = [], [], []
    with threadpool_limits(1, "blas"):
        sourced = Sourced(tables)
        for _ in range(draws):
            order = rng.permutation(len(tables.y1))
            train, test = order[:size], order[size:]
            found = sourced.predictors(tables, train, test)
            started = time.perf_counter()
            found["choice"], model = sourced.choice(tables, train, test)
            seconds.append(time.perf_counter() - started)
            masses.append(model.mass_)
            held = Outcomes(tables.family, tables.y1[test], np.log(tables.e1[test]), np.ones(len(test)))
            scale = 1.0 if tables.family.name == "binomial" else 2.0
            for name, eta in found.items():
                errors.setdefault(name, []).append(scale * held.half_deviance(held.offset + eta) / len(test))
            line = np.c_[np.ones(len(test)), found["choice"]]
            slopes.append(float(find_mode(held, line, np.full(2, 1e-4)).theta[1]))
    mass = {name: float(np.mean([one.get(name, 0.0) for one in masses])) for name in masses[0]}
    return {
        "name": tables.name,
        "family": tables.family.name,
        "size": size,
        "slope": float(np.median(slopes)),
        "seconds": float(np.median(seconds)),
        "mass": mass,
    } | {name: float(np.median(values)) for name, values in errors.items()}


def ratio(found: dict[str, Any]) -> float:
    return found["choice"] / min(found[name] for name in RIVALS)


def report(results: list[dict[str, Any]]) -> None:
    print(f"{'pair, rows':20}" + "".join(f"{name:>13}" for name in RIVALS) + "    choice  over best  slope")
    for found in results:
        over = "".join(f"{found[name] / found['choice']:13.3f}" for name in RIVALS)
        label = f"{found['name']}, {found['size']}"
        print(f"{label:20}{over}{found['choice']:10.4f}{ratio(found):11.3f}{found['slope']:7.2f}  "
              + " ".join(f"{name} {mass:.2f}" for name, mass in found["mass"].items()))  # fmt: skip
    for family in sorted({found["family"] for found in results}):
        values = np.array([ratio(found) for found in results if found["family"] == family])
        print(f"{family}: over the best rival median {np.median(values):.3f}, mean {values.mean():.3f}, "
              f"worst {values.max():.3f} of {len(values)}")  # fmt: skip


def asking(description: str | None, pairs: list[str]) -> argparse.ArgumentParser:
    """The options of a benchmark over these settings."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with pairs/")
    parser.add_argument("--pairs", nargs="+", default=pairs, help="only these")
    parser.add_argument("--draws", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write the settings' scores here")
    return parser


def over_settings(work: Callable[..., dict[str, Any]], options: argparse.Namespace, *more: Any) -> list[dict[str, Any]]:
    """What the work makes of each pair and size, its draws and seed."""
    found = [read(options.data / "pairs", name) for name in options.pairs]
    cases = [(tables, size) for tables in found for size in SIZES if len(tables.y1) - size >= LEAST_TEST_ROWS]
    return Parallel(options.jobs, batch_size=1)(
        delayed(work)(tables, size, options.draws, options.seed, *more) for tables, size in cases
    )


def main() -> None:
    options = asking(__doc__, PAIRS).parse_args()
    started = time.perf_counter()
    results = over_settings(setting, options)
    report(results)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    print(f"{options.draws} draws, seed {options.seed}; {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
