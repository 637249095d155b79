"""Ridge on the source task with its whole path, and L2-SP ridge at a given penalty."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from headwater.estimators.base import Ridge, penalty
from headwater.spectrum.criteria import score_named
from headwater.spectrum.moments import Moments
from headwater.spectrum.penalty import optimal_tau
from headwater.spectrum.spectrum import Spectrum


class SourceRidge(Ridge):
    """Ridge on the source task that keeps its whole regularisation path.

    Minimises (1/n0)‖y0 − X0 w − b‖² + τ‖w‖², b not penalised.

    Parameters: ``tau`` a number (0 and inf allowed) or "auto", the penalty best for the source itself, τ_S*, by
    ``criterion`` "evidence" (restricted likelihood: steadier than leave-one-out in small tables), "loo" or "gcv".
    ``per_output=True`` chooses one penalty an output; otherwise all share one, under one noise variance.
    ``sample_weight`` are frequencies.

    Attributes: ``coef_`` (p,) or (q, p), ``intercept_``, ``tau_`` (τ_S*, inf where the table says nothing; an array
    with ``per_output``), ``spectrum_``. Raises ValueError for a negative or NaN ``tau``.

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
        """Fit to X (n0, p), dense, sparse or a data frame, and y (n0,) or (n0, q)."""
        score_named(self.criterion)
        fixed = penalty(self.tau, "tau")
        X, y = self._read(X, y)
        loo = self.criterion == "loo"
        self.spectrum_ = Spectrum.from_rows(X, y, sample_weight, fit_intercept=self.fit_intercept, leave_one_out=loo)
        return self._choose(fixed, X.dtype)

    def fit_moments(self, moments: Moments) -> Self:
        """Fit to the moments of a table, one that is read block by block; not by criterion "loo", which needs rows."""
        score_named(self.criterion)
        fixed = penalty(self.tau, "tau")
        self.spectrum_ = Spectrum.from_moments(moments, fit_intercept=self.fit_intercept)
        self.n_features_in_ = moments.n_features
        return self._choose(fixed, np.float64)

    def _choose(self, fixed: float | None, dtype: Any) -> Self:
        return self._set(self.optimal_tau_ if fixed is None else fixed, dtype)

    def _set(self, tau: Any, dtype: Any) -> Self:
        self.tau_ = tau
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


class L2SPRidge(Ridge):
    """Ridge on the target task, penalised toward the source's coefficients (L2-SP; Li, Grandvalet and Davoine 2018).

    Minimises (1/n1)‖y1 − X1 w − b‖² + τ‖w − scale·w_source‖², b not penalised. It is plain ridge on
    y1 − X1·scale·w_source with that start added back; ``tau=0`` is the least-squares fit nearest the source,
    ``tau=inf`` the source itself, and ``source=None`` plain ridge.

    ``source``: a fitted SourceRidge, any fitted linear estimator, coefficients (p,) or (q, p), or a Pipeline ending in
    one, whose preprocessor is then applied to the target too. ``clone`` keeps it by reference.

    >>> import numpy as np
    >>> X, y = np.array([[0.0], [1.0], [2.0]]), np.array([5.0, 6.0, 7.0])
    >>> L2SPRidge(np.array([3.0]), tau=np.inf).fit(X, y).coef_
    array([3.])
    """

    def __init__(self, source: Any = None, tau: float = 1.0, scale: float = 1.0, fit_intercept: bool = True) -> None:
        self.source = source
        self.tau = tau
        self.scale = scale
        self.fit_intercept = fit_intercept

    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Fit to X (n1, p) and y (n1,) or (n1, q)."""
        tau = penalty(self.tau, "tau")
        if tau is None:
            raise ValueError("tau must be a number; TransferRidge chooses one")
        if not np.isfinite(self.scale):
            raise ValueError(f"scale must be a finite number, got {self.scale!r}")
        meeting = self.meet(X, y, sample_weight, leave_one_out=False)
        if len(meeting.sources) > 1:
            raise ValueError("L2SPRidge starts from one source; TransferRidge chooses among several")
        start = self.scale * meeting.sources[0].coef if meeting.sources else 0.0
        shifted = meeting.target.shift(start) if meeting.sources else meeting.target
        self._hold(start + np.atleast_2d(shifted.coefficients(tau)), meeting.target, meeting.dtype)
        return self


def _outputs(spectrum: Spectrum) -> list[Spectrum]:
    return [spectrum.output(index) for index in range(spectrum.n_outputs)]
