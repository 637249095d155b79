"""headwater reproduce mnist | cifar10 | newsgroups | independence: the network experiments."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from headwater.cli.study import AsJson

if TYPE_CHECKING:
    from headwater.study.networks.experiment import Networks
    from headwater.study.runner import Result

Scale = Annotated[
    Literal["paper", "small"],
    typer.Option(help="The paper's protocol, or a quick look of a few minutes on two cores, labelled as such."),
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
Rates = Annotated[str, typer.Option("--target-lr", help="Learning rates of the control's fine-tunings.")]
Lengths = Annotated[
    str | None,
    typer.Option(
        "--target-epochs", help="Epochs of the control's fine-tunings; 1 and 3 times the paper's unless told."
    ),
]
Heads = Annotated[
    str | None,
    typer.Option("--head", help="The target's head in the control: kept, fresh or both; the paper's unless told."),
]
Control = Annotated[
    str,
    typer.Option(
        help="What the control fine-tunes at every rate and length: standard, and l2sp and scaled (from the source's "
        "weights times 1, 0.8, 0.6 or 0.4) if named."
    ),
]


def sweep(dataset: str) -> Callable[..., None]:
    """The command of one data set."""

    def command(
        out: Out = None,
        scale: Scale = "paper",
        data: Data = None,
        seeds: Seeds = None,
        weight_decays: Decays = None,
        share: Share = None,
        target_lr: Rates = "3e-4,1e-3,3e-3,1e-2",
        target_epochs: Lengths = None,
        head: Heads = None,
        control: Control = "standard",
        device: Device = "cpu",
        workers: Workers = 0,
        as_json: AsJson = False,
    ) -> None:
        from headwater.study.networks.experiment import Networks

        options = _options(seeds, weight_decays, target_lr, target_epochs, head, control)
        options |= {} if share is None else {"shares": (share,)}
        _run(Networks.of(dataset, scale, data=data, device=device, **options), out, workers, as_json)

    return command


def independence(
    out: Out = None,
    dataset: Annotated[Literal["mnist", "cifar10"], typer.Option(help="Which data set.")] = "mnist",
    scale: Scale = "paper",
    data: Data = None,
    seeds: Seeds = None,
    weight_decays: Decays = None,
    shares: Shares = "0.01,0.05,0.1,0.2,0.5",
    target_lr: Rates = "3e-4,1e-3,3e-3,1e-2",
    target_epochs: Lengths = None,
    device: Device = "cpu",
    workers: Workers = 0,
    as_json: AsJson = False,
) -> None:
    """Whether the best weight decay of the source depends on how many target rows there are."""
    from headwater.cli.study import numbers
    from headwater.study.networks.experiment import Networks

    options = _options(seeds, weight_decays, target_lr, target_epochs, None, "standard")
    options |= {"shares": numbers("--shares", shares)}
    _run(Networks.independence(dataset, scale, data=data, device=device, **options), out, workers, as_json)


def _options(
    seeds: int | None,
    weight_decays: str | None,
    target_lr: str,
    target_epochs: str | None,
    head: str | None,
    control: str,
) -> dict[str, Any]:
    """What was told, as the experiment's own fields."""
    from headwater.cli.study import numbers, twelve_digits

    options: dict[str, Any] = {"target_lr": twelve_digits(numbers("--target-lr", target_lr, "geomspace"))}
    options["control"] = tuple(control.split(","))
    if seeds is not None:
        options["seeds"] = seeds
    if weight_decays is not None:
        options["weight_decays"] = twelve_digits(numbers("--weight-decays", weight_decays, "geomspace"))
    if target_epochs is not None:
        epochs = numbers("--target-epochs", target_epochs)
        if not all(value.is_integer() for value in epochs):
            raise ValueError("--target-epochs must hold whole numbers")
        options["target_epochs"] = tuple(map(int, epochs))
    if head is not None:
        options["heads"] = tuple(head.split(","))
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
            **result.shown.details,
            "summary": [dict(row) for row in result.shown.summary],
            "config": result.experiment.config,
            "seconds": result.seconds,
        }
    )


def _print_table(result: Result) -> None:
    from headwater.cli.study import print_files

    for line in result.shown.verdict:
        print(line)
    means = [name for name in result.shown.summary[0] if name.endswith("_mean")]
    titles = [name.removesuffix("_mean").replace("_", " ") for name in means]
    print(f"\n{'rows':>6} {'decay':>8} " + " ".join(f"{title:>15}" for title in titles))
    for row in result.shown.summary:
        numbers = " ".join(f"{100 * row[name]:7.2f} ± {100 * row[name.replace('_mean', '_sd')]:5.2f}" for name in means)
        print(f"{100 * row['share']:4g} % {row['weight_decay']:8.2g} {numbers}")
    for paragraph in result.shown.findings:
        print(f"\n{paragraph}")
    print_files(result)
