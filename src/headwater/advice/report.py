"""Report: an advice as one file that anybody can open. Needs matplotlib and jinja2."""

from __future__ import annotations

from pathlib import Path

from headwater.advice import column_pictures, pictures
from headwater.advice.summary import Summary
from headwater.files import replaced
from headwater.pages import frame
from headwater.pages.parts import Table


def write_report(summary: Summary, path: Path, command: str = "") -> None:
    """Write the page whole or not at all; raises OSError, of one line, where the path cannot be written."""
    page = as_page(summary, command)
    with replaced(path, "--report") as part:
        part.write_bytes(page)


def as_page(summary: Summary, command: str = "") -> bytes:
    """The page, in UTF-8; ``command`` is quoted in it as what made it."""
    return frame.render(
        "advice.html",
        title="Whether to transfer",
        summary=summary,
        table=Table("", summary.head, summary.cells, named=True),
        rivals=pictures.rivals(summary),
        penalties=pictures.penalties(summary),
        alignment=pictures.alignment(summary),
        coefficients=column_pictures.coefficients(summary),
        calibration=pictures.calibration(summary),
        differences=column_pictures.differences(summary),
        command=command,
        made_with=frame.versions(),
    )
