"""`headwater merge`: published sources of several tables become that of all their rows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headwater.cli import options as o
from headwater.cli.publish import Published


def merge(
    sources: Annotated[
        list[Path], typer.Argument(help="Sources, the later ones published --like the first.", show_default=False)
    ],
    out: Published,
    as_json: o.AsJson = False,
) -> None:
    """Add up SOURCES: the same source as one fit to all their rows, without the rows."""
    from headwater.cli.show import show_source
    from headwater.estimators.saved_source import SavedSource
    from headwater.files import check_output

    check_output(out, *sources)
    if len(sources) < 2:
        raise ValueError("give at least two sources to merge")
    found = SavedSource.load(sources[0])
    for path in sources[1:]:
        try:
            found = found + SavedSource.load(path)
        except ValueError as problem:
            if str(problem).startswith(str(path)):
                raise
            raise ValueError(f"{sources[0]} and {path}: {problem}") from None
    found.save(out)
    show_source(found, out, as_json)
