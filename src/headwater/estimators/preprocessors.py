"""Preprocessors: the one design in which a target's rows meet the coefficients of all their sources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler
from sklearn.utils.validation import validate_data

from headwater.spectrum.rows import Array

READABLE = {"accept_sparse": ("csr", "csc"), "dtype": (np.float64, np.float32)}


def features(pipeline: Pipeline, X: Any) -> Any:
    """Rows in the features that a Pipeline's model was fitted on."""
    if len(pipeline) > 1:
        X = pipeline[:-1].transform(X)
    # The last step's own record of columns is the one to meet: transforming may have renamed them.
    return validate_data(pipeline[-1], X, reset=False, **READABLE)


def shared_features(models: Sequence[Any], X: Any) -> Any:
    """Rows in the features of the first Pipeline among the models, which those of the others must be but for units.

    Raises ValueError where another model was fitted on features that are neither the same nor the same rescaled.
    """
    lead = next(model for model in models if isinstance(model, Pipeline))
    made = features(lead, X)
    for index, model in enumerate(models):
        if model is lead or (slopes(lead) is not None and slopes(model) is not None):
            continue
        if not isinstance(model, Pipeline) or not _alike(made, features(model, X)):
            raise ValueError(
                f"source[{index}] has another preprocessor than source[{models.index(lead)}], so their coefficients "
                "speak of different features: end a Pipeline of one fitted preprocessor in each source, or transform "
                "every table by it first"
            )
    return made


def units(models: Sequence[Any]) -> list[Array | None]:
    """What each model's coefficients are multiplied by in the features of the first Pipeline; None for 1.

    Columns standardised or otherwise rescaled by each source's own rows are the same columns in other units.
    """
    lead = next((model for model in models if isinstance(model, Pipeline)), None)
    base = None if lead is None else slopes(lead)
    if base is None:
        return [None] * len(models)
    own = [slopes(model) for model in models]
    return [None if one is None or np.array_equal(one, base) else one / base for one in own]


def slopes(model: Any) -> Array | None:
    """What a model's preprocessor multiplies each raw column by, (p,) or a lone 1.0; None where it does more."""
    found = np.ones(1)
    for step in model[:-1] if isinstance(model, Pipeline) else ():
        if type(step) not in (StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler) or getattr(step, "clip", False):
            return None
        scale = 1.0 if step.scale_ is None else step.scale_
        found = found * scale if isinstance(step, MinMaxScaler) else found / scale
    return found


def _alike(one: Any, other: Any) -> bool:
    """Whether two preprocessors made the same of the same rows, but for rounding."""
    return one.shape == other.shape and bool(abs(one - other).max() <= 1e-6 * abs(one).max())
