"""What is trained and measured: the setting, how a target is fitted, and one trial for each network."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

PROTOCOL = 2  # part of every trial's key: raise it whenever the same configuration would give other numbers
Method = Literal["source", "standard", "l2sp", "scratch"]
Way = Literal["standard", "l2sp", "scaled"]
Head = Literal["kept", "fresh"]


@dataclass(frozen=True)
class Setting:
    """What is trained, and how: every number of the protocol but those that an experiment varies.

    Adam at `learning_rate`, its weight decay coupled. `source_share` is how much of the source's training rows is used;
    `target_decay` is the weight decay toward zero of standard fine-tuning and of scratch, `anchor_weight` the
    (weight/2)‖θ − θ0‖² of L2-SP, without weight decay. `head`: whether the target keeps the source's.
    """

    dataset: str
    source_epochs: int
    target_epochs: int
    batch_size: int
    source_share: float = 1.0
    learning_rate: float = 1e-3
    target_decay: float = 1e-4
    anchor_weight: float = 1e-4
    head: Head = "kept"


@dataclass(frozen=True)
class Fit:
    """How a target is fitted: one point on the axes.

    `scale` multiplies the source's parameters before the first step; a fresh head is left as drawn, and drawn to
    nothing. `held_out`: trained on four fifths of the target's rows, and scored on the fifth left out as well.
    """

    learning_rate: float
    epochs: int
    head: Head
    scale: float = 1.0
    held_out: bool = False


@dataclass(frozen=True)
class Case:
    """A curve over the source's weight decays: a way to fine-tune at one target share, and the fits it may choose from.

    Where there are several, each source (and scratch) takes the one that does best on its held-out fifth of the rows;
    of equals the first.
    """

    way: Way
    share: float
    fits: tuple[Fit, ...]

    @property
    def head(self) -> Head:
        return self.fits[0].head

    @property
    def method(self) -> Method:
        """The training behind the way."""
        return "l2sp" if self.way == "l2sp" else "standard"

    @property
    def at_protocol(self) -> bool:
        """Whether all rows are trained on, for nothing is chosen."""
        return not self.fits[0].held_out


@dataclass(frozen=True)
class SourceTrial:
    """One source network and its test accuracy: it knows no share and no fit of the target."""

    setting: Setting
    seed: int
    weight_decay: float
    method: Method = "source"

    @property
    def config(self) -> dict[str, Any]:
        """The trial as the store keys it: every number its record depends on."""
        return {"experiment": "networks", "protocol": PROTOCOL} | asdict(self)


@dataclass(frozen=True)
class TargetTrial:
    """One target network: fine-tuned from the source of a weight decay, or from scratch, which has none."""

    setting: Setting
    seed: int
    method: Method
    weight_decay: float | None
    share: float
    fit: Fit

    @property
    def new_head(self) -> bool:
        """Whether it trains among networks whose head is new; scratch, all new, among those of the protocol."""
        return (self.setting.head if self.method == "scratch" else self.fit.head) == "fresh"

    @property
    def config(self) -> dict[str, Any]:
        """The trial as the store keys it: every number its record depends on."""
        return {"experiment": "networks", "protocol": PROTOCOL} | asdict(self)


Trial = SourceTrial | TargetTrial


def as_scratch(fit: Fit) -> Fit:
    """The fit without what only a source has: scratch knows no head to keep and no scale."""
    return replace(fit, head="fresh", scale=1.0)
