"""Families by their derivatives, modes by their gradient, evidence by quadrature, leaving out by refitting."""

from __future__ import annotations

import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp

from headwater.families.design import Design
from headwater.families.laplace import left_out, log_evidence, log_evidence_slope, pearson
from headwater.families.mode import find_mode
from headwater.families.named import FAMILIES, family_named
from headwater.families.outcomes import Outcomes
from headwater.families.path import Path
from headwater.families.posterior import Posterior
from headwater.spectrum.spectrum import Spectrum

NAMES = list(FAMILIES)


def outcomes_of(name, eta, rng, weight=None, offset=None):
    """Outcomes drawn at linear predictors."""
    offset = np.zeros(len(eta)) if offset is None else offset
    mean = family_named(name).mean(eta + offset)
    drawn = {
        "gaussian": lambda: mean + rng.normal(size=len(mean)),
        "binomial": lambda: (rng.random(len(mean)) < mean).astype(float),
        "poisson": lambda: rng.poisson(mean).astype(float),
    }[name]()
    return Outcomes(family_named(name), drawn, offset, np.ones(len(eta)) if weight is None else weight)


def table(name, n, p, seed=0, size=1.0, **more):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) + 0.5
    return X, outcomes_of(name, X @ (size * rng.normal(size=p) / np.sqrt(p)), rng, **more)


def path_of(name, n, p, **more):
    X, outcomes = table(name, n, p, **more)
    return Path(outcomes, Design.of(X, outcomes.weight))


@pytest.mark.parametrize("name", NAMES)
@given(eta=st.floats(-6, 6), y=st.sampled_from([0.0, 1.0]))
@settings(max_examples=25, deadline=None)
def test_each_derivative_is_that_of_the_one_before(name, eta, y):
    family, step = family_named(name), 1e-5
    chain = (lambda *at: -family.half_deviance(*at), family.slope, family.curvature, family.skew)
    for sign, (one, next_one) in zip((1, -1, 1), pairwise(chain), strict=True):
        up, down = (one(np.array([y]), np.array([eta + way])) for way in (step, -step))
        np.testing.assert_allclose((up - down) / (2 * step), sign * next_one(np.array([y]), np.array([eta])), atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_the_deviance_is_zero_at_the_outcome_and_the_mean_undoes_the_link(name):
    family = family_named(name)
    mu = np.array([0.1, 0.5, 0.9])
    np.testing.assert_allclose(family.half_deviance(mu, family.link(mu)), 0, atol=1e-12)
    np.testing.assert_allclose(family.mean(family.link(mu)), mu)
    assert np.isfinite(family.base(np.zeros(3), np.zeros(3), np.ones(3)))
    assert pickle.loads(pickle.dumps(family)) == family


def test_a_family_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="family must be one of 'gaussian', 'binomial', 'poisson', got 'gamma'"):
        family_named("gamma")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(60, 5), (12, 40)])
@pytest.mark.parametrize("tau", [1e-3, 0.3, 20.0])
def test_the_gradient_of_the_objective_is_zero(name, shape, tau):
    rng = np.random.default_rng(3)
    n, p = shape
    path = path_of(name, n, p, weight=rng.uniform(0.5, 2, n), offset=rng.normal(size=n) / 3)
    coef, level = path.coefficients(tau)
    outcomes = path.outcomes
    slope = outcomes.slope(outcomes.offset + level + path.design.centred @ coef)
    np.testing.assert_allclose(path.design.centred.T @ slope / outcomes.n, tau * coef, atol=1e-9)
    assert slope.sum() == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize("shape", [(40, 5), (12, 40)])
def test_the_gaussian_path_is_ridge(shape):
    path = path_of("gaussian", *shape)
    spectrum = Spectrum.from_rows(path.design.centred + path.design.mean, path.outcomes.y)
    for tau in (1e-3, 1.0, 30.0, np.inf):
        np.testing.assert_allclose(path.coefficients(tau)[0], spectrum.coefficients(tau), atol=1e-10)


def test_fits_do_not_depend_on_where_they_start():
    path, taus = path_of("binomial", 80, 6), np.logspace(-4, 2, 9)
    warm = {tau: mode.theta for tau, mode in path.trace(taus)}
    for tau in taus:
        fresh = Path(path.outcomes, path.design)
        np.testing.assert_allclose(fresh.mode(tau).theta, warm[tau], atol=1e-10)


def test_separable_rows_are_held_by_the_penalty_and_refused_without_one():
    X = np.linspace(-1, 1, 8)[:, None]
    parted = Outcomes(family_named("binomial"), (X[:, 0] > 0).astype(float), np.zeros(8), np.ones(8))
    path = Path(parted, Design.of(X, np.ones(8)))
    assert abs(path.coefficients(1e-6)[0][0]) < 1e3
    with pytest.raises(ValueError, match="without bound: give a larger penalty"):
        path.coefficients(0.0)


def quadrature(outcomes, columns, precision, mode):
    """log ∫ by a grid of 8 standard deviations about the mode, half of one apart: to 1e-4."""
    half = np.linalg.cholesky(np.linalg.inv(mode.gram + np.diag(precision)))
    line = np.arange(-8, 8.01, 0.5)
    nodes = np.stack(np.meshgrid(*[line] * len(precision), indexing="ij"), -1).reshape(-1, len(precision))
    theta = mode.theta + nodes @ half.T
    eta = outcomes.offset + theta @ columns.T
    logs = -outcomes.family.half_deviance(outcomes.y, eta) @ outcomes.weight
    logs += 0.5 * np.log(precision / (2 * np.pi)).sum() - 0.5 * theta**2 @ precision
    return logsumexp(logs) + np.log((line[1] - line[0]) ** len(precision) * np.abs(np.linalg.det(half)))


@pytest.mark.parametrize("name", ["binomial", "poisson"])
@pytest.mark.parametrize("p", [1, 2])
def test_laplace_evidence_against_quadrature(name, p):
    """Within ½(p+1)²/n, and falling as 1/n: the level integrated too, its prior N(base rate, 2.5²)."""
    errors = {}
    for n in (10, 40, 160):
        X, outcomes = table(name, n, p, seed=n + p)
        columns = np.column_stack([np.ones(n), X - X.mean(axis=0)])
        precision = np.r_[1 / 2.5**2, np.full(p, n * 0.1)]
        outcomes = outcomes.shift(outcomes.base)
        mode = find_mode(outcomes, columns, precision)
        errors[n] = abs(log_evidence(mode) - quadrature(outcomes, columns, precision, mode))
        assert errors[n] <= 0.5 * (p + 1) ** 2 / n
    assert errors[160] < errors[10] / 4


@pytest.mark.parametrize("name", ["binomial", "poisson"])
@pytest.mark.parametrize("shape", [(60, 4), (15, 30)])
def test_the_evidences_slope_is_its_derivative(name, shape):
    path = path_of(name, *shape)
    scaled = np.arange(len(path.mode(1.0).theta)) > 0
    for log in (-3.0, 0.0, 2.0):
        up, down = (log_evidence(path.mode(np.exp(log + way))) for way in (1e-4, -1e-4))
        assert log_evidence_slope(path.mode(np.exp(log)), scaled) == pytest.approx((up - down) / 2e-4, abs=1e-5)


def test_the_best_penalty_is_where_the_slope_is_zero_and_nothing_is_said_of_noise():
    path = path_of("binomial", 200, 5)
    at = np.log(path.optimal_tau / path.unit)
    assert path.slope(at) == pytest.approx(0, abs=1e-8)
    noise = outcomes_of("binomial", np.zeros(200), np.random.default_rng(1))
    noise = Path(noise, Design.of(np.zeros((200, 2)), np.ones(200)))
    assert np.isinf(noise.optimal_tau)


@pytest.mark.parametrize("name", ["binomial", "poisson"])
@pytest.mark.parametrize("shape", [(60, 4), (40, 60)])
def test_left_out_deviance_against_refitting(name, shape):
    path, tau = path_of(name, *shape), 0.1
    outcomes, X = path.outcomes, path.design.centred
    family = outcomes.family
    found = family.half_deviance(outcomes.y, left_out(path.mode(tau))).mean()
    refitted = []
    for row in range(len(X)):
        kept = np.arange(len(X)) != row
        part = Outcomes(family, outcomes.y[kept], outcomes.offset[kept], outcomes.weight[kept])
        # Its alpha stays that of all rows: nτ is fixed, as the formula's is.
        fit = Path(part, Design.of(X[kept], part.weight))
        coef, level = fit.coefficients(tau * len(X) / (len(X) - 1))
        refitted.append(family.half_deviance(outcomes.y[row], level + (X[row] - fit.design.mean) @ coef))
    assert found == pytest.approx(np.mean(refitted), rel=0.02)


@pytest.mark.parametrize("shape", [(200, 4), (20, 40)])
def test_the_posterior_is_the_inverse_hessian(shape):
    path, tau = path_of("binomial", *shape), 0.05
    posterior, mode = Posterior.of(path, tau), path.mode(tau)
    X = path.design.centred + path.design.mean
    whole = np.column_stack([np.ones(len(X)), X - posterior.mean])
    hessian = whole.T @ (mode.curvature[:, None] * whole)
    hessian += np.diag(np.r_[0, np.full(X.shape[1], path.outcomes.n * tau)])
    inverse = np.linalg.inv(hessian)
    np.testing.assert_allclose(posterior.carry(None), inverse[1:, 1:], atol=1e-10)
    assert posterior.level_variance == pytest.approx(inverse[0, 0])
    assert np.abs(inverse[0, 1:]).max() < 1e-9  # the level at these means is independent
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(X.shape[1], 3)))[0]
    np.testing.assert_allclose(posterior.carry(basis), inverse[1:, 1:] @ basis, atol=1e-10)


def test_the_dispersion_of_counts_that_vary_more():
    """Negative binomial rows of variance 4μ have a dispersion of 4, Poisson rows of 1: at 2,000 rows within 15 %."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 3))
    mean = np.exp(1 + X @ [0.3, -0.2, 0.1])
    for wanted, y in ((4.0, rng.poisson(rng.gamma(mean / 3, 3))), (1.0, rng.poisson(mean))):
        outcomes = Outcomes(family_named("poisson"), y.astype(float), np.zeros(2000), np.ones(2000))
        path = Path(outcomes, Design.of(X, outcomes.weight))
        assert path.dispersed.outcomes.dispersion == pytest.approx(wanted, rel=0.15)
        np.testing.assert_allclose(path.dispersed.coefficients(0.1)[0], path.coefficients(0.1)[0], atol=1e-9)
    assert pearson(path_of("binomial", 2000, 2).mode(0.01)) == pytest.approx(1, abs=0.1)
