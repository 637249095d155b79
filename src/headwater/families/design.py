"""Design: a target's or a source's rows about their means, in as few columns as they span."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headwater.families.mode import weighted_gram
from headwater.spectrum.rows import Array


@dataclass(frozen=True, eq=False)
class Design:
    """Rows X − 1x̄' = Z V' (n, p), weighted means x̄ (p,); Z (n, r), r ≤ min(n, p), V (p, r) orthonormal.

    With p ≤ n, Z is the rows themselves and ``vectors`` None, for I. With p > n no p×p matrix is formed.
    """

    centred: Array
    mean: Array
    z: Array
    vectors: Array | None
    level: bool

    @classmethod
    def of(cls, X: Array, weight: Array, level: bool = True) -> Design:
        """``level``: whether there is one to centre for."""
        mean = weight @ X / weight.sum() if level else np.zeros(X.shape[1])
        centred = X - mean
        # What is then left of a constant column is rounding, not a feature.
        centred[:, np.abs(centred).max(axis=0, initial=0.0) <= 1e-14 * np.abs(mean)] = 0.0
        if X.shape[1] <= X.shape[0]:
            return cls(centred, mean, centred, None, level)
        z, singular, transposed = np.linalg.svd(centred, full_matrices=False)
        kept = singular > singular[0] * max(X.shape) * np.finfo(float).eps
        return cls(centred, mean, z[:, kept] * singular[kept], transposed[kept].T, level)

    @property
    def columns(self) -> Array:
        """The level's column of ones, where there is a level, and Z."""
        return np.column_stack([np.ones(len(self.z)), self.z]) if self.level else self.z

    def unit(self, curvature: Array) -> float:
        """The mean nonzero eigenvalue of Z'WZ/n at curvatures W (n,) and n = 1: over n, the natural unit of τ."""
        eigenvalues = np.linalg.eigvalsh(weighted_gram(self.z, curvature))
        most = eigenvalues.max(initial=0.0)
        kept = eigenvalues > len(eigenvalues) * np.finfo(float).eps * most
        return float(eigenvalues[kept].mean()) if most > 0 else 0.0

    def expand(self, inside: Array) -> Array:
        """V times coefficients of Z."""
        return inside if self.vectors is None else np.asarray(self.vectors @ inside)
