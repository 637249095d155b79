"""How long and in what steps a network is trained, and in what order it sees its rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
from torch import Tensor


@dataclass(frozen=True)
class Recipe:
    """How long and in what steps a network is trained, by Adam.

    ``decoupled`` False: torch.optim.Adam, whose weight decay enters the gradient (the paper's); True: AdamW.
    """

    epochs: int
    batch_size: int
    learning_rate: float = 1e-3
    decoupled: bool = False

    def steps(self, n: int) -> int:
        """How many steps the recipe takes over n rows."""
        return self.epochs * math.ceil(n / self.batch_size)


def batches(seed: int, n: int, recipe: Recipe) -> Iterator[tuple[Tensor, ...]]:
    """For each epoch the row numbers of its batches; they depend on the seed alone. The last batch may be short."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(recipe.epochs):
        yield torch.randperm(n, generator=generator).split(recipe.batch_size)


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Whether a parameter's name matches one of the shell patterns, like "head.*"."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)
