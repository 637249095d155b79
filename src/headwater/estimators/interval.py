"""Interval: how far new outcomes may lie from a ridge's predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from headwater.estimators.base import Ridge
from headwater.selection.posterior import Posterior
from headwater.spectrum.rows import Array, row_blocks


class IntervalRidge(Ridge):
    """A ridge that holds a posterior of its coefficients and level, one for each output."""

    _open: tuple[Posterior, ...] | None = None  # made when first asked for

    def predict_interval(self, X: Any, level: float = 0.9) -> Array:
        """Intervals that hold new outcomes this often, on average over rows like the target's.

        Parameters
        ----------
        X : array, sparse matrix or data frame (n, p)
        level : float
            Between 0 and 1.

        Returns
        -------
        ndarray (n, 2), or (n, q, 2) where y had columns
            The lower and the upper end; infinite where one row, or none but the level, was fitted to.

        Raises
        ------
        ValueError
            A level that is not between 0 and 1, other columns than were fitted, or a model of ``fit_many``, which keeps
            no posterior.
        NotFittedError
            Nothing was fitted.

        Notes
        -----
        Law: the posterior predictive's Student, by its mean and variance: the noise and what is left open of the
        coefficients, (x − x̄)'Σ(x − x̄), so that rows unlike the target's have wider ones. The posterior is that of a
        free choice of penalties; about a prediction by others it is wider by how far that is from its own. Where the
        target named ``groups`` rows are not independent, as the posterior takes them to be: the number of such widths
        is then that of the residuals of whole groups left out (jackknife; Barber, Candès, Ramdas and Tibshirani 2021).
        ``docs/decisions/selection-intervals.md`` says how often each held.

        Examples
        --------
        >>> import numpy as np
        >>> from headwater import SourceRidge
        >>> X = np.arange(8.0)[:, None]
        >>> source = SourceRidge().fit(X, 2 * X[:, 0] + [1, -1] * 4)
        >>> near, far = source.predict_interval([[3.0], [30.0]])
        >>> bool(near[0] < 6 < near[1]), bool(far[1] - far[0] > 2 * (near[1] - near[0]))
        (True, True)
        """
        check_is_fitted(self)
        check_level(level)
        middle = np.reshape(self.predict(X), (-1, np.size(self.intercept_)))
        return with_interval(middle, self._features(X), posteriors_of(self), level).reshape(
            len(middle), *np.shape(self.intercept_), 2
        )

    def _left_open(self) -> tuple[Posterior, ...]:
        """The posterior of each output."""
        raise NotImplementedError


def posteriors_of(model: IntervalRidge) -> tuple[Posterior, ...]:
    """The posterior of each output of a fitted model, made once."""
    if model._open is None:
        model._open = model._left_open()
    return model._open


def check_level(level: float) -> None:
    """Raise ValueError where a level is no share."""
    if not 0 < level < 1:
        raise ValueError(f"an interval's level must be between 0 and 1, such as 0.9 for nine in ten, got {level!r}")


def with_interval(middle: Array, X: Any, posteriors: tuple[Posterior, ...], level: float) -> Array:
    """Intervals about predictions (n, q) for features X (n, p), by the posterior of each output; (n, q, 2)."""
    half = np.empty(middle.shape)
    for rows in row_blocks(len(half), X.shape[1]):
        part = X[rows].toarray() if hasattr(X, "toarray") else X[rows]
        for index, one in enumerate(posteriors):
            half[rows, index] = one.new(part, middle[rows, index]) * one.new_reach(level)
    return np.stack([middle - half, middle + half], axis=2)
