"""`headwater columns`: every column of a table, and what it is read as."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headwater.cli import options as o


def columns(
    data: Annotated[Path, typer.Argument(help="A table.", show_default=False)],
    delimiter: o.Delimiter = None,
    decimal: o.Decimal = None,
    as_json: o.AsJson = False,
) -> None:
    """List every column of DATA, and what it is read as."""
    from headwater.cli.showing import print_json, show_notes
    from headwater.tables.columns import WORDS, kind_of, missing_in
    from headwater.tables.table import read_table
    from headwater.version import __version__

    table = read_table(data, o.reading(delimiter, decimal))
    kinds = {name: WORDS[kind_of(column)] for name, column in zip(table.names, table.data.columns, strict=True)}
    if as_json:
        print_json({"rows": table.data.num_rows, "columns": kinds, "notes": table.notes, "version": __version__})
        return
    for name, column in zip(table.names, table.data.columns, strict=True):
        missing = missing_in(column)
        print(f"{name}\t{WORDS[kind_of(column)]}" + (f"\t{missing} missing" if missing else ""))
    show_notes(table.notes)
