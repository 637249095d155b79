"""The files of a finished experiment, each written whole or not at all."""

from __future__ import annotations

import csv
import io
import math
import os
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from headwater.study import figures, report
from headwater.study.experiments import Array, Synthetic
from headwater.study.store import Record
from headwater.study.summary import Row, outcomes


def write(
    experiment: Synthetic, records: Sequence[Record], rows: Sequence[Row], folder: Path, command: str = ""
) -> None:
    """Write trials.parquet, summary.csv, figure.svg, figure.png and report.html into the folder."""
    svg, png = figures.draw(experiment, rows)
    replace(folder / "trials.parquet", as_parquet(outcomes(experiment, records)))
    replace(folder / "summary.csv", as_csv(experiment, rows).encode())
    replace(folder / "figure.svg", svg)
    replace(folder / "figure.png", png)
    replace(folder / "report.html", report.render(experiment, rows, svg.decode(), command).encode())


def as_parquet(columns: dict[str, Array]) -> bytes:
    """A table of columns as the bytes of a Parquet file."""
    arrays = [  # by buffer: pa.array would import pandas, half a second
        pa.Array.from_buffers(pa.from_numpy_dtype(column.dtype), len(column), [None, pa.py_buffer(column)])
        for column in columns.values()
    ]
    sink = io.BytesIO()
    parquet.write_table(pa.table(arrays, names=list(columns)), sink)
    return sink.getvalue()


def as_csv(experiment: Synthetic, rows: Sequence[Row]) -> str:
    """The summary, one line a row; an undefined number is an empty cell, infinity is inf."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = list(asdict(rows[0]))
    writer.writerow([experiment.curve, *names[1:]])
    for row in rows:
        writer.writerow(["" if math.isnan(number) else number for number in asdict(row).values()])
    return text.getvalue()


def replace(path: Path, content: bytes) -> None:
    """Put the content in place of the file at once: a reader, or a second run, never sees half of it."""
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
