"""A population in its eigen-coordinates: all that risks and optima read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headwater.theory.axes import Axes
from headwater.theory.checks import Array
from headwater.theory.design import Design


@dataclass(frozen=True, eq=False)
class Directions:
    """Both designs with the coefficients' energies, as averages over the `count` copies of each direction.

    `source_energy` E w0² and `cross_energy` E w0 w1 are per source direction (k,), `target_energy` E w1² per target
    direction. `gap` and `coefficients` are V1'(w0 − w1) and V0'w0, present only where Σ0 and Σ1 do not share their
    basis and the coefficients are vectors: the one case energies cannot describe.
    """

    axes: Axes
    source: Design
    target: Design
    source_energy: Array
    cross_energy: Array
    target_energy: Array
    coefficients: Array | None = None
    gap: Array | None = None

    def spread(self, energies: Array) -> Array:
        """Σ over source directions (..., k) of energy × squared cosine, per target direction (..., k)."""
        return self.axes.spread(energies)

    def product(self, first: Array, second: Array, reference: float = 0.0) -> Array:
        """E (V1'F w0)(V1'S w0) per target direction, F and S diagonal in the source's eigenbasis.

        From it is taken what coefficients of energy `reference` in every direction would give.
        """
        if self.coefficients is None:
            return self.spread(first * second * (self.source_energy - reference))
        product = self.axes.rotate(first * self.coefficients) * self.axes.rotate(second * self.coefficients)
        return product - self.spread(first * second * reference) if reference else product

    def with_target(self, filters: Array) -> Array:
        """E (V1'F w0)(V1'w1) per target direction, F diagonal in the source's eigenbasis."""
        if self.coefficients is None or self.gap is None:
            return self.spread(filters * self.cross_energy)
        return self.axes.rotate(filters * self.coefficients) * (self.axes.rotate(self.coefficients) - self.gap)

    def with_gap(self, filters: Array) -> Array:
        """E (V1'F w0)(V1'(w0 − w1)) per target direction: exactly zero where w1 = w0."""
        if self.coefficients is None or self.gap is None:
            return self.spread(filters * (self.source_energy - self.cross_energy))
        return self.axes.rotate(filters * self.coefficients) * self.gap

    def error(self, lost: Array) -> Array:
        """E (V1'(K w0 − w1))² ≥ 0 per target direction, with K = 1 − lost: a sum of squares, no cancellation."""
        if self.coefficients is None or self.gap is None:
            common = np.divide(
                self.cross_energy,
                self.source_energy,
                out=np.zeros_like(self.cross_energy),
                where=self.source_energy > 0,
            )
            private = np.maximum(self.target_energy - self.spread(common * self.cross_energy), 0.0)
            return self.spread(self.source_energy * ((1 - common) - lost) ** 2) + private
        return (self.gap - self.axes.rotate(lost * self.coefficients)) ** 2


def from_vectors(axes: Axes, samples: tuple[float, float], source: Array, target: Array) -> Directions:
    """Directions of two coefficient vectors (p,), given in the covariances' own coordinates."""
    coefficients = source if axes.source_vectors is None else axes.source_vectors.T @ source
    if axes.rotation is None:
        other = target if axes.source_vectors is None else axes.source_vectors.T @ target
        return from_energies(axes, samples, coefficients**2, coefficients * other, other**2)
    assert axes.target_vectors is not None
    source_design, target_design = _designs(axes, samples)
    rotated = axes.target_vectors.T @ target
    return Directions(
        axes,
        source_design,
        target_design,
        coefficients**2,
        coefficients * (rotated @ axes.rotation),
        rotated**2,
        coefficients,
        axes.target_vectors.T @ (source - target),
    )


def from_energies(
    axes: Axes, samples: tuple[float, float], source_energy: Array, cross_energy: Array, target_energy: Array
) -> Directions:
    """Directions of energies (p,); in a shared basis equal pairs of eigenvalues are pooled into one direction."""
    if axes.rotation is not None:
        return Directions(axes, *_designs(axes, samples), source_energy, cross_energy, target_energy)
    pairs = np.stack([axes.source_eigenvalues, axes.target_eigenvalues])
    (source, target), group, copies = np.unique(pairs, axis=1, return_inverse=True, return_counts=True)
    group, count = group.ravel(), copies.astype(np.float64)

    def average(energy: Array) -> Array:
        base = energy[0]  # averaging deviations keeps equal energies exactly equal
        return np.asarray(base + np.bincount(group, energy - base) / count)

    return Directions(
        axes,
        Design(source, count, samples[0]),
        Design(target, count, samples[1]),
        average(source_energy),
        average(cross_energy),
        average(target_energy),
    )


def _designs(axes: Axes, samples: tuple[float, float]) -> tuple[Design, Design]:
    count = np.ones(len(axes.source_eigenvalues))
    return Design(axes.source_eigenvalues, count, samples[0]), Design(axes.target_eigenvalues, count, samples[1])
