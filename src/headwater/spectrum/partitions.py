"""Partitions: a table spread over Dask's partitions brought to its moments, each partition where it is."""

from __future__ import annotations

from typing import Any

import numpy as np

from headwater import cluster
from headwater.spectrum.moments import Moments, merge


def moments_of_partitions(X: Any, y: Any, sample_weight: Any = None) -> Moments:
    """The moments of a Dask array or frame: a partition's on the worker that has it, added as a tree.

    No more than a partition and a few moments are on a worker at a time, and one worker's moments come here.

    Raises ValueError as ``Moments.from_arrays`` does, for partitions that do not match, and where there are no rows.
    """
    if X.ndim != 2:
        raise ValueError(f"X has {X.ndim} axes; it needs rows and features")
    found = cluster.summed(of_partition, add, [X, y] if sample_weight is None else [X, y, sample_weight])
    if found is None:
        raise ValueError("X has no rows")
    return found


def of_partition(X: Any, y: Any, weight: Any = None) -> Moments | None:
    """The moments of one partition, None of no rows."""
    X, y, weight = _numbers(X), _numbers(y), None if weight is None else _numbers(weight)
    if not len(y) or (weight is not None and not np.any(weight)):
        return None
    return Moments.from_arrays(X, y, weight)


def add(parts: list[Moments | None]) -> Moments | None:
    """The moments of all that have rows."""
    found = [part for part in parts if part is not None]
    return merge(found) if found else None


def _numbers(part: Any) -> Any:
    """A partition's array; a frame's columns as numbers, those with missing values included."""
    if not hasattr(part, "to_numpy"):
        return part
    array = np.asarray(part)
    if array.dtype != object:
        return array
    try:
        return part.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        raise ValueError("a Dask frame holds columns that are not numbers: prepare them first") from None
