"""What the estimators of generalised linear models share: reading rows, a source with its path, the choice."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted, validate_data

from headwater.estimators.base import penalty
from headwater.estimators.by_reference import ByReference
from headwater.estimators.compatibility import standardised
from headwater.estimators.given import fitted
from headwater.estimators.glm_rows import checked, dense, outcomes_of
from headwater.estimators.glm_sources import as_glm_source
from headwater.estimators.preprocessors import features
from headwater.families.design import Design
from headwater.families.family import Family
from headwater.families.outcomes import Outcomes
from headwater.families.path import Path
from headwater.selection.glm_choice import hypotheses_of, weigh
from headwater.selection.glm_hypotheses import Target
from headwater.selection.glm_source import GLMSource
from headwater.selection.hypotheses import AS_IS, SCRATCH
from headwater.spectrum.rows import Array

_READABLE = {"dtype": (np.float64, np.float32)}


class GLM(ByReference):
    """Reading rows and holding coefficients; the source is data and never refitted."""

    source: Any = None
    fit_intercept: bool

    @property
    def family_(self) -> Family:
        raise NotImplementedError

    @property
    def given(self) -> tuple[Pipeline | None, Any]:
        """The source's Pipeline, where it is one, and its model; of a search what it fitted, as for TransferRidge."""
        searched = isinstance(self.source, Pipeline) or hasattr(self.source, "best_estimator_")
        given = fitted(self.source) if searched else self.source
        return (given, given[-1]) if isinstance(given, Pipeline) else (None, given)

    def _rows(self, X: Any) -> Array:
        """Rows to predict, in the source's own features where the source is a Pipeline."""
        check_is_fitted(self)
        pipeline, _ = self.given
        if pipeline is None:
            return np.asarray(validate_data(self, X, reset=False, **_READABLE))
        validate_data(self, X, reset=False, skip_check_array=True)
        return dense(features(pipeline, X))

    def _read(self, X: Any, y: Any) -> tuple[Array, Any]:
        pipeline, _ = self.given
        if pipeline is None:
            return tuple(validate_data(self, X, y, **_READABLE))
        validate_data(self, X, y, skip_check_array=True)
        rows = dense(features(pipeline, X))
        return rows, outcomes_of(rows, y)

    def _path(self, X: Array, y: Array, sample_weight: ArrayLike | None, exposure: ArrayLike | None) -> Path:
        """The rows that count, of positive weight, as a path."""
        weight = checked(sample_weight, len(y), "sample_weight")
        sizes = checked(exposure, len(y), "exposure")
        self._check_possible(y)
        kept = weight > 0
        outcomes = Outcomes(self.family_, y[kept], np.log(sizes[kept]), weight[kept])
        return Path(outcomes, Design.of(X[kept].astype(np.float64), weight[kept], self.fit_intercept))

    def _check_possible(self, y: Array) -> None:
        problem = self.family_.problem(y)
        if problem is not None:
            raise ValueError(f"y {problem}: family {self.family_.name!r}")

    def _hold(self, coef: Array, intercept: float, dtype: Any) -> None:
        self.coef_ = coef.astype(dtype, copy=False)
        self.intercept_: Any = float(intercept)

    def _predictor(self, X: Any) -> Array:
        """Linear predictors, offsets aside (n,)."""
        return np.asarray(self._rows(X) @ np.ravel(self.coef_) + np.ravel(self.intercept_)[0])


class SourceModel(GLM):
    """A penalised fit that keeps the rows it was fitted to, for its path and its posterior."""

    def __init__(self, tau: float | str = "auto", fit_intercept: bool = True) -> None:
        self.tau = tau
        self.fit_intercept = fit_intercept

    def _fit(self, path: Path, dtype: Any) -> Self:
        fixed = penalty(self.tau, "tau")
        self.path_ = path
        if fixed is None and path.outcomes.family.dispersion is None:
            raise ValueError(f"tau must be a number for family {self.family_.name!r}; SourceRidge chooses one")
        return self._set(self.optimal_tau_ if fixed is None else fixed, dtype)

    def _set(self, tau: float, dtype: Any) -> Self:
        self.tau_ = tau
        coef, level = self.path_.coefficients(tau)
        self._hold(coef, level - float(self.path_.design.mean @ coef), dtype)
        return self

    @property
    def optimal_tau_(self) -> float:
        """τ_S*, the penalty best for the source itself by evidence, whatever ``tau`` was asked for.

        There is none where the family leaves its dispersion open: evidence at 1 says nothing of a penalty.
        """
        if self.family_.dispersion is None:  # AttributeError: dir(), and so scikit-learn's view in a notebook, ask
            raise AttributeError(f"optimal_tau_ is not known of family {self.family_.name!r}; SourceRidge chooses one")
        return self.path_.dispersed.optimal_tau

    def at(self, tau: float) -> Self:
        """The same fitted source at another penalty, started from the fit at the last.

        Parameters
        ----------
        tau : float

        Returns
        -------
        SourceGLM or SourceLogistic

        Raises
        ------
        ValueError
            A penalty that is no number or below 0, or none at which there is a finite fit.
        NotFittedError
            Nothing was fitted.
        """
        check_is_fitted(self)
        value = penalty(tau, "tau")
        if value is None:
            raise ValueError("tau must be a number here; 'auto' is what fit chose")
        other: Self = clone(self).set_params(tau=value).read_as(self)
        other.path_ = self.path_
        return other._set(value, self.coef_.dtype)


class TransferModel(GLM):
    """The choice of whether and how to start from a source, averaged over by evidence."""

    def __init__(
        self,
        source: Any = None,
        source_tau: float | str = "auto",
        tau: float | str = "auto",
        scale: bool | str = "auto",
        fit_intercept: bool = True,
    ) -> None:
        self.source = source
        self.source_tau = source_tau
        self.tau = tau
        self.scale = scale
        self.fit_intercept = fit_intercept

    def choose(self, path: Path, dtype: Any = np.float64) -> Self:
        """Fit to a target's rows as ``fit`` reads them.

        Parameters
        ----------
        path : Path
            That of ``met_``, of this or of an estimator with the same source.
        dtype : type
            Of the coefficients.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For parameters out of range, or that the source does not allow.
        """
        source_tau, tau = penalty(self.source_tau, "source_tau"), penalty(self.tau, "tau")
        if not (isinstance(self.scale, (bool, np.bool_)) or self.scale == "auto"):
            raise ValueError(f"scale must be True, False or 'auto', got {self.scale!r}")
        source = self._source(path)
        if source is not None and source_tau is not None:
            source = None if np.isinf(source_tau) else source.at(source_tau)
        if tau is not None and (source is None or (source_tau is not None and self.scale is False)):
            return self._fixed(path, source, tau, dtype)
        if path.outcomes.family.dispersion is None:
            raise ValueError(f"family {self.family_.name!r} is chosen for by TransferRidge, not here")
        if tau is not None and not 0 < tau < np.inf:
            raise ValueError(f"tau must be above 0 and finite where hypotheses are weighed, got {tau!r}")
        path = path.dispersed if source is None or source.path is None else path.as_dispersed_as(source.path)
        self.met_, self.start_ = Target(path, tau), source
        self.choice_ = weigh(hypotheses_of(self.met_, source, self.scale, scratch=source_tau is None))
        self.mass_ = self.choice_.mass
        self._describe(source)
        self._hold(*self.choice_.coefficients(), dtype)
        return self

    def _source(self, path: Path) -> GLMSource | None:
        if self.source is None:
            return None
        pipeline, model = self.given
        names = None if pipeline is not None else getattr(self, "feature_names_in_", None)
        source = as_glm_source(model, self.family_, names, len(path.design.mean))
        if self.fit_intercept and _own_units(path) and not (source.path is not None and _same(source.path, path)):
            words = "the target's columns have mean 0 and deviation 1 exactly, as if standardised by themselves: give "
            words += f"{type(self).__name__} the source's Pipeline, which carries its preprocessor"
            if source.path is not None and _own_units(source.path):
                raise ValueError(f"{words}; the source's were standardised by their own means, too")
            if pipeline is None:
                warnings.warn(words, UserWarning, stacklevel=4)
        return source

    def _fixed(self, path: Path, source: GLMSource | None, tau: float, dtype: Any) -> Self:
        """L2-SP at given penalties, its level free: the path of the outcomes with the source's part in the offset."""
        start = np.zeros(path.design.centred.shape[1]) if source is None else source.coef
        shifted = replace(path, outcomes=path.outcomes.shift(path.design.centred @ start), _last=[])
        coef, level = shifted.coefficients(tau)
        self.fixed_ = shifted.base if np.isinf(tau) else shifted.mode(tau)
        self.mass_ = {SCRATCH if source is None else AS_IS: 1.0}
        self.transferred_, self.tau_, self.scale_ = source is not None, tau, float(source is not None)
        self.source_tau_ = np.inf if source is None else source.tau
        self._hold(start + coef, level - float(path.design.mean @ (start + coef)), dtype)
        return self

    def _describe(self, source: GLMSource | None) -> None:
        prior, tau, mode = self.choice_.best
        self.transferred_ = self.mass_.get(SCRATCH, 0.0) < 0.5
        self.tau_ = tau
        self.scale_ = 0.0 if prior.kind == SCRATCH else float(prior.scales(mode.theta[None])[0])
        self.source_tau_ = np.inf if source is None or prior.kind == SCRATCH else source.tau


def _own_units(path: Path) -> bool:
    weight = path.outcomes.weight
    return standardised(path.design.mean, weight @ path.design.centred**2 / weight.sum())


def _same(one: Path, other: Path) -> bool:
    return one.design.centred.shape == other.design.centred.shape and np.array_equal(
        one.design.centred, other.design.centred
    )
