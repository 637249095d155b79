"""Seconds that the paper's network experiments cost per (seed, weight decay): against plain loops, and the machine.

    python benchmarks/nets.py [mnist] [cifar10] [--epochs 3]

Random rows of the paper's shapes: times depend on shapes alone. All figures come from this run, except those of the
published scripts, which are quoted. The CIFAR-10 source trains for ``--epochs`` of its 15 epochs, scaled up.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from headwater.nets import Recipe, States, accuracy, initial, members, mlp, small_cnn, train

DECAYS = [0.0, *np.geomspace(1e-6, 1e-1, 18).tolist()]
PUBLISHED = {"MNIST": 83.0, "CIFAR-10": 403.0}  # seconds per (seed, weight decay) on 2 cores: quoted, not of this run
Rows = tuple[torch.Tensor, torch.Tensor]


def matmul_rate(products: int = 40) -> float:
    """The machine's single-precision matrix-product rate in FLOP/s: the best of many 2048³ products, all threads."""
    A, B = torch.randn(2, 2048, 2048)
    return 2 * 2048**3 / min(seconds(lambda: torch.mm(A, B)) for _ in range(products))


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def rows(n: int, *shape: int, classes: int = 5) -> Rows:
    return torch.randn(n, *shape), torch.randint(classes, (n,))


def plain_loop(model: nn.Module, rows: Rows, recipe: Recipe, penalised: bool = False) -> None:
    """One member as anyone would write it, its rows in memory; with the L2-SP penalty in the loss if asked."""
    X, y = rows
    start = [p.detach().clone() for p in model.parameters()]
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.learning_rate, weight_decay=0 if penalised else 1e-4)
    model.train()
    for _ in range(recipe.epochs):
        for index in torch.randperm(len(y)).split(recipe.batch_size):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(X[index]), y[index])
            if penalised:
                loss = loss + 5e-5 * sum(((p - p0) ** 2).sum() for p, p0 in zip(model.parameters(), start, strict=True))
            loss.backward()
            optimizer.step()


def transfers(factory: Callable[[], nn.Module], source: States, target: Rows, test: Rows, recipe: Recipe) -> None:
    """Both fine-tunings from every source, a scratch baseline, and every test accuracy."""
    K = len(source["head.bias"])
    twice = members(source, [*range(K), *range(K)])
    decays, pulls = [1e-4] * K + [0.0] * K, [0.0] * K + [1e-4] * K
    tuned = train(factory, twice, target, recipe, seeds=[0] * 2 * K, weight_decay=decays, anchor_weight=pulls).states
    scratch = train(factory, initial(factory, [0]), target, recipe, seeds=[0], weight_decay=1e-4).states
    for states in (source, tuned, scratch):
        accuracy(factory, states, test)


def compare(name: str, took: float, plain: dict[str, float]) -> None:
    print(f"  source, both transfers, scratch  {took:8.2f} s per (seed, weight decay)")
    for what, other in plain.items():
        print(f"  {what:32s} {other:8.2f} s: {other / took:.1f} times as much")
    print(f"  published script, quoted         {PUBLISHED[name]:8.2f} s: {PUBLISHED[name] / took:.1f} times as much")


def mnist() -> None:
    def factory() -> nn.Module:
        return mlp(784, 128, 64, 5)

    K, source, target, test = len(DECAYS), rows(29772, 784), rows(3023, 784), rows(5000, 784)
    recipe, tuning, seeds = Recipe(10, 256), Recipe(5, 256), [0] * len(DECAYS)
    trained: list[States] = []

    def sources() -> None:
        trained.append(train(factory, initial(factory, seeds), source, recipe, seeds=seeds, weight_decay=DECAYS).states)

    rates = [matmul_rate()]
    sourced = seconds(sources)
    rates.append(matmul_rate())
    tuned = seconds(lambda: transfers(factory, trained[0], target, test, tuning))
    plain = seconds(lambda: plain_loop(factory(), source, recipe))
    plain += seconds(lambda: plain_loop(factory(), target, tuning))
    plain += seconds(lambda: plain_loop(factory(), target, tuning, penalised=True))

    # Forward and weight gradient of every layer, and the gradient of every layer's input but the first's.
    products = 2 * (2 * 784 * 128 + 3 * 128 * 64 + 3 * 64 * 5) * 29772 * recipe.epochs * K
    rate = products / sourced
    print(f"MNIST, {K} weight decays of one seed, {torch.get_num_threads()} threads")
    print(f"  source training                  {sourced / K:8.2f} s per (seed, weight decay)")
    print(
        f"  its matrix products              {rate / 1e9:8.0f} GFLOP/s: {rate / max(rates):.0%} of the 2048³ product's"
    )
    compare("MNIST", (sourced + tuned) / K, {"plain PyTorch, one member": plain})


def cifar10(epochs: int) -> None:
    K = torch.get_num_threads()
    source, target, test = rows(25000, 3, 32, 32), rows(1250, 3, 32, 32), rows(5000, 3, 32, 32)
    recipe, tuning, whole, seeds = Recipe(epochs, 128), Recipe(8, 128), 15 / epochs, [0] * K
    trained: list[States] = []

    def sources() -> None:
        start = initial(small_cnn, seeds)
        trained.append(train(small_cnn, start, source, recipe, seeds=seeds, weight_decay=DECAYS[1 : K + 1]).states)

    sourced = whole * seconds(sources)
    tuned = seconds(lambda: transfers(small_cnn, trained[0], target, test, tuning))
    short, steps = (source[0][:2560], source[1][:2560]), 25000 / 2560 * 15
    plain = steps * seconds(lambda: plain_loop(small_cnn(), short, Recipe(1, 128)))
    last = (short[0].to(memory_format=torch.channels_last), short[1])
    ordered = steps * seconds(
        lambda: plain_loop(small_cnn().to(memory_format=torch.channels_last), last, Recipe(1, 128))
    )
    print(f"CIFAR-10, {K} weight decays side by side, {K} threads, {epochs} of 15 source epochs scaled up")
    print(f"  source training                  {sourced / K:8.2f} s per (seed, weight decay)")
    names = {"plain PyTorch, source alone": plain, "the same, channels last": ordered}
    compare("CIFAR-10", (sourced + tuned) / K, names)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("what", nargs="*", default=["mnist", "cifar10"])
    options.add_argument("--epochs", type=int, default=3)
    chosen = options.parse_args()
    if "mnist" in chosen.what:
        mnist()
    if "cifar10" in chosen.what:
        cifar10(chosen.epochs)


if __name__ == "__main__":
    main()
