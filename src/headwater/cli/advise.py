"""`headwater advise`: whether to transfer from one table to another, and how hard to regularise the source for it."""

from __future__ import annotations

from headwater.cli import options as o


def advise(
    tables: o.Tables,
    outcome: o.Outcome,
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
    delimiter: o.Delimiter = None,
    decimal: o.Decimal = None,
    allow_overlap: o.AllowOverlap = False,
    explain: o.Explained = False,
    report: o.ReportFile = None,
    as_json: o.AsJson = False,
) -> None:
    """Say whether to transfer from SOURCE to TARGET and how hard to regularise the source for it."""
    from headwater.cli.job import Files, advice_on
    from headwater.cli.showing import check_report, show_advice

    files = Files.given(tables, target, coefficients)
    check_report(report, *files.all)
    named = (outcome, target_outcome, weights, weights_kind, groups)
    roles = o.roles(*named, features, exclude, categories, family, positive, exposure)
    pair = files.read(roles, o.reading(delimiter, decimal), allow_overlap)
    advice, _ = advice_on(pair, degree, criterion.value)
    show_advice(advice, pair, as_json, explain, report)
