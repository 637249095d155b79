"""The choice against what people would have done instead: seven rivals on public pairs and development tables.

- target mean: the mean of the target's rows;
- scratch: headwater's own, the target alone;
- RidgeCV: scikit-learn's, on the target's columns as standardised by its own rows;
- source-optimal: transfer from the source at its own best penalty, the target's penalty by evidence;
- as is: the source's own model, untouched;
- shift: the same plus the mean residual of the target's rows;
- pool: one ridge on both tables stacked with an unpenalised target dummy, its alpha by (generalised) cross-validation.

A setting is a pair and a size, 20 or 60 target rows (of repeated measures 8 and 20 whole groups), where at least 30
rows, of other groups, are left to test on. Its score is the median over the draws of the mean squared test error;
printed are each rival's score over the choice's, and the choice's over the best of seven and over the better of scratch
and source-optimal. Outcomes are taken as numbers; counts are shown and left out of the summary.

    python benchmarks/rivals.py --data FOLDER [--pairs wine breast] [--draws 40] [--jobs 2] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from pairs import COUNT, Tables, development_tables, public_pairs
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from headwater import Moments, SourceRidge, Spectrum, TransferRidge

ALPHAS = np.logspace(-3, 5, 60)
LEAST_TEST_ROWS = 30
TWO = ("scratch", "source-optimal")
Predictions = dict[str, np.ndarray]


class Pool:
    """Ridge on both tables stacked with an unpenalised target dummy: both centred on their own means.

    RidgeCV itself where there are fewer than three rows a feature; elsewhere its alpha is by generalised
    cross-validation from the tables' moments, the source's gathered once.
    """

    def __init__(self, X0: np.ndarray, y0: np.ndarray) -> None:
        self.X0, self.y0 = X0, y0
        tall = len(X0) >= 3 * X0.shape[1]
        self.source = _about_zero(Moments.from_arrays(X0, y0)) if tall else None

    def fit(self, X1: np.ndarray, y1: np.ndarray) -> tuple[np.ndarray, float]:
        x_mean, y_mean = X1.mean(axis=0), y1.mean()
        if self.source is None:
            X = np.concatenate([self.X0 - self.X0.mean(axis=0), X1 - x_mean])
            y = np.concatenate([self.y0 - self.y0.mean(), y1 - y_mean])
            coef = RidgeCV(ALPHAS, fit_intercept=False).fit(X, y).coef_
        else:
            spectrum = Spectrum.from_moments(self.source + _about_zero(Moments.from_arrays(X1, y1)))
            coef = spectrum.coefficients(ALPHAS[np.argmin(spectrum.gcv(ALPHAS / spectrum.n))] / spectrum.n)
        return coef, float(y_mean - x_mean @ coef)


def _about_zero(moments: Moments) -> Moments:
    from dataclasses import replace

    zero = np.zeros_like(moments.x_mean)
    return replace(moments, x_mean=zero, x_mean_rest=zero, y_mean=0 * moments.y_mean, y_mean_rest=0 * moments.y_mean)


class Sourced:
    """What is made once for each source: its model and its moments."""

    def __init__(self, tables: Tables) -> None:
        self.model = SourceRidge().fit(tables.X0, tables.y0)
        self.pool = Pool(tables.X0, tables.y0)

    def predictions(self, tables: Tables, train: np.ndarray, test: np.ndarray) -> Predictions:
        """Each rival's predictions of the test rows."""
        X, y, new, source = tables.X1[train], tables.y1[train], tables.X1[test], self.model
        coef, level = self.pool.fit(X, y)
        as_is = source.predict(new)
        own = make_pipeline(StandardScaler(), RidgeCV(ALPHAS)).fit(tables.own[train], y)
        return {
            "target mean": np.full(len(test), y.mean()),
            "scratch": TransferRidge().fit(X, y).predict(new),
            "RidgeCV": own.predict(tables.own[test]),
            "source-optimal": TransferRidge(source, source_tau=source.tau_, scale=False).fit(X, y).predict(new),
            "as is": as_is,
            "shift": as_is + np.mean(y - source.predict(X)),
            "pool": new @ coef + level,
        }


def choice(source: Any, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None) -> Any:
    """The fitted choice."""
    return TransferRidge(source).fit(X, y, groups=groups)


def sizes(tables: Tables) -> Iterator[int]:
    """The sizes, in rows or groups, at which enough is left to test on."""
    if tables.groups is None:
        yield from (size for size in (20, 60) if len(tables.y1) - size >= LEAST_TEST_ROWS)
        return
    held = np.sort(np.unique(tables.groups, return_counts=True)[1])
    yield from (size for size in (8, 20) if held[: max(len(held) - size, 0)].sum() >= LEAST_TEST_ROWS)


def divide(tables: Tables, size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on and rows to test on, of other groups where there are groups."""
    if tables.groups is None:
        order = rng.permutation(len(tables.y1))
        return order[:size], order[size:]
    drawn = np.isin(tables.groups, rng.permutation(np.unique(tables.groups))[:size])
    return np.flatnonzero(drawn), np.flatnonzero(~drawn)


def draws_of(tables: Tables, size: int, draws: int, seed: int) -> Iterator[tuple[Tables, np.ndarray, np.ndarray]]:
    rng = np.random.default_rng([seed, size, tables.cut or 0])
    for _ in range(draws):
        train, test = divide(tables, size, rng)
        yield tables.drawn(rng), train, test


def setting(tables: Tables, size: int, draws: int, seed: int, ways: dict[str, Callable[..., Any]]) -> dict[str, Any]:
    """Median test errors of the rivals and of the ways to choose."""
    errors: dict[str, list[float]] = {}
    sourced = None if tables.cut else Sourced(tables)
    with threadpool_limits(1, "blas"):
        for drawn, train, test in draws_of(tables, size, draws, seed):
            learned = sourced or Sourced(drawn)
            found = learned.predictions(drawn, train, test)
            groups = None if drawn.groups is None else drawn.groups[train]
            for name, way in ways.items():
                model = way(learned.model, drawn.X1[train], drawn.y1[train], groups)
                found[name] = model.predict(drawn.X1[test])
            for name, predicted in found.items():
                errors.setdefault(name, []).append(float(np.mean((drawn.y1[test] - predicted) ** 2)))
    medians = {name: float(np.median(values)) for name, values in errors.items()}
    return {"name": tables.name, "kind": tables.kind, "grouped": tables.groups is not None, "size": size} | medians


RIVALS = ("target mean", "scratch", "RidgeCV", "source-optimal", "as is", "shift", "pool")


def ratios(found: dict[str, Any], way: str = "choice") -> tuple[float, float]:
    """The choice's error over the best of seven, and over the better of scratch and source-optimal."""
    return tuple(found[way] / min(found[name] for name in names) for names in (RIVALS, TWO))  # type: ignore[return-value]


def report(results: list[dict[str, Any]]) -> None:
    print(f"{'pair, target rows or groups':30}" + "".join(f"{name:>15}" for name in RIVALS) + "   choice over best"
          + "  over two")  # fmt: skip
    for found in results:
        label = f"{found['name']}, {found['size']}{' groups' if found['grouped'] else ''}"
        over = "".join(f"{found[name] / found['choice']:15.3f}" for name in RIVALS)
        print(f"{label:30}" + over + "{:19.3f}{:10.3f}".format(*ratios(found)))
    kept = [found for found in results if found["kind"] != COUNT]
    parts = {"all": kept, "rows": [f for f in kept if not f["grouped"]], "groups": [f for f in results if f["grouped"]]}
    for label, some in parts.items():
        for words, values in zip(("the best of seven", "the better of two"), np.transpose([*map(ratios, some)]),
                                 strict=False):  # fmt: skip
            print(f"{label:7} over {words}: median {np.median(values):.4f}, mean {values.mean():.4f}, "
                  f"worst {values.max():.3f} of {len(values)}")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with pairs/ and tabular/")
    parser.add_argument("--pairs", nargs="+", help="only these")
    parser.add_argument("--draws", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write the settings' scores here")
    options = parser.parse_args()
    started = time.perf_counter()
    found = [
        *public_pairs(options.data / "pairs", options.pairs),
        *development_tables(options.data / "tabular", options.pairs),
    ]
    cases = [(tables, size) for tables in found for size in sizes(tables)]
    results = Parallel(options.jobs, batch_size=1)(
        delayed(setting)(tables, size, options.draws, options.seed, {"choice": choice}) for tables, size in cases
    )
    report(results)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    print(f"{options.draws} draws, seed {options.seed}; {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
