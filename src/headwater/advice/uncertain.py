"""Uncertain: what a fitted transfer keeps of how far off its coefficients and its predictions may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from headwater.estimators.by_name import LEVEL, intervals
from headwater.estimators.interval import IntervalRidge, check_level, posteriors_of, with_interval
from headwater.selection.glm_posterior import moments
from headwater.selection.posterior import Posterior
from headwater.spectrum.rows import Array, row_blocks
from headwater.tables.preparation import TablePreparation
from headwater.tables.table import Table


@dataclass(frozen=True, eq=False)
class Uncertain:
    """The ends of the coefficients' 90 % intervals (p,), and of numbers the posterior of new outcomes; no rows.

    NaN where it is not known: of other outcomes, where the rows do not span the features or a penalty was asked for.
    """

    low: Array
    high: Array
    posterior: Posterior | None

    def as_dict(self) -> dict[str, Any]:
        """Arrays and numbers, for a file."""
        posterior = None if self.posterior is None else asdict(self.posterior)
        return {"low": self.low, "high": self.high, "posterior": posterior}


def uncertain_of(model: Any) -> Uncertain:
    """Of a fitted transfer of one outcome."""
    coef = np.ravel(model.coef_).astype(np.float64)
    if not isinstance(model, IntervalRidge):
        return Uncertain(*coefficient_ends(model, coef), None)
    (posterior,) = posteriors_of(model)
    low, high = intervals(coef[None], (posterior,))
    return Uncertain(low[0], high[0], posterior)


def coefficient_ends(model: Any, coef: Array) -> tuple[Array, Array]:
    """The ends of the 90 % intervals of coefficients (p,) on a link's scale, by the posterior's mean and variance.

    What was chosen is drawn in from its mean, so that averaged predictions are not too bold. NaN at penalties that were
    asked for.
    """
    fixed = getattr(model, "fixed_", None) is not None
    centre, error = (coef, np.full(len(coef), np.nan)) if fixed else moments(model.choice_)
    half = ndtri((1 + LEVEL) / 2) * error
    return centre - half, centre + half


def check_bounds(uncertain: Uncertain, level: float) -> None:
    """Raise ValueError for a level that is no share, and where outcomes are not numbers."""
    if uncertain.posterior is None:
        raise ValueError(
            "intervals are of outcomes that are numbers: of yes or no the prediction is the chance itself, of counts "
            "their mean"
        )
    check_level(level)


def bounded(
    uncertain: Uncertain,
    preparation: TablePreparation,
    table: Table,
    predicted: Array,
    level: float,
    progress: Callable[[int, int], None] | None = None,
) -> Array:
    """Intervals of new outcomes about what is predicted (n,) for a table's rows, (n, 2), block by block.

    Raises ValueError where the outcomes are not numbers.
    """
    check_bounds(uncertain, level)
    assert uncertain.posterior is not None
    ends = []
    for rows in row_blocks(len(predicted), len(uncertain.low)):
        features = preparation.transform(table.rows(rows))
        ends.append(with_interval(predicted[rows, None], features, (uncertain.posterior,), level)[:, 0])
        if progress is not None:
            progress(rows.stop, len(predicted))
    return np.concatenate(ends)


def read_uncertain(content: Any, features: int, numbers: bool) -> Uncertain:
    """The same from a file, once its shapes and numbers are what they must be."""
    low, high, inside = (content[name] for name in ("low", "high", "posterior"))
    if np.shape(low) != (features,) or np.shape(high) != (features,) or (inside is None) == numbers:
        raise ValueError("the intervals are not one a feature")
    if inside is None:
        return Uncertain(low, high, None)
    one = Posterior(**inside)
    k = one.axes.shape[-1]
    shapes: dict[str, tuple[int, ...]] = {"centre": (features,), "mean": (features + 1,), "apart": (features + 1,)}
    shapes |= {"axes": (features + 1, k), "within": (k, k), "variance": (), "freedom": ()}
    arrays = {name: np.asarray(getattr(one, name), dtype=np.float64) for name in shapes}
    if any(array.shape != shapes[name] or not np.isfinite(array).all() for name, array in arrays.items()):
        raise ValueError("the posterior is not made of finite numbers, one for each pair of axes")
    if one.left_out is not None and (one.left_out.ndim != 1 or not np.isfinite(one.left_out).all()):
        raise ValueError("the left-out residuals are not finite numbers")
    return Uncertain(low, high, one)
