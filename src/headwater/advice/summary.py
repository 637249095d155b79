"""Summary: an advice as plain data, which text, JSON and pages show alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from headwater.advice.comparison import Comparison, Size
from headwater.advice.findings import Findings
from headwater.advice.penalties import Penalties, penalties
from headwater.advice.rivals import Rival
from headwater.advice.wording import table, what_would_change_it
from headwater.estimators.by_name import feature_names, unit_of
from headwater.selection.meeting import Meeting
from headwater.spectrum.rows import Array
from headwater.spectrum.spectrum import Spectrum
from headwater.tables.differences import Difference
from headwater.tables.preparation import TablePreparation

_BLOCK = 256  # axes expanded at once


@dataclass(frozen=True)
class Coefficient:
    """A feature's coefficient in the source, of the target alone and chosen, with a 90 % interval.

    ``deviation`` is what the feature varies by in the source (in the target where there is no source table), in the
    same units: a coefficient times it can be compared with another's.
    """

    name: str
    source: float
    scratch: float
    chosen: float
    low: float
    high: float
    deviation: float

    @property
    def apart(self) -> float:
        """How far the source and the target alone are apart, a deviation of the feature counting as one."""
        return abs(self.source - self.scratch) * self.deviation


@dataclass(frozen=True)
class Alignment:
    """The alignment ρ̂ with its 95 % interval; why not, in a sentence, where it is not known."""

    rho: float
    low: float
    high: float
    reason: str


@dataclass(frozen=True)
class CalibrationPoint:
    """Some rows by what was predicted for them: how many, the means predicted and observed, and a 90 % interval."""

    rows: float
    predicted: float
    observed: float
    low: float
    high: float


@dataclass(frozen=True)
class Summary:
    """What an advice says.

    ``ways`` and ``cells`` are the table as text shows it, ``rivals`` its numbers; ``measure`` is what its errors are.
    ``coefficients`` and ``differences`` are in order of how far the sides are apart. What an advice has not is None, or
    empty.
    """

    sentence: str
    verdict: str
    source: Size
    target: Size
    measure: str
    head: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    rivals: tuple[Rival, ...]
    more: tuple[str, ...]
    notes: tuple[str, ...]
    explanations: tuple[str, ...]
    penalties: Penalties | None
    alignment: Alignment | None
    coefficients: tuple[Coefficient, ...]
    differences: tuple[Difference, ...]
    calibration: tuple[CalibrationPoint, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """What the advice's own dictionary has not, as plain values."""
        return {
            "penalties": None if self.penalties is None else asdict(self.penalties),
            "coefficients": [asdict(one) for one in self.coefficients],
            "differences": [
                {**asdict(one), "level": one.level, "scale": one.scale, "differs": one.differs}
                for one in self.differences
            ],
            "calibration": [asdict(one) for one in self.calibration],
        }


def summarise(advice: Findings) -> Summary:
    """The advice on outcomes that are numbers as plain data."""
    calibration = advice.calibration
    rho = calibration.rho if calibration.identified else np.nan
    return replace(
        summarise_comparison(advice),
        penalties=penalties(advice),
        alignment=Alignment(rho, *calibration.rho_interval, calibration.reason),
        coefficients=tuple(sorted(_coefficients(advice), key=lambda one: -one.apart)),
        differences=in_order(advice.differences or _differences(advice)),
    )


def summarise_comparison(advice: Comparison) -> Summary:
    """What every advice has as plain data."""
    head, cells = table(advice)
    return Summary(
        sentence=advice.sentence,
        verdict=advice.verdict,
        source=advice.source,
        target=advice.target,
        measure=head[1],
        head=tuple(head),
        cells=tuple(map(tuple, cells)),
        rivals=advice.rivals,
        more=tuple(what_would_change_it(advice)),
        notes=advice.notes,
        explanations=tuple(advice.explanations()),
        penalties=None,
        alignment=None,
        coefficients=(),
        differences=in_order(advice.differences),
    )


def in_order(found: Iterable[Difference]) -> tuple[Difference, ...]:
    """Those furthest from where the source has them first."""
    return tuple(sorted(found, key=_distance, reverse=True))


def _coefficients(advice: Findings) -> Iterable[Coefficient]:
    model, meeting = advice.model, advice.meeting
    varies = _deviations(meeting.source.spectrum or meeting.target)
    unit = np.broadcast_to(unit_of(model.source), len(varies))
    deviations = np.divide(varies, np.abs(unit), out=np.zeros(len(varies)), where=unit != 0)
    for index, record in enumerate(_records(model.coefficients())):
        output = f", output {record['output']}" if "output" in record else ""
        yield Coefficient(
            name=f"{record['name']}{output}",
            deviation=float(deviations[index % len(varies)]),
            **{name: float(record[name]) for name in ("source", "scratch", "chosen", "low", "high")},
        )


def _records(frame: Any) -> list[dict[str, Any]]:
    """A data frame of pandas or polars, or the records that it would be of."""
    if isinstance(frame, list):
        return frame
    return list(frame.to_dicts() if hasattr(frame, "to_dicts") else frame.to_dict("records"))


def _differences(advice: Findings) -> list[Difference]:
    """Of features without their tables, in their own units; none where a source has other columns, or no table."""
    meeting: Meeting = advice.meeting
    source, target = meeting.source.spectrum, meeting.target
    if source is None or meeting.source.unit is not None:
        return []
    names, prepared = feature_names(advice.model.source, target.n_features), _preparation(advice.model.source)
    columns = [source.x_mean, _deviations(source), target.x_mean, _deviations(target)]
    if prepared is not None:  # as features a table's numbers are standardised, and its categories' levels shares
        count, scaler = len(prepared.scaler_.mean_), prepared.scaler_
        columns = [column.copy() for column in columns]
        columns[2][:count] = scaler.level_ + (columns[2][:count] - scaler.level_) * scaler.width_
        columns[3][:count] *= scaler.width_
        for column, middle in zip(columns, (scaler.mean_, 0.0, scaler.mean_, 0.0), strict=True):
            column[:count] = middle + column[:count] * scaler.scale_
        columns[3][count:] = np.nan
    return [Difference(name, *values) for name, *values in zip(names, *(one.tolist() for one in columns), strict=True)]


def _preparation(source: Any) -> Any:
    """The preparation of a table's columns that a source stands behind, where its features are those columns."""
    first = source[0] if hasattr(source, "named_steps") else None
    return (
        first if isinstance(first, TablePreparation) and first.expanded_ is None and hasattr(first, "scaler_") else None
    )


def _deviations(side: Spectrum) -> Array:
    """The standard deviation of each feature (p,), the square root of the diagonal of V diag(λ) V'."""
    total, root = np.zeros(side.n_features), np.sqrt(side.eigenvalues)
    for first in range(0, side.rank, _BLOCK):
        some = slice(first, first + _BLOCK)
        axes = np.zeros((side.rank, len(root[some])))
        axes[some] = np.diag(root[some])
        total += np.square(side.expand(axes)).sum(axis=1)
    return np.sqrt(total)


def _distance(one: Difference) -> float:
    """How far a column is from where the source has it: its level, or the logarithm of its scale to base 2."""
    return max(abs(one.level), abs(one.doublings))
