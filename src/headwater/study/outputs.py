"""The files of a finished experiment, each written whole or not at all."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from headwater.files import replaced
from headwater.pages import drawing, frame
from headwater.pages.parts import Picture
from headwater.study.presentation import Presentation


def write(shown: Presentation, config: Mapping[str, Any], folder: Path, command: str = "") -> None:
    """Write trials.parquet, summary.csv, figure.svg, figure.png and report.html into the folder."""
    svg, png = drawing.as_files(shown.draw, shown.title)
    _write(folder / "trials.parquet", as_parquet(shown.trials))
    _write(folder / "summary.csv", as_csv(shown.summary).encode())
    _write(folder / "figure.svg", svg)
    _write(folder / "figure.png", png)
    _write(folder / "report.html", as_page(shown, config, svg.decode(), command))


def as_page(shown: Presentation, config: Mapping[str, Any], svg: str, command: str) -> bytes:
    """The figure, what it shows in words, every number and all that made it, in one file."""
    return frame.render(
        "study.html",
        title=shown.title,
        shown=shown,
        picture=Picture(drawing.inline(svg, "figure"), shown.title, shown.caption),
        config=config.items(),
        command=command,
        made_with=[*frame.versions(), ("protocol", shown.protocol)],
    )


def as_parquet(columns: Mapping[str, NDArray[Any]]) -> bytes:
    """A table of columns, numbers or texts, as the bytes of a Parquet file."""
    sink = io.BytesIO()
    parquet.write_table(pa.table(list(map(_column, columns.values())), names=list(columns)), sink)
    return sink.getvalue()


def _column(values: NDArray[Any]) -> pa.Array:
    if values.dtype.kind in "US":
        return pa.array(values.tolist(), pa.string())
    # By buffer: pa.array would import pandas, half a second.
    values = np.ascontiguousarray(values)
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, pa.py_buffer(values)])


def as_csv(summary: Sequence[Mapping[str, Any]]) -> str:
    """The summary, one line a row; an undefined number is an empty cell, infinity is inf."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(summary[0])
    for row in summary:
        writer.writerow(["" if isinstance(value, float) and math.isnan(value) else value for value in row.values()])
    return text.getvalue()


def _write(path: Path, content: bytes) -> None:
    with replaced(path, "--out") as part:
        part.write_bytes(content)
