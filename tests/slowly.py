"""Work that takes a moment, for workers that may be lost meanwhile; they import this, and so it imports little."""

from __future__ import annotations

import time


def square(value):
    time.sleep(0.05)
    return value**2


def moments(rows, y):
    from headwater.spectrum.partitions import of_partition

    time.sleep(0.05)
    return of_partition(rows, y)
