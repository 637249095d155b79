"""The command line: parse, call, print. A command lives in a module of its own and imports what it needs when run."""

from __future__ import annotations

import sys

import typer

from headwater.cli.demo import demo
from headwater.cli.reproduce import app as reproduce
from headwater.cli.theory import theory

app = typer.Typer(
    name="headwater",
    help="Train a source model for its downstream.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def root() -> None:
    """Train a source model for its downstream."""


app.command()(demo)
app.command()(theory)
app.add_typer(reproduce, name="reproduce")


def main() -> None:
    """Run the command line; a problem the user can solve is one line on standard error and exit status 2."""
    try:
        app()
    except (ValueError, OSError, ImportError) as problem:
        line = " ".join(str(problem).split())
        print(f"headwater: {line}", file=sys.stderr)
        raise SystemExit(2) from None


__all__ = ["app", "main"]
