"""Images as pixels: decoded once, then read from a cache."""

from __future__ import annotations

import hashlib
import io
import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headwater.files import replaced


def pixels(path: Path, column: pa.ChunkedArray, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Every image of a file's column as pixels (n, *shape), from the cache if these bytes were decoded before.

    The cache is `headwater` below $XDG_CACHE_HOME, ~/.cache unless set; a file there is named by the SHA-256 of what
    it was decoded from, and can be deleted at any time. Where it cannot be written, images are decoded every time.
    """
    kept = _folder() / f"{hashlib.sha256(path.read_bytes()).hexdigest()}.npy"
    with suppress(OSError, ValueError):  # nothing there, or not whole
        found = np.load(kept, mmap_mode="r")
        if found.dtype == np.uint8 and found.shape == (len(column), *shape):
            return found
    decoded = _decode(path, column, shape)
    with suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        with replaced(kept) as part, part.open("wb") as file:
            np.save(file, decoded)
    return decoded


def _folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "headwater"


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
