"""How advice and scores are shown: JSON, plain text in a pipe, tables on a terminal."""

from __future__ import annotations

import json
import math
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater.advice.answer import Answer
    from headwater.tables.pair import Pair


def print_json(value: dict[str, Any]) -> None:
    """Print one valid JSON object and nothing else."""
    print(json.dumps(finite(value), allow_nan=False))


def finite(value: Any) -> Any:
    """The same structure with infinities and NaN as None."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def show_advice(advice: Answer, pair: Pair, as_json: bool, explained: bool = False, **more: Any) -> None:
    """Print the advice; ``more`` joins the JSON object."""
    from headwater.version import __version__

    if as_json:
        print_json({**advice.as_dict(), "columns": pair.names, **more, "version": __version__})
    else:
        print(advice.explanation if explained else advice)


def show_notes(notes: tuple[str, ...]) -> None:
    """Notes on standard error, one a line, so that what was asked for stands alone on standard output."""
    for note in notes:
        print(f"note: {note}", file=sys.stderr)


def table(title: str, names: list[str], rows: list[list[str]]) -> None:
    """A table: drawn on a terminal, columns of plain text in a pipe."""
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table

        drawn = Table(title=title, title_justify="left")
        for index, name in enumerate(names):
            drawn.add_column(name, justify="right" if index else "left")
        for row in rows:
            drawn.add_row(*row)
        Console().print(drawn)
        return
    widths = [max(len(row[index]) for row in [names, *rows]) for index in range(len(names))]
    print(title)
    for row in [names, *rows]:
        first, *rest = (
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join(["", first, *rest]))
