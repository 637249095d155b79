"""Arrays: rows of numbers, or of a data frame, that never were a file, looked at as those of files are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from headwater.spectrum.rows import Array
from headwater.tables.cells import CATEGORY
from headwater.tables.columns import encode, learned
from headwater.tables.fingerprints import Rows
from headwater.tables.frames import as_table
from headwater.tables.numbers import Numbers, sampled


@dataclass(frozen=True, eq=False)
class Arrays:
    """What is looked at of rows: what notes call them, numbers X (n, p), outcomes Y (n, q), fingerprints, their count.

    The first columns of X are the named ones, numbers; others are codes of text.
    """

    table: str
    names: list[str]
    X: Any
    Y: Array
    rows: Rows
    size: float

    @property
    def width(self) -> tuple[int, int]:
        """How many features that are numbers, and how many outcomes."""
        return len(self.names), self.Y.shape[1]

    @classmethod
    def of(cls, table: str, side: tuple[Any, ...]) -> Arrays | None:
        """None for what is to be refused elsewhere."""
        X, y, weight = (*side, None)[:3]
        try:
            names, X = _matrix(X)
            Y = np.asarray(y, dtype=np.float64)
        except (TypeError, ValueError, NotImplementedError):
            return None
        if X.ndim != 2 or Y.ndim not in (1, 2) or not 0 < len(Y) == X.shape[0]:
            return None
        size = float(len(Y) if weight is None else np.sum(weight))
        return cls(table, names, X, Y.reshape(len(Y), -1), Rows.of(X, Y), size)

    def numbers(self) -> Numbers:
        """A sample, with medians for what is missing."""
        some = sampled(len(self.Y), len(self.names))
        X = self.X[some]
        X = (X.toarray() if hasattr(X, "toarray") else X)[:, : len(self.names)]
        unknown = ~np.isfinite(X)
        if unknown.any():
            X = np.where(unknown, np.nan, X)
            X = np.where(unknown, np.nan_to_num(np.nanmedian(X, axis=0)), X)
        return Numbers(self.table, self.names, X, self.Y[some], len(some) == len(self.Y))


def _matrix(X: Any) -> tuple[list[str], Any]:
    """The names of the columns that are numbers, and all columns as numbers, these first; sparse ones as CSR."""
    if hasattr(X, "tocsr"):
        return _places(X.shape[1]), X.tocsr()
    try:
        numbers = np.asarray(X, dtype=np.float64)
    except (TypeError, ValueError):
        if not hasattr(X, "columns"):
            raise
    else:
        return list(map(str, getattr(X, "columns", _places(np.atleast_2d(numbers).shape[1])))), numbers
    table = as_table(X)
    cells = [table.column(name) for name in table.names]
    columns = tuple(column for one in cells if one.kind and one.missing < len(one) for column in learned(one))
    columns = tuple(sorted(columns, key=lambda column: column.kind == CATEGORY))
    return [column.name for column in columns if column.kind != CATEGORY], encode(table, columns)


def _places(count: int) -> list[str]:
    return [f"X[:, {index}]" for index in range(count)]
