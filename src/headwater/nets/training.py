"""Train many members of one architecture: the one verb behind source training, fine-tuning, L2-SP and scratch."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial

import torch
from torch import Tensor, nn

from headwater.nets.alone import row_wise, train_alone
from headwater.nets.models import Factory, States, member, members
from headwater.nets.recipe import Course, Recipe, Trained
from headwater.nets.stacked import forward, layers, train_dense
from headwater.nets.together import TOGETHER, predict_together, stackable, train_together
from headwater.nets.workers import Tick, side_by_side

Rows = tuple[Tensor, Tensor]  # inputs (n, …) and classes (n,), int64
Progress = Callable[[int, int], None]
EVALUATED = 128  # rows at a time, whose activations stay in the cache


def train(
    factory: Factory,
    states: States,
    rows: Rows,
    recipe: Recipe,
    *,
    seeds: Sequence[int],
    learning_rate: float | Sequence[float] | None = None,
    weight_decay: float | Sequence[float] = 0.0,
    anchor_weight: float | Sequence[float] = 0.0,
    exclude: Sequence[str] = (),
    streams: Sequence[int] | None = None,
    keep: Sequence[int] = (),
    device: str = "cpu",
    progress: Progress | None = None,
) -> Trained:
    """Train every member from its state, member k minimising mean cross-entropy + (anchor_weight_k/2)‖θ − θ0_k‖².

    θ0_k is the state given.

    Parameters
    ----------
    factory
        Builds the network.
    states
        Tensors (K, …), from ``initial``, ``stack`` or ``members``.
    rows
        Inputs (n, …), in the network's precision, and classes (n,), int64: tensors, in memory.
    recipe
        How long, and in what steps.
    seeds
        (K,): the order of the batches.
    learning_rate, weight_decay, anchor_weight
        A number, or one a member; the rate is by default the recipe's.
    exclude
        Shell patterns of parameters left out of the penalty and of the distance, as a new head is.
    streams
        (K,): what dropout is drawn from, by default the seeds, so that members differ by their decay alone.
    keep
        Epochs after which the states are kept as well; a longer training begins as a shorter one does.
    device
        Where to train; the result is on the CPU.
    progress
        Called with (done, total) steps over all members.

    Returns
    -------
    Trained
        The states, and the loss and ‖θ − θ0‖ of every epoch and member.

    Raises
    ------
    ValueError
        Where states are not of the architecture, rows not paired tensors of the network's precision, or a rate, decay
        or weight negative.

    Notes
    -----
    Members with the same seed see the same batches, and train as one stack where the module is a Sequential of Linear,
    ReLU and Dropout; any other module trains one member at a time. The numbers are those of a plain loop with
    ``torch.optim.Adam`` (or AdamW) in both cases, whatever the grouping, to rounding. On the CPU members train side by
    side on as many Python threads as torch has threads; on a GPU a Sequential of layers that treat rows by themselves
    trains as one, by vmap. An interruption passes through: the members of this call are lost, so give a call no more
    than one would do again (``sweep`` keeps what is finished).

    Examples
    --------
    >>> from headwater.nets import initial, mlp
    >>> factory = lambda: mlp(4, 8, 2)
    >>> rows = torch.randn(60, 4), torch.arange(60) % 2
    >>> source = train(factory, initial(factory, [0, 0]), rows, Recipe(2, 20), seeds=[0, 0], weight_decay=[0.0, 0.1])
    >>> tuned = train(factory, source.states, rows, Recipe(3, 20), seeds=[0, 0], anchor_weight=1e-4)
    >>> tuned.distance.shape
    torch.Size([3, 2])
    """
    K = len(seeds)
    rates = _each("learning_rate", recipe.learning_rate if learning_rate is None else learning_rate, K)
    decays, pulls = _each("weight_decay", weight_decay, K), _each("anchor_weight", anchor_weight, K)
    streams = list(seeds) if streams is None else list(streams)
    template = _fresh(factory, device)
    _check(template, states, rows, K)
    plan = layers(template)
    X, y = rows[0].to(device), rows[1].to(device)
    on_cpu = X.device.type == "cpu"
    if plan is None and on_cpu:
        X = _laid_out(X)
    if plan is not None:
        groups, kind = _shares(seeds, torch.get_num_threads() if on_cpu else 1), partial(train_dense, plan)
    elif not on_cpu and stackable(template):
        groups, kind = _shares(seeds, 1, TOGETHER), partial(train_together, template)
    else:
        groups, kind = [[k] for k in range(K)], partial(train_alone, template)
    done, total = 0, K * recipe.steps(len(y))

    def tick(count: int) -> None:
        nonlocal done
        done += count
        if progress:
            progress(done, total)

    def run(group: Sequence[int], tick: Tick) -> Trained:
        part = {name: value.to(device) for name, value in members(states, group).items()}
        rated, decayed, pulled = ([values[k] for k in group] for values in (rates, decays, pulls))
        own = [streams[k] for k in group]
        course = Course((X, y), recipe, seeds[group[0]], own, rated, decayed, pulled, exclude, keep)
        return kind(part, course, tick)

    jobs = [partial(run, group) for group in groups]
    parts = side_by_side(jobs, tick, on_cpu and (plan is not None or row_wise(template)))
    order = torch.tensor([k for group in groups for k in group]).argsort()

    def joined(found: Sequence[States]) -> States:
        return {name: torch.cat([part[name] for part in found]).cpu()[order] for name in found[0]}

    return Trained(
        joined([part.states for part in parts]),
        torch.cat([part.loss for part in parts], 1).cpu()[:, order],
        torch.cat([part.distance for part in parts], 1).cpu()[:, order],
        {epoch: joined([part.kept[epoch] for part in parts]) for epoch in keep},
    )


def _shares(seeds: Sequence[int], width: int, most: int = sys.maxsize) -> list[list[int]]:
    """The members that train as one stack: those of a seed, dealt out to so many threads, and not too many at once."""
    of_seed = [[k for k, other in enumerate(seeds) if other == seed] for seed in dict.fromkeys(seeds)]
    dealt = [(group, max(width, -(-len(group) // most))) for group in of_seed]
    return [group[i::stacks] for group, stacks in dealt for i in range(min(stacks, len(group)))]


def accuracy(factory: Factory, states: States, rows: Rows, device: str = "cpu") -> Tensor:
    """The share of rows whose class each member of the states predicts.

    Parameters
    ----------
    factory
        Builds the network.
    states
        Tensors (K, …).
    rows
        Inputs (n, …) and classes (n,).
    device
        Where to predict.

    Returns
    -------
    Tensor
        (K,), float64, on the CPU.

    Examples
    --------
    >>> from headwater.nets import initial, mlp
    >>> accuracy(lambda: mlp(4, 2), initial(lambda: mlp(4, 2), [0, 1]), (torch.zeros(3, 4), torch.arange(3) % 2)).shape
    torch.Size([2])
    """
    template = _fresh(factory, device).eval()
    plan = layers(template)
    y = rows[1].to(device).split(EVALUATED)

    def hits(predict: Callable[[Tensor], Tensor]) -> Tensor:
        with torch.no_grad():
            found = [predict(X.to(device)) == own for X, own in zip(rows[0].split(EVALUATED), y, strict=True)]
        return torch.cat(found, -1).double().mean(-1).cpu()

    if plan is not None:
        held = {name: value.to(device) for name, value in states.items()}
        return hits(lambda X: forward(plan, held, X)[-1].argmax(1))
    if device != "cpu" and stackable(template):
        predict = partial(predict_together, template, {name: value.to(device) for name, value in states.items()})
        return hits(lambda X: predict(X).argmax(-1))

    def alone(k: int, _: Tick) -> Tensor:
        model = deepcopy(template)
        model.load_state_dict(member(states, k))
        return hits(lambda X: model(_laid_out(X)).argmax(1))

    jobs = [partial(alone, k) for k in range(len(next(iter(states.values()))))]
    return torch.stack(side_by_side(jobs, lambda _: None, device == "cpu" and row_wise(template)))


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
    if not (isinstance(rows, tuple | list) and len(rows) == 2 and all(isinstance(part, Tensor) for part in rows)):
        kinds = (
            ", ".join(type(part).__name__ for part in rows) if isinstance(rows, tuple | list) else type(rows).__name__
        )
        raise ValueError(
            f"rows must be two tensors in memory, inputs and classes, not {kinds}: torch.from_numpy, or stack"
        )
    X, y = rows
    if len(X) != len(y) or not len(y) or y.dtype != torch.int64:
        raise ValueError(
            f"rows must be inputs (n, …) and as many int64 classes, not {tuple(X.shape)} and {y.dtype} {tuple(y.shape)}"
        )
    if not torch.isfinite(X).all():
        raise ValueError("rows: the inputs must be finite numbers")
    own = next((p.dtype for p in template.parameters()), X.dtype)
    if X.is_floating_point() and X.dtype != own:
        raise ValueError(f"rows: the inputs are {X.dtype}, the network is {own}: give rows[0].to({own})")
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
