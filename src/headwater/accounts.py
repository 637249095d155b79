"""Accounts: what a source may be good for, with their priors.

A transfer starts from α ŵ0(τ0) and fits the target with penalty τ1. Four accounts of what a source is good for are
compared. The odds of scratch against the others together are even, and theirs among each other:

===========  ========  ==========  ========================================================
account      τ0        α           prior within the account
===========  ========  ==========  ========================================================
scratch      ∞         –           –
as is        τ_S*      1           –
own penalty  (0, ∞)    1           3 τ_S*/(3 τ_S* + τ0) uniform on (0, 1)
scaled       τ_S*      (−∞, ∞)     α ~ N(½, ½²): between scratch, 0, and as is, 1
===========  ========  ==========  ========================================================

Both last lines expect an alignment of one half, at which theory's best penalty is three times τ_S* (3.17 in the
isotropic case with p = 2 n0).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headwater.moments import Array
from headwater.source import Source

SCRATCH, AS_IS, OWN_PENALTY, SCALED = "scratch", "as is", "own penalty", "scaled"


@dataclass(frozen=True)
class Account:
    """One account of the source: a point, or an axis ("log tau" about ``source_tau``, or "scale")."""

    name: str
    source_tau: float
    scale: float = 1.0
    axis: str | None = None

    @property
    def reach(self) -> tuple[float, float]:
        """The ends of the axis: factors of a million either way, and six standard deviations of the scale."""
        return {None: (0.0, 0.0), "log tau": (-14.0, 14.0), "scale": (-2.5, 3.5)}[self.axis]

    def nodes(self, count: int) -> Array:
        """Evenly spaced nodes of the axis; one for a point."""
        return np.linspace(*self.reach, count if self.axis else 1)

    def starts(self, nodes: Array) -> tuple[Array, Array]:
        """Source penalties and scales at the axis's nodes."""
        flat = np.ones_like(nodes)
        if self.axis == "log tau":
            return self.source_tau * np.exp(nodes), self.scale * flat
        return self.source_tau * flat, nodes if self.axis == "scale" else self.scale * flat

    def log_density(self, nodes: Array) -> Array:
        if self.axis == "log tau":
            return log_logistic(nodes)
        if self.axis == "scale":
            return -0.5 * np.log(2 * np.pi * 0.25) - 0.5 * ((nodes - 0.5) / 0.5) ** 2
        return np.zeros_like(nodes)


def accounts(source: Source | None, source_tau: float | None = None, scale: bool | str = "auto") -> list[Account]:
    """The accounts that apply.

    ``scale`` False keeps α at 1, True sets scaled transfer against scratch, "auto" compares them all. A fixed
    ``source_tau`` is the user's word: scratch and other penalties are no longer asked about.
    """
    if source is None or source_tau == np.inf:
        return [Account(SCRATCH, np.inf)]
    own = source.known_tau if source_tau is None else source_tau
    found = [Account(SCRATCH, np.inf)] if source_tau is None else []
    if scale is not True:
        found.append(Account(AS_IS, own))
        if source_tau is None and source.spectrum is not None:
            unit = source.spectrum.unit
            found.append(Account(OWN_PENALTY, 3 * float(np.clip(own, 1e-6 * unit, 1e4 * unit)), axis="log tau"))
    if scale is not False:
        found.append(Account(SCALED, own, axis="scale"))
    return found


def odds_of(compared: list[Account]) -> Array:
    """Prior mass of each account: even odds of scratch against the others, where both are compared."""
    scratch = np.array([account.name == SCRATCH for account in compared])
    sides = np.where(scratch, 1 / max(scratch.sum(), 1), 1 / max((~scratch).sum(), 1))
    return np.asarray(sides / sides.sum())


def log_logistic(nodes: Array) -> Array:
    """Log density of log(τ/c) under which c/(c + τ) is uniform."""
    return np.asarray(-np.log(4.0) - 2 * np.log(np.cosh(nodes / 2)))
