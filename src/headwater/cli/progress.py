"""Progress on standard error: done, rate and time left; nothing where no one is watching."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any


@contextmanager
def progress_bar(description: str, unit: str = "trials") -> Iterator[Callable[[float, int], None] | None]:
    """A function of (done, total) that moves a bar, or None where standard error is not a terminal.

    Trials that were stored before count as done, and do not flatter the rate.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(f"{{task.fields[rate]}} {unit}/s"),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task(description, total=None, rate="–")

        def move(done: float, total: int) -> None:
            if bars.tasks[0].total is None:
                bars.reset(task, total=total, completed=int(done))
            else:
                bars.update(task, completed=done)
                speed = bars.tasks[0].speed
                bars.update(task, rate=f"{speed:.3g}" if speed else "–")

        yield move


def status(text: str) -> Any:
    """A line on standard error that says what is being done, gone when it is; nothing where no one is watching."""
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console

    return Console(stderr=True).status(text)
