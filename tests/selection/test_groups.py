"""Leaving out groups: what the spectrum says is what refitting without the group says, its choices included."""

from __future__ import annotations

import numpy as np
import pytest
from refits import left_out

from headwater import SourceRidge, Spectrum, TransferRidge, advise
from headwater.selection.hypotheses import hypotheses
from headwater.selection.left_out import averaged_loo_residuals
from headwater.selection.meeting import Meeting
from headwater.selection.source import as_source
from headwater.selection.survey import survey
from headwater.spectrum.criteria import group_parts, loo_error

SHAPES = [(5, 30, 6), (40, 18, 5), (12, 14, 4)]  # features, rows, groups


def problem(p, n, count, weighted=False):
    rng = np.random.default_rng(p)
    w = rng.normal(size=p) / np.sqrt(p)
    X0, X1 = rng.normal(size=(80, p)), rng.normal(size=(n, p)) + 1
    y0, y1 = X0 @ w + rng.normal(size=80), X1 @ (0.7 * w) + 0.5 * rng.normal(size=n)
    groups = np.r_[np.arange(count), rng.integers(0, count, n - count)]
    weight = rng.integers(1, 4, n).astype(float) if weighted else None
    return (X0, y0), (X1, y1, weight), groups


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("p", "n", "count"), SHAPES)
def test_the_averaged_fit_leaves_out_whole_groups_exactly(p, n, count, weighted):
    (X0, y0), (X1, y1, weight), groups = problem(p, n, count, weighted)
    source = as_source(SourceRidge().fit(X0, y0))
    meeting = Meeting(Spectrum.from_rows(X1, y1, weight, groups=groups), (source,))
    surface = survey(meeting, hypotheses(source))
    brute = left_out((source,), surface, X1, y1, weight, groups)
    np.testing.assert_allclose(averaged_loo_residuals(surface), brute, atol=1e-8)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("p", "n", "count"), SHAPES)
def test_the_criterion_leaves_out_whole_groups_exactly(p, n, count, weighted):
    _, (X, y, weight), groups = problem(p, n, count, weighted)
    ones = np.ones(n) if weight is None else weight
    taus = np.array([0.0, 1e-14, 1e-6, 0.3, 50.0, np.inf])
    brute = np.empty((n, len(taus)))
    for group in range(count):
        rest, out = groups != group, groups == group
        without = Spectrum.from_rows(X[rest], y[rest], ones[rest])
        coef = without.coefficients(taus * ones.sum() / ones[rest].sum())
        brute[out] = y[out, None] - without.y_mean[0] - (X[out] - without.x_mean) @ coef.T
    spectrum = Spectrum.from_rows(X, y, weight, groups=groups)
    np.testing.assert_allclose(spectrum.loo(taus), ones @ brute**2 / ones.sum(), rtol=1e-7)
    np.testing.assert_allclose(spectrum.loo_residuals(taus), brute.T, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(("p", "n"), [(5, 30), (40, 18)])
def test_groups_of_one_are_rows(p, n):
    (X0, y0), (X, y, _), _ = problem(p, n, 4)
    alone, each = Spectrum.from_rows(X, y), Spectrum.from_rows(X, y, groups=np.arange(n))
    u, taus = alone.u[:, :, None], np.array([0.0, 1e-8, 0.1, 10.0, np.inf])
    np.testing.assert_allclose(loo_error(each, u, taus), loo_error(alone, u, taus), rtol=1e-9)
    source = as_source(SourceRidge().fit(X0, y0))
    both = [Meeting(spectrum, (source,)) for spectrum in (alone, each)]
    residuals = [averaged_loo_residuals(survey(meeting, hypotheses(source))) for meeting in both]
    np.testing.assert_allclose(*residuals, atol=1e-9)


def test_between_hypotheses_a_group_counts_as_one_row():
    """The log odds against the prior's are those of independent rows, as many times less as there are rows a group."""
    (X0, y0), (X, y, _), groups = problem(12, 42, 7)
    source = SourceRidge().fit(X0, y0)
    rows, grouped = (TransferRidge(source).fit(X, y, groups=names).surface_ for names in (None, groups))
    assert rows.mass.keys() == grouped.mass.keys()
    for one, other in zip(rows.parts, grouped.parts, strict=True):
        np.testing.assert_array_equal(one.weight, other.weight)
    logs = [np.log(surface.share / surface.share[0]) for surface in (rows, grouped)]
    np.testing.assert_allclose(logs[1], logs[0] / 6)


def test_of_a_direction_that_a_group_alone_decides_the_rest_knows_nothing():
    """The error is finite at no penalty, the limit of small ones, and the least-norm fit's without the group."""
    rng = np.random.default_rng(0)
    X, y, taus = np.zeros((8, 2)), rng.normal(size=8), np.array([0.0, 1e-15, 1e-12, 1.0])
    X[:, 0], X[:3, 1] = rng.normal(size=8), 1.0
    spectrum = Spectrum.from_rows(X, y, groups=[0, 0, 0, 1, 1, 2, 2, 2])
    residuals, _, log_det = group_parts(spectrum, spectrum.u[:, :, None], taus, np.arange(3))
    without = Spectrum.from_rows(X[3:], y[3:])
    expected = y[:3] - without.y_mean - (X[:3] - without.x_mean) @ without.coefficients(0.0)
    np.testing.assert_allclose(residuals[:, 0, 0, :3], np.tile(expected[:, None], 3), rtol=1e-9)
    assert log_det[0] == -np.inf and np.isfinite(log_det[1:]).all()


def test_repeated_measures_do_not_pass_for_evidence():
    """Ten copies of each subject: leaving out rows sees the copies, leaving out subjects does not."""
    rng = np.random.default_rng(1)
    X0, X1 = rng.normal(size=(100, 20)), rng.normal(size=(8, 20))
    y0, y1 = X0[:, 0] + rng.normal(size=100), rng.normal(size=8)
    rows = np.repeat(np.arange(8), 10)
    measured = X1[rows] + 1e-6 * rng.normal(size=(80, 20))  # copies to the last digit would be seen
    naive, honest = (advise((X0, y0), (measured, y1[rows]), groups=groups) for groups in (None, rows))
    assert naive.errors.scratch < 0.1 * np.var(y1) < honest.errors.scratch
    assert honest.benefit.high - honest.benefit.low > 2 * (naive.benefit.high - naive.benefit.low)


def test_the_criterion_of_a_fit_is_of_groups():
    (X0, y0), (X1, y1, _), groups = problem(12, 40, 8)
    model = TransferRidge(SourceRidge().fit(X0, y0), criterion="loo")
    meeting = model.meet(X1, y1, groups=groups)
    model.choose(meeting)
    part = model.surface_.parts[-1]
    error = loo_error(meeting.target, meeting.shifted(part.source_tau, part.scale), part.target_tau)
    np.testing.assert_allclose(part.score, -20 * np.log(error))
    rows = loo_error(Spectrum.from_rows(X1, y1), meeting.shifted(part.source_tau, part.scale), part.target_tau)
    assert not np.allclose(error, rows)


@pytest.mark.parametrize("groups", [[1, 1, 1, 1], [1, 2, 3]])
def test_groups_that_cannot_be_left_out_are_refused(groups):
    X = np.arange(8.0).reshape(4, 2)
    with pytest.raises(ValueError, match="group"):
        Spectrum.from_rows(X, np.arange(4.0), groups=groups)
