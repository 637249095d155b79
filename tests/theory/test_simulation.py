"""Deterministic equivalents against Monte Carlo, and the simulation's own promises."""

import numpy as np
import pytest

from headwater import theory
from headwater.theory import Population

P = 120


def dense(seed, power):
    basis = np.linalg.qr(np.random.default_rng(seed).standard_normal((P, P)))[0]
    return basis * (np.arange(1, P + 1.0) ** -power) @ basis.T * 5


def unit(seed, size=P):
    vector = np.random.default_rng(seed).standard_normal(size)
    return vector / np.linalg.norm(vector)


POPULATIONS = {
    "isotropic": Population.isotropic(P, 60, 0.5, 1.0, target_samples=40, target_noise=0.5),
    "power law": Population.power_law(1.0, P, 60, 0.7, 0.5, target_samples=40, target_noise=0.5),
    "non-commuting": Population.from_matrices(
        dense(1, 0.5), dense(2, 1.0), unit(3), 0.7 * unit(3),
        source_samples=80, target_samples=50, source_noise=0.7, target_noise=0.4,
    ),
    "not parallel": Population.from_matrices(
        dense(1, 0.5), dense(1, 0.5), unit(3), 0.8 * unit(3) + 0.6 * unit(4),
        source_samples=90, target_samples=60, source_noise=0.6, target_noise=0.6,
    ),
    "fewer features than samples": Population(
        np.arange(1, 61) / 30, source_weights=unit(5, 60), target_weights=1.2 * unit(5, 60) + 0.3 * unit(6, 60),
        source_samples=150, target_samples=100, source_noise=0.5, target_noise=0.5,
    ),
}  # fmt: skip
PENALTIES = ((0.05, 0.05), (0.3, 0.3), (2.0, 0.1), (0.3, 1.0))


@pytest.mark.parametrize("name", POPULATIONS)
def test_theory_agrees_with_monte_carlo(name):
    pop = POPULATIONS[name]
    source, target = (np.array(side) for side in zip(*PENALTIES, strict=True))
    result = theory.simulate(pop, source, target, draws=200, seed=7)
    pairs = np.arange(len(PENALTIES))
    for simulated, error, expected in (
        (result.source_risk, result.source_risk_error, theory.source_risk(pop, source)),
        (result.scratch_risk, result.scratch_risk_error, theory.scratch_risk(pop, target)),
        (
            result.transfer_risk[pairs, pairs],
            result.transfer_risk_error[pairs, pairs],
            theory.transfer_risk(pop, source, target),
        ),
    ):
        assert np.all(np.abs(simulated - expected) < 3 * error + 0.02 * expected)
    scale = theory.scratch_risk(pop, target)
    gain = theory.transfer_gain(pop, source, target)
    assert np.all(np.abs(result.gain - gain)[pairs, pairs] < 3 * result.gain_error[pairs, pairs] + 0.02 * scale)


@pytest.mark.parametrize("name", ["isotropic", "non-commuting"])
def test_simulated_fits_solve_the_ridge_problems(name):
    """The grid of risks from one decomposition equals fits from the normal equations on the same draws."""
    pop = POPULATIONS[name]
    taus = np.array([0.1, 1.0])
    result = theory.simulate(pop, taus, [0.2, np.inf], draws=1, seed=3)
    axes, generator = pop.axes, np.random.default_rng(np.random.SeedSequence(3).spawn(1)[0])
    from headwater.theory.simulation import _coefficients

    true, other = _coefficients(pop, generator)
    n0, n1 = int(pop.source_samples), int(pop.target_samples)
    design0 = generator.standard_normal((n0, P)) * np.sqrt(axes.source_eigenvalues)
    y0 = design0 @ true + pop.source_noise * generator.standard_normal(n0)
    design1 = generator.standard_normal((n1, P)) * np.sqrt(axes.target_eigenvalues)
    y1 = design1 @ other + pop.target_noise * generator.standard_normal(n1)
    for i, tau in enumerate(taus):
        fit = np.linalg.solve(design0.T @ design0 / n0 + tau * np.eye(P), design0.T @ y0 / n0)
        assert result.source_risks[0, i] == pytest.approx(axes.source_eigenvalues @ (fit - true) ** 2)
        start = axes.rotate(fit)
        step = np.linalg.solve(design1.T @ design1 / n1 + 0.2 * np.eye(P), design1.T @ (y1 - design1 @ start) / n1)
        assert result.transfer_risks[0, i, 0] == pytest.approx(axes.target_eigenvalues @ (start + step - other) ** 2)
        assert result.transfer_risks[0, i, 1] == pytest.approx(axes.target_eigenvalues @ (start - other) ** 2)
    assert result.scratch_risks[0, 1] == pytest.approx(axes.target_eigenvalues @ other**2)


def test_simulation_depends_on_the_seed_alone():
    pop = Population.isotropic(30, 20, 0.5, 1.0)
    first, second, other = (
        theory.simulate(pop, [0.1, 1.0], [0.1], draws=6, seed=seed, workers=workers)
        for seed, workers in ((1, 1), (1, 3), (2, 1))
    )
    np.testing.assert_array_equal(first.transfer_risks, second.transfer_risks)
    assert not np.array_equal(first.transfer_risks, other.transfer_risks)


def test_scratch_is_the_infinite_source_penalty():
    pop = Population.power_law(1.0, 30, 20, 0.5, 1.0, target_samples=10)
    result = theory.simulate(pop, [np.inf, 0.0], [0.0, 0.1, np.inf], draws=4)
    np.testing.assert_allclose(result.transfer_risks[:, 0], result.scratch_risks)
    np.testing.assert_allclose(result.gain[0], 0, atol=1e-12)
    assert np.isfinite(result.transfer_risks).all()
    assert "4 draws" in repr(result)


def test_energies_with_covariances_that_do_not_commute_are_simulated_as_stated():
    pop = Population.random_effects(
        dense(1, 0.5), dense(2, 1.0), rho=0.6, source_samples=80, source_noise=0.7,
        target_samples=50, target_noise=0.4, private=0.5,
    )  # fmt: skip
    result = theory.simulate(pop, 0.5, 0.2, draws=200, seed=4)
    expected = theory.transfer_risk(pop, 0.5, 0.2)
    assert abs(result.transfer_risk - expected) < 3 * result.transfer_risk_error + 0.02 * expected
