"""What both examples learn from: MNIST, or scikit-learn's small digits, in two groups of classes, and turned images."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import rotate

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"  # the folder of the MNIST files; without it, the hub


class Rows(NamedTuple):
    """Images X (n, height, width) and their class numbers y (n,), 0 to 4."""

    X: NDArray[np.float32]
    y: NDArray[np.int64]


class Digits(NamedTuple):
    """``others``: 0, 3, 6, 8, 9. The rest are 1, 2, 4, 5, 7: training rows in two halves, and test rows."""

    others: Rows
    first: Rows
    second: Rows
    test: Rows


def load(small: bool) -> Digits:
    """scikit-learn's 8 × 8 digits where small, else MNIST."""
    if small:
        from sklearn.datasets import load_digits

        images, labels = load_digits(return_X_y=True)
        images = (images.reshape(-1, 8, 8).astype(np.float32) - 4.9) / 6.0
        held = np.arange(len(labels)) % 3 == 0
        others, train, test = (
            _classes(images[rows], labels[rows], names)
            for rows, names in ((slice(None), [0, 3, 6, 8, 9]), (~held, [1, 2, 4, 5, 7]), (held, [1, 2, 4, 5, 7]))
        )
    else:
        from headwater.study.networks import data as datasets

        pair = datasets.load("mnist", DATA if DATA.is_dir() else None)
        others, train, test = (Rows(X[:, 0], y) for X, y in (pair.source.train, pair.target.train, pair.target.test))
    half = len(train.y) // 2
    return Digits(others, Rows(train.X[:half], train.y[:half]), Rows(train.X[half:], train.y[half:]), test)


def turned(rows: Rows, angle: float) -> Rows:
    """The same digits, turned about the centre by an angle in degrees."""
    return Rows(rotate(rows.X, angle, axes=(2, 1), reshape=False, order=1, cval=rows.X.min()), rows.y)


def _classes(images: NDArray[np.float32], labels: NDArray[np.int64], names: list[int]) -> Rows:
    kept = np.isin(labels, names)
    return Rows(images[kept], np.searchsorted(names, labels[kept]))
