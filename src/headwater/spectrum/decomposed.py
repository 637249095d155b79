"""Decomposed: a table's axes, and an outcome in them.

Tables of the same size and rank may be stacked (``stacked``): their arrays then carry a leading axis, as in
numpy.linalg, and shapes below are those of one. What keeps rows, and leave-one-out, is of one table only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headwater.spectrum.rows import Array


@dataclass(frozen=True, eq=False)
class Decomposition:
    """Σ̂ = V diag(λ) V' of a centred table, and, where rows are kept, the left singular vectors of √w-scaled rows.

    ``left`` (rows, r) and ``row_weight`` (rows,) are None where leave-one-out was not asked for or rows were never
    seen. ``outside`` (rows,) is 1 − w_i/Σw − Σ left², the share of its residual that no penalty
    touches: exactly 0 for a row that least squares would fit exactly, whatever its outcome. ``groups``: the rows that
    leave-one-out leaves out together, None for each by itself. ``span`` (rows, r): orthonormal axes of the same rows,
    where ``left`` is no such (headwater.selection.uncertainty).
    """

    eigenvalues: Array
    vectors: Any
    n: float
    fit_intercept: bool
    left: Array | None = None
    row_weight: Array | None = None
    groups: tuple[NDArray[np.intp], ...] | None = None
    span: Array | None = None

    @cached_property
    def outside(self) -> Array:
        span = self.left if self.span is None else self.span
        assert span is not None and self.row_weight is not None
        mean = self.row_weight / self.n if self.fit_intercept else 0.0
        outside = 1.0 - mean - np.einsum("ir,ir->i", span, span)
        spanned = span.shape[1] >= len(span) - self.fit_intercept
        return np.zeros_like(outside) if spanned else np.where(outside > 1e-13, outside, 0.0)


Kind = TypeVar("Kind", bound="Decomposed")


@dataclass(frozen=True, eq=False)
class Decomposed:
    """A decomposition together with one response in its axes, and the properties that cost nothing.

    ``u`` = U'y (r, q), ``remainder`` (q,) what least squares leaves, ``residual`` (rows, q) its √w-scaled residuals
    where rows are kept.
    """

    basis: Decomposition
    u: Array
    x_mean: Array
    y_mean: Array
    remainder: Array
    residual: Array | None = None
    y_ndim: int = 1

    @property
    def n(self) -> float:
        """Number of observations, Σw."""
        return self.basis.n

    @property
    def eigenvalues(self) -> Array:
        """λ (r,), descending."""
        return self.basis.eigenvalues

    @property
    def vectors(self) -> Any:
        """V (p, r), an array or a linear operator."""
        return self.basis.vectors

    @property
    def rows(self) -> tuple[Array, Array, Array]:
        """U (rows, r), the weights (rows,) and the √w-scaled least-squares residuals (rows, q).

        Raises ValueError where they were not kept.
        """
        left, weight = self.basis.left, self.basis.row_weight
        if left is None or weight is None or self.residual is None:
            raise ValueError("leave-one-out needs the rows; this spectrum has none: use criterion evidence or gcv")
        return left, weight, self.residual

    @property
    def rank(self) -> int:
        """r, the number of directions in which the features vary."""
        return self.eigenvalues.shape[-1]

    @property
    def n_features(self) -> int:
        """Number of features p."""
        return self.x_mean.shape[-1]

    @property
    def n_outputs(self) -> int:
        """Number of outputs q."""
        return self.u.shape[-1]

    @property
    def contrasts(self) -> float:
        """Observations left after the mean is fitted: n − 1, or n without an intercept."""
        return self.n - self.basis.fit_intercept

    @property
    def unit(self) -> Any:
        """The mean of the nonzero eigenvalues, to which penalty grids are relative; 1 where there is none.

        Repeating rows or weighing them all alike leaves it as it is.
        """
        return self.eigenvalues.mean(axis=-1) if self.rank else np.ones(self.eigenvalues.shape[:-1])[()]

    @cached_property
    def singular_values(self) -> Array:
        """√(nλ), the singular values of the centred rows."""
        return np.sqrt(self.n * self.eigenvalues)

    def expand(self, axes: Array) -> Array:
        """V @ axes: from the eigenbasis to the features.

        Parameters
        ----------
        axes : ndarray (r, k)

        Returns
        -------
        ndarray (p, k)
        """
        return np.asarray(self.vectors @ axes.astype(self.vectors.dtype, copy=False), dtype=np.float64)

    def project(self, columns: Array) -> Array:
        """V' @ columns: from the features to the eigenbasis.

        Parameters
        ----------
        columns : ndarray (p, k)

        Returns
        -------
        ndarray (r, k)
        """
        back = self.vectors.mT if isinstance(self.vectors, np.ndarray) else self.vectors.T
        return np.asarray(back @ columns.astype(self.vectors.dtype, copy=False), dtype=np.float64)

    def shift(self, coef: ArrayLike) -> Self:
        """The same of (X, y − X coef'), L2-SP's shifted response: no decomposition, and the same remainder.

        Parameters
        ----------
        coef : array_like (p,) or (q, p)

        Returns
        -------
        Spectrum

        Raises
        ------
        ValueError
            coef is not of these features and outputs.
        """
        columns = np.atleast_2d(np.asarray(coef, dtype=np.float64)).T
        if columns.shape != (self.n_features, self.n_outputs):
            raise ValueError(f"coef has shape {np.shape(coef)}; it needs ({self.n_outputs}, {self.n_features})")
        moved = self.singular_values[:, None] * self.project(columns)
        return replace(self, u=self.u - moved, y_mean=self.y_mean - self.x_mean @ columns)

    def output(self, index: int) -> Self:
        """The same decomposition with one output only.

        Parameters
        ----------
        index : int

        Returns
        -------
        Spectrum
        """
        return replace(self.some_outputs(slice(index, index + 1)), y_ndim=1)

    def some_outputs(self, some: slice) -> Self:
        """The same decomposition with some of the outputs.

        Parameters
        ----------
        some : slice

        Returns
        -------
        Spectrum
        """
        residual = None if self.residual is None else self.residual[:, some]
        u, y_mean, remainder = (of[..., some] for of in (self.u, self.y_mean, self.remainder))
        return replace(self, u=u, y_mean=y_mean, remainder=remainder, residual=residual)

    def take(self, some: Any) -> Self:
        """Some of the tables that are stacked.

        Parameters
        ----------
        some : array of int or slice
            Places along the leading axis.

        Returns
        -------
        Spectrum
        """
        basis = replace(self.basis, eigenvalues=self.eigenvalues[some])
        basis = basis if basis.vectors is None else replace(basis, vectors=basis.vectors[some])
        u, x_mean, y_mean, remainder = (of[some] for of in (self.u, self.x_mean, self.y_mean, self.remainder))
        return replace(self, basis=basis, u=u, x_mean=x_mean, y_mean=y_mean, remainder=remainder)


def stacked(tables: Sequence[Kind]) -> Kind:
    """Tables of one size and rank as one, with a leading axis; of their rows nothing is kept."""

    def together(name: str) -> Array:
        return np.stack([getattr(table, name) for table in tables])

    first = tables[0]
    basis = Decomposition(together("eigenvalues"), together("vectors"), first.n, first.basis.fit_intercept)
    u, x_mean, y_mean, remainder = map(together, ("u", "x_mean", "y_mean", "remainder"))
    return replace(first, basis=basis, u=u, x_mean=x_mean, y_mean=y_mean, remainder=remainder, residual=None)
