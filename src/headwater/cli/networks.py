"""headwater reproduce mnist | cifar10 | newsgroups | independence: the network experiments."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from headwater.cli.study import AsJson

if TYPE_CHECKING:
    from headwater.study.networks.experiment import Networks
    from headwater.study.runner import Result

Scale = Annotated[
    Literal["paper", "small"],
    typer.Option(help="The paper's protocol, or a quick look of about three minutes on two cores, labelled as such."),
]
Data = Annotated[
    Path | None,
    typer.Option(help="Folder with the data in the hub's layout; else they are downloaded from the Hugging Face hub."),
]
Seeds = Annotated[
    int | None, typer.Option(help="How many seeds, counted from 0; 10 unless told, 3 at the small scale.")
]
Decays = Annotated[
    str | None,
    typer.Option(
        help="Weight decays of the source: numbers and ranges low:high:count (evenly in the logarithm), "
        "separated by commas; 0,1e-6:1e-1:18 unless told, fewer at the small scale."
    ),
]
Share = Annotated[
    float | None, typer.Option(help="Share of the target's training rows; the paper's unless told: 0.1, cifar10 0.05.")
]
Shares = Annotated[str, typer.Option(help="Shares of the target's training rows, separated by commas.")]
Device = Annotated[str, typer.Option(help="Where torch computes: cpu, cuda, mps.")]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        help="Output folder: store, tables, figure, report; headwater-NAME or headwater-NAME-small unless told.",
    ),
]
Workers = Annotated[int, typer.Option(help="Cores to use; 0 is all of them.")]


def mnist(
    out: Out = None,
    scale: Scale = "paper",
    data: Data = None,
    seeds: Seeds = None,
    weight_decays: Decays = None,
    share: Share = None,
    device: Device = "cpu",
    workers: Workers = 0,
    as_json: AsJson = False,
) -> None:
    """Digits 0 3 6 8 9 → 1 2 4 5 7, dense network: accuracies against the source's weight decay."""
    _sweep("mnist", out, scale, data, seeds, weight_decays, share, device, workers, as_json)


def cifar10(
    out: Out = None,
    scale: Scale = "paper",
    data: Data = None,
    seeds: Seeds = None,
    weight_decays: Decays = None,
    share: Share = None,
    device: Device = "cpu",
    workers: Workers = 0,
    as_json: AsJson = False,
) -> None:
    """Photographs of animals → of vehicles and horses, convolutions: accuracies against the source's weight decay."""
    _sweep("cifar10", out, scale, data, seeds, weight_decays, share, device, workers, as_json)


def newsgroups(
    out: Out = None,
    scale: Scale = "paper",
    data: Data = None,
    seeds: Seeds = None,
    weight_decays: Decays = None,
    share: Share = None,
    device: Device = "cpu",
    workers: Workers = 0,
    as_json: AsJson = False,
) -> None:
    """Messages on computers and science → nine other groups, dense network: accuracies against weight decay."""
    _sweep("newsgroups", out, scale, data, seeds, weight_decays, share, device, workers, as_json)


def independence(
    out: Out = None,
    dataset: Annotated[Literal["mnist", "cifar10"], typer.Option(help="Which data set.")] = "mnist",
    scale: Scale = "paper",
    data: Data = None,
    seeds: Seeds = None,
    weight_decays: Decays = None,
    shares: Shares = "0.01,0.05,0.1,0.2,0.5",
    device: Device = "cpu",
    workers: Workers = 0,
    as_json: AsJson = False,
) -> None:
    """Whether the best weight decay of the source depends on how many target rows there are."""
    from headwater.cli.study import numbers
    from headwater.study.networks.experiment import Networks

    options = _options(seeds, weight_decays) | {"shares": numbers("--shares", shares)}
    experiment = Networks.independence(dataset, scale, data=data, device=device, **options)
    _run(experiment, out, workers, as_json)


def _sweep(
    name: str,
    out: Path | None,
    scale: Literal["paper", "small"],
    data: Path | None,
    seeds: int | None,
    weight_decays: str | None,
    share: float | None,
    device: str,
    workers: int,
    as_json: bool,
) -> None:
    from headwater.study.networks.experiment import Networks

    options = _options(seeds, weight_decays) | ({} if share is None else {"shares": (share,)})
    _run(Networks.of(name, scale, data=data, device=device, **options), out, workers, as_json)


def _options(seeds: int | None, weight_decays: str | None) -> dict[str, object]:
    from headwater.cli.study import numbers, twelve_digits

    options: dict[str, object] = {} if seeds is None else {"seeds": seeds}
    if weight_decays is not None:
        options["weight_decays"] = twelve_digits(numbers("--weight-decays", weight_decays, "geomspace"))
    return options


def _run(experiment: Networks, out: Path | None, workers: int, as_json: bool) -> None:
    from headwater.cli.study import run
    from headwater.study.networks.study import study

    small = "-small" if experiment.scale == "small" else ""
    folder = out or Path(f"headwater-{experiment.name}{small}")
    run(study(experiment), folder, workers, _print_json if as_json else _print_table)


def _print_json(result: Result) -> None:
    from headwater.cli.showing import print_json

    print_json(
        {
            "summary": [dict(row) for row in result.shown.summary],
            **result.shown.details,
            "config": result.experiment.config,
            "seconds": result.seconds,
        }
    )


def _print_table(result: Result) -> None:
    from headwater.cli.study import print_files

    columns = [name for name in result.shown.summary[0] if name not in ("share", "weight_decay")]
    print(
        f"{'rows':>6} {'decay':>8} "
        + " ".join(f"{name.replace('_mean', '').replace('_', ' '):>11}" for name in columns)
    )
    for row in result.shown.summary:
        numbers = " ".join(f"{100 * row[name]:11.2f}" for name in columns)
        print(f"{100 * row['share']:4g} % {row['weight_decay']:8.2g} {numbers}")
    for paragraph in result.shown.findings:
        print(f"\n{paragraph}")
    print_files(result)
