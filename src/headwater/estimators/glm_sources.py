"""Sources of generalised linear models: whatever holds coefficients on the same link's scale."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from headwater.estimators.compatibility import check_names
from headwater.estimators.given import Coefficients, by_name, ordered
from headwater.families.family import Family
from headwater.selection.glm_source import GLMSource
from headwater.spectrum.rows import Array

_LINKS = {"LogisticRegression": "logit", "LogisticRegressionCV": "logit", "Logit": "logit", "LogitLink": "logit"}
_LINKS |= {"PoissonRegressor": "log", "GammaRegressor": "log", "Poisson": "log", "Log": "log", "LogLink": "log"}


def as_glm_source(model: Any, family: Family, names: ArrayLike | None, width: int) -> GLMSource:
    """A fitted model of the family's link, coefficients (p,), or coefficients by name, met with a target's columns.

    ``names``: the target's, None where it has none; ``width`` p. Raises ValueError where they cannot meet.
    """
    link = link_of(model)
    if link is not None and link != family.link_name:
        raise ValueError(
            f"the source's coefficients are on the scale of its {link} link, the target's family {family.name} has a "
            f"{family.link_name} link: fit the source with that link"
        )
    if isinstance(model, GLMSource):
        source = model
    elif hasattr(model, "path_"):
        check_names(getattr(model, "feature_names_in_", None), names)
        source = GLMSource(*_own(model), model.path_.dispersed, float(model.tau_))
        if model.tau != "auto" and family.dispersion is not None:  # what it knows it knows at τ_S*, whatever it was at
            source = source.at(model.path_.dispersed.optimal_tau)
    elif (found := by_name(model)) is not None:
        found = found if names is None else ordered(found, np.asarray(names).tolist())
        source = GLMSource(np.asarray(found.coef_), found.intercept_)
    else:
        source = _fitted(model, names)
    if len(source.coef) != width:
        raise ValueError(f"the source has {len(source.coef)} features and the target {width}: they must be the same")
    if not np.isfinite(source.coef).all():
        raise ValueError("source coefficients must be finite numbers")
    return source


def as_it_is(model: Any, source: GLMSource) -> tuple[Array, float | None]:
    """The coefficients (p,) and the level at x = 0 of the model given as a source, at whatever penalty it has."""
    return _own(model) if hasattr(model, "path_") else (source.coef, source.intercept)


def _own(model: Any) -> tuple[Array, float]:
    return np.ravel(model.coef_), float(np.ravel(model.intercept_)[0])


def link_of(model: Any) -> str | None:
    """The link of a fitted model, where it has one: what its coefficients speak of."""
    if hasattr(model, "family_"):
        return str(model.family_.link_name)
    instance = getattr(model, "_link_instance", None)  # glum's, once fitted
    if instance is not None:
        return _LINKS.get(type(instance).__name__, "other")
    if hasattr(model, "params") and hasattr(model, "model"):  # statsmodels
        family = getattr(model.model, "family", None)
        return _LINKS.get(type(model.model if family is None else family.link).__name__, "other")
    if hasattr(model, "coef_") and not isinstance(model, Coefficients):
        return _LINKS.get(type(model).__name__, "identity")
    return None


def _fitted(model: Any, names: ArrayLike | None) -> GLMSource:
    fitted = getattr(model, "coef_", None)
    if fitted is None and not isinstance(model, (np.ndarray, list, tuple)):
        raise ValueError(
            f"source must be a fitted model or coefficients; {type(model).__name__} has no coef_: fit it first"
        )
    check_names(getattr(model, "feature_names_in_", getattr(model, "feature_names_", None)), names)
    try:
        coef = np.asarray(model if fitted is None else fitted, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError("source must be one fitted model or coefficients; TransferRidge alone takes several") from None
    if coef.ndim > 2 or (coef.ndim == 2 and len(coef) != 1):
        raise ValueError(f"source coefficients have shape {coef.shape}; one number a feature is needed, (p,)")
    level = None if fitted is None else getattr(model, "intercept_", 0.0)
    return GLMSource(coef.reshape(-1), None if level is None else float(np.ravel(level)[0]))
