"""Options: their names in messages, which are those of the command line, as Python's keywords."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

_OPTION = re.compile(
    r"--(?P<name>[a-z][a-z-]*[a-z])"
    r"(?: (?P<value>'[^']*'|[.,](?=\s|$)|survey\b|precision\b|frequency\b|gaussian\b|binomial\b|poisson\b|[01]\b))?"
)
_FLAGS = {"--allow-overlap": "allow_overlap=True", "--explain": ".explanation"}


def in_python(message: str) -> str:
    """``--weights-kind survey`` as ``weights_kind='survey'``, ``--exclude`` as ``exclude=``."""

    def keyword(match: re.Match[str]) -> str:
        if match[0] in _FLAGS:
            return _FLAGS[match[0]]
        value = match["value"] or ""
        return f"{match['name'].replace('-', '_')}={repr(value) if value and value[0] != chr(39) else value}"

    return _OPTION.sub(keyword, message)


@contextmanager
def python_names() -> Iterator[None]:
    """What is wrong with tables is raised under the names that Python's keywords have."""
    try:
        yield
    except (ValueError, TypeError) as problem:
        raise type(problem)(in_python(str(problem))) from None
