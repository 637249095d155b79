"""Files the commands write: whole or not at all, and never over what was read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def check_output(path: Path, *inputs: Path) -> None:
    """Raise OSError, before any work is done, where the path cannot be written or is one of the inputs."""
    if path.is_dir():
        raise IsADirectoryError(f"-o: {path} is a folder; give a file in it")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"-o: cannot write {path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(f"-o: cannot write {path}: the folder {path.parent} may not be written to")
    for given in inputs:
        if path.exists() and given.exists() and path.samefile(given):
            raise FileExistsError(f"-o: {path} is an input; give another name")


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A temporary name beside the path, which takes its place once the block has ended without an error."""
    path = path.resolve()  # a link stays a link
    direct = path.exists() and not path.is_file()  # a device or a pipe holds nothing to protect
    part = path if direct else path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        if not direct:
            os.replace(part, path)
    except BrokenPipeError:
        raise
    except OSError as problem:
        raise OSError(f"-o: cannot write {path}: {problem.strerror or problem}") from None
    finally:
        if not direct:
            part.unlink(missing_ok=True)
