"""Which penalty for a linear head on a frozen encoder, if it is to start the head of another task? The theory is exact.

python docs/examples/feature_head.py [--small]
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import torch
from digits import Rows, load, turned
from numpy.typing import NDArray
from torch import nn

from headwater import SourceRidge, TransferRidge, advise

PENALTIES = np.geomspace(1e-4, 10, 26)


def encoder(rows: Rows, epochs: int, batch: int) -> nn.Module:
    """The hidden layers of a network that learned the other five digits."""
    torch.manual_seed(0)
    hidden = nn.Sequential(nn.Flatten(), nn.Linear(rows.X[0].size, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU())
    model = nn.Sequential(hidden, nn.Linear(64, 5))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    X, y = torch.from_numpy(rows.X), torch.from_numpy(rows.y)
    for _ in range(epochs):
        for i in torch.randperm(len(X)).split(batch):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(X[i]), y[i]).backward()
            optimizer.step()
    return hidden


def one_draw(source: Any, target: Any, test: Any) -> dict[str, Any]:
    """Held-out error of the target's head from scratch, from the source's head at each penalty, and as advised."""

    def error(model: Any) -> float:
        return float(np.mean((model.predict(test[0]) - test[1]) ** 2))

    head = SourceRidge().fit(*source)
    advice = advise(head, target)
    starts = {"source-optimal": head.tau_, "advised penalty": advice.transfer_optimal_tau}
    errors = {way: error(TransferRidge(head, tau, scale=False).fit(*target)) for way, tau in starts.items()}
    sweep = [error(TransferRidge(head, tau, scale=False).fit(*target)) for tau in PENALTIES]
    scratch = error(TransferRidge().fit(*target))
    penalties = {"tau_S*": head.tau_, "tau_0*": advice.transfer_optimal_tau, "scale": advice.scale}
    return {"scratch": scratch, **errors, "advised model": error(advice.model), "sweep": np.array(sweep), **penalties}


def main(small: bool = False) -> dict[tuple[int, int], dict[str, float]]:
    """(angle, target rows) → held-out target errors, means over draws, and the median penalties."""
    digits = load(small)
    hidden = encoder(digits.others, epochs=30 if small else 3, batch=32 if small else 256)

    def table(rows: Rows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        with torch.no_grad():
            return hidden(torch.from_numpy(rows.X)).double().numpy(), np.eye(5)[rows.y]

    upright, results = table(digits.first), {}
    for angle in (30, 60):
        pool, test = table(turned(digits.second, angle)), table(turned(digits.test, angle))
        for n in (20,) if small else (20, 50):
            draws = []
            for seed in range(4 if small else 20):
                rng = np.random.default_rng(seed)
                i, j = (rng.choice(len(side[1]), size, False) for side, size in ((upright, 200), (pool, n)))
                draws.append(one_draw((upright[0][i], upright[1][i]), (pool[0][j], pool[1][j]), test))
            sweep = np.mean([draw.pop("sweep") for draw in draws], axis=0)
            average = {name: np.median if name in ("tau_S*", "tau_0*", "scale") else np.mean for name in draws[0]}
            result = {name: float(average[name]([draw[name] for draw in draws])) for name in draws[0]}
            results[angle, n] = result | {"best of sweep": float(sweep.min()), "there": PENALTIES[sweep.argmin()]}
            print(f"turned by {angle}, {n} rows:", ", ".join(f"{k} {v:.4g}" for k, v in results[angle, n].items()))
    return results


if __name__ == "__main__":
    main(small="--small" in sys.argv[1:])
