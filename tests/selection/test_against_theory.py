"""The choice against the theory's own numbers, where the source-optimal model hurts: 40 draws."""

from __future__ import annotations

import numpy as np
import pytest

from headwater import SourceRidge, TransferRidge, theory

DRAWS, P, RHO = 40, 500, 0.3


@pytest.fixture(scope="module")
def risks() -> dict[str, np.ndarray]:
    """Excess risk of each way, draw by draw: ρ = 0.3, p = 500, n0 = 250, n1 = 50, σ0 = 1, σ1 = 0.1, ‖w0‖ = 1."""
    found: dict[str, list[float]] = {}
    for seed in range(DRAWS):
        rng = np.random.default_rng(seed)
        w0 = rng.normal(size=P)
        w0 /= np.linalg.norm(w0)
        X0, X1 = rng.normal(size=(250, P)), rng.normal(size=(50, P))
        y0, y1 = X0 @ w0 + rng.normal(size=250), RHO * X1 @ w0 + 0.1 * rng.normal(size=50)
        source = SourceRidge().fit(X0, y0)
        ways = {
            "scratch": TransferRidge(),
            "source-optimal": TransferRidge(source, source_tau=2.0, scale=False),
            "its own source-optimal": TransferRidge(source, source_tau=source.tau_, scale=False),
            "chosen": TransferRidge(source),
            "unscaled": TransferRidge(source, scale=False),
            "scaled": TransferRidge(source, scale=True),
            "peak": TransferRidge(source, average=False),
        }
        for name, way in ways.items():
            found.setdefault(name, []).append(float(np.sum((way.fit(X1, y1).coef_ - RHO * w0) ** 2)))
    return {name: np.array(values) for name, values in found.items()}


def spread(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def test_risks_are_the_theorys(risks):
    """At the best penalties of the population; the finite sample, and penalties estimated, cost at most 5 %."""
    population = theory.Population.isotropic(
        n_features=P, source_samples=250, rho=RHO, source_noise=1.0, target_samples=50, target_noise=0.1
    )
    best = theory.joint_optimum(population)
    taus = np.geomspace(1e-3, 1e3, 2000)
    expected = {
        "scratch": theory.scratch_risk(population, taus).min(),
        "source-optimal": min(theory.transfer_risk(population, 2.0, tau) for tau in taus[::20]),
        "chosen": theory.transfer_risk(population, best.source_tau, best.target_tau),
    }
    for name, value in expected.items():
        assert risks[name].mean() == pytest.approx(value, abs=3 * spread(risks[name]) + 0.05 * value), name


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("scratch", 0.081, 0.085), ("source-optimal", 0.161, 0.168), ("chosen", 0.065, 0.070), ("unscaled", 0.065, 0.071),
     ("scaled", 0.065, 0.070), ("peak", 0.065, 0.071)],
)  # fmt: skip
def test_risks_are_where_they_were_found(risks, name, low, high):
    assert low < risks[name].mean() < high


def test_the_choice_beats_both_draw_by_draw(risks):
    assert (risks["chosen"] < np.minimum(risks["scratch"], risks["its own source-optimal"])).mean() > 0.9
    assert risks["its own source-optimal"].mean() > 1.5 * risks["scratch"].mean()
