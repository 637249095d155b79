"""The demo's tables and draws: scikit-learn's diabetes patients, split by age."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray
from sklearn.datasets import load_diabetes
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from headwater.estimators.ridge import SourceRidge
from headwater.estimators.transfer import TransferRidge
from headwater.spectrum.rows import Array
from headwater.tables.clipping import ClippedScaler

OUTCOME = "progression"
LABELLED = 30
DRAWS = 40


@dataclass(frozen=True, eq=False)
class Patients:
    """Features (without sex) and disease progression of patients over 50, the source, and of younger ones."""

    names: tuple[str, ...]
    X0: Array
    y0: Array
    X1: Array
    y1: Array

    def labelled(self, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Row numbers of one draw: the labelled younger patients, and those held out."""
        order = np.random.default_rng(seed).permutation(len(self.y1))
        return order[:LABELLED], order[LABELLED:]


@dataclass(frozen=True, eq=False)
class Draw:
    """Held-out error of one draw: along the source penalties, from scratch, source-optimal, and of the choice."""

    curve: Array
    scratch: float
    source_optimal: float
    chosen: float
    chosen_tau: float

    @property
    def ratio(self) -> float:
        """Error of the choice over the better of scratch and source-optimal transfer."""
        return self.chosen / min(self.scratch, self.source_optimal)


def patients() -> Patients:
    """The 442 patients, in their original units."""
    data = load_diabetes(scaled=False)
    names = tuple(name for name in data.feature_names if name != "sex")
    X, older = np.delete(data.data, data.feature_names.index("sex"), axis=1), data.data[:, 0] > 50
    return Patients(names, X[older], data.target[older], X[~older], data.target[~older])


def write_tables(people: Patients, folder: Path, seed: int) -> dict[str, Path]:
    """Write source.csv, target.csv and heldout.csv of one draw, as somebody would have exported them."""
    labelled, held_out = people.labelled(seed)
    parts = {
        "source": (people.X0, people.y0),
        "target": (people.X1[labelled], people.y1[labelled]),
        "heldout": (people.X1[held_out], people.y1[held_out]),
    }
    paths = {name: folder / f"{name}.csv" for name in parts}
    for name, (X, y) in parts.items():
        columns = dict(zip(people.names, X.T, strict=True)) | {OUTCOME: y}
        pyarrow.csv.write_csv(pa.table(columns), paths[name])
    return paths


def fitted_source(people: Patients) -> Pipeline:
    """The source model with its preprocessing: standardised, degree 2, standardised and far values drawn in."""
    return make_pipeline(
        StandardScaler(),
        PolynomialFeatures(2, include_bias=False),
        ClippedScaler(),
        SourceRidge(),
    ).fit(people.X0, people.y0)


def penalties(source: Pipeline) -> Array:
    """Source penalties around the source's own best, three orders of magnitude softer to five harder."""
    return source[-1].tau_ * np.logspace(-3, 5, 33)


def run_draw(people: Patients, source: Pipeline, taus: Array, seed: int) -> Draw:
    """Fit every way on one draw's labelled patients and score it on those held out."""
    labelled, held_out = people.labelled(seed)
    expanded, clipped, ridge = source[:-2].transform(people.X1), deepcopy(source[-2]), source[-1]
    clipped.set_level(expanded[labelled])
    features = clipped.transform(expanded)  # once, for the many fits to come
    X, y = features[labelled], people.y1[labelled]

    def error(model: TransferRidge) -> float:
        residual = people.y1[held_out] - model.fit(X, y).predict(features[held_out])
        return float(np.mean(residual**2))

    return Draw(
        curve=np.array([error(TransferRidge(ridge, source_tau=tau, scale=False)) for tau in taus]),
        scratch=error(TransferRidge(ridge, source_tau=np.inf)),
        source_optimal=error(TransferRidge(ridge, source_tau=ridge.tau_, scale=False)),
        chosen=error(TransferRidge(ridge)),
        chosen_tau=TransferRidge(ridge, scale=False, average=False).fit(X, y).source_tau_,
    )


def typical(draws: list[Draw]) -> int:
    """The draw whose ratio is the median, the lower of two: neither the luckiest nor the unluckiest is shown."""
    return int(np.argsort([draw.ratio for draw in draws], kind="stable")[(len(draws) - 1) // 2])


def run_draws(
    people: Patients, source: Pipeline, taus: Array, progress: Callable[[int, int], None] | None = None
) -> list[Draw]:
    """All draws; ``progress`` is told how many are done, of how many."""
    draws = []
    for seed in range(DRAWS):
        draws.append(run_draw(people, source, taus, seed))
        if progress is not None:
            progress(seed + 1, DRAWS)
    return draws
