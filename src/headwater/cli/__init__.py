"""The command line: parse, call, print. A command lives in a module of its own and imports what it needs when run."""

from __future__ import annotations

import io
import os
import re
import sys
from contextlib import suppress
from typing import Annotated, NoReturn

import typer

from headwater.cli.advise import advise
from headwater.cli.columns import columns
from headwater.cli.demo import demo
from headwater.cli.explore import explore
from headwater.cli.fit import fit
from headwater.cli.merge import merge
from headwater.cli.predict import predict
from headwater.cli.publish import publish
from headwater.cli.reproduce import app as reproduce
from headwater.cli.score import score
from headwater.cli.show import show
from headwater.cli.theory import theory
from headwater.version import __version__

_INTERRUPTED, _BROKEN_PIPE = 130, 141

app = typer.Typer(
    name="headwater",
    help="Train a source model for its downstream.",
    no_args_is_help=True,
    suggest_commands=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        print(f"headwater {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which.")] = False,
) -> None:
    """Train a source model for its downstream."""


for command in (advise, fit, predict, score, publish, show, merge, columns, demo):
    app.command()(command)
app.command()(theory)
app.command()(explore)
app.add_typer(reproduce, name="reproduce")


def main() -> None:
    """Run the command line; a problem the user can solve is one line on standard error and exit status 2."""
    _write_whole()
    try:
        status = app(standalone_mode=False, prog_name="headwater")
        sys.stdout.flush()
    except typer.TyperException as problem:
        _fail(_said(problem))
    except BrokenPipeError:  # whoever reads has read enough
        _discard_output()
        status = _BROKEN_PIPE
    except OSError as problem:
        if problem.errno is None or problem.filename is not None:
            _fail(str(problem))
        _discard_output()  # what has no file's name is what was being printed
        _fail(f"the output cannot be written: {problem.strerror}")
    except (ValueError, ImportError) as problem:
        _fail(str(problem))
    except NotImplementedError as problem:  # what Arrow says of types that it cannot count with
        _fail(f"a table has a column of a type that is not read: {problem}")
    except MemoryError:
        _fail("not enough memory for a problem of this size: ask for fewer features or rows")
    except (typer.Abort, KeyboardInterrupt):
        status = _INTERRUPTED
    if status == _INTERRUPTED:  # typer returns it where it catches the interrupt itself
        print("headwater: interrupted", file=sys.stderr)
    raise SystemExit(status if isinstance(status, int) else 0)


def _said(problem: typer.TyperException) -> str:
    """What is wrong with the words that were given, what was perhaps meant, and where to look."""
    words, context = problem.format_message().rstrip("."), getattr(problem, "ctx", None)
    if context is None or not words.strip():
        return words
    unknown = re.match(r"No such (option|command):? (.*?)\.?$", problem.message)
    if unknown:
        from headwater.tables.table import meant

        what, given = unknown[1], unknown[2].strip("'")
        if re.fullmatch(r"-\w", given):  # the first letter of a word with one dash for two
            given = next((word for word in sys.argv[1:] if word.startswith(given)), given)
        command = context.command
        known = list(command.commands) if what == "command" else ["--help"]
        known += [name for parameter in command.params for name in parameter.opts if name[0] == given[0] == "-"]
        words = f"there is no {what} {given}{meant(given, known)}"
    return f"{words.replace('Value error, ', '')}; see {context.command_path} --help"


def _discard_output() -> None:
    """Let what is still to be printed go nowhere, or the interpreter would try again when it ends."""
    with suppress(OSError, ValueError, AttributeError):  # a standard output of a test's has no descriptor
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _write_whole() -> None:
    """Give an unbuffered standard output a buffer: a short write to a file would else lose what was not taken."""
    raw = getattr(sys.stdout, "buffer", None)
    if isinstance(raw, io.RawIOBase):
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(raw), sys.stdout.encoding, sys.stdout.errors)


def _fail(message: str) -> NoReturn:
    if message.strip():  # without a command there is only the help, which was printed
        print(f"headwater: {' '.join(message.split())}", file=sys.stderr)
    raise SystemExit(2) from None


__all__ = ["app", "main"]
