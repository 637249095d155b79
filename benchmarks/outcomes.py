"""What yes/no fits cost: a path of penalties against scikit-learn's and glum's, and the whole choice.

The path is 50 penalties on 5,000 rows of 200 features, each fitted until no part of the gradient of the mean exceeds
1e-6: headwater's, scikit-learn's LogisticRegression(newton-cholesky) called 50 times from where it was, and glum's from
where it was, each at the loosest tolerance of its own that comes to that gradient. Times are the process's own,
on one thread, and ratios medians of several runs.
The choice is TransferLogistic at 200 rows of 200 features, and at 60 rows of 5,000 with the most memory it held.

    OMP_NUM_THREADS=1 python benchmarks/outcomes.py [--repeat 5]
"""

from __future__ import annotations

import argparse
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from headwater import SourceLogistic, TransferLogistic
from headwater.families.binomial import BINOMIAL
from headwater.families.design import Design
from headwater.families.outcomes import Outcomes
from headwater.families.path import Path

TAUS = np.logspace(0, -5, 50)
GRADIENT = 1e-6
Fits = Iterator[tuple[float, np.ndarray, float]]


def drawn(rows: int, width: int, rng: np.random.Generator, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    X = rng.normal(size=(rows, width)) + 0.3
    return X, (rng.random(rows) < expit(X @ weights)).astype(float)


def ours(X: np.ndarray, y: np.ndarray, tolerance: float) -> Fits:
    ones = np.ones(len(y))
    path = Path(Outcomes(BINOMIAL, y, 0 * ones, ones), Design.of(X, ones))
    for tau, mode in path.trace(TAUS, tolerance):
        coef, level = path.split(mode.theta)
        yield tau, coef, level - path.design.mean @ coef


def scikit_learn(X: np.ndarray, y: np.ndarray, tolerance: float) -> Fits:
    model = LogisticRegression(solver="newton-cholesky", tol=tolerance, warm_start=True)
    for tau in TAUS:
        model.set_params(C=1 / (len(y) * tau)).fit(X, y)
        yield tau, model.coef_[0].copy(), model.intercept_[0]


def glum(X: np.ndarray, y: np.ndarray, tolerance: float) -> Fits:
    from glum import GeneralizedLinearRegressor

    model = GeneralizedLinearRegressor(family="binomial", gradient_tol=tolerance, warm_start=True)
    for tau in TAUS:
        model.set_params(alpha=tau).fit(X, y)
        yield tau, model.coef_.copy(), model.intercept_


def gradient(X: np.ndarray, y: np.ndarray, fits: Fits) -> float:
    """The greatest part of any fit's gradient."""
    found = 0.0
    for tau, coef, level in fits:
        slope = (expit(X @ coef + level) - y) / len(y)
        found = max(found, np.abs(X.T @ slope + tau * coef).max(), abs(slope.sum()))
    return float(found)


def loosest(way: Callable[..., Fits], X: np.ndarray, y: np.ndarray) -> float:
    """The loosest power of ten at which the gradient is small enough."""
    for power in range(-4, -17, -1):
        if gradient(X, y, way(X, y, 10.0**power)) <= GRADIENT:
            return 10.0**power
    raise SystemExit(f"{way.__name__} does not come to a gradient of {GRADIENT}")


def seconds(work: Callable[[], Any]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def paths(repeat: int, rng: np.random.Generator) -> None:
    X, y = drawn(5000, 200, rng, 1.5 * rng.normal(size=200) / np.sqrt(200))
    ways = [ours, scikit_learn]
    try:
        import glum as _

        ways.append(glum)
    except ImportError:
        print("glum is not installed: left out")
    tolerances = {way: loosest(way, X, y) for way in ways}
    # In turn, so that what else the machine does falls on all alike.
    times = {way: [] for way in ways}
    for _ in range(repeat):
        for way in ways:
            times[way].append(seconds(lambda way=way: list(way(X, y, tolerances[way]))))
    for way in ways:
        print(f"path, {way.__name__:13} {np.median(times[way]):7.2f} s, headwater's share "
              f"{np.median(np.array(times[ours]) / times[way]):.2f}, tolerance {tolerances[way]:.0e}")  # fmt: skip


def choices(repeat: int, rng: np.random.Generator) -> None:
    for source, rows, width in ((2000, 200, 200), (60, 60, 5000)):
        weights = 2 * rng.normal(size=width) / np.sqrt(width)
        model = SourceLogistic().fit(*drawn(source, width, rng, weights))
        X, y = drawn(rows, width, rng, weights)
        TransferLogistic(model).fit(X, y)
        taken = np.median([seconds(lambda X=X, y=y, m=model: TransferLogistic(m).fit(X, y)) for _ in range(repeat)])
        tracemalloc.start()
        TransferLogistic(SourceLogistic().fit(*drawn(source, width, rng, weights))).fit(X, y)
        most = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
        print(
            f"choice, {rows} × {width}: {taken:.2f} s; {most:.0f} MB at most, a p×p matrix is {width**2 * 8e-6:.0f} MB"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    paths(options.repeat, rng)
    choices(options.repeat, rng)


if __name__ == "__main__":
    main()
