"""Posterior: its covariance is that of the mixture it sums up, by axes or whole, whatever the source is known by."""

from __future__ import annotations

import numpy as np
import pytest

from headwater import Coefficients, SourceRidge, TransferRidge
from headwater.selection import posterior as module
from headwater.selection.posterior import alone, posteriors
from headwater.selection.predictive import foretold

RNG = np.random.default_rng(0)


def surface_of(kind, p=30, q=1):
    """A surface over a target of nine rows, met with a source of this kind."""
    rng = np.random.default_rng(3)
    w = rng.normal(size=(p, q))
    X0, X1 = rng.normal(size=(12, p)) + 0.3, rng.normal(size=(9, p)) - 0.5
    y0, y1 = X0 @ w + rng.normal(size=(12, q)) + 1, X1 @ w + rng.normal(size=(9, q)) + 1.4
    source = {
        "table": lambda: SourceRidge().fit(X0, y0),
        "coefficients": lambda: w.T,
        "standard errors": lambda: Coefficients(w.T, np.abs(rng.normal(size=(q, p)))),
        "none": lambda: None,
    }[kind]()
    return TransferRidge(source).fit(X1, y1).surface_


def by_mixture(surface, output, x, centre):
    """The mean and the second central moment of the mean outcome at x, each Student by its scale."""
    q = surface.fitted[0].shape[0]
    slopes, levels = np.outer(x - centre, np.eye(q)[output]), np.eye(q)[output]
    mixture = foretold(surface, slopes, levels, 0.0)
    return np.sqrt(mixture.weight @ (mixture.scale**2 + (mixture.place - mixture.mean) ** 2))


@pytest.mark.parametrize("kind", ["table", "coefficients", "standard errors", "none"])
@pytest.mark.parametrize("numbers", [1 << 19, 30 * 31], ids=["whole", "by axes"])
def test_the_covariance_is_the_mixtures(monkeypatch, kind, numbers):
    monkeypatch.setattr(module, "_NUMBERS", numbers)
    surface = surface_of(kind)
    (found,) = posteriors(surface)
    X = RNG.normal(size=(3, 30))
    expected = [by_mixture(surface, 0, x, found.centre) for x in X]
    # the mixture leaves out points of less than a ten-millionth of the likeliest one's weight
    np.testing.assert_allclose(found.spread(X), expected, rtol=1e-4)
    unit = [by_mixture(surface, 0, found.centre + e, found.centre) for e in np.eye(30)[:3]]
    at_centre = by_mixture(surface, 0, found.centre, found.centre)
    assert (found.standard_errors(found.mean[:-1])[:3] <= np.array(unit) + at_centre).all()


def test_each_output_has_its_own():
    surface = surface_of("table", q=2)
    for output, found in enumerate(posteriors(surface)):
        x = RNG.normal(size=30)
        assert found.spread(x[None])[0] == pytest.approx(by_mixture(surface, output, x, found.centre), rel=1e-4)


def test_fewer_axes_are_near(monkeypatch):
    """Cut to fewer than the rows that were seen, single rows move a little and the mean of many hardly."""
    surface = surface_of("table")
    (whole,) = posteriors(surface)
    monkeypatch.setattr(module, "_NUMBERS", 0)
    (cut,) = posteriors(surface)
    assert cut.axes.shape == (31, 16)
    X = whole.centre + RNG.normal(size=(400, 30))
    assert np.mean(cut.spread(X) ** 2) == pytest.approx(np.mean(whole.spread(X) ** 2), rel=0.03)
    np.testing.assert_allclose(cut.spread(X), whole.spread(X), rtol=0.5)


def test_the_target_alone_is_that_of_no_source():
    surface = surface_of("none")
    for kind in ("table", "coefficients"):
        np.testing.assert_allclose(alone(surface_of(kind)).fitted[0], surface.fitted[0], rtol=1e-9)
    known = surface_of("table").only("related")
    np.testing.assert_allclose(alone(known).fitted[0], surface.fitted[0], rtol=1e-9)
