"""`headwater advise`: whether to transfer from one table to another, and how hard to regularise the source for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import numpy as np

    from headwater.blocks import Table


def advise(
    source: Annotated[Path, typer.Argument(help="Source table: CSV, TSV or Parquet.")],
    target: Annotated[Path, typer.Argument(help="Target table, with the source's columns.")],
    outcome: Annotated[str, typer.Option(help="The column to predict, in both tables.")],
    degree: Annotated[int, typer.Option(min=1, max=2, help="2 adds squares and products of the features.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object; infinity is null.")] = False,
) -> None:
    """Say whether to transfer from SOURCE to TARGET and how hard to regularise the source for it."""
    import numpy as np
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    from headwater import SourceRidge, __version__
    from headwater import advise as advise_on
    from headwater.blocks import read_table
    from headwater.cli.output import print_json

    first, second = read_table(source), read_table(target)
    names = [name for name in first.names if name != outcome and name in second.names]

    def arrays(table: Table) -> tuple[np.ndarray, np.ndarray]:
        y = _complete(table, outcome, "outcome")
        if not names:
            raise ValueError(f"{second.name}: shares no feature with {first.name}")
        return np.column_stack([_complete(table, name, "feature") for name in names]), y

    sides = [arrays(first), arrays(second)]
    if len(sides[1][1]) < 3:
        raise ValueError(f"{second.name}: {len(sides[1][1])} rows; at least 3 are needed")
    steps = [StandardScaler()]
    if degree == 2:
        steps += [PolynomialFeatures(degree, include_bias=False), StandardScaler()]
    advice = advise_on(make_pipeline(*steps, SourceRidge()).fit(*sides[0]), sides[1])
    if as_json:
        print_json({**advice.as_dict(), "version": __version__})
    else:
        print(advice)
        for name in names:
            if np.ptp(sides[0][0][:, names.index(name)]) == 0:
                print(f"  note: {name} does not vary in the source, so nothing is known of it")


def _complete(table: Table, name: str, role: str) -> np.ndarray:
    from headwater.columns import number_column

    values = number_column(table, name, role)
    if values.null_count:
        raise ValueError(f"{table.name}: {role} {name!r} has {values.null_count} missing values; fill or drop them")
    return values.to_numpy()
