"""Streams: tables that are read in parts, as often as they are asked for, so that memory holds a part at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from headwater.tables.delimited import AS_FOUND, Reading
from headwater.tables.table import Table, plain, read_table

_BLOCK = 1 << 22  # numbers of one block
_BUFFER = 1 << 16  # bytes read of a column at a time
_ADDRESS = re.compile(r"[a-z][a-z0-9+]+:/")


@dataclass(frozen=True, eq=False)
class Part:
    """One part: a row group of a Parquet file, or all of a table in memory. ``read`` takes names and a block's rows."""

    name: str
    first: int
    rows: int
    read: Callable[[list[str], int], Iterator[pa.Table]]

    def blocks(self, names: Sequence[str]) -> Iterator[tuple[int, Table]]:
        """Its rows in blocks of these columns, each with the number of its first row."""
        first, step, as_is = self.first, max(1, _BLOCK // max(1, len(names))), pa.schema([])
        for data in self.read(list(names), step):
            table = Table(self.name, data) if data.schema.equals(as_is) else plain(data, self.name)
            as_is = data.schema if table.data.schema.equals(data.schema) else as_is
            yield first, table
            first += data.num_rows


@dataclass(frozen=True, eq=False)
class Stream:
    """A table in parts. ``empty`` is the table without its rows; ``described`` is what tells it from another."""

    name: str
    empty: Table
    parts: tuple[Part, ...]
    described: str
    notes: tuple[str, ...] = ()
    decimal: str | None = None
    in_memory: bool = False

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.parts)


def open_stream(source: str, reading: Reading = AS_FOUND) -> Stream:
    """The stream of a Parquet file, of a folder of them, or of an address that pyarrow or fsspec knows.

    Any other table is read whole, as ``read_table`` does. Raises OSError or ValueError, of one line that names the
    source, where it cannot be read.
    """
    path, address = Path(source), _ADDRESS.match(source)
    if address is None and not path.is_dir() and not _is_parquet(path):
        return of_table(read_table(path, reading))
    try:
        return _of_files(source, *_located(source))
    except (pa.ArrowException, OSError) as problem:
        raise ValueError(f"{source}: cannot be read as Parquet: {' '.join(str(problem).split())[:200]}") from None


def of_table(table: Table) -> Stream:
    """The stream of a table in memory."""

    part = Part(table.name, 0, table.data.num_rows, partial(_some_rows, table.data))
    return Stream(table.name, table.rows(slice(0, 0)), (part,), table.name, table.notes, table.decimal, in_memory=True)


def _some_rows(data: pa.Table, names: list[str], step: int) -> Iterator[pa.Table]:
    yield from (data.select(names).slice(start, step) for start in range(0, data.num_rows, step))


def _is_parquet(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _located(source: str) -> tuple[Any, str]:
    """The file system that a source is on, and where on it."""
    from pyarrow import fs

    if not _ADDRESS.match(source):
        return fs.LocalFileSystem(), str(Path(source).resolve())
    try:
        return fs.FileSystem.from_uri(source)
    except pa.ArrowInvalid:
        try:
            from fsspec.core import url_to_fs  # type: ignore[import-untyped,unused-ignore]
        except ImportError:
            scheme = source.split(":")[0]
            raise ValueError(f"{source}: addresses of {scheme}: need fsspec; pip install fsspec") from None
        try:
            system, path = url_to_fs(source)
        except (ImportError, ValueError) as problem:
            raise ValueError(f"{source}: cannot be read: {' '.join(str(problem).split())[:200]}") from None
        return fs.PyFileSystem(fs.FSSpecHandler(system)), path


def _of_files(source: str, system: Any, path: str) -> Stream:
    from pyarrow import dataset

    found = dataset.dataset(path, filesystem=system, format="parquet", partitioning="hive", exclude_invalid_files=False)
    parts: list[Part] = []
    described, first = [], 0
    for fragment in sorted(found.get_fragments(), key=lambda one: one.path):
        keys = dataset.get_partition_keys(fragment.partition_expression)
        info = system.get_file_info(fragment.path)
        described.append(f"{fragment.path} {info.size} {info.mtime_ns}")
        name = source if fragment.path == path else fragment.path
        for index, group in enumerate(fragment.metadata.row_group(i) for i in range(fragment.num_row_groups)):
            read = partial(_row_group, system, fragment.path, fragment.metadata, index, keys)
            parts.append(Part(name, first, group.num_rows, read))
            first += group.num_rows
    if not first:
        raise ValueError(f"{source}: there are no rows of Parquet in it")
    return Stream(source, plain(found.schema.empty_table(), source), tuple(parts), "\n".join(described))


def _row_group(
    system: Any, path: str, metadata: Any, index: int, keys: dict[str, Any], names: list[str], step: int
) -> Iterator[pa.Table]:
    """One row group's columns, page by page: a whole group may be a gigabyte."""
    from pyarrow import parquet

    with system.open_input_file(path) as content:
        file = parquet.ParquetFile(content, metadata=metadata, buffer_size=_BUFFER, pre_buffer=False)
        written = {name.strip(): name for name in file.schema_arrow.names}
        wanted = [written[name] for name in names if name in written]
        for batch in file.iter_batches(step, row_groups=[index], columns=wanted, use_threads=False):
            data = pa.Table.from_batches([batch])
            for name, value in keys.items():
                if name in names:
                    data = data.append_column(name, pa.array([value] * data.num_rows))
            yield data
