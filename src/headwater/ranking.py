"""Ranking: which of several sources serve a target, and how well each would without the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headwater.accounts import STACKED, accounts
from headwater.crossing import Crossing
from headwater.selection import Surface, survey
from headwater.validation import predicted_error


@dataclass(frozen=True)
class Ranked:
    """One of several sources; ``source`` is its place in the list they were given in.

    ``weight``: its share of the posterior by itself; scratch and the stack hold the rest. ``scale``: its number among
    all sources stacked, averaged over the posterior, NaN where none are. ``credibility``: how probably its own table
    says anything at all. ``error``: the predicted target error, leave-one-out mean squared, of transfer from it alone.
    """

    source: int
    weight: float
    scale: float
    credibility: float
    error: float


def rank(crossing: Crossing, surface: Surface) -> tuple[Ranked, ...]:
    """The sources of a crossing, those that hold most of the posterior first.

    Costs a survey and a leave-one-out for each source, and no decomposition. Raises ValueError where the target's
    spectrum has no rows.
    """
    held = surface.weight.sum(axis=1) * (surface.account == STACKED)
    scales = held @ surface.scale / held.sum() if held.any() else np.full(len(crossing.sources), np.nan)
    found = []
    for index, (source, weight) in enumerate(zip(crossing.sources, surface.source_weight, strict=True)):
        alone = crossing.alone(index)
        error = predicted_error(alone, survey(alone, accounts(source), criterion=surface.criterion))
        found.append(Ranked(index, float(weight), float(scales[index]), source.credibility, error))
    return tuple(sorted(found, key=lambda one: (-one.weight, one.error)))
