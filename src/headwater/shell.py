"""Shell: what the three estimators share with scikit-learn and each other."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin, clone
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from headwater.alignment import check_alignment, check_sources
from headwater.moments import Array
from headwater.source import Source, as_source, members
from headwater.spectrum import Spectrum

_KINDS = {"accept_sparse": ("csr", "csc"), "dtype": (np.float64, np.float32)}


class Ridge(MultiOutputMixin, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Reading rows, holding coefficients, predicting; the source, or several, is data and never refitted."""

    source: Any = None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def __sklearn_clone__(self) -> Self:
        """A clone that keeps the fitted source by reference: a source is data, not a setting to refit."""
        params = self.get_params(deep=False)
        fresh = type(self)(
            **{name: value if name == "source" else clone(value, safe=False) for name, value in params.items()}
        )
        for kept in ("_metadata_request", "_sklearn_output_config"):
            if hasattr(self, kept):
                setattr(fresh, kept, clone(getattr(self, kept), safe=False))
        return fresh

    def set_params(self, **params: Any) -> Self:
        """Set parameters of this estimator; the source is fitted and may be shared, so its own stay as they are."""
        nested = [name for name in params if name.startswith("source__")]
        if nested:
            raise ValueError(f"{nested[0]} would change a fitted source: fit a source with it and pass that as source")
        super().set_params(**params)
        return self

    def predict(self, X: Any) -> Array:
        """Predicted outcome of rows X (n, p): (n,), or (n, q) where y had columns."""
        check_is_fitted(self)
        if self._pipelines():
            validate_data(self, X, reset=False, skip_check_array=True)
            X = _features(self._pipelines()[0], X)
        else:
            X = validate_data(self, X, reset=False, **_KINDS)
        return np.asarray(X @ self.coef_.T + self.intercept_)

    def _read(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Checked rows, in the source's own features where the source is a Pipeline."""
        pipelines = self._pipelines()
        if not pipelines:
            return tuple(validate_data(self, X, y, multi_output=True, y_numeric=True, **_KINDS))
        _, y = validate_data(self, X, y, skip_check_array=True)
        y = check_array(y, ensure_2d=False, dtype="numeric", input_name="y")
        features, *others = (_features(pipeline, X) for pipeline in pipelines)
        bare = len(others) + 1 < len(members(self.source))
        if (bare and len(pipelines[0]) > 1) or not all(_alike(features, other) for other in others):
            raise ValueError(
                "the sources must share one fitted preprocessor, as their coefficients speak of the same features: "
                "transform every table by one, or end a Pipeline of it, already fitted, in each source"
            )
        return features, y

    def _pipelines(self) -> list[Pipeline]:
        return [model for model in members(self.source) if isinstance(model, Pipeline)]

    def _sources_for(self, spectrum: Spectrum) -> tuple[Source, ...]:
        """The sources, checked against the target they are to start and against each other."""
        models = members(self.source)
        found = []
        for index, model in enumerate(models):
            pipeline = isinstance(model, Pipeline)
            names = None if pipeline else getattr(model, "feature_names_in_", None)
            try:
                source = as_source(model[-1] if pipeline else model)
                check_alignment(source, spectrum, names, getattr(self, "feature_names_in_", None))
            except ValueError as problem:
                raise ValueError(f"source[{index}]: {problem}" if len(models) > 1 else str(problem)) from None
            found.append(source)
        check_sources(found)
        return tuple(found)

    def _hold(self, coef: Array, spectrum: Spectrum, dtype: Any) -> None:
        """Set coef_ and intercept_ from coefficients (q, p), in the precision of the data."""
        intercept = spectrum.y_mean - coef @ spectrum.x_mean
        self.coef_ = (coef if spectrum.y_ndim == 2 else coef[0]).astype(dtype, copy=False)
        self.intercept_ = intercept if spectrum.y_ndim == 2 else float(intercept[0])


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


def _features(pipeline: Pipeline, X: Any) -> Any:
    """Rows in the features that a Pipeline's model was fitted on."""
    if len(pipeline) > 1:
        X = pipeline[:-1].transform(X)
    # The last step's own record of columns is the one to meet: transforming may have renamed them.
    return validate_data(pipeline[-1], X, reset=False, **_KINDS)


def _alike(one: Any, other: Any) -> bool:
    """Whether two preprocessors made the same of the same rows, but for rounding."""
    return one.shape == other.shape and bool(abs(one - other).max() <= 1e-6 * abs(one).max())
