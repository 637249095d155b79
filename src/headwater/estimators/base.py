"""Base: what the three estimators share with scikit-learn and each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from headwater.estimators.by_reference import ByReference
from headwater.estimators.compatibility import check_alignment, check_sources
from headwater.estimators.given import Coefficients, check_linear, models, ordered
from headwater.estimators.preprocessors import READABLE, features, shared_features, units
from headwater.selection.meeting import Meeting
from headwater.selection.source import Source, as_source
from headwater.selection.surface import plain
from headwater.spectrum.criteria import needs_rows, score_named
from headwater.spectrum.rows import Array
from headwater.spectrum.spectrum import Spectrum


class Ridge(MultiOutputMixin, RegressorMixin, ByReference):  # type: ignore[misc]
    """Reading rows, holding coefficients, predicting; the source, or several, is data and never refitted."""

    source: Any = None
    fit_intercept: bool

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def predict(self, X: Any) -> Array:
        """Predict the outcome.

        Parameters
        ----------
        X : array, sparse matrix or data frame (n, p)

        Returns
        -------
        ndarray (n,), or (n, q) where y had columns

        Raises
        ------
        ValueError
            Other columns than were fitted.
        NotFittedError
            Nothing was fitted.
        """
        check_is_fitted(self)
        return np.asarray(self._features(X) @ self.coef_.T + self.intercept_)

    def meet(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        leave_one_out: bool = True,
    ) -> Meeting:
        """The target's decomposition met with the sources, for all that is asked of the two; nothing is fitted.

        Parameters
        ----------
        X : array, sparse matrix or data frame (n1, p)
        y : array_like (n1,) or (n1, q)
        sample_weight : array_like (n1,), optional
        groups : array_like (n1,), optional
            Leave-one-out, as a criterion and in what is asked later, leaves out whole groups.
        leave_one_out : bool
            False keeps nothing of the size of the rows.

        Returns
        -------
        Meeting

        Raises
        ------
        ValueError
            Shapes or values as in ``fit``, or a source that does not fit the target.
        """
        X, y = self._read(X, y)
        spectrum = Spectrum.from_rows(
            X, y, sample_weight, fit_intercept=self.fit_intercept, leave_one_out=leave_one_out, groups=groups
        )
        return Meeting(spectrum, self._sources_for(spectrum), X.dtype)

    def _features(self, X: Any) -> Any:
        """Checked rows to predict for, in the features of the coefficients."""
        if self._pipelines():
            validate_data(self, X, reset=False, skip_check_array=True)
            return features(self._pipelines()[0], X)
        return validate_data(self, X, reset=False, **READABLE)

    def _read(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Checked rows, in the source's own features where the source is a Pipeline."""
        if not self._pipelines():
            return tuple(validate_data(self, X, y, multi_output=True, y_numeric=True, **READABLE))
        _, y = validate_data(self, X, y, skip_check_array=True)
        y = check_array(y, ensure_2d=False, dtype="numeric", input_name="y")
        return shared_features(models(self.source), X), y

    def _pipelines(self) -> list[Pipeline]:
        return [model for model in models(self.source) if isinstance(model, Pipeline)]

    def _sources_for(self, spectrum: Spectrum) -> tuple[Source, ...]:
        """The sources, checked against the target they are to start and against each other."""
        given, own_names = models(self.source), getattr(self, "feature_names_in_", None)
        found = []
        for index, (model, unit) in enumerate(zip(given, units(given), strict=True)):
            pipeline = isinstance(model, Pipeline)
            last = model[-1] if pipeline else model
            try:
                if isinstance(last, Coefficients) and last.feature_names_in_ is not None and own_names is not None:
                    last = ordered(last, own_names)
                check_linear(last)
                names = None if pipeline else getattr(last, "feature_names_in_", None)
                source = replace(as_source(last), unit=unit)
                check_alignment(source, spectrum, names, own_names, carried=pipeline)
            except ValueError as problem:
                raise ValueError(f"source[{index}]: {problem}" if len(given) > 1 else str(problem)) from None
            found.append(source)
        check_sources(found)
        return tuple(found)

    def _hold(self, coef: Array, spectrum: Spectrum, dtype: Any, intercept: Array | None = None) -> None:
        """Set coef_ (q, p), in the precision of the data, and intercept_ (q,), by default that of the means."""
        intercept = spectrum.y_mean - coef @ spectrum.x_mean if intercept is None else intercept
        self.coef_ = (coef if spectrum.y_ndim == 2 else coef[..., 0, :]).astype(dtype, copy=False)
        self.intercept_ = intercept if spectrum.y_ndim == 2 else plain(intercept[..., 0])


def check_needs_no_rows(criterion: str) -> None:
    """Raise ValueError for a criterion that moments cannot answer, or an unknown one."""
    score_named(criterion)
    if needs_rows(criterion):
        raise ValueError(f"criterion {criterion!r} needs the rows: choose evidence or gcv, which moments suffice for")


def penalty(value: Any, name: str) -> float | None:
    """A penalty as a float, None for "auto"."""
    if isinstance(value, str) and value == "auto":
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not number >= 0:
        raise ValueError(f"{name} must be 'auto' or a number not below 0, got {value!r}")
    return number
