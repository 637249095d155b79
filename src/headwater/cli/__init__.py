"""The command line: parse, call, print. A command lives in a module of its own and imports what it needs when run."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

from headwater.cli.advise import advise
from headwater.cli.demo import demo
from headwater.cli.fit import fit
from headwater.cli.predict import predict
from headwater.cli.reproduce import app as reproduce
from headwater.cli.score import score
from headwater.cli.theory import theory

_INTERRUPTED = 130

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


for command in (advise, fit, predict, score, demo):
    app.command()(command)
app.command()(theory)
app.add_typer(reproduce, name="reproduce")


def main() -> None:
    """Run the command line; a problem the user can solve is one line on standard error and exit status 2."""
    try:
        status = app(standalone_mode=False)
    except typer.TyperException as problem:
        _fail(problem.format_message() if hasattr(problem, "format_message") else str(problem))
    except (ValueError, OSError, ImportError) as problem:
        _fail(str(problem))
    except MemoryError:
        _fail("not enough memory for a problem of this size: ask for fewer features or rows")
    except (typer.Abort, KeyboardInterrupt):
        status = _INTERRUPTED
    if status == _INTERRUPTED:  # typer returns it where it catches the interrupt itself
        print("headwater: interrupted", file=sys.stderr)
    raise SystemExit(status if isinstance(status, int) else 0)


def _fail(message: str) -> NoReturn:
    if message.strip():  # without a command there is only the help, which was printed
        print(f"headwater: {' '.join(message.split())}", file=sys.stderr)
    raise SystemExit(2) from None


__all__ = ["app", "main"]
