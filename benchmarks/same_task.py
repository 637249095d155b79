"""What scaling the source does where nothing need be unlearned: the target is the source's own task, on MNIST.

    python benchmarks/same_task.py DATA [--seeds 5]

A source learns half of the rows of digits 0, 3, 6, 8, 9 without weight decay; it is fine-tuned, at the paper's rate and
length, on a tenth of the other half from its weights times each factor. Printed: test accuracies over the seeds.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from headwater.nets.models import initial, member, mlp, stack
from headwater.nets.recipe import Recipe
from headwater.nets.streams import stream
from headwater.nets.training import accuracy, train
from headwater.study.networks.data import load
from headwater.study.networks.experiment import FACTORS


def factory() -> torch.nn.Module:
    return mlp(784, 128, 64, 5)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("data", type=Path)
    options.add_argument("--seeds", type=int, default=5)
    chosen = options.parse_args()
    task = load("mnist", chosen.data).source
    (X, y), test = (torch.from_numpy(part) for part in task.train), tuple(map(torch.from_numpy, task.test))
    scores = []
    for seed in range(chosen.seeds):
        order = torch.randperm(len(y), generator=torch.Generator().manual_seed(stream(seed, "rows")))
        half, few = order[: len(y) // 2], order[len(y) // 2 :][: len(y) // 20]
        start = initial(factory, [stream(seed, "source")])
        source = member(train(factory, start, (X[half], y[half]), Recipe(10, 256), seeds=[seed]).states, 0)
        scaled = stack([{name: value * factor for name, value in source.items()} for factor in FACTORS])
        batches = [stream(seed, "batches")] * len(FACTORS)
        tuned = train(factory, scaled, (X[few], y[few]), Recipe(5, 256), seeds=batches, weight_decay=1e-4).states
        scores.append(100 * accuracy(factory, tuned, test))
    found = torch.stack(scores)
    for k, factor in enumerate(FACTORS):
        change = found[:, k] - found[:, 0]
        print(f"factor {factor:g}: {found[:, k].mean():.2f} %, {change.mean():+.2f} against 1, sd {change.std():.2f}")


if __name__ == "__main__":
    main()
