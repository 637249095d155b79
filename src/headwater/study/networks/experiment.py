"""The network experiments: a source network for each weight decay, and what fine-tuning from each of them gives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

PROTOCOL = 1  # part of every trial's key: raise it whenever the same configuration would give other numbers
Method = Literal["source", "standard", "l2sp", "scratch"]
Scale = Literal["paper", "small"]
SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)


@dataclass(frozen=True)
class Setting:
    """What is trained, and how: every number of the protocol but those that an experiment varies.

    Adam at `learning_rate`, its weight decay coupled. `source_share` is how much of the source's training rows is used;
    `target_decay` is the weight decay toward zero of standard fine-tuning and of scratch, `anchor_weight` the
    (weight/2)‖θ − θ0‖² of L2-SP, without weight decay.
    """

    dataset: str
    source_epochs: int
    target_epochs: int
    batch_size: int
    source_share: float = 1.0
    learning_rate: float = 1e-3
    target_decay: float = 1e-4
    anchor_weight: float = 1e-4


@dataclass(frozen=True)
class Scaled:
    """A setting with the grid that a scale gives it by default."""

    setting: Setting
    share: float
    weight_decays: tuple[float, ...]
    seeds: int


def decades(low: float, high: float, count: int) -> tuple[float, ...]:
    """Zero, then `count` weight decays evenly in the logarithm, as twelve digits write them.

    >>> decades(1e-4, 1e-2, 3)
    (0.0, 0.0001, 0.001, 0.01)
    """
    return (0.0, *(float(f"{value:.12g}") for value in np.geomspace(low, high, count)))


PAPER = decades(1e-6, 1e-1, 18)
SCALES: dict[Scale, dict[str, Scaled]] = {
    "paper": {
        "mnist": Scaled(Setting("mnist", 10, 5, 256), 0.1, PAPER, 10),
        "cifar10": Scaled(Setting("cifar10", 15, 8, 128), 0.05, PAPER, 10),
        "newsgroups": Scaled(Setting("newsgroups", 15, 8, 64), 0.1, PAPER, 10),
    },
    "small": {
        # Every second, third or sixth of the paper's weight decays; only photographs get less training as well.
        "mnist": Scaled(Setting("mnist", 10, 5, 256), 0.1, PAPER[::2], 3),
        "cifar10": Scaled(Setting("cifar10", 5, 8, 128, source_share=0.2), 0.05, PAPER[::6], 3),
        "newsgroups": Scaled(Setting("newsgroups", 15, 8, 64), 0.1, PAPER[::3], 3),
    },
}


@dataclass(frozen=True)
class Trial:
    """One trained network and its test accuracy, or several: `config` is every number its record depends on.

    The source knows no share and no method of transfer, scratch no weight decay of the source.
    """

    setting: Setting
    method: Method
    seed: int
    weight_decay: float | None
    share: float | None

    @property
    def config(self) -> dict[str, Any]:
        """The trial as the store keys it."""
        return {"experiment": "networks", "protocol": PROTOCOL} | asdict(self)


@dataclass(frozen=True)
class Networks:
    """The paper's sweep on one data set: test accuracies against the weight decay of the source.

    `name` is the data set's, or "independence": standard fine-tuning alone, for several target shares. For every seed
    and weight decay one source is trained and serves every method and share. `data` is the folder that holds the files,
    None for the hub; `device` is torch's. Neither is part of what is kept: the numbers are the same up to rounding.

    Raises ValueError naming the command line's option.

    >>> len(Networks.of("mnist", "paper", seeds=2).trials())
    116
    """

    name: str
    scale: Scale
    setting: Setting
    shares: tuple[float, ...]
    weight_decays: tuple[float, ...]
    seeds: int
    data: Path | None = None
    device: str = "cpu"

    @classmethod
    def of(cls, dataset: str, scale: Scale = "paper", **options: Any) -> Self:
        """The experiment on one data set, at its one target share."""
        preset = SCALES[scale][dataset]
        defaults = {"weight_decays": preset.weight_decays, "seeds": preset.seeds, "shares": (preset.share,)}
        options = {**defaults, **options}
        return cls(dataset, scale, preset.setting, **options)

    @classmethod
    def independence(cls, dataset: str = "mnist", scale: Scale = "paper", **options: Any) -> Self:
        """Whether the best weight decay for the target depends on how many target rows there are."""
        return replace(cls.of(dataset, scale, **{"shares": SHARES} | options), name="independence")

    def __post_init__(self) -> None:
        share = "--shares" if self.name == "independence" else "--share"
        for option, values in ((share, self.shares), ("--weight-decays", self.weight_decays)):
            _require(len(values) > 0, f"{option} is empty")
            _require(all(map(math.isfinite, values)), f"{option} must hold finite numbers")
            _require(len(set(values)) == len(values), f"{option} holds a value twice")
            _require(list(values) == sorted(values), f"{option} must increase")
        _require(min(self.shares) > 0 and max(self.shares) <= 1, f"{share} must be above 0 and at most 1")
        _require(min(self.weight_decays) >= 0, "--weight-decays must not be negative")
        _require(len(self.weight_decays) >= 2, "--weight-decays needs at least 2 to choose between")
        _require(self.seeds >= 1, "--seeds must be at least 1")

    @property
    def config(self) -> dict[str, Any]:
        """Every number of the experiment, under the name of the command that runs it."""
        return {
            "experiment": self.name,
            "scale": self.scale,
            **asdict(self.setting),
            "shares": self.shares,
            "weight_decays": self.weight_decays,
            "seeds": self.seeds,
        }

    @property
    def fewer(self) -> list[str]:
        """In what it falls short of the paper's protocol, in words."""
        paper = SCALES["paper"][self.setting.dataset]
        short = {
            "weight decays": len(self.weight_decays) < len(paper.weight_decays),
            "seeds": self.seeds < paper.seeds,
            "epochs": self.setting.source_epochs < paper.setting.source_epochs,
            "source rows": self.setting.source_share < paper.setting.source_share,
        }
        return [what for what, is_short in short.items() if is_short]

    @property
    def methods(self) -> tuple[Method, ...]:
        """The ways to fine-tune that are compared."""
        return ("standard",) if self.name == "independence" else ("standard", "l2sp")

    def of_seed(self, seed: int) -> list[Trial]:
        """A seed's trials: scratch first, then weight decay by weight decay, the coarse grid before the fine."""
        scratch = [Trial(self.setting, "scratch", seed, None, share) for share in self.shares]
        rest = [
            Trial(self.setting, method, seed, decay, share)
            for decay in coarse_first(self.weight_decays)
            for method, share in self.fits
        ]
        return scratch + rest

    @cached_property
    def fits(self) -> tuple[tuple[Method, float | None], ...]:
        """What is recorded for each seed and weight decay: the source, then every method at every share."""
        return (("source", None), *((method, share) for share in self.shares for method in self.methods))

    def trials(self) -> list[Trial]:
        """Every trial, seed by seed: a run cut short leaves whole seeds behind it."""
        return [trial for seed in range(self.seeds) for trial in self.of_seed(seed)]


def coarse_first(values: Sequence[float]) -> list[float]:
    """The same values, ends first, then the middles of what is left between: any beginning spans the whole range.

    >>> coarse_first([0.0, 1.0, 2.0, 3.0, 4.0])
    [0.0, 4.0, 2.0, 1.0, 3.0]
    """
    order = [0, len(values) - 1] if len(values) > 1 else [0]
    gaps = [(0, len(values) - 1)]
    while gaps:
        low, high = gaps.pop(0)
        if high - low > 1:
            middle = (low + high) // 2
            order.append(middle)
            gaps += [(low, middle), (middle, high)]
    return [values[i] for i in order]


def _require(holds: bool, problem: str) -> None:
    if not holds:
        raise ValueError(problem)
