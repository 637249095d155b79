"""Train many members of one architecture: the one verb behind source training, fine-tuning, L2-SP and scratch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from headwater.nets.models import States, member, stack

Rows = tuple[Tensor, Tensor]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Recipe:
    """How long and in what steps a network is trained, by Adam.

    ``decoupled`` False: torch.optim.Adam, whose weight decay enters the gradient (the paper's); True: AdamW.
    """

    epochs: int
    batch_size: int
    learning_rate: float = 1e-3
    decoupled: bool = False


@dataclass(frozen=True, eq=False)
class Trained:
    """Trained members: their states, and per epoch and member the mean training loss and ‖θ − θ0‖, both (epochs, K)."""

    states: States
    loss: Tensor
    distance: Tensor


def train(
    factory: Callable[[], nn.Module],
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
    K = len(seeds)
    decays, pulls = _each(weight_decay, K), _each(anchor_weight, K)
    streams = seeds if streams is None else streams
    done: list[tuple[States, list[float], list[float]]] = []
    for k in range(K):

        def tick(epoch: int, k: int = k) -> None:
            if progress:
                progress(k * recipe.epochs + epoch, K * recipe.epochs)

        done.append(
            _train_one(
                factory,
                member(states, k),
                rows,
                recipe,
                seeds[k],
                streams[k],
                decays[k],
                pulls[k],
                exclude,
                device,
                tick,
            )
        )
    return Trained(
        stack([state for state, _, _ in done]),
        torch.tensor([loss for _, loss, _ in done]).T,
        torch.tensor([distance for _, _, distance in done]).T,
    )


def _train_one(factory, state, rows, recipe, seed, stream, decay, pull, exclude, device, tick):  # type: ignore[no-untyped-def]
    X, y = (part.to(device) for part in rows)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream)
        model = factory()
        model.load_state_dict(state)
        model = model.to(device).train()
        torch.manual_seed(stream)
        kind = torch.optim.AdamW if recipe.decoupled else torch.optim.Adam
        optimizer = kind(model.parameters(), lr=recipe.learning_rate, weight_decay=decay, fused=device == "cpu")
        anchored = [p for name, p in model.named_parameters() if not matches(name, exclude)]
        anchor = [p.detach().clone() for p in anchored]
        losses, distances = [], []
        order = batches(seed, len(y), recipe)
        for epoch in range(recipe.epochs):
            total = 0.0
            for index in next(order):
                index = index.to(device)
                loss = F.cross_entropy(model(X[index]), y[index])
                optimizer.zero_grad()
                loss.backward()
                if pull:
                    for p, p0 in zip(anchored, anchor, strict=True):
                        p.grad.add_(p.detach() - p0, alpha=pull)
                optimizer.step()
                total += loss.item() * len(index)
            losses.append(total / len(y))
            with torch.no_grad():
                distances.append(
                    float(torch.sqrt(sum(((p - p0) ** 2).sum() for p, p0 in zip(anchored, anchor, strict=True))))
                )
            tick(epoch + 1)
        return {name: value.detach().cpu() for name, value in model.state_dict().items()}, losses, distances


def batches(seed: int, n: int, recipe: Recipe) -> Iterator[tuple[Tensor, ...]]:
    """For each epoch the row numbers of its batches; they depend on the seed alone. The last batch may be short."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(recipe.epochs):
        yield torch.randperm(n, generator=generator).split(recipe.batch_size)


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Whether a parameter's name matches one of the shell patterns, like "head.*"."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def accuracy(factory: Callable[[], nn.Module], states: States, rows: Rows, device: str = "cpu") -> Tensor:
    """The share of rows whose class each member predicts, (K,)."""
    X, y = rows
    K = len(next(iter(states.values())))
    model = factory().to(device).eval()
    scores = torch.empty(K)
    with torch.no_grad():
        for k in range(K):
            model.load_state_dict(member(states, k))
            right = sum(
                int((model(a.to(device)).argmax(1).cpu() == b).sum())
                for a, b in zip(X.split(1024), y.split(1024), strict=True)
            )
            scores[k] = right / len(y)
    return scores


def _each(value: float | Sequence[float], count: int) -> list[float]:
    values = [float(value)] * count if isinstance(value, int | float) else [float(v) for v in value]
    if len(values) != count:
        raise ValueError(f"{len(values)} values for {count} members")
    return values
