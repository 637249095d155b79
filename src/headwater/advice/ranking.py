"""Ranking: how several sources stand toward a target, by themselves and all together."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from headwater.estimators.transfer import TransferRidge
from headwater.selection.hypotheses import STACKED, hypotheses
from headwater.selection.left_out import left_out_error
from headwater.selection.meeting import Meeting
from headwater.selection.source import is_several
from headwater.selection.surface import Surface
from headwater.selection.survey import survey


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


@dataclass(frozen=True, repr=False)
class Ranking:
    """Several sources, those that are expected to err least by themselves first, and what they promise together.

    ``stacked`` is the posterior share of all sources stacked, ``error`` the predicted target error of ``model``, the
    TransferRidge fitted to all of them.
    """

    sources: tuple[Ranked, ...]
    stacked: float
    error: float
    model: Any
    names: tuple[str, ...] = ()

    @property
    def first(self) -> Any:
        """The source that ranks first, as it was given or fitted."""
        return self.model.source[self.sources[0].source]

    def as_dict(self) -> dict[str, Any]:
        """The ranking as plain numbers; infinities and NaN are left to the writer."""
        sources = [{**asdict(one), "name": self.name(one.source)} for one in self.sources]
        return {"sources": sources, "stacked": self.stacked, "error": self.error}

    def name(self, source: int) -> str:
        """What a source is called: its file, or its place."""
        return self.names[source] if self.names else f"source[{source}]"

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        names = [self.name(one.source) for one in self.sources]
        width = max(map(len, [*names, "source[0]"]))
        lines = [f"{'source':<{width}}   share  number in the stack  credibility  predicted error by itself"]
        lines += [
            f"{name:<{width}}{one.weight:8.1%}{one.scale:21.3g}{one.credibility:13.1%}{one.error:27.5g}"
            for name, one in zip(names, self.sources, strict=True)
        ]
        return "\n".join([*lines, f"{'stacked':<{width}}{self.stacked:8.1%}{'':34}{self.error:27.5g}  (all together)"])


def is_listed(source: Any) -> bool:
    """Whether this is a list of sources, some of which may be pairs of arrays (X0, y0) still to be fitted."""
    tables = (isinstance(one, tuple) and np.ndim(one[0]) == 2 for one in source) if isinstance(source, list) else ()
    return isinstance(source, list) and (is_several(source) or any(tables))


def rank(model: TransferRidge, meeting: Meeting) -> Ranking:
    """How each source stands, by itself and beside the others, from the model fitted to all that the target has met.

    Costs a survey and a leave-one-out for each source.
    """
    return Ranking(
        ranked(meeting, model.surface_),
        stacked=model.surface_.mass.get(STACKED, 0.0),
        error=left_out_error(model.surface_),
        model=model,
    )


def ranked(meeting: Meeting, surface: Surface) -> tuple[Ranked, ...]:
    """The sources of a meeting, those that are expected to err least by themselves first; equals by their shares."""
    stacked = [part for part in surface.parts if part.hypothesis.kind == STACKED]
    scales = stacked[0].weight.sum(axis=1) @ stacked[0].scale if stacked else np.full(len(meeting.sources), np.nan)
    found = []
    for index, (source, weight) in enumerate(zip(meeting.sources, surface.source_weight, strict=True)):
        alone = meeting.alone(index)
        compared = hypotheses(source, criterion=surface.criterion)
        error = left_out_error(survey(alone, compared, criterion=surface.criterion))
        found.append(Ranked(index, float(weight), float(scales[index]), source.credibility, error))
    return tuple(sorted(found, key=lambda one: (one.error, -one.weight)))
