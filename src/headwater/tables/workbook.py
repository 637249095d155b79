"""Workbook: the first sheet of a spreadsheet as CSV, which is then read as any other."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pyarrow as pa


def as_csv(path: Path) -> tuple[pa.Buffer, list[str]]:
    """The cells' values, as computed when it was last saved, and notes. Needs openpyxl.

    Raises ValueError, of one line that names the file, where it is no whole workbook.
    """
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise ImportError(f"{path}: spreadsheets need openpyxl: pip install 'headwater[excel]'") from None
    try:
        book = load_workbook(path, read_only=True, data_only=True)
        sheets, text = book.sheetnames, io.StringIO()
        rows = [row for row in book[sheets[0]].iter_rows(values_only=True) if any(cell is not None for cell in row)]
    except Exception as problem:  # zip, XML and openpyxl have a dozen ways to say it
        raise ValueError(f"{path}: not a whole spreadsheet: {problem}") from None
    width = max((1 + index for row in rows for index, cell in enumerate(row) if cell is not None), default=0)
    csv.writer(text, lineterminator="\n").writerows([_text(cell) for cell in row[:width]] for row in rows)
    notes = [f"{path}: read its first sheet, {sheets[0]!r}, of {len(sheets)}"] if len(sheets) > 1 else []
    return pa.py_buffer(text.getvalue().encode()), notes


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.isoformat(" ") if cell.time() != time.min else cell.date().isoformat()
    return cell.isoformat() if isinstance(cell, date) else str(cell)
