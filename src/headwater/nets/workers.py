"""Jobs side by side in one process, each on a Python thread that keeps torch to one core."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from threading import Event
from typing import TypeVar

import torch

Result = TypeVar("Result")
Tick = Callable[[int], None]
Job = Callable[[Tick], Result]


def side_by_side(jobs: Sequence[Job[Result]], tick: Tick, beside: bool) -> list[Result]:
    """The jobs' results, as many at a time as torch has threads, each on one of them; if not ``beside``, in turn.

    A job calls the function it is given after every step; ``tick`` gets these calls on the caller's thread. An
    exception in a job, or in the caller (an interruption, say), stops all of them at their next step.
    """
    width = torch.get_num_threads()
    if not beside or width == 1 or len(jobs) == 1:
        return [job(tick) for job in jobs]
    steps: SimpleQueue[int | None] = SimpleQueue()
    stop = Event()

    def tell(count: int) -> None:
        if stop.is_set():
            raise InterruptedError
        steps.put(count)

    def run(job: Job[Result]) -> Result:
        torch.set_num_threads(1)  # of this Python thread
        try:
            return job(tell)
        except BaseException:
            stop.set()
            raise
        finally:
            steps.put(None)

    try:
        with ThreadPoolExecutor(width) as pool:
            futures = [pool.submit(run, job) for job in jobs]
            try:
                left = len(jobs)
                while left:
                    if (count := steps.get()) is None:
                        left -= 1
                    else:
                        tick(count)
            except BaseException:
                stop.set()
                raise
        problems = [problem for future in futures if (problem := future.exception())]
        for problem in sorted(problems, key=lambda problem: isinstance(problem, InterruptedError)):
            raise problem
        return [future.result() for future in futures]
    finally:
        torch.set_num_threads(width)
