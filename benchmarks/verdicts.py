"""The verdict and its table against what then came: on public pairs, on synthetic populations, and with more rows.

- pairs: the sixteen public pairs and the development tables of benchmarks/pairs.py, outcomes as numbers, 20 and 60
  target rows (of repeated measures 8 and 20 whole groups), the rows left to test on; counts apart.
- synthetic: the populations of benchmarks/coverage.py, where the error on new rows is known exactly.
- rows: of the draws told N more rows, how many have a verdict once they are there, and the smallest of the
  multiples of the rows that gives half of the undecided draws one.

"transfer" is right where the model's test error is below scratch's; "scratch" where it is not below it by more than
the fiftieth that is not worth a transfer. For each rival: how often its 90 % interval held its own test error. Verdict
and table disagree where "transfer" is said and the table expects no gain, or "scratch" and it expects one worth having.

    python benchmarks/verdicts.py pairs --data FOLDER [--draws 40] [--jobs 1]
    python benchmarks/verdicts.py synthetic
    python benchmarks/verdicts.py rows
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from coverage import GAIN, RELATED, UNRELATED, Setting, draw
from joblib import Parallel, delayed
from pairs import COUNT, Tables, development_tables, public_pairs
from rivals import draws_of
from threadpoolctl import threadpool_limits

from headwater import SourceRidge, advise
from headwater.advice.rivals import MEAN, POOLED, SHIFTED, SOURCE, SOURCE_OPTIMAL
from headwater.selection.hypotheses import SCRATCH

NAMES = ("chosen", SCRATCH, SOURCE_OPTIMAL, POOLED, SHIFTED, SOURCE, MEAN)
LEAST_TEST_ROWS = 8
MULTIPLES = (1.25, 1.6, 2.0, 2.5, 3.2, 4.0, 6.0, 9.0, 14.0, 21.0)  # of the rows there are
SMALL = [Setting(20, 300, 12, rho, private=0.5, target_noise=0.5) for rho in (0.0, 0.3, 0.6)]


@dataclass(frozen=True)
class Seen:
    """One draw: its verdict, whether that was right and agreed with its table, and how each rival's interval held.

    ``held``: 0 where the test error was inside, −1 below and 1 above.
    """

    verdict: str
    right: bool
    agreed: bool
    gain: float
    held: dict[str, int]
    rows_needed: float


def seen(advice: Any, error: Callable[[np.ndarray, float], float]) -> Seen:
    """What an advice said against what came: ``error`` of coefficients (p,) and an intercept on new rows."""
    realised = {name: error(coef[0], float(np.ravel(level)[0])) for name, (coef, level) in advice.fits.items()}
    gain = realised[SCRATCH] - realised["chosen"]
    right = {"transfer": gain > 0, "scratch": gain <= 0.02 * realised[SCRATCH], "undecided": True}
    expected, worth = advice.gain.chosen.estimate, 0.02 * advice.errors.scratch
    agreed = {"transfer": expected > 0, "scratch": expected <= worth, "undecided": True}
    held = {}
    for name, rival in advice.rival.items():
        held[name] = int(realised[name] > rival.error.high) - int(realised[name] < rival.error.low)
    return Seen(advice.verdict, right[advice.verdict], agreed[advice.verdict], gain / realised[SCRATCH], held,
                advice.rows_needed)  # fmt: skip


def sizes(tables: Tables) -> Iterator[int]:
    yield from (size for size in (20, 60) if tables.groups is None and len(tables.y1) - size >= LEAST_TEST_ROWS)
    yield from (8, 20) if tables.groups is not None else ()


def of_pair(tables: Tables, size: int, draws: int) -> list[Seen]:
    """The draws of a pair at a size."""
    source = None if tables.cut else SourceRidge().fit(tables.X0, tables.y0)
    found = []
    with threadpool_limits(1, "blas"):
        for drawn, train, test in draws_of(tables, size, draws, 0):
            groups = None if drawn.groups is None else drawn.groups[train]
            given = source or SourceRidge().fit(drawn.X0, drawn.y0)
            advice = advise(given, (drawn.X1[train], drawn.y1[train]), groups=groups)
            X, y = drawn.X1[test], drawn.y1[test]
            found.append(seen(advice, lambda coef, level, X=X, y=y: float(np.mean((y - level - X @ coef) ** 2))))
    return found


def of_setting(setting: Setting, draws: int) -> list[Seen]:
    """The draws of a synthetic population, whose level is 0."""
    found = []
    with threadpool_limits(1):
        for number in range(draws):
            data = draw(setting, number)
            advice = advise((data.X0, data.y0), (data.X1, data.y1))
            found.append(seen(advice, lambda coef, level, d=data: d.risk(coef) + level**2 + setting.target_noise**2))
    return found


def with_more_rows(setting: Setting, draws: int, rows: tuple[int, ...]) -> list[tuple[float, ...]]:
    """Of undecided draws: the rows they had, those asked for (NaN: none are enough), whether these settled it, and
    whether each multiple of the rows they had would have.
    """
    found = []
    with threadpool_limits(1):
        for number in range(draws):
            data = draw(setting, number)
            rng = np.random.default_rng([number, 7])
            X = rng.standard_normal((int(max(MULTIPLES)) * max(rows) + 1, setting.features)) * np.sqrt(data.eigenvalues)
            y = X @ data.w1 + setting.target_noise * rng.standard_normal(len(X))
            source = SourceRidge().fit(data.X0, data.y0)

            def settled(count: float, source: Any = source, X: np.ndarray = X, y: np.ndarray = y) -> float:
                some = slice(0, int(count))
                return float(advise(source, (X[some], y[some])).verdict != "undecided")

            for count in rows:
                first = advise(source, (X[:count], y[:count]))
                if first.verdict == "undecided":
                    more = first.rows_needed
                    there = settled(count + more) if np.isfinite(more) else np.nan
                    found.append((count, more, there, *(settled(count * multiple) for multiple in MULTIPLES)))
    return found


def report_rows(settings: list[tuple[Setting, tuple[int, ...]]], results: Iterable[list[tuple[float, ...]]]) -> None:
    """A line a setting and size, and one for all: told, settled there, and how many more settle half of the draws."""
    parts = {}
    for (setting, _), found in zip(settings, results, strict=True):
        for count in sorted({one[0] for one in found}):
            parts[f"{setting}, {count:.0f} rows"] = np.array([one for one in found if one[0] == count])
    for label, some in [*parts.items(), ("all", np.concatenate([*parts.values()]))]:
        told = some[np.isfinite(some[:, 1])]
        reached = some[:, 3:].mean(axis=0) >= 0.5
        half = f"{MULTIPLES[int(reached.argmax())] - 1:.1f}" if reached.any() else f"over {MULTIPLES[-1] - 1:.0f}"
        times = np.median(told[:, 1] / told[:, 0])
        print(f"{label:84} undecided {len(some):3d}  told {len(told):3d}  settled there {np.mean(told[:, 2]):6.1%}  "
              f"median told {times:4.1f} times the rows, half settle with {half}")  # fmt: skip


def line(label: str, draws: list[Seen]) -> str:
    said = {name: [one for one in draws if one.verdict == name] for name in ("transfer", "scratch")}
    parts = [f"{label:46}"]
    for name, some in said.items():
        right = f"{np.mean([one.right for one in some]):6.1%}" if some else f"{'':>6}"
        parts.append(f"{name} {len(some) / len(draws):6.1%} right {right}")
    held = [np.mean([one.held[name] == 0 for one in draws if name in one.held] or [np.nan]) for name in NAMES]
    return "  ".join([*parts, "held", *(f"{share:4.0%}" if np.isfinite(share) else "   –" for share in held)])


def report(cases: list[tuple[str, str]], results: Iterable[list[Seen]]) -> None:
    """A line a setting and one for each of their kinds."""
    print(f"{'':46}  verdicts{'':41}  intervals of {', '.join(NAMES)}")
    kinds: dict[str, list[Seen]] = {}
    for (kind, label), draws in zip(cases, results, strict=True):
        print(line(label, draws), flush=True)
        kinds.setdefault(kind, []).extend(draws)
    for kind, draws in kinds.items():
        print(line(f"all of {kind}", draws))
    agreed = [one.agreed for draws in kinds.values() for one in draws]
    print(f"draws in which verdict and table disagree: {len(agreed) - sum(agreed)} of {len(agreed)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("pairs", "synthetic", "rows"))
    parser.add_argument("--data", type=Path, help="folder with pairs/ and tabular/")
    parser.add_argument("--pairs", nargs="+", help="only these")
    parser.add_argument("--draws", type=int, default=40)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    started, run = time.perf_counter(), Parallel(options.jobs, batch_size=1, return_as="generator")
    if options.part == "pairs":
        public = list(public_pairs(options.data / "pairs", options.pairs))
        own = list(development_tables(options.data / "tabular", options.pairs))
        cases = [(one, size) for one in [*public, *own] for size in sizes(one)]
        kinds = [
            "counts" if one.kind == COUNT else "public pairs" if one in public else "development tables"
            for one, _ in cases
        ]
        labels = [f"{one.name}, {size}{'' if one.groups is None else ' groups'}" for one, size in cases]
        report(list(zip(kinds, labels, strict=True)), run(delayed(of_pair)(*case, options.draws) for case in cases))
    elif options.part == "synthetic":
        settings = [("unrelated", s) for s in UNRELATED] + [("related", s) for s in RELATED]
        settings += [("other populations", s) for s in GAIN[2:]]
        labels = [(kind, str(s).replace("  ", " ").strip()) for kind, s in settings]
        report(labels, run(delayed(of_setting)(s, options.draws) for _, s in settings))
    else:
        settings = [(one, (12,)) for one in SMALL]
        settings += [(one, (12, 25, 50)) for one in (UNRELATED[0], RELATED[0], RELATED[2], RELATED[4], RELATED[5])]
        report_rows(settings, run(delayed(with_more_rows)(one, options.draws, rows) for one, rows in settings))
    print(f"{options.draws} draws; {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
