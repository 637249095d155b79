"""Given: what a user hands over as a source, brought to a fitted linear model, a Pipeline ending in one, or numbers."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from headwater.selection.source import members
from headwater.tables.coefficients import LEVELS

_LINK = (
    "a logistic, Poisson or other link, or a transformed outcome, so that its coefficients are not in the outcome's "
    "units: give a linear model of the outcome itself"
)


@dataclass(frozen=True, eq=False)
class Coefficients:
    """Published coefficients with what is known beside them, as a source.

    Parameters
    ----------
    coef_ : array (p,) or (q, p), or dict or pandas Series by feature name
        In the outcome's units over the feature's. What is named intercept or const is the level.
    coef_se_ : the same, optional
        Their standard errors, taken as independent: not below 0, and 0 for a coefficient that is known exactly.
    feature_names_in_ : array of str (p,), optional
        The features' names, by which they are matched to the target's.
    intercept_ : float, optional
        The level, which the source as it is predicts with; a transfer has its own. None where it is not known.

    Examples
    --------
    >>> import numpy as np
    >>> from headwater import Coefficients, TransferRidge
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(10, 2))
    >>> y = X @ [1.0, -1.0] + rng.normal(size=10)
    >>> TransferRidge(Coefficients([1.1, -0.9], [0.1, 0.1])).fit(X, y).transferred_
    True
    """

    coef_: Any
    coef_se_: Any = None
    feature_names_in_: Any = None
    intercept_: float | None = 0.0


def ordered(given: Coefficients, names: Sequence[str]) -> Coefficients:
    """The same for features in this order; ValueError names those for which there is none, or none to use it."""
    known = {str(name): index for index, name in enumerate(given.feature_names_in_)}
    unused = [name for name in known if name not in {str(name) for name in names}]
    if unused:
        raise ValueError(f"the target lacks the source's features {', '.join(unused[:5])}")
    absent = [str(name) for name in names if str(name) not in known]
    if absent:
        raise ValueError(f"the source has no coefficient for {', '.join(absent[:5])}")
    order = [known[str(name)] for name in names]
    errors = None if given.coef_se_ is None else np.asarray(given.coef_se_)[..., order]
    return Coefficients(np.asarray(given.coef_)[..., order], errors, np.asarray(names), given.intercept_)


def models(source: Any) -> tuple[Any, ...]:
    """The models in what a ``source`` parameter holds, each as ``fitted`` finds it."""
    return tuple(fitted(model) for model in members(source))


def by_name(model: Any) -> Coefficients | None:
    """Coefficients by name, whatever holds them: a dict, a Series, results of statsmodels; None of anything else."""
    if isinstance(model, Coefficients) and _by_name(model.coef_):
        names, errors = list(model.coef_.keys()), model.coef_se_
        if _by_name(errors):
            errors = [errors.get(name, np.nan) for name in names]
        return named(names, [model.coef_[name] for name in names], errors)
    if isinstance(model, Mapping):
        return named(list(model), list(model.values()))
    if _of_statsmodels(model):
        errors = getattr(model, "bse", None)
        if errors is not None and not np.isfinite(errors).all():  # as many coefficients as rows
            errors = None
        return named(model.model.exog_names, np.asarray(model.params), errors)
    names = list(getattr(model, "index", ())) if hasattr(model, "to_numpy") and not hasattr(model, "coef_") else []
    return named(names, model.to_numpy()) if names and all(isinstance(name, str) for name in names) else None


def fitted(model: Any) -> Any:
    """The model that was fitted inside a search or around an outcome left as it is; named coefficients with names."""
    if _of_statsmodels(model):
        _check_identity(model)
    found = by_name(model)
    if found is not None:
        return found
    if hasattr(model, "to_numpy") and not hasattr(model, "coef_"):  # pandas or polars, without names
        return np.asarray(model.to_numpy())
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


def _by_name(values: Any) -> bool:
    return hasattr(values, "keys") and all(isinstance(name, str) for name in values.keys())  # noqa: SIM118


def named(names: Sequence[Any], values: Any, errors: Any = None) -> Coefficients:
    """Coefficients by name, and their standard errors; what is called intercept or const is the level."""
    texts, numbers = [str(name) for name in names], np.asarray(values, dtype=np.float64)
    if len(set(texts)) < len(texts):
        raise ValueError("source coefficients have the same name twice")
    level = np.array([text.lower() in LEVELS for text in texts], dtype=bool)
    if errors is not None:
        if np.shape(errors) != numbers.shape:
            raise ValueError("the source's coef_se_ must hold a standard error for each coefficient, shaped as coef_")
        errors = np.asarray(errors, dtype=np.float64)[~level]
    known = float(numbers[level].sum()) if level.any() else None
    return Coefficients(numbers[~level], errors, np.array(texts)[~level], known)


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


def _of_statsmodels(model: Any) -> bool:
    return hasattr(model, "params") and hasattr(model, "model")


def _check_identity(results: Any) -> None:
    """ValueError for results of statsmodels whose coefficients are not in the outcome's units."""
    link = getattr(getattr(results.model, "family", None), "link", None)
    discrete = ".discrete" in type(results.model).__module__
    if discrete or (link is not None and type(link).__name__.lower() != "identity"):
        raise ValueError(f"source must be in the outcome's units; {type(results.model).__name__} has {_LINK}")
