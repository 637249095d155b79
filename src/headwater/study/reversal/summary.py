"""From records to the curves: both optima of the mean risk, their ratio and where it crosses 1, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from headwater.study.checks import Array
from headwater.study.reversal.experiment import Reversal
from headwater.study.reversal.kinds import KINDS
from headwater.study.reversal.minimum import jackknife_half_width, left_out_means, lowest
from headwater.study.reversal.risk import risk
from headwater.study.store import Record

BEST = "best"


@dataclass(frozen=True)
class Row:
    """One point of one curve: τ0*/τ_S*, each the penalty of least mean risk over the seeds.

    `target_tau` is the target's penalty: a number, infinite for the source unchanged, or "best", the one of least mean
    risk at each τ0. `low` and `high` bound the 95 % interval of `ratio`, by leaving out one seed at a time. `on_edge`:
    an optimum is the smallest or largest penalty of the grid, and may lie beyond. `saved` is the share of the target's
    excess risk at τ_S* that τ0* saves. `theory_ratio` is NaN where there is no theory.
    """

    gamma: float
    target_tau: float | str
    rho: float
    ratio: float
    low: float
    high: float
    on_edge: bool
    source_tau: float
    transfer_tau: float
    saved: float
    theory_ratio: float

    @property
    def direction(self) -> int:
        """1 where the interval lies above 1, −1 where it lies below, 0 where it does not tell."""
        return int(self.low > 1) - int(self.high < 1)


@dataclass(frozen=True)
class Curve:
    """The points of one γ and target penalty, and the ρ at which the ratio is 1 with half its 95 % interval, or NaN."""

    gamma: float
    target_tau: float | str
    rows: tuple[Row, ...]
    crossing: float
    crossing_half_width: float


def summarise(experiment: Reversal, records: Sequence[Record]) -> list[Curve]:
    """Curve by curve, of each γ the best target penalty first; records in the order of `experiment.trials()`."""
    size = experiment.seeds * len(experiment.rhos)
    return [
        curve
        for i, gamma in enumerate(experiment.gammas)
        for curve in _of_gamma(experiment, gamma, records[i * size : (i + 1) * size])
    ]


def _of_gamma(experiment: Reversal, gamma: float, records: Sequence[Record]) -> list[Curve]:
    source, unchanged, transfer = (
        _with_and_without(np.array([record[name] for record in records]), experiment.seeds)
        for name in ("source_risk", "unchanged_risk", "transfer_risk")
    )
    taus = np.array([*experiment.target_penalties, np.inf])
    transfer = np.concatenate([transfer, unchanged[..., None]], axis=-1)
    # In 1/(1 + τ1) the risk is smooth up to and at τ1 = ∞.
    _, best = lowest(1 / (1 + taus[::-1]), transfer[..., ::-1])
    log_source, _ = lowest(np.log(experiment.penalties), source[:, 0])  # the source does not depend on ρ
    targets = {BEST: best} | {float(tau): transfer[..., i] for i, tau in enumerate(taus)}
    return [_curve(experiment, gamma, target, risks, log_source) for target, risks in targets.items()]


def _with_and_without(samples: Array, seeds: int) -> Array:
    """Means over seeds, of all and then without each: (1 + seeds, rhos, ...) from (seeds · rhos, ...)."""
    samples = samples.reshape(seeds, -1, *samples.shape[1:])
    return np.concatenate([samples.mean(0)[None], left_out_means(samples)])


def _curve(experiment: Reversal, gamma: float, target: float | str, risks: Array, log_source: Array) -> Curve:
    """From the target's mean risks (1 + seeds, rhos, source penalties), of all seeds and then without each."""
    log_taus, rhos = np.log(experiment.penalties), np.array(experiment.rhos)
    log_transfer, least = lowest(log_taus, risks)
    logs = log_transfer - log_source[:, None]
    half = jackknife_half_width(logs[1:])
    at_source = CubicSpline(log_taus, risks[0], axis=1)(log_source[0])
    columns = (
        rhos,
        np.exp(logs[0]),
        np.exp(logs[0] - half),
        np.exp(logs[0] + half),
        np.isin(log_transfer[0], log_taus[[0, -1]]) | np.isin(log_source[0], log_taus[[0, -1]]),
        np.full(len(rhos), np.exp(log_source[0])),
        np.exp(log_transfer[0]),
        np.maximum(at_source - least[0], 0.0) / (at_source - _least_possible(experiment)),
        theory_ratios(experiment, gamma),
    )
    rows = tuple(Row(gamma, target, *(value.item() for value in point)) for point in zip(*columns, strict=True))
    crossings = np.array([crossing(rhos, one) for one in logs])
    return Curve(gamma, target, rows, float(crossings[0]), float(jackknife_half_width(crossings[1:])))


def _least_possible(experiment: Reversal) -> Array:
    """The risk of w1 itself at each ρ."""
    family = KINDS[experiment.family].family
    signals = np.abs(experiment.rhos) * experiment.signal
    return np.array([risk(family, signal**2, signal**2, signal) for signal in signals])


def crossing(rhos: Array, logs: Array) -> float:
    """Where a curve falls through 0, in a straight line between two alignments; NaN where it does not, or twice.

    >>> crossing(np.array([0.5, 1.0, 1.5]), np.array([1.0, 0.2, -0.2]))
    1.25
    """
    order = np.argsort(rhos)
    rhos, logs = rhos[order], logs[order]
    falls = np.flatnonzero((logs[:-1] > 0) & (logs[1:] <= 0))
    if len(falls) != 1:
        return float("nan")
    i = int(falls[0])
    return float(rhos[i] + logs[i] / (logs[i] - logs[i + 1]) * (rhos[i + 1] - rhos[i]))


def theory_ratios(experiment: Reversal, gamma: float) -> Array:
    """Theory's τ0*/τ_S* at each ρ, NaN where there is none."""
    ratios = KINDS[experiment.family].ratios
    rhos = np.array(experiment.rhos)
    if ratios is None:
        return np.full(len(rhos), np.nan)
    return ratios(rhos, experiment.n_features / experiment.source_samples(gamma), experiment.signal)


def drawn(curves: Sequence[Curve]) -> list[Curve]:
    """The curves that words and figure speak of: of each γ the best target penalty, the weakest, and the infinite."""
    weakest = min(curve.target_tau for curve in curves if not isinstance(curve.target_tau, str))
    return [curve for curve in curves if curve.target_tau in (BEST, weakest, np.inf)]


def label(target_tau: float | str) -> str:
    """A target penalty's name.

    >>> label(0.1), label("best")
    ('target penalty τ1 = 0.1', 'target penalty at its best')
    """
    if target_tau == BEST:
        return "target penalty at its best"
    return "source used unchanged (τ1 = ∞)" if target_tau == np.inf else f"target penalty τ1 = {target_tau:.3g}"


def table(curves: Sequence[Curve]) -> list[dict[str, Any]]:
    """Every row by column."""
    return [asdict(row) for curve in curves for row in curve.rows]


def outcomes(experiment: Reversal, records: Sequence[Record]) -> dict[str, NDArray[Any]]:
    """The risks themselves as columns, one row for each trial, source penalty and target penalty."""
    trials, taus = experiment.trials(), np.array([*experiment.target_penalties, np.inf])
    inside, n_taus = len(experiment.penalties) * len(taus), len(experiment.penalties)
    risks = [np.column_stack([record["transfer_risk"], record["unchanged_risk"]]).ravel() for record in records]
    source = [np.repeat(record["source_risk"], len(taus)) for record in records]
    each = {
        "gamma": np.array([trial.n_features / trial.source_samples for trial in trials]),
        "source_samples": np.array([trial.source_samples for trial in trials]),
        "seed": np.array([trial.seed for trial in trials]),
        "rho": np.array([trial.rho for trial in trials]),
    }
    return {name: values.repeat(inside) for name, values in each.items()} | {
        "source_tau": np.tile(np.repeat(experiment.penalties, len(taus)), len(trials)),
        "target_tau": np.tile(taus, n_taus * len(trials)),
        "source_risk": np.concatenate(source),
        "transfer_risk": np.concatenate(risks),
    }
