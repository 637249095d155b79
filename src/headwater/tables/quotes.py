"""Quotes: a file that ends inside quotes has swallowed its last rows, and says where it began to."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa

_BLOCK = 1 << 24
_QUOTE = 34


def check_quotes(name: str, content: Any, delimiter: str) -> None:
    """Raise ValueError, with the line where they open, where quotes of a file or buffer swallow rows.

    So they do where the file ends inside them, or where they go on into later lines and close in the middle of a cell.
    In most files each quote opens after, or closes before, the end of a cell, so that counting tells; else the file
    is walked through cell by cell.
    """
    if _is_plain(content, delimiter):
        return
    with pa.input_stream(content) as stream:
        text = stream.read()
    ends = re.escape(delimiter.encode())
    for cell in re.finditer(rb"(?:(?<=[\r\n" + ends + rb'])|^)"(?:[^"]+|"")*("?)(?:' + ends + rb"|[\r\n]|$|())", text):
        closed, amid = bool(cell.group(1)), cell.group(2) is not None
        if not closed or (amid and re.search(rb"[\r\n]", cell.group())):
            line = 1 + len(re.findall(rb"\r\n?|\n", text[: cell.start()]))
            how = "close in the middle of a cell of a later line" if closed else "are never closed"
            raise ValueError(f"{name}: the quotes that open in line {line} {how}; close or delete them")


def _is_plain(content: Any, delimiter: str) -> bool:
    """Whether quotes open and close in turn, each at an end of a cell, to the last."""
    ends = np.zeros(256, bool)
    ends[[*b"\r\n", *delimiter.encode(), _QUOTE]] = True
    count, before = 0, b"\n"
    with pa.input_stream(content) as stream:
        block = stream.read(_BLOCK)
        while block:
            after = stream.read(_BLOCK)
            if _QUOTE in block:
                codes = np.frombuffer(before + block + (after[:1] or b"\n"), np.uint8)
                places = np.flatnonzero(codes[1:-1] == _QUOTE)
                opening, closing = places[count % 2 :: 2], places[(count + 1) % 2 :: 2]
                if not (ends[codes[opening]].all() and ends[codes[closing + 2]].all()):
                    return False
                count += len(places)
            before, block = block[-1:], after
    return count % 2 == 0
