"""Checks: an experiment's numbers, refused in the words of its command's options."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def require(field: str, holds: bool, what: str) -> None:
    """Raise ValueError that begins with the option's name unless it holds."""
    if not holds:
        option = "features" if field == "n_features" else field.replace("_", "-")
        raise ValueError(f"--{option} {what}")


def require_numbers(field: str, values: Sequence[float]) -> None:
    """A list of numbers: not empty, finite, none twice."""
    require(field, len(values) > 0, "is empty")
    require(field, all(map(math.isfinite, values)), "must hold finite numbers")
    require(field, len(set(values)) == len(values), "holds a value twice")


def require_gammas(gammas: Sequence[float], n_features: int) -> None:
    """γ = p/n0 that leave one to a million rows."""
    require("gammas", min(gammas) > 0, "must be positive")
    for gamma in gammas:
        require("gammas", n_features / gamma >= 0.5, f"{gamma:g} leaves no source row: features / gamma < 1")
        require("gammas", n_features / gamma <= 1e6, f"{gamma:g} asks for more than a million source rows")


def require_penalties(field: str, penalties: Sequence[float], least: int) -> None:
    """A grid of penalties: positive, increasing, at least so many."""
    require(field, min(penalties) > 0, "must be positive")
    require(field, len(penalties) >= least, f"needs at least {least} penalties to choose between")
    require(field, list(penalties) == sorted(penalties), "must increase")
