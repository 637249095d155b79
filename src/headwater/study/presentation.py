"""What an experiment hands to the outputs: its numbers as tables, its figure, and its findings in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headwater.pages.parts import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Presentation:
    """A finished experiment, ready to be written.

    `rows` is the summary as the experiment's own frozen values, `summary` the same as the columns of summary.csv, one
    mapping a line; `trials` the columns of trials.parquet. `draw` makes the figure; `heading` stands over `findings`,
    one paragraph each. `verdict`, if there is one, comes before everything: its first line says whether the
    finding stands, and `at_a_glance` is its table. `protocol` is the version of the code's protocol,
    `details` what --json says beside the summary. Texts are plain: the report escapes them.
    """

    rows: Sequence[Any]
    summary: Sequence[Mapping[str, Any]]
    trials: Mapping[str, NDArray[Any]]
    title: str
    purpose: str
    caption: str
    heading: str
    findings: Sequence[str]
    tables: Sequence[Table]
    draw: Callable[[], Figure]
    protocol: int
    verdict: Sequence[str] = ()
    at_a_glance: Table | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


def number(value: float) -> str:
    """A number to three decimals; ∞ and – where it is infinite or undefined.

    >>> number(0.5), number(float("nan"))
    ('0.500', '–')
    """
    if np.isnan(value):
        return "–"
    return "∞" if np.isinf(value) else f"{value:.3f}"
