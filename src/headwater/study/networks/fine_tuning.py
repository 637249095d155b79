"""The targets of a seed: every way to fine-tune, at every rate and length, from every source, and scratch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from headwater.study.networks.catalogue import DATA_SETS
from headwater.study.networks.data import Rows, Task
from headwater.study.networks.trials import TargetTrial, Trial
from headwater.study.store import Record

if TYPE_CHECKING:
    from headwater.nets.models import Factory, States

Progress = Callable[[int, int], None]

MEMBERS = 96  # in one flight: of the widest network half a gigabyte for each copy of their parameters
LEFT_OUT = 0.2  # of the target's rows, to choose a fit by


@dataclass(frozen=True)
class Flight:
    """Targets that train in one go, on the same rows: each member, and the trials that are read off it.

    A member stands for all lengths of its fit, since a longer training begins as a shorter one does: it is a trial
    whose fit has no epochs.
    """

    members: Mapping[TargetTrial, Sequence[TargetTrial]]

    @property
    def lengths(self) -> list[int]:
        return sorted({trial.fit.epochs for trials in self.members.values() for trial in trials})

    def cost(self, task: Task) -> float:
        """Row visits, for the progress."""
        return len(self.members) * next(iter(self.members)).share * len(task.train.y) * self.lengths[-1]

    def run(
        self, task: Task, sources: Mapping[float, States], device: str, progress: Progress | None
    ) -> dict[Trial, Record]:
        """Train and measure every member; one record for each trial."""
        from headwater import nets
        from headwater.nets import arrays

        members, lengths = list(self.members), self.lengths
        [(setting, seed, share)] = {(member.setting, member.seed, member.share) for member in members}
        [(held_out, new_head)] = {(member.fit.held_out, member.new_head) for member in members}
        rows = subset(task.train, share, seed, "rows")
        train_on, score_on = left_out(rows, seed) if held_out else (rows, rows)
        factory = network(setting.dataset, task)
        scratch, fresh = (
            nets.member(nets.initial(factory, [nets.stream(seed, draw)]), 0) for draw in ("scratch", "head")
        )
        head = {name: value for name, value in fresh.items() if new_head and name.startswith("head.")}

        def start(member: TargetTrial) -> States:
            if member.weight_decay is None:
                return scratch
            source = sources[member.weight_decay]
            return {name: value * member.fit.scale for name, value in source.items()} | head

        trained = nets.train(
            factory,
            nets.stack(list(map(start, members))),
            arrays.rows(*train_on),
            nets.Recipe(lengths[-1], setting.batch_size),
            seeds=[nets.stream(seed, "batches")] * len(members),
            streams=[nets.stream(seed, "dropout")] * len(members),
            learning_rate=[member.fit.learning_rate for member in members],
            weight_decay=[0.0 if member.method == "l2sp" else setting.target_decay for member in members],
            anchor_weight=[setting.anchor_weight if member.method == "l2sp" else 0.0 for member in members],
            exclude=("head.*",) if head else (),
            keep=lengths,
            device=device,
            progress=progress,
        )
        found: dict[Trial, Record] = {}
        for length in lengths:
            test, left = (
                nets.accuracy(factory, trained.kept[length], arrays.rows(*on), device).tolist()
                for on in (task.test, score_on)
            )
            for k, trials in enumerate(self.members.values()):
                record: Record = {"accuracy": test[k]}
                if held_out:
                    record["held_out"] = left[k]
                elif members[k].method != "scratch":
                    record["distance"] = trained.distance[:length, k].tolist()
                found |= {trial: record for trial in trials if trial.fit.epochs == length}
        return found


def flights(trials: Sequence[TargetTrial]) -> list[Flight]:
    """The trials of a seed by what can train together: same rows, with or without a new head, and not too many."""
    together: dict[tuple[float, bool, bool], dict[TargetTrial, list[TargetTrial]]] = {}
    # Members of one rate side by side: they are one group of the optimizer.
    for trial in sorted(trials, key=lambda trial: (trial.method, trial.fit.learning_rate)):
        alike = trial.share, trial.fit.held_out, trial.new_head
        member = replace(trial, fit=replace(trial.fit, epochs=0))
        together.setdefault(alike, {}).setdefault(member, []).append(trial)
    return [
        Flight(dict(list(members.items())[start : start + MEMBERS]))
        for members in together.values()
        for start in range(0, len(members), MEMBERS)
    ]


def network(dataset: str, task: Task) -> Factory:
    """The data set's network for one task."""
    from headwater import nets

    classes, dense = len(task.classes), DATA_SETS[dataset].dense
    if dense is None:
        return partial(nets.small_cnn, classes)
    features = int(np.prod(task.train.X.shape[1:]))
    return partial(nets.mlp, features, *dense.hidden, classes, dropout=dense.dropout)


def subset(rows: Rows, share: float, seed: int, draw: str) -> Rows:
    """The seed's share of the rows: a larger share of the same seed holds the smaller ones."""
    return rows if share == 1 else _of(rows, chosen(len(rows.y), share, seed, draw))


def chosen(count: int, share: float, seed: int, draw: str = "rows") -> NDArray[np.intp]:
    """Which of so many rows are a seed's share."""
    from headwater import nets

    return np.random.default_rng(nets.stream(seed, draw)).permutation(count)[: max(1, round(share * count))]


def left_out(rows: Rows, seed: int) -> tuple[Rows, Rows]:
    """The rows to train on, four fifths, and the fifth left out, by a draw of their own."""
    from headwater import nets

    order = np.random.default_rng(nets.stream(seed, "held out")).permutation(len(rows.y))
    cut = round(LEFT_OUT * len(order))
    return _of(rows, order[cut:]), _of(rows, order[:cut])


def _of(rows: Rows, which: NDArray[np.intp]) -> Rows:
    return Rows(rows.X[which], rows.y[which])
