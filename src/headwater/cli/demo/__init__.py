"""`headwater demo`: the main job on bundled patients, as a user would run it, and one picture of what it buys."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import Annotated

import typer


def demo(out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write to.")] = Path("demo")) -> None:
    """Transfer from diabetes patients over 50 to 30 younger ones: tables, advice, model, score and picture."""
    from headwater.pages.needed import check_installed

    check_installed("the demo's picture", "matplotlib")
    from headwater.cli.advise import advise
    from headwater.cli.demo.experiment import (
        DRAWS,
        LABELLED,
        OUTCOME,
        fitted_source,
        patients,
        penalties,
        run_draws,
        typical,
        write_tables,
    )
    from headwater.cli.demo.figures import draw_figure, summary
    from headwater.cli.fit import fit
    from headwater.cli.progress import progress_bar
    from headwater.cli.score import score
    from headwater.files import write_figure

    people = patients()
    source = fitted_source(people)
    taus = penalties(source)
    print(
        f"Source: {len(people.y0)} diabetes patients over 50. Target: {LABELLED} labelled patients of 50 or younger; "
        f"the other {len(people.y1) - LABELLED} are held out.\nRepeating it over {DRAWS} draws of them ..."
    )
    with progress_bar("demo", "draws") as move:
        draws = run_draws(people, source, taus, move)
    shown = typical(draws)

    out.mkdir(parents=True, exist_ok=True)
    tables = write_tables(people, out, shown)
    first, second, model = tables["source"], tables["target"], out / "model.skops"
    asked = f"{first} {second} --outcome {OUTCOME} --degree 2"
    _show(f"advise {asked}", partial(advise, [first, second], OUTCOME, degree=2))
    # fit repeats the advice: its last line is what is new.
    _show(f"fit {asked} -o {model}", partial(fit, [first, second], OUTCOME, model, degree=2), lines=1)
    _show(f"score {model} {tables['heldout']}", partial(score, model, tables["heldout"]))
    picture = out / "demo.png"
    write_figure(lambda: draw_figure(taus, source[-1].tau_, draws, shown), picture, option="--out")
    print(f"\n{summary(draws)}\nThe draw above is the one in the middle. The picture is {picture}.")


def _show(command: str, run: Callable[[], None], lines: int = 0) -> None:
    """Print a command, as it would be typed, and the last lines of what it prints, all where 0."""
    print(f"\n$ headwater {command}", flush=True)
    printed = io.StringIO()
    with redirect_stdout(printed):
        run()
    print("\n".join(printed.getvalue().strip("\n").splitlines()[-lines:]))
