"""Newsgroup messages without their headers, quotes and footers."""

from __future__ import annotations

import re
from collections.abc import Sequence

_HEADER = re.compile(r"[ \w.!-]+[:!]")
_QUOTED = re.compile(r"(writes in|writes:|wrote:|says:|said:|^In article|^Quoted from|^\||^>)")


def strip(messages: Sequence[str | None]) -> list[str]:
    """The messages without headers, quotes and footers, by the rules of scikit-learn's `fetch_20newsgroups`.

    Messages that mostly come without a header come stripped, as the hub's copy does: stripping twice would cost
    their first and last paragraphs.

    >>> strip(["From: ada\\nSubject: tea\\n\\n> hot\\nCold tea.\\n\\n-- \\nAda"])
    ['Cold tea.\\n']
    """
    texts = [message or "" for message in messages]
    if sum(_HEADER.match(text) is not None for text in texts) * 2 < len(texts):
        return texts
    return [_without_footer(_without_quotes(text.partition("\n\n")[2])) for text in texts]


def _without_quotes(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if not _QUOTED.search(line))


def _without_footer(text: str) -> str:
    """Without the last block, where a blank line or one of dashes sets it apart."""
    lines = text.strip().split("\n")
    for i in range(len(lines) - 1, 0, -1):
        if lines[i].strip().strip("-") == "":
            return "\n".join(lines[:i])
    return text
