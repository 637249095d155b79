"""Seconds that the paper's network experiments cost per (seed, weight decay): against plain loops, and the machine.

    python benchmarks/nets.py [mnist] [cifar10] [steps] [--repeat 5] [--processor-time]

Random rows of the paper's shapes: times depend on shapes alone. All figures come from this run, except those of the
published scripts, which are quoted. MNIST runs whole, once, and plain loops are the least of several runs; CIFAR-10
times a tenth of a source epoch, in turn with its plain loops, the least of several, scaled up. The control is what
`headwater reproduce` adds by default: four rates, three times the paper's length, four fifths of the target's rows,
read off at both lengths. On a machine that others use, --processor-time tells more: processor seconds over threads.
`steps` is what L2SP adds to a step of a fused AdamW with a decay of its own: all in turn, on one thread, medians of
processor time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from functools import cache

import numpy as np
import torch
from torch import nn

from headwater.nets import L2SP, Recipe, States, accuracy, initial, members, mlp, small_cnn, train

DECAYS = [0.0, *np.geomspace(1e-6, 1e-1, 18).tolist()]
PUBLISHED = {"MNIST": 83.0, "CIFAR-10": 403.0}  # seconds per (seed, weight decay) on 2 cores: quoted, not of this run
RATES = (3e-4, 1e-3, 3e-3, 1e-2)
Rows = tuple[torch.Tensor, torch.Tensor]


def matmul_rate(products: int = 40) -> float:
    """The machine's single-precision matrix-product rate in FLOP/s: the best of many 2048³ products, all threads."""
    A, B = torch.randn(2, 2048, 2048)
    return 2 * 2048**3 / min(seconds(lambda: torch.mm(A, B)) for _ in range(products))


def now() -> float:
    return time.process_time() / torch.get_num_threads() if options().processor_time else time.perf_counter()


def seconds(work: Callable[[], object]) -> float:
    start = now()
    work()
    return now() - start


def least(repeat: int, work: Callable[[], object]) -> float:
    return min(seconds(work) for _ in range(repeat))


def in_turn(ways: dict[str, Callable[[], object]], repeat: int) -> dict[str, list[float]]:
    runs: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeat):
        for name, work in ways.items():
            runs[name].append(seconds(work))
    return runs


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


def control(factory: Callable[[], nn.Module], source: States, target: Rows, test: Rows, recipe: Recipe) -> None:
    """Every source and scratch at every rate, on four fifths of the rows, scored on the rest and on the test rows."""
    K, cut = len(source["head.bias"]), len(target[1]) // 5
    left, rest = (target[0][:cut], target[1][:cut]), (target[0][cut:], target[1][cut:])
    starts, lengths = [source, initial(factory, [0])], (recipe.epochs, 3 * recipe.epochs)
    both = {name: torch.cat([start[name] for start in starts]) for name in source}
    rates = [rate for rate in RATES for _ in range(K + 1)]
    tuned = train(
        factory, members(both, [*range(K + 1)] * len(RATES)), rest, Recipe(lengths[-1], recipe.batch_size),
        seeds=[0] * len(rates), learning_rate=rates, weight_decay=1e-4, keep=lengths,
    ).kept  # fmt: skip
    for states in tuned.values():
        accuracy(factory, states, test)
        accuracy(factory, states, left)


def compare(name: str, took: float, plain: dict[str, float]) -> None:
    print(f"  source, both transfers, scratch  {took:8.2f} s per (seed, weight decay)")
    for what, other in plain.items():
        print(f"  {what:32s} {other:8.2f} s: {other / took:.1f} times as much")
    print(f"  published script, quoted         {PUBLISHED[name]:8.2f} s: {PUBLISHED[name] / took:.1f} times as much")


def at_product_rate(name: str, took: float, rate: float) -> None:
    """Against what the published script would take on a machine of this rate; its own made 155 GFLOP/s."""
    ratio = PUBLISHED[name] * 155e9 / rate / took
    print(f"  published, at this run's {rate / 1e9:4.0f} GFLOP/s          {ratio:.1f} times as much")


def mnist(repeat: int) -> None:
    def factory() -> nn.Module:
        return mlp(784, 128, 64, 5)

    K, source, target, test = len(DECAYS), rows(29772, 784), rows(3023, 784), rows(5000, 784)
    recipe, tuning, seeds = Recipe(10, 256), Recipe(5, 256), [0] * len(DECAYS)
    trained: list[States] = []
    marks: list[float] = []

    def moved(done: int, total: int) -> None:
        if done * recipe.epochs // total > len(marks):
            marks.append(now())

    def sources() -> None:
        start = initial(factory, seeds)
        found = train(factory, start, source, recipe, seeds=seeds, weight_decay=DECAYS, progress=moved)
        trained.append(found.states)

    rates = [matmul_rate()]
    sourced = seconds(sources)
    rates.append(matmul_rate())
    tuned = seconds(lambda: transfers(factory, trained[0], target, test, tuning))
    controlled = seconds(lambda: control(factory, trained[0], target, test, tuning))
    once = Recipe(1, 256)
    plain = recipe.epochs * least(repeat, lambda: plain_loop(factory(), source, once))
    plain += tuning.epochs * least(repeat, lambda: plain_loop(factory(), target, once))
    plain += tuning.epochs * least(repeat, lambda: plain_loop(factory(), target, once, penalised=True))

    # Forward and weight gradient of every layer, and the gradient of every layer's input but the first's.
    products = 2 * (2 * 784 * 128 + 3 * 128 * 64 + 3 * 64 * 5) * 29772 * K
    whole, best = products * recipe.epochs / sourced, products / np.diff(marks).min()
    print(f"MNIST, {K} weight decays of one seed, {torch.get_num_threads()} threads")
    print(f"  source training                  {sourced / K:8.2f} s per (seed, weight decay)")
    print(f"  its products, whole run          {whole / 1e9:8.0f} GFLOP/s, {whole / max(rates):.0%} of the 2048³'s")
    print(f"  its products, best epoch         {best / 1e9:8.0f} GFLOP/s, {best / max(rates):.0%}")
    compare("MNIST", (sourced + tuned) / K, {"plain PyTorch, one member": plain})
    print(f"  the control                      {controlled / K:8.2f} s: {controlled / (sourced + tuned):.0%} more")
    at_product_rate("MNIST", (sourced + tuned) / K, max(rates))


def cifar10(repeat: int) -> None:
    K = torch.get_num_threads()
    tenth, target, test = rows(2560, 3, 32, 32), rows(1250, 3, 32, 32), rows(5000, 3, 32, 32)
    last = (tenth[0].to(memory_format=torch.channels_last), tenth[1])
    once, seeds, start = Recipe(1, 128), [0] * K, initial(small_cnn, [0] * K)
    ways = {
        "ours": lambda: train(small_cnn, start, tenth, once, seeds=seeds, weight_decay=DECAYS[1 : K + 1]),
        "plain PyTorch, source alone": lambda: plain_loop(small_cnn(), tenth, once),
        "the same, channels last": lambda: plain_loop(small_cnn().to(memory_format=torch.channels_last), last, once),
    }
    scale = 25000 * 15 / 2560
    took = {name: scale * min(runs) for name, runs in in_turn(ways, repeat).items()}
    sourced = took.pop("ours") / K
    tuned = least(max(1, repeat // 2), lambda: transfers(small_cnn, start, target, test, Recipe(8, 128))) / K
    controlled = seconds(lambda: control(small_cnn, start, target, test, Recipe(8, 128))) / (K + 1)
    rate = matmul_rate()
    print(f"CIFAR-10, {K} weight decays side by side, {K} threads")
    print(f"  source training                  {sourced:8.2f} s per (seed, weight decay)")
    compare("CIFAR-10", sourced + tuned, took)
    print(f"  the control                      {controlled:8.2f} s: {controlled / (sourced + tuned):.0%} more")
    at_product_rate("CIFAR-10", sourced + tuned, rate)


@cache
def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", default=["mnist", "cifar10", "steps"])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--processor-time", action="store_true")
    return parser.parse_args()


def layered(shapes: Iterable[tuple[int, ...]]) -> nn.ParameterList:
    """Parameters of these shapes, with gradients, as a model that no batch needs to reach."""
    model = nn.ParameterList(nn.Parameter(torch.randn(shape)) for shape in shapes)
    for p in model:
        p.grad = torch.randn_like(p)
    return model


SMALL = [shape for _ in range(400) for shape in ((32, 32), (32,))]
GPT2 = [(50257, 768), (1024, 768), (768,), (768,)] + 12 * [
    (768,), (768,), (768, 2304), (2304,), (768, 768), (768,), (768,), (768,), (768, 3072), (3072,), (3072, 768), (768,),
]  # fmt: skip


def steps(repeat: int) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for what, shapes in {"800 small tensors": SMALL, "GPT-2 small, 124 million": GPT2}.items():
        torch.manual_seed(0)
        model = layered(shapes)
        ways: dict[str, Callable[[], object]] = {}
        for name, decay, decoupled in (("own", 0.01, None), ("decoupled", 0.0, True), ("coupled", 0.0, False)):
            # One set of parameters for all, lest memory be short; each optimizer has moments of its own.
            optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6, weight_decay=decay, fused=True)
            if decoupled is not None:
                L2SP(model, 1e-3, exclude=(), decoupled=decoupled).attach(optimizer)
            optimizer.step()
            ways[name] = optimizer.step
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(4 * repeat):
            for name, step in ways.items():
                start = time.process_time()
                step()
                times[name].append(time.process_time() - start)
        took = {name: float(np.median(own)) for name, own in times.items()}
        own = took.pop("own")
        print(f"A step of fused AdamW, {what}: {own * 1e3:.1f} ms with its own decay")
        for name, other in took.items():
            print(f"  toward the anchor, {name:10s}    {other * 1e3:8.1f} ms: {other / own:.2f} times as much")
    torch.set_num_threads(threads)


def main() -> None:
    chosen = options()
    if "mnist" in chosen.what:
        mnist(chosen.repeat)
    if "cifar10" in chosen.what:
        cifar10(chosen.repeat)
    if "steps" in chosen.what:
        steps(chosen.repeat)


if __name__ == "__main__":
    main()
