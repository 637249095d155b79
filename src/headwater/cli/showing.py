"""How advice and scores are shown: JSON, plain text in a pipe, tables on a terminal."""

from __future__ import annotations

import json
import math
import shlex
import sys
from pathlib import Path
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


def check_report(path: Path | None, *others: Path) -> None:
    """Refuse, before any work is done, a report that could not be written, or that would take another file's place."""
    from headwater.files import check_output
    from headwater.pages.needed import check_installed

    if path is not None:
        check_installed("--report", "matplotlib", "jinja2")
        check_output(path, *others, option="--report")
        if path.resolve() in [other.resolve() for other in others]:
            raise ValueError(f"--report: {path} is also another file of this command; give another name")


def show_advice(
    advice: Answer, pair: Pair, as_json: bool, explained: bool = False, report: Path | None = None, **more: Any
) -> None:
    """Print the advice, and write its report where one is asked for; ``more`` joins the JSON object."""
    from headwater.version import __version__

    if report is not None:
        advice.report(report, shlex.join(["headwater", *sys.argv[1:]]))
    if as_json:
        more["report"] = None if report is None else str(report)
        plain = {**advice.as_dict(), **advice.summary.as_dict()}
        print_json({**plain, "columns": pair.names, **more, "version": __version__})
        return
    print(advice.explanation if explained else advice.brief("--explain"))
    if report is not None:
        print(f"report written to {report}")


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
