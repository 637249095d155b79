"""The options that commands share, each under one name, with one meaning and one help."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from headwater.tables.delimited import Reading
    from headwater.tables.pair import Roles


class Criterion(StrEnum):
    """What penalties are chosen by."""

    evidence = "evidence"
    loo = "loo"
    gcv = "gcv"


class Family(StrEnum):
    """What an outcome is."""

    gaussian = "gaussian"
    binomial = "binomial"
    poisson = "poisson"


class WeightsIs(StrEnum):
    """What weights are."""

    frequency = "frequency"
    precision = "precision"
    survey = "survey"


Tables = Annotated[
    list[Path],
    typer.Argument(
        metavar="SOURCE TARGET",
        help="Source and target table: CSV, TSV or Parquet; with --target all are sources.",
        show_default=False,
    ),
]
TargetTable = Annotated[
    Path | None,
    typer.Option("--target", help="The target's table, and SOURCE is one or several, of which the best is told."),
]
CoefficientTable = Annotated[
    Path | None,
    typer.Option(
        "--coefficients", help="In the place of SOURCE, a table of published coefficients: name, coef, and se if known."
    ),
]
Model = Annotated[Path, typer.Argument(help="A model saved by headwater fit.", show_default=False)]
Outcome = Annotated[
    str, typer.Option(help="The column to predict: numbers, yes or no in any two words, or counts.", show_default=False)
]
FamilyAsked = Annotated[
    Family | None,
    typer.Option(
        "--family",
        help="What the outcome is: a number, a yes or no (binomial), a count (poisson). (default: two values are "
        "binomial, all else gaussian)",
        show_default=False,
    ),
]
Positive = Annotated[
    str | None,
    typer.Option(help="Of a yes or no, the label whose probability is predicted. (default: said)", show_default=False),
]
Exposure = Annotated[
    str | None, typer.Option(help="Column that expected counts are in proportion to: years, inhabitants.")
]
TargetOutcome = Annotated[str | None, typer.Option(help="Its name in the target, where it differs.")]
Features = Annotated[
    list[str] | None, typer.Option(help="Use these columns only: a comma-separated list. (default: all shared)")
]
Exclude = Annotated[list[str] | None, typer.Option(help="Columns not to use: a comma-separated list.")]
Weights = Annotated[str | None, typer.Option(help="Column that says how many rows a row stands for.")]
OtherExposure = Annotated[
    str | None, typer.Option("--exposure", help="The exposure's name, where it differs from the one fitted with.")
]
Categories = Annotated[list[str] | None, typer.Option(help="Columns whose numbers are codes: a comma-separated list.")]
Decimal = Annotated[
    str | None,
    typer.Option(help="The decimal mark of numbers, . or , (default: found in each file)", show_default=False),
]
WeightsKind = Annotated[
    WeightsIs | None,
    typer.Option(help="What the weights are: counts of rows, inverse variances, or inverse chances of being asked."),
]
AllowOverlap = Annotated[
    bool, typer.Option("--allow-overlap", help="Go on although rows of the target are rows of the source.")
]
Groups = Annotated[
    str | None, typer.Option(help="Target column naming what was measured repeatedly; errors leave whole groups out.")
]
Degree = Annotated[int, typer.Option(min=1, max=2, help="2 adds squares and products of the numbers.")]
By = Annotated[
    Criterion,
    typer.Option(help="Choose penalties by restricted likelihood, leave-one-out, or generalised cross-validation."),
]
Delimiter = Annotated[
    str | None, typer.Option(help="What separates cells: one character, or 'tab'. (default: found in the file)")
]
Scheduler = Annotated[
    str | None,
    typer.Option(help="A Dask scheduler, tcp://host:8786, whose workers do the work.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object; infinity is null.")]
Explained = Annotated[
    bool, typer.Option("--explain", help="Also print what the advice rests on, each number with what it means.")
]
ReportFile = Annotated[
    Path | None,
    typer.Option("--report", help="Also write a page that can be sent: one HTML file.", show_default=False),
]


def reading(delimiter: str | None, decimal: str | None, likely: str | None = None) -> Reading:
    """How a file of text is read, as it was asked for."""
    from headwater.tables.delimited import Reading

    return Reading(delimiter, decimal, likely)


def roles(
    outcome: str,
    target_outcome: str | None,
    weights: str | None,
    weights_kind: WeightsIs | None,
    groups: str | None,
    features: list[str] | None,
    exclude: list[str] | None,
    categories: list[str] | None,
    family: Family | None,
    positive: str | None,
    exposure: str | None,
) -> Roles:
    """The columns' parts as they were asked for."""
    from headwater.tables.pair import Roles

    kind = None if weights_kind is None else weights_kind.value
    return Roles(
        outcome,
        target_outcome,
        weights,
        kind,
        groups,
        _names(features),
        _names(exclude),
        _names(categories),
        None if family is None else family.value,
        positive,
        exposure,
    )


def _names(given: list[str] | None) -> tuple[str, ...]:
    """Names from an option that may be repeated, each a comma-separated list."""
    return tuple(name for part in given or () for name in (piece.strip() for piece in part.split(",")) if name)
