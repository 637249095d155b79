"""The store: what is in it stays in it, and a file that is not ours stays as it was."""

from __future__ import annotations

import multiprocessing
import sqlite3
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from headwater.study.store import SCHEMA, Store, canonical, trial_key


def test_a_record_survives_exactly(tmp_path: Path) -> None:
    config, record = {"seed": 1, "penalties": [0.1, 1 / 3]}, {"risk": [0.1 + 0.2, 5e-324, 1.7976931348623157e308]}
    with Store(tmp_path / "s") as store:
        store.add([(config, record)])
    with Store(tmp_path / "s") as store:
        assert store.record(config) == record
        assert store.keys() == {trial_key(config)}
        with pytest.raises(KeyError):
            store.record({"seed": 2})


def test_the_key_is_of_the_content_alone() -> None:
    assert trial_key({"a": 1.0, "b": (1, 2)}) == trial_key({"b": [1, 2], "a": 1.0})
    assert trial_key({"a": 1.0}) != trial_key({"a": 1.0000000000000002})
    with pytest.raises(ValueError, match="JSON"):
        canonical({"a": float("nan")})


def test_the_first_record_of_a_trial_stands(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store:
        store.add([({"seed": 1}, {"risk": 1.0})])
        store.add([({"seed": 1}, {"risk": 2.0}), ({"seed": 2}, {"risk": 3.0})])
        assert [store.record({"seed": seed})["risk"] for seed in (1, 2)] == [1.0, 3.0]


def test_a_commit_that_fails_keeps_nothing_of_its_own(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store:
        store.add([({"seed": 1}, {"risk": 1.0})])

        def failing():  # type: ignore[no-untyped-def]
            yield {"seed": 2}, {"risk": 1.0}
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            store.add(failing())
        assert len(store.keys()) == 1
        store.add([({"seed": 2}, {"risk": 1.0})])


def test_a_newer_store_is_refused_and_untouched(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with Store(path) as store:
        store.add([({"seed": 1}, {"risk": 1.0})])
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(ValueError, match="newer headwater"):
        Store(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["s"]


@pytest.mark.parametrize("content", [b"x", b"not a database at all" * 50, "another"])
def test_a_foreign_file_is_refused_and_untouched(tmp_path: Path, content: bytes | str) -> None:
    path = tmp_path / "s"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE trials (something TEXT)")
        connection.close()
    before = path.read_bytes()
    with pytest.raises(ValueError, match="not a headwater store"):
        Store(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["s"]


def test_an_empty_file_left_by_a_killed_process_is_a_new_store(tmp_path: Path) -> None:
    (tmp_path / "s").touch()
    with Store(tmp_path / "s") as store:
        assert store.keys() == set()


def test_a_damaged_store_is_one_line_naming_the_file(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with Store(path) as store:
        store.add([({"seed": seed}, {"risk": [1.0] * 500}) for seed in range(20)])
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(OSError, match=f"{path}: .*malformed"), Store(path) as store:
        store.keys()


def _fill(path: Path, seeds: range, together: Barrier) -> None:
    together.wait()
    for seed in seeds:
        with Store(path) as store:
            store.add([({"seed": seed}, {"risk": float(seed)})])


def test_many_processes_create_and_fill_one_store(tmp_path: Path) -> None:
    """Many times over: creating the file and turning its write-ahead log on is where they get into each other's way."""
    context = multiprocessing.get_context("fork")
    for attempt in range(12):
        path, together = tmp_path / str(attempt), context.Barrier(6)
        workers = [context.Process(target=_fill, args=(path, range(i, i + 3), together)) for i in range(6)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)
        assert [worker.exitcode for worker in workers] == [0] * 6
        with Store(path) as store:
            assert [store.record({"seed": seed})["risk"] for seed in range(8)] == [float(seed) for seed in range(8)]
