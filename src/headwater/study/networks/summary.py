"""From records to curves over the weight decay, and what their argmaxes are worth against the noise of the seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.study.networks.experiment import Method, Networks
from headwater.study.presentation import Array
from headwater.study.store import Record
from headwater.study.synthetic.summary import half_width

DRAWS = 4000
FEWEST = 3  # seeds: two can agree by chance, and then every interval is empty


@dataclass(frozen=True)
class Curves:
    """Test accuracies and distances, seeds first: everything that was measured.

    `source` (seeds, decays); `transfer` by method and share (seeds, decays); `scratch` by share (seeds,); `distance`,
    ‖θ − θ0‖ after each epoch of fine-tuning, by method and share (seeds, decays, epochs).
    """

    weight_decays: tuple[float, ...]
    source: Array
    transfer: dict[tuple[Method, float], Array]
    scratch: dict[float, Array]
    distance: dict[tuple[Method, float], Array]


@dataclass(frozen=True)
class Optimum:
    """Where the mean accuracies over the seeds are largest, how sure that is, and what it is worth.

    The intervals hold 95 % of the argmaxes over bootstrap draws of the seeds. `steps` is how many points of the grid
    the transfer optimum lies above the source's, its interval from the same draws, each of which draws both curves.
    `gain` is what choosing the weight decay for the target rather than for the source adds to the transfer accuracy:
    both chosen by the other seeds' means, measured on the seed left out, so that choosing the largest of noisy numbers
    does not flatter it; `gain_ci95` is the half-width of its Student interval over the seeds.
    """

    method: Method
    share: float
    source: float
    source_interval: tuple[float, float]
    transfer: float
    transfer_interval: tuple[float, float]
    steps: int
    steps_interval: tuple[int, int]
    gain: float
    gain_ci95: float
    seeds: int

    @property
    def within_noise(self) -> bool:
        """Whether they could be one: their order is not certain, or nothing is gained by telling them apart.

        Always where there are fewer than three seeds.
        """
        low, high = self.steps_interval
        return self.seeds < FEWEST or low <= 0 <= high or not self.gain - self.gain_ci95 > 0


@dataclass(frozen=True)
class Row:
    """One target share and source weight decay: mean test accuracies over the seeds, and standard deviations."""

    share: float
    weight_decay: float
    source_mean: float
    source_sd: float
    standard_mean: float
    standard_sd: float
    l2sp_mean: float
    l2sp_sd: float
    scratch_mean: float
    scratch_sd: float


def curves(experiment: Networks, records: Sequence[Record]) -> Curves:
    """The records of `experiment.trials()`, in that order, as arrays."""
    found = dict(zip(experiment.trials(), records, strict=True))
    by_key = {(t.method, t.share, t.seed, t.weight_decay): record for t, record in found.items()}
    seeds, decays = range(experiment.seeds), experiment.weight_decays

    def over(method: Method, share: float | None, name: str) -> Array:
        return np.array([[by_key[method, share, seed, decay][name] for decay in decays] for seed in seeds])

    fits = [(method, share) for share in experiment.shares for method in experiment.methods]
    return Curves(
        weight_decays=decays,
        source=over("source", None, "accuracy"),
        transfer={(method, share): over(method, share, "accuracy") for method, share in fits},
        scratch={
            share: np.array([by_key["scratch", share, seed, None]["accuracy"] for seed in seeds])
            for share in experiment.shares
        },
        distance={(method, share): over(method, share, "distance") for method, share in fits},
    )


def summarise(experiment: Networks, measured: Curves) -> list[Row]:
    """One row for each share and weight decay; a standard deviation of one seed is NaN."""
    rows = []
    nothing = np.full_like(measured.source, np.nan)
    for share in experiment.shares:
        scratch = np.broadcast_to(measured.scratch[share][:, None], measured.source.shape)
        columns = [measured.source, measured.transfer["standard", share]]
        columns += [measured.transfer.get(("l2sp", share), nothing), scratch]
        numbers = [column for values in columns for column in (values.mean(0), spread(values))]
        rows += [
            Row(share, decay, *map(float, line))
            for decay, *line in zip(experiment.weight_decays, *numbers, strict=True)
        ]
    return rows


def spread(values: Array) -> Array:
    """The standard deviation over the first axis; NaN for a single sample."""
    if len(values) < 2:
        return np.full(values.shape[1:], np.nan)
    deviations: Array = values.std(0, ddof=1)
    return deviations


def optima(experiment: Networks, measured: Curves) -> list[Optimum]:
    """One for each share and method."""
    return [
        optimum(method, share, measured.weight_decays, measured.source, transfer)
        for (method, share), transfer in measured.transfer.items()
    ]


def optimum(method: Method, share: float, weight_decays: Sequence[float], source: Array, transfer: Array) -> Optimum:
    """Compare the argmaxes of two mean curves, source and transfer (seeds, decays), measured on the same seeds."""
    seeds, at = len(source), np.array(weight_decays)
    drawn = np.random.default_rng(0).integers(0, seeds, (DRAWS, seeds))
    best_source, best_transfer = (curve[drawn].mean(1).argmax(-1) for curve in (source, transfer))
    here, there = int(source.mean(0).argmax()), int(transfer.mean(0).argmax())
    gain = gains(source, transfer)
    return Optimum(
        method=method,
        share=share,
        source=float(at[here]),
        source_interval=_interval(at[best_source]),
        transfer=float(at[there]),
        transfer_interval=_interval(at[best_transfer]),
        steps=there - here,
        steps_interval=_interval(best_transfer - best_source),
        gain=float(gain.mean()),
        gain_ci95=float(half_width(gain)),
        seeds=seeds,
    )


def gains(source: Array, transfer: Array) -> Array:
    """For each seed the transfer accuracy at the transfer optimum of the others, minus that at their source optimum.

    A single seed has no others, and gives NaN.
    """
    seeds = len(source)
    if seeds < 2:
        return np.full(seeds, np.nan)
    others = [np.arange(seeds) != seed for seed in range(seeds)]
    return np.array(
        [
            transfer[seed, transfer[rest].mean(0).argmax()] - transfer[seed, source[rest].mean(0).argmax()]
            for seed, rest in enumerate(others)
        ]
    )


def _interval(draws: NDArray[Any]) -> tuple[Any, Any]:
    low, high = np.quantile(draws, [0.025, 0.975], method="inverted_cdf").tolist()
    return low, high


def outcomes(experiment: Networks, records: Sequence[Record]) -> dict[str, NDArray[Any]]:
    """Every record as columns, one row for each trial; what a trial does not have is NaN."""
    trials = experiment.trials()
    columns: dict[str, NDArray[Any]] = {
        "dataset": np.array([experiment.setting.dataset] * len(trials)),
        "method": np.array([trial.method for trial in trials]),
        "seed": np.array([trial.seed for trial in trials]),
        "weight_decay": np.array([trial.weight_decay for trial in trials], float),
        "share": np.array([trial.share for trial in trials], float),
        "accuracy": np.array([record["accuracy"] for record in records]),
    }
    for epoch in range(experiment.setting.target_epochs):
        columns[f"distance_{epoch + 1}"] = np.array(
            [record["distance"][epoch] if "distance" in record else np.nan for record in records]
        )
    return columns
