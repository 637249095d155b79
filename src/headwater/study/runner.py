"""Run what is missing, keep it, and write the outputs: the one loop behind `headwater reproduce`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from joblib import Parallel, delayed, effective_n_jobs
from threadpoolctl import threadpool_limits

from headwater.study.experiments import Synthetic, Trial
from headwater.study.store import Record, Store, trial_key

if TYPE_CHECKING:
    from headwater.study.summary import Row

STORE = "trials.sqlite"
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Result:
    """A finished experiment: its summary, the folder that holds its files, and the seconds this call took."""

    experiment: Synthetic
    summary: list[Row]
    folder: Path
    seconds: float


def reproduce(
    experiment: Synthetic,
    folder: Path,
    workers: int | None = None,
    progress: Progress | None = None,
    command: str = "",
) -> Result:
    """Run the experiment's missing trials, then write its tables, figure and report into the folder.

    `workers` is joblib's n_jobs, threads unless `joblib.parallel_config` names another backend; results do not depend
    on it. `progress` is called with (done, total); `command` is quoted in the report. A run cut short goes on where it
    stopped. Raises ValueError for a folder that is a file or a store that is not ours or too new, OSError where nothing
    can be written, ImportError without matplotlib; all of them before anything is computed.
    """
    start = time.perf_counter()
    if find_spec("matplotlib") is None:
        raise ImportError("the figures need matplotlib: pip install 'headwater[report]'")
    trials = experiment.trials()
    with open_store(folder) as store, ThreadPoolExecutor(1) as beside:
        # The outputs' libraries take as long to load as the paper's trials to run, which leave the interpreter free.
        # Left only once they are loaded, interrupted or not: an import cannot go on while the interpreter shuts down.
        beside.submit(import_module, "headwater.study.outputs")
        complete(store, trials, workers, progress)
        records = [store.record(trial.config) for trial in trials]

    from headwater.study import outputs, summary

    rows = summary.summarise(experiment, records)
    outputs.write(experiment, records, rows, folder, command)
    return Result(experiment, rows, folder, time.perf_counter() - start)


def open_store(folder: Path) -> Store:
    """The store of an output folder, both made if they are not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ValueError(f"--out {folder}: a file is in the way; name a folder") from None
    except OSError as problem:
        raise OSError(f"--out {folder}: {problem.strerror}") from None
    return Store(folder / STORE)


def stored(folder: Path, experiment: Synthetic) -> tuple[int, int]:
    """How many of the experiment's trials the folder's store holds, and how many there are."""
    trials = experiment.trials()
    with open_store(folder) as store:
        keys = store.keys()
    return sum(trial_key(trial.config) in keys for trial in trials), len(trials)


def complete(store: Store, trials: Sequence[Trial], workers: int | None, progress: Progress | None = None) -> None:
    """Run the trials that are not stored, one for each worker at a time; a round is durable before the next begins.

    One BLAS thread everywhere, so that the numbers do not depend on how the work was divided.
    """
    keys = store.keys()
    todo = [trial for trial in trials if trial_key(trial.config) not in keys]
    width = effective_n_jobs(workers)
    if progress:
        progress(len(trials) - len(todo), len(trials))
    with (
        threadpool_limits(1, user_api="blas"),
        Parallel(n_jobs=workers, prefer="threads", batch_size=1, pre_dispatch="all") as parallel,
    ):
        for start in range(0, len(todo), width):
            current = todo[start : start + width]
            store.add(zip((trial.config for trial in current), parallel(map(delayed(run), current)), strict=True))
            if progress:
                progress(len(trials) - len(todo) + start + len(current), len(trials))


def run(trial: Trial) -> Record:
    """Run one trial on one BLAS thread, in whatever process it finds itself.

    The limit is not lifted afterwards: a second trial of the same process may be in the middle of its own arithmetic.
    `complete` restores the caller's process; worker processes end with the pool.
    """
    threadpool_limits(1, user_api="blas")
    return trial.run()
