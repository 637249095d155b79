"""headwater reproduce reversal: the paper's reversal, asked of outcomes that its theory does not cover."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headwater.cli.options import Scheduler
from headwater.cli.study import (
    AsJson,
    Gammas,
    Rhos,
    Seeds,
    Workers,
    numbers,
    print_files,
    run,
    twelve_digits,
)

if TYPE_CHECKING:
    from headwater.study.runner import Result


def reversal(
    family: Annotated[str, typer.Option(help="Outcomes: binomial, or gaussian, where theory knows the answer.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Output folder. (default: headwater-reversal-FAMILY)")
    ] = None,
    gammas: Gammas = "0.25,0.5,1,2",
    features: Annotated[int, typer.Option(help="Number of features p.")] = 100,
    rhos: Rhos = "0.3:1.5:13",
    penalties: Annotated[str, typer.Option(help="Source penalties τ: low:high:count, evenly in log τ, or a list.")] = (
        "0.001:100:31"
    ),
    seeds: Seeds = 40,
    target_samples: Annotated[int, typer.Option(help="Target rows n1.")] = 50,
    target_penalties: Annotated[
        str, typer.Option(help="Target penalties τ1: low:high:count, evenly in log τ1, or a list.")
    ] = "0.1:100:10",
    signal: Annotated[float, typer.Option(help="Length of the source's true coefficients.")] = 2.0,
    workers: Workers = 0,
    scheduler: Scheduler = None,
    as_json: AsJson = False,
) -> None:
    """Does a less aligned target want a harder source where outcomes are yes or no?"""
    from headwater.study.reversal.experiment import Reversal
    from headwater.study.reversal.study import study

    experiment = Reversal(
        family,
        gammas=twelve_digits(numbers("--gammas", gammas)),
        n_features=features,
        rhos=twelve_digits(numbers("--rhos", rhos)),
        penalties=twelve_digits(numbers("--penalties", penalties, "geomspace")),
        seeds=seeds,
        target_samples=target_samples,
        target_penalties=twelve_digits(numbers("--target-penalties", target_penalties, "geomspace")),
        signal=signal,
    )
    folder = out or Path(f"headwater-reversal-{family}")
    run(study(experiment), folder, workers, _print_json if as_json else _print_words, scheduler)


def _print_json(result: Result) -> None:
    from headwater.cli.showing import print_json

    shown = result.shown
    print_json(
        {"verdict": list(shown.verdict), **shown.details, "summary": [dict(row) for row in shown.summary]}
        | {"config": result.experiment.config, "seconds": result.seconds}
    )


def _print_words(result: Result) -> None:
    for line in result.shown.verdict:
        print(line)
    _, crossings = result.shown.tables
    print(f"\n{crossings.caption}")
    for cells in (crossings.head, *crossings.body):
        print(f"{cells[0]:>8} " + " ".join(f"{cell:>15}" for cell in cells[1:]))
    print_files(result)
