"""What `headwater publish` costs on a table larger than memory: time, memory, digits, and what an interruption does.

    python benchmarks/publish.py [--rows 2000000] [--features 200] [--folder /tmp] [--kills 30]

Writes Parquet of single precision (1.6 GB by default, and four times as much), which it removes; each step runs in a
process of its own, and memory is the largest that process ever held. Beside it, in the same run: reading the same file
in the same blocks with the same matrix products in double precision and nothing else. The fit in memory that it is
compared with is of a tenth of the rows.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

BLOCK = 1 << 21  # numbers of a block, as headwater reads them
GROUP = 100_000  # rows of a row group


def written(path: Path, rows: int, features: int, group: int = GROUP) -> None:
    rng = np.random.default_rng(0)
    w = rng.normal(size=features).astype("f4")
    names = [f"x{j}" for j in range(features)]
    schema = pa.schema([(name, pa.float32()) for name in [*names, "y"]])
    with parquet.ParquetWriter(path, schema, use_dictionary=False) as file:
        for start in range(0, rows, group):
            X = rng.standard_normal((min(group, rows - start), features), dtype="f4") + 1
            y = X @ w + 3 * rng.standard_normal(len(X), dtype="f4")
            columns = [np.ascontiguousarray(column) for column in X.T]
            file.write_table(pa.table([*columns, y], schema=schema), row_group_size=group)


def products(path: Path) -> None:
    """Reading, and the products that any fit needs."""
    file, total = parquet.ParquetFile(path, pre_buffer=False, buffer_size=1 << 16), 0.0
    step = BLOCK // len(file.schema_arrow)
    for group in range(file.num_row_groups):
        for batch in file.iter_batches(step, row_groups=[group], use_threads=False):
            Z = np.array([column.to_numpy() for column in batch.columns], dtype=np.float64)
            total = total + Z @ Z.T
    np.linalg.eigh(total[:-1, :-1])


def in_memory(path: Path, out: Path) -> None:
    """The fit that advise makes of a table in memory."""
    from headwater.estimators.from_table import fit_source
    from headwater.tables.pair import Roles, pair_of
    from headwater.tables.preparation import prepare
    from headwater.tables.table import read_table

    table = read_table(path)
    pair = pair_of(table, table, Roles("y"), allow_overlap=True)
    (preparation,) = prepare([(pair.source.table, None)], pair.columns)
    model = fit_source(preparation, pair.source)
    np.savez(out, coef=model[-1].coef_, tau=model[-1].tau_)


def measured(*given: object) -> dict[str, float]:
    """Seconds and megabytes of a command of this file's, or of headwater's."""
    code = (
        "import json, re, runpy, sys, time; began = time.perf_counter(); sys.argv = sys.argv[1:]\n"
        "try: runpy.run_path(sys.argv[0], run_name='__main__') if sys.argv[0].endswith('.py') else "
        "runpy.run_module(sys.argv[0], run_name='__main__')\n"
        "except SystemExit as stop: assert not stop.code, stop.code\n"
        "peak = re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]\n"
        "print(json.dumps({'s': time.perf_counter() - began, 'cpu': time.process_time(), 'MB': int(peak) / 1024}))"
    )
    done = subprocess.run([sys.executable, "-c", code, *map(str, given)], check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def publish(path: Path, out: Path, *more: object) -> dict[str, float]:
    return measured("headwater", "publish", path, "--outcome", "y", "-o", out, *more)


def killed(path: Path, folder: Path, times: int) -> None:
    """SIGKILL at random moments of a job that keeps checkpoints, each job killed and resumed until it ends."""
    from headwater.estimators.publishing import Asked, finished
    from headwater.estimators.publishing import publish as published
    from headwater.tables.counted import Counted
    from headwater.tables.streams import open_stream

    def job(out: Path, kept: Path | None = None) -> None:
        found, _ = published(open_stream(str(path)), Asked(Counted("y")), lambda _: nullcontext(), folder=kept)
        found.save(out)

    whole, parted, moments = folder / "whole.skops", folder / "parted.skops", random.Random(0)
    began = time.perf_counter()
    job(whole)
    length, jobs, left = time.perf_counter() - began, 0, times
    while left:
        child = os.fork()  # with everything loaded, so that the moments are those of the work
        if child == 0:
            job(parted, folder / "c")
            os._exit(0)
        time.sleep(moments.uniform(0.05, 0.6) * length)
        os.kill(child, signal.SIGKILL)
        left -= os.WIFSIGNALED(os.waitpid(child, 0)[1])
        if parted.exists():
            jobs += 1
            assert parted.read_bytes() == whole.read_bytes(), "another artifact"
            parted.unlink()
            finished(folder / "c")
    job(parted, folder / "c")
    assert parted.read_bytes() == whole.read_bytes(), "another artifact"
    print(f"killed {times} times in {jobs + 1} jobs: each wrote the file of an undisturbed one, to the bit")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--features", type=int, default=200)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--longer", type=int, default=4, help="how many times the rows the second file has; 0: none")
    parser.add_argument("--times", type=int, default=3)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=given.folder))
    try:
        path = folder / "source.parquet"
        written(path, given.rows, given.features)
        print(f"{given.rows:,} x {given.features}, {path.stat().st_size / 1e9:.2f} GB")
        runs = [(measured(__file__, "products", path), publish(path, folder / "s.skops")) for _ in range(given.times)]
        for unit, what in (("s", "seconds"), ("cpu", "seconds of processor")):
            least, ours = (float(np.median([run[which][unit] for run in runs])) for which in (0, 1))
            ratio = np.median([run[1][unit] / run[0][unit] for run in runs])
            print(f"{what}: reading and products {least:.1f}, publish {ours:.1f}, ratio {ratio:.2f}")
        memory = max(run[1]["MB"] for run in runs)
        print(f"peak memory of publish {memory:.0f} MB")
        small = folder / "small.parquet"
        written(small, given.rows // 10, given.features)
        publish(small, folder / "small.skops")
        measured(__file__, "memory", small, folder / "memory.npz")
        from headwater.estimators.saved_source import SavedSource

        found, expected = SavedSource.load(folder / "small.skops")[-1], np.load(folder / "memory.npz")
        apart = np.abs(found.coef_ - expected["coef"]).max() / np.abs(expected["coef"]).max()
        print(f"of {given.rows // 10:,} rows: apart from the fit in memory by {apart:.1e} in coefficients, "
              f"{abs(found.tau_ / expected['tau'] - 1):.1e} in the penalty")  # fmt: skip
        if given.kills:
            many = folder / "many.parquet"
            written(many, given.rows // 10, given.features, group=2_000)
            killed(many, folder, given.kills)
        if given.longer:
            path.unlink()
            longer = folder / "longer.parquet"
            written(longer, given.longer * given.rows, given.features)
            again = publish(longer, folder / "s.skops")
            print(f"{given.longer} times the rows: {again['s']:.1f} s, peak {again['MB']:.0f} MB "
                  f"({again['MB'] / memory - 1:+.1%})")  # fmt: skip
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    if sys.argv[1:2] == ["products"]:
        products(Path(sys.argv[2]))
    elif sys.argv[1:2] == ["memory"]:
        in_memory(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        main()
