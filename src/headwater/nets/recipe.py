"""How long and in what steps a network is trained, on what rows in what order, and what comes of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor

from headwater.nets.models import States


@dataclass(frozen=True)
class Recipe:
    """How long and in what steps a network is trained, by Adam.

    Parameters
    ----------
    epochs, batch_size
        At least 1; the last batch of an epoch may be short.
    learning_rate
        Adam's.
    decoupled
        False: torch.optim.Adam, whose weight decay enters the gradient (the paper's); True: AdamW.

    Raises
    ------
    ValueError
        Where one of them is out of range.

    Examples
    --------
    >>> Recipe(epochs=3, batch_size=20).steps(50)
    9
    """

    epochs: int
    batch_size: int
    learning_rate: float = 1e-3
    decoupled: bool = False

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch_size", 1), ("learning_rate", 0)):
            value = getattr(self, name)
            if not least <= value < math.inf:
                raise ValueError(f"{name} must be at least {least}, got {value!r}")

    def steps(self, n: int) -> int:
        """How many steps the recipe takes over so many rows.

        Parameters
        ----------
        n
            How many rows.

        Returns
        -------
        int
            Over all epochs.
        """
        return self.epochs * math.ceil(n / self.batch_size)


@dataclass(frozen=True, eq=False)
class Course:
    """What members that see the same batches are trained on, and how.

    ``seed`` decides the batches. ``streams`` (dropout), ``learning_rate``, ``weight_decay`` and ``anchor_weight`` hold
    one value a member; ``exclude`` are the patterns of parameters that no anchor pulls, and ``keep`` the epochs after
    which the states are kept.
    """

    rows: tuple[Tensor, Tensor]
    recipe: Recipe
    seed: int
    streams: Sequence[int]
    learning_rate: Sequence[float]
    weight_decay: Sequence[float]
    anchor_weight: Sequence[float]
    exclude: Sequence[str] = ()
    keep: Sequence[int] = ()

    def epochs(self) -> Iterator[tuple[int, tuple[Tensor, ...]]]:
        """Each epoch, counted from 1, and the row numbers of its batches, which depend on the seed alone.

        The last batch may be short. A longer course begins as a shorter one does.
        """
        X, y = self.rows
        generator = torch.Generator().manual_seed(self.seed)
        for epoch in range(1, self.recipe.epochs + 1):
            order = torch.randperm(len(y), generator=generator).to(X.device)
            yield epoch, order.split(self.recipe.batch_size)

    def optimizer(self, groups: Sequence[dict[str, Any]]) -> torch.optim.Optimizer:
        """Adam, or AdamW, over these parameter groups."""
        kind = torch.optim.AdamW if self.recipe.decoupled else torch.optim.Adam
        return kind(groups, fused=True)


@dataclass(frozen=True, eq=False)
class Trained:
    """Trained members, and how their training went.

    Attributes
    ----------
    states
        Tensors (K, …).
    loss, distance
        (epochs, K): after each epoch the mean training loss and ‖θ − θ0‖.
    kept
        The states after each epoch that was asked for.

    Examples
    --------
    >>> Trained({}, torch.zeros(3, 2), torch.zeros(3, 2), {}).loss.shape
    torch.Size([3, 2])
    """

    states: States
    loss: Tensor
    distance: Tensor
    kept: dict[int, States]


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Whether a parameter's name matches one of the shell patterns, like "head.*"."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)
