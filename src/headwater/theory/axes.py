"""Eigen-coordinates of the two covariances: decomposed once, shared by every question asked of a population."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import eigh

from headwater.theory.checks import Array, frozen


@dataclass(frozen=True, eq=False)
class Axes:
    """Eigenvalues of Σ0 and Σ1 and the rotation from the source's eigenbasis to the target's.

    `rotation` is V1'V0 (p, p), or None where the two share their basis; `source_vectors` V0 and `target_vectors` V1
    are None where the covariances were given as eigenvalues, whose basis is then the coordinates themselves.
    """

    source_covariance: Array
    target_covariance: Array
    source_eigenvalues: Array
    target_eigenvalues: Array
    source_vectors: Array | None = None
    target_vectors: Array | None = None
    rotation: Array | None = None

    @cached_property
    def squared_rotation(self) -> Array:
        """(V1'V0)², elementwise: how the energy of each source direction spreads over the target's."""
        assert self.rotation is not None
        return frozen(self.rotation**2)

    def rotate(self, vectors: Array) -> Array:
        """Source coordinates (..., p) → target coordinates (..., p)."""
        return vectors if self.rotation is None else vectors @ self.rotation.T

    def spread(self, energies: Array) -> Array:
        """Energies per source direction (..., p) → per target direction (..., p), components uncorrelated."""
        return energies if self.rotation is None else energies @ self.squared_rotation.T


def decompose(source: Array, target: Array) -> Axes:
    """Decompose two checked covariances, each an array of eigenvalues (p,) or a symmetric matrix (p, p)."""
    if source.ndim == 1:
        return Axes(source, target, source, target)
    source_eigenvalues, source_vectors = _eigen("source_covariance", source)
    if np.array_equal(source, target):
        return Axes(source, target, source_eigenvalues, source_eigenvalues, source_vectors, source_vectors)
    target_eigenvalues, target_vectors = _eigen("target_covariance", target)
    rotation = frozen(target_vectors.T @ source_vectors)
    return Axes(source, target, source_eigenvalues, target_eigenvalues, source_vectors, target_vectors, rotation)


def _eigen(name: str, matrix: Array) -> tuple[Array, Array]:
    eigenvalues, vectors = eigh((matrix + matrix.T) / 2)
    rounding = len(matrix) * np.finfo(np.float64).eps * np.abs(eigenvalues).max()
    if eigenvalues[0] < -1e3 * rounding:
        raise ValueError(f"{name} is indefinite (eigenvalue {eigenvalues[0]:g}): a covariance is positive semidefinite")
    return frozen(np.where(eigenvalues > rounding, eigenvalues, 0.0)), frozen(vectors)
