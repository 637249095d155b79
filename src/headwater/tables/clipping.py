"""Clipping: standardised columns whose far values are drawn in about the level of the table they are met in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from headwater.spectrum.rows import Array

LIMIT = 10.0
_QUARTILES = 1.349  # between the quartiles of a normal distribution, in its deviations
_CONSTANT = 1e-24  # of a column's mean square, squared: a smaller variance is rounding


class ClippedScaler(StandardScaler):  # type: ignore[misc]
    """StandardScaler that draws values far out in to ten deviations from the level of the table they are met in.

    A lone value far outside would otherwise be judged by extrapolation. Where a whole column lies elsewhere that is its
    level, a matter of the intercept: ``level_`` (p,) is the median of the target's rows, 0 until there is a target. A
    column so wide in the target that three of its deviations are more than ten of the source's would lose what its
    rows tell: it is measured in units ``width_`` (p,) times as large, in which they are ten.
    """

    def fit(self, X: Array, y: Any = None, sample_weight: Array | None = None) -> Self:
        """Learn means and deviations; the level is then the source's own."""
        super().fit(X, y, sample_weight)
        self.level_, self.width_ = np.zeros(self.n_features_in_), np.ones(self.n_features_in_)
        return self

    def set_level(self, X: Array, sample_weight: Array | None = None) -> Self:
        """Take the level and width of a target's rows X (n, p)."""
        scaled = super().transform(X)
        low, self.level_, high = np.quantile(
            scaled, [0.25, 0.5, 0.75], axis=0, weights=sample_weight, method="inverted_cdf"
        )
        self.width_ = np.maximum(1.0, 3 * (high - low) / _QUARTILES / LIMIT)
        return self

    def drawn_in(self, made: Array) -> NDArray[np.bool_]:
        """Which of the rows that it made (n, p) hold a value that was drawn in, (n,)."""
        return np.asarray((np.abs(made - self.level_) > LIMIT * (1 - 1e-12)).any(axis=1))

    def transform(self, X: Array, copy: bool | None = None) -> Array:
        """Standardised, and clipped about the level."""
        scaled = super().transform(X, copy=copy)
        scaled -= self.level_
        scaled /= self.width_
        np.clip(scaled, -LIMIT, LIMIT, out=scaled)
        scaled += self.level_
        return np.asarray(scaled)


def learn(scaler: StandardScaler, blocks: Iterable[tuple[Array, Array | None]]) -> StandardScaler:
    """The scaler, fitted to rows and weights block by block."""
    for index, (X, weight) in enumerate(blocks):
        (scaler.partial_fit if index else scaler.fit)(X, sample_weight=weight)
    return scaler


def scaler_of(scaler: StandardScaler, mean: Array, variance: Array, rows: int) -> StandardScaler:
    """The scaler, of columns (p,) whose means and variances are known."""
    scaler.fit(np.vstack([mean, mean]))  # shapes it
    scaler.n_samples_seen_, scaler.mean_, scaler.var_ = rows, mean, variance
    scaler.scale_ = np.where(variance > _CONSTANT * mean**2, np.sqrt(variance), 1.0)
    return scaler


def pooled(scalers: Sequence[StandardScaler]) -> StandardScaler:
    """One scaler of several tables' columns: the mean of all rows, and the deviation within the tables.

    That between them is a matter of their levels, of which each has its own: counted in, it would make the units of
    columns that differ in level from table to table too large for what varies within.
    """
    if len(scalers) == 1:
        return scalers[0]
    one = copy(scalers[0])
    count = np.array([scaler.n_samples_seen_ for scaler in scalers])
    mean, within = ([np.asarray(getattr(scaler, name)) for scaler in scalers] for name in ("mean_", "var_"))
    one.n_samples_seen_ = count.sum()
    one.mean_, one.var_ = np.average(mean, axis=0, weights=count), np.average(within, axis=0, weights=count)
    varies = one.var_ > _CONSTANT * np.average(np.square(mean), axis=0, weights=count)
    one.scale_ = np.where(varies, np.sqrt(one.var_), 1.0)
    return one
