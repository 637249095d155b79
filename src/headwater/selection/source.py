"""Source: what a source model brings to a transfer, a whole regularisation path or one coefficient vector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logsumexp

from headwater.spectrum.rows import Array
from headwater.spectrum.spectrum import Spectrum


@dataclass(frozen=True, eq=False)
class Source:
    """Source coefficients ŵ0(τ0), as far as they are known.

    With a ``spectrum`` (of a SourceRidge) every penalty is at hand and ``optimal_tau`` is τ_S*. With published
    coefficients only, ``spectrum`` and ``optimal_tau`` are None and ``coef`` (q, p) is the one point of the path, whose
    standard errors ``coef_se`` (q, p) may be known.
    ``unit`` (p,) turns coefficients of its own columns into those of the target's, where these have other units.
    """

    coef: Array
    spectrum: Spectrum | None = None
    optimal_tau: float | Array | None = None
    unit: Array | None = None
    coef_se: Array | None = None

    @property
    def n_features(self) -> int:
        return int(self.coef.shape[1])

    @property
    def n_outputs(self) -> int:
        return int(self.coef.shape[0])

    @property
    def known_tau(self) -> float:
        """τ_S*; of published coefficients NaN, or inf where they are all zero."""
        if self.optimal_tau is None:
            return np.nan if self.coef.any() else np.inf
        return float(self.optimal_tau)

    def knows_uncertainty(self, tau: float) -> bool:
        """Whether what the coefficients at this penalty leave uncertain is known, and finite."""
        spectrum = self.spectrum
        if spectrum is None:
            return self.coef_se is not None
        return bool(np.isfinite(tau)) and (tau > 0 or spectrum.rank == spectrum.n_features)

    @property
    def stacks(self) -> bool:
        """Whether targets that meet it may be stacked: not where its axes are an operator's, of a wide sparse table."""
        return self.spectrum is None or isinstance(self.spectrum.vectors, np.ndarray)

    @cached_property
    def credibility(self) -> float:
        """The posterior probability, at even odds, that the source's outcome depends on its features at all.

        The evidence averaged over the penalty, whose shrinkage factor c/(c + τ) is uniform on (0, 1), c the mean
        nonzero eigenvalue, against that of no dependence; 1 for published coefficients.
        """
        if self.spectrum is None:
            return 1.0
        logs = np.linspace(-27.0, 16.0, 173)
        density = -2 * np.log(2 * np.cosh(logs / 2))
        height = self.spectrum.evidence(self.spectrum.unit * np.exp(logs)) + density
        log_odds = logsumexp(height) + np.log(logs[1] - logs[0]) - self.spectrum.evidence(np.inf)
        return float(expit(log_odds))

    def output(self, index: int) -> Source:
        """The same source with one output only."""
        tau = None if self.optimal_tau is None else float(np.broadcast_to(self.optimal_tau, self.n_outputs)[index])
        spectrum = None if self.spectrum is None else self.spectrum.output(index)
        coef_se = None if self.coef_se is None else self.coef_se[index : index + 1]
        return Source(self.coef[index : index + 1], spectrum, tau, self.unit, coef_se)

    def starts(self, tau: Array, scale: Array) -> Array:
        """α ŵ0(τ0) in the source's own axes, which ``expand`` turns into coefficients; (r or q, q, k).

        The axes are the eigenvectors or, of published coefficients, those coefficients themselves.
        """
        if self.spectrum is None:
            return np.where(np.isinf(tau), 0.0, scale)[..., None, None, :] * np.eye(self.n_outputs)[:, :, None]
        return np.moveaxis(self.spectrum.in_axes(tau) * scale[..., None, None], -3, -1)

    def expand(self, axes: Array) -> Array:
        """From the source's own axes (r or q, k) to coefficients (p, k)."""
        return self._in_units(self.coef.T @ axes if self.spectrum is None else self.spectrum.expand(axes))

    def project(self, columns: Array) -> Array:
        """From the features (p, k) to the source's own axes (r or q, k); the transpose of ``expand``."""
        inside = self._in_units(columns)
        return np.asarray(self.coef @ inside if self.spectrum is None else self.spectrum.project(inside))

    def onto(self, target: Spectrum) -> Array:
        """S1 V1' V0 (r1, r or q): takes starts in the source's axes to fitted values in the target's."""
        if self.spectrum is None or isinstance(self.spectrum.vectors, np.ndarray):
            columns = self.coef.T if self.spectrum is None else self.spectrum.vectors
            axes = target.project(self._in_units(columns))
        else:
            axes = self.spectrum.project(self._in_units(target.expand(np.eye(target.rank)))).T
        return np.asarray(target.singular_values[..., None] * axes)

    def _in_units(self, columns: Array) -> Array:
        return columns if self.unit is None else self.unit[:, None] * columns


def is_several(source: Any) -> bool:
    """Whether this is a list of sources: one that holds models or arrays, where coefficients would be plain numbers."""

    def is_model(one: Any) -> bool:
        marks = ("fit", "to_numpy", "params", "coef_")  # of estimators, series, results that were fitted, coefficients
        return isinstance(one, (np.ndarray, Source, Mapping)) or any(hasattr(one, mark) for mark in marks)

    return isinstance(source, (list, tuple)) and any(map(is_model, source))


def members(source: Any) -> tuple[Any, ...]:
    """The models in what a ``source`` parameter holds: none, one or several."""
    if source is None:
        return ()
    return tuple(source) if is_several(source) else (source,)


def as_source(model: Any) -> Source:
    """The Source of a fitted SourceRidge, of any fitted linear estimator, or of a coefficient array (p,) or (q, p).

    Standard errors are what a model without a spectrum has as ``coef_se_``, shaped as its ``coef_``. Raises ValueError
    for a model that is not fitted, holds no linear coefficients, or holds values that are not finite.
    """
    if isinstance(model, Source):
        return model
    fitted = getattr(model, "coef_", None)
    if fitted is None and not isinstance(model, (np.ndarray, list, tuple)):
        raise ValueError(
            f"source must be a fitted linear model or coefficients; {type(model).__name__} has no coef_: fit it first"
        )
    coef = np.atleast_2d(_numbers(model if fitted is None else fitted))
    if coef.ndim != 2 or not np.isfinite(coef).all():
        raise ValueError("source coefficients must be finite numbers, shaped (p,) or (q, p)")
    spectrum = getattr(model, "spectrum_", None)
    # The penalty that the model happens to be at is not the one best for it, unless it was asked to find that one.
    automatic = spectrum is None or getattr(model, "tau", None) == "auto"
    optimal = None if spectrum is None else model.tau_ if automatic else model.optimal_tau_
    return Source(coef, spectrum, optimal, coef_se=None if spectrum is not None else _standard_errors(model, coef))


def _standard_errors(model: Any, coef: Array) -> Array | None:
    given = getattr(model, "coef_se_", None)
    if given is None:
        return None
    errors = np.atleast_2d(_numbers(given))
    if errors.shape != coef.shape:
        raise ValueError("the source's coef_se_ must hold a standard error for each coefficient, shaped as coef_")
    if not (np.isfinite(errors) & (errors >= 0)).all():
        raise ValueError("the source's standard errors, coef_se_, must be finite and not below 0")
    return errors


def _numbers(values: ArrayLike) -> Array:
    values = values.toarray() if hasattr(values, "toarray") else values
    return np.asarray(values, dtype=np.float64)
