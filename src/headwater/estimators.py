"""Estimators: thin scikit-learn shells around Spectrum and selection."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin, clone
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from headwater.accounts import accounts
from headwater.alignment import check_alignment
from headwater.criteria import score_named
from headwater.crossing import Crossing
from headwater.moments import Array, Moments
from headwater.selection import best, optimal_tau, survey
from headwater.source import Source, as_source
from headwater.spectrum import Spectrum


class _Ridge(MultiOutputMixin, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """What the three estimators share: reading rows, holding coefficients, predicting."""

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

    def _read(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Checked rows, in the source's own features where the source is a Pipeline."""
        if not isinstance(self.source, Pipeline):
            kinds = {"accept_sparse": ("csr", "csc"), "dtype": (np.float64, np.float32)}
            return tuple(validate_data(self, X, y, multi_output=True, y_numeric=True, **kinds))
        _, y = validate_data(self, X, y, skip_check_array=True)
        y = check_array(y, ensure_2d=False, dtype="numeric", input_name="y")
        return self._features(X), y

    def _features(self, X: Any) -> Any:
        if len(self.source) > 1:
            X = self.source[:-1].transform(X)
        # The last step's own record of columns is the one to meet: transforming may have renamed them.
        kinds = {"accept_sparse": ("csr", "csc"), "dtype": (np.float64, np.float32)}
        return validate_data(self.source[-1], X, reset=False, **kinds)

    def _hold(self, coef: Array, spectrum: Spectrum, dtype: Any) -> None:
        """Set coef_ and intercept_ from coefficients (q, p), in the precision of the data."""
        intercept = spectrum.y_mean - coef @ spectrum.x_mean
        self.coef_ = (coef if spectrum.y_ndim == 2 else coef[0]).astype(dtype, copy=False)
        self.intercept_ = intercept if spectrum.y_ndim == 2 else float(intercept[0])

    def predict(self, X: Any) -> Array:
        """Predicted outcome of rows X (n, p): (n,), or (n, q) where y had columns."""
        check_is_fitted(self)
        if isinstance(self.source, Pipeline):
            validate_data(self, X, reset=False, skip_check_array=True)
            X = self._features(X)
        else:
            X = validate_data(self, X, reset=False, accept_sparse=("csr", "csc"), dtype=(np.float64, np.float32))
        return np.asarray(X @ self.coef_.T + self.intercept_)

    def _source_for(self, spectrum: Spectrum) -> Source | None:
        """The source, checked against the target it is to start."""
        if self.source is None:
            return None
        if isinstance(self.source, Pipeline):
            source, names = as_source(self.source[-1]), None
        else:
            source, names = as_source(self.source), getattr(self.source, "feature_names_in_", None)
        check_alignment(source, spectrum, names, getattr(self, "feature_names_in_", None))
        return source


class SourceRidge(_Ridge):
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
        fixed = _penalty(self.tau, "tau")
        X, y = self._read(X, y)
        loo = self.criterion == "loo"
        self.spectrum_ = Spectrum.from_rows(X, y, sample_weight, fit_intercept=self.fit_intercept, leave_one_out=loo)
        return self._choose(fixed, X.dtype)

    def fit_moments(self, moments: Moments) -> Self:
        """Fit to the moments of a table, one that is read block by block; not by criterion "loo", which needs rows."""
        score_named(self.criterion)
        fixed = _penalty(self.tau, "tau")
        self.spectrum_ = Spectrum.from_moments(moments, fit_intercept=self.fit_intercept)
        self.n_features_in_ = moments.n_features
        return self._choose(fixed, np.float64)

    def _choose(self, fixed: float | None, dtype: Any) -> Self:
        if fixed is None:
            parts = _outputs(self.spectrum_) if self.per_output else [self.spectrum_]
            taus = [optimal_tau(part, self.criterion) for part in parts]
            tau: Any = np.array(taus) if self.per_output and self.spectrum_.y_ndim == 2 else taus[0]
        else:
            tau = fixed
        return self._set(tau, dtype)

    def _set(self, tau: Any, dtype: Any) -> Self:
        self.tau_ = tau
        if np.ndim(tau):
            coef = np.array([part.coefficients(t) for part, t in zip(_outputs(self.spectrum_), tau, strict=True)])
        else:
            coef = np.atleast_2d(self.spectrum_.coefficients(tau))
        self._hold(coef, self.spectrum_, dtype)
        return self

    def at(self, tau: float) -> SourceRidge:
        """The same fitted source at another penalty, sharing the decomposition: one product, no fitting.

        >>> import numpy as np
        >>> X, y = np.array([[0.0], [1.0], [2.0]]), np.array([0.0, 1.0, 2.0])
        >>> SourceRidge().fit(X, y).at(0.0).coef_
        array([1.])
        """
        check_is_fitted(self)
        value = _penalty(tau, "tau")
        if value is None:
            raise ValueError("tau must be a number here; 'auto' is what fit chose")
        other: SourceRidge = clone(self).set_params(tau=value)
        for name in ("spectrum_", "n_features_in_", "feature_names_in_"):
            if hasattr(self, name):
                setattr(other, name, getattr(self, name))
        return other._set(value, self.coef_.dtype)


class L2SPRidge(_Ridge):
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
        tau = _penalty(self.tau, "tau")
        if tau is None:
            raise ValueError("tau must be a number; TransferRidge chooses one")
        if not np.isfinite(self.scale):
            raise ValueError(f"scale must be a finite number, got {self.scale!r}")
        X, y = self._read(X, y)
        spectrum = Spectrum.from_rows(X, y, sample_weight, fit_intercept=self.fit_intercept, leave_one_out=False)
        source = self._source_for(spectrum)
        start = 0.0 if source is None else self.scale * source.coef
        shifted = spectrum if source is None else spectrum.shift(start)
        self._hold(start + np.atleast_2d(shifted.coefficients(tau)), spectrum, X.dtype)
        return self


class TransferRidge(_Ridge):
    """L2-SP ridge that chooses the source's penalty and scale, its own penalty, and whether to transfer at all.

    Minimises (1/n1)‖y1 − X1 w − b‖² + τ1‖w − α ŵ0(τ0)‖² at (τ0, α, τ1), which are averaged over (``average=True``, the
    posterior mean: steadier than any single choice) or chosen, by ``criterion``; headwater.selection states the
    priors, under which the odds of scratch are even.

    Parameters: ``source`` as in L2SPRidge (None: scratch; with published coefficients the choice is scratch, as is, or
    scaled). ``source_tau`` and ``tau``: "auto" or a number; a number for ``source_tau`` means that start, inf
    being scratch. ``scale``: "auto" compares the source as is, at its own penalty, and scaled, the default because
    it lost least in benchmarks/regret.py; False keeps α = 1; True sets scaled transfer against scratch.
    ``criterion`` "evidence", "loo" or "gcv". ``per_output=True`` chooses for each output by itself.

    Attributes: ``coef_``, ``intercept_``; ``source_tau_`` (inf: scratch), ``scale_``, ``tau_``, the surface's peak;
    ``transferred_``, whether starts from the source hold more than half of the weight; ``source_optimal_tau_``
    (NaN for published coefficients); ``surface_``. With ``per_output`` each holds one entry an output.
    Raises ValueError for parameters out of range and for a source that does not fit the target's features.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> w = rng.normal(size=5)
    >>> X0, X1 = rng.normal(size=(300, 5)), rng.normal(size=(8, 5))
    >>> source = SourceRidge().fit(X0, X0 @ w + rng.normal(size=300))
    >>> TransferRidge(source).fit(X1, X1 @ w + rng.normal(size=8)).transferred_
    True
    """

    def __init__(
        self,
        source: Any = None,
        source_tau: float | str = "auto",
        tau: float | str = "auto",
        scale: bool | str = "auto",
        criterion: str = "evidence",
        average: bool = True,
        fit_intercept: bool = True,
        per_output: bool = False,
    ) -> None:
        self.source = source
        self.source_tau = source_tau
        self.tau = tau
        self.scale = scale
        self.criterion = criterion
        self.average = average
        self.fit_intercept = fit_intercept
        self.per_output = per_output

    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Fit to X (n1, p) and y (n1,) or (n1, q); one row is enough."""
        self.fit_crossing(X, y, sample_weight, leave_one_out=self.criterion == "loo")
        return self

    def fit_crossing(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        leave_one_out: bool = True,
    ) -> Crossing:
        """Fit, and return the decomposed target met with the source, for those who ask more of it, as advise does.

        ``groups`` (n1,): leave-one-out, as a criterion and in what is asked later, leaves out whole groups.
        """
        score_named(self.criterion)
        source_tau, tau = _penalty(self.source_tau, "source_tau"), _penalty(self.tau, "tau")
        scale = _scale(self.scale)
        X, y = self._read(X, y)
        spectrum = Spectrum.from_rows(
            X, y, sample_weight, fit_intercept=self.fit_intercept, leave_one_out=leave_one_out, groups=groups
        )
        source = self._source_for(spectrum)
        if source is not None and isinstance(source.optimal_tau, np.ndarray) and not self.per_output:
            raise ValueError("the source chose a penalty for each output: set per_output=True here too")
        if source is not None and source.spectrum is None and source_tau not in (None, np.inf):
            raise ValueError("only the source's coefficients are known: source_tau must be 'auto' or inf")
        whole = Crossing(spectrum, source or Source(np.zeros((spectrum.n_outputs, spectrum.n_features))))
        split = self.per_output and spectrum.y_ndim == 2
        parts = [whole.output(index) for index in range(spectrum.n_outputs)] if split else [whole]
        fits = []
        for part in parts:
            compared = accounts(None if source is None else part.source, source_tau, scale)
            surface = survey(part, compared, tau, self.criterion)
            fits.append((surface, best(part, surface, compared)))

        def each(values: list[Any]) -> Any:
            return np.array(values) if split else values[0]

        self.surface_: Any = [surface for surface, _ in fits] if split else fits[0][0]
        self.source_optimal_tau_ = np.nan if source is None or source.optimal_tau is None else source.optimal_tau
        self.source_tau_ = each([choice.source_tau for _, choice in fits])
        self.scale_ = each([choice.scale for _, choice in fits])
        self.tau_ = each([choice.target_tau for _, choice in fits])
        self.transferred_ = each([surface.transferred for surface, _ in fits])
        coefs = [
            part.coefficients(*surface.points, surface.weight) if self.average else part.coefficients(*choice.point)
            for part, (surface, choice) in zip(parts, fits, strict=True)
        ]
        self._hold(np.concatenate(coefs), spectrum, X.dtype)
        return whole


def _outputs(spectrum: Spectrum) -> list[Spectrum]:
    return [spectrum.output(index) for index in range(spectrum.n_outputs)]


def _scale(value: Any) -> bool | str:
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, str) and value == "auto":
        return "auto"
    raise ValueError(f"scale must be True, False or 'auto', got {value!r}")


def _penalty(value: Any, name: str) -> float | None:
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
