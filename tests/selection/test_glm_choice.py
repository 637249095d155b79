"""The hypotheses of other families: pooled fits where they must be, weights that are right, level and slope."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, logsumexp
from sklearn.linear_model import Ridge

from headwater.families.design import Design
from headwater.families.laplace import log_evidence
from headwater.families.mode import find_mode
from headwater.families.named import family_named
from headwater.families.outcomes import Outcomes
from headwater.families.path import Path
from headwater.selection.glm_choice import hypotheses_of, moderate, weigh
from headwater.selection.glm_hypotheses import Target
from headwater.selection.glm_source import GLMSource
from headwater.selection.hypotheses import OWN_LEVEL, RELATED, SAME, SCRATCH


def path_of(name, X, y):
    return Path(Outcomes(family_named(name), y, np.zeros(len(y)), np.ones(len(y))), Design.of(X, np.ones(len(y))))


def source_of(name, X, y, tau=None):
    path = path_of(name, X, y)
    tau = path.optimal_tau if tau is None else tau
    coef, level = path.coefficients(tau)
    return GLMSource(coef, level - float(path.design.mean @ coef), path, tau)


def drawn(name, shapes, seed=0, level=0.0):
    rng = np.random.default_rng(seed)
    w = 2 * rng.normal(size=shapes[0][1]) / np.sqrt(shapes[0][1])
    for index, shape in enumerate(shapes):
        X = rng.normal(size=shape) + 0.3 * index
        eta = X @ w + level * index
        y = {
            "gaussian": lambda eta=eta: eta + rng.normal(size=len(eta)),
            "binomial": lambda eta=eta: (rng.random(len(eta)) < 1 / (1 + np.exp(-eta))).astype(float),
            "poisson": lambda eta=eta: rng.poisson(np.exp(eta / 2)).astype(float),
        }[name]()
        yield X, y


def modes(target, source):
    return {one.prior.kind: one for one in weigh(hypotheses_of(target, source)).weighed}


def coefficients(one, node):
    """Those of one node."""
    thetas = np.array([mode.theta for mode in one.modes])
    return one.prior.coefficients(thetas, (np.arange(len(thetas)) == node).astype(float))


@pytest.mark.parametrize("shapes", [[(80, 6), (20, 6)], [(30, 50), (12, 50)], [(30, 12), (8, 12)]])
def test_of_gaussian_outcomes_the_same_task_is_ridge_on_both_tables(shapes):
    """With the target's rows about the source's means; its own level is an unpenalised dummy, but for 2.5²."""
    (X0, y0), (X1, y1) = drawn("gaussian", shapes)
    tau, count = 0.3, shapes[0][0]
    found = modes(Target(path_of("gaussian", X1, y1)), source_of("gaussian", X0, y0, tau))
    pooled = Ridge(alpha=count * tau, tol=1e-12).fit(np.r_[X0, X1], np.r_[y0, y1])
    coef, level = coefficients(found[SAME], 0)
    np.testing.assert_allclose(coef, pooled.coef_, atol=1e-8)
    assert level == pytest.approx(pooled.intercept_, abs=1e-8)
    parted = Ridge(alpha=count * tau, fit_intercept=False, tol=1e-12)
    parted.fit(np.r_[X0 - X0.mean(axis=0), X1 - X1.mean(axis=0)], np.r_[y0 - y0.mean(), y1 - y1.mean()])
    coef, _ = coefficients(found[OWN_LEVEL], 0)
    np.testing.assert_allclose(coef, parted.coef_, atol=1e-8)


@pytest.mark.parametrize("name", ["binomial", "poisson"])
def test_the_same_task_is_close_to_one_fit_on_both_tables(name):
    """To second order at the source's mode: nearer to the pooled fit than the source is by far."""
    (X0, y0), (X1, y1) = drawn(name, [(600, 5), (60, 5)])
    source = source_of(name, X0, y0)
    found = modes(Target(path_of(name, X1, y1)), source)
    coef, _ = coefficients(found[SAME], 0)
    pooled, _ = path_of(name, np.r_[X0, X1], np.r_[y0, y1]).coefficients(source.tau * 600 / 660)
    assert np.linalg.norm(coef - pooled) < 0.1 * np.linalg.norm(source.coef - pooled)


@pytest.mark.parametrize("shapes", [[(200, 6), (25, 6)], [(40, 60), (20, 60)]])
def test_related_in_its_axes_is_the_dense_prior(shapes):
    """The evidence and mode of w ~ N(αm, C/4 + I/(n1τ1)), α ~ N(½, ½²), written down with p×p matrices."""
    (X0, y0), (X1, y1) = drawn("binomial", shapes)
    source, path = source_of("binomial", X0, y0, 0.05), path_of("binomial", X1, y1)
    one = modes(Target(path), source)[RELATED]
    centred, m, node = path.design.centred, source.coef, 9
    spread = source.posterior.carry(None) / 4 + np.eye(len(m)) / (len(y1) * one.prior.target_tau[node])
    columns = np.column_stack([np.ones(len(y1)), centred @ m, centred @ np.linalg.cholesky(spread)])
    precision = np.r_[1 / 2.5**2, 4.0, np.ones(len(m))]
    shifted = path.outcomes.shift(path.outcomes.base + centred @ m / 2)
    dense = find_mode(shifted, columns, precision)
    assert log_evidence(one.modes[node]) == pytest.approx(log_evidence(dense), abs=1e-6)
    np.testing.assert_allclose(one.modes[node].eta, dense.eta, atol=1e-5)
    coef = (0.5 + dense.theta[1]) * m + np.linalg.cholesky(spread) @ dense.theta[2:]
    np.testing.assert_allclose(coefficients(one, node)[0], coef, atol=1e-5)


@pytest.mark.parametrize("name", ["binomial", "poisson"])
def test_the_average_is_that_of_the_modes_moderated(name):
    (X0, y0), (X1, y1) = drawn(name, [(200, 4), (25, 4)])
    choice = weigh(hypotheses_of(Target(path_of(name, X1, y1)), source_of(name, X0, y0)))
    factor, shift = choice.moderation
    logs = np.concatenate([one.log_weight for one in choice.weighed])
    each = [coefficients(one, node) for one in choice.weighed for node in range(len(one.modes))]
    weights = np.exp(logs - logsumexp(logs))
    coef, level = choice.coefficients()
    wanted = factor * sum(w * c for w, (c, _) in zip(weights, each, strict=True))
    np.testing.assert_allclose(coef, wanted, atol=1e-10)
    wanted = factor * sum(w * b for w, (_, b) in zip(weights, each, strict=True)) + shift
    assert level == pytest.approx(wanted, abs=1e-10)
    assert sum(choice.mass.values()) == pytest.approx(1)
    assert set(choice.mass) == {SCRATCH, SAME, OWN_LEVEL, RELATED}


def test_moderation_is_the_mean_over_an_uncertain_predictor():
    """Exact for counts; for odds within 1 % of the probability near ½ and at one in a hundred."""
    weight = np.ones(40)
    eta = np.linspace(-1, 1, 40)
    assert moderate(family_named("poisson"), eta, weight, 0.8) == pytest.approx((1.0, 0.4))
    assert moderate(family_named("gaussian"), eta, weight, 0.8) == pytest.approx((1.0, 0.0))
    draws = np.random.default_rng(0).normal(size=400_000) * np.sqrt(0.8)
    for at in (0.0, -4.6):
        factor, shift = moderate(family_named("binomial"), at + eta, weight, 0.8)
        assert 0 < factor < 1
        wanted = expit(at + draws).mean()  # to 3e-4 at one half
        assert expit(factor * at + shift) == pytest.approx(wanted, abs=0.01)
    assert moderate(family_named("binomial"), np.full(3, -4.6), np.ones(3), 0.8)[0] == 1.0


def test_evidence_knows_a_level_of_its_own_from_the_sources():
    for level, heavier, lighter in ((0.0, SAME, SCRATCH), (2.5, OWN_LEVEL, SAME)):
        (X0, y0), (X1, y1) = drawn("binomial", [(2000, 4), (100, 4)], level=level)
        mass = weigh(hypotheses_of(Target(path_of("binomial", X1, y1)), source_of("binomial", X0, y0))).mass
        assert mass[heavier] > 5 * mass[lighter]


def test_published_coefficients_and_fixed_penalties():
    (X0, y0), (X1, y1) = drawn("binomial", [(400, 4), (30, 4)])
    source = source_of("binomial", X0, y0)
    path = path_of("binomial", X1, y1)
    kinds = lambda *asked, **more: [one.kind for one in hypotheses_of(*asked, **more)]  # noqa: E731
    assert kinds(Target(path), None) == [SCRATCH]
    assert kinds(Target(path), replace(source, tau=np.inf)) == [SCRATCH]
    assert kinds(Target(path), GLMSource(source.coef, 0.1)) == [SCRATCH, SAME, OWN_LEVEL, RELATED]
    assert kinds(Target(path), GLMSource(source.coef, None)) == [SCRATCH, OWN_LEVEL, RELATED]
    assert kinds(Target(path, 0.1), source) == [SCRATCH, RELATED]
    assert kinds(Target(path), source, True, scratch=False) == [RELATED]
    assert all(len(one.precisions) == 1 for one in hypotheses_of(Target(path, 0.1), source))
    with pytest.raises(ValueError, match="only the source's coefficients are known"):
        GLMSource(source.coef, None).at(0.1)
