"""Named source → target pairs: the paper's image and text data, whole in memory, from a folder or the hub."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from headwater.study.networks.catalogue import DATA_SETS, Images
from headwater.study.networks.messages import strip
from headwater.study.networks.origins import find
from headwater.study.networks.pixels import pixels

Features = NDArray[np.float32]
Labels = NDArray[np.int64]


class Rows(NamedTuple):
    """Rows of one task: X (n, …) float32, normalised; y (n,) the class numbers 0, 1, …"""

    X: Features
    y: Labels


class Task(NamedTuple):
    """One side of a pair: training rows, test rows, and the names of its classes in the order of their numbers."""

    train: Rows
    test: Rows
    classes: tuple[str, ...]


class Pair(NamedTuple):
    """A source and a target that share their features and no class."""

    source: Task
    target: Task


TERMS = 5000


@lru_cache(maxsize=1)
def load(name: str, data: Path | None = None) -> Pair:
    """The pair of that name in `DATA_SETS`, decoded and normalised as the paper does.

    Images: X (n, 1, 28, 28) or (n, 3, 32, 32), channel-normalised. Newsgroups: X (n, 5000), TF-IDF fitted on the
    source's training messages without English stop words, headers, footers and quotes. Read from `data`, which has the
    hub's layout, else from the Hugging Face hub, whose files stay in its own cache. The last pair is kept.

    Raises ValueError for an unknown name or a file that does not hold what it should, OSError for a file that is not
    there or cannot be downloaded, ImportError without the extra `nets`; each names the file and what to do.
    """
    if name not in DATA_SETS:
        raise ValueError(f"unknown data set {name!r}: choose from {', '.join(DATA_SETS)}")
    images = DATA_SETS[name].images
    return _texts(name, data) if images is None else _images(name, images, data)


def _read(path: Path, columns: Sequence[str]) -> pa.Table:
    try:
        schema = parquet.read_schema(path)
        missing = [column for column in columns if column not in schema.names]
        if missing:
            raise ValueError(f"{path} has no column {missing[0]!r}, it has {', '.join(schema.names)}: wrong file?")
        return parquet.read_table(path, columns=list(columns), use_threads=False)
    except (pa.ArrowInvalid, OSError) as problem:
        reason = str(problem).strip().splitlines()[0].rstrip(".")
        raise ValueError(f"{path} is not a whole Parquet file ({reason}): copy or download it again") from None


def _images(name: str, images: Images, data: Path | None) -> Pair:
    chosen = DATA_SETS[name]
    numbers = {label: i for i, label in enumerate(chosen.classes)}
    spread = np.array(images.spread, np.float32)[:, None, None]
    scale, shift = spread * 255, np.array(images.mean, np.float32)[:, None, None] / spread
    sides = []
    for path in find(name, data):
        table = _read(path, (images.column, "label"))
        decoded = pixels(path, table[images.column], images.shape)
        decoded = decoded[:, None] if len(images.shape) == 2 else decoded.transpose(0, 3, 1, 2)
        labels = table["label"].to_numpy()

        def normalised(rows: NDArray[np.intp], decoded: NDArray[np.uint8] = decoded) -> Features:
            X: Features = np.ascontiguousarray(decoded[rows], np.float32)
            X /= scale
            X -= shift
            return X

        sides.append(
            [_side(path, labels, [numbers[label] for label in task], task, normalised) for task in _tasks(name)]
        )
    return Pair(*(Task(sides[0][i], sides[1][i], classes) for i, classes in enumerate(_tasks(name))))


def _tasks(name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return DATA_SETS[name].source, DATA_SETS[name].target


def _side(
    path: Path,
    labels: NDArray[Any],
    numbers: Sequence[Any],
    classes: Sequence[str],
    features: Callable[[NDArray[np.intp]], Features],
) -> Rows:
    """The rows of some classes, renumbered 0, 1, … in the order given."""
    y = np.full(len(labels), -1, np.int64)
    for i, (number, name) in enumerate(zip(numbers, classes, strict=True)):
        mine = labels == number
        if not np.any(mine):
            raise ValueError(f"{path} has no row of class {name}: copy or download the file again")
        y[mine] = i
    rows = np.flatnonzero(y >= 0)
    return Rows(features(rows), y[rows])


def _texts(name: str, data: Path | None) -> Pair:
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(max_features=TERMS, stop_words="english", dtype=np.float32)
    paths = find(name, data)
    tables = [_read(path, ("text", "label_text")) for path in paths]
    texts = [np.array(strip(table["text"].to_pylist()), object) for table in tables]
    labels = [np.array(table["label_text"].to_pylist(), object) for table in tables]
    try:
        vectorizer.fit(texts[0][np.isin(labels[0], _tasks(name)[0])])
    except ValueError:
        raise ValueError(f"{paths[0]} holds no words of the source's groups: copy or download the file again") from None

    def side(i: int, task: tuple[str, ...]) -> Rows:
        return _side(paths[i], labels[i], task, task, lambda rows: vectorizer.transform(texts[i][rows]).toarray())

    return Pair(*(Task(side(0, task), side(1, task), task) for task in _tasks(name)))
