"""Tournament: a sum of many parts, added in pairs as they come."""

from __future__ import annotations

from typing import Protocol, Self, TypeVar


class _Additive(Protocol):
    def __add__(self, other: Self, /) -> Self: ...


Added = TypeVar("Added", bound=_Additive)
Waiting = list[tuple[int, Added]]  # sums of 2^level parts each, which wait for others of their size


def push(waiting: Waiting[Added], part: Added) -> None:
    """Add a part to those before it in pairs, as a tournament, so that rounding grows with the log of their number."""
    level = 0
    while waiting and waiting[-1][0] == level:
        part, level = waiting.pop()[1] + part, level + 1
    waiting.append((level, part))


def total(waiting: Waiting[Added]) -> Added:
    """The sum of all parts that were pushed."""
    *before, (_, found) = waiting
    for _, part in reversed(before):
        found = part + found
    return found
