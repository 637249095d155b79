"""Counts and other outcomes of a family, with exposure: a source with its path, and the choice of how to start."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin

from headwater.estimators.glm_base import GLM, SourceModel, TransferModel
from headwater.estimators.glm_rows import checked, outcomes_of
from headwater.families.family import Family
from headwater.families.named import family_named
from headwater.families.outcomes import Outcomes
from headwater.spectrum.rows import Array


class _Regressor(RegressorMixin, GLM):  # type: ignore[misc]
    """Expected outcomes, in proportion to exposure."""

    family: str

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = self.family == "poisson"
        return tags

    @property
    def family_(self) -> Family:
        """The family of that name."""
        return family_named(self.family)

    def predict(self, X: Any, exposure: ArrayLike | None = None) -> Array:
        """Predict the expected outcome.

        Parameters
        ----------
        X : array or data frame (n, p)
        exposure : array (n,), optional
            What the mean is in proportion to, each above 0; 1 where none is given.

        Returns
        -------
        ndarray (n,)

        Raises
        ------
        ValueError
            Other columns than were fitted, or an exposure that cannot be one.
        NotFittedError
            Nothing was fitted.
        """
        eta = self._predictor(X)
        return np.asarray(self.family_.mean(eta + self._offset(exposure, len(eta))))

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None, exposure: ArrayLike | None = None) -> float:
        """Share of the deviance explained, 1 − D/D0, D0 that of one rate for all rows.

        Parameters
        ----------
        X : array or data frame (n, p)
        y : array (n,)
        sample_weight : array (n,), optional
            Frequencies.
        exposure : array (n,), optional
            What the mean is in proportion to, each above 0; 1 where none is given.

        Returns
        -------
        float
            At most 1; below 0 where one rate predicts better. Of outcomes all alike, which one rate explains, 1 where
            predicted exactly and else 0, as scikit-learn's R² is.

        Raises
        ------
        ValueError
            Other columns than were fitted, or outcomes, weights or an exposure that cannot be such.
        """
        eta = self._predictor(X)
        y = np.asarray(outcomes_of(eta, y), dtype=np.float64)
        self._check_possible(y)
        weight = checked(sample_weight, len(y), "sample_weight")
        outcomes = Outcomes(self.family_, y, self._offset(exposure, len(y)), weight)
        sizes, nothing = np.exp(outcomes.offset), 0.0
        if np.ptp((y / sizes)[weight > 0]) > 0:  # else one rate, whose link may be infinite, is what each row shows
            rate = self.family_.link(np.asarray(weight @ y / (weight @ sizes)))
            nothing = outcomes.half_deviance(outcomes.offset + rate)
        found = outcomes.half_deviance(outcomes.offset + eta)
        return float(1 - found / nothing) if nothing > 0 else float(found <= 0)

    def _offset(self, exposure: ArrayLike | None, rows: int) -> Array:
        sizes = checked(exposure, rows, "exposure")
        if exposure is not None and self.family_.link_name != "log":
            raise ValueError(f"exposure multiplies a mean: it needs a log link, and family {self.family!r} has none")
        return np.log(sizes)


class SourceGLM(_Regressor, SourceModel):
    """A penalised generalised linear model on the source task that keeps its whole regularisation path.

    Minimises (1/n0) Σ d(y_i, o_i + b + x_i'w) + τ‖w‖², d the unit deviance of the family, o the log exposure, b not
    penalised.

    Parameters
    ----------
    family : {"poisson", "binomial", "gaussian"}
        Poisson has the log link, binomial the logit, for outcomes between 0 and 1; Gaussian is ridge, at a given
        ``tau`` only (SourceRidge chooses one).
    tau : float or "auto"
        The penalty; "auto" is τ_S*, best for the source itself by Laplace evidence, under a prior by which the
        shrinkage factor c/(c + τ) is uniform, c the mean nonzero eigenvalue of X'WX/n0 at the base rate.
    fit_intercept : bool

    Attributes
    ----------
    coef_ : (p,)
    intercept_ : float
    tau_ : float
        τ_S* where ``tau`` is "auto": inf where the table says nothing.
    path_ : Path
        The rows with their fits: ``at`` and transfer need them.

    Notes
    -----
    ``sample_weight`` are frequencies. In scikit-learn's PoissonRegressor and in glum alpha = τ. A rate y/e weighted by
    its exposure e is the count y with that exposure, where alpha is τ n/Σe.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X, years = rng.normal(size=(400, 2)), rng.uniform(1, 5, size=400)
    >>> y = rng.poisson(years * np.exp(X @ [0.5, -0.5]))
    >>> source = SourceGLM().fit(X, y, exposure=years)
    >>> source.at(np.inf).coef_
    array([0., 0.])
    """

    def __init__(self, family: str = "poisson", tau: float | str = "auto", fit_intercept: bool = True) -> None:
        super().__init__(tau, fit_intercept)
        self.family = family

    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None, exposure: ArrayLike | None = None) -> Self:
        """Fit the source, its penalty and its path.

        Parameters
        ----------
        X : array or data frame (n0, p)
        y : array (n0,)
            Outcomes that the family knows: counts, or rates, not negative.
        sample_weight : array (n0,), optional
            Frequencies.
        exposure : array (n0,), optional
            What the mean is in proportion to, each above 0; 1 where none is given.

        Returns
        -------
        SourceGLM
            Itself.

        Raises
        ------
        ValueError
            Outcomes, weights or exposures that cannot be, or no finite fit at ``tau``.
        """
        X, y = self._read(X, y)
        self._offset(exposure, len(y))
        return self._fit(self._path(X, np.asarray(y, dtype=np.float64), sample_weight, exposure), X.dtype)


class TransferGLM(_Regressor, TransferModel):
    """A generalised linear model on the target task that chooses whether and how to start from a source.

    Minimises (1/n1) Σ d(y_i, o_i + b + x_i'w) + τ1‖w − α ŵ0‖² and averages, by Laplace evidence, over what the source
    may be good for: nothing (scratch), the same task with the source's level or its own, a related task.

    Parameters
    ----------
    source : fitted model, coefficients or None
        A SourceGLM, scikit-learn's, glum's or statsmodels' model of the same link, a search that fitted one, a
        Pipeline ending in one, whose preprocessor is then applied to the target too, coefficients (p,), or coefficients
        by name (a dict or Series, its level under "const" or "Intercept"). None: scratch.
    family : {"poisson", "binomial"}
    source_tau : float or "auto"
        "auto" is the source's own best; a number is the user's word that one starts there, inf being scratch.
    tau : float or "auto"
    scale : bool or "auto"
        "auto" compares all hypotheses; False keeps α = 1, as L2-SP does; True sets a related task against scratch.
    fit_intercept : bool

    Attributes
    ----------
    coef_ : (p,)
    intercept_ : float
    mass_ : dict
        The posterior weight of each hypothesis.
    tau_, scale_, source_tau_ : float
        Those of the heaviest single model; ``tau_`` is inf where the task is the same.
    transferred_ : bool
        Whether hypotheses that use the source hold more than half of the weight.

    Notes
    -----
    With ``source_tau`` and ``tau`` numbers and ``scale=False`` nothing is chosen: L2-SP, its level free. Otherwise a
    level of the target's own has a prior N(base rate, 2.5²) on the link's scale.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X0, X1 = rng.normal(size=(400, 3)), rng.normal(size=(15, 3))
    >>> y0, y1 = (rng.poisson(np.exp(X @ [0.5, -0.5, 0.2])) for X in (X0, X1))
    >>> TransferGLM(SourceGLM().fit(X0, y0)).fit(X1, y1).transferred_
    True
    """

    def __init__(
        self,
        source: Any = None,
        family: str = "poisson",
        source_tau: float | str = "auto",
        tau: float | str = "auto",
        scale: bool | str = "auto",
        fit_intercept: bool = True,
    ) -> None:
        super().__init__(source, source_tau, tau, scale, fit_intercept)
        self.family = family

    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None, exposure: ArrayLike | None = None) -> Self:
        """Fit to the target, weighing what the source may be good for; one row is enough.

        Parameters
        ----------
        X : array or data frame (n1, p)
        y : array (n1,)
            Outcomes that the family knows: counts, or rates, not negative.
        sample_weight : array (n1,), optional
            Frequencies.
        exposure : array (n1,), optional
            What the mean is in proportion to, each above 0; 1 where none is given.

        Returns
        -------
        TransferGLM
            Itself.

        Raises
        ------
        ValueError
            Outcomes, weights or exposures that cannot be, or a source that does not fit the target's columns.
        """
        X, y = self._read(X, y)
        self._offset(exposure, len(y))
        return self.choose(self._path(X, np.asarray(y, dtype=np.float64), sample_weight, exposure), X.dtype)
