"""From records to curves over the weight decay, and what their argmaxes are worth against the noise of the seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.study.checks import Array
from headwater.study.networks.experiment import Networks
from headwater.study.networks.trials import Case, SourceTrial, TargetTrial, as_scratch
from headwater.study.store import Record
from headwater.study.synthetic.summary import half_width

DRAWS = 4000
FEWEST = 3  # seeds: two can agree by chance, and then every interval is empty


@dataclass(frozen=True)
class Curve:
    """A case's test accuracies: the target's after every source (seeds, decays), and from scratch (seeds,).

    `distance`: ‖θ − θ0‖ after each epoch (seeds, decays, epochs), at the protocol; empty in the control.
    """

    accuracy: Array
    scratch: Array
    distance: Array


@dataclass(frozen=True)
class Optimum:
    """Where the mean accuracies over the seeds are largest, how sure that is, and what it is worth.

    The intervals hold 95 % of the argmaxes over bootstrap draws of the seeds. `steps` is how many points of the grid
    the transfer optimum lies above the source's, its interval from the same draws, each of which draws both curves.
    `gain` is what choosing the weight decay for the target rather than for the source adds to the transfer accuracy:
    both chosen by the other seeds' means, measured on the seed left out, so that choosing the largest of noisy numbers
    does not flatter it; `gain_ci95` is the half-width of its Student interval over the seeds. `over_smallest` is the
    same against the source of the grid's smallest weight decay, none in the paper's.
    """

    source: float
    source_interval: tuple[float, float]
    transfer: float
    transfer_interval: tuple[float, float]
    steps: int
    steps_interval: tuple[int, int]
    gain: float
    gain_ci95: float
    over_smallest: float
    over_smallest_ci95: float
    seeds: int

    @property
    def within_noise(self) -> bool:
        """Whether they could be one: their order is not certain, or nothing is gained by telling them apart.

        Always where there are fewer than three seeds.
        """
        low, high = self.steps_interval
        return self.seeds < FEWEST or low <= 0 <= high or not self.gain - self.gain_ci95 > 0


@dataclass(frozen=True)
class Verdict:
    """Standard fine-tuning at the protocol, and with every fine-tuning at its own best rate and length."""

    share: float
    protocol: Optimum
    control: Optimum

    @property
    def robust(self) -> bool:
        """Whether the difference stands in both, and in one direction."""
        both = self.protocol, self.control
        return not any(best.within_noise for best in both) and self.protocol.steps * self.control.steps > 0


@dataclass(frozen=True)
class Measured:
    """Everything an experiment's records say: the source's accuracies (seeds, decays), each case, and its optimum."""

    source: Array
    curves: dict[Case, Curve]
    optima: dict[Case, Optimum]
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True)
class Row:
    """One target share and source weight decay: mean test accuracies over the seeds, and standard deviations.

    `control` is standard fine-tuning at its own best rate and length, `control_scratch` the same from scratch.
    """

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
    control_mean: float
    control_sd: float
    control_scratch_mean: float
    control_scratch_sd: float


def measure(experiment: Networks, records: Sequence[Record]) -> Measured:
    """The records of `experiment.trials()`, in that order, as curves and what they say."""
    found = dict(zip(experiment.trials(), records, strict=True))
    setting, seeds, decays = experiment.setting, range(experiment.seeds), experiment.weight_decays
    source = np.array([[found[SourceTrial(setting, seed, d)]["accuracy"] for d in decays] for seed in seeds])

    def over(case: Case, name: str) -> Array:
        """(fits, seeds, decays, …)"""
        trials = [
            [[TargetTrial(setting, seed, case.method, d, case.share, fit) for d in decays] for seed in seeds]
            for fit in case.fits
        ]
        return np.array([[[found[trial][name] for trial in row] for row in rows] for rows in trials])

    def scratch(case: Case, name: str) -> Array:
        """(fits, seeds)"""
        fits = dict.fromkeys(map(as_scratch, case.fits))
        return np.array(
            [[found[TargetTrial(setting, s, "scratch", None, case.share, fit)][name] for s in seeds] for fit in fits]
        )

    def curve(case: Case) -> Curve:
        if case.at_protocol:
            return Curve(over(case, "accuracy")[0], scratch(case, "accuracy")[0], over(case, "distance")[0])
        return Curve(
            best(over(case, "held_out"), over(case, "accuracy")),
            best(scratch(case, "held_out"), scratch(case, "accuracy")),
            np.empty(0),
        )

    shares = experiment.shares
    cases = [*experiment.cases, *(p for s in shares for head in experiment.heads for p in experiment.points(s, head))]
    if "scaled" in experiment.control:
        cases += [case for case in map(experiment.rescaled, shares) if case.fits]
    curves = {case: curve(case) for case in cases}
    optima = {case: optimum(decays, source, found.accuracy) for case, found in curves.items()}
    head = setting.head
    verdicts = (
        Verdict(
            share,
            optima[Case("standard", share, (experiment.protocol,))],
            optima[Case("standard", share, experiment.grid("standard", head))],
        )
        for share in shares
    )
    return Measured(source, curves, optima, tuple(verdicts))


def best(held_out: Array, accuracy: Array) -> Array:
    """The accuracy of the fit, first axis, that is best on held-out rows; the first of equals."""
    return np.take_along_axis(accuracy, held_out.argmax(0)[None], 0)[0]


def summarise(experiment: Networks, measured: Measured) -> list[Row]:
    """One row for each share and weight decay; a standard deviation of one seed is NaN."""
    rows = []
    nothing = np.full_like(measured.source, np.nan)
    for share in experiment.shares:
        standard = measured.curves[Case("standard", share, (experiment.protocol,))]
        l2sp = measured.curves.get(Case("l2sp", share, (experiment.protocol,)))
        control = measured.curves[Case("standard", share, experiment.grid("standard", experiment.setting.head))]
        columns = [measured.source, standard.accuracy, l2sp.accuracy if l2sp else nothing, standard.scratch[:, None]]
        columns += [control.accuracy, control.scratch[:, None]]
        spreads = [np.broadcast_to(column, measured.source.shape) for column in columns]
        numbers = [column for values in spreads for column in (values.mean(0), spread(values))]
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


def optimum(weight_decays: Sequence[float], source: Array, transfer: Array) -> Optimum:
    """Compare the argmaxes of two mean curves, source and transfer (seeds, decays), measured on the same seeds."""
    seeds, at = len(source), np.array(weight_decays)
    drawn = np.random.default_rng(0).integers(0, seeds, (DRAWS, seeds))
    best_source, best_transfer = (curve[drawn].mean(1).argmax(-1) for curve in (source, transfer))
    here, there = int(source.mean(0).argmax()), int(transfer.mean(0).argmax())
    gain, over_smallest = gains(source, transfer)
    return Optimum(
        source=float(at[here]),
        source_interval=_interval(at[best_source]),
        transfer=float(at[there]),
        transfer_interval=_interval(at[best_transfer]),
        steps=there - here,
        steps_interval=_interval(best_transfer - best_source),
        gain=float(gain.mean()),
        gain_ci95=float(half_width(gain)),
        over_smallest=float(over_smallest.mean()),
        over_smallest_ci95=float(half_width(over_smallest)),
        seeds=seeds,
    )


def gains(source: Array, transfer: Array) -> tuple[Array, Array]:
    """For each seed the transfer accuracy at the transfer optimum of the others, minus that at their source optimum.

    And minus that at the smallest weight decay. A single seed has no others, and gives NaN.
    """
    seeds = range(len(source))
    if len(source) < 2:
        return np.full(1, np.nan), np.full(1, np.nan)
    others = [np.delete(np.arange(len(source)), seed) for seed in seeds]
    here, there = ([curve[rest].mean(0).argmax() for rest in others] for curve in (source, transfer))
    at_best = transfer[seeds, there]
    return at_best - transfer[seeds, here], at_best - transfer[:, 0]


def _interval(draws: NDArray[Any]) -> tuple[Any, Any]:
    low, high = np.quantile(draws, [0.025, 0.975], method="inverted_cdf").tolist()
    return low, high


def outcomes(experiment: Networks, records: Sequence[Record]) -> dict[str, NDArray[Any]]:
    """Every record as columns, one row for each trial; what a trial does not have is NaN."""
    trials = experiment.trials()
    fits = [trial.fit if isinstance(trial, TargetTrial) else None for trial in trials]
    columns: dict[str, NDArray[Any]] = {
        "dataset": np.array([experiment.setting.dataset] * len(trials)),
        "method": np.array([trial.method for trial in trials]),
        "seed": np.array([trial.seed for trial in trials]),
        "weight_decay": np.array([trial.weight_decay for trial in trials], float),
        "share": np.array([trial.share if isinstance(trial, TargetTrial) else np.nan for trial in trials]),
        "head": np.array([fit.head if fit else "" for fit in fits]),
        "learning_rate": np.array([fit.learning_rate if fit else np.nan for fit in fits]),
        "epochs": np.array([fit.epochs if fit else np.nan for fit in fits]),
        "scale": np.array([fit.scale if fit else np.nan for fit in fits]),
        "accuracy": np.array([record["accuracy"] for record in records]),
        "held_out": np.array([record.get("held_out", np.nan) for record in records]),
    }
    for epoch in range(experiment.setting.target_epochs):
        columns[f"distance_{epoch + 1}"] = np.array(
            [record["distance"][epoch] if "distance" in record else np.nan for record in records]
        )
    return columns
