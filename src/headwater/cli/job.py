"""What advise and fit share: the files that were asked about, read and paired, and the advice on them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headwater.advice.from_tables import Manner, Progress
    from headwater.advice.outcomes import OutcomeAdvice
    from headwater.advice.verdict import Advice
    from headwater.tables.delimited import Reading
    from headwater.tables.pair import Pair, Roles


@dataclass(frozen=True)
class Files:
    """One source or several and a target, or published coefficients in the place of a source's table."""

    sources: tuple[Path, ...]
    target: Path
    published: bool = False

    @classmethod
    def given(cls, tables: list[Path], target: Path | None, coefficients: Path | None) -> Files:
        """SOURCE and TARGET, or several SOURCE and --target; with coefficients a target alone; else ValueError."""
        *before, last = tables if target is None else (*tables, target)
        if coefficients is not None:
            if before:
                raise ValueError("--coefficients takes the place of SOURCE: give TARGET alone")
            return cls((coefficients,), last, published=True)
        if not before:
            raise ValueError("give SOURCE and TARGET, or TARGET alone and --coefficients")
        if target is None and len(before) > 1:
            raise ValueError(f"{len(tables)} tables: say which is the target by --target; all others are then sources")
        return cls(tuple(before), last)

    @property
    def all(self) -> tuple[Path, ...]:
        """Every file that is read."""
        return (*self.sources, self.target)

    def read(self, roles: Roles, reading: Reading, allow_overlap: bool) -> Pair:
        """The files' tables, paired."""
        from headwater.archive import is_archive
        from headwater.cli.progress import status
        from headwater.tables.pair import fitted_pair, read_pair, read_published
        from headwater.tables.table import read_table

        with status(f"reading {', '.join(map(str, self.sources))} and {self.target}"):
            if self.published:
                return read_published(self.sources[0], self.target, roles, reading)
            if any(map(is_archive, self.sources)):
                from headwater.estimators.saved_source import of_file  # which takes longer than most tables

                source = of_file(list(self.sources))
                return fitted_pair(source, str(self.sources[0]), read_table(self.target, reading), roles)
            return read_pair(self.sources, self.target, roles, reading, allow_overlap)


def advice_on(
    pair: Pair, degree: int, criterion: str, source_tau: float | None = None, tau: float | None = None
) -> tuple[Advice | OutcomeAdvice, Manner]:
    """The advice on a pair, with progress on standard error, and the manner in which it was fitted."""
    # Loaded once the tables are known to be usable: it brings scikit-learn, which takes longer than most tables.
    from headwater.advice.from_tables import Manner, advise_pair
    from headwater.cli.progress import progress_bar, status

    def stage(what: str, counted: bool = False) -> AbstractContextManager[Progress | None]:
        return progress_bar(what, "rows") if counted else status(what)

    manner = Manner(degree, criterion, source_tau, tau)
    return advise_pair(pair, manner, stage), manner
