"""The choice's risk over the Bayes oracle's, which knows every variance and uses both tables.

In each population w0 ~ N(0, σ_w² I), w1 = ρ w0 + v with v ~ N(0, σ_v² I), rows are Gaussian, and the target's level is
the source's or its own. The oracle's prior for w1 is N(ρ m, ρ² C + σ_v² I), m and C the posterior of w0 given the
source; a level of the target's own has a flat prior. Risks are expected squared errors of prediction less the noise,
in the target's population, averaged over the draws. ‖w0‖² is 1 in expectation, spectra have mean 1.

    python benchmarks/oracle.py [--draws 40] [--jobs 2]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from headwater import SourceRidge, TransferRidge


@dataclass(frozen=True)
class Model:
    """One population: p features of variance ∝ k^-decay, rows and noise of both sides, ρ, σ_v/σ_w, the level."""

    name: str
    p: int
    n0: int
    n1: int
    rho: float
    spread: float
    noise0: float = 1.0
    noise1: float = 1.0
    decay: float = 0.0
    level: float = 0.0


MODELS = (
    Model("same task, same level", 50, 500, 50, 1.0, 0.0),
    Model("same task, small source", 100, 100, 40, 1.0, 0.0, level=1.0),
    Model("same task, wide, less noise", 500, 400, 60, 1.0, 0.0, noise1=0.5, decay=1.0, level=0.5),
    Model("related, large source", 100, 2000, 50, 0.6, 0.4, noise1=0.5, level=1.0),
    Model("related, small source", 200, 100, 50, 0.8, 0.3, level=-1.0),
    Model("related, wide, little noise", 500, 250, 50, 0.3, 0.0, noise1=0.1),
    Model("nearly the same, wide", 300, 600, 40, 0.9, 0.3, decay=0.5, level=0.3),
    Model("unrelated", 100, 400, 40, 0.0, 1.0, noise1=0.7, level=1.0),
)


def draw(model: Model, seed: int, ways: dict[str, Callable[..., Any]]) -> dict[str, float]:
    """The excess risks of each way and of the oracle."""
    rng = np.random.default_rng([seed, MODELS.index(model)])
    spectrum = np.arange(1.0, model.p + 1) ** -model.decay
    root = np.sqrt(spectrum / spectrum.mean())
    w0, v = rng.normal(size=(2, model.p)) / np.sqrt(model.p)
    w1 = model.rho * w0 + model.spread * v
    X0, X1 = rng.normal(size=(model.n0, model.p)) * root, rng.normal(size=(model.n1, model.p)) * root
    y0 = X0 @ w0 + model.noise0 * rng.normal(size=model.n0)
    y1 = model.level + X1 @ w1 + model.noise1 * rng.normal(size=model.n1)
    source = SourceRidge().fit(X0, y0)

    def risk(coef: np.ndarray, level: float) -> float:
        return float(np.sum((root * (coef - w1)) ** 2) + (level - model.level) ** 2)

    fits = {name: way(source, X1, y1, None) for name, way in ways.items()}
    found = {name: risk(fit.coef_, fit.intercept_) for name, fit in fits.items()}
    return found | {"oracle": risk(*oracle(model, X0, y0, X1, y1))}


def oracle(model: Model, X0: np.ndarray, y0: np.ndarray, X1: np.ndarray, y1: np.ndarray) -> tuple[np.ndarray, float]:
    """The posterior mean of the target's coefficients and level.

    The source's level has a flat prior, and so has the target's own; where it has the source's, this is known.
    """
    one, variance = np.ones((model.n0, 1)), 1 / model.p
    diffuse = 1e6  # the variance of a level: flat, as far as these outcomes go
    joint = np.hstack([X0, one])
    prior = np.diag(np.r_[np.full(model.p, variance), diffuse])
    gain = np.linalg.solve(joint @ prior @ joint.T + model.noise0**2 * np.eye(model.n0), joint @ prior).T
    mean, cov = gain @ y0, prior - gain @ joint @ prior
    keep = np.r_[np.full(model.p, model.rho), 1.0]
    mean, cov = keep * mean, keep[:, None] * cov * keep
    cov += np.diag(np.r_[np.full(model.p, model.spread**2 * variance), 0.0 if model.level == 0 else diffuse])
    joint = np.hstack([X1, np.ones((model.n1, 1))])
    gain = np.linalg.solve(joint @ cov @ joint.T + model.noise1**2 * np.eye(model.n1), joint @ cov).T
    mean = mean + gain @ (y1 - joint @ mean)
    return mean[:-1], float(mean[-1])


def measured(draws: int, jobs: int, ways: dict[str, Callable[..., Any]]) -> dict[str, dict[str, float]]:
    """Mean risks over the oracle's, by population and way."""

    def one(model: Model, seed: int) -> dict[str, float]:
        with threadpool_limits(1, "blas"):
            return draw(model, seed, ways)

    found = iter(Parallel(jobs)(delayed(one)(model, seed) for model in MODELS for seed in range(draws)))
    means = {}
    for model in MODELS:
        some = [next(found) for _ in range(draws)]
        risks = {name: float(np.mean([risk[name] for risk in some])) for name in some[0]}
        means[model.name] = {name: risk / risks["oracle"] for name, risk in risks.items()}
    return means


WAYS = {
    "choice": lambda source, X, y, groups: TransferRidge(source).fit(X, y),
    "scratch": lambda source, X, y, groups: TransferRidge().fit(X, y),
    "source-optimal": lambda source, X, y, groups: TransferRidge(source, source_tau=source.tau_, scale=False).fit(X, y),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=40)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    means = measured(options.draws, options.jobs, WAYS)
    print(f"risk over the oracle's, {options.draws} draws{'':32}" + "".join(f"{name:>16}" for name in WAYS))
    for model in MODELS:
        sizes = f"p {model.p}, n0 {model.n0}, n1 {model.n1}"
        print(f"{model.name:36}{sizes:30}" + "".join(f"{means[model.name][name]:16.3f}" for name in WAYS))
    for label, of in (("median", np.median), ("worst", np.max)):
        print(f"{label:66}" + "".join(f"{of([risks[n] for risks in means.values()]):16.3f}" for n in WAYS))


if __name__ == "__main__":
    main()
