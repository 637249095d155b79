"""What rows of a generalised linear model must be: outcomes, and numbers one a row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import assert_all_finite, check_consistent_length, column_or_1d

from headwater.spectrum.rows import Array


def outcomes_of(rows: Array, y: Any) -> Any:
    """One finite outcome or label a row, as ``validate_data`` has it where no Pipeline prepares the rows."""
    check_consistent_length(rows, y)
    y = column_or_1d(y, warn=True)
    assert_all_finite(y, input_name="y")
    return y


def checked(values: ArrayLike | None, rows: int, name: str) -> Array:
    """One number a row, finite, not negative and not all zero; ones where None."""
    if values is None:
        return np.ones(rows)
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be one number a row") from None
    if found.shape == () and name == "sample_weight":
        found = np.full(rows, float(found))
    if found.shape != (rows,):
        raise ValueError(f"{name} has shape {found.shape}; it needs one number a row, ({rows},)")
    if name == "exposure" and not (np.isfinite(found).all() and (found > 0).all()):
        raise ValueError("exposure must be finite and above 0 in every row")
    if not np.isfinite(found).all() or (found < 0).any() or not found.any():
        raise ValueError(f"{name} must be finite, not negative, and not all zero")
    return found


def dense(rows: Any) -> Array:
    """What a preprocessor made, sparse or not."""
    return np.asarray(rows.toarray() if hasattr(rows, "toarray") else rows)
