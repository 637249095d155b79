"""The general code against the closed forms, published values and limits."""

import math

import numpy as np
import pytest

from headwater import theory
from headwater.theory import Population, isotropic

REVERSAL = dict(
    zip(
        np.arange(5, 16) / 10,
        [3.17400, 2.40467, 1.87497, 1.49468, 1.21324, 1, 0.83530, 0.70595, 0.60286, 0.51957, 0.45144],
        strict=True,
    )
)
GRID = [
    (p, n, rho, noise)
    for p, n in [(100, 400), (100, 125), (100, 100), (100, 99), (100, 50), (100, 2)]
    for rho in (-0.5, 0.0, 0.3, 1.0, 1.6)
    for noise in (0.1, 1.0, 3.0)
]


@pytest.mark.parametrize(("rho", "ratio"), REVERSAL.items())
def test_reversal_at_gamma_two(rho, ratio):
    pop = Population.isotropic(500, 250, rho, 1.0, target_samples=50, target_noise=0.1)
    assert theory.source_optimal_tau(pop) == pytest.approx(2, abs=1e-12)
    for target_tau in (None, 0.1):
        assert theory.transfer_optimal_tau(pop, target_tau) / 2 == pytest.approx(ratio, abs=1e-5)
    assert isotropic.transfer_optimal_tau(rho, 2.0, 1.0) / 2 == pytest.approx(ratio, abs=1e-5)


def test_boundaries_below_and_above_interpolation():
    above = Population.isotropic(500, 250, 0.5, 1.0)
    below = Population.isotropic(500, 1000, 0.5, math.sqrt(0.2))
    assert theory.ridgeless_alignment(above) == pytest.approx(5.0, abs=1e-10)
    assert theory.ridgeless_alignment(below) == pytest.approx(1.4, abs=1e-10)
    assert theory.transfer_optimal_tau(below) / theory.source_optimal_tau(below) == pytest.approx(10.87646, abs=1e-4)
    assert theory.ridgeless_alignment(Population.isotropic(50, 50, 0.5, 1.0)) == math.inf
    assert theory.ridgeless_alignment(Population.isotropic(50, 50, 0.5, 0.0)) == pytest.approx(0.75)
    assert isotropic.ridgeless_alignment(1.0, 0.0) == 0.75


@pytest.mark.parametrize(("p", "n", "rho", "noise"), GRID)
def test_general_code_agrees_with_closed_forms(p, n, rho, noise):
    gamma, private, signal = p / n, 0.4, 1.7
    pop = Population.isotropic(p, n, rho, noise, target_samples=30, target_noise=0.5, signal=signal, private=private)
    taus = np.array([1e-3, 0.1, 1.0, 7.0, 1e3, np.inf])
    np.testing.assert_allclose(
        theory.source_risk(pop, taus), isotropic.source_risk(taus, gamma, noise, signal), rtol=1e-10
    )
    # With the target left alone (τ1 = ∞) the transfer risk is the distance itself.
    distance = isotropic.distance(taus, rho, gamma, noise, signal, private)
    np.testing.assert_allclose(theory.transfer_risk(pop, taus, np.inf), distance, rtol=1e-10)
    assert theory.source_optimal_tau(pop) == pytest.approx(gamma * noise**2 / signal**2, rel=1e-9)
    best = isotropic.transfer_optimal_tau(rho, gamma, noise, signal)
    assert theory.transfer_optimal_tau(pop, 0.3) == pytest.approx(best, rel=1e-8, abs=1e-12)
    assert theory.ridgeless_alignment(pop) == pytest.approx(
        isotropic.ridgeless_alignment(gamma, noise, signal), rel=1e-8
    )
    finite = taus[:-1]
    np.testing.assert_allclose(
        theory.optimal_alignment(pop, finite), isotropic.optimal_alignment(finite, gamma, noise, signal), rtol=1e-8
    )
    for tau in taus:
        assert theory.break_even_alignment(pop, tau) == pytest.approx(
            isotropic.break_even_alignment(tau, gamma, noise, signal), rel=1e-8, abs=1e-15
        )
    joint = theory.joint_optimum(pop)
    at_best = isotropic.distance(best, rho, gamma, noise, signal, private)
    assert joint.source_tau == pytest.approx(best, rel=1e-8, abs=1e-12)
    assert joint.target_tau == pytest.approx(isotropic.best_target_tau(at_best, p, 30, 0.5), rel=1e-8)


def test_phase_curve_passes_through_the_solved_optima():
    curve = isotropic.phase_curve(gamma=2.0, source_noise=1.0, points=200)
    np.testing.assert_allclose(isotropic.transfer_optimal_tau(curve.rho, 2.0, 1.0), curve.tau, rtol=1e-9)


def test_tiny_noise_near_interpolation_keeps_its_digits():
    for gamma in (1 - 1e-6, 1 + 1e-6):
        tau = float(isotropic.transfer_optimal_tau(1.0, gamma, 1e-8))
        assert tau == pytest.approx(gamma * 1e-16, rel=1e-6)
    for noise in (1e-3, 1e-6, 1e-9):
        pop = Population.isotropic(500, 250, 1.0, noise)
        assert theory.source_optimal_tau(pop) == pytest.approx(2 * noise**2, rel=1e-12)
        assert theory.transfer_optimal_tau(pop) == pytest.approx(2 * noise**2, rel=1e-12)


def test_huge_gamma():
    pop = Population.isotropic(100_000, 2, 0.5, 1.0)
    assert theory.source_optimal_tau(pop) == pytest.approx(50_000, rel=1e-12)
    best = float(isotropic.transfer_optimal_tau(0.5, 50_000.0, 1.0))
    assert theory.transfer_optimal_tau(pop) == pytest.approx(best, rel=1e-8)


def test_optimal_source_risk_is_one_minus_shrinkage():
    for gamma, noise in [(0.5, 0.4), (2.0, 1.0), (7.0, 0.2)]:
        tau = isotropic.source_optimal_tau(gamma, noise)
        assert isotropic.source_risk(tau, gamma, noise) == pytest.approx(1 - isotropic.shrinkage(tau, gamma))
        assert isotropic.penalty(isotropic.shrinkage(tau, gamma), gamma) == pytest.approx(tau)


def test_noiseless_source_wants_no_penalty():
    pop = Population.isotropic(100, 50, 1.2, 0.0)
    assert theory.source_optimal_tau(pop) == 0
    assert theory.transfer_optimal_tau(pop) == 0
    assert theory.ridgeless_alignment(pop) == pytest.approx(1)


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_interpolation_peak_is_infinite_with_noise_and_finite_without(noise):
    pop = Population.isotropic(60, 60, 0.8, noise, target_samples=40, target_noise=0.3)
    expected = math.inf if noise else 0.0
    assert theory.source_risk(pop, 0.0) == expected
    assert theory.transfer_risk(pop, 0.0, 1.0) == math.inf if noise else math.isfinite(theory.transfer_risk(pop, 0, 1))
    assert theory.transfer_gain(pop, 0.0, 1.0) == -math.inf if noise else theory.transfer_gain(pop, 0, 1) > 0
    assert not math.isnan(theory.transfer_gain(pop, 0.0))


def test_target_peak_and_full_rank_target():
    peak = Population.isotropic(60, 30, 0.8, 1.0, target_samples=60, target_noise=0.3)
    assert theory.scratch_risk(peak, 0.0) == math.inf
    assert theory.transfer_gain(peak, 1.0, 0.0) == 0
    full = Population.isotropic(60, 60, 0.8, 1.0, target_samples=120, target_noise=0.3)
    assert theory.transfer_risk(full, 0.0, 0.0) == theory.scratch_risk(full, 0.0) == pytest.approx(0.09)
    assert theory.transfer_optimal_tau(full, 0.0) == pytest.approx(theory.transfer_optimal_tau(full, 1.0), rel=1e-9)


def test_infinite_penalties_are_scratch_and_no_fit():
    pop = Population.power_law(1.0, 50, 25, 0.6, 0.5, target_samples=30, private=0.2)
    taus = np.array([0.0, 0.1, np.inf])
    np.testing.assert_allclose(theory.transfer_risk(pop, np.inf, taus), theory.scratch_risk(pop, taus), rtol=1e-13)
    assert np.all(theory.transfer_gain(pop, np.inf, taus) == 0)
    energy = np.asarray(pop.target_covariance) @ np.asarray(pop.target_energy)
    assert theory.scratch_risk(pop, np.inf) == pytest.approx(energy)


def test_scalars_give_floats_and_arrays_broadcast():
    pop = Population.isotropic(40, 20, 0.6, 0.5)
    for value in (theory.source_risk(pop, 1), theory.scratch_risk(pop, 1), theory.transfer_risk(pop, 1, 2)):
        assert type(value) is float
    grid = theory.transfer_risk(pop, np.ones((3, 1)), [0.1, 1.0])
    assert grid.shape == (3, 2)
    assert theory.transfer_gain(pop, np.ones((3, 2))).shape == (3, 2)
    assert type(theory.transfer_gain(pop, 1.0)) is float
