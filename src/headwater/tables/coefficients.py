"""Coefficients: a published table of names and numbers in the place of a source, and what of a target it speaks of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from headwater.spectrum.rows import Array
from headwater.tables.cells import CATEGORY
from headwater.tables.columns import Column
from headwater.tables.delimited import AS_FOUND, Reading
from headwater.tables.outcome import BINOMIAL, GAUSSIAN, POISSON
from headwater.tables.table import Table, listed, read_table

LEVELS = {"const", "intercept", "(intercept)", "_cons", "bias"}


@dataclass(frozen=True)
class Published:
    """Coefficients by name, in the units of the columns; a level of text is named column=level."""

    name: str
    coef: Mapping[str, float]
    se: Mapping[str, float] | None
    level: float
    notes: tuple[str, ...]

    def columns(self, table: Table) -> list[str]:
        """A table's columns of which it speaks."""
        return [name for name in table.names if name in self.coef or any(self._of(name))]

    def unused(self, columns: tuple[Column, ...]) -> list[str]:
        """Its names of which no column is a feature."""
        used = {column.name for column in columns}
        return [name for name in self.coef if name not in used and name.partition("=")[0] not in used]

    def vector(self, columns: tuple[Column, ...]) -> Array:
        """The coefficients (p,) of features as a design has them: numbers first, then a column a level."""
        return _along(self.coef, columns)

    def errors(self, columns: tuple[Column, ...]) -> Array | None:
        """Their standard errors (p,), where they are known; a level without a coefficient is 0 exactly."""
        return None if self.se is None else _along(self.se, columns)

    def of(self, family: str) -> Published:
        """As they are used for outcomes of a family, said in notes: standard errors are for numbers alone."""
        plain, said = family == GAUSSIAN, []
        if not plain:
            scale = {BINOMIAL: "log odds", POISSON: "logarithms of the mean"}[family]
            said.append(f"{self.name}: the coefficients are taken to be of {scale} (--family gaussian: of the outcome)")
        if self.se is not None:
            use = "say how sure the coefficients are" if plain else "are used only where the outcome is a number"
            said.append(f"{self.name}: the standard errors {use}")
        return replace(self, se=self.se if plain else None, notes=(*self.notes, *said))

    def _of(self, column: str) -> list[str]:
        return [name for name in self.coef if name.startswith(f"{column}=")]


def read_coefficients(path: Path, reading: Reading = AS_FOUND) -> Published:
    """Read a table with the columns ``name`` and ``coef``, and their standard errors ``se`` if it likes.

    What is called intercept or const is the level. Raises OSError or ValueError, of one line that names the file.
    """
    table = read_table(path, reading)
    names = [name.strip() for name in table.column("name").text().to_pylist()]
    numbers = table.column("coef").numeric("coefficient")
    if numbers.null_count:
        raise ValueError(f"{table.name}: {numbers.null_count} rows have no coef")
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"{table.name}: there are two coefficients of {listed(sorted(twice))}")
    coef = dict(zip(names, numbers.to_pylist(), strict=True))
    level = sum(coef.pop(name) for name in names if name.lower() in LEVELS)
    se, notes = _standard_errors(table, names)
    return Published(table.name, coef, se, float(level), (*table.notes, *notes))


def _standard_errors(table: Table, names: list[str]) -> tuple[Mapping[str, float] | None, list[str]]:
    """Those of all that are not the level, or none, and what to say of them."""
    if "se" not in table.names:
        return None, []
    values = dict(zip(names, table.column("se").numeric("standard error").to_pylist(), strict=True))
    found = {name: value for name, value in values.items() if name.lower() not in LEVELS}
    absent = [name for name, value in found.items() if value is None]
    if absent:
        return None, [f"{table.name}: the standard errors are not used, since there is none of {listed(absent)}"]
    below = [name for name, value in found.items() if value < 0]
    if below:
        raise ValueError(f"{table.name}: the standard error, se, is below 0 of {listed(below)}")
    return found, []


def _along(values: Mapping[str, float], columns: tuple[Column, ...]) -> Array:
    """Values by name along a design, (p,)."""
    numbers = [values.get(column.name, 0.0) for column in columns if column.kind != CATEGORY]
    levels = [values.get(f"{column.name}={level}", 0.0)
              for column in columns if column.kind == CATEGORY for level in column.levels]  # fmt: skip
    return np.array(numbers + levels)
