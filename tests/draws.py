"""Draws that several rooms' tests share."""

from __future__ import annotations

import numpy as np
import scipy.sparse


def random_sparse(shape, density, rng):
    """A CSR array by coordinates: how SciPy's own function names its generator has changed over the versions."""
    places = tuple(rng.integers(0, size, int(density * np.prod(shape))) for size in shape)
    return scipy.sparse.coo_array((rng.random(len(places[0])), places), shape=shape).tocsr()
