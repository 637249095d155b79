"""What advise and fit share: two files in, the advice with its fitted model out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headwater.advice.verdict import Advice
    from headwater.tables.delimited import Reading
    from headwater.tables.pair import Pair, Roles


def advice_on(
    source: Path, target: Path, roles: Roles, reading: Reading, allow_overlap: bool, degree: int, criterion: str
) -> tuple[Advice, Pair]:
    """Read two files, fit the source with its preprocessor, and advise; all notes are in the advice."""
    from headwater.cli.progress import progress_bar, status
    from headwater.tables.pair import read_pair

    with status(f"reading {source} and {target}"):
        pair = read_pair(source, target, roles, reading, allow_overlap)

    # Loaded once the tables are known to be usable: they bring scikit-learn, which takes longer than most tables.
    from sklearn.pipeline import Pipeline

    from headwater.advice.verdict import advise
    from headwater.estimators.from_table import fit_source
    from headwater.tables.design import at_level, drawn_in_note

    before, after = pair.source, pair.target
    with progress_bar(f"fitting {source}", "rows") as progress:
        model = fit_source(
            before.table, before.y, pair.columns, before.weight, degree=degree, criterion=criterion, progress=progress
        )
    with status(f"fitting {target}"):
        rows = after.table.data.select(list(dict.fromkeys(column.name for column in pair.columns)))
        prepared, beyond = at_level(model[:-1], after.table, after.weight)
        model = Pipeline([*prepared.steps, model.steps[-1]])
        advice = advise(model, (rows, after.y, after.weight), criterion=criterion, groups=after.groups)
    notes = list(pair.notes)
    notes += drawn_in_note(after.table.name, beyond)
    return replace(advice, notes=(*notes, *advice.notes)), pair
