"""Populations: what they compute, what changes nothing, what they refuse."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater import theory
from headwater.theory import Population

P = 12
NUMBERS = {"source_samples": 8, "target_samples": 9, "source_noise": 0.5, "target_noise": 0.3}
quick = settings(max_examples=8, deadline=None)


def covariance(generator, size=P):
    factor = generator.standard_normal((size, size + 3))
    return factor @ factor.T / size


def random_population(seed):
    generator = np.random.default_rng(seed)
    weights = generator.standard_normal((2, P))
    return (covariance(generator), covariance(generator), weights[0], weights[0] * 0.6 + 0.5 * weights[1])


def answers(pop):
    taus = np.array([0.0, 0.2, 3.0, np.inf])
    return np.concatenate(
        [
            theory.source_risk(pop, taus),
            theory.transfer_risk(pop, taus[:, None], taus).ravel(),
            [theory.source_optimal_tau(pop), theory.transfer_optimal_tau(pop, 0.2), theory.break_even_alignment(pop)],
        ]
    )


@quick
@given(st.integers(0, 10**6))
def test_rotating_everything_together_changes_nothing(seed):
    source, target, w0, w1 = random_population(seed)
    turn = np.linalg.qr(np.random.default_rng(seed + 1).standard_normal((P, P)))[0]
    plain = Population.from_matrices(source, target, w0, w1, **NUMBERS)
    turned = Population.from_matrices(turn @ source @ turn.T, turn @ target @ turn.T, turn @ w0, turn @ w1, **NUMBERS)
    np.testing.assert_allclose(answers(turned), answers(plain), rtol=1e-6)
    assert turned.rho == pytest.approx(plain.rho)


@quick
@given(st.integers(0, 10**6), st.floats(1e-3, 1e3))
def test_scaling_coefficients_and_noise_scales_risks(seed, factor):
    source, target, w0, w1 = random_population(seed)
    plain = Population.from_matrices(source, target, w0, w1, **NUMBERS)
    noises = {"source_noise": 0.5 * factor, "target_noise": 0.3 * factor}
    scaled = Population.from_matrices(source, target, factor * w0, factor * w1, **{**NUMBERS, **noises})
    np.testing.assert_allclose(
        theory.transfer_risk(scaled, [0.1, 1.0], 0.3), factor**2 * theory.transfer_risk(plain, [0.1, 1.0], 0.3)
    )
    best = [theory.transfer_optimal_tau(pop) for pop in (scaled, plain)]
    assert best[0] == pytest.approx(best[1], rel=1e-6)


@quick
@given(st.integers(0, 10**6), st.floats(1e-3, 1e3))
def test_scaling_the_source_covariance_scales_its_penalty(seed, factor):
    _, _, w0, w1 = random_population(seed)
    spectrum = np.random.default_rng(seed).uniform(0.1, 3, P)
    plain = Population(spectrum, source_weights=w0, target_weights=w1, **NUMBERS)
    scaled = Population(factor * spectrum, source_weights=w0, target_weights=w1, **NUMBERS)
    noisier = dataclasses.replace(scaled, source_noise=0.5 * math.sqrt(factor))
    assert theory.source_risk(noisier, 0.7 * factor) == pytest.approx(factor * theory.source_risk(plain, 0.7))


@quick
@given(st.integers(0, 10**6), st.permutations(range(P)))
def test_the_order_of_eigendirections_means_nothing(seed, order):
    generator = np.random.default_rng(seed)
    _, _, w0, w1 = random_population(seed)
    spectra = generator.uniform(0.1, 3, (2, P))
    plain = Population(*spectra, source_weights=w0, target_weights=w1, **NUMBERS)
    shuffled = Population(*spectra[:, order], source_weights=w0[order], target_weights=w1[order], **NUMBERS)
    np.testing.assert_allclose(answers(shuffled), answers(plain), rtol=1e-8)


@quick
@given(st.integers(0, 10**6))
def test_vectors_energies_and_matrices_are_three_ways_to_say_the_same(seed):
    generator = np.random.default_rng(seed)
    _, _, w0, w1 = random_population(seed)
    spectra = generator.uniform(0.1, 3, (2, P))
    vectors = Population(*spectra, source_weights=w0, target_weights=w1, **NUMBERS)
    energies = Population(*spectra, source_energy=w0**2, cross_energy=w0 * w1, target_energy=w1**2, **NUMBERS)
    matrices = Population.from_matrices(np.diag(spectra[0]), np.diag(spectra[1]), w0, w1, **NUMBERS)
    np.testing.assert_allclose(answers(energies), answers(vectors), rtol=1e-8)
    np.testing.assert_allclose(answers(matrices), answers(vectors), rtol=1e-8)
    assert energies.rho == pytest.approx(vectors.rho)
    assert matrices.snr == pytest.approx(vectors.snr)
    assert vectors.signal == pytest.approx(energies.signal)


def test_optima_are_global_and_stationary_for_covariances_that_do_not_commute():
    taus = np.geomspace(1e-6, 1e6, 4000)
    for seed in range(2):
        source, target, w0, w1 = random_population(seed)
        pop = Population.from_matrices(source, target, w0, w1, **NUMBERS)
        for best, risk in (
            (theory.source_optimal_tau(pop), lambda tau, pop=pop: theory.source_risk(pop, tau)),
            (theory.transfer_optimal_tau(pop, 0.2), lambda tau, pop=pop: theory.transfer_risk(pop, tau, 0.2)),
        ):
            assert risk(best) <= risk(taus).min() * (1 + 1e-12)
            assert risk(best) <= min(risk(0.0), risk(np.inf))
        joint = theory.joint_optimum(pop)
        surface = theory.transfer_risk(pop, np.geomspace(1e-5, 1e5, 200)[:, None], np.geomspace(1e-5, 1e5, 200))
        assert joint.risk <= surface.min() * (1 + 1e-12)
        assert theory.scaled_optimum(pop).risk <= joint.risk * (1 + 1e-12)
        assert joint.gain == pytest.approx(theory.transfer_gain(pop, joint.source_tau), rel=1e-9)


def test_the_lower_of_two_minima_is_found():
    """Energy at both ends of a split spectrum gives the source risk two valleys."""
    spectrum = np.repeat([1.0, 1e-6], [10, 90])
    for ratio in (1e4, 3e5, 1e7):
        energy = np.repeat([1.0, ratio], [10, 90])
        pop = Population(spectrum, source_energy=energy, cross_energy=energy, target_energy=energy,
                         source_samples=200, target_samples=50, source_noise=1.0, target_noise=1.0)  # fmt: skip
        taus = np.geomspace(1e-12, 1e6, 20_000)
        risk = theory.source_risk(pop, taus)
        best = theory.source_optimal_tau(pop)
        assert theory.source_risk(pop, best) <= risk.min() * (1 + 1e-12)


def test_rank_deficient_covariances_ignore_what_is_never_seen():
    full = Population([2.0, 1.0, 0.5], source_weights=[1.0, 2, 3], target_weights=[1.0, 1, 1], **NUMBERS)
    padded = Population(
        [2.0, 1.0, 0.5, 0, 0], source_weights=[1.0, 2, 3, 4, 0], target_weights=[1.0, 1, 1, 0, 5], **NUMBERS
    )
    np.testing.assert_allclose(answers(padded)[:-1], answers(full)[:-1], rtol=1e-9)
    low_rank = np.diag([1.0, 1, 0, 0])
    pop = Population.from_matrices(low_rank, np.eye(4), np.ones(4), np.ones(4), **NUMBERS)
    assert np.isfinite(answers(pop)).all()


def test_realigning_keeps_the_rest_and_decomposes_nothing():
    source, target, w0, w1 = random_population(3)
    pop = Population.from_matrices(source, target, w0, w1, **NUMBERS)
    moved = pop.realigned(1.3)
    assert moved.rho == pytest.approx(1.3)
    assert moved.axes is pop.axes
    np.testing.assert_allclose(moved.target_weights - 1.3 * w0, w1 - pop.rho * w0, atol=1e-12)
    effects = Population.random_effects(source, target, rho=0.4, source_samples=8, source_noise=0.5, private=0.3)
    np.testing.assert_allclose(answers(effects.realigned(-1).realigned(0.4)), answers(effects), rtol=1e-9)


def test_populations_are_frozen_and_print_themselves():
    pop = Population.isotropic(500, 250, 0.5, 1.0)
    assert (pop.rho, pop.gamma, pop.snr, pop.n_features) == (0.5, 2.0, pytest.approx(1.0), 500)
    assert "p=500" in repr(pop)
    assert "rho=0.5" in repr(pop)
    with pytest.raises(dataclasses.FrozenInstanceError):
        pop.source_noise = 2.0
    with pytest.raises(ValueError, match="read-only"):
        pop.source_covariance[0] = 3.0
    mine = np.ones(3)
    Population(mine, source_weights=mine, target_weights=mine, **NUMBERS)
    mine[0] = 2.0  # the caller's own array stays writeable


GOOD = dict(source_covariance=np.eye(3), target_covariance=np.eye(3), source_weights=np.ones(3),
            target_weights=np.ones(3), **NUMBERS)  # fmt: skip
BAD = [
    ("source_noise", -1.0),
    ("target_noise", math.nan),
    ("source_samples", 0.5),
    ("target_samples", math.inf),
    ("source_samples", "many"),
    ("source_covariance", np.array([[1.0, 0.5, 0], [0, 1, 0], [0, 0, 1]])),
    ("source_covariance", np.diag([1.0, 1, -1])),
    ("target_covariance", np.diag([1.0, 1, -1e-3])),
    ("target_covariance", np.eye(4)),
    ("target_covariance", np.ones(3)),
    ("source_covariance", np.zeros((3, 3))),
    ("source_covariance", np.full((3, 3), np.nan)),
    ("source_weights", np.ones(4)),
    ("source_weights", np.zeros(3)),
    ("target_weights", np.array([1.0, np.inf, 0])),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_bad_input_is_named(name, value):
    with pytest.raises(ValueError, match=name):
        Population(**{**GOOD, name: value})


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: Population([1.0, -1.0], source_weights=[1, 1], target_weights=[1, 1], **NUMBERS), "source_covariance"),
        (lambda: Population([1.0, 1.0], source_weights=[1, 1], **NUMBERS), "target_weights"),
        (lambda: energies([1, 1], [2, 0], [1, 1]), "cross_energy"),
        (lambda: energies([0, 1], [1, 0], [1, 1]), "cross_energy"),
        (lambda: energies([-1, 1], [0, 0], [1, 1]), "source_energy"),
        (lambda: energies([1, 1], [0, 0], [1, -1]), "target_energy"),
        (lambda: energies([0, 0], [0, 0], [1, 1]), "source_energy"),
        (lambda: Population.isotropic(0, 5, 0.5, 1.0), "n_features"),
        (lambda: Population.isotropic(5, 5, math.nan, 1.0), "rho"),
        (lambda: Population.isotropic(5, 5, 0.5, 1.0, signal=0), "signal"),
        (lambda: Population.isotropic(5, 5, 0.5, 1.0, private=-1), "private"),
        (lambda: Population.power_law(math.inf, 5, 5, 0.5, 1.0), "alpha"),
        (lambda: Population.from_matrices(np.ones(3), **{k: v for k, v in GOOD.items() if k != "source_covariance"}),
         "source_covariance"),
        (lambda: theory.source_risk(POP, -1.0), "tau"),
        (lambda: theory.transfer_risk(POP, np.nan, 1.0), "source_tau"),
        (lambda: theory.transfer_risk(POP, 1.0, [-1.0]), "target_tau"),
        (lambda: theory.transfer_risk(POP, [1.0, 2, 3], [1.0, 2]), "source_tau"),
        (lambda: theory.transfer_optimal_tau(POP, [1.0, 2.0]), "target_tau"),
        (lambda: theory.scaled_optimum(POP, -1), "target_tau"),
        (lambda: theory.optimal_alignment(POP, np.inf), "source_tau"),
        (lambda: theory.multi_target([]), "pops"),
        (lambda: theory.multi_target([POP, Population.isotropic(10, 6, 1, 1)]), "pops"),
        (lambda: theory.multi_target([POP], [-1.0]), "weights"),
        (lambda: theory.simulate(POP, 1.0, 1.0, draws=0), "draws"),
        (lambda: theory.simulate(POP, 1.0, 1.0, seed=-1), "seed"),
        (lambda: theory.simulate(POP, 1.0, 1.0, workers=0), "workers"),
        (lambda: theory.simulate(Population.isotropic(10, 5.5, 1, 1), 1.0, 1.0), "source_samples"),
    ],
)  # fmt: skip
def test_bad_calls_are_named(call, name):
    with pytest.raises(ValueError, match=name) as caught:
        call()
    assert "\n" not in str(caught.value)


POP = Population.isotropic(10, 5, 0.5, 1.0)


def energies(source, cross, target):
    return Population([2.0, 1.0], source_energy=source, cross_energy=cross, target_energy=target, **NUMBERS)


SPECTRA = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (2.0, 2.0)]


def spectral(alpha, energy_alpha, rho=0.5):
    return Population.power_law(
        alpha, 100, 50, rho, 1.0, target_samples=25, target_noise=0.3, energy_alpha=energy_alpha, private=0.2
    )


@pytest.mark.parametrize(("alpha", "energy_alpha"), SPECTRA)
@pytest.mark.parametrize("source_tau", [None, 0.1, 10.0])
def test_the_gain_is_zero_at_the_break_even_alignment_whoever_asks(alpha, energy_alpha, source_tau):
    asked = [spectral(alpha, energy_alpha, rho) for rho in (0.1, 0.5, 1.5)]
    answers = [theory.break_even_alignment(pop, source_tau) for pop in asked]
    np.testing.assert_allclose(answers, answers[0], rtol=1e-8)
    tau = theory.source_optimal_tau(asked[0]) if source_tau is None else source_tau
    for change, helps in ((0.99, False), (1.01, True)):
        assert (theory.transfer_gain(asked[0].realigned(change * answers[0]), tau) > 0) == helps


@pytest.mark.parametrize(("alpha", "energy_alpha"), SPECTRA)
def test_the_optimal_alignment_is_where_the_penalty_is_optimal_whoever_asks(alpha, energy_alpha):
    taus = np.array([0.3, 1.0, 10.0])
    asked = [spectral(alpha, energy_alpha, rho) for rho in (0.1, 0.5, 1.5)]
    rhos = [theory.optimal_alignment(pop, taus) for pop in asked]
    np.testing.assert_allclose(rhos, [rhos[0]] * 3, rtol=1e-8)
    back = [theory.transfer_optimal_tau(asked[0].realigned(rho)) for rho in rhos[0]]
    np.testing.assert_allclose(back, taus, rtol=1e-6)
    ridgeless = [theory.ridgeless_alignment(pop) for pop in asked]
    np.testing.assert_allclose(ridgeless, ridgeless[0], rtol=1e-8)


def test_tiny_degrees_of_freedom_keep_their_digits():
    """A target with nothing to learn risks σ² df2/(1 − df2), and df2 → p/(n τ²) far below the rounding of 1."""
    pop = Population.isotropic(40, 20, rho=0.0, source_noise=1.0, target_samples=10, target_noise=100.0)
    tau = np.array([1e6, 1e9, 1e12])
    np.testing.assert_allclose(theory.scratch_risk(pop, tau), 100.0**2 * 4 / tau**2, rtol=1e-5)


@pytest.mark.parametrize("name", ["alpha", "target_alpha", "energy_alpha"])
def test_spectra_beyond_double_precision_are_refused(name):
    with pytest.raises(ValueError, match=f"^{name} 300 spreads 10 eigenvalues"):
        Population.power_law(**{"alpha": 0.0, name: 300.0}, n_features=10, source_samples=20, rho=0.5, source_noise=1.0)
