"""What every `headwater reproduce` command shares: its options, lists of numbers, and running an experiment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from headwater.study.runner import Result, Study

Seeds = Annotated[int, typer.Option(help="How many seeds, counted from 0.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="Output folder: the store, tables, figure and report.")]
Gammas = Annotated[str, typer.Option(help="γ = p/n0, one curve for each: a list, or low:high:count.")]
Rhos = Annotated[str, typer.Option(help="Alignments ρ: a comma-separated list, or low:high:count.")]
Workers = Annotated[int, typer.Option(help="Trials run at once; 0 is one for each core. Results do not depend on it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")]


def numbers(option: str, text: str, spaced: str = "linspace") -> tuple[float, ...]:
    """A comma-separated list of numbers and of ranges low:high:count, spaced by numpy's function of that name."""
    return tuple(number for part in text.split(",") for number in _part(option, text, part, spaced))


def _part(option: str, text: str, part: str, spaced: str) -> tuple[float, ...]:
    import numpy as np

    try:
        if ":" not in part:
            return (float(part),)
        low, high, count = part.split(":")
        with np.errstate(all="ignore"):  # a range through zero or infinity is refused by the experiment's own checks
            return tuple(getattr(np, spaced)(float(low), float(high), int(count)).tolist())
    except ValueError:
        raise ValueError(f"{option} {text!r}: give a comma-separated list such as 0.5,1,2, or low:high:count") from None


def twelve_digits(values: tuple[float, ...]) -> tuple[float, ...]:
    """The same numbers as twelve digits write them: a point of a range equals the point of a list."""
    return tuple(float(f"{value:.12g}") for value in values)


def run(study: Study, out: Path, workers: int, show: Callable[[Result], None], scheduler: str | None = None) -> None:
    """Run it with a progress bar and show the result; interrupted, say what is stored and how to go on."""
    import shlex
    import signal
    import sys

    from headwater.cli.progress import progress_bar
    from headwater.cluster import connected
    from headwater.study.runner import reproduce, stored

    if workers < 0:
        raise ValueError("--workers must not be negative")
    command = shlex.join(["headwater", *sys.argv[1:]])
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        with connected(scheduler), progress_bar(study.experiment.config["experiment"]) as progress:
            result = reproduce(study, out, workers or -1, progress, command)
    except KeyboardInterrupt as interruption:
        done, total = stored(out, study.experiment)
        print(
            f"headwater: interrupted with {done} of {total} trials stored in {out}; to go on: {command}",
            file=sys.stderr,
        )
        raise SystemExit(128 + (interruption.args or (signal.SIGINT,))[0]) from None
    finally:
        signal.signal(signal.SIGTERM, before)
    show(result)


def _interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt(number)


def print_files(result: Result) -> None:
    """Where everything was written, and how long it took."""
    print(f"\n{result.folder}/report.html, figure.svg, figure.png, summary.csv, trials.parquet: {result.seconds:.1f} s")
