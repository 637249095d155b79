"""A row-wise network's members as one, by vmap: for a GPU, which one small network leaves idle."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn import functional as F

from headwater.nets.alone import SLICE, row_wise
from headwater.nets.models import States
from headwater.nets.recipe import Course, Trained
from headwater.nets.stacked import handed, train_stack
from headwater.nets.workers import Tick

TOGETHER = 64  # members in one stack, whose activations a GPU of 16 GB holds at a batch of 128 photographs


def stackable(model: nn.Module) -> bool:
    """Whether a module's members can train as one: row-wise, and no parameter frozen."""
    return row_wise(model) and all(p.requires_grad for p in model.parameters())


class MaskedDropout(nn.Module):  # type: ignore[misc]  # torch's types are not read
    """Dropout by factors that are handed in under the name ``mask``: 0 or 1/(1 − p), and 1 where none are."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mask", torch.ones(()), persistent=False)

    def forward(self, X: Tensor) -> Tensor:
        return X * self.mask


def train_together(template: nn.Module, states: States, course: Course, tick: Tick) -> Trained:
    """Train K members of a row-wise Sequential as one stack; the draws are those of ``train_alone``."""
    model = _masked(template)
    X, y = course.rows
    distinct = sorted(set(course.streams))
    which = torch.tensor([distinct.index(stream) for stream in course.streams], device=X.device)
    drawn = [_masks(template, X, torch.Generator().manual_seed(stream), course) for stream in distinct]

    def losses(parameters: States, masks: States, X: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(functional_call(model, (parameters, masks), X), y)

    def fill(parameters: States, gradients: States, index: Tensor) -> Tensor:
        of_stream = [next(masks) for masks in drawn]
        masks = {name: torch.stack([own[name] for own in of_stream])[which] for name in of_stream[0]}
        leaves = {name: value.detach().requires_grad_() for name, value in parameters.items()}
        with torch.enable_grad():
            found = vmap(losses, in_dims=(0, 0, None, None))(leaves, masks, X[index], y[index])
            slopes = torch.autograd.grad(found.sum(), list(leaves.values()))
        for gradient, slope in zip(gradients.values(), slopes, strict=True):
            gradient.copy_(slope)
        return found.detach() * len(index)

    return train_stack(states, course, fill, tick)


def predict_together(template: nn.Module, states: States, X: Tensor) -> Tensor:
    """The logits (K, n, classes) of every member for rows X (n, …)."""
    model = _masked(template)
    return vmap(lambda parameters: functional_call(model, parameters, X), chunk_size=TOGETHER)(states)


def _masked(template: nn.Module) -> nn.Module:
    model = deepcopy(template)
    for name, layer in list(model.named_children()):
        if type(layer) is nn.Dropout:
            setattr(model, name, MaskedDropout().to(next(model.parameters()).device))
    return model


def _masks(template: nn.Module, X: Tensor, generator: torch.Generator, course: Course) -> Iterator[States]:
    """Every batch's dropout factors by buffer name, drawn slice by slice as ``train_alone`` draws them."""
    widths: dict[str, tuple[float, torch.Size]] = {}
    flow = X[:1]
    with torch.no_grad():
        for name, layer in deepcopy(template).eval().named_children():
            flow = layer(flow)
            if type(layer) is nn.Dropout:
                widths[f"{name}.mask"] = 1 - layer.p, flow.shape[1:]
    for _ in range(course.recipe.epochs):
        for batch in torch.arange(len(X)).split(course.recipe.batch_size):
            parts: dict[str, list[Tensor]] = {name: [] for name in widths}
            for part in batch.split(SLICE):
                for name, (keep, shape) in widths.items():
                    mask = torch.empty(len(part), *shape)
                    parts[name].append(mask.bernoulli_(keep, generator=generator).div_(keep))
            yield {name: handed(torch.cat(own), X.device) for name, own in parts.items()}
