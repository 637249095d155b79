"""Transfer: the ridge that chooses whether and how to start from its sources."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from headwater.estimators.base import check_needs_no_rows, penalty
from headwater.estimators.by_name import by_name, feature_names, intervals, unit_of
from headwater.estimators.group_models import GroupModels, fitted_to_groups
from headwater.estimators.interval import IntervalRidge, posteriors_of
from headwater.selection.hypotheses import SAME, hypotheses
from headwater.selection.meeting import Meeting
from headwater.selection.posterior import Posterior, alone, posteriors
from headwater.selection.source import is_several
from headwater.selection.surface import Surface
from headwater.selection.survey import Best, best, survey
from headwater.spectrum.criteria import needs_rows, score_named
from headwater.spectrum.moments import Moments
from headwater.spectrum.spectrum import Spectrum


class TransferRidge(IntervalRidge):
    """Ridge on a target that weighs what its source is good for, by evidence, and averages over the answers.

    Four hypotheses, at equal odds (``headwater.selection.hypotheses`` has their priors): the target alone (scratch);
    the same task as the source's, which is one ridge on both tables' rows, with the source's level or the target's own;
    a related task, which starts from α ŵ0(τ_S*), as sure as the source is of it, and minimises
    (1/n1)‖y1 − X1 w − b‖² + τ1‖w − start‖².

    Parameters
    ----------
    source : fitted model, array, Pipeline, or list of several
        As in L2SPRidge; None is scratch. Published coefficients are as sure as their standard errors say: those of
        ``Coefficients(coef, se)``, of statsmodels' results (``bse``), or of any model with ``coef_`` and ``coef_se_``.
        They are taken as independent. Without them the same task is L2-SP with a penalty expected a hundred times that
        of scratch; with them or without, its level is the target's own. Of several
        sources each has its hypotheses, and under evidence all are stacked too, which is to start from Σ_j α_j ŵ0_j.
        (Coefficients of several outputs come as one array: a list of arrays is a list of sources.)
    source_tau : "auto" or float
        A number is the source's penalty, inf being scratch, and then scratch is no longer asked about.
    tau : "auto" or float
        A number is the target's penalty τ1, which the same task has not: that is then no longer asked about.
    scale : "auto" or bool
        False keeps to the L2-SP path in τ0 that theory speaks of, α = 1, against scratch; True sets a related source
        against scratch.
    criterion : "evidence", "loo" or "gcv"
        The last two are no likelihoods: they choose among scratch, the L2-SP path and a scaled source.
    average : bool
        Average over all of it, the posterior mean: steadier than the one best point, which False takes.
    fit_intercept : bool
        Without one there is no level to share.
    per_output : bool
        Whether each output chooses for itself.

    Attributes
    ----------
    coef_, intercept_
        The fit, (p,) or (q, p), and its level.
    surface_ : Surface
        The posterior; ``surface_.mass`` has the share of each hypothesis.
    transferred_ : bool
        Whether those that use the source hold more than half of it.
    level_weight_ : float
        The share of those that take the source's level.
    source_tau_, scale_, tau_ : float
        The best point: the source's penalty (inf: scratch), its scale, and the target's own penalty (inf: the same
        task, in which the target has no part of its own).
    source_optimal_tau_ : float
        τ_S*, NaN for published coefficients.
    source_weight_ : (s,), of several sources only
        The share of each by itself; what is left of 1 is scratch's and the stack's.

    With ``per_output`` each holds one entry an output. With a list of sources ``source_tau_`` (inf: no part in the
    best point), ``scale_`` (0: none) and ``source_optimal_tau_`` hold one entry a source.

    Raises
    ------
    ValueError
        For parameters out of range, for a source that does not fit the target's features, and for preprocessors that
        differ. Several Pipelines may each have scaled the columns by their own rows: the target then takes the first
        one's units, coefficients are brought to them, and levels are shared by the first one only.

    Examples
    --------
    >>> import numpy as np
    >>> from headwater import SourceRidge
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

    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None, groups: ArrayLike | None = None) -> Self:
        """Fit to a target; one row is enough.

        Parameters
        ----------
        X : array (n1, p), dense, sparse or a data frame
        y : array (n1,) or (n1, q)
        sample_weight : array (n1,), optional
            Frequencies.
        groups : array (n1,), optional
            Names of what was measured repeatedly: between hypotheses a group then counts as one row, and criterion
            "loo" and ``predict_interval`` leave out whole groups.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            As ``choose`` does, for rows that cannot be read, and for sources that do not fit them.
        """
        score_named(self.criterion)
        kept = needs_rows(self.criterion) or groups is not None  # intervals are of groups left out
        return self.choose(self.meet(X, y, sample_weight, groups, leave_one_out=kept))

    def fit_moments(self, moments: Moments) -> Self:
        """Fit to the moments of a target, one that is read block by block or that cannot be shown row by row.

        Parameters
        ----------
        moments : Moments
            In the source's features: where the source is a Pipeline, of what its preprocessor makes of the rows.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            As ``fit`` does; criterion "loo", which needs rows.

        Examples
        --------
        >>> import numpy as np
        >>> from headwater import Moments
        >>> X, y = np.arange(6.0).reshape(3, 2), np.array([1.0, 0.0, 2.0])
        >>> whole = TransferRidge(np.array([1.0, 0.0])).fit(X, y)
        >>> moments = Moments.from_arrays(X[:1], y[:1]) + Moments.from_arrays(X[1:], y[1:])
        >>> bool(np.allclose(TransferRidge(np.array([1.0, 0.0])).fit_moments(moments).coef_, whole.coef_))
        True
        """
        check_needs_no_rows(self.criterion)
        spectrum = Spectrum.from_moments(moments, fit_intercept=self.fit_intercept)
        for name in ("n_features_in_", "feature_names_in_"):  # of rows that were fitted before
            if hasattr(self, name):
                delattr(self, name)
        if not self._pipelines():
            self.n_features_in_ = moments.n_features
        return self.choose(Meeting(spectrum, self._sources_for(spectrum)))

    def fit_many(
        self, X: Any, y: Any, groups: ArrayLike, progress: Callable[[int, int], None] | None = None
    ) -> GroupModels:
        """Fit one model a group: many small targets of one source, a shop, a well or a user each.

        Parameters
        ----------
        X : array (n, p), dense, sparse or a data frame
            The rows of all groups, in any order.
        y : array (n,) or (n, q)
        groups : array (n,)
            Each row's group: numbers, text or dates, none missing.
        progress : callable, optional
            Is told how many groups are done, and of how many.

        Returns
        -------
        GroupModels
            A mapping from a group to its fitted TransferRidge; this one stays as it is.

        Raises
        ------
        ValueError
            As ``fit`` does, and for groups that are missing, of mixed kinds or not one a row.

        Notes
        -----
        Law: each model is what ``fit`` makes of the group's rows. Groups of as many rows are decided together, on
        stacked arrays; under criterion "loo" and with sparse rows each by itself. What grows with the number of groups
        is their coefficients: ``surface_``, of which ``coefficients`` and intervals are made, is not kept.

        Examples
        --------
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> X, shops = rng.normal(size=(60, 5)), np.repeat(["north", "south", "west"], 20)
        >>> models = TransferRidge(np.ones(5)).fit_many(X, X.sum(axis=1) + rng.normal(size=60), shops)
        >>> list(models), models["west"].coef_.shape
        (['north', 'south', 'west'], (5,))
        """
        score_named(self.criterion)
        return fitted_to_groups(self, X, y, groups, progress)

    def choose(self, meeting: Meeting) -> Self:
        """Fit to a target that has met the sources.

        Parameters
        ----------
        meeting : Meeting
            What ``meet`` gave, of this or of an estimator with the same sources.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For parameters out of range, or that the sources do not allow.
        """
        score_named(self.criterion)
        source_tau, tau = penalty(self.source_tau, "source_tau"), penalty(self.tau, "tau")
        scale, sources = _scale(self.scale), meeting.sources
        if any(isinstance(source.optimal_tau, np.ndarray) for source in sources) and not self.per_output:
            raise ValueError("the source chose a penalty for each output: set per_output=True here too")
        if any(source.spectrum is None for source in sources) and source_tau not in (None, np.inf):
            raise ValueError("only the source's coefficients are known: source_tau must be 'auto' or inf")
        split = self.per_output and meeting.target.y_ndim == 2
        self._met, self._open = meeting, None
        parts = [meeting.output(index) for index in range(meeting.target.n_outputs)] if split else [meeting]
        fits = []
        for part in parts:
            level = part.target.basis.fit_intercept
            compared = hypotheses(part.sources, source_tau, scale, self.criterion, tau, level)
            surface = survey(part, compared, tau, self.criterion)
            fits.append((surface, best(surface)))
        held = [(surface if self.average else choice).fitted for surface, choice in fits]
        self._describe(
            fits, [np.nan if source.optimal_tau is None else source.optimal_tau for source in sources], split
        )
        coefs, intercepts = zip(*held, strict=True)
        self._hold(np.concatenate(coefs, -2), meeting.target, meeting.dtype, np.concatenate(intercepts, -1))
        return self

    def coefficients(self) -> Any:
        """The coefficients by name: of the source, of the target alone, and chosen, with a 90 % interval.

        Returns
        -------
        pandas or polars data frame, or else list of dict
            A row a feature, and of several outputs one for each ``output``: ``name``, ``source`` (``source[0]``, … of
            several, NaN of none), ``scratch``, ``chosen``, ``low`` and ``high``. In the units of the columns as they
            came where the source's preprocessor does no more than rescale them, or prepares tables; a product or a
            square is then of columns less their means.

        Raises
        ------
        ValueError
            A model of ``fit_many``, which keeps no posterior.
        NotFittedError
            Nothing was fitted.

        Notes
        -----
        The interval is that of the posterior that the fit averages over, Student's by its mean and variance, about the
        coefficient that was chosen. A penalised coefficient is drawn toward the source or toward 0: over features the
        intervals hold the truth nine times in ten where the hypotheses do, not for each feature by itself.

        Examples
        --------
        >>> import numpy as np
        >>> X = np.arange(8.0)[:, None]
        >>> model = TransferRidge(np.array([2.0])).fit(X, 2 * X[:, 0] + [0.1, -0.1] * 4)
        >>> model.coefficients()["chosen"].round(1).tolist()
        [2.0]
        """
        check_is_fitted(self)
        chosen = np.atleast_2d(self.coef_).astype(np.float64)
        scratch = np.concatenate([alone(surface).fitted[0] for surface in self._surfaces])
        sources = self._met.sources
        known = {} if sources else {"source": np.full_like(chosen, np.nan)}
        for index, source in enumerate(sources):
            name = "source" if len(sources) == 1 else f"source[{index}]"
            known[name] = np.asarray(source.coef if source.unit is None else source.coef * source.unit)
        low, high = intervals(chosen, posteriors_of(self))
        lead = next(iter(self._pipelines()), self)
        columns = {**known, "scratch": scratch, "chosen": chosen, "low": low, "high": high}
        return by_name(feature_names(lead, chosen.shape[1]), unit_of(lead), np.ndim(self.coef_) == 2, **columns)

    @property
    def _surfaces(self) -> list[Surface]:
        if not hasattr(self, "surface_"):
            raise ValueError("a model of fit_many keeps its coefficients alone: fit to its group's rows for intervals")
        return self.surface_ if isinstance(self.surface_, list) else [self.surface_]

    def _left_open(self) -> tuple[Posterior, ...]:
        surfaces = self._surfaces
        if self.source_tau != "auto" or self.tau != "auto":
            free = TransferRidge(self.source, scale=self.scale, criterion=self.criterion, per_output=self.per_output)
            surfaces = free.set_params(fit_intercept=self.fit_intercept).choose(self._met)._surfaces
        return tuple(one for surface in surfaces for one in posteriors(surface))

    def _describe(self, fits: list[tuple[Surface, Best]], optimal: list[Any], split: bool) -> None:
        """Set what was chosen and why: with ``split`` an entry an output, and of several sources one for each."""
        several = is_several(self.source)

        def each(values: list[Any], by_source: bool = False) -> Any:
            listed = several and by_source
            values = [np.expand_dims(value, -1) for value in values] if listed and len(optimal) == 1 else values
            return np.stack(values, axis=-2 if listed else -1) if split else values[0]

        self.surface_: Any = [surface for surface, _ in fits] if split else fits[0][0]
        self.transferred_ = each([surface.transferred for surface, _ in fits])
        taus, scales, target_taus = ([choice.point[i] for _, choice in fits] for i in range(3))
        self.level_weight_ = each([surface.share_of(SAME) for surface, _ in fits])
        self.source_tau_, self.scale_ = each(taus, by_source=True), each(scales, by_source=True)
        self.tau_ = each(target_taus)
        if several:
            own = [np.broadcast_to(tau, len(fits)) for tau in optimal] if split else optimal
            self.source_optimal_tau_: Any = np.stack(own, axis=-1)
            weights = [surface.source_weight for surface, _ in fits]
            self.source_weight_ = np.stack(weights, axis=-2) if split else weights[0]
        else:
            self.source_optimal_tau_ = optimal[0] if optimal else np.nan


def _scale(value: Any) -> bool | str:
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, str) and value == "auto":
        return "auto"
    raise ValueError(f"scale must be True, False or 'auto', got {value!r}")
