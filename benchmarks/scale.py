"""Two of Dask's workers against one: ``SourceRidge`` on 4,000,000 × 100 numbers that the workers draw themselves.

A real scheduler and real worker processes on loopback, each of one thread and one BLAS thread. Rounds alternate between
one worker and two; medians of the rounds' seconds. Beside it the same blocks by one process without Dask, which is what
spreading the work costs, and two bare processes at it, which is what the machine gives: where its cores are shared with
other work, or its memory is slow, two workers cannot be twice one. The processor seconds of the busiest worker say what
cores of their own would give. The moments alone are timed apart from the drawing.

    python benchmarks/scale.py [ROWS]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import numpy as np
from threadpoolctl import threadpool_limits

FEATURES, BLOCK, ROUNDS = 100, 50_000, 3
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def rows(block: int) -> tuple[np.ndarray, np.ndarray]:
    """A block's rows, the same wherever it is drawn."""
    rng = np.random.default_rng(block)
    X = rng.standard_normal((BLOCK, FEATURES))
    return X, X @ np.linspace(-1, 1, FEATURES) + rng.standard_normal(BLOCK)


def here(blocks: range) -> tuple[float, float]:
    """Seconds of drawing and of moments, of some blocks, by this process."""
    from headwater import Moments

    drawing = summing = 0.0
    total = None
    with threadpool_limits(1):
        for block in blocks:
            start = time.perf_counter()
            X, y = rows(block)
            drawn = time.perf_counter()
            found = Moments.from_arrays(X, y)
            total = found if total is None else total + found
            drawing, summing = drawing + drawn - start, summing + time.perf_counter() - drawn
    return drawing, summing


@contextmanager
def cluster(workers: int) -> Iterator[str]:
    """The address of a scheduler with so many workers."""
    with tempfile.TemporaryDirectory() as folder:
        file, started = Path(folder) / "scheduler.json", []
        env = {
            **os.environ,
            **THREADS,
            "PYTHONPATH": os.pathsep.join(filter(None, [*sys.path, str(Path(__file__).parent)])),
        }

        def start(*words: str) -> None:
            command = [sys.executable, "-m", "dask", *words, "--no-dashboard", "--scheduler-file", str(file)]
            started.append(subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL, cwd=folder))

        try:
            start("scheduler", "--host", "127.0.0.1", "--port", "0")
            for _ in range(workers):
                start("worker", "--no-nanny", "--nthreads", "1", "--memory-limit", "0", "--host", "127.0.0.1")
            while not file.exists() or not file.stat().st_size:
                time.sleep(0.05)
            yield json.loads(file.read_text())["address"]
        finally:
            for process in reversed(started):
                process.kill()
                process.wait()


def fit(count: int) -> np.ndarray:
    """A source fitted on the active client's workers."""
    import dask.array as da
    from dask import delayed

    from headwater import SourceRidge

    drawn = [delayed(rows, nout=2)(block) for block in range(count)]
    X = da.concatenate([da.from_delayed(X, (BLOCK, FEATURES), float) for X, _ in drawn])
    y = da.concatenate([da.from_delayed(y, (BLOCK,), float) for _, y in drawn])
    return SourceRidge().fit(X, y).coef_


def timed(address: str, workers: int, count: int) -> tuple[float, float, np.ndarray]:
    """Seconds by the clock, the busiest worker's processor seconds, and the coefficients."""
    from distributed import Client

    with Client(address) as client:
        client.wait_for_workers(workers)
        fit(2 * workers)  # its libraries are loaded
        before, start = client.run(time.process_time), time.perf_counter()
        coef = fit(count)
        took, after = time.perf_counter() - start, client.run(time.process_time)
        return took, max(after[worker] - before[worker] for worker in after), coef


def main() -> None:
    count = (int(sys.argv[1]) if len(sys.argv) > 1 else 4_000_000) // BLOCK
    seconds: dict[str, list[float]] = {"1 worker": [], "2 workers": [], "1 process": [], "2 processes": []}
    found: list[np.ndarray] = []
    busiest: dict[int, list[float]] = {1: [], 2: []}
    with cluster(1) as one, cluster(2) as two:
        for _ in range(ROUNDS):
            for name, address, workers in (("1 worker", one, 1), ("2 workers", two, 2)):
                took, busy, coef = timed(address, workers, count)
                seconds[name].append(took)
                busiest[workers].append(busy)
                found.append(coef)
    parts = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        parts.append(here(range(count)))
        seconds["1 process"].append(time.perf_counter() - start)
        with ProcessPoolExecutor(2) as both:
            list(both.map(here, [range(1), range(1)]))
            start = time.perf_counter()
            list(both.map(here, [range(count // 2), range(count // 2, count)]))
            seconds["2 processes"].append(time.perf_counter() - start)
    print(f"{count * BLOCK} rows x {FEATURES} features, load of the machine {os.getloadavg()[0]:.1f}")
    for name, took in seconds.items():
        print(f"{name:12} {median(took):7.1f} s   ({', '.join(f'{one:.1f}' for one in took)})")
    drawing, summing = (median(part) for part in zip(*parts, strict=True))
    print(f"of 1 process {drawing:.1f} s draw the rows and {summing:.1f} s make moments of them")
    print(f"two workers are {median(seconds['1 worker']) / median(seconds['2 workers']):.2f} x one; ", end="")
    print(f"two bare processes {median(seconds['1 process']) / median(seconds['2 processes']):.2f} x one")
    one_busy, two_busy = (median(busiest[workers]) for workers in (1, 2))
    print(f"processor seconds of the busiest worker: {one_busy:.1f} of one, {two_busy:.1f} of two: ", end="")
    print(f"{one_busy / two_busy:.2f} x")
    print(f"coefficients apart by {max(np.abs(one - found[0]).max() for one in found):.1e}")


if __name__ == "__main__":
    main()
