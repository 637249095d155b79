"""The network experiments: a source network for each weight decay, and what fine-tuning from each of them gives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from headwater.study.networks.trials import (
    Case,
    Fit,
    Head,
    Method,
    Setting,
    SourceTrial,
    TargetTrial,
    Trial,
    Way,
    as_scratch,
)

Scale = Literal["paper", "small"]
SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)
RATES = (3e-4, 1e-3, 3e-3, 1e-2)
LENGTHS = (1, 3)  # times the paper's
FACTORS = (1.0, 0.8, 0.6, 0.4)


@dataclass(frozen=True)
class Preset:
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
PRESETS: dict[Scale, dict[str, Preset]] = {
    "paper": {
        "mnist": Preset(Setting("mnist", 10, 5, 256), 0.1, PAPER, 10),
        "cifar10": Preset(Setting("cifar10", 15, 8, 128), 0.05, PAPER, 10),
        "newsgroups": Preset(Setting("newsgroups", 15, 8, 64, head="fresh"), 0.1, PAPER, 10),
    },
    "small": {
        # Every second, third or sixth of the paper's weight decays; only photographs get less training as well.
        "mnist": Preset(Setting("mnist", 10, 5, 256), 0.1, PAPER[::2], 3),
        "cifar10": Preset(Setting("cifar10", 5, 8, 128, source_share=0.2), 0.05, PAPER[::6], 3),
        "newsgroups": Preset(Setting("newsgroups", 15, 8, 64, head="fresh"), 0.1, PAPER[::3], 3),
    },
}


@dataclass(frozen=True)
class Networks:
    """The paper's sweep on one data set, and its control: test accuracies against the weight decay of the source.

    `name` is the data set's, or "independence": standard fine-tuning alone, for several target shares. For every seed
    and weight decay one source is trained and serves everything that starts from it: the protocol's fine-tunings, and
    the control, in which every way of `control` and scratch are fitted at every rate of `target_lr`, length of
    `target_epochs` and head of `heads`, the best to be chosen on held-out target rows. `data` is the folder that holds
    the files, None for the hub; `device` is torch's. Neither is part of what is kept: the numbers are the same up to
    rounding.

    Raises ValueError naming the command line's option.

    >>> len(Networks.of("mnist", "paper", seeds=2).trials())
    436
    """

    name: str
    scale: Scale
    setting: Setting
    shares: tuple[float, ...]
    weight_decays: tuple[float, ...]
    seeds: int
    target_lr: tuple[float, ...]
    target_epochs: tuple[int, ...]
    heads: tuple[Head, ...]
    control: tuple[Way, ...] = ("standard",)
    data: Path | None = None
    device: str = "cpu"

    @classmethod
    def of(cls, dataset: str, scale: Scale = "paper", name: str | None = None, **options: Any) -> Self:
        """The experiment on one data set, at its one target share unless told, under the data set's name or another."""
        preset = PRESETS[scale][dataset]
        defaults: dict[str, Any] = {
            "weight_decays": preset.weight_decays,
            "seeds": preset.seeds,
            "shares": (preset.share,),
            "target_lr": RATES,
            "target_epochs": tuple(length * preset.setting.target_epochs for length in LENGTHS),
            "heads": (preset.setting.head,),
        }
        return cls(name or dataset, scale, preset.setting, **(defaults | options))

    @classmethod
    def independence(cls, dataset: str = "mnist", scale: Scale = "paper", **options: Any) -> Self:
        """Whether the best weight decay for the target depends on how many target rows there are."""
        return cls.of(dataset, scale, "independence", **{"shares": SHARES} | options)

    def __post_init__(self) -> None:
        lists: dict[str, tuple[Any, ...]] = {
            self.share_option: self.shares,
            "--weight-decays": self.weight_decays,
            "--target-lr": self.target_lr,
            "--target-epochs": self.target_epochs,
        }
        for option, values in lists.items():
            _require(len(values) > 0, f"{option} is empty")
            _require(all(map(math.isfinite, values)), f"{option} must hold finite numbers")
            _require(len(set(values)) == len(values), f"{option} holds a value twice")
            _require(list(values) == sorted(values), f"{option} must increase")
        _require(min(self.shares) > 0 and max(self.shares) <= 1, f"{self.share_option} must be above 0 and at most 1")
        _require(min(self.weight_decays) >= 0, "--weight-decays must not be negative")
        _require(len(self.weight_decays) >= 2, "--weight-decays needs at least 2 to choose between")
        _require(min(self.target_lr) > 0, "--target-lr must be positive")
        _require(min(self.target_epochs) >= 1, "--target-epochs must be at least 1")
        _one_of("--head", self.heads, ("kept", "fresh"))
        _one_of("--control", self.control, ("standard", "l2sp", "scaled"))
        _require("standard" in self.control, "--control needs standard, which the verdict is about")
        _require(self.setting.head in self.heads, f"--head needs {self.setting.head}, which is the paper's here")
        _require(self.seeds >= 1, "--seeds must be at least 1")

    @property
    def share_option(self) -> str:
        """What the command line calls the target's shares."""
        return "--shares" if self.name == "independence" else "--share"

    @property
    def config(self) -> dict[str, Any]:
        """Every number of the experiment, under the name of the command that runs it."""
        varied = ("shares", "weight_decays", "seeds", "target_lr", "target_epochs", "heads", "control")
        setting = asdict(self.setting)
        del setting["target_epochs"], setting["head"]
        return {
            "experiment": self.name,
            "scale": self.scale,
            **setting,
            "protocol_epochs": self.setting.target_epochs,
            "protocol_head": self.setting.head,
            **{name: getattr(self, name) for name in varied},
        }

    @property
    def fewer(self) -> list[str]:
        """In what it falls short of the paper's protocol, in words."""
        paper = PRESETS["paper"][self.setting.dataset]
        short = {
            "weight decays": len(self.weight_decays) < len(paper.weight_decays),
            "seeds": self.seeds < paper.seeds,
            "epochs": self.setting.source_epochs < paper.setting.source_epochs,
            "source rows": self.setting.source_share < paper.setting.source_share,
        }
        return [what for what, is_short in short.items() if is_short]

    @property
    def ways(self) -> tuple[Way, ...]:
        """The ways to fine-tune that are compared at the protocol."""
        return ("standard",) if self.name == "independence" else ("standard", "l2sp")

    @property
    def protocol(self) -> Fit:
        """The paper's fine-tuning, on all rows."""
        return Fit(self.setting.learning_rate, self.setting.target_epochs, self.setting.head)

    def grid(self, way: Way, head: Head) -> tuple[Fit, ...]:
        """What the control may choose from, nearest to the protocol first: of equals the nearest is taken."""
        factors = FACTORS if way == "scaled" else FACTORS[:1]
        rates = sorted(self.target_lr, key=lambda rate: abs(math.log(rate / self.setting.learning_rate)))
        return tuple(
            Fit(rate, epochs, head, scale, held_out=True)
            for scale in factors
            for epochs in self.target_epochs
            for rate in rates
        )

    @cached_property
    def cases(self) -> tuple[Case, ...]:
        """Every curve: each way at the protocol, then in the control, share by share and head by head."""
        return tuple(
            case
            for share in self.shares
            for case in (
                *(Case(way, share, (self.protocol,)) for way in self.ways),
                *(Case(way, share, self.grid(way, head)) for head in self.heads for way in self.control),
            )
        )

    def points(self, share: float, head: Head) -> tuple[Case, ...]:
        """Standard fine-tuning at every single rate and length of the control."""
        fits = sorted(self.grid("standard", head), key=lambda fit: (fit.epochs, fit.learning_rate))
        return tuple(Case("standard", share, (fit,)) for fit in fits)

    def rescaled(self, share: float) -> Case:
        """Fine-tuning at the protocol's rate, length and head from the source times the best factor."""
        fits = self.grid("scaled", self.setting.head)
        return Case(
            "scaled", share, tuple(fit for fit in fits if replace(fit, scale=1.0, held_out=False) == self.protocol)
        )

    @cached_property
    def fits(self) -> tuple[tuple[Method, float, Fit], ...]:
        """What is fitted from every source: every fit of every case once."""
        return tuple(dict.fromkeys((case.method, case.share, fit) for case in self.cases for fit in case.fits))

    @cached_property
    def scratch(self) -> tuple[tuple[float, Fit], ...]:
        """What is fitted once a seed without a source."""
        return tuple(dict.fromkeys((share, as_scratch(fit)) for _, share, fit in self.fits))

    def of_seed(self, seed: int) -> list[Trial]:
        """A seed's trials: scratch first, then weight decay by weight decay, the coarse grid before the fine."""
        setting = self.setting
        trials: list[Trial] = [TargetTrial(setting, seed, "scratch", None, share, fit) for share, fit in self.scratch]
        for decay in coarse_first(self.weight_decays):
            trials.append(SourceTrial(setting, seed, decay))
            trials += [TargetTrial(setting, seed, method, decay, share, fit) for method, share, fit in self.fits]
        return trials

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


def _one_of(option: str, values: Sequence[str], known: Sequence[str]) -> None:
    for value in values:
        _require(value in known, f"{option} {value!r}: choose from {', '.join(known)}")
    _require(len(set(values)) == len(values), f"{option} holds a value twice")


def _require(holds: bool, problem: str) -> None:
    if not holds:
        raise ValueError(problem)
