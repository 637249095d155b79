"""Archive: values in a file that runs no code when it is read, marked with what it is and who wrote it."""

from __future__ import annotations

import importlib
import io
import json
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from headwater.files import replaced, why_unreadable
from headwater.version import __version__

_MARK, _SCHEMA = "headwater.json", "schema.json"
_INFLATED = 1 << 28  # bytes, 256 MB: ten million coefficients with room to spare

Value = TypeVar("Value")


@dataclass(frozen=True)
class Kind:
    """One kind of file.

    ``name`` is what its mark and messages call it, ``format`` the number of its format, ``again`` how it is made anew.
    Beside the types that are ``allowed``, a file holds scikit-learn's own, NumPy's arrays and plain values of Python.
    """

    name: str
    format: int
    again: str
    allowed: tuple[type, ...] = ()

    @property
    def trusted(self) -> list[str]:
        """What may be built, whatever a file wishes for."""
        return [*(f"{kind.__module__}.{kind.__qualname__}" for kind in self.allowed), "numpy.dtype"]


def write(kind: Kind, content: Any, path: Path, packed: bool = True) -> None:
    """Write the whole file, or leave what was there; OSError, of one line, where it cannot be written.

    The same content gives the same bytes. Not ``packed`` is faster, and larger.
    """
    mark = {"kind": kind.name, "format": kind.format, "version": __version__}
    given, members = zipfile.ZipFile(io.BytesIO(_skops().dumps(content))), {_MARK: json.dumps(mark).encode()}
    names: dict[str, str] = {}
    schema = json.loads(given.read(_SCHEMA), object_hook=partial(_numbered, names, count()))
    members |= {_SCHEMA: json.dumps(schema).encode()} | {new: given.read(old) for old, new in names.items()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as archive:
        for name, data in members.items():  # without the time of day
            archive.writestr(zipfile.ZipInfo(name), data, archive.compression)
    with replaced(path) as part:
        part.write_bytes(buffer.getvalue())


class _WithoutTorch:
    """A finder of modules, asked first, that finds no PyTorch."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> None:
        if name == "torch":
            raise ModuleNotFoundError("hidden", name=name)


def _skops() -> Any:
    """``skops.io``, whose search for scikit-learn's estimators would load PyTorch, for seconds, were it not hidden."""
    sys.meta_path.insert(0, _WithoutTorch)
    try:
        return importlib.import_module("skops.io")
    finally:
        sys.meta_path.remove(_WithoutTorch)


def is_archive(path: Path) -> bool:
    """Whether a file is one of these, of whatever kind, or would be if it were whole."""
    return kind_of(path) is not None or (path.suffix == ".skops" and path.is_file())


def kind_of(path: Path) -> str | None:
    """What a file's mark calls it; None where it has none that can be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            return str(json.loads(archive.read(_MARK))["kind"]) if _MARK in archive.namelist() else None
    except Exception:  # zipfile, zlib and json have a dozen ways to say it
        return None


def _numbered(names: dict[str, str], numbers: Iterator[int], node: dict[str, Any]) -> dict[str, Any]:
    """A node of skops' under a number of its own in the place of an address in memory; its file is named anew too."""
    if "__loader__" in node and "__id__" in node:
        node["__id__"] = next(numbers) + 1
        if isinstance(node.get("file"), str):
            node["file"] = names.setdefault(node["file"], f"{len(names)}.npy")
    return node


def read(kind: Kind, path: Path, checked: Callable[[Any], Value]) -> Value:
    """What ``checked`` makes of a file's content, raising where that is not what it must be.

    Only the kind's own types, scikit-learn's and NumPy's are built. Raises OSError or ValueError, of one line that
    names the file, for a file that is missing, damaged, forged, of another kind or format, or grows beyond reason.
    """
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise type(problem)(f"{path}: cannot be read: {why_unreadable(problem)}") from None
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            inflated = sum(member.file_size for member in archive.infolist())
            if archive.getinfo(_MARK).file_size > 1000:
                raise ValueError
            mark = json.loads(archive.read(_MARK))
        found, written, version = str(mark.get("kind", kind.name)), int(mark["format"]), str(mark["version"])
    except Exception:  # zipfile, zlib and json have a dozen ways to say it
        raise ValueError(f"{path}: not a {kind.name} saved by headwater, or not whole; {kind.again}") from None
    if found != kind.name:
        raise ValueError(f"{path}: not a {kind.name} saved by headwater but a {found[:20]}; {kind.again}")
    if inflated > max(_INFLATED, 20 * len(content)):
        raise ValueError(
            f"{path}: would take {inflated / 1e6:.0f} MB once inflated, as no {kind.name} of headwater's does"
        )
    if written > kind.format:
        raise ValueError(
            f"{path}: saved by headwater {version}, which is newer than this, {__version__}; "
            "upgrade headwater, or save it again by this one"
        )
    if written < kind.format:
        raise ValueError(f"{path}: saved by an earlier headwater, in another format; {kind.again}")
    try:
        return checked(_skops().loads(content, trusted=kind.trusted))
    except Exception as problem:  # whatever a damaged or forged file provokes, it is not ours
        raise ValueError(
            f"{path}: not a {kind.name} this headwater can read ({' '.join(str(problem).split())[:120]})"
        ) from None
