"""Bad input, named: one-line ValueErrors for every argument of the theory."""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def finite(name: str, value: Any) -> float:
    """A finite real number; ValueError names it."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number, not {value!r}")
    return float(value)


def at_least(name: str, value: Any, bound: float) -> float:
    """A finite real number not below `bound`; ValueError names it."""
    number = finite(name, value)
    if number < bound:
        raise ValueError(f"{name} must be at least {bound:g}, not {value!r}")
    return number


def whole(name: str, value: Any, bound: int = 1) -> int:
    """A whole number not below `bound`; ValueError names it."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < bound:
        raise ValueError(f"{name} must be a whole number of at least {bound}, not {value!r}")
    return int(value)


def covariance(name: str, value: ArrayLike) -> Array:
    """Check a covariance given as eigenvalues (p,) or as a matrix (p, p), and freeze it; ValueError names it."""
    matrix = array(name, value)
    if matrix.ndim not in (1, 2) or matrix.size == 0 or (matrix.ndim == 2 and matrix.shape[0] != matrix.shape[1]):
        raise ValueError(f"{name} must be eigenvalues (p,) or a square matrix (p, p), not of shape {matrix.shape}")
    if matrix.ndim == 2 and np.abs(matrix - matrix.T).max() > 1e-10 * np.abs(matrix).max():
        raise ValueError(f"{name} must be symmetric")
    if matrix.ndim == 1 and matrix.min() < 0:
        raise ValueError(f"{name} has a negative eigenvalue ({matrix.min():g}): a covariance is positive semidefinite")
    if not matrix.any():
        raise ValueError(f"{name} is zero everywhere: there is nothing to learn from")
    return matrix


def covariances(source: ArrayLike, target: ArrayLike | None) -> tuple[Array, Array]:
    """Both covariances, checked, of one shape; the target's is the source's unless given."""
    first = covariance("source_covariance", source)
    second = first if target is None else covariance("target_covariance", target)
    if first.shape != second.shape:
        raise ValueError(
            f"target_covariance has shape {second.shape}, source_covariance {first.shape}: "
            "give both as eigenvalues (p,) or both as matrices (p, p)"
        )
    return first, second


def array(name: str, value: ArrayLike) -> Array:
    """A frozen floating-point array without NaN or infinity; ValueError names it."""
    if isinstance(value, np.ndarray) and value.dtype == np.float64 and not value.flags.writeable:
        result = value  # already frozen here: sharing it lets a realigned population keep its decomposition
    else:
        try:
            result = np.array(value, dtype=np.float64)
        except (TypeError, ValueError):
            raise ValueError(f"{name} must be an array of real numbers") from None
    if not np.isfinite(result).all():
        raise ValueError(f"{name} has a value that is not finite")
    return frozen(result)


def vector(name: str, value: ArrayLike, size: int) -> Array:
    """A frozen vector (size,); ValueError names it."""
    checked = array(name, value)
    if checked.shape != (size,):
        raise ValueError(f"{name} must have shape ({size},) to match the covariance, not {checked.shape}")
    return checked


def penalties(name: str, value: ArrayLike) -> Array:
    """Penalties in [0, ∞]; ValueError names the argument."""
    try:
        tau = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a number or an array of numbers, not {value!r}") from None
    if np.isnan(tau).any() or (tau < 0).any():
        raise ValueError(f"{name} must be at least 0 (inf allowed) and not NaN")
    return tau


def check_broadcast(source_tau: Array, target_tau: Array) -> None:
    """ValueError unless the two arrays of penalties broadcast together."""
    try:
        np.broadcast_shapes(source_tau.shape, target_tau.shape)
    except ValueError:
        raise ValueError(
            f"source_tau {source_tau.shape} and target_tau {target_tau.shape} do not broadcast: "
            "give source_tau a trailing axis for a grid, source_tau[:, None]"
        ) from None


def one_penalty(name: str, value: float | None) -> float | None:
    """A single penalty in [0, ∞], or None; ValueError names it."""
    if value is None:
        return None
    tau = penalties(name, value)
    if tau.ndim:
        raise ValueError(f"{name} must be one number here, not an array of shape {tau.shape}")
    return float(tau)


def frozen(values: Array) -> Array:
    """The same array, read-only."""
    values.flags.writeable = False
    return values
