"""One setting for the whole suite: no deadlines, for the machine may be busy. Examples are drawn anew in every run."""

import numpy as np
import pytest
import scipy.sparse
from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture
def random_sparse():
    """Draws a CSR array by coordinates: the keyword for SciPy's own generator has changed over the versions."""

    def draw(shape, density, rng):
        count = int(density * np.prod(shape))
        places = tuple(rng.integers(0, size, count) for size in shape)
        return scipy.sparse.coo_array((rng.random(count), places), shape=shape).tocsr()

    return draw
