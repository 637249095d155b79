"""Fine-tune a pretrained network with L2-SP in a plain PyTorch loop: a handful of turned digits, after upright ones.

python docs/examples/l2sp_finetuning.py [--small]
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from digits import Rows, load, turned
from torch import nn

from headwater.nets import distance
from headwater.nets.anchor import L2SP


def network(pixels: int, seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(pixels, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 5)
    )


def train(model: nn.Module, rows: Rows, epochs: int, batch: int, decay: float = 0.0, l2sp: L2SP | None = None) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=decay)
    if l2sp:
        l2sp.attach(optimizer)  # the one line that differs
    X, y = torch.from_numpy(rows.X), torch.from_numpy(rows.y)
    for _ in range(epochs):
        for i in torch.randperm(len(X)).split(batch):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(X[i]), y[i]).backward()
            optimizer.step()


def accuracy(model: nn.Module, rows: Rows) -> float:
    with torch.no_grad():
        return (model(torch.from_numpy(rows.X)).argmax(1) == torch.from_numpy(rows.y)).float().mean().item()


def main(small: bool = False) -> dict[tuple[int, str], list[float]]:
    """(rows, way) → mean accuracy on turned and on upright test digits, mean distance from the pretrained weights."""
    digits = load(small)
    pixels, new = digits.test.X[0].size, turned(digits.test, 30)
    pretrained = network(pixels, seed=0)
    train(pretrained, digits.first, epochs=30 if small else 3, batch=32 if small else 256)
    start = {name: value.clone() for name, value in pretrained.state_dict().items()}

    def tune(rows: Rows, seed: int, weight: float | None, decay: float = 0.0, scratch: bool = False) -> list[float]:
        model = network(pixels, seed)
        if not scratch:
            model.load_state_dict(start)
        # The classes are the same, so the head is pretrained too: nothing is excluded.
        l2sp = None if weight is None else L2SP(model, weight, exclude=())
        train(model, rows, epochs=60, batch=32, decay=decay, l2sp=l2sp)
        return [accuracy(model, new), accuracy(model, digits.test), distance(model, start).total]

    results = {(0, "as pretrained"): [accuracy(pretrained, new), accuracy(pretrained, digits.test), 0.0]}
    print(f"{'rows':>5} {'way':26} turned  upright  distance")
    for n in (20,) if small else (20, 50, 200):
        draws = []
        for seed in range(2 if small else 10):
            chosen = np.random.default_rng(seed).choice(len(digits.second.y), n, replace=False)
            rows = turned(Rows(digits.second.X[chosen], digits.second.y[chosen]), 30)
            ways = {"scratch": tune(rows, seed, None, 0.01, scratch=True)}
            ways |= {f"toward zero, {decay:g}": tune(rows, seed, None, decay) for decay in (0.0, 0.01, 1.0, 10.0)}
            ways |= {f"toward the anchor, {weight:g}": tune(rows, seed, weight) for weight in (1.0, 3.0, 10.0, 100.0)}
            draws.append(ways)
        results |= {(n, way): np.mean([each[way] for each in draws], axis=0).tolist() for way in draws[0]}
    for (n, way), (on_new, on_old, apart) in results.items():
        print(f"{n:5} {way:26} {on_new:6.1%}  {on_old:7.1%}  {apart:8.2f}")
    return results


if __name__ == "__main__":
    main(small="--small" in sys.argv[1:])
