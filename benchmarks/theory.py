"""What the theory costs against simulating it: ratios from one run, each the median of several repetitions.

    python benchmarks/theory.py [--repeat 5] [--features 2000]

Figures are wall-clock times on whatever machine runs this; the ratios are what to read.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from headwater import theory
from headwater.theory import Population, isotropic

ALIGNMENTS = np.linspace(0.5, 1.5, 21)
PENALTIES = np.geomspace(1e-2, 1e2, 50)
P, N0, N1 = 500, 250, 50


def factorise_per_penalty(draws: int) -> np.ndarray:
    """The plain loop: p = 500, a linear solve for every one of 50 source penalties, 21 alignments; mean ratios (21,).

    It is given every saving short of a decomposition: one Gram matrix and one source fit per penalty serve all
    alignments, and the target's n1 × n1 system is solved once for all of them.
    """
    ratios = np.empty((draws, len(ALIGNMENTS)))
    for draw in range(draws):
        generator = np.random.default_rng(draw)
        w0 = generator.standard_normal(P)
        w0 /= np.linalg.norm(w0)
        source = generator.standard_normal((N0, P))
        y0 = source @ w0 + generator.standard_normal(N0)
        target = generator.standard_normal((N1, P))
        noise = 0.1 * generator.standard_normal(N1)
        gram, moment = source.T @ source / N0, source.T @ y0 / N0
        target_gram = target @ target.T / N1 + 0.1 * np.eye(N1)
        own = np.empty(len(PENALTIES))
        transfer = np.empty((len(PENALTIES), len(ALIGNMENTS)))
        for i, tau in enumerate(PENALTIES):
            fit = np.linalg.solve(gram + tau * np.eye(P), moment)
            own[i] = np.sum((fit - w0) ** 2)
            error = fit[:, None] - w0[:, None] * ALIGNMENTS
            step = target.T @ np.linalg.solve(target_gram, (noise[:, None] - target @ error) / N1)
            transfer[i] = np.sum((error + step) ** 2, axis=0)
        ratios[draw] = PENALTIES[transfer.argmin(axis=0)] / PENALTIES[own.argmin()]
    return ratios.mean(axis=0)


def general_curve() -> np.ndarray:
    """The same curve from the code for any covariance: 21 optimisations."""
    pop = Population.isotropic(P, N0, 0.5, 1.0, target_samples=N1, target_noise=0.1)
    own = theory.source_optimal_tau(pop)
    return np.array([theory.transfer_optimal_tau(pop.realigned(rho), 0.1) / own for rho in ALIGNMENTS])


def general_walk() -> np.ndarray:
    """The same curve from the code for any covariance, no solver: the alignment read off at 512 penalties."""
    pop = Population.isotropic(P, N0, 0.5, 1.0, target_samples=N1, target_noise=0.1)
    taus = np.geomspace(1e-2, 1e2, 512)
    rhos = np.asarray(theory.optimal_alignment(pop, taus, 0.1))
    return np.exp(np.interp(ALIGNMENTS, rhos[::-1], np.log(taus)[::-1])) / theory.source_optimal_tau(pop)


def closed_curve() -> np.ndarray:
    """The same curve from the closed form, each root solved."""
    return isotropic.transfer_optimal_tau(ALIGNMENTS, P / N0, 1.0) / isotropic.source_optimal_tau(P / N0, 1.0)


def seconds(work: Callable[[], object], repeat: int) -> float:
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def phase_curve(repeat: int) -> None:
    print(f"phase curve, 21 alignments, p = {P}, n0 = {N0}")
    loop = seconds(lambda: factorise_per_penalty(10), max(1, repeat // 2))
    sizes = {
        "any covariance, 21 optimisations": general_curve,
        "any covariance, walked": general_walk,
        "closed form, 21 roots": closed_curve,
        "closed form, walked": walked_curve,
    }
    print(f"  simulated, 10 draws, a solve per penalty  {loop * 1e3:10.1f} ms")
    for name, work in sizes.items():
        took = seconds(work, repeat)
        print(f"  {name:41s} {took * 1e3:10.3f} ms   1/{loop / took:.0f}")
    closed = closed_curve()
    for name, curve in (
        ("simulation", factorise_per_penalty(10)),
        ("any covariance, optimised", general_curve()),
        ("any covariance, walked", general_walk()),
    ):
        print(f"  largest relative difference from the closed form: {np.abs(curve / closed - 1).max():.1e}  {name}")


def walked_curve() -> np.ndarray:
    """The same curve without a solver: 512 points of it."""
    return isotropic.phase_curve(P / N0, 1.0).tau


def decompose_once(p: int, repeat: int) -> None:
    print(f"full matrices that do not commute, p = {p}")
    generator = np.random.default_rng(0)
    factors = generator.standard_normal((2, p, p))
    covariances = factors @ factors.transpose(0, 2, 1) / p
    weights = generator.standard_normal(p) / np.sqrt(p)
    pops: list[Population] = []

    def build() -> None:
        pops.append(
            Population.from_matrices(
                *covariances, weights, 0.7 * weights,
                source_samples=p / 2, target_samples=p / 4, source_noise=1.0, target_noise=0.5,
            )
        )  # fmt: skip

    built = seconds(build, max(1, repeat // 2))
    pop = pops[-1]
    theory.transfer_risk(pop, 1.0, 0.5)  # the squared rotation is kept from here on
    one = seconds(lambda: theory.transfer_risk(pop, 1.0, 0.5), repeat)
    grid = seconds(lambda: theory.transfer_risk(pop, np.geomspace(1e-3, 1e3, 100), 0.5), repeat)
    best = seconds(lambda: theory.transfer_optimal_tau(pop.realigned(0.9), 0.5), max(1, repeat // 2))
    print(f"  decompositions, paid once                 {built * 1e3:10.1f} ms")
    print(f"  transfer risk at one penalty              {one * 1e3:10.1f} ms   1/{built / one:.0f}")
    print(f"  transfer risk at each of 100 penalties    {grid * 10:10.2f} ms   1/{built / grid * 100:.0f}")
    print(
        f"  transfer-optimal penalty, realigned       {best * 1e3:10.1f} ms   {best / built:.2f} of the decompositions"
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--repeat", type=int, default=5)
    options.add_argument("--features", type=int, default=2000)
    chosen = options.parse_args()
    phase_curve(chosen.repeat)
    decompose_once(chosen.features, chosen.repeat)


if __name__ == "__main__":
    main()
