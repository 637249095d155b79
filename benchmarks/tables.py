"""The command line on a table of 200,000 rows × 100 features, five of them categories, and a target of 200 rows.

Every command is a process of its own, measured by the operating system: wall time, computing time of all its threads,
and the most memory it held.
The opponent is pyarrow reading the source and nothing else. Minima over interleaved repetitions, so that ratios are
within one run. Start-up: `headwater --help` against a typer program of one empty command, medians, interleaved.

    python benchmarks/tables.py [repetitions]
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROWS, TARGET_ROWS, NUMBERS = 200_000, 200, 95
LEVELS = (2, 4, 8, 12, 24)
READ = "from pyarrow import csv; csv.read_csv('source.csv')"
EMPTY = """
import typer
app = typer.Typer(add_completion=False)

@app.command()
def main() -> None:
    pass

app()
"""


def write(folder: Path) -> None:
    """The two tables; in a process of its own, since what a parent holds counts as its child's memory."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import csv

    rng = np.random.default_rng(0)
    coef, effects = rng.normal(size=NUMBERS), [rng.normal(size=count) for count in LEVELS]
    for name, rows, scale in (("source", ROWS, 1.0), ("target", TARGET_ROWS, 0.6)):
        X = np.round(rng.normal(size=(rows, NUMBERS)) * 10 + 50, 4)
        codes = [rng.integers(count, size=rows) for count in LEVELS]
        y = scale * (X @ coef / 10 + sum(effect[code] for effect, code in zip(effects, codes, strict=True)))
        columns = {f"x{index}": X[:, index] for index in range(NUMBERS)}
        columns |= {f"kind{len(effect)}": np.array([f"level {i}" for i in range(len(effect))])[code]
                    for effect, code in zip(effects, codes, strict=True)}  # fmt: skip
        columns["y"] = np.round(y + 3 * rng.normal(size=rows), 4)
        csv.write_csv(pa.table(columns), folder / f"{name}.csv")


def measured(command: list[str], folder: Path) -> tuple[float, float, float]:
    """Seconds, seconds of computing and megabytes of a process, which must succeed."""
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit status {process.returncode}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main(repetitions: int = 5) -> None:
    headwater = [sys.executable, "-m", "headwater"]
    pair = ["source.csv", "target.csv", "--outcome", "y"]
    commands = {
        "pyarrow reads the source": [sys.executable, "-c", READ],
        "headwater advise": [*headwater, "advise", *pair],
        "headwater fit": [*headwater, "fit", *pair, "-o", "model.skops"],
        "headwater score": [*headwater, "score", "model.skops", "source.csv"],
        "headwater predict": [*headwater, "predict", "model.skops", "source.csv", "-o", "out.csv"],
    }
    starts = {"an empty typer program": [sys.executable, "empty.py"], "headwater --help": [*headwater, "--help"]}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        writing = multiprocessing.get_context("spawn").Process(target=write, args=(folder,))
        writing.start()
        writing.join()
        (folder / "empty.py").write_text(EMPTY)
        print(f"source: {ROWS:,} rows, {(folder / 'source.csv').stat().st_size / 1e6:.0f} MB of CSV")
        runs = {title: [] for title in commands}
        for _ in range(repetitions):
            for title, command in commands.items():
                runs[title].append(measured(command, folder))
        best = {title: [min(values) for values in zip(*found, strict=True)] for title, found in runs.items()}
        units = ("s", "s computing", "MB")
        for title, found in best.items():
            ratios = [mine / alone for mine, alone in zip(found, best["pyarrow reads the source"], strict=True)]
            print(
                f"  {title:25}",
                *(f"{a:7.2f} {u} ({r:5.2f} times)" for a, u, r in zip(found, units, ratios, strict=True)),
            )
        times = {title: [] for title in starts}
        for _ in range(5 * repetitions):
            for title, command in starts.items():
                options = [*command, "--help"] if title == "an empty typer program" else command
                times[title].append(measured(options, folder)[0])
        medians = {title: statistics.median(values) for title, values in times.items()}
        for title, s in medians.items():
            print(f"  {title:26}{1e3 * s:7.0f} ms {s / medians['an empty typer program']:6.2f} times")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
