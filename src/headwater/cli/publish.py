"""`headwater publish`: a source that targets can start from without its rows."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headwater.cli import options as o

if TYPE_CHECKING:
    from headwater.tables.passes import Progress

Published = Annotated[Path, typer.Option("--out", "-o", help="The source file to write.", show_default=False)]


def publish(
    source: Annotated[
        str,
        typer.Argument(
            help="Source table; of Parquet also a folder of files or an address, read in parts.", show_default=False
        ),
    ],
    outcome: o.Outcome,
    out: Published,
    features: o.Features = None,
    exclude: o.Exclude = None,
    categories: o.Categories = None,
    weights: o.Weights = None,
    weights_kind: o.WeightsKind = None,
    degree: o.Degree = 1,
    criterion: o.By = o.Criterion.evidence,
    family: Annotated[
        o.Family | None,
        typer.Option(help="gaussian reads an outcome of two values as a number.", show_default=False),
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option(
            help="A source file: prepare the columns as it did, so that both can be merged.", show_default=False
        ),
    ] = None,
    rank: Annotated[
        int | None, typer.Option(help="Keep this many axes only: a smaller, coarser file.", show_default=False)
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="A folder to keep progress in, from which the same command goes on.", show_default=False),
    ] = None,
    scheduler: o.Scheduler = None,
    delimiter: o.Delimiter = None,
    decimal: o.Decimal = None,
    as_json: o.AsJson = False,
) -> None:
    """Save what SOURCE says of its outcome, at every penalty and without a row of it, for targets to start from."""
    from headwater.cli.progress import progress_bar
    from headwater.cli.show import show_source
    from headwater.cli.showing import show_notes
    from headwater.cluster import connected
    from headwater.files import check_output
    from headwater.tables.counted import Counted
    from headwater.tables.streams import open_stream

    check_output(out, Path(source), *([] if like is None else [like]))
    if like is not None and (features or exclude or categories or degree > 1):
        raise ValueError("--like: the columns are prepared as the other source's were; leave --features, --exclude, "
                         "--categories and --degree out")  # fmt: skip
    if rank is not None and rank < 1:
        raise ValueError(f"--rank: at least one axis has to stay, got {rank}")
    roles = o.roles(outcome, None, weights, weights_kind, None, features, exclude, categories, family, None, None)
    stream = open_stream(source, o.reading(delimiter, decimal))
    if checkpoint is not None and stream.in_memory:
        raise ValueError(f"--checkpoint: {source} is read whole; write it as Parquet to have it read in parts")

    if scheduler is not None and stream.in_memory:
        raise ValueError(f"--scheduler: {source} is read whole, here; write it as Parquet to have it read in parts")

    # Loaded once the table is known to be one: it brings scikit-learn, which takes longer than most tables.
    from headwater.estimators.publishing import Asked, finished
    from headwater.estimators.publishing import publish as published
    from headwater.estimators.saved_source import SavedSource

    def watch(what: str) -> AbstractContextManager[Progress | None]:
        return progress_bar(what, "row groups")

    counted = Counted(roles.outcome, roles.weights, roles.weights_kind)
    asked = Asked(counted, roles.features, roles.exclude, roles.categories, degree, criterion.value, roles.family)
    with connected(scheduler):
        found, notes = published(stream, asked, watch, None if like is None else SavedSource.load(like), checkpoint)
    if rank is not None:
        found = found.of_rank(rank)
    found.save(out)
    if checkpoint is not None:
        finished(checkpoint)
    show_source(found, out, as_json, notes=notes)
    if not as_json:
        show_notes(tuple(notes))
