"""Calibration: its likelihood against a dense one, its interval against many draws, and what it does not claim."""

from __future__ import annotations

import dataclasses
import doctest
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from headwater import SourceRidge, Spectrum, calibrate, theory
from headwater.advice.calibration import maximum
from headwater.advice.calibration.covariance import shrunk
from headwater.advice.calibration.likelihood import Likelihood, Point
from headwater.selection.meeting import Meeting
from headwater.selection.source import as_source


def _coverage():
    path = Path(__file__).parents[2] / "benchmarks" / "coverage.py"
    spec = importlib.util.spec_from_file_location("coverage_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


BENCH = _coverage()


def tables(p=12, n0=30, n1=9, q=1, rho=0.8, seed=0, noise=1.0):
    rng = np.random.default_rng(seed)
    w0, v = rng.normal(size=(2, p, q)) / np.sqrt(p)
    X0, X1 = rng.normal(size=(n0, p)), rng.normal(size=(n1, p))
    y0, y1 = X0 @ w0 + rng.normal(size=(n0, q)), X1 @ (rho * w0 + 0.5 * v) + noise * rng.normal(size=(n1, q))
    return X0, y0, X1, y1


def met(X0, y0, X1, y1):
    return Meeting(Spectrum.from_rows(X1, y1), (as_source(SourceRidge().fit(X0, y0)),))


def contrasts(n):
    """An orthonormal basis (n, n−1) of what is left of the rows when their mean is taken off."""
    return np.linalg.qr(np.c_[np.ones(n), np.eye(n)[:, 1:]])[0][:, 1:]


def covariance(parameters, X0, X1):
    """That of (y0, y1) jointly, without any decomposition."""
    rho, signal, noise, private, target_noise = parameters
    both = rho * signal * X0 @ X1.T
    own = (rho**2 * signal + private) * X1 @ X1.T + target_noise * np.eye(len(X1))
    return np.block([[signal * X0 @ X0.T + noise * np.eye(len(X0)), both], [both.T, own]])


def dense(parameters, X0, y0, X1, y1):
    """−2 log of the restricted likelihood of both outcomes jointly."""
    Q0, Q1 = contrasts(len(X0)), contrasts(len(X1))
    y = np.r_[Q0.T @ y0, Q1.T @ y1]
    joint = covariance(parameters, Q0.T @ X0, Q1.T @ X1)
    return y.shape[1] * np.linalg.slogdet(joint)[1] + np.vdot(y, np.linalg.solve(joint, y))


SHAPES = [{}, {"p": 6, "n0": 20, "n1": 30}, {"p": 20, "n0": 8, "n1": 15, "q": 2}, {"p": 5, "n0": 40, "n1": 3}]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_likelihood_is_the_dense_one(shape):
    """Up to a constant; its slope by differences; its information never negative."""
    data = tables(**shape)
    likelihood, rng = Likelihood(met(*data)), np.random.default_rng(1)
    apart = []
    for _ in range(4):
        parameters = np.r_[rng.normal(), np.exp(rng.normal(size=4))]
        point = Point(likelihood, parameters)
        apart.append(point.value - dense(parameters, *data))
        slope, information = point.derivatives
        steps = [1e-6 * max(1.0, abs(parameters[i])) * np.eye(5)[i] for i in range(5)]
        differences = [
            (point.moved(parameters + step).value - point.moved(parameters - step).value) / (2 * step.sum())
            for step in steps
        ]
        np.testing.assert_allclose(slope, differences, rtol=1e-5, atol=1e-5)
        assert np.linalg.eigvalsh(information)[0] > -1e-9 * np.trace(information)
    np.testing.assert_allclose(apart, apart[0], atol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_the_maximum_and_the_interval_are_the_dense_ones(seed):
    """A general optimiser on the dense likelihood, from three starts, finds nothing higher, nor another interval."""
    data = tables(p=8, n0=40, n1=25, seed=seed)
    found = calibrate(SourceRidge().fit(data[0], data[1]), data[2], data[3])

    def lowest(rho=None):
        def value(logs):
            given = logs[0] if rho is None else rho
            return dense(np.r_[given, np.exp(np.clip(logs[1:], -20, 5))], *data)

        starts = [np.r_[first, -2.0, 0.0, second, 0.0] for first, second in ((0.0, -2.0), (1.0, -2.0), (1.0, -9.0))]
        return min(minimize(value, first, method="L-BFGS-B").fun for first in starts)

    best = lowest()
    assert dense(np.maximum(found.point.parameters, [-np.inf, 0, 0, 1e-9, 0]), *data) < best + 0.01
    t = 2.0687  # Student's 0.975 quantile of 23 degrees of freedom: 24 contrasts less the slope
    for end in found.rho_interval:
        assert np.sqrt(lowest(end) - best) == pytest.approx(np.sqrt(24 * np.log1p(t**2 / 23)), abs=0.03)


def numbers(X0, y0, X1, y1):
    """What a calibration says, each as a share of its interval's width, and the width."""
    found = calibrate(SourceRidge().fit(X0, y0), X1, y1)
    low, high = found.rho_interval
    if np.isinf(high - low):
        return np.empty(0), np.inf
    return np.array([found.rho, low, high]) / (high - low), high - low


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([1, 2]))
def test_a_calibration_is_a_function_of_the_data(seed, q):
    """Nothing hangs on the order of rows, columns or outputs, a rotation, a unit or a rounding error."""
    X0, y0, X1, y1 = tables(p=6, n0=60, n1=20, q=q, seed=seed)
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    some, other, columns, outputs = (rng.permutation(n) for n in (60, 20, 6, q))
    base, width = numbers(X0, y0, X1, y1)
    if np.isinf(width):
        return
    order = X0[some][:, columns], y0[some][:, outputs], X1[other][:, columns], y1[other][:, outputs]
    for changed in (order, (X0, 10 * y0, X1, 10 * y1)):
        np.testing.assert_allclose(numbers(*changed)[0], base, atol=1e-6)
    np.testing.assert_allclose(numbers(X0 @ turn, y0, X1 @ turn, y1)[0], base, atol=1e-6)
    rounded = [each * (1 + 2e-16 * rng.choice([-1, 0, 1], size=each.shape)) for each in (X0, y0, X1, y1)]
    np.testing.assert_allclose(numbers(*rounded)[0], base, atol=1e-10)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6))
def test_a_step_is_the_best_of_its_box(seed):
    """No coordinate has a slope to follow: nil inside, outward at a side."""
    rng = np.random.default_rng(seed)
    half = rng.normal(size=(5, 4)) * rng.choice([1, 30], size=4)
    matrix = half @ half.T + 1e-3 * np.eye(5)
    slope, low, high = 3 * rng.normal(size=5), -rng.choice([0, 0.1, 5], size=5), rng.choice([0.2, 4], size=5)
    step = maximum._boxed(matrix, slope, low, high, [0, 2, 3, 4])
    assert step[1] == 0
    assert ((low <= step) & (step <= high)).all()
    pull = np.delete(slope + matrix @ step, 1)
    inside, step, low, high = (np.delete(each, 1) for each in ((low < step) & (step < high), step, low, high))
    np.testing.assert_allclose(pull[inside], 0, atol=1e-6 * np.abs(slope).max())
    assert (pull[step == low] >= -1e-6).all()
    assert (pull[step == high] <= 1e-6).all()


def test_a_search_that_stops_early_says_so(monkeypatch):
    monkeypatch.setattr(maximum, "_STEPS", 1)
    with pytest.warns(RuntimeWarning, match="not yet highest after 1 steps"):
        calibrate(SOURCE, X1, Y1)


def test_units_and_repetition():
    """ρ has the units of y1 over y0; rows repeated with their weights halved change nothing."""
    X0, y0, X1, y1 = tables(n0=40, n1=20)
    base = calibrate(SourceRidge().fit(X0, y0), X1, y1)
    scaled = calibrate(SourceRidge().fit(X0, 10 * y0), X1, 3 * y1)
    np.testing.assert_allclose([scaled.rho, *scaled.rho_interval], 0.3 * np.r_[base.rho, base.rho_interval], rtol=0.01)
    assert scaled.target_noise == pytest.approx(3 * base.target_noise, rel=0.01)
    twice, half = np.r_[0:20, 0:20], np.full(40, 0.5)
    weighed = calibrate(SourceRidge().fit(X0, y0), X1[twice], y1[twice], half)
    np.testing.assert_allclose(weighed.rho_interval, base.rho_interval, rtol=0.01)


X0, Y0, X1, Y1 = tables(n0=60, n1=30)
SOURCE = SourceRidge().fit(X0, Y0)
NOISE = np.random.default_rng(0).normal(size=(60, 1))


@pytest.mark.parametrize(
    ("source", "target", "reason"),
    [
        (SOURCE, (X1[:1], Y1[:1]), "too few target rows"),
        (SOURCE, (X1[:2], Y1[:2]), "too few target rows"),
        (SOURCE, (X1, np.ones_like(Y1)), "outcome does not vary"),
        (SOURCE, (np.ones_like(X1), Y1), "features do not vary"),
        (SourceRidge().fit(X0, NOISE), (X1, Y1), "cannot be told from none"),
        (SourceRidge().fit(X0, np.ones(60)), (X1, Y1[:, 0]), "does not vary with its features"),
        (np.zeros((1, 12)), (X1, Y1), "does not vary with its features"),
    ],
)
def test_what_is_not_identified_is_said(source, target, reason):
    found = calibrate(source, *target)
    assert not found.identified
    assert found.rho_interval == (-np.inf, np.inf)
    assert reason in found.reason
    assert np.isnan(found.as_dict()["estimate"])
    with pytest.raises(ValueError, match="not identified"):
        found.population()


def test_a_target_of_noise_bounds_the_alignment_about_zero():
    """w1 = 0 is ρ = 0: noise with no trace of the source says that there is none, as surely as its rows allow."""
    rng = np.random.default_rng(0)
    widths = []
    for rows in (10, 300):
        found = calibrate(SOURCE, rng.normal(size=(rows, 12)), rng.normal(size=(rows, 1)))
        low, high = found.rho_interval
        assert low < 0 < high
        widths.append(high - low)
    assert widths[1] < 0.5 * widths[0]


def test_published_coefficients_are_a_regression_on_one_variable():
    """With w0 known it is a slope with an intercept, its interval with room for a part of the target's own."""
    rng = np.random.default_rng(3)
    w = rng.normal(size=4)
    X = rng.normal(size=(10, 4))
    y = 0.7 * X @ w + 0.1 * rng.normal(size=10)
    x = X @ w - (X @ w).mean()
    slope = x @ y / (x @ x)
    left = y - y.mean() - slope * x
    half = 2.3060 * np.sqrt(left @ left / 8 / (x @ x))
    found = calibrate(w, X, y)
    assert found.private_variance == pytest.approx(0, abs=1e-6)
    assert found.rho == pytest.approx(slope, abs=half)
    low, high = found.rho_interval
    assert slope - 3 * half < low < slope - half + 0.01 * half
    assert slope + half - 0.01 * half < high < slope + 3 * half
    assert np.isnan([found.source_signal, found.source_noise]).all()
    assert "published" in found.estimand
    with pytest.raises(ValueError, match="only the source's coefficients"):
        found.population()


def test_the_population_is_the_one_that_was_drawn():
    """Its risks are the true population's, and so is the source's best penalty, with rows enough."""
    setting = BENCH.Setting(60, 3000, 2000, 0.7, alpha=1.0, private=0.5)
    data = BENCH.draw(setting, 0)
    found = calibrate(SourceRidge().fit(data.X0, data.y0), data.X1, data.y1).population()
    truth = theory.Population.random_effects(
        data.eigenvalues, rho=0.7, source_samples=3000, source_noise=1.0, target_samples=2000, private=0.5
    )
    for risk, taus in (
        (theory.source_risk, (0.01,)),
        (theory.scratch_risk, (0.01,)),
        (theory.transfer_risk, (0.01, 0.05)),
    ):
        assert risk(found, *taus) == pytest.approx(risk(truth, *taus), rel=0.15)
    assert theory.source_optimal_tau(found) == pytest.approx(theory.source_optimal_tau(truth), rel=0.3)


def test_shrinkage_pools_tables_drawn_alike_and_only_those():
    rng = np.random.default_rng(0)
    deviation = np.arange(1.0, 41) ** -0.5
    rows = [rng.normal(size=(n, 40)) for n in (200, 30)]
    alike = met(rows[0] * deviation, rows[0][:, 0], rows[1] * deviation, rows[1][:, 0])
    apart = met(rows[0] * deviation, rows[0][:, 0], rows[1] * deviation[::-1], rows[1][:, 0])
    for meeting, truth, pooled in ((alike, deviation, True), (apart, deviation[::-1], False)):
        found = shrunk(meeting)[0]
        own, other, _ = found.weights
        assert (other > own) == pooled
        error = [
            np.linalg.norm(estimate - np.diag(truth**2))
            for estimate in (
                found @ np.eye(40),
                np.cov(meeting.target.basis.vectors @ np.diag(meeting.target.singular_values)),
            )
        ]
        assert error[0] < error[1]


@pytest.mark.parametrize(("number", "index"), [(2, 312), (7, 174)])
def test_no_variance_is_rounded_below_zero(number, index):
    """In these draws a step to the bound, taken in other units and back, once ended beyond it."""
    data = BENCH.draw(BENCH.GAIN[number], index)
    found = calibrate(SourceRidge().fit(data.X0, data.y0), data.X1, data.y1)
    assert min(found.source_signal, found.source_noise, found.private_variance, found.target_noise) >= 0


@pytest.mark.parametrize("number", [2, 4])
def test_intervals_cover_as_in_the_benchmark(number):
    """40 draws of two of its settings: coverage within three standard errors of 95 %, bias within three."""
    setting, draws = BENCH.ALIGNMENT[number], 40
    rho, low, high, _ = np.array([BENCH.alignment(setting, index) for index in range(draws)]).T
    covered = np.mean((low <= setting.rho) & (setting.rho <= high))
    assert abs(covered - 0.95) <= 3 * np.sqrt(0.95 * 0.05 / draws)
    assert abs(rho.mean() - setting.rho) <= max(0.05, rho.std() / 4) + 3 * rho.std() / np.sqrt(draws)


def test_verdicts_and_gains_are_as_in_the_benchmark():
    draws = 14
    unrelated, related = (
        np.array([BENCH.advised(setting, index) for index in range(draws)])
        for setting in (BENCH.UNRELATED[0], BENCH.RELATED[0])
    )
    assert unrelated[:, 0].mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / draws)
    assert related[:, 0].mean() >= 0.8 - 3 * np.sqrt(0.8 * 0.2 / draws)
    _, _, realised, _, low, high = related.T
    assert abs(np.mean((low <= realised) & (realised <= high)) - 0.9) <= 3 * np.sqrt(0.09 / draws)


def test_a_calibration_is_frozen():
    found = calibrate(SOURCE, X1, Y1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.rho = 0.0
    assert found.rho_interval[0] < found.rho < found.rho_interval[1]
    assert "standard deviation" in found.estimand


def test_the_document_runs():
    document = Path(__file__).parents[2] / "docs" / "calibration.md"
    result = doctest.testfile(str(document), module_relative=False)
    assert result.attempted > 0
    assert result.failed == 0
