"""The laws of transfer, each as a property, and the two-number law against exact linear algebra and Monte Carlo."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from headwater import theory
from headwater.theory import Population

alignments = st.floats(0.02, 3.0)
sizes = st.integers(5, 400)
noises = st.floats(0.05, 5.0)
quick = settings(max_examples=20, deadline=None)


@quick
@given(sizes, noises)
def test_equal_optima_exactly_at_alignment_one(samples, noise):
    pop = Population.isotropic(100, samples, 1.0, noise)
    assert theory.transfer_optimal_tau(pop) == pytest.approx(theory.source_optimal_tau(pop), rel=1e-10)


@quick
@given(sizes, noises, alignments)
def test_reversal(samples, noise, rho):
    pop = Population.isotropic(100, samples, rho, noise)
    best, own = theory.transfer_optimal_tau(pop), theory.source_optimal_tau(pop)
    if abs(rho - 1) > 1e-6:
        assert (best > own) == (rho < 1)
    assert theory.transfer_gain(pop, best, 1.0) > 0
    if best > 0:
        assert theory.optimal_alignment(pop, best) == pytest.approx(rho, rel=1e-6)
    else:
        assert rho >= theory.ridgeless_alignment(pop) * (1 - 1e-9)


@quick
@given(sizes, noises, st.floats(-2.0, 0.0))
@example(50, 1.0, -3e-159)
def test_unaligned_targets_train_from_scratch(samples, noise, rho):
    pop = Population.isotropic(100, samples, rho, noise)
    assert theory.transfer_optimal_tau(pop) == math.inf
    assert theory.transfer_gain(pop, 1.0, 0.5) < 0
    assert theory.joint_optimum(pop).gain == 0


@quick
@given(alignments, st.floats(1, 1000), st.floats(0.0, 5.0), st.floats(1e-3, 1e3))
def test_isotropic_decision_ignores_the_target(rho, target_samples, target_noise, target_tau):
    reference = theory.transfer_optimal_tau(Population.isotropic(100, 60, rho, 1.0), 1.0)
    pop = Population.isotropic(100, 60, rho, 1.0, target_samples=target_samples, target_noise=target_noise)
    for tau in (target_tau, None):
        assert theory.transfer_optimal_tau(pop, tau) == pytest.approx(reference, rel=1e-6)
        assert theory.break_even_alignment(pop, target_tau=tau) == pytest.approx(0.5, rel=1e-6)


@settings(max_examples=8, deadline=None)
@given(sizes, noises, st.floats(0.02, 2.0), st.sampled_from([-1.0, 1.0]))
def test_a_free_scale_brings_back_the_source_optimum(samples, noise, rho, sign):
    pop = Population.isotropic(100, samples, sign * rho, noise)
    for target_tau in (0.3, None):
        best = theory.scaled_optimum(pop, target_tau)
        assert best.source_tau == pytest.approx(theory.source_optimal_tau(pop), rel=1e-6)
        assert best.scale == pytest.approx(sign * rho, rel=1e-6)


def dense(seed, p, power):
    """A covariance with a power-law spectrum in a random basis."""
    basis = np.linalg.qr(np.random.default_rng(seed).standard_normal((p, p)))[0]
    return basis * (np.arange(1, p + 1.0) ** -power) @ basis.T * 4


@pytest.mark.parametrize("rho", [-0.4, 0.3, 0.5, 0.8, 1.0, 1.4])
@pytest.mark.parametrize("private", [0.0, 0.7])
def test_two_number_law_for_covariances_that_do_not_commute(rho, private):
    pop = Population.random_effects(
        dense(1, 40, 0.7), dense(2, 40, 1.2), rho=rho, source_samples=25, source_noise=0.8,
        target_samples=15, target_noise=0.4, private=private,
    )  # fmt: skip
    own = theory.source_optimal_tau(pop)
    assert own == pytest.approx(0.8**2 / (25 / 40), rel=1e-12)
    for target_tau in (0.0, 0.2, np.inf):
        information = theory.source_information(pop, target_tau)
        assert theory.transfer_gain(pop, own, target_tau) == pytest.approx((2 * rho - 1) * information, rel=1e-9)
        scaled = theory.scaled_optimum(pop, target_tau)
        assert scaled.source_tau == pytest.approx(own, rel=1e-6)
        assert scaled.gain == pytest.approx(rho**2 * information, rel=1e-8)
        assert theory.break_even_alignment(pop, target_tau=target_tau) == pytest.approx(0.5, rel=1e-9)
        unscaled = theory.transfer_gain(pop, theory.transfer_optimal_tau(pop, target_tau), target_tau)
        assert unscaled <= scaled.gain * (1 + 1e-9)
        if rho > 0:
            best = theory.transfer_optimal_tau(pop, target_tau)
            assert best == pytest.approx(own, rel=1e-6) if rho == 1 else (best > own) == (rho < 1)


def fixed_designs(seed=5, p=40, source_rows=25, target_rows=15, target_tau=0.3):
    """One pair of designs of any kind, and the metric M of the target on them."""
    generator = np.random.default_rng(seed)
    source = generator.standard_normal((source_rows, p)) @ np.linalg.cholesky(dense(1, p, 0.7))
    spectrum = np.arange(1, p + 1.0) ** -1.0 * 5
    target = generator.standard_normal((target_rows, p)) * np.sqrt(spectrum)
    shrink = target_tau * np.linalg.inv(target.T @ target / target_rows + target_tau * np.eye(p))
    return source, target, shrink @ np.diag(spectrum) @ shrink


def test_two_number_law_on_fixed_designs_by_linear_algebra():
    """Exact expectations over random coefficients and noise; no equivalents, no sampling."""
    source, _, metric = fixed_designs()
    (rows, p), variance, noise = source.shape, 0.3, 0.9
    covariance = source.T @ source / rows
    own = noise**2 / (rows * variance)

    def moments(tau):
        hat = np.linalg.solve(covariance + tau * np.eye(p), covariance)
        fluctuation = np.linalg.inv(covariance + tau * np.eye(p))
        second = variance * hat @ hat.T + noise**2 / rows * fluctuation @ covariance @ fluctuation
        return variance * np.trace(metric @ hat), np.trace(metric @ second)

    cross, square = moments(own)
    assert cross == pytest.approx(square, rel=1e-12)  # both are Q
    for rho in (-0.4, 0.3, 0.8, 1.4):
        assert 2 * rho * cross - square == pytest.approx((2 * rho - 1) * square, rel=1e-12)

        def lost(log_tau, rho=rho):
            with_w0, own_square = moments(math.exp(log_tau))
            return -((rho * with_w0) ** 2) / own_square

        best = minimize_scalar(lost, bounds=(math.log(own) - 5, math.log(own) + 5), method="bounded")
        assert math.exp(best.x) == pytest.approx(own, rel=1e-3)
        assert -best.fun == pytest.approx(rho**2 * square, rel=1e-9)


def test_two_number_law_on_fixed_designs_by_sampling():
    source, _, metric = fixed_designs()
    (rows, p), variance, noise, draws = source.shape, 0.3, 0.9, 40_000
    generator = np.random.default_rng(11)
    covariance, own = source.T @ source / rows, noise**2 / (rows * variance)
    weights = math.sqrt(variance) * generator.standard_normal((draws, p))
    responses = weights @ source.T + noise * generator.standard_normal((draws, rows))
    fitted = np.linalg.solve(covariance + own * np.eye(p), source.T @ responses.T / rows).T
    information = variance * np.trace(metric @ np.linalg.solve(covariance + own * np.eye(p), covariance))
    for rho in (-0.4, 0.5, 1.4):
        target = rho * weights + 0.5 * generator.standard_normal((draws, p))
        scratch = np.einsum("ij,jk,ik->i", target, metric, target)
        for scale, expected in ((1.0, 2 * rho - 1), (rho, rho**2)):
            error = scale * fitted - target
            gain = scratch - np.einsum("ij,jk,ik->i", error, metric, error)
            standard_error = gain.std(ddof=1) / math.sqrt(draws)
            assert abs(gain.mean() - expected * information) < 4 * standard_error


def test_laws_are_only_approximate_where_energy_follows_the_spectrum():
    pop = Population.power_law(1.0, 200, 100, 1.0, 1.0, target_samples=50, energy_alpha=1.0)
    own, best = theory.source_optimal_tau(pop), theory.transfer_optimal_tau(pop, 0.1)
    assert not math.isclose(own, best, rel_tol=1e-3)
    assert not math.isclose(theory.break_even_alignment(pop, target_tau=0.1), 0.5, rel_tol=1e-3)
    assert theory.scaled_optimum(pop, 0.1).source_tau > 1.5 * own


def test_several_targets_share_the_weighted_alignment():
    """Isotropic, τ1 fixed: the optimum of the alignment averaged with weights π_k m_k."""
    pops = [
        Population.isotropic(100, 50, 0.4, 1.0, target_samples=30, target_noise=0.2),
        Population.isotropic(100, 50, 1.1, 1.0, target_samples=200, target_noise=1.0),
    ]
    metrics = []
    for pop in pops:
        gamma = 100 / pop.target_samples
        s = theory.isotropic.shrinkage(0.5, gamma)
        metrics.append((1 - s) ** 2 / (1 - gamma * s**2))
    shares = np.array([0.3, 0.7]) * metrics
    rho = float(shares @ [0.4, 1.1] / shares.sum())
    best = theory.multi_target(pops, [3, 7], target_tau=0.5)
    assert best.mean_tau == pytest.approx(theory.isotropic.transfer_optimal_tau(rho, 2.0, 1.0), rel=1e-8)
    taus = np.geomspace(1e-2, 1e3, 400)
    risks = np.array([theory.transfer_risk(pop, taus, 0.5) for pop in pops])
    assert best.mean_risk <= (np.array([0.3, 0.7]) @ risks).min() * (1 + 1e-12)
    assert best.worst_risk <= risks.max(axis=0).min() * (1 + 1e-9)
    assert best.worst_risk == pytest.approx(max(best.worst_risks))


def test_one_target_alone_is_its_own_optimum():
    pop = Population.power_law(1.0, 60, 30, 0.6, 0.7, target_samples=20)
    best = theory.multi_target([pop])
    assert best.mean_tau == pytest.approx(theory.transfer_optimal_tau(pop), rel=1e-12)
    assert best.worst_risk == pytest.approx(best.mean_risk, rel=1e-9)
    assert theory.multi_target([pop.realigned(-1.0)]).mean_tau == math.inf
    assert theory.multi_target([pop.realigned(-1.0)]).worst_tau == math.inf
