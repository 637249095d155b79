"""Compatibility: whether a source's coefficients and a target's columns speak of the same features."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from headwater.selection.source import Source
from headwater.spectrum.rows import Array
from headwater.spectrum.spectrum import Spectrum

_EXACT = 1e-5  # what single precision leaves of an exact 0 or 1; chance comes this close in no real table


def check_alignment(
    source: Source,
    target: Spectrum,
    source_names: ArrayLike | None = None,
    target_names: ArrayLike | None = None,
    carried: bool = False,
) -> None:
    """Raise ValueError where source and target cannot share coefficients; warn where they probably do not.

    The trap is a preprocessor fitted to the target alone: ``make_pipeline(StandardScaler(), TransferRidge(source))``
    rescales the target by itself, so that the source's coefficients mean something else there. It shows: no other
    rows than those it was fitted to have means of exactly 0 and standard deviations of exactly 1. Where the source
    shows the same about other rows the misalignment is certain; otherwise it is a warning, but where the source has
    ``carried`` its own preprocessor to the target's rows.
    """
    if source.n_features != target.n_features:
        raise ValueError(
            f"the source has {source.n_features} features and the target {target.n_features}: they must be the same"
        )
    if source.n_outputs != target.n_outputs:
        raise ValueError(
            f"the source has {source.n_outputs} outputs and the target {target.n_outputs}: they must be the same"
        )
    if source_names is not None and target_names is None:
        warnings.warn(
            "X does not have valid feature names, but the source was fitted with feature names",
            UserWarning,
            stacklevel=5,
        )
    check_names(source_names, target_names)
    if not _standardised(target):
        return
    advice = "give TransferRidge the source's Pipeline, which carries its preprocessor, or transform both sides by one"
    if source.spectrum is not None and _standardised(source.spectrum) and not _same_rows(source.spectrum, target):
        raise ValueError(
            f"source and target were each standardised by their own means, so coefficients do not carry over: {advice}"
        )
    if not carried and (source.spectrum is None or not _same_rows(source.spectrum, target)):
        warnings.warn(
            f"the target's columns have mean 0 and deviation 1 exactly, as if standardised by themselves: {advice}",
            UserWarning,
            stacklevel=5,
        )


def check_names(source_names: ArrayLike | None, target_names: ArrayLike | None) -> None:
    """Raise ValueError where both sides name their columns and not alike."""
    if source_names is None or target_names is None:
        return
    named, given = list(np.asarray(source_names)), list(np.asarray(target_names))
    if sorted(named) == sorted(given) and named != given:
        raise ValueError("the target's columns are the source's in another order: put them in the source's order")
    if named != given:
        missing = [name for name in named if name not in given]
        raise ValueError(f"the target lacks the source's features {', '.join(map(str, missing[:5]))}")


def check_sources(sources: Sequence[Source]) -> None:
    """Raise ValueError where two of several sources were each standardised by their own rows.

    So it is where a preprocessor is shared by Pipelines fitted one after another: each fit refits it. Sources whose
    own preprocessors are known to rescale the columns differently are no matter for doubt.
    """
    doubtful = [(i, s.spectrum) for i, s in enumerate(sources) if s.spectrum is not None and s.unit is None]
    own = [(index, spectrum) for index, spectrum in doubtful if _standardised(spectrum)]
    for index, spectrum in own[1:]:
        if not _same_rows(own[0][1], spectrum):
            raise ValueError(
                f"source[{own[0][0]}] and source[{index}] were each standardised by their own means, so their "
                "coefficients speak of different units: fit one preprocessor first, and each source to what it makes"
            )


def _standardised(spectrum: Spectrum) -> bool:
    if spectrum.rank == 0 or not spectrum.basis.fit_intercept or not isinstance(spectrum.vectors, np.ndarray):
        return False
    return standardised(spectrum.x_mean, spectrum.vectors**2 @ spectrum.eigenvalues)


def standardised(mean: Array, variance: Array) -> bool:
    """Whether columns have means of exactly 0 and standard deviations of exactly 1, but for constant ones."""
    varies = variance > _EXACT * variance.max(initial=0.0)
    unit = np.abs(variance[varies] - 1.0) < _EXACT
    return bool(varies.any() and unit.all() and np.abs(mean).max() < _EXACT)


def _same_rows(one: Spectrum, other: Spectrum) -> bool:
    return one.rank == other.rank and bool(np.allclose(one.eigenvalues, other.eigenvalues, rtol=1e-6))
