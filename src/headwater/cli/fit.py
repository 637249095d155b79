"""`headwater fit`: the fitted transfer, saved."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headwater.cli import options as o


def fit(
    tables: o.Tables,
    outcome: o.Outcome,
    out: Annotated[Path, typer.Option("--out", "-o", help="The model file to write.", show_default=False)],
    target: o.TargetTable = None,
    coefficients: o.CoefficientTable = None,
    target_outcome: o.TargetOutcome = None,
    features: o.Features = None,
    exclude: o.Exclude = None,
    categories: o.Categories = None,
    family: o.FamilyAsked = None,
    positive: o.Positive = None,
    exposure: o.Exposure = None,
    weights: o.Weights = None,
    weights_kind: o.WeightsKind = None,
    groups: o.Groups = None,
    degree: o.Degree = 1,
    criterion: o.By = o.Criterion.evidence,
    source_tau: Annotated[
        float | None, typer.Option(help="Source penalty τ0: inf is from scratch. (default: chosen)", show_default=False)
    ] = None,
    tau: Annotated[float | None, typer.Option(help="Target penalty τ1. (default: chosen)", show_default=False)] = None,
    delimiter: o.Delimiter = None,
    decimal: o.Decimal = None,
    allow_overlap: o.AllowOverlap = False,
    explain: o.Explained = False,
    report: o.ReportFile = None,
    as_json: o.AsJson = False,
) -> None:
    """Fit the transfer from SOURCE to TARGET that advise recommends, and save it for predict and score."""
    from headwater.cli.job import Files, advice_on
    from headwater.cli.showing import check_report, show_advice
    from headwater.files import check_output
    from headwater.tables.options import check_penalties

    check_penalties(source_tau, tau)
    files = Files.given(tables, target, coefficients)
    check_output(out, *files.all)
    check_report(report, *files.all, out)
    named = (outcome, target_outcome, weights, weights_kind, groups)
    roles = o.roles(*named, features, exclude, categories, family, positive, exposure)
    pair = files.read(roles, o.reading(delimiter, decimal), allow_overlap)
    advice, manner = advice_on(pair, degree, criterion.value, source_tau, tau)

    from headwater.advice.kept import kept

    kept(advice, pair, manner).save(out)
    show_advice(advice, pair, as_json, explain, report, model=str(out))
    if not as_json:
        print(f"model written to {out}")
