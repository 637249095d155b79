"""headwater reproduce: the paper's experiments, with every number of their protocols an option."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from headwater.study.experiments import Synthetic
    from headwater.study.runner import Result

app = typer.Typer(
    name="reproduce",
    help="Reproduce the paper's experiments, or change one number of them. Interrupted runs go on where they stopped.",
    no_args_is_help=True,
)

Features = Annotated[int, typer.Option(help="Number of features p.")]
Rhos = Annotated[str, typer.Option(help="Alignments ρ: a comma-separated list, or low:high:count.")]
Penalties = Annotated[
    str,
    typer.Option(
        help="Source penalties τ: how many between 0.01 and 100, or low:high:count (both evenly in log τ), or a list."
    ),
]
Seeds = Annotated[int, typer.Option(help="How many seeds, counted from 0.")]
TargetSamples = Annotated[int, typer.Option(help="Target rows n1.")]
SourceNoise = Annotated[float, typer.Option(help="Source noise σ0, a standard deviation.")]
TargetNoise = Annotated[float, typer.Option(help="Target noise σ1, a standard deviation.")]
TargetTau = Annotated[float, typer.Option(help="Target penalty τ1.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="Output folder: the store, tables, figure and report.")]
Workers = Annotated[int, typer.Option(help="Trials run at once; 0 is one for each core. Results do not depend on it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")]


@app.command()
def phase(
    out: Out = Path("headwater-phase"),
    gammas: Annotated[str, typer.Option(help="γ = p/n0, one curve for each: a list, or low:high:count.")] = "1.5,2,3,5",
    features: Features = 500,
    rhos: Rhos = "0.5:1.5:21",
    penalties: Penalties = "50",
    seeds: Seeds = 10,
    target_samples: TargetSamples = 50,
    source_noise: SourceNoise = 1.0,
    target_noise: TargetNoise = 0.1,
    target_tau: TargetTau = 0.1,
    workers: Workers = 0,
    as_json: AsJson = False,
) -> None:
    """Isotropic features: the ratio of the two optimal penalties against ρ, for several γ."""
    from headwater.study.experiments import Synthetic

    experiment = Synthetic.phase(
        gammas=_numbers("--gammas", gammas),
        n_features=features,
        rhos=_numbers("--rhos", rhos),
        penalties=_penalties(penalties),
        seeds=seeds,
        target_samples=target_samples,
        source_noise=source_noise,
        target_noise=target_noise,
        target_tau=target_tau,
    )
    _run(experiment, out, workers, as_json)


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
    as_json: AsJson = False,
) -> None:
    """Power-law features: the ratio of the two optimal penalties against ρ, for several spectra."""
    from headwater.study.experiments import Synthetic

    experiment = Synthetic.covariance(
        alphas=_numbers("--alphas", alphas),
        gamma=gamma,
        n_features=features,
        rhos=_numbers("--rhos", rhos),
        penalties=_penalties(penalties),
        seeds=seeds,
        target_samples=target_samples,
        source_noise=source_noise,
        target_noise=target_noise,
        target_tau=target_tau,
    )
    _run(experiment, out, workers, as_json)


def _numbers(option: str, text: str, spaced: str = "linspace") -> tuple[float, ...]:
    """A comma-separated list, or low:high:count spaced by numpy's function of that name."""
    import numpy as np

    try:
        if ":" not in text:
            return tuple(float(part) for part in text.split(","))
        low, high, count = text.split(":")
        with np.errstate(all="ignore"):  # a range through zero or infinity is refused by the experiment's own checks
            grid: list[float] = getattr(np, spaced)(float(low), float(high), int(count)).tolist()
    except ValueError:
        raise ValueError(f"{option} {text!r}: give a comma-separated list such as 0.5,1,2, or low:high:count") from None
    return tuple(float(f"{value:.12g}") for value in grid) if spaced == "linspace" else tuple(grid)


def _penalties(text: str) -> tuple[float, ...]:
    return _numbers("--penalties", f"0.01:100:{text}" if text.lstrip("-").isdigit() else text, "geomspace")


def _run(experiment: Synthetic, out: Path, workers: int, as_json: bool) -> None:
    import shlex
    import signal
    import sys

    from headwater.study.progress import progress_bar
    from headwater.study.runner import reproduce, stored

    if workers < 0:
        raise ValueError("--workers must not be negative")
    command = shlex.join(["headwater", *sys.argv[1:]])
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        with progress_bar(experiment.config["experiment"]) as progress:
            result = reproduce(experiment, out, workers or -1, progress, command)
    except KeyboardInterrupt as interruption:
        done, total = stored(out, experiment)
        print(
            f"headwater: interrupted with {done} of {total} trials stored in {out}; to go on: {command}",
            file=sys.stderr,
        )
        raise typer.Exit(128 + (interruption.args or (signal.SIGINT,))[0]) from None
    finally:
        signal.signal(signal.SIGTERM, before)
    _print_json(result) if as_json else _print_table(result)


def _interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt(number)


def _print_json(result: Result) -> None:
    import json

    keys = ("rho", "ratio_mean", "ratio_ci95", "theory_ratio")
    summary = [
        {result.experiment.curve: row.value, **{key: _finite(getattr(row, key)) for key in keys}}
        for row in result.summary
    ]
    print(json.dumps({"summary": summary, "config": result.experiment.config, "seconds": result.seconds}))


def _finite(value: float) -> float | None:
    return value if abs(value) < float("inf") else None  # NaN, the interval of a single seed, compares false as well


def _print_table(result: Result) -> None:
    print(f"{result.experiment.curve:>6} {'rho':>7} {'ratio':>9} {'± 95 %':>8} {'theory':>9}")
    for row in result.summary:
        print(f"{row.value:6g} {row.rho:7.4g} {row.ratio_mean:9.3f} {row.ratio_ci95:8.3f} {row.theory_ratio:9.3f}")
    print(f"\n{result.folder}/report.html, figure.svg, figure.png, summary.csv, trials.parquet: {result.seconds:.1f} s")
