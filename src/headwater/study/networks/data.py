"""Named source → target pairs: the paper's image and text data, whole in memory, from a folder or the hub."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

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


@dataclass(frozen=True)
class Origin:
    """Where a data set's files are: below `--data` (train, test), and the same files on the Hugging Face hub."""

    local: tuple[str, str]
    repository: str
    hub: tuple[str, str]
    revision: str
    column: str


_PARTS = ("train-00000-of-00001.parquet", "test-00000-of-00001.parquet")
ORIGINS = {
    "mnist": Origin(
        local=(f"mnist/mnist/{_PARTS[0]}", f"mnist/mnist/{_PARTS[1]}"),
        repository="ylecun/mnist",
        hub=(f"mnist/{_PARTS[0]}", f"mnist/{_PARTS[1]}"),
        revision="main",
        column="image",
    ),
    "cifar10": Origin(
        local=(f"cifar10/plain_text/{_PARTS[0]}", f"cifar10/plain_text/{_PARTS[1]}"),
        repository="uoft-cs/cifar10",
        hub=(f"plain_text/{_PARTS[0]}", f"plain_text/{_PARTS[1]}"),
        revision="main",
        column="img",
    ),
    "newsgroups": Origin(
        local=("20_newsgroups/train.parquet", "20_newsgroups/test.parquet"),
        repository="SetFit/20_newsgroups",
        hub=("default/train/0000.parquet", "default/test/0000.parquet"),
        revision="refs/convert/parquet",  # the hub's own Parquet form of a repository that holds JSON lines
        column="text",
    ),
}

OBJECTS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SPLITS = {
    "mnist": (tuple("03689"), tuple("12457")),
    "cifar10": (
        ("bird", "cat", "deer", "dog", "frog"),
        ("airplane", "automobile", "horse", "ship", "truck"),
    ),
    "newsgroups": (
        (
            "comp.graphics",
            "comp.os.ms-windows.misc",
            "comp.sys.ibm.pc.hardware",
            "comp.sys.mac.hardware",
            "comp.windows.x",
            "sci.crypt",
            "sci.electronics",
            "sci.med",
            "sci.space",
        ),
        (
            "rec.autos",
            "rec.motorcycles",
            "rec.sport.baseball",
            "rec.sport.hockey",
            "talk.politics.misc",
            "talk.politics.guns",
            "talk.religion.misc",
            "misc.forsale",
            "alt.atheism",
        ),
    ),
}
MEAN_AND_SPREAD = {  # per channel, of pixels in [0, 1]
    "mnist": ((0.1307,), (0.3081,)),
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
}
TERMS = 5000


@lru_cache(maxsize=1)
def load(name: str, data: Path | None = None) -> Pair:
    """The pair of that name ("mnist", "cifar10", "newsgroups"), decoded and normalised as the paper does.

    Images: X (n, 1, 28, 28) or (n, 3, 32, 32), channel-normalised. Newsgroups: X (n, 5000), TF-IDF fitted on the
    source's training messages without English stop words, headers, footers and quotes. Read from `data`, which has the
    hub's layout (`ORIGINS`), else from the Hugging Face hub, whose files stay in its own cache. The last pair is kept.

    Raises ValueError for an unknown name or a file that does not hold what it should, OSError for a file that is not
    there or cannot be downloaded, ImportError without the extra `nets`; each names the file and what to do.
    """
    if name not in ORIGINS:
        raise ValueError(f"unknown data set {name!r}: choose from {', '.join(ORIGINS)}")
    return _newsgroups(data) if name == "newsgroups" else _images(name, data)


def find(name: str, data: Path | None = None) -> tuple[Path, Path]:
    """The files (train, test) of a data set: below `data`, or the hub's copy, downloaded once.

    Raises OSError where one is missing; nothing is read.
    """
    origin = ORIGINS[name]
    if data is None:
        return _download(origin, origin.hub[0]), _download(origin, origin.hub[1])
    if not data.is_dir():
        raise FileNotFoundError(f"--data {data}: there is no such folder")
    found = data / origin.local[0], data / origin.local[1]
    for path in found:
        if not path.is_file():
            raise FileNotFoundError(
                f"--data {data}: {path} is missing: put the files of the hub's {origin.repository} there as "
                f"{' and '.join(origin.local)}, or leave out --data to download them"
            )
    return found


def _download(origin: Origin, file: str) -> Path:
    try:
        import huggingface_hub
        from huggingface_hub.errors import LocalEntryNotFoundError
    except ImportError:
        raise ImportError(
            "downloading needs huggingface_hub: pip install 'headwater[nets]', or name a folder with --data"
        ) from None
    fetch = partial(
        huggingface_hub.hf_hub_download, origin.repository, file, repo_type="dataset", revision=origin.revision
    )
    try:
        try:  # what is cached needs no network, not even to ask whether it is current
            return Path(fetch(local_files_only=True))
        except LocalEntryNotFoundError:
            logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it would print a line for every attempt
            return Path(fetch())
    except OSError as problem:
        reason = next(iter(str(problem).strip().splitlines()), type(problem).__name__)
        raise OSError(
            f"cannot download {file} of {origin.repository} from the Hugging Face hub ({reason.rstrip('.')}): check "
            "the network and run the same command again, or name a folder that holds the files with --data"
        ) from None


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


def _images(name: str, data: Path | None) -> Pair:
    origin, (source, target) = ORIGINS[name], SPLITS[name]
    names = OBJECTS if name == "cifar10" else tuple("0123456789")
    (mean, spread), numbers = MEAN_AND_SPREAD[name], {label: i for i, label in enumerate(names)}
    scale = np.array(spread, np.float32)[:, None, None] * 255
    shift = np.array(mean, np.float32)[:, None, None] / np.array(spread, np.float32)[:, None, None]
    sides = []
    for path in find(name, data):
        table = _read(path, (origin.column, "label"))
        pixels = _decode(path, table[origin.column], (28, 28) if name == "mnist" else (32, 32, 3))
        pixels = pixels[:, None] if name == "mnist" else pixels.transpose(0, 3, 1, 2)
        labels = table["label"].to_numpy()

        def normalised(rows: NDArray[np.intp], pixels: NDArray[np.uint8] = pixels) -> Features:
            X: Features = np.ascontiguousarray(pixels[rows], np.float32)
            X /= scale
            X -= shift
            return X

        sides.append(
            [_side(path, labels, [numbers[label] for label in task], task, normalised) for task in (source, target)]
        )
    return Pair(*(Task(sides[0][i], sides[1][i], classes) for i, classes in enumerate((source, target))))


def _decode(path: Path, column: pa.ChunkedArray, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Every image as pixels (n, *shape).

    One thread: Pillow's cost per tiny image is Python's own, and a second thread only waits for the first.
    """
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise ImportError("reading images needs pillow: pip install 'headwater[nets]'") from None
    if not (pa.types.is_struct(column.type) and column.type.get_field_index("bytes") >= 0):
        raise ValueError(f"{path} does not hold images as {{bytes, path}}: it is not the hub's file")
    images = pa.chunked_array([chunk.field("bytes") for chunk in column.chunks], pa.binary()).to_pylist()
    parts, size = [], int(np.prod(shape))
    for i, image in enumerate(images):
        try:
            pixels = Image.open(io.BytesIO(image or b""), formats=("PNG", "JPEG")).tobytes()
        except (UnidentifiedImageError, OSError, SyntaxError):
            raise ValueError(
                f"{path}, row {i}: not a whole PNG or JPEG image: copy or download the file again"
            ) from None
        if len(pixels) != size:
            raise ValueError(f"{path}, row {i}: an image of another size than {' × '.join(map(str, shape))}")
        parts.append(pixels)
    return np.frombuffer(b"".join(parts), np.uint8).reshape(-1, *shape)


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


def _newsgroups(data: Path | None) -> Pair:
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(max_features=TERMS, stop_words="english", dtype=np.float32)
    paths = find("newsgroups", data)
    tables = [_read(path, ("text", "label_text")) for path in paths]
    texts = [np.array(strip(table["text"].to_pylist()), object) for table in tables]
    labels = [np.array(table["label_text"].to_pylist(), object) for table in tables]
    try:
        vectorizer.fit(texts[0][np.isin(labels[0], SPLITS["newsgroups"][0])])
    except ValueError:
        raise ValueError(f"{paths[0]} holds no words of the source's groups: copy or download the file again") from None

    def side(i: int, task: tuple[str, ...]) -> Rows:
        return _side(paths[i], labels[i], task, task, lambda rows: vectorizer.transform(texts[i][rows]).toarray())

    return Pair(*(Task(side(0, task), side(1, task), task) for task in SPLITS["newsgroups"]))


_HEADER = re.compile(r"[ \w.!-]+[:!]")
_QUOTED = re.compile(r"(writes in|writes:|wrote:|says:|said:|^In article|^Quoted from|^\||^>)")


def strip(messages: Sequence[str | None]) -> list[str]:
    """The messages without headers, quotes and footers, by the rules of scikit-learn's `fetch_20newsgroups`.

    Messages that mostly come without a header come stripped, as the hub's copy does: stripping twice would cost
    their first and last paragraphs.

    >>> strip(["From: ada\\nSubject: tea\\n\\n> hot\\nCold tea.\\n\\n-- \\nAda"])
    ['Cold tea.\\n']
    """
    texts = [message or "" for message in messages]
    if sum(_HEADER.match(text) is not None for text in texts) * 2 < len(texts):
        return texts
    return [_without_footer(_without_quotes(text.partition("\n\n")[2])) for text in texts]


def _without_quotes(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if not _QUOTED.search(line))


def _without_footer(text: str) -> str:
    """Without the last block, where a blank line or one of dashes sets it apart."""
    lines = text.strip().split("\n")
    for i in range(len(lines) - 1, 0, -1):
        if lines[i].strip().strip("-") == "":
            return "\n".join(lines[:i])
    return text
