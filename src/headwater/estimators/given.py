"""Given: what a user hands over as a source, brought to a fitted linear model, a Pipeline ending in one, or numbers."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from headwater.selection.source import members
from headwater.spectrum.rows import Array

_LEVELS = {"const", "intercept", "(intercept)", "_cons", "bias"}
_LINK = (
    "a logistic, Poisson or other link, or a transformed outcome, so that its coefficients are not in the outcome's "
    "units: give a linear model of the outcome itself"
)


@dataclass(frozen=True, eq=False)
class Coefficients:
    """Published coefficients (p,) that have names, and the level beside them."""

    coef_: Array
    feature_names_in_: Any
    intercept_: float = 0.0

    def of(self, names: Sequence[str]) -> Coefficients:
        """The same for features in this order; ValueError names those for which there is none, or none to use it."""
        known = {str(name): index for index, name in enumerate(self.feature_names_in_)}
        absent = [str(name) for name in names if str(name) not in known]
        if absent:
            raise ValueError(f"the source has no coefficient for {', '.join(absent[:5])}")
        unused = [name for name in known if name not in {str(name) for name in names}]
        if unused:
            raise ValueError(f"the target lacks the source's features {', '.join(unused[:5])}")
        return Coefficients(self.coef_[[known[str(name)] for name in names]], np.asarray(names), self.intercept_)


def models(source: Any) -> tuple[Any, ...]:
    """The models in what a ``source`` parameter holds, each as ``fitted`` finds it."""
    return tuple(fitted(model) for model in members(source))


def fitted(model: Any) -> Any:
    """The model that was fitted inside a search or around an outcome left as it is; named coefficients with names."""
    if isinstance(model, Mapping):
        return named(list(model), list(model.values()))
    if hasattr(model, "params") and hasattr(model, "model"):  # statsmodels
        return _of_statsmodels(model)
    if hasattr(model, "to_numpy") and not hasattr(model, "coef_"):  # pandas or polars
        names = list(getattr(model, "index", ()))
        texts = names and all(isinstance(name, str) for name in names)
        return named(names, model.to_numpy()) if texts else np.asarray(model.to_numpy())
    if hasattr(model, "best_estimator_"):
        return fitted(model.best_estimator_)
    if hasattr(model, "regressor_") and hasattr(model, "transformer_"):
        if model.transformer is not None or model.func is not None:
            raise ValueError(f"source must be in the outcome's units; {type(model).__name__} has {_LINK}")
        return fitted(model.regressor_)
    if isinstance(model, Pipeline):
        last = fitted(model[-1])
        if last is model[-1]:
            return model
        inner = last.steps if isinstance(last, Pipeline) else [(model.steps[-1][0], last)]
        return Pipeline([*model.steps[:-1], *((f"{name} {i}", step) for i, (name, step) in enumerate(inner))])
    return model


def named(names: Sequence[Any], values: Any) -> Coefficients:
    """Coefficients by name; what is called intercept or const is the level."""
    texts, numbers = [str(name) for name in names], np.asarray(values, dtype=np.float64)
    if len(set(texts)) < len(texts):
        raise ValueError("source coefficients have the same name twice")
    level = np.array([text.lower() in _LEVELS for text in texts], dtype=bool)
    return Coefficients(numbers[~level], np.array(texts)[~level], float(numbers[level].sum()))


def check_linear(model: Any) -> None:
    """Raise ValueError where what a model predicts does not rise by its coefficients: they mean something else."""
    coef = getattr(model, "coef_", None)
    if coef is None or not hasattr(model, "predict") or hasattr(model, "spectrum_"):
        return
    coef = np.atleast_2d(coef.toarray() if hasattr(coef, "toarray") else coef)
    if coef.ndim != 2 or not np.isfinite(coef).all():
        return  # for ``as_source`` to refuse
    X = np.vstack([np.zeros(coef.shape[1]), np.random.default_rng(0).normal(size=(4, coef.shape[1]))])
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of names, which these rows have not
        try:
            predicted = np.reshape(model.predict(X), (len(X), -1)).astype(np.float64)
        except (ValueError, TypeError):  # classes that are words, or outputs of another shape
            predicted = np.full((len(X), 1), np.nan)
    rises, expected = predicted - predicted[0], X @ coef.T
    if rises.shape != expected.shape or not np.allclose(rises, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max()):
        raise ValueError(f"source must predict X @ coef_; {type(model).__name__} does not: it has {_LINK}")


def _of_statsmodels(results: Any) -> Coefficients:
    link = getattr(getattr(results.model, "family", None), "link", None)
    discrete = ".discrete" in type(results.model).__module__
    if discrete or (link is not None and type(link).__name__.lower() != "identity"):
        raise ValueError(f"source must be in the outcome's units; {type(results.model).__name__} has {_LINK}")
    return named(results.model.exog_names, np.asarray(results.params))
