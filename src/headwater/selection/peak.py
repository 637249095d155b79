"""Peak: where a smooth surface on two axes is highest, of one target or of each of many that are stacked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from headwater.spectrum.rows import Array


def peak(value: Callable[[Array, Array], Array], nodes: Array, logs: Array, height: Array) -> tuple[Array, Array]:
    """Where a smooth surface is highest: its best node, then finer grids about it, then where its slopes vanish.

    ``height`` (k, m) is the surface on a first grid. Comparing values finds a peak to √ε; the last steps are Newton's,
    on slopes by differences of fourth order. Each of surfaces stacked goes its own way.
    """
    lead = height.shape[:-2]
    axes = [np.broadcast_to(axis, (*lead, axis.shape[-1])) for axis in (nodes, logs)]
    found, steps, going = np.zeros((*lead, 2)), np.zeros((*lead, 2)), np.ones(lead, dtype=bool)
    for _ in range(12):
        top = np.unravel_index(height.reshape(*lead, -1).argmax(axis=-1), height.shape[-2:])
        here = np.stack([node_at(axis, index) for axis, index in zip(axes, top, strict=True)], axis=-1)
        step = np.stack([_step(axis) for axis in axes], axis=-1)
        found, steps = (np.where(going[..., None], new, old) for new, old in ((here, found), (step, steps)))
        going = going & (steps.max(axis=-1) >= 1e-2)
        if not going.any():
            break
        axes = [_around(axis, index) for axis, index in zip(axes, top, strict=True)]
        height = value(*axes)
    free = np.flatnonzero(steps.reshape(-1, 2)[0])
    if not len(free):
        return found[..., 0], found[..., 1]
    refined, going, lost = found.copy(), np.ones(lead, dtype=bool), np.zeros(lead, dtype=bool)
    for _ in range(12):
        grid = value(refined[..., :1] + _OFFSETS, refined[..., 1:] + _OFFSETS)
        finite = np.asarray(np.isfinite(grid).all(axis=(-2, -1)))
        slope, curvature = _derivatives(np.where(finite[..., None, None], grid, 0.0))
        slope, curvature = slope[..., free], curvature[..., free[:, None], free]
        curved = np.linalg.eigvalsh(curvature).max(axis=-1) < 0
        curvature = np.where(curved[..., None, None], curvature, -np.eye(len(free)))
        move = np.where((going & curved)[..., None], np.linalg.solve(curvature, slope[..., None])[..., 0], 0.0)
        refined[..., free] -= move
        near = (np.abs(refined - found) <= 4 * steps + 1e-9).all(axis=-1)  # else an end, or a ridge without a top
        lost |= going & ~(finite & curved & near)
        going = going & ~lost & (np.abs(move).max(axis=-1) >= 1e-13)
        if not going.any():
            break
    refined = np.where(lost[..., None], found, refined)
    return refined[..., 0], refined[..., 1]


_WIDTH = 1e-2
_OFFSETS = _WIDTH * np.arange(-2, 3)
_FIRST, _SECOND = np.array([1, -8, 0, 8, -1]) / (12 * _WIDTH), np.array([-1, 16, -30, 16, -1]) / (12 * _WIDTH**2)


def _derivatives(grid: Array) -> tuple[Array, Array]:
    """Slopes (2,) and curvatures (2, 2) from a grid of five by five values, or five by one."""
    if grid.shape[-1] == 1:
        grid = np.repeat(grid, 5, axis=-1)
    across, along = grid[..., 2], grid[..., 2, :]
    mixed = _FIRST @ grid @ _FIRST
    curvature = np.array([[across @ _SECOND, mixed], [mixed, along @ _SECOND]])
    return np.stack([across @ _FIRST, along @ _FIRST], axis=-1), np.moveaxis(curvature, (0, 1), (-2, -1))


def _around(nodes: Array, index: Array) -> Array:
    """A finer grid about a node, or one as fine where the peak may lie beyond the grid's end; a lone node stays."""
    count = nodes.shape[-1]
    if count == 1:
        return nodes
    step = _step(nodes)
    reach = np.where((count == 13) & ((index == 0) | (index == count - 1)), 6 * step, step)
    return np.asarray(node_at(nodes, index)[..., None] + reach[..., None] * np.linspace(-1, 1, 13))


def _step(nodes: Array) -> Array:
    return nodes[..., 1] - nodes[..., 0] if nodes.shape[-1] > 1 else np.zeros(nodes.shape[:-1])


def node_at(nodes: Array, index: Any) -> Array:
    """Each target's node of this index, of nodes (k,) that they may share."""
    nodes, index = np.broadcast_to(nodes, (*np.shape(index), nodes.shape[-1])), np.asarray(index)
    return np.asarray(np.take_along_axis(nodes, index[..., None], axis=-1)[..., 0])
