"""Passes: a stream's parts brought to one sum, which can be interrupted and resumed to the same bits."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from headwater import archive, cluster
from headwater.spectrum.moments import Moments
from headwater.spectrum.tournament import Added, Waiting, push, total
from headwater.tables.counted import Tally
from headwater.tables.gathered import Gathered
from headwater.tables.look import Look, Spread
from headwater.tables.streams import Part, Stream
from headwater.tables.table import Table

KIND = archive.Kind("checkpoint", 1, "remove it to begin anew", (Look, Spread, Tally, Gathered, Moments))
_SHARE = 0.05  # of the time goes into checkpoints, at most, but for the first

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Checkpoint:
    """A folder that holds how far the passes of one job have come; ``job`` is what tells it from another."""

    folder: Path
    job: str

    def file(self, stage: str) -> Path:
        return self.folder / f"{stage}.skops"

    def resumed(self, stage: str) -> tuple[int, Waiting[Any]]:
        """How many parts are done, and their sums; ValueError where the folder is another job's."""
        if not self.file(stage).exists():
            return 0, []

        def checked(content: Any) -> tuple[int, Waiting[Any]]:
            if content["job"] != self.job:
                raise ValueError("it is of another source, other options or another version of headwater")
            return int(content["done"]), [(int(level), part) for level, part in content["waiting"]]

        return archive.read(KIND, self.file(stage), checked)

    def save(self, stage: str, done: int, waiting: Waiting[Any]) -> None:
        content = {"job": self.job, "done": done, "waiting": [[level, part] for level, part in waiting]}
        self.folder.mkdir(parents=True, exist_ok=True)
        archive.write(KIND, content, self.file(stage), packed=False)

    def clear(self, stages: Sequence[str]) -> None:
        """Remove what is no longer needed."""
        for stage in stages:
            self.file(stage).unlink(missing_ok=True)


def over(
    stream: Stream,
    names: Sequence[str],
    work: Callable[[int, Table], Added],
    stage: str = "pass",
    progress: Progress | None = None,
    checkpoint: Checkpoint | None = None,
) -> Added:
    """The sum of what ``work`` makes of every block of these columns, in order.

    Where a client of Dask is active its workers sum the parts of what is in files, and here the sums are added, to the
    same bits. With a ``checkpoint`` the sums are kept after a part now and then, so seldom that they cost a twentieth
    of the time. ``progress`` is told how many parts are done.
    """
    done, waiting = (0, []) if checkpoint is None else checkpoint.resumed(stage)
    began, spent = time.monotonic(), 0.0
    each = map if stream.in_memory else cluster.in_order
    for index, part in enumerate(each(partial(_of_part, tuple(names), work), stream.parts[done:]), start=done):
        if part is not None:
            push(waiting, part)
        now, last = time.monotonic(), index + 1 == len(stream.parts)
        if checkpoint is not None and (spent <= _SHARE * (now - began) or last):
            checkpoint.save(stage, index + 1, waiting)
            spent += time.monotonic() - now
        if progress is not None:
            progress(index + 1, len(stream.parts))
    return total(waiting)


def _of_part(names: tuple[str, ...], work: Callable[[int, Table], Added], part: Part) -> Added | None:
    """The sum over one part, None of no blocks."""
    waiting: Waiting[Added] = []
    for first, table in part.blocks(names):
        push(waiting, work(first, table))
    return total(waiting) if waiting else None
