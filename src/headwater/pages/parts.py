"""Parts: what pages are made of, as plain frozen data. Texts are plain: the templates escape them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isinf, isnan


@dataclass(frozen=True)
class Table:
    """A table: ``head`` and ``body`` hold texts, of which the first of each row may be its name (``named``)."""

    caption: str
    head: Sequence[str]
    body: Sequence[Sequence[str]]
    named: bool = False


@dataclass(frozen=True)
class Picture:
    """A figure, and what it shows for those who do not see it.

    ``svg`` is an element as ``drawing.inline`` makes it, ``text`` what it shows in a sentence or two, which takes its
    place for a screen reader, ``tables`` its numbers, folded away beneath.
    """

    svg: str
    text: str
    caption: str = ""
    tables: Sequence[Table] = ()


def number(value: float) -> str:
    """Four digits; ∞ and – where it is infinite or not known.

    >>> number(12345.678), number(float("inf")), number(float("nan"))
    ('1.235e+04', '∞', '–')
    """
    if isnan(value):
        return "–"
    return ("∞" if value > 0 else "−∞") if isinf(value) else f"{value:.4g}"
