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
    from headwater.tables.cells import WORDS, Cells
    from headwater.tables.table import read_table
    from headwater.version import __version__

    table = read_table(data, o.reading(delimiter, decimal))
    found = [Cells(table.name, name, values) for name, values in zip(table.names, table.data.columns, strict=True)]
    if as_json:
        kinds = {cells.name: WORDS[cells.kind] for cells in found}
        print_json({"rows": table.data.num_rows, "columns": kinds, "notes": table.notes, "version": __version__})
        return
    for cells in found:
        print(f"{cells.name}\t{WORDS[cells.kind]}" + (f"\t{cells.missing} missing" if cells.missing else ""))
    show_notes(table.notes)
