"""Dense networks trained as one: every layer of K members is one batched matrix product.

Activations are kept features first, (K, width, batch), so that the K first layers, which read the same batch, are one
product of (K·width, features) with (features, batch), and every other product reads and writes contiguous memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from headwater.nets.models import States
from headwater.nets.recipe import Course, Trained, matches
from headwater.nets.workers import Tick


@dataclass(frozen=True)
class Layer:
    """A linear map, then perhaps ReLU, then perhaps dropout."""

    name: str
    width: int
    biased: bool
    relu: bool = False
    dropout: float = 0.0


def layers(model: nn.Module) -> tuple[Layer, ...] | None:
    """The layers of a Sequential of Flatten, then Linear, ReLU and Dropout in this order; None for any other module."""
    if type(model) is not nn.Sequential or len(set(model)) != len(model):
        return None
    found: list[Layer] = []
    for name, module in model.named_children():
        kind, last = type(module), found[-1] if found else None
        if kind is nn.Linear and all(p.requires_grad for p in module.parameters()):
            found.append(Layer(name, module.out_features, module.bias is not None))
        elif kind is nn.ReLU and last and not last.relu and not last.dropout:
            found[-1] = replace(last, relu=True)
        elif kind is nn.Dropout and last and not last.dropout:
            found[-1] = replace(last, dropout=module.p)
        elif not (kind is nn.Flatten and module.start_dim == 1 and module.end_dim == -1 and not found):
            return None
    return tuple(found) if found and not found[-1].relu and not found[-1].dropout else None


Fill = Callable[[States, States, Tensor], Tensor]  # parameters, gradients to fill, a batch's row numbers → losses (K,)


def train_stack(states: States, course: Course, fill: Fill, tick: Tick) -> Trained:
    """Train K members that share a course's batches, by ``fill``, which leaves a batch's gradients where it is told."""
    X, y = course.rows
    parameters = {name: value.clone(memory_format=torch.contiguous_format) for name, value in states.items()}
    gradients = {name: torch.zeros_like(value) for name, value in parameters.items()}
    anchored = [name for name in states if not matches(name, course.exclude)]
    settings = list(zip(course.learning_rate, course.weight_decay, course.anchor_weight, strict=True))
    runs = [list(run) for _, run in groupby(range(len(settings)), settings.__getitem__)]
    slices = [slice(run[0], run[-1] + 1) for run in runs]
    groups = []
    for part in slices:
        views = [parameters[name][part] for name in parameters]
        for view, name in zip(views, parameters, strict=True):
            view.grad = gradients[name][part]
        groups.append({"params": views, "lr": settings[part.start][0], "weight_decay": settings[part.start][1]})
    optimizer = course.optimizer(groups)
    losses, distances, kept = [], [], {}
    for epoch, order in course.epochs():
        total = torch.zeros(len(settings), device=X.device)
        for index in order:
            total += fill(parameters, gradients, index)
            for part in slices:
                if pull := settings[part.start][2]:
                    for name in anchored:
                        gradients[name][part].add_(parameters[name][part] - states[name][part], alpha=pull)
            optimizer.step()
            tick(len(settings))
        losses.append(total / len(y))
        squares = [(parameters[name] - states[name]).flatten(1).square().sum(1) for name in anchored]
        distances.append(torch.stack(squares).sum(0).sqrt())
        if epoch in course.keep:
            kept[epoch] = {name: value.clone() for name, value in parameters.items()}
    return Trained(parameters, torch.stack(losses), torch.stack(distances), kept)


def train_dense(plan: Sequence[Layer], states: States, course: Course, tick: Tick) -> Trained:
    """Train K dense members as one stack."""
    X, y = course.rows
    classes = F.one_hot(y, states[f"{plan[-1].name}.weight"].shape[1]).to(X.dtype)
    masks = Masks.of(plan, course.streams)

    def fill(parameters: States, gradients: States, index: Tensor) -> Tensor:
        return step(plan, parameters, gradients, X[index], classes[index], masks)

    return train_stack(states, course, fill, tick)


def forward(
    plan: Sequence[Layer], parameters: States, X: Tensor, masks: Sequence[Tensor | None] | None = None
) -> list[Tensor]:
    """The inputs of every layer and the logits (K, classes, batch) for rows X (batch, …).

    The first input is X.T, shared; every other is (K, width, batch), after ReLU and dropout.
    """
    flows = [X.flatten(1).T]
    for i, layer in enumerate(plan):
        W = parameters[f"{layer.name}.weight"]
        bias = parameters[f"{layer.name}.bias"] if layer.biased else None
        # The members' first layers read the same batch: one product.
        out = W @ flows[-1] if i else (W.flatten(0, 1) @ flows[0]).view(*W.shape[:2], len(X))
        if bias is not None:
            out += bias[:, :, None]
        if layer.relu:
            out.relu_()
        if masks is not None and (mask := masks[i]) is not None:
            out *= mask
        flows.append(out)
    return flows


def step(
    plan: Sequence[Layer], parameters: States, gradients: States, X: Tensor, classes: Tensor, masks: Masks
) -> Tensor:
    """Fill the gradients of each member's mean cross-entropy on a batch; return the members' summed losses (K,).

    Backpropagation by hand: what is positive after ReLU and dropout is what ReLU let through and dropout kept.
    """
    drawn = masks.draw(len(X), X.device)
    flows = forward(plan, parameters, X, drawn)
    log_shares = F.log_softmax(flows.pop(), dim=1)
    losses = -(log_shares * classes.T).sum((1, 2))
    back = log_shares.exp_().sub_(classes.T).div_(len(X))
    for i in reversed(range(len(plan))):
        layer, flow = plan[i], flows[i]
        if layer.biased:
            torch.sum(back, -1, out=gradients[f"{layer.name}.bias"])
        gradient = gradients[f"{layer.name}.weight"]
        if i == 0:
            torch.mm(back.flatten(0, 1), flow.T, out=gradient.flatten(0, 1))
            break
        torch.bmm(back, flow.mT, out=gradient)
        back = parameters[f"{layer.name}.weight"].mT @ back
        if (mask := drawn[i - 1]) is not None:
            back *= mask
        if plan[i - 1].relu:
            back = torch.ops.aten.threshold_backward(back, flow, 0)
    return losses


@dataclass(frozen=True)
class Masks:
    """The dropout of the members: each stream draws what ``torch.manual_seed(stream)`` makes the module alone draw."""

    plan: Sequence[Layer]
    generators: Sequence[torch.Generator]
    which: Tensor  # the generator of each member

    @classmethod
    def of(cls, plan: Sequence[Layer], streams: Sequence[int]) -> Self:
        distinct = sorted(set(streams))
        generators = [torch.Generator().manual_seed(stream) for stream in distinct]
        return cls(plan, generators, torch.tensor([distinct.index(stream) for stream in streams]))

    def draw(self, batch: int, device: torch.device) -> list[Tensor | None]:
        """A layer's factors, 0 or 1/(1 − p): (K, width, batch), or (1, width, batch) of one shared stream."""
        masks: list[Tensor | None] = []
        for layer in self.plan:
            if not layer.dropout:
                masks.append(None)
                continue
            keep = 1 - layer.dropout
            drawn = [torch.empty(batch, layer.width).bernoulli_(keep, generator=g).div_(keep) for g in self.generators]
            mask = torch.stack(drawn).mT.contiguous()
            masks.append(handed(mask if len(drawn) == 1 else mask[self.which], device))
        return masks


def handed(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor drawn on the CPU, handed to the device; a GPU need not have finished what it is doing."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)
