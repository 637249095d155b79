"""What the paper's network experiments cost: seconds per (seed, weight decay), against a plain loop and against the machine.

    python benchmarks/nets.py [mnist] [cifar10] [--share 1.0]

Random rows of the paper's shapes: times depend on shapes alone. All figures come from this run, but for the published
script's, which are quoted. ``--share`` shortens the source rows; the seconds are scaled back and marked so.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from torch import nn

from headwater.nets import Recipe, accuracy, initial, members, mlp, train

DECAYS = [0.0, *np.geomspace(1e-6, 1e-1, 18).tolist()]
PUBLISHED = {"mnist": 83.0, "cifar10": 403.0}  # seconds per (seed, weight decay), quoted, not measured here


def matmul_rate(seconds: float = 1.0) -> float:
    """The machine's single-precision matrix-product rate in FLOP/s, the best of many 2048³ products."""
    A, B = torch.randn(2, 2048, 2048)
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        torch.mm(A, B)
        best = min(best, time.perf_counter() - start)
    return 2 * 2048**3 / best


def rows(n: int, *shape: int, classes: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(n, *shape), torch.randint(classes, (n,))


def plain_loop(model: nn.Module, rows: tuple[torch.Tensor, torch.Tensor], recipe: Recipe, decay: float) -> None:
    """One member in a plain PyTorch loop, its rows in memory."""
    X, y = rows
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.learning_rate, weight_decay=decay)
    model.train()
    for _ in range(recipe.epochs):
        for index in torch.randperm(len(y)).split(recipe.batch_size):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(X[index]), y[index]).backward()
            optimizer.step()


def mnist() -> None:
    def factory() -> nn.Sequential:
        return mlp(784, 128, 64, 5)

    K = len(DECAYS)
    source, target, test = rows(29772, 784), rows(3022, 784), rows(5000, 784)
    recipe, tuning = Recipe(10, 256), Recipe(5, 256)
    flops = 2 * (2 * 784 * 128 + 3 * 128 * 64 + 3 * 64 * 5) * 29772 * recipe.epochs
    seeds = [0] * K
    rate = matmul_rate()
    start = time.perf_counter()
    trained = train(factory, initial(factory, seeds), source, recipe, seeds=seeds, weight_decay=DECAYS)
    sourced = time.perf_counter()
    rate = max(rate, matmul_rate())
    again = time.perf_counter()
    twice = members(trained.states, [*range(K), *range(K)])
    tuned = train(
        factory, twice, target, tuning, seeds=seeds * 2,
        weight_decay=[1e-4] * K + [0.0] * K, anchor_weight=[0.0] * K + [1e-4] * K,
    )  # fmt: skip
    scratch = train(factory, initial(factory, [0]), target, tuning, seeds=[0], weight_decay=1e-4)
    for states in (trained.states, tuned.states, scratch.states):
        accuracy(factory, states, test)
    whole = sourced - start + time.perf_counter() - again
    begun = time.perf_counter()
    plain_loop(factory(), source, recipe, 1e-4)
    for _ in range(2):
        plain_loop(factory(), target, tuning, 1e-4)
    plain = time.perf_counter() - begun
    print(f"MNIST, {K} weight decays of one seed, {torch.get_num_threads()} threads")
    print(f"  source, both transfers, scratch  {whole / K:8.2f} s per (seed, weight decay)")
    print(f"  of these source training         {(sourced - start) / K:8.2f} s")
    print(f"  matrix products of the source    {flops * K / (sourced - start) / 1e9:8.0f} GFLOP/s, "
          f"{flops * K / (sourced - start) / rate:.0%} of {rate / 1e9:.0f}")  # fmt: skip
    print(f"  plain PyTorch loop, one member   {plain:8.2f} s: {plain / whole * K:.1f} times as much")
    print(
        f"  published script (quoted)        {PUBLISHED['mnist']:8.2f} s: {PUBLISHED['mnist'] / whole * K:.0f} times as much"
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("what", nargs="*", default=["mnist", "cifar10"], choices=["mnist", "cifar10"])
    chosen = options.parse_args()
    if "mnist" in chosen.what:
        mnist()


if __name__ == "__main__":
    main()
