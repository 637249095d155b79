"""Average after fine-tuning (WiSE-FT), or decay toward the source while fine-tuning (L2-SP)? On two pairs of tasks.

python docs/examples/interpolation.py [--small]
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import torch
from digits import DATA, Rows, load, turned
from l2sp_finetuning import accuracy, network, train
from torch import nn

from headwater.nets import L2SP, Recipe, initial, interpolate, member, members, mlp, stack
from headwater.nets import accuracy as accuracies
from headwater.nets import train as train_members

SHARES = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)
Frontier = dict[str, list[float]]  # way → mean accuracies on the new task and on the old


def turned_digits(n: int, draws: int, small: bool) -> Frontier:
    """A few digits turned by 30°, after upright ones: the head is pretrained too. Fine-tuned by AdamW for 60 epochs."""
    digits = load(small)
    pixels, new = digits.test.X[0].size, turned(digits.test, 30)
    pretrained = network(pixels, seed=0)
    train(pretrained, digits.first, epochs=30 if small else 3, batch=32 if small else 256)
    start = {name: value.clone() for name, value in pretrained.state_dict().items()}
    found: dict[str, list[list[float]]] = {}

    def note(way: str, model: nn.Module) -> None:
        found.setdefault(way, []).append([accuracy(model, new), accuracy(model, digits.test)])

    for seed in range(draws):
        chosen = np.random.default_rng(seed).choice(len(digits.second.y), n, replace=False)
        rows = turned(Rows(digits.second.X[chosen], digits.second.y[chosen]), 30)
        model = network(pixels, seed)
        for weight in (0.0, 1.0, 3.0, 10.0, 30.0, 100.0):
            model.load_state_dict(start)
            torch.manual_seed(seed)
            train(model, rows, epochs=60, batch=32, l2sp=L2SP(model, weight, exclude=()))
            note(f"L2-SP, {weight:g}" if weight else "no decay", model)
            if not weight:
                tuned = {name: value.clone() for name, value in model.state_dict().items()}
        for share in SHARES:
            model.load_state_dict(interpolate(start, tuned, share))
            note(f"averaged, {share:g}", model)
    return {way: np.mean(each, axis=0).tolist() for way, each in found.items()}


def papers_pair(draws: int, small: bool) -> Frontier:
    """MNIST's 0, 3, 6, 8, 9, then a tenth of 1, 2, 4, 5, 7, the five outputs kept: by Adam, as in the paper."""
    if small:
        digits = load(small)
        old, new = digits.others, digits.first
        parts = [(old, old), (new, digits.test)]
    else:
        from headwater.study.networks import data

        pair = data.load("mnist", DATA if DATA.is_dir() else None)
        parts = [(Rows(*task.train), Rows(*task.test)) for task in (pair.source, pair.target)]
    (source, old_test), (target, new_test) = (
        [(torch.from_numpy(rows.X), torch.from_numpy(rows.y)) for rows in part] for part in parts
    )

    def factory() -> nn.Module:
        return mlp(source[0][0].numel(), 128, 64, 5)

    recipe = Recipe(10, 32 if small else 256)
    weights = (0.0, 1e-4, 1e-3, 1e-2, 3e-2, 0.1, 0.3)
    found: dict[str, list[list[float]]] = {}
    for seed in range(draws):
        start = train_members(factory, initial(factory, [seed]), source, recipe, seeds=[seed]).states
        few = torch.randperm(len(target[1]), generator=torch.Generator().manual_seed(seed))[: len(target[1]) // 10]
        tuned = train_members(
            factory, members(start, [0] * len(weights)), (target[0][few], target[1][few]), Recipe(5, recipe.batch_size),
            seeds=[seed] * len(weights), anchor_weight=weights,
        ).states  # fmt: skip
        between = [interpolate(member(start, 0), member(tuned, 0), share) for share in SHARES]
        states = stack([member(tuned, k) for k in range(len(weights))] + between)
        ways = ["no decay", *(f"L2-SP, {weight:g}" for weight in weights[1:]), *(f"averaged, {s:g}" for s in SHARES)]
        scores = (accuracies(factory, states, rows).tolist() for rows in (new_test, old_test))
        for way, *both in zip(ways, *scores, strict=True):
            found.setdefault(way, []).append(both)
    return {way: np.mean(each, axis=0).tolist() for way, each in found.items()}


def main(small: bool = False) -> dict[str, Frontier]:
    """What is fine-tuned on → way → mean accuracies on the new task and on the old."""
    draws = 2 if small else 10
    tasks: dict[str, Callable[[], Frontier]] = {
        f"{n} turned digits": lambda n=n: turned_digits(n, draws, small) for n in ((20,) if small else (20, 50, 200))
    }
    tasks["the paper's MNIST pair"] = lambda: papers_pair(draws, small)
    found = {}
    for task, run in tasks.items():
        found[task] = run()
        print(f"{task + ', way':36} new      old")
        for way, (new, old) in found[task].items():
            print(f"  {way:32} {new:6.1%}  {old:6.1%}", flush=True)
    return found


if __name__ == "__main__":
    main(small="--small" in sys.argv[1:])
