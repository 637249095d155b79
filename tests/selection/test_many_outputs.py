"""Many outputs: leaving out, block by block, says what refitting says, along every axis; little is held at once."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from refits import left_out

from headwater import SourceRidge, Spectrum
from headwater.selection import left_out as module
from headwater.selection.hypotheses import hypotheses
from headwater.selection.left_out import averaged_loo_residuals
from headwater.selection.meeting import Meeting
from headwater.selection.source import as_source
from headwater.selection.survey import survey


def problem(outputs, noise=0.3, rows=12):
    rng = np.random.default_rng(0)
    w = rng.normal(size=(4, outputs))
    X0, X1 = rng.normal(size=(40, 4)), rng.normal(size=(rows, 4))
    source = as_source(SourceRidge().fit(X0, X0 @ w + rng.normal(size=(40, outputs))))
    return source, X1, X1 @ (0.7 * source.coef.T) + 1 + noise * rng.normal(size=(rows, outputs))


@pytest.mark.parametrize("groups", [None, np.arange(12) // 3])
@pytest.mark.parametrize("scale", ["auto", False])
def test_blocks_of_rows_and_outputs_say_what_refits_say(scale, groups, monkeypatch):
    source, X, y = problem(5)
    surface = survey(Meeting(Spectrum.from_rows(X, y, groups=groups), (source,)), hypotheses(source, scale=scale))
    brute = left_out((source,), surface, X, y, groups=groups)
    for chunk in (1 << 20, 1 << 13):
        monkeypatch.setattr(module, "_CHUNK", chunk)
        np.testing.assert_allclose(averaged_loo_residuals(surface), brute, atol=1e-9)


def test_a_target_that_is_the_source_scaled_is_left_out_without_loss():
    source, X, y = problem(3, noise=0.0)
    surface = survey(Meeting(Spectrum.from_rows(X, y), (source,)), hypotheses(source, scale=True))
    np.testing.assert_allclose(averaged_loo_residuals(surface), left_out((source,), surface, X, y), atol=1e-9)


@pytest.mark.parametrize("groups", [None, np.arange(30) // 10])
@pytest.mark.parametrize("scale", ["auto", False])
def test_no_more_is_held_at_once_for_more_outputs(scale, groups):
    source, X, y = problem(60, rows=30)
    surface = survey(Meeting(Spectrum.from_rows(X, y, groups=groups), (source,)), hypotheses(source, scale=scale))
    tracemalloc.start()
    averaged_loo_residuals(surface)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 6 * 8 * module._CHUNK < 8 * 61 * 61 * y.size  # not every residual at every point of the grid
