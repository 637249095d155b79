"""`headwater score`: a saved model's error on rows whose outcome is known, against what else there was to do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headwater.cli import options as o

MEASURES = {
    "error": "mean squared error",
    "r2": "R²",
    "log_loss": "log loss",
    "brier": "Brier",
    "auc": "AUC",
    "calibration_intercept": "intercept",
    "calibration_slope": "slope",
    "deviance": "deviance",
    "explained": "explained",
    "observed_over_expected": "observed/expected",
}


def score(
    model: o.Model,
    data: Annotated[Path, typer.Argument(help="Table with the model's columns and the outcome.", show_default=False)],
    outcome: Annotated[
        str | None, typer.Option(help="The outcome's name, where it differs from the target's.", show_default=False)
    ] = None,
    exposure: o.OtherExposure = None,
    weights: o.Weights = None,
    delimiter: o.Delimiter = None,
    decimal: o.Decimal = None,
    as_json: o.AsJson = False,
) -> None:
    """What the model errs on DATA, and what else there was to do: from scratch, the source's own model and others.

    Numbers: mean squared error and R². Yes or no: log loss, Brier score, AUC, and the intercept and slope of outcomes
    on predicted log odds (0 and 1 where probabilities are right). Counts: mean deviance, the share of it that is
    explained, and observed over expected counts; with what was predicted and seen in each tenth of the rows.
    """
    from headwater.advice.fitted import scored
    from headwater.advice.saved import load_transfer
    from headwater.advice.wording import WAYS
    from headwater.cli.progress import progress_bar, status
    from headwater.cli.showing import print_json, show_notes, table
    from headwater.tables.table import read_table
    from headwater.version import __version__

    loaded = load_transfer(model)
    with status(f"reading {data}"):
        whole = read_table(data, o.reading(delimiter, decimal, loaded.facts["decimal"]))
    with progress_bar("predicting", "rows") as progress:
        found = scored(loaded, whole, outcome, weights, exposure, progress)
    each, tenths = dict(found.scores), found.tenths
    if as_json:
        chosen = each.pop("chosen")
        more = {"calibration": tenths} if tenths else {}
        print_json({"rows": found.rows, **chosen, **each, **more, "notes": found.notes, "version": __version__})
        return
    names = ["", *(MEASURES[measure] for measure in each["chosen"])]
    ways = {**WAYS, "chosen": "this model"}
    lines = [[ways[way], *(f"{value:.4g}" for value in measures.values())] for way, measures in each.items()]
    table(f"{found.rows} rows of {data}", names, lines)
    if tenths:
        print()
        lines = [[f"{part['rows']:g} rows", f"{part['predicted']:.4g}", f"{part['observed']:.4g}"] for part in tenths]
        table("this model's predictions, the least first", ["", "predicted", "observed"], lines)
    show_notes(found.notes)
