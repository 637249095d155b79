"""`headwater show`: what a published source is, in a few numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headwater.cli import options as o

if TYPE_CHECKING:
    from headwater.estimators.saved_source import SavedSource


def show(
    file: Annotated[Path, typer.Argument(help="A source written by headwater publish.", show_default=False)],
    as_json: o.AsJson = False,
) -> None:
    """Say what is in FILE: its rows, columns, outcome and penalty, what it explains and what it misses."""
    from headwater.estimators.saved_source import SavedSource

    show_source(SavedSource.load(file), file, as_json)


def show_source(source: SavedSource, path: Path, as_json: bool, **more: Any) -> None:
    """Print a source's numbers, in words or as JSON; ``more`` joins the JSON object."""
    from headwater.cli.showing import print_json

    numbers = source.numbers
    if as_json:
        print_json({"file": str(path), **numbers, **more})
        return
    name, count, rows = numbers["outcome"], numbers["columns"], numbers["rows"]
    stands = "" if numbers["weight"] == rows else f", which stand for {numbers['weight']:,.6g}"
    lines = [
        ("rows", f"{rows:,}{stands}; none of them is in the file"),
        ("columns", f"{count:,}, made into {numbers['features']:,} features"),
        ("outcome", f"{name}, {numbers['family']}"),
        (
            "τ_S*",
            f"{numbers['source_optimal_tau']:.4g}, the penalty best for the source itself, by {numbers['criterion']}",
        ),
        ("signal", f"{numbers['signal']:.4g}, how far its predictions vary (a standard deviation)"),
        ("noise", f"{numbers['noise']:.4g}, how far they miss (a standard deviation)"),
        ("version", f"written by headwater {numbers['version']}"),
    ]
    if numbers["rank"] is not None:
        lines.insert(2, ("rank", f"cut to {numbers['rank']:,} axes; its predictions for its own rows moved by "
                                 f"{numbers['lost']:.3g} (root mean square, from the axes alone)"))  # fmt: skip
    by = "1 column" if count == 1 else f"{count:,} columns"
    print(f"{path}: what {rows:,} rows say of {name} by {by}, for others to start from")
    for title, text in lines:
        print(f"  {title:<8} {text}")
