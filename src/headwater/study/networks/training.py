"""Train what is missing: the source once for each seed and weight decay, then everything that starts from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from joblib import cpu_count
from numpy.typing import NDArray

from headwater import datasets
from headwater.study.networks.experiment import Method, Networks, Setting, Trial
from headwater.study.runner import Plan, Tick
from headwater.study.store import Record

if TYPE_CHECKING:
    from headwater.nets import Rows, States, Trained

DENSE = {"mnist": (784, 128, 64), "newsgroups": (5000, 256, 128)}
DROPOUT = {"mnist": 0.0, "newsgroups": 0.3}
FRESH_HEAD = {"newsgroups"}  # whose target has other classes in number: a new head, free of the anchor


@dataclass(frozen=True)
class Group:
    """Trials of one setting and seed that share their sources: a dense network's whole seed, or one weight decay."""

    trials: Sequence[Trial]
    data: Path | None
    device: str
    threads: int

    def run(self, tick: Tick | None = None) -> list[Record]:
        """Train and measure; one record each, in the order of the trials.

        A record holds the test accuracy and, for what was fine-tuned, ‖θ − θ0‖ after each epoch.
        """
        from headwater import nets

        setting, seed = self.trials[0].setting, self.trials[0].seed
        pair = datasets.load(setting.dataset, self.data)
        decays = sorted({trial.weight_decay for trial in self.trials if trial.weight_decay is not None})
        shares = sorted({trial.share for trial in self.trials if trial.share is not None})
        records: dict[tuple[Method, float | None, float | None], Record] = {}
        with nets.threads(self.threads):
            work = _Work(self, setting, seed, tick, _cost(self.trials, pair))
            source = work.sources(pair.source, decays)
            for i, decay in enumerate(decays):
                records["source", decay, None] = {"accuracy": source.accuracy[i]}
            ...
        return [records[trial.method, trial.weight_decay, trial.share] for trial in self.trials]
