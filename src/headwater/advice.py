"""Advice: whether to transfer, how hard to regularise the source for it, and what each way would cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from headwater.accounts import AS_IS, OWN_PENALTY, SCALED, SCRATCH, accounts
from headwater.crossing import Crossing
from headwater.estimators import SourceRidge, TransferRidge
from headwater.selection import Choice, Surface, best, survey
from headwater.validation import averaged_loo_residuals


@dataclass(frozen=True)
class Table:
    """The size of one side: rows (the sum of their weights), features and outputs; rows are NaN where unknown."""

    rows: float
    features: int
    outputs: int


@dataclass(frozen=True)
class Errors:
    """Predicted target error, the leave-one-out mean squared error of each way, its choices made without the row.

    ``scratch``: the target alone. ``source_optimal``: from the source at its own best penalty. ``chosen``: the
    average that ``Advice.model`` is. ``scaled``: from the source at its own best penalty, times one number.
    """

    scratch: float
    source_optimal: float
    chosen: float
    scaled: float


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True)
class Advice:
    """What to do with a source and a target, and the evidence for it.

    ``source_optimal_tau`` is τ_S* (NaN for published coefficients), ``transfer_optimal_tau`` τ0*, the source penalty
    best for the target as a source is used unscaled (inf: do not transfer), ``target_tau`` τ1 there, ``scale`` the
    number that the source-optimal model would best be multiplied by, ``weight`` the posterior share of transfer
    against scratch, ``errors`` the predicted target errors, ``benefit`` the mean over target rows of 2 y ŷ0 − ŷ0²
    (centred), which is what the source's own predictions, untouched, take off the squared error; its sign decides
    whether transfer helps where the target's features are isotropic or its penalty is large, and elsewhere it may be
    wrong. ``model`` is the fitted TransferRidge; ``crossing``, the target met with the source, and ``surface``, the
    posterior over every penalty, are what all of this was read from.
    """

    source: Table
    target: Table
    source_optimal_tau: float
    transfer_optimal_tau: float
    target_tau: float
    scale: float
    weight: float
    errors: Errors
    benefit: Interval
    notes: tuple[str, ...]
    criterion: str
    model: Any
    crossing: Crossing
    surface: Surface

    @property
    def verdict(self) -> str:
        """Either "transfer" or "scratch"."""
        return "transfer" if self.model.transferred_ else "scratch"

    @property
    def ratio(self) -> float:
        """τ0*/τ_S*, inf for scratch, NaN where τ_S* is unknown, 0 or inf."""
        known = 0 < self.source_optimal_tau < np.inf
        return self.transfer_optimal_tau / self.source_optimal_tau if known else np.nan

    @property
    def direction(self) -> str:
        """Regularise the source "harder" or "softer" than its own best, "equal" within 1 %, "scratch", or "unknown"."""
        if np.isinf(self.transfer_optimal_tau):
            return "scratch"
        if np.isnan(self.transfer_optimal_tau):
            return "unknown"
        low, high = 0.99 * self.source_optimal_tau, 1.01 * self.source_optimal_tau
        return (
            "softer" if self.transfer_optimal_tau < low else "harder" if self.transfer_optimal_tau > high else "equal"
        )

    def as_dict(self) -> dict[str, Any]:
        """The advice as plain numbers, strings and lists; infinities and NaN are left to the writer."""
        return {
            "source": {**asdict(self.source), "source_optimal_tau": self.source_optimal_tau},
            "target": asdict(self.target),
            "transfer_optimal_tau": self.transfer_optimal_tau,
            "target_tau": self.target_tau,
            "ratio": self.ratio,
            "direction": self.direction,
            "scale": self.scale,
            "weight": self.weight,
            "errors": asdict(self.errors),
            "benefit": asdict(self.benefit),
            "verdict": self.verdict,
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        errors, benefit = self.errors, self.benefit
        lines = [
            f"verdict: {self.sentence}",
            "",
            f"  source                {self.source.rows:g} rows, {self.source.features} features",
            f"  target                {self.target.rows:g} rows",
            f"  source-optimal tau    {self.source_optimal_tau:.4g}",
            f"  transfer-optimal tau  {self.transfer_optimal_tau:.4g}  ({self.direction})",
            f"  target tau            {self.target_tau:.4g}",
            f"  best scale            {self.scale:.3g}",
            "",
            "  predicted target error (leave-one-out mean squared error)",
            f"    from scratch             {errors.scratch:.5g}",
            f"    source-optimal transfer  {errors.source_optimal:.5g}",
            f"    chosen                   {errors.chosen:.5g}",
            f"    scaled transfer          {errors.scaled:.5g}",
            "",
            f"  the source's own predictions take {benefit.estimate:.4g} off the squared error "
            f"(95 % interval {benefit.low:.4g} to {benefit.high:.4g})",
        ]
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        odds = f"{self.weight:.0%} of the posterior weight is on transfer"
        if self.verdict == "scratch":
            return f"do not transfer: fit the target from scratch ({odds})"
        if np.isinf(self.transfer_optimal_tau):
            return f"transfer, but only scaled: multiply the source's coefficients by about {self.scale:.2g} ({odds})"
        mass = self.surface.mass
        if mass[SCALED] > mass[AS_IS] + mass.get(OWN_PENALTY, 0.0):
            return f"transfer, with the source's coefficients multiplied by about {self.scale:.2g} ({odds})"
        if self.direction == "unknown":
            return f"transfer ({odds})"
        if self.direction == "equal":
            return f"transfer, with the source at its own best penalty ({odds})"
        if not 0 < self.ratio < np.inf:
            return f"transfer, with the source at penalty {self.transfer_optimal_tau:.2g} ({odds})"
        factor = self.ratio if self.ratio > 1 else 1 / self.ratio
        how = "less" if self.direction == "softer" else "more"
        return f"transfer, with the source regularised {factor:.3g} times {how} than is best for itself ({odds})"


def advise(source: Any, target: Any, *, criterion: str = "evidence", groups: ArrayLike | None = None) -> Advice:
    """Say whether to transfer from a source to a target and how hard to regularise the source for it.

    ``source``: (X0, y0), (X0, y0, weights), or a fitted source as TransferRidge takes it: a Pipeline ending in a
    SourceRidge carries its preprocessor along. ``target``: (X1, y1) or (X1, y1, weights). Arrays are used as they
    are: ridge depends on the columns' units, so put both sides through one preprocessor, fitted on the source, first.
    ``groups`` (n1,) name what the target measured repeatedly: errors are then of whole groups left out, and the
    benefit's interval is over groups. Costs one decomposition a side. Raises ValueError as the estimators do.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> w = rng.normal(size=5)
    >>> X0, X1 = rng.normal(size=(300, 5)), rng.normal(size=(8, 5))
    >>> advice = advise((X0, X0 @ w + rng.normal(size=300)), (X1, X1 @ w + rng.normal(size=8)))
    >>> advice.verdict
    'transfer'
    """
    if isinstance(source, tuple):
        source = SourceRidge(criterion=criterion).fit(*source)
    if source is None:
        raise ValueError("source is None; give a fitted source or a pair of arrays (X0, y0)")
    model = TransferRidge(source, criterion=criterion)
    X, y, weight = (*target, None)[:3]
    crossing = model.fit_crossing(X, y, weight, groups)
    start, surface = crossing.source, model.surface_

    def alone(name: str) -> Choice:
        account = [account for account in accounts(start) if account.name == name]
        return best(crossing, survey(crossing, account, criterion=criterion), account)

    mass = surface.mass
    useful = mass[AS_IS] + mass.get(OWN_PENALTY, 0.0) > mass[SCRATCH]
    unscaled = alone(SCRATCH if not useful else OWN_PENALTY if start.spectrum else AS_IS)
    return Advice(
        source=Table(start.spectrum.n if start.spectrum else np.nan, start.n_features, start.n_outputs),
        target=Table(crossing.target.n, start.n_features, start.n_outputs),
        source_optimal_tau=start.known_tau,
        transfer_optimal_tau=unscaled.source_tau,
        target_tau=unscaled.target_tau,
        scale=alone(SCALED).scale,
        weight=surface.transfer_weight,
        errors=Errors(
            scratch=predicted_error(crossing, surface.only(SCRATCH)),
            source_optimal=predicted_error(crossing, surface.only(AS_IS)),
            chosen=predicted_error(crossing, surface),
            scaled=predicted_error(crossing, surface.only(SCALED)),
        ),
        benefit=_benefit(crossing),
        notes=tuple(_notes(crossing)),
        criterion=criterion,
        model=model,
        crossing=crossing,
        surface=surface,
    )


def predicted_error(crossing: Crossing, surface: Surface) -> float:
    """Leave-one-out mean squared error of the surface's average; inf where one row leaves nothing to learn from."""
    target = crossing.target
    if len(target.rows[0]) == 1:
        return np.inf
    residuals = averaged_loo_residuals(crossing, surface)
    return float(np.average((residuals**2).mean(axis=1), weights=target.rows[1]))


def _benefit(crossing: Crossing) -> Interval:
    """Mean over target rows of 2 y ŷ0 − ŷ0², both centred, with Student's interval over the rows, or over groups."""
    target = crossing.target
    left, weight, residual = target.rows
    known = np.array([crossing.source.known_tau]), np.ones(1)
    moved = target.u - crossing.shifted(*known)[:, :, 0]  # U'X1ŵ0 (r, q)
    root = np.sqrt(weight)[:, None]
    y, start = (left @ target.u + residual) / root, left @ moved / root
    each = (2 * y * start - start**2).mean(axis=1)
    n, groups = target.n, target.basis.groups
    mean = float(np.average(each, weights=weight))
    if groups is not None:
        units = float(len(groups))
        sums = [weight[rows] @ (each[rows] - mean) for rows in groups]
        deviation = np.sqrt(np.sum(np.square(sums)) * units / (units - 1)) / n
    elif n <= 1 or len(each) <= 2:  # centred, two rows mirror each other: they show no spread
        return Interval(mean, -np.inf, np.inf)
    else:
        units = n
        deviation = np.sqrt(np.average((each - mean) ** 2, weights=weight) / (n - 1))
    reach = float(stdtrit(units - 1, 0.975) * deviation)
    return Interval(mean, mean - reach, mean + reach)


def _notes(crossing: Crossing) -> Iterator[str]:
    target, source = crossing.target, crossing.source
    if target.basis.groups is not None:
        yield f"the predicted errors are of each of {len(target.basis.groups)} groups left out whole"
    if not target.u.any() and not target.remainder.any():
        yield "the target's outcome does not vary: there is nothing to learn, and the fit is its mean"
    if source.optimal_tau is not None and np.isinf(source.optimal_tau):
        yield "the source's outcome shows no dependence on its features: its best model is its mean"
    if source.spectrum is None:
        yield "only the source's coefficients are known, not its table: its penalty cannot be changed, only its scale"
