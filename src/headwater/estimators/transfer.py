"""Transfer: the ridge that chooses whether and how to start from its sources."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from headwater.estimators.base import Ridge, penalty
from headwater.selection.hypotheses import hypotheses
from headwater.selection.meeting import Meeting
from headwater.selection.source import is_several
from headwater.selection.surface import Choice, Surface
from headwater.selection.survey import best, survey
from headwater.spectrum.criteria import score_named


class TransferRidge(Ridge):
    """L2-SP ridge that chooses the source's penalty and scale, its own penalty, and whether to transfer at all.

    Minimises (1/n1)‖y1 − X1 w − b‖² + τ1‖w − α ŵ0(τ0)‖² at (τ0, α, τ1), which are averaged over (``average=True``, the
    posterior mean: steadier than any single choice) or chosen, by ``criterion``; headwater.selection.survey states the
    priors, under which the odds of scratch are even.

    Parameters: ``source`` as in L2SPRidge (None: scratch; with published coefficients the choice is scratch, as is, or
    scaled), or a list of several: they are chosen among, averaged over and, under evidence, stacked, which is to start
    from Σ_j α_j ŵ0_j. (Coefficients of several outputs come as one array: a list of arrays is a list of sources.)
    ``source_tau`` and ``tau``: "auto" or a number; a number for ``source_tau`` means that start, inf
    being scratch. ``scale``: "auto" compares the source as is, at its own penalty, and scaled, the default because
    it lost least in benchmarks/regret.py; False keeps α = 1; True sets scaled transfer against scratch.
    ``criterion`` "evidence", "loo" or "gcv". ``per_output=True`` chooses for each output by itself.

    Attributes: ``coef_``, ``intercept_``; ``source_tau_`` (inf: scratch), ``scale_``, ``tau_``, the surface's peak;
    ``transferred_``, whether starts from the source hold more than half of the weight; ``source_optimal_tau_``
    (NaN for published coefficients); ``surface_``. With ``per_output`` each holds one entry an output. With a list of
    sources ``source_tau_`` (inf: no part in the peak), ``scale_`` (0: none) and ``source_optimal_tau_`` hold one entry
    a source, and so does ``source_weight_``, the posterior share of each by itself; what is left of 1 is scratch's and
    the stack's (``surface_.mass``).
    Several Pipelines may each have scaled the columns by their own rows: the target then takes the first one's units,
    and coefficients are brought to them. Beyond units their preprocessors must be one.
    Raises ValueError for parameters out of range, for a source that does not fit the target's features, and for
    preprocessors that differ.

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

    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Fit to X (n1, p) and y (n1,) or (n1, q); one row is enough."""
        score_named(self.criterion)
        return self.choose(self.meet(X, y, sample_weight, leave_one_out=self.criterion == "loo"))

    def choose(self, meeting: Meeting) -> Self:
        """Fit to a target that has met the sources."""
        score_named(self.criterion)
        source_tau, tau = penalty(self.source_tau, "source_tau"), penalty(self.tau, "tau")
        scale, sources = _scale(self.scale), meeting.sources
        if any(isinstance(source.optimal_tau, np.ndarray) for source in sources) and not self.per_output:
            raise ValueError("the source chose a penalty for each output: set per_output=True here too")
        if any(source.spectrum is None for source in sources) and source_tau not in (None, np.inf):
            raise ValueError("only the source's coefficients are known: source_tau must be 'auto' or inf")
        split = self.per_output and meeting.target.y_ndim == 2
        parts = [meeting.output(index) for index in range(meeting.target.n_outputs)] if split else [meeting]
        fits = []
        for part in parts:
            compared = hypotheses(part.sources, source_tau, scale, self.criterion)
            surface = survey(part, compared, tau, self.criterion)
            fits.append((surface, best(part, surface, compared)))
        coefs = [
            part.coefficients(*surface.points, surface.weight) if self.average else part.coefficients(*choice.point)
            for part, (surface, choice) in zip(parts, fits, strict=True)
        ]
        self._describe(
            fits, [np.nan if source.optimal_tau is None else source.optimal_tau for source in sources], split
        )
        self._hold(np.concatenate(coefs), meeting.target, meeting.dtype)
        return self

    def _describe(self, fits: list[tuple[Surface, Choice]], optimal: list[Any], split: bool) -> None:
        """Set what was chosen and why: with ``split`` an entry an output, and of several sources one for each."""
        several = is_several(self.source)

        def each(values: list[Any], by_source: bool = False) -> Any:
            values = [np.atleast_1d(value) for value in values] if several and by_source else values
            return np.array(values) if split else values[0]

        self.surface_: Any = [surface for surface, _ in fits] if split else fits[0][0]
        self.transferred_ = each([surface.transferred for surface, _ in fits])
        self.source_tau_ = each([choice.source_tau for _, choice in fits], by_source=True)
        self.scale_ = each([choice.scale for _, choice in fits], by_source=True)
        self.tau_ = each([choice.target_tau for _, choice in fits])
        if several:
            own = [np.broadcast_to(tau, len(fits)) for tau in optimal] if split else optimal
            self.source_optimal_tau_: Any = np.stack(own, axis=-1)
            self.source_weight_ = each([surface.source_weight for surface, _ in fits])
        else:
            self.source_optimal_tau_ = optimal[0] if optimal else np.nan


def _scale(value: Any) -> bool | str:
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, str) and value == "auto":
        return "auto"
    raise ValueError(f"scale must be True, False or 'auto', got {value!r}")
