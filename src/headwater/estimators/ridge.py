"""Ridge on the source task with its whole path."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted, validate_data

from headwater.cluster import is_spread
from headwater.estimators.base import check_needs_no_rows, penalty
from headwater.estimators.interval import IntervalRidge
from headwater.estimators.preprocessors import READABLE
from headwater.selection.hypotheses import SCRATCH, Hypothesis
from headwater.selection.meeting import Meeting
from headwater.selection.posterior import Posterior, posteriors
from headwater.selection.survey import survey
from headwater.spectrum.criteria import needs_rows, score_named
from headwater.spectrum.moments import Moments
from headwater.spectrum.partitions import moments_of_partitions
from headwater.spectrum.penalty import optimal_tau
from headwater.spectrum.routes import moments_of
from headwater.spectrum.spectrum import Spectrum


class SourceRidge(IntervalRidge):
    """Ridge on the source task that keeps its whole regularisation path.

    Minimises (1/n0)‖y0 − X0 w − b‖² + τ‖w‖², b not penalised.

    Parameters
    ----------
    tau : float or "auto"
        The penalty, 0 and inf allowed; "auto" is the one best for the source itself, τ_S*.
    criterion : {"evidence", "loo", "gcv"}
        What τ_S* is best by: restricted likelihood, steadier than the others in small tables, exact leave-one-out, or
        generalised cross-validation.
    fit_intercept : bool
    per_output : bool
        Choose one penalty an output; otherwise all share one, under one noise variance.

    Attributes
    ----------
    coef_ : ndarray (p,) or (q, p)
    intercept_ : float or ndarray (q,)
    tau_ : float or, with per_output, ndarray (q,)
        The penalty used: τ_S* where it was chosen, inf where the table says nothing.
    optimal_tau_ : float or ndarray (q,)
        τ_S*, whatever the penalty used.
    spectrum_ : Spectrum
        The decomposition, from which every other penalty is a product away.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 3))
    >>> source = SourceRidge().fit(X, X @ [1.0, 0.0, -1.0] + rng.normal(size=200))
    >>> source.at(np.inf).coef_
    array([0., 0., 0.])
    """

    def __init__(
        self,
        tau: float | str = "auto",
        criterion: str = "evidence",
        fit_intercept: bool = True,
        per_output: bool = False,
    ) -> None:
        self.tau = tau
        self.criterion = criterion
        self.fit_intercept = fit_intercept
        self.per_output = per_output

    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Fit to rows.

        Parameters
        ----------
        X : array, sparse matrix or data frame (n0, p)
            Of a Dask array or frame only moments leave the workers that hold it, as ``fit_moments`` takes them.
        y : array_like (n0,) or (n0, q)
        sample_weight : array_like (n0,), optional
            Frequencies.

        Returns
        -------
        SourceRidge
            Itself.

        Raises
        ------
        ValueError
            Parameters out of range, shapes that do not match, values that are not finite; of Dask's, parts that are not
            cut alike, and criterion "loo", which needs the rows in one place.
        """
        score_named(self.criterion)
        fixed = penalty(self.tau, "tau")
        if is_spread(X):
            check_needs_no_rows(self.criterion)
            moments = moments_of_partitions(X, y, sample_weight)
            return self._fit_moments(moments)._named(getattr(X, "columns", []))
        X, y = self._read(X, y)
        loo = needs_rows(self.criterion)
        self.spectrum_ = Spectrum.from_rows(X, y, sample_weight, fit_intercept=self.fit_intercept, leave_one_out=loo)
        return self._choose(fixed, X.dtype)

    def fit_moments(self, moments: Moments) -> Self:
        """Fit to the moments of a table, one that is read block by block.

        Parameters
        ----------
        moments : Moments

        Returns
        -------
        SourceRidge
            Itself.

        Raises
        ------
        ValueError
            Parameters out of range; criterion "loo", which needs rows.

        Examples
        --------
        >>> import numpy as np
        >>> X, y = np.array([[0.0], [1.0], [2.0]]), np.array([0.0, 1.0, 2.0])
        >>> SourceRidge(tau=0.0).fit_moments(Moments.from_arrays(X, y)).coef_
        array([1.])
        """
        check_needs_no_rows(self.criterion)
        return self._fit_moments(moments)._named(())  # those of rows that were fitted before are not the moments'

    def partial_fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Fit to rows beside those that were fitted before: the fit is that of all of them, whatever their order.

        Parameters
        ----------
        X : array, sparse matrix or data frame (n0, p)
        y : array_like (n0,) or (n0, q)
        sample_weight : array_like (n0,), optional
            Frequencies.

        Returns
        -------
        SourceRidge
            Itself.

        Raises
        ------
        ValueError
            As ``fit`` does; other columns than before; criterion "loo", which needs all rows at once.

        Notes
        -----
        No row is kept: what was fitted before is known by its decomposition, which is that of its moments. A call costs
        one decomposition, p³; where there are many small blocks, ``Moments.from_blocks`` and ``fit_moments`` need one
        for all.

        Examples
        --------
        >>> import numpy as np
        >>> X, y = np.array([[0.0], [1.0], [2.0]]), np.array([0.0, 1.0, 2.0])
        >>> SourceRidge(tau=0.0).partial_fit(X[:2], y[:2]).partial_fit(X[2:], y[2:]).coef_
        array([1.])
        """
        check_needs_no_rows(self.criterion)
        first = not hasattr(self, "spectrum_")
        X, y = validate_data(self, X, y, reset=first, multi_output=True, y_numeric=True, **READABLE)
        moments = Moments.from_arrays(X, y, sample_weight)
        if not first:
            moments = moments_of(self.spectrum_) + (moments if self.fit_intercept else moments.about_zero())
        return self._fit_moments(moments)

    def _fit_moments(self, moments: Moments) -> Self:
        fixed = penalty(self.tau, "tau")
        self.spectrum_ = Spectrum.from_moments(moments, fit_intercept=self.fit_intercept)
        self.n_features_in_ = moments.n_features
        return self._choose(fixed, np.float64)

    def _named(self, columns: Any) -> Self:
        """Hold the names of columns, where they are names."""
        names = [name for name in columns if isinstance(name, str)]
        if names:
            self.feature_names_in_ = np.asarray(names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return self

    def _choose(self, fixed: float | None, dtype: Any) -> Self:
        return self._set(self.optimal_tau_ if fixed is None else fixed, dtype)

    def _left_open(self) -> tuple[Posterior, ...]:
        """What a target alone leaves open, a source being one."""
        several = self.per_output and self.spectrum_.y_ndim == 2
        parts = _outputs(self.spectrum_) if several else [self.spectrum_]
        surfaces = [survey(Meeting(part, ()), [Hypothesis(SCRATCH, np.inf)]) for part in parts]
        return tuple(one for surface in surfaces for one in posteriors(surface))

    def _set(self, tau: Any, dtype: Any) -> Self:
        self.tau_, self._open = tau, None
        if np.ndim(tau):
            coef = np.array([part.coefficients(t) for part, t in zip(_outputs(self.spectrum_), tau, strict=True)])
        else:
            coef = np.atleast_2d(self.spectrum_.coefficients(tau))
        self._hold(coef, self.spectrum_, dtype)
        return self

    @property
    def optimal_tau_(self) -> Any:
        """τ_S*, the penalty best for the source itself by ``criterion``, whatever ``tau`` was asked for."""
        parts = _outputs(self.spectrum_) if self.per_output else [self.spectrum_]
        taus = [optimal_tau(part, self.criterion) for part in parts]
        return np.array(taus) if self.per_output and self.spectrum_.y_ndim == 2 else taus[0]

    def at(self, tau: float) -> SourceRidge:
        """The same fitted source at another penalty, sharing the decomposition: one product, no fitting.

        Parameters
        ----------
        tau : float
            Not below 0, inf allowed.

        Returns
        -------
        SourceRidge

        Raises
        ------
        ValueError
            tau is negative, NaN or no number.
        NotFittedError
            The source is not fitted.

        Examples
        --------
        >>> import numpy as np
        >>> X, y = np.array([[0.0], [1.0], [2.0]]), np.array([0.0, 1.0, 2.0])
        >>> SourceRidge().fit(X, y).at(0.0).coef_
        array([1.])
        """
        check_is_fitted(self)
        value = penalty(tau, "tau")
        if value is None:
            raise ValueError("tau must be a number here; 'auto' is what fit chose")
        other: SourceRidge = clone(self).set_params(tau=value).read_as(self)
        other.spectrum_ = self.spectrum_
        return other._set(value, self.coef_.dtype)


def source_of(spectrum: Spectrum, tau: float, criterion: str) -> SourceRidge:
    """The fitted source that a spectrum is, whose own best penalty is known already."""
    model = SourceRidge("auto", criterion, spectrum.basis.fit_intercept)
    model.spectrum_, model.n_features_in_ = spectrum, spectrum.n_features
    return model._set(tau, np.float64)


def _outputs(spectrum: Spectrum) -> list[Spectrum]:
    return [spectrum.output(index) for index in range(spectrum.n_outputs)]
