"""From records to the curves: realised optima per seed, their mean with its interval, and theory's value beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from scipy.special import stdtrit

from headwater import theory
from headwater.study.checks import Array
from headwater.study.store import Record
from headwater.study.synthetic.experiment import Synthetic


@dataclass(frozen=True)
class Row:
    """One point of one curve: τ0*/τ_S* over the seeds, each optimum the argmin of a realised risk over the penalties.

    `value` is the curve's γ or α. `ratio_ci95` is the half-width of the Student interval of the mean, NaN for a single
    seed. `theory_ratio` is theory's value, infinite where not transferring is best, and `theory_tau` its τ0*.
    `ratio_of_mean_risks` takes the argmins after averaging the risks over seeds; `on_edge` is the share of seeds whose
    optimum is the smallest or largest penalty; `gain` is what the best τ0 saves of the mean transfer risk at the
    largest penalty, and `gain_spread` the standard deviation over seeds of that saving, relative to it.
    """

    value: float
    rho: float
    ratio_mean: float
    ratio_ci95: float
    theory_ratio: float
    theory_tau: float
    ratio_median: float
    ratio_of_mean_risks: float
    on_edge: float
    gain: float
    gain_spread: float


@dataclass(frozen=True)
class Curve:
    """The realised risks of one γ or α: source (seeds, penalties) and transfer (seeds, rhos, penalties)."""

    value: float
    source_risk: Array
    transfer_risk: Array


def curves(experiment: Synthetic, records: Sequence[Record]) -> Iterator[Curve]:
    """The risks curve by curve, from the records of `experiment.trials()` in that order."""
    rhos = np.array(experiment.rhos)[:, None]
    for i, value in enumerate(experiment.curves):
        mine = records[i * experiment.seeds : (i + 1) * experiment.seeds]
        source, square, cross = (
            np.array([record[name] for record in mine]) for name in ("source_risk", "transfer_square", "transfer_cross")
        )
        constant = np.array([record["transfer_constant"] for record in mine])[:, None, None]
        yield Curve(value, source, square[:, None] - 2 * rhos * cross[:, None] + rhos**2 * constant)


def summarise(experiment: Synthetic, records: Sequence[Record]) -> list[Row]:
    """One row for each curve and ρ."""
    taus = np.array(experiment.penalties)
    rows = []
    for curve in curves(experiment, records):
        source_at, transfer_at = curve.source_risk.argmin(-1)[:, None], curve.transfer_risk.argmin(-1)
        ratio = taus[transfer_at] / taus[source_at]
        edge = np.isin(transfer_at, (0, len(taus) - 1)) | np.isin(source_at, (0, len(taus) - 1))
        mean_risk = curve.transfer_risk.mean(0)
        best = mean_risk.argmin(-1)
        saved = curve.transfer_risk[..., -1] - np.take_along_axis(curve.transfer_risk, best[None, :, None], -1)[..., 0]
        theory_ratio = theory_ratios(experiment, curve.value)
        with np.errstate(divide="ignore", invalid="ignore"):
            columns = (
                experiment.rhos,
                ratio.mean(0),
                half_width(ratio),
                theory_ratio,
                theory_ratio * theory_source_tau(experiment, curve.value),
                np.median(ratio, axis=0),
                taus[best] / taus[curve.source_risk.mean(0).argmin()],
                edge.mean(0),
                saved.mean(0) / mean_risk[:, -1],
                saved.std(0) / saved.mean(0),
            )
        rows += [Row(curve.value, *map(float, point)) for point in zip(*columns, strict=True)]
    return rows


def half_width(samples: Array) -> Array:
    """Half the 95 % Student interval of the mean over the first axis; NaN for a single sample.

    >>> half_width(np.array([1.0, 3.0])).round(3)
    np.float64(12.706)
    """
    n = len(samples)
    if n < 2:
        return np.full(samples.shape[1:], np.nan)
    width: Array = stdtrit(n - 1, 0.975) * samples.std(0, ddof=1) / np.sqrt(n)
    return width


def theory_source_tau(experiment: Synthetic, value: float) -> float:
    """τ_S* = σ0²/(n0 E w0_j²) = γσ0², whatever the spectrum: the energy of w0 is spread evenly on average."""
    trial = experiment.of_curve(value)[0]
    return theory.isotropic.source_optimal_tau(trial.n_features / trial.source_samples, trial.source_noise)


def theory_ratios(experiment: Synthetic, value: float) -> Array:
    """τ0*/τ_S* at each ρ: in closed form where the features are isotropic, else by the deterministic equivalents."""
    trial = experiment.of_curve(value)[0]
    rhos, source_tau = np.array(experiment.rhos), theory_source_tau(experiment, value)
    if trial.alpha == 0:
        gamma = trial.n_features / trial.source_samples
        return theory.isotropic.transfer_optimal_tau(rhos, gamma, trial.source_noise) / source_tau
    population = theory.Population.power_law(
        trial.alpha,
        n_features=trial.n_features,
        source_samples=trial.source_samples,
        rho=1.0,
        source_noise=trial.source_noise,
        target_samples=trial.target_samples,
        target_noise=trial.target_noise,
    )
    best = [theory.transfer_optimal_tau(population.realigned(rho), trial.target_tau) for rho in rhos]
    return np.array(best) / source_tau


def table(experiment: Synthetic, rows: Sequence[Row]) -> list[dict[str, float]]:
    """The rows by column, the curve's value under its own name."""
    return [{experiment.curve: row.value} | dict(list(asdict(row).items())[1:]) for row in rows]


def outcomes(experiment: Synthetic, records: Sequence[Record]) -> dict[str, Array]:
    """The realised optima as columns, one row for each trial and ρ."""
    taus, trials = np.array(experiment.penalties), experiment.trials()
    source = np.concatenate([curve.source_risk for curve in curves(experiment, records)])
    transfer = np.concatenate([curve.transfer_risk for curve in curves(experiment, records)])
    n_rhos = len(experiment.rhos)
    source_tau, transfer_tau = taus[source.argmin(-1)].repeat(n_rhos), taus[transfer.argmin(-1)].ravel()
    return {
        "gamma": np.repeat([trial.n_features / trial.source_samples for trial in trials], n_rhos),
        "alpha": np.repeat([trial.alpha for trial in trials], n_rhos),
        "source_samples": np.repeat([trial.source_samples for trial in trials], n_rhos),
        "seed": np.repeat([trial.seed for trial in trials], n_rhos),
        "rho": np.tile(experiment.rhos, len(trials)),
        "source_tau": source_tau,
        "transfer_tau": transfer_tau,
        "ratio": transfer_tau / source_tau,
        "source_risk": source.min(-1).repeat(n_rhos),
        "transfer_risk": transfer.min(-1).ravel(),
    }
