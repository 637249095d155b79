"""Quotes: a file that ends inside quotes has swallowed its last rows, and says where it began to."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa

_BLOCK = 1 << 24
_QUOTE = 34


def check_quotes(name: str, content: Any, delimiter: str) -> None:
    """Raise ValueError, with the line where they open, where a file or buffer ends inside quotes.

    In most files each quote opens or closes, so that counting them tells; those in the middle of unquoted cells do
    neither, and then the file is walked through cell by cell.
    """
    opens = np.zeros(256, bool)
    opens[[*b"\r\n", *delimiter.encode(), _QUOTE]] = True
    count, before, plain = 0, b"\n", True
    with pa.input_stream(content) as stream:
        while plain and (block := stream.read(_BLOCK)):
            if _QUOTE in block:
                codes = np.frombuffer(before + block, np.uint8)
                places = np.flatnonzero(codes[1:] == _QUOTE)
                plain = bool(opens[codes[places[count % 2 :: 2]]].all())  # those that open, by what stands before
                count += len(places)
            before = block[-1:]
    if plain and count % 2 == 0:
        return
    with pa.input_stream(content) as stream:
        text = stream.read()
    start = rb"(?:(?<=[\r\n" + re.escape(delimiter.encode()) + rb"])|^)"
    for cell in re.finditer(start + rb'"(?:[^"]+|"")*("?)', text):
        if not cell.group(1):
            line = 1 + text.count(b"\n", 0, cell.start())
            raise ValueError(f"{name}: the quotes that open in line {line} are never closed; close or delete them")
