"""headwater reproduce: the paper's experiments, with every number of their protocols an option."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headwater.cli.networks import independence, sweep
from headwater.cli.options import Scheduler
from headwater.cli.reversal import reversal
from headwater.cli.study import (
    AsJson,
    Gammas,
    Out,
    Rhos,
    Seeds,
    Workers,
    numbers,
    print_files,
    run,
    twelve_digits,
)
from headwater.study.networks.catalogue import DATA_SETS

if TYPE_CHECKING:
    from headwater.study.runner import Result
    from headwater.study.synthetic.experiment import Synthetic

app = typer.Typer(
    name="reproduce",
    help="Reproduce the paper's experiments, or change one number of them. Interrupted runs go on where they stopped.",
    no_args_is_help=True,
    suggest_commands=False,
)

Features = Annotated[int, typer.Option(help="Number of features p.")]
Penalties = Annotated[
    str,
    typer.Option(
        help="Source penalties τ: how many between 0.01 and 100, or low:high:count (both evenly in log τ), or a list."
    ),
]
TargetSamples = Annotated[int, typer.Option(help="Target rows n1.")]
SourceNoise = Annotated[float, typer.Option(help="Source noise σ0, a standard deviation.")]
TargetNoise = Annotated[float, typer.Option(help="Target noise σ1, a standard deviation.")]
TargetTau = Annotated[float, typer.Option(help="Target penalty τ1.")]


@app.command()
def phase(
    out: Out = Path("headwater-phase"),
    gammas: Gammas = "1.5,2,3,5",
    features: Features = 500,
    rhos: Rhos = "0.5:1.5:21",
    penalties: Penalties = "50",
    seeds: Seeds = 10,
    target_samples: TargetSamples = 50,
    source_noise: SourceNoise = 1.0,
    target_noise: TargetNoise = 0.1,
    target_tau: TargetTau = 0.1,
    workers: Workers = 0,
    scheduler: Scheduler = None,
    as_json: AsJson = False,
) -> None:
    """Isotropic features: the ratio of the two optimal penalties against ρ, for several γ."""
    from headwater.study.synthetic.experiment import Synthetic

    experiment = Synthetic.phase(
        gammas=twelve_digits(numbers("--gammas", gammas)),
        n_features=features,
        rhos=twelve_digits(numbers("--rhos", rhos)),
        penalties=_penalties(penalties),
        seeds=seeds,
        target_samples=target_samples,
        source_noise=source_noise,
        target_noise=target_noise,
        target_tau=target_tau,
    )
    _run(experiment, out, workers, scheduler, as_json)


@app.command()
def covariance(
    out: Out = Path("headwater-covariance"),
    alphas: Annotated[
        str, typer.Option(help="Exponents α of the eigenvalues k^−α, one curve for each; 0 is the isotropic baseline.")
    ] = "0,0.5,1,2",
    gamma: Annotated[float, typer.Option("--gammas", "--gamma", help="γ = p/n0, one number.")] = 2.0,
    features: Features = 500,
    rhos: Rhos = "0.5:1.5:21",
    penalties: Penalties = "50",
    seeds: Seeds = 10,
    target_samples: TargetSamples = 50,
    source_noise: SourceNoise = 1.0,
    target_noise: TargetNoise = 0.1,
    target_tau: TargetTau = 0.1,
    workers: Workers = 0,
    scheduler: Scheduler = None,
    as_json: AsJson = False,
) -> None:
    """Power-law features: the ratio of the two optimal penalties against ρ, for several spectra."""
    from headwater.study.synthetic.experiment import Synthetic

    experiment = Synthetic.covariance(
        alphas=twelve_digits(numbers("--alphas", alphas)),
        gamma=gamma,
        n_features=features,
        rhos=twelve_digits(numbers("--rhos", rhos)),
        penalties=_penalties(penalties),
        seeds=seeds,
        target_samples=target_samples,
        source_noise=source_noise,
        target_noise=target_noise,
        target_tau=target_tau,
    )
    _run(experiment, out, workers, scheduler, as_json)


def _penalties(text: str) -> tuple[float, ...]:
    return numbers("--penalties", f"0.01:100:{text}" if text.lstrip("-").isdigit() else text, "geomspace")


def _run(experiment: Synthetic, out: Path, workers: int, scheduler: str | None, as_json: bool) -> None:
    from headwater.study.synthetic.study import study

    show = partial(_print_json if as_json else _print_table, experiment.curve)
    run(study(experiment), out, workers, show, scheduler)


def _print_json(curve: str, result: Result) -> None:
    from headwater.cli.showing import print_json

    keys = ("rho", "ratio_mean", "ratio_ci95", "theory_ratio")
    summary = [{curve: row.value, **{key: getattr(row, key) for key in keys}} for row in result.summary]
    print_json({"summary": summary, "config": result.experiment.config, "seconds": result.seconds})


def _print_table(curve: str, result: Result) -> None:
    print(f"{curve:>6} {'rho':>7} {'ratio':>9} {'± 95 %':>8} {'theory':>9}")
    for row in result.summary:
        print(f"{row.value:6g} {row.rho:7.4g} {row.ratio_mean:9.3f} {row.ratio_ci95:8.3f} {row.theory_ratio:9.3f}")
    print_files(result)


app.command()(reversal)
for name, dataset in DATA_SETS.items():
    app.command(name, help=dataset.help)(sweep(name))
app.command()(independence)
