"""Train what is missing: the source once for each seed and weight decay, then everything that starts from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from joblib import cpu_count
from numpy.typing import NDArray

from headwater import datasets
from headwater.study.networks.experiment import Networks, Trial
from headwater.study.runner import Plan, Tick
from headwater.study.store import Record

if TYPE_CHECKING:
    from headwater.nets.models import Factory

HIDDEN = {"mnist": (128, 64), "newsgroups": (256, 128)}  # dense; the other network is the convolutional one
DROPOUT = {"mnist": 0.0, "newsgroups": 0.3}
FRESH_HEAD = ("newsgroups",)  # the target's head is new, and not drawn toward the source's


@dataclass(frozen=True)
class Group:
    """Trials of one setting and seed that share their sources."""

    trials: Sequence[Trial]
    data: Path | None
    device: str
    threads: int

    def run(self, tick: Tick | None = None) -> list[Record]:
        """Train and measure; one record each, in the order of the trials.

        A record holds the test accuracy and, for what was fine-tuned, the distance ‖θ − θ0‖ after each epoch, a new
        head left out. A seed decides the initial weights, the order of the batches, dropout and the target's rows.
        """
        from headwater import nets
        from headwater.nets import arrays

        setting, seed = self.trials[0].setting, self.trials[0].seed
        pair = datasets.load(setting.dataset, self.data)
        decays = sorted({trial.weight_decay for trial in self.trials if trial.weight_decay is not None})
        number = {trial: decays.index(trial.weight_decay) for trial in self.trials if trial.weight_decay is not None}
        shares = sorted({trial.share for trial in self.trials if trial.share is not None})
        started = {share: [trial for trial in self.trials if trial.share == share] for share in shares}
        meter = _Meter(tick)
        for members, rows, epochs in (
            (len(decays), setting.source_share * len(pair.source.train.y), setting.source_epochs),
            *((len(started[share]), share * len(pair.target.train.y), setting.target_epochs) for share in shares),
        ):
            meter.expect(members * rows * epochs)
        found: dict[Trial, Record] = {}
        with arrays.threads(self.threads):
            fit = partial(nets.train, device=self.device)
            if decays:
                factory = network(setting.dataset, pair.source)
                seeds = [seed] * len(decays)
                sources = fit(
                    factory,
                    nets.initial(factory, seeds),
                    arrays.rows(*subset(pair.source.train, setting.source_share, seed)),
                    nets.Recipe(setting.source_epochs, setting.batch_size, setting.learning_rate),
                    seeds=seeds,
                    weight_decay=decays,
                    progress=meter.part(0),
                )
                scores = nets.accuracy(factory, sources.states, arrays.rows(*pair.source.test), self.device).tolist()
                for trial in self.trials:
                    if trial.method == "source":
                        found[trial] = {"accuracy": scores[number[trial]]}
            factory = network(setting.dataset, pair.target)
            fresh = nets.member(nets.initial(factory, [seed]), 0)
            head = {name: value for name, value in fresh.items() if name.startswith("head.")}
            new = head if setting.dataset in FRESH_HEAD else {}
            for i, share in enumerate(shares):
                mine = started[share]
                tuned = fit(
                    factory,
                    nets.stack(
                        [
                            fresh if trial.method == "scratch" else nets.member(sources.states, number[trial]) | new
                            for trial in mine
                        ]
                    ),
                    arrays.rows(*subset(pair.target.train, share, seed)),
                    nets.Recipe(setting.target_epochs, setting.batch_size, setting.learning_rate),
                    seeds=[seed] * len(mine),
                    weight_decay=[0.0 if trial.method == "l2sp" else setting.target_decay for trial in mine],
                    anchor_weight=[setting.anchor_weight if trial.method == "l2sp" else 0.0 for trial in mine],
                    exclude=("head.*",) if new else (),
                    progress=meter.part(1 + i),
                )
                scores = nets.accuracy(factory, tuned.states, arrays.rows(*pair.target.test), self.device).tolist()
                for trial, score, distance in zip(mine, scores, tuned.distance.T.tolist(), strict=True):
                    found[trial] = {"accuracy": score} | ({} if trial.method == "scratch" else {"distance": distance})
        return [found[trial] for trial in self.trials]


def network(dataset: str, task: datasets.Task) -> Factory:
    """The data set's network for one task."""
    from headwater import nets

    classes = len(task.classes)
    if dataset not in HIDDEN:
        return partial(nets.small_cnn, classes)
    features = int(np.prod(task.train.X.shape[1:]))
    return partial(nets.mlp, features, *HIDDEN[dataset], classes, dropout=DROPOUT[dataset])


def subset(rows: datasets.Rows, share: float, seed: int) -> datasets.Rows:
    """The seed's share of the rows: a larger share of the same seed holds the smaller ones."""
    if share == 1:
        return rows
    these = chosen(len(rows.y), share, seed)
    return datasets.Rows(rows.X[these], rows.y[these])


def chosen(count: int, share: float, seed: int) -> NDArray[np.intp]:
    """Which of so many rows are a seed's share."""
    return np.random.default_rng(seed).permutation(count)[: max(1, round(share * count))]


def plan(experiment: Networks, missing: Sequence[Trial], workers: int | None) -> Plan:
    """The groups of the missing trials, once the data, the device and the target's shares have been found in order.

    A dense seed is one stack of all its weight decays. Convolutions train one by one, a core each: a group is as many
    weight decays of a seed as there are cores. Groups follow each other, and each uses every core.
    """
    if find_spec("torch") is None:
        raise ImportError("the network experiments need torch: pip install 'headwater[nets]'")
    from headwater.nets import arrays

    if experiment.device != "cpu":
        arrays.require_device(experiment.device)
    dataset = experiment.setting.dataset
    _require_classes(experiment, datasets.load(dataset, experiment.data), missing)
    cores = cpu_count() if workers is None or workers < 0 else workers
    together = len(experiment.weight_decays) if dataset in HIDDEN else cores
    groups = []
    for seed in sorted({trial.seed for trial in missing}):
        mine = [trial for trial in missing if trial.seed == seed]
        # In the order of the trials; scratch goes with the first, whose source it does not need.
        decays = list(dict.fromkeys(trial.weight_decay for trial in mine if trial.weight_decay is not None))
        for start in range(0, max(1, len(decays)), together):
            these = decays[start : start + together]
            trials = [
                trial for trial in mine if trial.weight_decay in these or (trial.method == "scratch" and start == 0)
            ]
            groups.append(Group(trials, experiment.data, experiment.device, cores))
    return Plan(groups, {"n_jobs": 1})


def _require_classes(experiment: Networks, pair: datasets.Pair, missing: Sequence[Trial]) -> None:
    y = pair.target.train.y
    for seed, share in sorted({(trial.seed, trial.share) for trial in missing if trial.share is not None}):
        taken = y[chosen(len(y), share, seed)]
        for number, name in enumerate(pair.target.classes):
            if number not in taken:
                option = "--shares" if experiment.name == "independence" else "--share"
                raise ValueError(
                    f"{option} {share:g}: of the target's {len(y)} training rows seed {seed} takes {len(taken)}, and "
                    f"none is of class {name}: take a larger share"
                )


class _Meter:
    """Adds the progress of several fits of unequal cost up to one share."""

    def __init__(self, tick: Tick | None) -> None:
        self.tick, self.costs = tick, list[float]()

    def expect(self, cost: float) -> None:
        self.costs.append(cost)

    def part(self, i: int) -> Callable[[int, int], None] | None:
        """The progress function of the i-th fit."""
        tick = self.tick
        if tick is None:
            return None
        before, mine, total = sum(self.costs[:i]), self.costs[i], sum(self.costs)
        return lambda done, of: tick((before + mine * done / of) / total)
