"""Progress on standard error: done, rate and time left; where no one is watching, a line a minute for the log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

EVERY = 60.0  # seconds between two lines of a log


@contextmanager
def progress_bar(description: str, unit: str = "trials") -> Iterator[Callable[[float, int], None]]:
    """A function of (done, total) that moves a bar, or writes a line a minute where standard error is no terminal.

    Trials that were stored before count as done, and do not flatter the rate.
    """
    if not sys.stderr.isatty():
        yield _lines(description, unit)
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


def _lines(description: str, unit: str) -> Callable[[float, int], None]:
    began = said = time.monotonic()
    before: float | None = None

    def move(done: float, total: int) -> None:
        nonlocal said, before
        now = time.monotonic()
        before = done if before is None else before
        if now - said < EVERY:
            return
        said = now
        left = f", about {(now - began) * (total - done) / (done - before) / 60:.0f} min left" if done > before else ""
        line = f"headwater: {description}: {done:.0f} of {total} {unit} after {(now - began) / 60:.0f} min{left}"
        print(line, file=sys.stderr, flush=True)

    return move


def status(text: str) -> Any:
    """A line on standard error that says what is being done, gone when it is; nothing where no one is watching."""
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console

    return Console(stderr=True).status(text)
