"""One seed, and a stream of its own for every draw made from it."""

from __future__ import annotations

import zlib

import numpy as np


def stream(seed: int, draw: str) -> int:
    """The seed of one kind of draw: independent of the seed's other draws, and of every draw of another seed.

    Parameters
    ----------
    seed
        The one seed.
    draw
        What is drawn, "head" or "batches".

    Returns
    -------
    int
        For ``torch.manual_seed`` or a generator.

    Notes
    -----
    Generators that share a seed give the same numbers in the same order: a new head drawn from the seed of the source's
    first weights is, to the bit, the head the source began with.

    Examples
    --------
    >>> stream(0, "source") == stream(0, "source"), stream(0, "source") == stream(0, "head")
    (True, False)
    """
    return int(np.random.SeedSequence([seed, zlib.crc32(draw.encode())]).generate_state(1, np.uint64)[0] >> 1)
