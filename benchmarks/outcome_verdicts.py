"""How often the verdict on yes/no outcomes and counts is right, and its intervals hold, on public pairs.

A draw takes 20 or 60 target rows to advise on; the other rows are the truth, of which each way to predict has its mean
log loss (counts: deviance) by the coefficients that the advice holds. Printed are, for each pair and size, how often
the 90 % intervals of the choice's gain over scratch and of its error held theirs, the gain promised and had in the mean
(as shares of the choice's error), and for each verdict how often it was said and how often there was a gain: after
"scratch" one of more than the fiftieth of scratch's error that a transfer is worth.

    python benchmarks/outcome_verdicts.py --data FOLDER [--pairs breast visits] [--draws 12]
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
from rivals_glm import PAIRS, Tables, read

from headwater import SourceGLM, SourceLogistic, advise
from headwater.advice.outcomes import OutcomeAdvice

SIZES = (20, 60)


def fitted(tables: Tables) -> SourceLogistic | SourceGLM:
    if tables.family.name == "binomial":
        return SourceLogistic().fit(tables.X0, tables.y0)
    return SourceGLM().fit(tables.X0, tables.y0, exposure=tables.e0)


def advised(tables: Tables, source: SourceLogistic | SourceGLM, rows: np.ndarray) -> OutcomeAdvice:
    counts = tables.family.name == "poisson"
    target = tables.X1[rows], tables.y1[rows]
    return advise(source, target, family=tables.family.name, exposure=tables.e1[rows] if counts else None)


def truth(tables: Tables, advice: OutcomeAdvice, rows: np.ndarray) -> dict[str, float]:
    """Each way's mean loss on these rows."""
    family, offset = tables.family, np.log(tables.e1[rows])
    return {
        name: float(
            np.mean(
                family.scale
                * family.half_deviance(tables.y1[rows], tables.X1[rows] @ way.coef + way.intercept + offset)
            )
        )
        for name, way in advice.ways.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the public pairs")
    parser.add_argument("--pairs", nargs="+", choices=PAIRS, default=PAIRS)
    parser.add_argument("--draws", type=int, default=12)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    said: dict[str, list[bool]] = {"transfer": [], "scratch": [], "undecided": []}
    held: list[tuple[bool, bool]] = []
    for name in given.pairs:
        tables = read(given.data, name)
        source = fitted(tables)
        for size in SIZES:
            here = []
            for seed in range(given.draws):
                order = np.random.default_rng(seed).permutation(len(tables.y1))
                advice = advised(tables, source, order[:size])
                loss = truth(tables, advice, order[size:])
                chosen, gain = advice.rival["chosen"], loss["scratch"] - loss["chosen"]
                said[advice.verdict].append(gain > (0.02 * loss["scratch"] if advice.verdict == "scratch" else 0))
                held.append((chosen.gain.low <= gain <= chosen.gain.high,
                             chosen.error.low <= loss["chosen"] <= chosen.error.high))  # fmt: skip
                here.append((chosen.gain.estimate / chosen.error.estimate, gain / loss["chosen"]))
            some, promised = np.mean(held[-given.draws :], axis=0), np.mean(here, axis=0)
            print(f"{name:14}{size:4}  gain held {some[0]:.2f}  error held {some[1]:.2f}  "
                  f"gain promised {promised[0]:.3f}, had {promised[1]:.3f}", flush=True)  # fmt: skip
    for verdict, gained in said.items():
        worth = "a gain worth a transfer" if verdict == "scratch" else "a gain"
        print(f"{verdict}: said {len(gained)} times, {worth} {sum(gained)} times")
    print("held in all: gain {:.2f}, error {:.2f}".format(*np.mean(held, axis=0)))


if __name__ == "__main__":
    main()
