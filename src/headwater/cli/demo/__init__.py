"""`headwater demo`: the main job on bundled patients, as a user would run it, and one picture of what it buys."""

from __future__ import annotations

import io
import shlex
from contextlib import redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer


def demo(out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write to.")] = Path("demo")) -> None:
    """Transfer from diabetes patients over 50 to 30 younger ones: tables, advice, model, score and picture."""
    if find_spec("matplotlib") is None:
        raise ImportError("the demo's picture needs matplotlib: pip install 'headwater[report]'")
    from headwater.cli import app
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
    from headwater.cli.progress import progress_bar
    from headwater.files import write_figure

    people = patients()
    source = fitted_source(people)
    taus = penalties(source)
    print(
        f"Source: {len(people.y0)} diabetes patients over 50. Target: {LABELLED} labelled patients of 50 or younger; "
        f"the other {len(people.y1) - LABELLED} are held out.\nRepeating it over {DRAWS} draws of them ..."
    )
    with progress_bar("draws", "draws") as move:
        draws = run_draws(people, source, taus, move)
    shown = typical(draws)

    out.mkdir(parents=True, exist_ok=True)
    tables = write_tables(people, out, shown)
    pair = [str(tables["source"]), str(tables["target"]), "--outcome", OUTCOME, "--degree", "2"]
    model = str(out / "model.skops")
    for arguments in (["advise", *pair], ["fit", *pair, "-o", model], ["score", model, str(tables["heldout"])]):
        print(f"\n$ headwater {shlex.join(arguments)}", flush=True)
        printed = io.StringIO()
        with redirect_stdout(printed):
            app(arguments, standalone_mode=False)
        # fit repeats the advice: its last line is what is new.
        print(printed.getvalue().strip().splitlines()[-1] if arguments[0] == "fit" else printed.getvalue().rstrip())
    picture = out / "demo.png"
    write_figure(lambda: draw_figure(taus, source[-1].tau_, draws, shown), picture, option="--out")
    print(f"\n{summary(draws)}\nThe draw above is the one in the middle. The picture is {picture}.")
