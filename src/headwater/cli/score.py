"""`headwater score`: a saved model's error on rows whose outcome is known, against what else there was to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headwater.cli import options as o

if TYPE_CHECKING:
    from headwater.spectrum.rows import Array

NAMES = {
    "chosen": "this model",
    "scratch": "from scratch (target alone)",
    "source_optimal": "source-optimal transfer",
    "source": "the source's own model",
}


def score(
    model: o.Model,
    data: Annotated[Path, typer.Argument(help="Table with the model's columns and the outcome.", show_default=False)],
    outcome: Annotated[
        str | None, typer.Option(help="The outcome's name, where it differs from the target's.", show_default=False)
    ] = None,
    weights: o.Weights = None,
    delimiter: o.Delimiter = None,
    decimal: o.Decimal = None,
    as_json: o.AsJson = False,
) -> None:
    """Mean squared error and R² on DATA: of the model, from scratch, and of the source's own model."""
    from headwater.advice.saved import load_model
    from headwater.cli.progress import progress_bar, status
    from headwater.cli.showing import print_json, show_notes, table
    from headwater.tables.columns import met
    from headwater.tables.preparation import drawn_in_note
    from headwater.tables.side import with_outcome
    from headwater.tables.suspicions import rows_seen
    from headwater.tables.table import read_table
    from headwater.version import __version__

    loaded = load_model(model)
    with status(f"reading {data}"):
        whole = read_table(data, o.reading(delimiter, decimal, loaded.facts["decimal"]))
    name = outcome or loaded.facts["target_outcome"]
    rows, noted = with_outcome(whole, name, weights, "survey")  # in a mean only the ratios of weights count
    with progress_bar("predicting", "rows") as progress:
        found, drawn_in = loaded.evaluated(rows.table, progress)
    told = (*met(rows.table, loaded.columns), *drawn_in_note(rows.table.name, drawn_in))
    notes = (*noted, *told, *rows_seen(loaded.fitted, rows, loaded.columns))
    scores = {name: _score(rows.y, found[name], rows.weight) for name in NAMES}
    if as_json:
        chosen = scores.pop("chosen")
        print_json({"rows": len(rows.y), **chosen, **scores, "notes": notes, "version": __version__})
        return
    lines = [[words, f"{scores[name]['error']:.5g}", f"{scores[name]['r2']:.4f}"] for name, words in NAMES.items()]
    table(f"{len(rows.y)} rows of {data}", ["", "mean squared error", "R²"], lines)
    show_notes(notes)


def _score(y: Array, predicted: Array, weight: Array | None) -> dict[str, float]:
    """Mean squared error, and R² against the mean of these rows: NaN where the outcome does not vary."""
    import numpy as np

    error = float(np.average((y - predicted) ** 2, weights=weight))
    spread = float(np.average((y - np.average(y, weights=weight)) ** 2, weights=weight))
    return {"error": error, "r2": 1 - error / spread if spread > 0 else float("nan")}
