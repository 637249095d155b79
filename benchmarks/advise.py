"""What ``advise`` costs: seconds and the largest memory held, at three sizes.

    python benchmarks/advise.py [--against CHECKOUT] [--repetitions 3] [--threads 2]

As many source rows, target rows and features: 1000 and 2000; and 200 outputs of 500 source rows, 150 target rows and
100 features. Each run is a process of its own. ``--against`` another checkout of headwater runs both in turn and says
how they compare: seconds are those of a machine and of an hour, ratios less so. Medians.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

SIZES = {"1000": (1000, 1000, 1000, 1), "2000": (2000, 2000, 2000, 1), "200 outputs": (500, 150, 100, 200)}
RUN = """
import json, resource, sys, time
import numpy as np
from headwater import advise
n0, n1, p, q = json.loads(sys.argv[1])
rng = np.random.default_rng(0)
w0, v = rng.standard_normal((2, p, q)) / np.sqrt(p)
X0, X1 = rng.standard_normal((n0, p)), rng.standard_normal((n1, p))
y0 = X0 @ w0 + rng.standard_normal((n0, q))
y1 = X1 @ (0.6 * w0 + 0.5 * v) + rng.standard_normal((n1, q))
begun, busy = time.perf_counter(), time.process_time()
advise((X0, y0), (X1, y1))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(json.dumps([time.perf_counter() - begun, time.process_time() - busy, peak]))
"""


def measured(checkout: Path, size: tuple[int, ...], threads: int) -> list[float]:
    """Seconds, processor seconds, and GiB at the most, of one process."""
    count = {name: str(threads) for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")}
    environment = {**os.environ, **count, "PYTHONPATH": str(checkout / "src")}
    command = [sys.executable, "-c", RUN, json.dumps(size)]
    return list(json.loads(subprocess.run(command, env=environment, check=True, capture_output=True).stdout))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sizes", nargs="*", choices=list(SIZES), default=list(SIZES))
    options = parser.parse_args()
    checkouts = [Path(__file__).parents[1]] + ([options.against] if options.against else [])
    for name in options.sizes:
        runs = [[measured(one, SIZES[name], options.threads) for one in checkouts] for _ in range(options.repetitions)]
        middle = [
            [sorted(run[one][what] for run in runs)[len(runs) // 2] for what in range(3)]
            for one in range(len(checkouts))
        ]
        for one, (seconds, busy, peak) in zip(checkouts, middle, strict=True):
            print(f"{name:12s} {seconds:7.1f} s {busy:7.1f} s of processors {peak:6.2f} GiB   {one.resolve().name}")
        if options.against:
            print(
                f"{'':12s} before over now: {middle[1][0] / middle[0][0]:.2f} times the time,"
                f" {middle[1][1] / middle[0][1]:.2f} times the processors,"
                f" {middle[1][2] / middle[0][2]:.2f} the memory",
                flush=True,
            )


if __name__ == "__main__":
    main()
