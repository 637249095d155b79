"""Any architecture, one member at a time: a plain loop, its batches in slices that fit the cache where it may."""

from __future__ import annotations

from contextlib import nullcontext
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from headwater.nets.models import States, member, stack
from headwater.nets.recipe import Course, Trained, matches
from headwater.nets.workers import Tick

# Layers that treat every row by itself and draw nothing at random but dropout's mask.
ROW_WISE = (nn.Linear, nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d, nn.Flatten, nn.ReLU, nn.GELU, nn.Tanh, nn.Dropout)
SLICE = 32  # rows whose activations in a small convolutional network stay in a core's cache


def row_wise(model: nn.Module) -> bool:
    """Whether a batch may be taken in slices, and the module trained beside others: a Sequential of ROW_WISE layers."""
    return type(model) is nn.Sequential and all(type(layer) in ROW_WISE for layer in model)


class StreamDropout(nn.Module):  # type: ignore[misc]  # torch's types are not read
    """Dropout from a generator of its own; nn.Dropout draws from the global one, which other threads use too."""

    def __init__(self, p: float, generator: torch.Generator) -> None:
        super().__init__()
        self.keep, self.generator = 1 - p, generator

    def forward(self, X: Tensor) -> Tensor:
        mask = torch.empty(X.shape).bernoulli_(self.keep, generator=self.generator).div_(self.keep)
        return X * mask.to(X.device)


def train_alone(template: nn.Module, states: States, course: Course, tick: Tick) -> Trained:
    """Train one member, K = 1, as ``train_stack`` trains several.

    Modules that are not row-wise see whole batches and draw from the global generator, seeded and then restored.
    """
    X, y = course.rows
    [stream], [rate], [decay], [pull] = course.streams, course.learning_rate, course.weight_decay, course.anchor_weight
    model = deepcopy(template)
    model.load_state_dict(member(states, 0))
    model.train()
    sliced = row_wise(model)
    if sliced:
        generator = torch.Generator().manual_seed(stream)
        for name, layer in list(model.named_children()):
            if type(layer) is nn.Dropout:
                setattr(model, name, StreamDropout(layer.p, generator))
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    anchored = [(p, states[name][0]) for name, p in trained.items() if not matches(name, course.exclude)]
    optimizer = course.optimizer([{"params": list(trained.values()), "lr": rate, "weight_decay": decay}])
    losses, distances, kept = [], [], {}
    with nullcontext() if sliced else torch.random.fork_rng(), torch.enable_grad():
        if not sliced:
            torch.manual_seed(stream)
        for epoch, order in course.epochs():
            total = torch.zeros((), device=X.device)
            for index in order:
                optimizer.zero_grad()
                for part in index.split(SLICE if sliced else len(index)):
                    loss = F.cross_entropy(model(X[part]), y[part], reduction="sum") / len(index)
                    loss.backward()
                    total += loss.detach() * len(index)
                if pull:
                    for p, start in anchored:
                        p.grad.add_(p.detach() - start, alpha=pull)
                optimizer.step()
                tick(1)
            losses.append(total / len(y))
            squares = [(p.detach() - start).square().sum() for p, start in anchored]
            distances.append(torch.stack(squares).sum().sqrt())
            if epoch in course.keep:
                kept[epoch] = stack([{name: value.clone() for name, value in model.state_dict().items()}])
    return Trained(stack([model.state_dict()]), torch.stack(losses)[:, None], torch.stack(distances)[:, None], kept)
