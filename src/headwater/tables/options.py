"""Options: what messages say in the words of the command line, in those of Python; penalties that are asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

_WORDS = "frequency|precision|survey|gaussian|binomial|poisson"
_GIVEN = re.compile(rf"--([a-z]+(?:-[a-z]+)*)(?:(:)| ('[^']*')| ([.,](?= |$)|(?:{_WORDS})\b)| (inf\b|\d[\d.e+-]*\b))?")
_FLAGS = {"allow_overlap"}


def in_python(message: str) -> str:
    """A message with options as arguments: --weights-kind as weights_kind=.

    Examples
    --------
    >>> in_python("--groups: 'y' is the outcome")
    "groups: 'y' is the outcome"
    >>> in_python("mend one, or leave it out by --exclude 'age', or say --allow-overlap")
    "mend one, or leave it out by exclude='age', or say allow_overlap=True"
    >>> in_python("say --decimal . or --decimal ,")
    "say decimal='.' or decimal=','"
    >>> in_python("the model has the penalties asked for (--source-tau 0.5, --tau inf)")
    'the model has the penalties asked for (source_tau=0.5, tau=inf)'
    """
    return _GIVEN.sub(_argument, message)


def _argument(found: re.Match[str]) -> str:
    name, (colon, quoted, mark, number) = found[1].replace("-", "_"), found.groups()[1:]
    if colon:
        return f"{name}:"
    return f"{name}={'True' if name in _FLAGS else quoted or (repr(mark) if mark else number or '')}"


def check_penalties(source_tau: float | None, tau: float | None) -> None:
    """ValueError where a penalty that was asked for is below 0, or none."""
    for option, value in (("--source-tau", source_tau), ("--tau", tau)):
        if value is not None and not value >= 0:
            raise ValueError(f"{option}: a penalty must be 0 or more, got {value:g}")


@contextmanager
def python_names() -> Iterator[None]:
    """What is wrong with tables is raised in the words of Python."""
    try:
        yield
    except (ValueError, TypeError) as problem:
        raise type(problem)(in_python(str(problem))) from None
