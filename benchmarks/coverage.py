"""What the calibration claims against what is so: intervals, verdicts and predicted gains over many draws.

python benchmarks/coverage.py [alignment | verdict | gain] [--draws 400] [--jobs 2]

Every draw takes w0 ~ N(0, I/p) and w1 = ρ w0 + v, v ~ N(0, private² I/p), rows of covariance diag(λ) with
λ_k ∝ k^−alpha of mean 1 (0: isotropic), and noise of deviation 1, the target's as named. One BLAS thread a worker; the
seed is the setting and the number of the draw.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from headwater import SourceRidge, advise, calibrate
from headwater.selection.hypotheses import SCRATCH
from headwater.theory import Population, scaled_optimum

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Setting:
    features: int
    source: int
    target: int
    rho: float
    alpha: float = 0.0
    private: float = 0.0
    target_noise: float = 1.0

    def __str__(self) -> str:
        return (
            f"p {self.features:3d}  n0 {self.source:4d}  n1 {self.target:3d}  rho {self.rho:3.1f}  "
            f"alpha {self.alpha:3.1f}  private {self.private:3.1f}  noise {self.target_noise:3.1f}"
        )


ALIGNMENT = [
    Setting(100, 1000, 30, 0.0),
    Setting(100, 1000, 30, 1.0, alpha=1.0),
    Setting(100, 200, 60, 0.6, private=0.5),
    Setting(100, 100, 200, 1.5),
    Setting(200, 400, 100, 0.3, alpha=1.0, private=0.5),
    Setting(200, 100, 50, 1.0),
    Setting(200, 200, 200, 0.3, alpha=1.0),
    Setting(300, 200, 100, 1.5, private=0.5),
    Setting(300, 1500, 60, 0.6, alpha=1.0),
    Setting(500, 250, 100, 0.6, alpha=1.0, private=0.5),
    Setting(500, 500, 200, 1.0, private=0.5),
    Setting(500, 1000, 200, 0.0, alpha=1.0, private=1.0),
]


UNRELATED = [
    Setting(100, 200, 100, 0.0, private=1.0),
    Setting(100, 1000, 30, 0.0, private=0.5),
    Setting(200, 400, 100, 0.0, alpha=1.0, private=1.0),
    Setting(300, 200, 100, 0.0),
]
RELATED = [
    Setting(100, 200, 100, 0.6, private=0.5),
    Setting(100, 1000, 100, 0.8, private=0.5),
    Setting(200, 200, 100, 1.0, alpha=1.0, private=0.5),
    Setting(300, 200, 100, 1.3, private=0.5),
    Setting(300, 600, 100, 0.5, private=0.3),
    Setting(50, 100, 100, 1.0, target_noise=2.0),
]
GAIN = [
    Setting(100, 200, 100, 0.6, private=0.5),
    Setting(100, 200, 100, 0.0, private=1.0),
    Setting(100, 1000, 30, 1.0, alpha=1.0),
    Setting(200, 200, 100, 1.0, alpha=1.0, private=0.5),
    Setting(200, 400, 50, 0.3, private=0.5),
    Setting(300, 200, 100, 1.3, private=0.5),
    Setting(300, 600, 50, 0.8, alpha=1.0, private=0.3, target_noise=2.0),
    Setting(50, 500, 30, 0.8, alpha=1.0, private=0.3),
]


@dataclass(frozen=True)
class Draw:
    X0: Array
    y0: Array
    X1: Array
    y1: Array
    w1: Array
    eigenvalues: Array

    def risk(self, coef: Array) -> float:
        """The excess risk of target coefficients."""
        return float(self.eigenvalues @ (coef - self.w1) ** 2)


def draw(setting: Setting, number: int) -> Draw:
    rng = np.random.default_rng([number, setting.features, setting.source, setting.target, round(10 * setting.rho)])
    p = setting.features
    eigenvalues = np.arange(1.0, p + 1) ** -setting.alpha
    eigenvalues /= eigenvalues.mean()
    w0, v = rng.standard_normal((2, p)) / np.sqrt(p)
    w1 = setting.rho * w0 + setting.private * v
    X0, X1 = (rng.standard_normal((n, p)) * np.sqrt(eigenvalues) for n in (setting.source, setting.target))
    y0 = X0 @ w0 + rng.standard_normal(len(X0))
    y1 = X1 @ w1 + setting.target_noise * rng.standard_normal(len(X1))
    return Draw(X0, y0, X1, y1, w1, eigenvalues)


def alignment(setting: Setting, number: int) -> list[float]:
    """ρ̂, its interval, and how long it took."""
    with threadpool_limits(1):
        data = draw(setting, number)
        source = SourceRidge().fit(data.X0, data.y0)
        begun = time.perf_counter()
        found = calibrate(source, data.X1, data.y1)
    return [found.rho, *found.rho_interval, time.perf_counter() - begun]


def report_alignment(run: Callable[..., Array]) -> None:
    """Coverage between 92 and 98 %, |bias| at most 0.05 or a quarter of the standard deviation."""
    print("alignment: coverage of the 95 % interval; the estimate's bias and standard deviation; unbounded intervals")
    for setting in ALIGNMENT:
        rho, low, high, seconds = run(alignment, setting).T
        covered = np.mean((low <= setting.rho) & (setting.rho <= high))
        bias, deviation = rho.mean() - setting.rho, rho.std()
        held = 0.92 <= covered <= 0.98 and abs(bias) <= max(0.05, deviation / 4)
        print(
            f"{setting}   {covered:6.1%}   bias {bias:+.3f}   sd {deviation:.3f}"
            f"   unbounded {np.isinf(high).mean():5.1%}   {1000 * np.median(seconds):4.0f} ms"
            f"   {'held' if held else 'MISSED'}",
            flush=True,
        )


def advised(setting: Setting, number: int) -> list[float]:
    """Whether transfer and scratch were advised, the realised gain of the model, and the one foretold."""
    with threadpool_limits(1):
        data = draw(setting, number)
        advice = advise((data.X0, data.y0), (data.X1, data.y1))
        alone = advice.alone[SCRATCH]
        scratch = alone.fitted[0][0]
    realised, gain = data.risk(scratch) - data.risk(advice.model.coef_), advice.gain.chosen
    verdict = advice.verdict
    return [verdict == "transfer", verdict == "scratch", realised, gain.estimate, gain.low, gain.high]


def oracle_gain(setting: Setting) -> float:
    """The best transfer's gain by theory, its source scaled, over the risk from scratch."""
    eigenvalues = np.arange(1.0, setting.features + 1) ** -setting.alpha
    best = scaled_optimum(
        Population.random_effects(
            eigenvalues / eigenvalues.mean(),
            rho=setting.rho,
            source_samples=setting.source,
            source_noise=1.0,
            target_samples=setting.target,
            target_noise=setting.target_noise,
            private=setting.private,
        )
    )
    return best.gain / best.scratch_risk


def report_verdict(run: Callable[..., Array]) -> None:
    """At most 5 % transfer where the tasks are unrelated, at least 80 % where the oracle gains over 20 %."""
    print("verdict: how often transfer and scratch are advised")
    for settings, related in ((UNRELATED, False), (RELATED, True)):
        for setting in settings:
            transfer, scratch = run(advised, setting)[:, :2].mean(axis=0)
            held = transfer >= 0.8 if related else transfer <= 0.05
            oracle = f"oracle gain {oracle_gain(setting):4.0%}" if related else "unrelated tasks"
            print(
                f"{setting}   {oracle:16s}   transfer {transfer:6.1%}   scratch {scratch:6.1%}"
                f"   {'held' if held else 'MISSED'}",
                flush=True,
            )


def report_gain(run: Callable[..., Array]) -> None:
    """The foretold gain's 90 % interval holds the realised gain of the draw 85 to 95 % of the time.

    Gain: ‖ŵ_scratch − w1‖² − ‖ŵ − w1‖² in the target's true covariance, ŵ being advice.model on that draw, noise and
    all.
    """
    print("gain: how often the 90 % interval holds what was realised on the draw; means of both")
    for setting in GAIN:
        _, _, realised, estimate, low, high = run(advised, setting).T
        covered = np.mean((low <= realised) & (realised <= high))
        print(
            f"{setting}   {covered:6.1%}   below {np.mean(realised < low):5.1%}   above {np.mean(realised > high):5.1%}"
            f"   realised {realised.mean():+.4f}   foretold {estimate.mean():+.4f}   width {np.mean(high - low):.4f}"
            f"   {'held' if 0.85 <= covered <= 0.95 else 'MISSED'}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reports = {"alignment": report_alignment, "verdict": report_verdict, "gain": report_gain}
    parser.add_argument("part", nargs="?", choices=[*reports, "all"], default="all")
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()

    def run(measure: Callable[[Setting, int], list[float]], setting: Setting) -> Array:
        work = (delayed(measure)(setting, number) for number in range(options.draws))
        return np.array(Parallel(n_jobs=options.jobs)(work))

    for name in reports if options.part == "all" else [options.part]:
        reports[name](run)


if __name__ == "__main__":
    main()
