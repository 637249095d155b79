"""Train many members of one architecture: the one verb behind source training, fine-tuning, L2-SP and scratch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from headwater.nets.alone import row_wise, train_alone
from headwater.nets.models import Factory, States, member, members
from headwater.nets.recipe import Recipe
from headwater.nets.stacked import forward, layers, train_stack
from headwater.nets.workers import Job, side_by_side

Rows = tuple[Tensor, Tensor]
Progress = Callable[[int, int], None]
EVALUATED = 512  # rows at a time


@dataclass(frozen=True, eq=False)
class Trained:
    """Trained members: their states, and per epoch and member the mean training loss and ‖θ − θ0‖, both (epochs, K)."""

    states: States
    loss: Tensor
    distance: Tensor


def train(
    factory: Factory,
    states: States,
    rows: Rows,
    recipe: Recipe,
    *,
    seeds: Sequence[int],
    weight_decay: float | Sequence[float] = 0.0,
    anchor_weight: float | Sequence[float] = 0.0,
    exclude: Sequence[str] = (),
    streams: Sequence[int] | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Trained:
    """Train every member from its state, member k minimising mean cross-entropy + (anchor_weight_k/2)‖θ − θ0_k‖².

    θ0_k is the state given. Members with the same seed see the same batches, and train as one stack where the module is
    a Sequential of Linear, ReLU and Dropout; any other module trains one member at a time. The numbers are those of a
    plain loop with ``torch.optim.Adam`` (or AdamW) in both cases, whatever the grouping, to rounding.

    ``states``: tensors (K, …), from ``initial``, ``stack`` or ``members``. ``rows``: inputs (n, …) and classes (n,),
    int64, in memory. ``seeds`` (K,): the order of the batches. ``weight_decay``, ``anchor_weight``: a number, or one a
    member. ``exclude``: shell patterns of parameters left out of the penalty and of the distance, as a new head is.
    ``streams`` (K,): what dropout is drawn from, the seeds by default, so that members differ by their decay alone.
    ``progress`` is called with (done, total) steps over all members. An interruption passes through.
    """
    K = len(seeds)
    decays, pulls = _each("weight_decay", weight_decay, K), _each("anchor_weight", anchor_weight, K)
    streams = list(seeds) if streams is None else list(streams)
    template = _fresh(factory, device)
    _check(template, states, rows, K)
    plan = layers(template)
    X, y = rows[0].to(device), rows[1].to(device)
    if plan is None:
        X = _laid_out(X)
    groups = _groups(seeds, plan is not None)
    done, total = 0, K * recipe.steps(len(y))

    def tick(count: int) -> None:
        nonlocal done
        done += count
        if progress:
            progress(done, total)

    def job(group: Sequence[int]) -> Job[tuple[States, Tensor, Tensor]]:
        part = {name: value.to(device) for name, value in members(states, group).items()}
        settings = ([values[k] for k in group] for values in (streams, decays, pulls))
        run = partial(train_alone, template) if plan is None else partial(train_stack, plan)
        return partial(run, part, (X, y), recipe, seeds[group[0]], *settings, exclude)

    jobs = [job(group) for group in groups]
    beside = X.device.type == "cpu" and (plan is not None or row_wise(template))
    parts = side_by_side(jobs, tick) if beside else [job(tick) for job in jobs]
    order = torch.tensor([k for group in groups for k in group]).argsort()
    return Trained(
        {name: torch.cat([part[0][name] for part in parts])[order].cpu() for name in states},
        *(torch.cat([part[i] for part in parts], 1)[:, order].cpu() for i in (1, 2)),
    )


def _groups(seeds: Sequence[int], stacked: bool) -> list[list[int]]:
    """The members that train together: those of one seed, in a share for each of torch's threads, or each alone."""
    if not stacked:
        return [[k] for k in range(len(seeds))]
    width = torch.get_num_threads()
    of_seed = [[k for k, other in enumerate(seeds) if other == seed] for seed in dict.fromkeys(seeds)]
    return [group[i::width] for group in of_seed for i in range(min(width, len(group)))]


def accuracy(factory: Factory, states: States, rows: Rows, device: str = "cpu") -> Tensor:
    """The share of rows whose class each member predicts, (K,)."""
    K = len(next(iter(states.values())))
    model = _fresh(factory, device).eval()
    plan = layers(model)
    states = {name: value.to(device) for name, value in states.items()}
    right = torch.zeros(K, dtype=torch.float64)
    with torch.no_grad():
        for X, y in zip(rows[0].split(EVALUATED), rows[1].to(device).split(EVALUATED), strict=True):
            X = X.to(device)
            if plan is not None:
                right += (forward(plan, states, X)[-1].argmax(1) == y).sum(1).cpu()
                continue
            X = _laid_out(X)
            for k in range(K):
                model.load_state_dict(member(states, k))
                right[k] += int((model(X).argmax(1) == y).sum())
    return right / len(rows[1])


def _fresh(factory: Factory, device: str) -> nn.Module:
    """A module of the architecture, the global random state left as it was."""
    with torch.random.fork_rng(devices=[]):
        model = factory().to(device)
    convolutional = any(type(layer) is nn.Conv2d for layer in model.modules())
    return model.to(memory_format=torch.channels_last) if convolutional else model


def _laid_out(X: Tensor) -> Tensor:
    """Images with the channels of a pixel side by side: there convolutions are fastest."""
    return X.to(memory_format=torch.channels_last) if X.ndim == 4 else X


def _check(template: nn.Module, states: States, rows: Rows, count: int) -> None:
    """Raise ValueError where the states are not `count` members of the architecture, or the rows are not paired."""
    X, y = rows
    if len(X) != len(y) or not len(y) or y.dtype != torch.int64:
        raise ValueError(
            f"rows must be inputs (n, …) and as many int64 classes, not {tuple(X.shape)} and {y.dtype} {tuple(y.shape)}"
        )
    expected = {name: (count, *value.shape) for name, value in template.state_dict().items()}
    for name in expected.keys() | states.keys():
        given = tuple(states[name].shape) if name in states else "missing"
        if given != expected.get(name):
            raise ValueError(
                f"states: {name} is {given}, the {count} members asked for need {expected.get(name, 'none')}"
            )


def _each(name: str, value: float | Sequence[float], count: int) -> list[float]:
    values = [float(value)] * count if isinstance(value, int | float) else [float(v) for v in value]
    if len(values) != count:
        raise ValueError(f"{name} holds {len(values)} numbers for {count} members")
    if not all(0 <= v < math.inf for v in values):
        raise ValueError(f"{name} must hold finite numbers that are not negative")
    return values
