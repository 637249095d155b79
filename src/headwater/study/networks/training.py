"""Train what is missing: the source once for each seed and weight decay, then everything that starts from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from joblib import cpu_count
from numpy.typing import NDArray

from headwater.study.networks import data as datasets
from headwater.study.networks.experiment import Networks, Setting, Trial
from headwater.study.runner import Plan, Tick
from headwater.study.store import Record

if TYPE_CHECKING:
    from headwater.nets.models import Factory, States

Progress = Callable[[int, int], None]

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
        from headwater.nets import arrays

        pair = datasets.load(self.setting.dataset, self.data)
        shares = sorted({trial.share for trial in self.trials if trial.share is not None})
        parts = _parts(tick, [self._source_cost(pair), *(self._target_cost(pair, share) for share in shares)])
        with arrays.threads(self.threads):
            sources, found = self._sources(pair.source, parts[0]) if self.decays else ({}, {})
            for share, part in zip(shares, parts[1:], strict=True):
                found |= self._targets(pair.target, share, sources, part)
        return [found[trial] for trial in self.trials]

    @property
    def setting(self) -> Setting:
        return self.trials[0].setting

    @property
    def seed(self) -> int:
        return self.trials[0].seed

    @cached_property
    def decays(self) -> list[float]:
        """The weight decays whose sources are trained."""
        return sorted({trial.weight_decay for trial in self.trials if trial.weight_decay is not None})

    def _source_cost(self, pair: datasets.Pair) -> float:
        return len(self.decays) * self.setting.source_share * len(pair.source.train.y) * self.setting.source_epochs

    def _target_cost(self, pair: datasets.Pair, share: float) -> float:
        members = sum(trial.share == share for trial in self.trials)
        return members * share * len(pair.target.train.y) * self.setting.target_epochs

    def _sources(self, task: datasets.Task, progress: Progress | None) -> tuple[States, dict[Trial, Record]]:
        """The trained sources, stacked in the order of `decays`, and the records of those that are asked for."""
        from headwater import nets
        from headwater.nets import arrays

        setting, factory, seeds = self.setting, network(self.setting.dataset, task), [self.seed] * len(self.decays)
        trained = nets.train(
            factory,
            nets.initial(factory, seeds),
            arrays.rows(*subset(task.train, setting.source_share, self.seed)),
            nets.Recipe(setting.source_epochs, setting.batch_size, setting.learning_rate),
            seeds=seeds,
            weight_decay=self.decays,
            device=self.device,
            progress=progress,
        )
        scores = nets.accuracy(factory, trained.states, arrays.rows(*task.test), self.device).tolist()
        accuracy: dict[float | None, float] = dict(zip(self.decays, scores, strict=True))
        asked = [trial for trial in self.trials if trial.method == "source"]
        return trained.states, {trial: {"accuracy": accuracy[trial.weight_decay]} for trial in asked}

    def _targets(
        self, task: datasets.Task, share: float, sources: States, progress: Progress | None
    ) -> dict[Trial, Record]:
        """Everything of one share at once: both ways to fine-tune from every source, and scratch."""
        from headwater import nets
        from headwater.nets import arrays

        setting, factory = self.setting, network(self.setting.dataset, task)
        mine = [trial for trial in self.trials if trial.share == share]
        scratch = nets.member(nets.initial(factory, [self.seed]), 0)
        new = {name: scratch[name] for name in scratch if name.startswith("head.")}
        if setting.dataset not in FRESH_HEAD:
            new = {}

        def start(trial: Trial) -> States:
            if trial.weight_decay is None:
                return scratch
            return nets.member(sources, self.decays.index(trial.weight_decay)) | new

        trained = nets.train(
            factory,
            nets.stack([start(trial) for trial in mine]),
            arrays.rows(*subset(task.train, share, self.seed)),
            nets.Recipe(setting.target_epochs, setting.batch_size, setting.learning_rate),
            seeds=[self.seed] * len(mine),
            weight_decay=[0.0 if trial.method == "l2sp" else setting.target_decay for trial in mine],
            anchor_weight=[setting.anchor_weight if trial.method == "l2sp" else 0.0 for trial in mine],
            exclude=("head.*",) if new else (),
            device=self.device,
            progress=progress,
        )
        scores = nets.accuracy(factory, trained.states, arrays.rows(*task.test), self.device).tolist()
        return {
            trial: {"accuracy": score} | ({} if trial.method == "scratch" else {"distance": distance})
            for trial, score, distance in zip(mine, scores, trained.distance.T.tolist(), strict=True)
        }


def _parts(tick: Tick | None, costs: Sequence[float]) -> list[Progress | None]:
    """A progress function for each of several fits: together they tell the share of the whole cost that is done."""

    def part(before: float, mine: float) -> Progress | None:
        return tick and (lambda done, of: tick((before + mine * done / of) / sum(costs)))

    return [part(sum(costs[:i]), cost) for i, cost in enumerate(costs)]


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
