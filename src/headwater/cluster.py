"""Cluster: work spread over Dask's workers. Nothing else knows Dask, and it is imported only where it is used."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

Item = TypeVar("Item")
Found = TypeVar("Found")

_FAN_IN = 8  # sums added in one task
_AHEAD = 2  # tasks a worker's thread has waiting
_PATIENCE = 10  # seconds for a scheduler to answer, and for a first worker to join it


def active() -> Any:
    """The ``dask.distributed.Client`` that is active, or None."""
    distributed = sys.modules.get("distributed")
    try:
        return None if distributed is None else distributed.get_client()
    except ValueError:
        return None


@contextmanager
def connected(address: str | None) -> Iterator[None]:
    """A client of the scheduler at an address is active inside; of None all stays as it is.

    Raises ImportError without Dask, and OSError, of one line, where no scheduler answers or no worker has joined it.
    """
    if address is None:
        yield
        return
    try:
        from distributed import Client
    except ImportError:
        raise ImportError("--scheduler needs Dask: pip install 'headwater[scale]'") from None
    try:
        # Made the active one once it is there: one that found nobody would stay it, and everything wait for it.
        client = Client(address, timeout=_PATIENCE, set_as_default=False)
    except (OSError, ValueError, KeyError):
        raise OSError(f"--scheduler {address}: no Dask scheduler answers there") from None
    with client, client.as_current():
        try:
            client.wait_for_workers(1, timeout=_PATIENCE)
        except TimeoutError:
            raise OSError(f"--scheduler {address}: no worker has joined it; start one: dask worker {address}") from None
        yield


def in_order(work: Callable[[Item], Found], items: Iterable[Item]) -> Iterator[Found]:
    """What ``work`` makes of each item, in their order: on the active client's workers, or here where there is none.

    Few are under way at a time, so that memory does not grow with their number.
    """
    client = active()
    if client is None:
        yield from map(work, items)
        return
    ahead = _AHEAD * max(1, sum(client.nthreads().values()))
    waiting: deque[Any] = deque()
    for item in items:
        waiting.append(client.submit(work, item, pure=False))
        if len(waiting) >= ahead:
            yield _result(client, waiting.popleft())
    while waiting:
        yield _result(client, waiting.popleft())


def is_spread(data: Any) -> bool:
    """Whether this is a Dask array or data frame."""
    return type(data).__module__.partition(".")[0] == "dask" and hasattr(data, "__dask_graph__")


def summed(work: Callable[..., Found], add: Callable[[list[Found]], Found], columns: list[Any]) -> Found:
    """The sum of what ``work`` makes of each partition of these arrays or frames, (X,), (X, y) or (X, y, w).

    They are partitioned alike by rows; chunks along the features are brought together. ``add`` adds a list of sums, as
    a tree on the workers. Raises ValueError where they are not partitioned alike.
    """
    from dask import delayed

    parts = _partitions(work, columns)
    while len(parts) > 1:
        parts = [delayed(add)(parts[start : start + _FAN_IN]) for start in range(0, len(parts), _FAN_IN)]
    client = active()
    return parts[0].compute() if client is None else _result(client, client.compute(parts[0]))


def _result(client: Any, future: Any) -> Any:
    """What a task on the workers gives; OSError, of one line, where it is lost with them.

    Dask runs anew what a lost worker had; it waits for ever where none is left.
    """
    from distributed import CancelledError, KilledWorker
    from distributed.comm import CommClosedError

    missed = 0
    while True:
        try:
            return future.result(timeout=_PATIENCE)
        except (KilledWorker, CancelledError, CommClosedError):
            raise OSError("Dask's workers died of this work, or its scheduler did: see what they printed") from None
        except TimeoutError:
            missed = 0 if client.nthreads() else missed + 1
            if future.done() or missed == 2:
                raise OSError(f"no Dask worker was left for {2 * _PATIENCE} seconds") from None


def _partitions(work: Callable[..., Any], columns: list[Any]) -> list[Any]:
    """What ``work`` is to make of each partition, as delayed values, by one graph: what they share is made once."""
    if all(hasattr(of, "to_dask_array") for of in columns):
        first, *rest = columns
        counts = {of.npartitions for of in columns}
        if len(counts) > 1:
            raise ValueError(f"X, y and sample_weight have {_listed(counts)} partitions: each needs the same rows")
        as_is = {"meta": (None, "object"), "enforce_metadata": False, "align_dataframes": False}
        made = first.map_partitions(work, *rest, **as_is)
        return list(made.to_delayed())
    import dask.array as da
    import numpy as np

    first = _array(columns[0])
    arrays = [first]
    for of in columns[1:]:
        if not is_spread(of):  # as long as X, and cut as it is
            of = np.asarray(of)
            if np.isnan(first.shape[0]):
                raise ValueError("X has chunks of unknown sizes: y and sample_weight must be Dask arrays cut alike")
            of = da.from_array(of, chunks=(first.chunks[0] if len(of) == first.shape[0] else -1, *of.shape[1:]))
        arrays.append(_array(of))
    known = not any(np.isnan(of.shape[0]) for of in arrays)
    lengths, counts = {of.shape[0] for of in arrays}, {of.numblocks[0] for of in arrays}
    if known and len(lengths) > 1:
        raise ValueError(f"X, y and sample_weight must have the same rows; they have {_listed(lengths)}")
    if not known and len(counts) > 1:
        raise ValueError(f"X, y and sample_weight have {_listed(counts)} chunks of rows: each needs the same rows")
    places = [argument for of in arrays for argument in (of, "ijk"[: of.ndim] if of is first else "il"[: of.ndim])]
    as_is = {"meta": np.empty(0, object), "dtype": object, "concatenate": True, "align_arrays": known}
    made = da.blockwise(work, "i", *places, **as_is)
    return list(made.to_delayed().ravel())


def _array(data: Any) -> Any:
    """A Dask array of a Dask array or frame."""
    return data.to_dask_array() if hasattr(data, "to_dask_array") else data


def _listed(counts: set[int]) -> str:
    return " and ".join(map(str, sorted(counts)))
