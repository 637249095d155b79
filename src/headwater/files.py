"""Files: whole or not at all, and never over what was read."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def check_output(path: Path, *inputs: Path, option: str = "-o") -> None:
    """Raise OSError, before any work is done, where the path cannot be written or is one of the inputs."""
    if path.is_dir():
        raise IsADirectoryError(f"{option}: {path} is a folder; give a file in it")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{option}: cannot write {path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(f"{option}: cannot write {path}: the folder {path.parent} may not be written to")
    for given in inputs:
        if path.exists() and given.exists() and path.samefile(given):
            raise FileExistsError(f"{option}: {path} is an input; give another name")


@contextmanager
def replaced(path: Path, option: str = "-o") -> Iterator[Path]:
    """A temporary name beside the path, which takes its place at once when the block has ended without an error.

    A reader, or a second writer, never sees half a file. A link stays a link; a device or a pipe holds nothing to
    protect and is written directly. Raises OSError, of one line that names ``option``, where the path cannot be
    written.
    """
    path = path.resolve()
    direct = path.exists() and not path.is_file()
    part = path if direct else path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        yield part
        if not direct:
            os.replace(part, path)
    except BrokenPipeError:
        raise
    except OSError as problem:
        raise OSError(f"{option}: cannot write {path}: {problem.strerror or problem}") from None
    finally:
        if not direct:
            part.unlink(missing_ok=True)


def write_figure(draw: Callable[[], Figure], path: Path, option: str) -> None:
    """Draw and write a figure as .svg, .png or .pdf; a path that cannot be written is refused before it is drawn."""
    kind = path.suffix.lower().lstrip(".")
    if kind not in ("svg", "png", "pdf"):
        raise ValueError(f"{option}: {path} must end in .svg, .png or .pdf")
    check_output(path, option=option)
    with replaced(path, option) as part:
        draw().savefig(part, format=kind, dpi=200)


def why_unreadable(problem: OSError) -> str:
    """Why a file cannot be read, in words that need no number."""
    return "there is no such file" if isinstance(problem, FileNotFoundError) else str(problem.strerror or problem)
