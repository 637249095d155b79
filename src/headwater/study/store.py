"""The store: one SQLite file that keeps every finished trial, keyed by what was computed."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

APPLICATION = 0x48445754  # "HDWT": marks the file as ours in SQLite's own header field
SCHEMA = 1  # raise it, with a migration in Store, whenever the tables change
WAIT = 60.0  # seconds to wait for another process's commit, which takes milliseconds

_CREATE = """
CREATE TABLE trials (
    key      TEXT PRIMARY KEY,  -- SHA-256 of config
    config   TEXT NOT NULL,     -- canonical JSON: experiment, protocol version and every number the record depends on
    record   TEXT NOT NULL,     -- JSON: what the trial measured; floats survive the round trip exactly
    finished TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) WITHOUT ROWID
"""

Config = Mapping[str, Any]
Record = dict[str, Any]


def canonical(config: Config) -> str:
    """The one spelling of a configuration: sorted keys, shortest floats, no NaN or infinity (ValueError).

    >>> canonical({"seed": 0, "gamma": 1.5})
    '{"gamma":1.5,"seed":0}'
    """
    return json.dumps(config, sort_keys=True, separators=(",", ":"), allow_nan=False)


def trial_key(config: Config) -> str:
    """The key of a trial: the SHA-256 of its canonical configuration."""
    return hashlib.sha256(canonical(config).encode()).hexdigest()


class Store:
    """Finished trials on disk, safe against `kill -9` and against several processes writing at once.

    A commit returns once the trials are on the disk (write-ahead log, synchronous=FULL). Adding a trial that is
    already there changes nothing, so two runs of one experiment may share a store. Raises ValueError, leaving the file
    as it was, if it is not a store or was written by a newer version; OSError if it cannot be read or written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "trials.sqlite") as store:
    ...     store.add([({"seed": 0}, {"risk": 0.5})])
    ...     trial_key({"seed": 0}) in store.keys(), trial_key({"seed": 1}) in store.keys(), store.record({"seed": 0})
    (True, False, {'risk': 0.5})
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        _refuse_foreign(path)
        with self._problems():
            self._connection = sqlite3.connect(path, timeout=WAIT, isolation_level=None)
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    def _prepare(self) -> None:
        execute = self._connection.execute
        execute("PRAGMA synchronous = FULL")
        with self._transaction():
            if execute("PRAGMA user_version").fetchone()[0] == 0:
                # Before the write-ahead log is switched on, so that the file's own header says what it is.
                execute(_CREATE)
                execute(f"PRAGMA application_id = {APPLICATION}")
                execute(f"PRAGMA user_version = {SCHEMA}")
        give_up = time.monotonic() + WAIT
        while execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            try:
                execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as problem:
                # Busy: another process has the file open, and here SQLite does not wait by itself.
                if problem.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                    raise
                time.sleep(0.01)

    def add(self, trials: Iterable[tuple[Config, Record]]) -> None:
        """Keep finished trials (configuration, record); all of them are on the disk when this returns."""
        rows = [(trial_key(config), canonical(config), json.dumps(record)) for config, record in trials]
        with self._problems(), self._transaction():
            self._connection.executemany("INSERT OR IGNORE INTO trials (key, config, record) VALUES (?, ?, ?)", rows)

    def keys(self) -> set[str]:
        """The keys of every stored trial, as `trial_key` gives them."""
        with self._problems():
            return {key for (key,) in self._connection.execute("SELECT key FROM trials")}

    def protocols(self, experiment: str) -> set[int]:
        """The protocols under which the stored trials of an experiment were run."""
        question = "SELECT DISTINCT json_extract(config, '$.protocol') FROM trials WHERE json_extract(config, ?) = ?"
        with self._problems():
            return {number for (number,) in self._connection.execute(question, ("$.experiment", experiment))}

    def record(self, config: Config) -> Record:
        """What the trial of this configuration measured; KeyError if it is not stored."""
        with self._problems():
            row = self._connection.execute("SELECT record FROM trials WHERE key = ?", (trial_key(config),)).fetchone()
        if row is None:
            raise KeyError(canonical(config))
        record: Record = json.loads(row[0])
        return record

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")  # takes the write lock now: a later upgrade could not wait for it
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    @contextmanager
    def _problems(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as problem:
            raise OSError(f"{self.path}: {problem}") from problem


def _refuse_foreign(path: Path) -> None:
    """Judge the file by its 100-byte header, so that a file that is not ours is not even opened by SQLite."""
    if not path.exists():
        return
    with path.open("rb") as file:
        header = file.read(100)
    if not header:  # a process was killed between creating the file and writing to it
        return
    if not header.startswith(b"SQLite format 3\0") or int.from_bytes(header[68:72], "big") != APPLICATION:
        raise ValueError(f"{path} is not a headwater store: move it away, or choose another --out")
    version = int.from_bytes(header[60:64], "big")
    if version > SCHEMA:
        raise ValueError(
            f"{path} was written by a newer headwater (store version {version}; this one reads up to {SCHEMA}): "
            "upgrade headwater, or choose another --out"
        )
