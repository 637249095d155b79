"""The choice: what it does where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import headwater.selection.survey
from headwater import SourceRidge, TransferRidge, advise


def pair(rho, p=30, n0=400, n1=40, noise=0.3, seed=0):
    rng = np.random.default_rng(seed)
    w = rng.normal(size=p) / np.sqrt(p)
    X0, X1 = rng.normal(size=(n0, p)), rng.normal(size=(n1, p))
    return (X0, X0 @ w + rng.normal(size=n0)), (X1, rho * X1 @ w + noise * rng.normal(size=n1))


def test_the_grid_does_not_matter(monkeypatch):
    source, target = pair(0.5)
    fitted = SourceRidge().fit(*source)
    coarse = TransferRidge(fitted).fit(*target)
    monkeypatch.setattr(headwater.selection.survey, "_NODES", 121)
    fine = TransferRidge(fitted).fit(*target)
    np.testing.assert_allclose(coarse.coef_, fine.coef_, rtol=1e-4, atol=1e-6)
    assert coarse.tau_ == pytest.approx(fine.tau_, rel=1e-4)


@pytest.mark.parametrize("noise", [0.02, 1.0])
@pytest.mark.parametrize("n1", [2, 3])
def test_the_grid_does_not_matter_to_a_lone_feature_of_two_or_three_rows(monkeypatch, n1, noise):
    """The source may then fit the target's few contrasts next to exactly, by chance, at one scale."""
    for seed in range(8):
        source, target = pair(0.5, p=1, n0=100, n1=n1, noise=noise, seed=seed)
        fitted = SourceRidge().fit(*source)
        found = []
        for nodes in (61, 121):
            monkeypatch.setattr(headwater.selection.survey, "_NODES", nodes)
            found.append(TransferRidge(fitted).fit(*target))
        coarse, fine = found
        np.testing.assert_allclose(coarse.coef_, fine.coef_, rtol=1e-5)
        np.testing.assert_allclose(coarse.surface_.share, fine.surface_.share, atol=1e-5)
        assert coarse.tau_ == pytest.approx(fine.tau_, rel=1e-6)


@pytest.mark.parametrize("rho", [-0.5, 0.3, 0.7, 1.2])
def test_scaled_transfer_finds_the_alignment(rho):
    source, target = pair(rho, n0=20_000, n1=400)
    assert TransferRidge(SourceRidge().fit(*source), scale=True).fit(*target).scale_ == pytest.approx(rho, abs=0.06)


def test_an_unrelated_source_does_little_harm_and_a_related_one_much_good():
    errors = {0.0: [], 1.0: []}
    for rho in errors:
        for seed in range(20):
            (X0, y0), (X1, y1) = pair(rho, n1=20, noise=1.0, seed=seed)
            w = np.linalg.lstsq(X0, y0)[0] if rho else 0
            fit = [TransferRidge(s).fit(X1, y1).coef_ - rho * w for s in (SourceRidge().fit(X0, y0), None)]
            errors[rho].append([v @ v for v in fit])
    unrelated, related = (np.mean(errors[rho], axis=0) for rho in errors)
    assert 1 + unrelated[0] < 1.03 * (1 + unrelated[1])  # prediction error: the noise variance is 1
    assert related[0] < 0.5 * related[1]


def test_the_trap_is_caught_and_the_right_way_works():
    (X0, y0), (X1, y1) = pair(0.8)
    X0, X1 = 5 * X0 + 7, 5 * X1 + 9
    source = make_pipeline(StandardScaler(), SourceRidge()).fit(X0, y0)
    with pytest.raises(ValueError, match="each standardised"):
        make_pipeline(StandardScaler(), TransferRidge(source[-1])).fit(X1, y1)
    with pytest.warns(UserWarning, match="standardised by themselves"):
        make_pipeline(StandardScaler(), TransferRidge(source[-1].coef_)).fit(X1, y1)
    by_pipeline = TransferRidge(source).fit(X1, y1)
    by_hand = TransferRidge(source[-1]).fit(source[0].transform(X1), y1)
    np.testing.assert_allclose(by_pipeline.coef_, by_hand.coef_)
    np.testing.assert_allclose(by_pipeline.predict(X1), by_hand.predict(source[0].transform(X1)))


@pytest.mark.parametrize(("rho", "verdict"), [(1.0, "transfer"), (-1.0, "transfer"), (0.0, "scratch")])
def test_advice_says_what_it_knows(rho, verdict):
    source, target = pair(rho, n1=60, seed=1)
    advice = advise(source, target)
    assert advice.verdict == verdict
    assert (advice.transfer_optimal_tau == np.inf) == (rho <= 0)
    assert advice.errors.chosen <= 1.05 * min(advice.errors.scratch, advice.errors.source_optimal)
    assert advice.benefit.low < advice.benefit.estimate < advice.benefit.high
    assert advice.verdict in str(advice) or "from scratch" in str(advice)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_few_rows_are_enough_to_answer(rows):
    source, (X1, y1) = pair(1.0)
    advice = advise(source, (X1[:rows], y1[:rows]))
    assert advice.verdict != "scratch"  # the task is the source's; a lone row leaves nothing to judge by
    assert rows > 1 or advice.verdict == "undecided"
    assert np.isfinite(advice.model.coef_).all()


def test_an_outcome_that_does_not_vary_is_its_mean():
    source, (X1, y1) = pair(1.0)
    advice = advise(source, (X1, np.full_like(y1, 5.0)))
    assert advice.verdict == "scratch"
    assert "does not vary" in str(advice)
    np.testing.assert_allclose(advice.model.predict(X1), 5.0)
