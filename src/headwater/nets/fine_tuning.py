"""A target fine-tuned from several sources and from scratch, alike, and scored on rows held out."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from headwater.nets.models import Factory, States, initial
from headwater.nets.recipe import Recipe, matches
from headwater.nets.streams import stream
from headwater.nets.training import Progress, Rows, accuracy, train


@dataclass(frozen=True, eq=False)
class Scored:
    """Scratch, then each source, fine-tuned: accuracies on the rows held out, and states (K + 1, …)."""

    scores: list[float]
    states: States


@dataclass(frozen=True, eq=False)
class FineTuning:
    """How a target is fine-tuned: its network and what is new in it, the recipe, the decays, the rows held out."""

    factory: Factory
    new: tuple[str, ...]
    recipe: Recipe
    weight_decay: float
    anchor_weight: float
    held_out: float
    device: str

    def check(self, target: Rows) -> int:
        """How many rows are trained on; ValueError where none would be, or none left to score."""
        n = len(target[1])
        kept = round(n * (1 - self.held_out)) if 0 < self.held_out < 1 else 0
        if not 0 < kept < n:
            raise ValueError(
                f"held_out={self.held_out:g} of {n} target rows leaves no row to train on or none to score"
            )
        return kept

    def run(self, sources: States, target: Rows, draw: int, progress: Progress) -> Scored:
        """Fine-tune from K sources (K, …) and from scratch on the draw's rows, with its batches and its new head."""
        X, y = target
        order = torch.randperm(len(y), generator=torch.Generator().manual_seed(stream(draw, "held out")))
        train_on, score_on = ((X[part], y[part]) for part in order.tensor_split([self.check(target)]))
        starts = self._starts(sources, draw)
        K = len(next(iter(starts.values()))) - 1
        tuned = train(
            self.factory,
            starts,
            train_on,
            self.recipe,
            seeds=[stream(draw, "batches")] * (K + 1),
            weight_decay=self.weight_decay,
            anchor_weight=[0.0] + [self.anchor_weight] * K,  # scratch has no anchor
            exclude=self.new,
            device=self.device,
            progress=progress,
        ).states
        return Scored(accuracy(self.factory, tuned, score_on, self.device).tolist(), tuned)

    def _starts(self, sources: States, draw: int) -> States:
        """Scratch, then the sources, what is new drawn afresh and the same in all of them."""
        scratch = initial(self.factory, [stream(draw, "scratch")])
        head = initial(self.factory, [stream(draw, "head")])
        starts = {}
        for name, value in scratch.items():
            fresh = matches(name, self.new)
            if not fresh and (name not in sources or sources[name].shape[1:] != value.shape[1:]):
                raise ValueError(f"the source has no {name} of the target's shape; name it in new= to start it afresh")
            K = len(next(iter(sources.values())))
            starts[name] = torch.cat([value, head[name].expand(K, *value.shape[1:]) if fresh else sources[name]])
        return starts
