"""How advice and scores are shown: JSON, plain text in a pipe, tables on a terminal."""

from __future__ import annotations

import json
import math
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater.advice.verdict import Advice
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


def show_advice(advice: Advice, pair: Pair, as_json: bool, **more: Any) -> None:
    """Print the advice; ``more`` joins the JSON object."""
    from headwater.version import __version__

    if as_json:
        columns = list(dict.fromkeys(column.name for column in pair.columns))
        print_json({**advice.as_dict(), "columns": columns, **more, "version": __version__})
    elif not sys.stdout.isatty():
        print(advice)
    else:
        _draw(advice)


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


def _draw(advice: Advice) -> None:
    from rich.console import Console
    from rich.markup import escape

    from headwater.advice.wording import what_is_known, what_would_change_it

    console = Console()
    console.print(f"[bold]{escape(advice.sentence)}[/bold]\n")
    for title, lines in (
        ("What is known", what_is_known(advice)),
        ("What would change it", what_would_change_it(advice)),
    ):
        console.print(f"[italic]{title}[/italic]")
        for line in lines:
            console.print(f"  • {escape(line)}", highlight=False)
    console.print()
    errors, benefit = advice.errors, advice.benefit
    table(
        "Predicted target error (leave-one-out mean squared error)",
        ["", "error"],
        [
            ["from scratch", f"{errors.scratch:.5g}"],
            ["source-optimal transfer", f"{errors.source_optimal:.5g}"],
            ["chosen", f"{errors.chosen:.5g}"],
            ["scaled transfer", f"{errors.scaled:.5g}"],
        ],
    )
    table(
        "Penalties",
        ["", "τ"],
        [
            ["best for the source itself", f"{advice.source_optimal_tau:.4g}"],
            [f"best for the target ({advice.direction})", f"{advice.transfer_optimal_tau:.4g}"],
            ["of the target's own fit", f"{advice.target_tau:.4g}"],
        ],
    )
    if advice.curve is not None:
        table(
            "Target error over source penalties",
            ["τ0", "by theory", "left out"],
            [[f"{tau:.4g}", f"{predicted:.5g}", f"{left_out:.5g}"] for tau, predicted, left_out in advice.curve.rows],
        )
    console.print(
        f"source {advice.source.rows:g} rows, target {advice.target.rows:g} rows, {advice.source.features} features\n"
        f"the source's own predictions take {benefit.estimate:.4g} off the squared error "
        f"(95 % interval {benefit.low:.4g} to {benefit.high:.4g})"
    )
    for note in advice.notes:
        console.print(f"[dim]note: {escape(note)}[/dim]")
