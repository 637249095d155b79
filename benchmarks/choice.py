"""The choice where the source-optimal model hurts: what theory expects, and what estimating the penalties costs.

    python benchmarks/choice.py [--sets 10] [--draws 40]

ρ = 0.3, p = 500, n0 = 250, n1 = 50, σ0 = 1, σ1 = 0.1, ‖w0‖ = 1; excess risks over `sets` sets of `draws` draws each:
the mean with its standard error, and the lowest and highest mean of a set, which is how far one run of so many draws
can be from it. Then how widely the source's penalty is estimated, against the Cramér–Rao bound on its logarithm.
"""

from __future__ import annotations

import argparse

import numpy as np

from headwater import SourceRidge, Spectrum, TransferRidge, theory
from headwater.spectrum.penalty import optimal_tau

P, N0, N1, RHO, SOURCE_NOISE, TARGET_NOISE = 500, 250, 50, 0.3, 1.0, 0.1
POPULATION = theory.Population.isotropic(
    n_features=P, source_samples=N0, rho=RHO, source_noise=SOURCE_NOISE, target_samples=N1, target_noise=TARGET_NOISE
)
OWN = theory.source_optimal_tau(POPULATION)
SCRATCH, OPTIMAL, CHOICE = "scratch", "source-optimal", "choice"
KNOWN = f"{OPTIMAL}, τ_S* and τ1 known"


def expected() -> dict[str, float]:
    """The excess risks of the population at its best penalties."""
    best = theory.joint_optimum(POPULATION)
    known = best.scratch_risk - float(theory.transfer_gain(POPULATION, OWN))
    return {SCRATCH: best.scratch_risk, KNOWN: known, CHOICE: best.risk}


def draw(seed: int, target_tau: float) -> tuple[dict[str, float], dict[str, float], float]:
    """Excess risks of each way, the source's penalty by each criterion, and the bound on the spread of its log."""
    rng = np.random.default_rng(seed)
    w0 = rng.normal(size=P)
    w0 /= np.linalg.norm(w0)
    X0, X1 = rng.normal(size=(N0, P)), rng.normal(size=(N1, P))
    y0 = X0 @ w0 + SOURCE_NOISE * rng.normal(size=N0)
    y1 = RHO * X1 @ w0 + TARGET_NOISE * rng.normal(size=N1)
    source, spectrum = SourceRidge().fit(X0, y0), Spectrum.from_rows(X0, y0)
    taus = {"evidence": source.tau_} | {name: optimal_tau(spectrum, name) for name in ("loo", "gcv")}
    ways = {SCRATCH: TransferRidge(), KNOWN: TransferRidge(source, source_tau=OWN, tau=target_tau, scale=False)}
    ways[f"{OPTIMAL}, τ_S* known"] = TransferRidge(source, source_tau=OWN, scale=False)
    for name, tau in taus.items():
        ways[f"{OPTIMAL}, τ_S* by {name}"] = TransferRidge(source, source_tau=tau, scale=False)
    ways |= {CHOICE: TransferRidge(source), "choice, unscaled": TransferRidge(source, scale=False)}
    ways |= {
        "choice, scaled": TransferRidge(source, scale=True),
        "choice, one point": TransferRidge(source, average=False),
    }
    risks = {name: float(np.sum((way.fit(X1, y1).coef_ - RHO * w0) ** 2)) for name, way in ways.items()}
    kept = spectrum.shrinkage(OWN)
    return risks, taus, float(np.sqrt(2 / np.sum((kept - kept.mean()) ** 2)))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sets", type=int, default=10)
    options.add_argument("--draws", type=int, default=40)
    chosen = options.parse_args()
    exact, taus = expected(), np.geomspace(1e-2, 1e2, 4001)
    target_tau = float(taus[np.argmin(theory.transfer_risk(POPULATION, OWN, taus))])
    drawn = [draw(seed, target_tau) for seed in range(chosen.sets * chosen.draws)]
    print(
        f"excess risk, ρ = {RHO}, {chosen.sets} sets of {chosen.draws} draws     mean ± s.e.        sets         theory"
    )
    for name in drawn[0][0]:
        values = np.array([risks[name] for risks, _, _ in drawn]).reshape(chosen.sets, chosen.draws)
        error, means = values.std(ddof=1) / np.sqrt(values.size), values.mean(axis=1)
        line = f"  {name:38s} {values.mean():.4f} ± {error:.4f}   {means.min():.3f}–{means.max():.3f}"
        print(line + (f"   {exact[name]:.4f}" if name in exact else ""))
    print(f"source-optimal penalty, truly {OWN:g}         median   middle 90 %")
    for name in drawn[0][1]:
        low, middle, high = np.quantile([found[name] for _, found, _ in drawn], [0.05, 0.5, 0.95])
        print(f"  by {name:36s} {middle:6.2f}   {low:.2f}–{high:.2f}")
    low, high = OWN * np.exp(1.645 * np.mean([bound for _, _, bound in drawn]) * np.array([-1, 1]))
    print(f"  {'Cramér–Rao bound':39s} {OWN:6.2f}   {low:.2f}–{high:.2f}")


if __name__ == "__main__":
    main()
