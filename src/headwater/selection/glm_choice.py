"""The choice for any family: every hypothesis weighed by its Laplace evidence, and the coefficients averaged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve
from scipy.special import logsumexp

from headwater.families.family import Family
from headwater.families.laplace import log_evidence, variance
from headwater.families.mode import Mode, find_mode
from headwater.selection.glm_hypotheses import Prior, Target
from headwater.selection.glm_source import GLMSource
from headwater.selection.hypotheses import AS_IS, OWN_LEVEL, RELATED, SAME, SCRATCH
from headwater.spectrum.rows import Array

_SLIGHT = 1e-6  # of the posterior weight, or of a variance: what adds nothing
_HERMITE = 32


@dataclass(frozen=True, eq=False)
class Weighed:
    """A hypothesis's modes at its nodes of τ1, and the log of prior mass times evidence of each (k,)."""

    prior: Prior
    modes: tuple[Mode, ...]
    log_weight: Array


@dataclass(frozen=True, eq=False)
class GLMChoice:
    """What the hypotheses make of a target together."""

    weighed: tuple[Weighed, ...]

    @property
    def weights(self) -> list[Array]:
        """The posterior weight of each node of each hypothesis; together they sum to 1."""
        total = logsumexp(np.concatenate([one.log_weight for one in self.weighed]))
        return [np.exp(one.log_weight - total) for one in self.weighed]

    @property
    def mass(self) -> dict[str, float]:
        """The posterior weight of each hypothesis."""
        return {one.prior.kind: float(weight.sum()) for one, weight in zip(self.weighed, self.weights, strict=True)}

    @property
    def best(self) -> tuple[Prior, float, Mode]:
        """The heaviest node: its hypothesis, τ1 and mode."""
        one = max(self.weighed, key=lambda one: float(one.log_weight.max()))
        node = int(np.argmax(one.log_weight))
        return one.prior, float(one.prior.target_tau[node]), one.modes[node]

    def coefficients(self) -> tuple[Array, float]:
        """Averaged coefficients (p,) and level at x = 0, moderated by what stays open of the rows' linear predictors.

        A plug-in of averaged log odds would be too bold, and one of averaged log rates too low.
        """
        parts = [
            one.prior.coefficients(np.array([mode.theta for mode in one.modes]), weight)
            for one, weight in zip(self.weighed, self.weights, strict=True)
        ]
        factor, shift = self.moderation
        return factor * np.sum([coef for coef, _ in parts], axis=0), factor * sum(level for _, level in parts) + shift

    @property
    def moderation(self) -> tuple[float, float]:
        """(a, b): the mean outcome over uncertain η is about that at aη + b, by least squares over the rows.

        Each row is given the same variance of η, within hypotheses and between them: the rows' mean.
        """
        pairs = [
            (share, mode)
            for one, weight in zip(self.weighed, self.weights, strict=True)
            for share, mode in zip(weight, one.modes, strict=True)
            if share > _SLIGHT
        ]
        mean = sum(share * mode.eta for share, mode in pairs)
        spread = sum(share * (variance(mode) + (mode.eta - mean) ** 2) for share, mode in pairs)
        outcomes = pairs[0][1].outcomes
        return moderate(
            outcomes.family, np.asarray(mean), outcomes.weight, float(outcomes.weight @ spread / outcomes.n)
        )


def moderate(family: Family, eta: Array, weight: Array, variance: float) -> tuple[float, float]:
    """The line (a, b) nearest to the link of the mean outcome over N(η, variance), for rows at η (n,)."""
    nodes, masses = hermite()
    with np.errstate(divide="ignore"):
        wanted = family.link(family.mean(eta[:, None] + np.sqrt(variance) * nodes) @ masses)
    wanted = np.where(np.isfinite(wanted), wanted, eta)  # so sure that its mean is rounded to a certainty
    share = weight / weight.sum()
    middle, other = share @ eta, share @ wanted
    square = share @ (eta - middle) ** 2
    factor = float(share @ ((eta - middle) * (wanted - other)) / square) if square > _SLIGHT else 1.0
    return factor, float(other - factor * middle)


def hermite() -> tuple[Array, Array]:
    """Nodes and masses of the mean over a standard Gaussian."""
    nodes, masses = np.polynomial.hermite_e.hermegauss(_HERMITE)
    return nodes, masses / masses.sum()


def hypotheses_of(
    target: Target, source: GLMSource | None, scale: bool | str = "auto", scratch: bool = True
) -> list[Prior]:
    """The hypotheses that apply, of even odds; ``scale`` as in TransferRidge, ``scratch`` whether it is asked about.

    A source whose own table says nothing takes no part; a target penalty that is fixed is not asked about as the same
    task, which has none.
    """
    found = [target.isotropic(SCRATCH, None, 1.0)]
    if source is None or source.silent:
        return found
    found = found if scratch else []
    if scale is False:
        return [*found, target.isotropic(AS_IS, source.coef, 1.0)]
    known, levels = source.posterior is not None, target.design.level
    same = scale == "auto" and target.tau is None
    if same and known:
        assert source.posterior is not None
        found += [target.same(source)] if levels and source.posterior.level is not None else []
        found.append(target.informed(OWN_LEVEL, source, 1.0, np.inf))
    elif same:
        if levels and source.intercept is not None:
            at_means = source.intercept + float(source.coef @ target.design.mean)
            found.append(target.isotropic(SAME, source.coef, 100.0, at_means))
        found.append(target.isotropic(OWN_LEVEL, source.coef, 100.0))
    related = target.informed(RELATED, source, 0.25, 3.0) if known else target.isotropic(RELATED, source.coef, 3.0)
    return [*found, related]


def weigh(priors: list[Prior]) -> GLMChoice:
    """Fit and weigh every hypothesis at every node, each fit started from its neighbour."""
    found = []
    for prior in priors:
        modes: list[Mode] = []
        theta: Array = np.zeros(prior.columns.shape[1])
        near: Array | None = None
        for precision in prior.precisions:
            mode = find_mode(prior.outcomes, prior.columns, precision, theta, near, 1e-12)
            modes.append(mode)
            theta, near = mode.theta, mode.gram
        evidence = np.array([log_evidence(mode) + _level_cost(prior, mode) for mode in modes])
        found.append(Weighed(prior, tuple(modes), evidence + prior.log_masses))
    return GLMChoice(tuple(found))


def _level_cost(prior: Prior, mode: Mode) -> float:
    """What makes a level of the target's own cost log(2/3): a prior of uniform shrinkage about its estimate.

    The wide prior that keeps it finite would charge for its width whatever the base rate.
    """
    if not prior.free or prior.kind == SAME:
        return 0.0
    unit = np.zeros(len(mode.theta))
    unit[0] = 1.0
    variance = float(cho_solve(mode.factor, unit, check_finite=False)[0])
    width = 0.5 * mode.precision[0] * mode.theta[0] ** 2 - 0.5 * np.log(mode.precision[0] * variance)
    return float(width + np.log(2 / 3))
