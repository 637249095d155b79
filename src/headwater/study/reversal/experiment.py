"""The reversal, asked of outcomes of any kind: the source penalty best for the target against the source's own best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from headwater.study.checks import require, require_gammas, require_numbers, require_penalties
from headwater.study.reversal.fitting import fit
from headwater.study.reversal.kinds import KINDS
from headwater.study.reversal.risk import risk
from headwater.study.runner import Tick
from headwater.study.store import Record

PROTOCOL = 1  # part of every trial's key: raise it whenever the same configuration would give other numbers


@dataclass(frozen=True)
class Trial:
    """One draw of both tasks at one alignment: every number its record depends on, and nothing else."""

    family: str
    n_features: int
    source_samples: int
    signal: float
    penalties: tuple[float, ...]
    target_samples: int
    target_penalties: tuple[float, ...]
    rho: float
    seed: int

    @property
    def config(self) -> dict[str, Any]:
        """The trial as the store keys it."""
        return {"experiment": "reversal", "protocol": PROTOCOL, **asdict(self)}


@dataclass(frozen=True)
class Draw:
    """The trials of one seed and source, which differ in ρ alone: the source is fitted once for all of them.

    Rows are N(0, I), w0 is uniform on the sphere of radius `signal`, w1 = ρ w0. A seed's target rows, and the uniform
    numbers that its outcomes are made of, are the same at every ρ.
    """

    trials: Sequence[Trial]

    def run(self, tick: Tick | None = None) -> list[Record]:
        """Of each trial: half the mean deviance on the whole population, up to what no fit can change.

        `source_risk` and `unchanged_risk` (source penalties) of ŵ0 on its own task and on the target's,
        `transfer_risk` (source penalties, target penalties) of ŵ1 on the target's.
        """
        one = self.trials[0]
        kind = KINDS[one.family]
        rng = np.random.default_rng(one.seed)
        w0 = rng.standard_normal(one.n_features)
        w0 *= one.signal / np.linalg.norm(w0)
        X1 = rng.standard_normal((one.target_samples, one.n_features))
        uniform = rng.random(one.target_samples)
        X0 = rng.standard_normal((one.source_samples, one.n_features))
        y0 = kind.draw(X0 @ w0, rng.random(one.source_samples))

        taus = np.array(one.penalties)
        sources = fit(kind.family, X0, y0, np.zeros((len(taus), len(X0))), taus)
        target_taus = np.array(one.target_penalties)
        starts = np.repeat(sources, len(target_taus), axis=0)
        records = []
        for done, trial in enumerate(self.trials, start=1):
            w1 = trial.rho * w0
            y1 = kind.draw(X1 @ w1, uniform)
            moved = starts + fit(kind.family, X1, y1, starts @ X1.T, np.tile(target_taus, len(taus)))
            source_risk, unchanged_risk, transfer_risk = (
                risk(kind.family, (fitted**2).sum(-1), fitted @ truth, float(np.linalg.norm(truth)))
                for fitted, truth in ((sources, w0), (sources, w1), (moved, w1))
            )
            records.append(
                {
                    "source_risk": source_risk.tolist(),
                    "unchanged_risk": unchanged_risk.tolist(),
                    "transfer_risk": transfer_risk.reshape(len(taus), -1).tolist(),
                }
            )
            if tick:
                tick(done / len(self.trials))
        return records


@dataclass(frozen=True)
class Reversal:
    """Is τ0* above τ_S* for ρ < 1 and below it for ρ > 1? Curves over ρ, one for each γ = p/n0.

    `family` names the outcomes, in KINDS; `signal` is ‖w0‖, the standard deviation of the linear predictor (with
    Gaussian outcomes, against noise of 1). Penalties are τ, against the mean unit deviance; the target is fitted by
    L2-SP from each source at each of `target_penalties`.

    Raises ValueError naming the command line's option.

    >>> len(Reversal("binomial", seeds=3, gammas=(1.0,), rhos=(0.5, 1.5)).trials())
    6
    """

    family: str
    gammas: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0)
    n_features: int = 100
    rhos: tuple[float, ...] = tuple(np.linspace(0.3, 1.5, 13).round(12).tolist())
    penalties: tuple[float, ...] = tuple(np.geomspace(1e-3, 1e2, 31).tolist())
    seeds: int = 40
    target_samples: int = 50
    target_penalties: tuple[float, ...] = tuple(np.geomspace(1e-1, 1e2, 10).round(12).tolist())
    signal: float = 2.0

    def __post_init__(self) -> None:
        require("family", self.family in KINDS, f"{self.family!r}: choose from {', '.join(KINDS)}")
        require("n_features", self.n_features >= 2, "must be at least 2")
        require("seeds", self.seeds >= 2, "must be at least 2: the intervals are over seeds")
        require("target_samples", self.target_samples >= 1, "must be at least 1")
        for option in ("gammas", "rhos", "penalties", "target_penalties"):
            require_numbers(option, getattr(self, option))
        require_gammas(self.gammas, self.n_features)
        for option in ("penalties", "target_penalties"):
            require_penalties(option, getattr(self, option), 3)
        require("signal", math.isfinite(self.signal) and self.signal > 0, "must be a positive number")

    @property
    def config(self) -> dict[str, Any]:
        """Every number of the experiment, under the name of the command that runs it."""
        return {"experiment": "reversal", **asdict(self)}

    def source_samples(self, gamma: float) -> int:
        """n0 = p/γ, rounded to a whole number of rows."""
        return max(1, round(self.n_features / gamma))

    def trials(self) -> list[Trial]:
        """Every trial: γ, then seeds, then ρ."""
        return [
            Trial(
                family=self.family,
                n_features=self.n_features,
                source_samples=self.source_samples(gamma),
                signal=self.signal,
                penalties=self.penalties,
                target_samples=self.target_samples,
                target_penalties=self.target_penalties,
                rho=rho,
                seed=seed,
            )
            for gamma in self.gammas
            for seed in range(self.seeds)
            for rho in self.rhos
        ]
