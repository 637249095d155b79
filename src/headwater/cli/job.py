"""What advise and fit share: two files in, the advice with its fitted model out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headwater.advice.verdict import Advice
    from headwater.tables.delimited import Reading
    from headwater.tables.pair import Pair, Roles


@dataclass(frozen=True)
class Files:
    """A source and a target, or published coefficients in the place of a source's table."""

    source: Path
    target: Path
    published: bool = False

    @classmethod
    def given(cls, first: Path, second: Path | None, coefficients: Path | None) -> Files:
        """SOURCE and TARGET, or TARGET alone beside coefficients; ValueError for anything else."""
        if coefficients is not None and second is not None:
            raise ValueError("--coefficients takes the place of SOURCE: give TARGET alone")
        if coefficients is not None:
            return cls(coefficients, first, published=True)
        if second is None:
            raise ValueError("give SOURCE and TARGET, or TARGET alone and --coefficients")
        return cls(first, second)


def advice_on(
    files: Files, roles: Roles, reading: Reading, allow_overlap: bool, degree: int, criterion: str
) -> tuple[Advice, Pair]:
    """Read two files, fit the source with its preprocessor, and advise; all notes are in the advice."""
    from headwater.cli.progress import progress_bar, status
    from headwater.tables.pair import read_pair, read_published

    source, target = files.source, files.target
    if files.published and degree > 1:
        raise ValueError("--degree: published coefficients are of the columns as they are; leave it at 1")
    with status(f"reading {source} and {target}"):
        if files.published:
            published, pair = read_published(source, target, roles, reading)
        else:
            pair = read_pair(source, target, roles, reading, allow_overlap)

    # Loaded once the tables are known to be usable: they bring scikit-learn, which takes longer than most tables.
    from headwater.advice.verdict import advise
    from headwater.estimators.from_table import about_target, fit_source, published_source
    from headwater.tables.design import drawn_in_note

    before, after = pair.source, pair.target
    if files.published:
        model = published_source(published, after, pair.columns)
    else:
        with progress_bar(f"fitting {source}", "rows") as progress:
            model = fit_source(
                before.table,
                before.y,
                pair.columns,
                before.weight,
                degree=degree,
                criterion=criterion,
                progress=progress,
            )
    with status(f"fitting {target}"):
        rows = after.table.data.select(list(dict.fromkeys(column.name for column in pair.columns)))
        model, beyond = about_target(model, after.table, after.weight)
        advice = advise(model, (rows, after.y, after.weight), criterion=criterion, groups=after.groups)
    notes = list(pair.notes)
    notes += drawn_in_note(after.table.name, beyond)
    return replace(advice, notes=(*notes, *advice.notes)), pair
