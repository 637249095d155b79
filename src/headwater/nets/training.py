"""Train many members of one architecture: the one verb behind source training, fine-tuning, L2-SP and scratch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from headwater.nets.models import Factory, States, member, members, stack
from headwater.nets.recipe import Recipe, batches, matches
from headwater.nets.stacked import forward, layers, train_stack

Rows = tuple[Tensor, Tensor]
Progress = Callable[[int, int], None]


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
    ``progress`` is called with (done, total) epochs over all members. An interruption passes through.
    """
    K = len(seeds)
    decays, pulls = _each("weight_decay", weight_decay, K), _each("anchor_weight", anchor_weight, K)
    streams = list(seeds) if streams is None else list(streams)
    plan = layers(factory())
    rows = (rows[0].to(device), rows[1].to(device))
    done = 0

    def run(which: Sequence[int]) -> tuple[States, Tensor, Tensor]:
        nonlocal done

        def tick(epoch: int) -> None:
            if progress:
                progress(done + epoch * len(which), K * recipe.epochs)

        part = {name: value.to(device) for name, value in members(states, which).items()}
        settings = (
            [streams[k] for k in which], [decays[k] for k in which], [pulls[k] for k in which], exclude, tick
        )  # fmt: skip
        if plan is None:
            found = train_alone(factory, part, rows, recipe, seeds[which[0]], *settings)
        else:
            found = train_stack(plan, part, rows, recipe, seeds[which[0]], *settings)
        done += len(which) * recipe.epochs
        return {name: value.cpu() for name, value in found[0].items()}, found[1].cpu(), found[2].cpu()

    groups = (
        [[k] for k in range(K)]
        if plan is None
        else [[k for k in range(K) if seeds[k] == s] for s in dict.fromkeys(seeds)]
    )
    parts = [run(group) for group in groups]
    back = torch.tensor([k for group in groups for k in group]).argsort()
    return Trained(
        {name: torch.cat([part[0][name] for part in parts])[back] for name in states},
        torch.cat([part[1] for part in parts], 1)[:, back],
        torch.cat([part[2] for part in parts], 1)[:, back],
    )


def train_alone(
    factory: Factory,
    states: States,
    rows: Rows,
    recipe: Recipe,
    seed: int,
    streams: Sequence[int],
    weight_decay: Sequence[float],
    anchor_weight: Sequence[float],
    exclude: Sequence[str],
    tick: Callable[[int], None],
) -> tuple[States, Tensor, Tensor]:
    """Train one member of any architecture, a plain loop."""
    X, y = rows
    [decay], [pull] = weight_decay, anchor_weight
    with torch.random.fork_rng(devices=[]):
        model = factory().to(X.device).train()
        model.load_state_dict(member(states, 0))
        torch.manual_seed(streams[0])
        trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
        kind = torch.optim.AdamW if recipe.decoupled else torch.optim.Adam
        optimizer = kind(trained.values(), lr=recipe.learning_rate, weight_decay=decay, fused=True)
        anchored = [(p, states[name][0]) for name, p in trained.items() if not matches(name, exclude)]
        losses, distances = [], []
        for epoch, order in enumerate(batches(seed, len(y), recipe)):
            total = torch.zeros((), device=X.device)
            for index in order:
                index = index.to(X.device)
                loss = F.cross_entropy(model(X[index]), y[index])
                optimizer.zero_grad()
                loss.backward()
                if pull:
                    for p, start in anchored:
                        p.grad.add_(p.detach() - start, alpha=pull)
                optimizer.step()
                total += loss.detach() * len(index)
            losses.append(total / len(y))
            distances.append(sum((p.detach() - start).square().sum() for p, start in anchored).sqrt())
            tick(epoch + 1)
        trained_state = {name: value.detach() for name, value in model.state_dict().items()}
        return stack([trained_state]), torch.stack(losses)[:, None], torch.stack(distances)[:, None]


@torch.no_grad()
def accuracy(factory: Factory, states: States, rows: Rows, device: str = "cpu") -> Tensor:
    """The share of rows whose class each member predicts, (K,)."""
    model = factory()
    plan = layers(model)
    K = len(next(iter(states.values())))
    right = torch.zeros(K)
    states = {name: value.to(device) for name, value in states.items()}
    model.to(device).eval()
    for X, y in zip(rows[0].split(1024), rows[1].split(1024), strict=True):
        X, y = X.to(device), y.to(device)
        if plan is not None:
            right += (forward(plan, states, X)[-1].argmax(1) == y).sum(1).cpu()
            continue
        for k in range(K):
            model.load_state_dict(member(states, k))
            right[k] += int((model(X).argmax(1) == y).sum())
    return right / len(rows[1])


def _each(name: str, value: float | Sequence[float], count: int) -> list[float]:
    values = [float(value)] * count if isinstance(value, int | float) else [float(v) for v in value]
    if len(values) != count:
        raise ValueError(f"{name} holds {len(values)} numbers for {count} members")
    return values
