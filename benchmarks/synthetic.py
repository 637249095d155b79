"""The synthetic experiments against a factorise-per-penalty loop, and against draws and decompositions alone.

python benchmarks/synthetic.py [--repeats 5]

One BLAS thread on every side, one process, interleaved, medians. The loop shares everything across penalties and ρ
except the factorisation: `primal` solves in p dimensions at every penalty, as is usual; `dual` in the smaller of n0 and
p, the best a loop can do. Then the whole command with two workers, start-up included.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np
from scipy.linalg import lapack
from threadpoolctl import threadpool_limits

from headwater.study.runner import run
from headwater.study.synthetic.experiment import Array, Synthetic, Trial, ridge
from headwater.theory.families import power_law_spectrum


def draw(trial: Trial) -> tuple[Array, Array, Array, Array, Array, Array]:
    """The tasks of a trial, drawn as `Trial.run` draws them."""
    rng = np.random.default_rng(trial.seed)
    spectrum = power_law_spectrum(trial.alpha, trial.n_features)
    weights = rng.standard_normal(trial.n_features)
    weights /= np.linalg.norm(weights)
    target = rng.standard_normal((trial.target_samples, trial.n_features)) * np.sqrt(spectrum)
    target_noise = trial.target_noise * rng.standard_normal(trial.target_samples)
    source = rng.standard_normal((trial.source_samples, trial.n_features)) * np.sqrt(spectrum)
    response = source @ weights + trial.source_noise * rng.standard_normal(trial.source_samples)
    return spectrum, weights, target, target_noise, source, response


def loop(trial: Trial, primal: bool) -> dict[str, list[float]]:
    """What `Trial.run` returns, with a factorisation for each penalty."""
    spectrum, weights, target, target_noise, source, response = draw(trial)
    n, p = source.shape
    truth = weights - ridge(target, (target @ weights)[:, None], trial.target_tau)[:, 0]
    primal = primal or n >= p
    gram = source.T @ source if primal else source @ source.T
    right = source.T @ response if primal else response
    diagonal = gram.diagonal()
    shifted = gram.copy()
    small = target @ target.T + trial.target_samples * trial.target_tau * np.eye(trial.target_samples)
    inverse = np.linalg.inv(small)
    source_risk, square, cross = [], [], []
    for tau in trial.penalties:
        np.fill_diagonal(shifted, diagonal + n * tau)
        solution = np.linalg.solve(shifted, right)
        fitted = solution if primal else source.T @ solution
        source_risk.append(float(spectrum @ (fitted - weights) ** 2))
        fitted = fitted - target.T @ (inverse @ (target @ fitted - target_noise))
        square.append(float(spectrum @ fitted**2))
        cross.append(float((spectrum * truth) @ fitted))
    return {"source_risk": source_risk, "transfer_square": square, "transfer_cross": cross}


def limit(trial: Trial) -> None:
    """Draws and the tridiagonal form of the smaller Gram matrix, and nothing else."""
    source = draw(trial)[4]
    n, p = source.shape
    gram = source @ source.T if n < p else source.T @ source
    lapack.dsytrd(gram, lower=1, lwork=32 * len(gram))


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    for name, experiment in (("phase", Synthetic.phase()), ("covariance", Synthetic.covariance())):
        trials = experiment.trials()
        for trial in trials[::7]:
            ours, theirs = run(trial), loop(trial, primal=True)
            for key, values in theirs.items():
                np.testing.assert_allclose(ours[key], values, rtol=1e-7)
        sides: dict[str, Callable[[], object]] = {
            "headwater": lambda trials=trials: [trial.run() for trial in trials],
            "draws and decompositions": lambda trials=trials: [limit(trial) for trial in trials],
            "loop, dual": lambda trials=trials: [loop(trial, primal=False) for trial in trials],
            "loop, primal": lambda trials=trials: [loop(trial, primal=True) for trial in trials],
        }
        with threadpool_limits(1, user_api="blas"):
            times = {side: [] for side in sides}
            for _ in range(repeats):
                for side, work in sides.items():
                    times[side].append(seconds(work))
        median = {side: statistics.median(values) for side, values in times.items()}
        print(f"{name}: {len(trials)} trials, one BLAS thread")
        for side, value in median.items():
            print(f"  {side:26} {value:7.3f} s   {value / median['headwater']:6.2f} times headwater's")
        whole, inside = [], []
        for _ in range(repeats):
            with tempfile.TemporaryDirectory() as folder:
                command = [sys.executable, "-c", "from headwater.cli import main; main()", "reproduce", name]
                command += ["--workers", "2", "--json", "--out", folder]
                start = time.perf_counter()
                done = subprocess.run(command, capture_output=True, check=True, text=True)
                whole.append(time.perf_counter() - start)
                inside.append(json.loads(done.stdout)["seconds"])
        start_up = statistics.median(a - b for a, b in zip(whole, inside, strict=True))
        print(
            f"  whole process, two workers {statistics.median(whole):6.2f} s, start-up and exit {start_up:.2f} s of it"
        )


if __name__ == "__main__":
    main()
