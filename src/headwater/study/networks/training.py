"""Train what is missing: the source once for each seed and weight decay, then everything that starts from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from joblib import cpu_count

from headwater.study.networks.catalogue import DATA_SETS
from headwater.study.networks.data import Pair, Task, load
from headwater.study.networks.experiment import Networks
from headwater.study.networks.fine_tuning import Progress, chosen, flights, network, subset
from headwater.study.networks.trials import Setting, SourceTrial, TargetTrial, Trial
from headwater.study.runner import Plan, Tick
from headwater.study.store import Record

if TYPE_CHECKING:
    from headwater.nets.models import States


@dataclass(frozen=True)
class Group:
    """Trials of one setting and seed that share their sources."""

    trials: Sequence[Trial]
    data: Path | None
    device: str
    threads: int

    def run(self, tick: Tick | None = None) -> list[Record]:
        """Train and measure; one record each, in the order of the trials.

        A record holds the test accuracy; where a fifth of the target's rows was left out, the accuracy on it; for what
        was fine-tuned on all of them, the distance ‖θ − θ0‖ after each epoch, a fresh head left out. Every draw (first
        weights, head, scratch, batches, dropout, rows) has a stream of its own from the seed.
        """
        from headwater.nets import arrays

        pair = load(self.setting.dataset, self.data)
        targets = flights([trial for trial in self.trials if isinstance(trial, TargetTrial)])
        costs = [self._source_cost(pair), *(flight.cost(pair.target) for flight in targets)]
        parts = _parts(tick, costs)
        found: dict[Trial, Record] = {}
        with arrays.threads(self.threads), arrays.full_precision():
            sources = self._sources(pair.source, parts[0], found) if self.decays else {}
            for flight, part in zip(targets, parts[1:], strict=True):
                found |= flight.run(pair.target, sources, self.device, part)
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

    def _source_cost(self, pair: Pair) -> float:
        return len(self.decays) * self.setting.source_share * len(pair.source.train.y) * self.setting.source_epochs

    def _sources(self, task: Task, progress: Progress | None, found: dict[Trial, Record]) -> dict[float, States]:
        """The trained sources by weight decay; the records of those that are asked for are added to `found`."""
        from headwater import nets
        from headwater.nets import arrays

        setting, factory, count = self.setting, network(self.setting.dataset, task), len(self.decays)
        trained = nets.train(
            factory,
            nets.initial(factory, [nets.stream(self.seed, "source")] * count),
            arrays.rows(*subset(task.train, setting.source_share, self.seed, "source rows")),
            nets.Recipe(setting.source_epochs, setting.batch_size, setting.learning_rate),
            seeds=[nets.stream(self.seed, "source batches")] * count,
            streams=[nets.stream(self.seed, "source dropout")] * count,
            weight_decay=self.decays,
            device=self.device,
            progress=progress,
        )
        scores = nets.accuracy(factory, trained.states, arrays.rows(*task.test), self.device).tolist()
        accuracy: dict[float | None, float] = dict(zip(self.decays, scores, strict=True))
        for trial in self.trials:
            if isinstance(trial, SourceTrial):
                found[trial] = {"accuracy": accuracy[trial.weight_decay]}
        return {decay: nets.member(trained.states, k) for k, decay in enumerate(self.decays)}


def _parts(tick: Tick | None, costs: Sequence[float]) -> list[Progress | None]:
    """A progress function for each of several fits: together they tell the share of the whole cost that is done."""

    def part(before: float, mine: float) -> Progress | None:
        return tick and (lambda done, of: tick((before + mine * done / of) / sum(costs)))

    return [part(sum(costs[:i]), cost) for i, cost in enumerate(costs)]


def plan(experiment: Networks, missing: Sequence[Trial], workers: int | None) -> Plan:
    """The groups of the missing trials, once the data, the device and the target's shares have been found in order.

    What trains as one stack, a dense network anywhere and any on a GPU, is a group of all weight decays of a seed.
    Convolutions on the CPU train one by one, a core each: a group is as many weight decays of a seed as there are
    cores. Groups follow each other, and each uses every core.
    """
    if find_spec("torch") is None:
        raise ImportError("the network experiments need torch: pip install 'headwater[nets]'")
    from headwater.nets import arrays

    if experiment.device != "cpu":
        arrays.require_device(experiment.device)
    dataset = experiment.setting.dataset
    _require_classes(experiment, load(dataset, experiment.data), missing)
    cores = cpu_count() if workers is None or workers < 0 else workers
    stacked = DATA_SETS[dataset].dense is not None or experiment.device != "cpu"
    together = len(experiment.weight_decays) if stacked else cores
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


def _require_classes(experiment: Networks, pair: Pair, missing: Sequence[Trial]) -> None:
    y = pair.target.train.y
    for seed, share in sorted({(trial.seed, trial.share) for trial in missing if isinstance(trial, TargetTrial)}):
        taken = y[chosen(len(y), share, seed)]
        for number, name in enumerate(pair.target.classes):
            if number not in taken:
                raise ValueError(
                    f"{experiment.share_option} {share:g}: of the target's {len(y)} training rows seed {seed} takes "
                    f"{len(taken)}, and none is of class {name}: take a larger share"
                )
