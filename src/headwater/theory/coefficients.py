"""The true coefficients of both tasks: as two vectors, or as energies per eigendirection where only those matter."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from headwater.theory.axes import Axes
from headwater.theory.checks import Array
from headwater.theory.directions import Directions, from_energies, from_vectors


@dataclass(frozen=True, eq=False)
class Vectors:
    """w0 and w1 (p,), in the covariances' own coordinates."""

    source_weights: Array
    target_weights: Array

    @property
    def signal(self) -> float:
        """‖w0‖."""
        return float(np.linalg.norm(self.source_weights))

    @property
    def rho(self) -> float:
        """⟨w0, w1⟩ / ‖w0‖²."""
        scaled = self.source_weights / np.abs(self.source_weights).max()
        return float(scaled @ self.target_weights / (scaled @ self.source_weights))

    def realigned(self, change: float, axes: Axes) -> Vectors:
        """With w1 + change · w0 for w1."""
        return Vectors(self.source_weights, self.target_weights + change * self.source_weights)

    def directions(self, axes: Axes, samples: tuple[float, float]) -> Directions:
        """In the eigen-coordinates; ValueError where w0 is zero, and ρ undefined."""
        found = from_vectors(axes, samples, self.source_weights, self.target_weights)
        if not found.source_energy.any():
            raise ValueError("source_weights is zero everywhere: the alignment rho is undefined")
        return found


@dataclass(frozen=True, eq=False)
class Energies:
    """w0², w0 w1 (p,) per source eigendirection and w1² (p,) per target eigendirection, or their expectations."""

    source_energy: Array
    cross_energy: Array
    target_energy: Array

    @property
    def signal(self) -> float:
        """‖w0‖, as a root mean square."""
        return math.sqrt(self.source_energy.sum())

    @property
    def rho(self) -> float:
        """E⟨w0, w1⟩ / E‖w0‖²."""
        return float(self.cross_energy.sum() / self.source_energy.sum())

    def realigned(self, change: float, axes: Axes) -> Energies:
        """With w1 + change · w0 for w1."""
        added = axes.spread(2 * change * self.cross_energy + change**2 * self.source_energy)
        return Energies(
            self.source_energy,
            self.cross_energy + change * self.source_energy,
            np.maximum(self.target_energy + added, 0.0),
        )

    def directions(self, axes: Axes, samples: tuple[float, float]) -> Directions:
        """In the eigen-coordinates; ValueError where no coefficients have these energies, or w0 is zero."""
        if not self.source_energy.any():
            raise ValueError("source_energy is zero everywhere: the alignment rho is undefined")
        for name in ("source_energy", "target_energy"):
            if getattr(self, name).min() < 0:
                raise ValueError(f"{name} must not be negative")
        found = from_energies(axes, samples, self.source_energy, self.cross_energy, self.target_energy)
        moved, kept, target = found.source_energy, found.cross_energy, found.target_energy
        if kept[moved == 0].any():
            raise ValueError("cross_energy must be zero where source_energy is zero")
        common = found.spread(np.divide(kept**2, moved, out=np.zeros_like(moved), where=moved > 0))
        # Squares of the tiniest alignments lose their digits to underflow.
        if np.any(common > target + 1e-9 * np.max(target, initial=np.max(common)) + np.finfo(np.float64).tiny):
            raise ValueError("cross_energy: its square must not exceed source_energy times target_energy anywhere")
        return found


def one_complete_set(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Which coefficients are given: the names of Vectors or those of Energies; ValueError for any other choice."""
    vectors, energies = (tuple(field.name for field in fields(kind)) for kind in (Vectors, Energies))
    given = tuple(name for name in (*vectors, *energies) if values[name] is not None)
    if given not in (vectors, energies):
        raise ValueError(
            "source_weights and target_weights, or source_energy, cross_energy and target_energy: "
            f"give one complete set (given: {', '.join(given) or 'none'})"
        )
    return given
