"""Many small targets of one source: ``TransferRidge.fit_many`` against ``TransferRidge.fit``, one group after another.

One process on one thread, interleaved; 30 rows and 50 features a group, a third of the groups the source's own task, a
third near it and a third far. One-by-one is timed on a sample of the groups and scaled; times are processor seconds,
which other work on the machine disturbs least. The models of the sample are compared.

    python benchmarks/fit_many.py [GROUPS]
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from headwater import SourceRidge, TransferRidge

ROWS, FEATURES, SAMPLE, ROUNDS = 30, 50, 60, 5


def draw(groups: int, seed: int = 0) -> tuple[Any, ...]:
    rng = np.random.default_rng(seed)
    w = rng.normal(size=FEATURES) / np.sqrt(FEATURES)
    X0 = rng.normal(size=(5000, FEATURES))
    source = SourceRidge().fit(X0, X0 @ w + rng.normal(size=5000))
    group = np.repeat(np.arange(groups), ROWS)
    far = rng.normal(size=(groups, FEATURES)) / np.sqrt(FEATURES) * np.resize([0, 0.3, 3], groups)[:, None]
    X = rng.normal(size=(len(group), FEATURES))
    y = np.einsum("ij,ij->i", X, (w + far)[group]) + rng.normal(size=len(group)) + rng.normal(size=groups)[group]
    return source, X, y, group


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    found = work()
    return time.process_time() - start, found


def main() -> None:
    groups = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    source, X, y, group = draw(groups)
    model = TransferRidge(source)
    sample = np.linspace(0, groups - 1, SAMPLE * ROUNDS).astype(int).reshape(ROUNDS, SAMPLE)

    def one_by_one(some: np.ndarray) -> list[TransferRidge]:
        rows = [slice(place * ROWS, (place + 1) * ROWS) for place in some]
        return [TransferRidge(source).fit(X[one], y[one]) for one in rows]

    with threadpool_limits(1):
        one_by_one(sample[0][:2])
        singles = [seconds(lambda some=some: one_by_one(some)) for some in sample]
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        took, models = seconds(lambda: model.fit_many(X, y, group))
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        singles += [seconds(lambda some=some: one_by_one(some)) for some in sample]
    single = median(took for took, _ in singles) / SAMPLE
    worst = dict.fromkeys(("coef_", "intercept_", "tau_", "source_tau_"), 0.0)
    for some, (_, fits) in zip(sample, singles, strict=False):
        for place, fit in zip(some, fits, strict=True):
            for name in worst:
                one, other = (np.asarray(getattr(each, name)) for each in (fit, models[place]))
                with np.errstate(invalid="ignore"):
                    apart = np.where(one == other, 0.0, np.abs(one - other) / np.maximum(1.0, np.abs(one)))
                worst[name] = max(worst[name], float(apart.max()))
    print(f"{groups} groups of {ROWS} rows and {FEATURES} features, one thread")
    print(f"one by one  {1e3 * single:7.2f} ms a group, {single * groups:7.1f} s in all (by {SAMPLE * ROUNDS} groups)")
    print(f"fit_many    {1e3 * took / groups:7.2f} ms a group, {took:7.1f} s in all: {single * groups / took:.1f} x")
    print(f"memory      {(after - before) / 1024:7.1f} MB more at its peak; the rows are {X.nbytes >> 20} MB")
    print("apart by    " + ", ".join(f"{name} {value:.1e}" for name, value in worst.items()))


if __name__ == "__main__":
    main()
