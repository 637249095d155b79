"""Run what is missing, keep it, and write the outputs: the one loop behind `headwater reproduce`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from multiprocessing import parent_process
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from joblib import Parallel, delayed, effective_n_jobs, parallel_config
from threadpoolctl import threadpool_limits

from headwater import cluster
from headwater.pages.needed import check_installed
from headwater.study.store import Config, Record, Store, trial_key

if TYPE_CHECKING:
    from headwater.study.presentation import Presentation

STORE = "trials.sqlite"
Progress = Callable[[float, int], None]
Tick = Callable[[float], None]  # the share of a batch that is done


class Trial(Protocol):
    """The smallest thing that is kept: `config` says everything its record depends on."""

    @property
    def config(self) -> Config: ...


class Batch(Protocol):
    """Trials that are run in one go, for they share work; one record each, in their order.

    A record does not depend on which other trials were in the batch. `tick`, if given, is told the share that is done.
    """

    @property
    def trials(self) -> Sequence[Trial]: ...

    def run(self, tick: Tick | None = None) -> list[Record]: ...


@dataclass(frozen=True)
class Plan:
    """How missing trials are run: in batches, by joblib's Parallel with these arguments, on so many BLAS threads."""

    batches: Sequence[Batch]
    parallel: dict[str, Any] = field(default_factory=dict)
    blas_threads: int | None = None


class Experiment(Protocol):
    """An experiment is a value: its configuration, and its trials."""

    @property
    def config(self) -> dict[str, Any]: ...

    def trials(self) -> Sequence[Trial]: ...


@dataclass(frozen=True)
class Study:
    """An experiment bound to how its missing trials are run, (missing, workers) → plan, and to what its records say."""

    experiment: Experiment
    plan: Callable[[Sequence[Any], int | None], Plan]
    present: Callable[[Sequence[Record]], Presentation]


@dataclass(frozen=True)
class Result:
    """A finished experiment: what it shows, the folder that holds its files, and the seconds this call took."""

    experiment: Experiment
    shown: Presentation
    folder: Path
    seconds: float

    @property
    def summary(self) -> Sequence[Any]:
        """The summary, one frozen value a row."""
        return self.shown.rows


def reproduce(
    study: Study,
    folder: Path,
    workers: int | None = None,
    progress: Progress | None = None,
    command: str = "",
) -> Result:
    """Run the study's missing trials, then write its tables, figure and report into the folder.

    `workers` is joblib's n_jobs; the synthetic experiments run on threads unless `joblib.parallel_config` names another
    backend or a client of Dask is active, and do not depend on it. `progress` is called with (done, total); `command`
    is quoted in the report. A run cut short goes on where it stopped. Raises ValueError for a folder that is a file, a
    store that is not ours, too new or of another protocol, or data that are not what they should be, OSError where
    nothing can be read or written, ImportError without matplotlib; all of them before anything is computed.
    """
    start = time.perf_counter()
    check_installed("the report", "matplotlib", "jinja2")
    trials = study.experiment.trials()
    if not (folder / STORE).exists():
        study.plan(trials, workers)  # what cannot be run is said before there is a folder
    with open_store(folder) as store:
        _refuse_other_protocols(store, trials[0].config)
        # The outputs' libraries take as long to load as the paper's trials to run, which leave the interpreter free.
        complete(store, trials, workers, progress, study.plan, partial(import_module, "headwater.study.outputs"))
        records = [store.record(trial.config) for trial in trials]

    from headwater.study import outputs

    shown = study.present(records)
    outputs.write(shown, study.experiment.config, folder, command)
    return Result(study.experiment, shown, folder, time.perf_counter() - start)


def open_store(folder: Path) -> Store:
    """The store of an output folder, both made if they are not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ValueError(f"--out {folder}: a file is in the way; name a folder") from None
    except OSError as problem:
        raise OSError(f"--out {folder}: {problem.strerror}") from None
    return Store(folder / STORE)


def _refuse_other_protocols(store: Store, config: Config) -> None:
    """Raise ValueError where the store holds trials that the same configuration would not give now."""
    for protocol in sorted(store.protocols(config["experiment"]) - {config["protocol"]}):
        raise ValueError(
            f"{store.path} holds trials of protocol {protocol}, and this headwater runs protocol {config['protocol']}: "
            "name another --out, or delete the file and run everything anew"
        )


def stored(folder: Path, experiment: Experiment) -> tuple[int, int]:
    """How many of the experiment's trials the folder's store holds, and how many there are."""
    trials = experiment.trials()
    with open_store(folder) as store:
        keys = store.keys()
    return sum(trial_key(trial.config) in keys for trial in trials), len(trials)


def complete(
    store: Store,
    trials: Sequence[Trial],
    workers: int | None,
    progress: Progress | None = None,
    plan: Callable[[Sequence[Any], int | None], Plan] | None = None,
    meanwhile: Callable[[], Any] | None = None,
) -> None:
    """Run the trials that are not stored, a batch for each worker at a time; a round is durable before the next begins.

    `plan` is the study's, by default `one_by_one`. `meanwhile` is called once on a thread of its own.
    """
    keys = store.keys()
    todo: list[Any] = [trial for trial in trials if trial_key(trial.config) not in keys]
    done = len(trials) - len(todo)
    if progress:
        progress(done, len(trials))
    if not todo:
        return
    planned = (plan or one_by_one)(todo, workers)
    # One batch after another stays here, each of which has every core to itself.
    spread = cluster.active() is not None and planned.parallel.get("n_jobs") != 1
    with (
        parallel_config("dask") if spread else nullcontext(),
        # Before any thread starts: setting limits while another thread loads a library can lock up both.
        threadpool_limits(planned.blas_threads, user_api="blas"),
        # Left only once its work is done, interrupted or not: no import goes on while the interpreter shuts down.
        ThreadPoolExecutor(1) as beside,
        Parallel(batch_size=1, pre_dispatch="all", **planned.parallel) as parallel,
    ):
        width = effective_n_jobs(planned.parallel.get("n_jobs"))
        if meanwhile is not None:
            beside.submit(meanwhile)
        for start in range(0, len(planned.batches), width):
            current = planned.batches[start : start + width]
            # A lone worker is this process, and can tell how far it is.
            lone = width == 1 and not spread
            tick = _ticker(progress, done, len(current[0].trials), len(trials)) if progress and lone else None
            results = parallel(delayed(batch.run)(tick) for batch in current)
            for batch, records in zip(current, results, strict=True):
                store.add(zip((trial.config for trial in batch.trials), records, strict=True))
                done += len(batch.trials)
            if progress:
                progress(done, len(trials))


def _ticker(progress: Progress, done: int, size: int, total: int) -> Tick:
    return lambda share: progress(done + share * size, total)


class Runs(Trial, Protocol):
    """A trial that needs no other to run."""

    def run(self) -> Record: ...


@dataclass(frozen=True)
class Alone:
    """A batch of one."""

    trial: Runs

    @property
    def trials(self) -> Sequence[Trial]:
        return (self.trial,)

    def run(self, tick: Tick | None = None) -> list[Record]:
        return [run(self.trial)]


def one_by_one(missing: Sequence[Runs], workers: int | None) -> Plan:
    """Single trials on threads with one BLAS thread everywhere: then numbers do not depend on how work was divided."""
    return Plan(list(map(Alone, missing)), {"n_jobs": workers, "prefer": "threads"}, blas_threads=1)


def run(trial: Runs) -> Record:
    """Run one trial on one BLAS thread: in the caller's process `complete` has seen to it, a worker process does here.

    There the limit is not lifted afterwards: worker processes end with the pool.
    """
    if parent_process() is not None:
        threadpool_limits(1, user_api="blas")
    return trial.run()
