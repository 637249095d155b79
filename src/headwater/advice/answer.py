"""Answer: a comparison as it is printed, shown in a notebook, and asked for its table."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any

from headwater.advice.comparison import Comparison
from headwater.advice.rivals import Rival
from headwater.advice.summary import Summary, summarise_comparison
from headwater.advice.wording import rows_of_text, sentence, table, what_would_change_it
from headwater.estimators.by_name import as_frame
from headwater.pages.needed import check_installed

_NOTES = 2  # in the short form, which with them has fifteen lines at most


@dataclass(frozen=True, repr=False)
class Answer(Comparison):
    """What to do with a source and a target, in words."""

    def __str__(self) -> str:
        return self.brief()

    def __repr__(self) -> str:
        return "\n".join(line.rstrip() for line in [self.sentence, *rows_of_text(*table(self))])

    def _repr_html_(self) -> str:
        names, cells = table(self)
        head = "".join(f"<th>{escape(name)}</th>" for name in names)
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in cells)
        more = "".join(f"<p>{escape(line)}</p>" for line in [*what_would_change_it(self), *self.notes])
        return f"<p><b>{escape(self.sentence)}</b></p><table><tr>{head}</tr>{body}</table>{more}"

    def brief(self, the_rest: str = ".explanation") -> str:
        """At most fifteen lines: the verdict, the table, what would change it, what was done to the data.

        Parameters
        ----------
        the_rest : str
            Where notes that find no room are shown.

        Returns
        -------
        str
        """
        notes = [f"note: {note}" for note in self.notes]
        if len(notes) > _NOTES:
            notes = [*notes[: _NOTES - 1], f"note: {len(notes) - _NOTES + 1} more notes with {the_rest}"]
        lines = [self.sentence, "", *rows_of_text(*table(self)), *what_would_change_it(self), *notes]
        return "\n".join(line.rstrip() for line in lines)

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        return sentence(self)

    @property
    def explanation(self) -> str:
        """All that the advice rests on, each number with what it means."""
        return explain(self)

    @property
    def summary(self) -> Summary:
        """All of it as plain data, as text, JSON and the report show it."""
        return summarise_comparison(self)

    def report(self, path: str | PathLike[str], command: str = "") -> None:
        """Write a page that holds all of it, in one file that needs nothing else and can be sent.

        Parameters
        ----------
        path : str or path-like
            The HTML file to write.
        command : str
            What made it, quoted at its end.

        Raises
        ------
        ImportError
            Without matplotlib and jinja2, of the extra ``report``.
        OSError
            The file cannot be written.
        """
        check_installed("a report", "matplotlib", "jinja2")
        import_module("headwater.advice.report").write_report(self.summary, Path(path), command)

    @property
    def table(self) -> Any:
        """The table: a data frame of pandas, or else of polars, where one is installed, else a list of records."""
        return as_frame([_record(one) for one in self.rivals])


def _record(rival: Rival) -> dict[str, Any]:
    """A row of the table, flat."""
    error, gain = rival.error, rival.gain
    return {
        "name": rival.name, "error": error.estimate, "low": error.low, "high": error.high, "r2": rival.r2,
        "gain": gain.estimate, "gain_low": gain.low, "gain_high": gain.high, "chance": rival.chance,
        "left_out": rival.left_out, "doubted": rival.doubted,
    }  # fmt: skip


def explain(advice: Answer) -> str:
    """The advice with all notes and explanations."""
    lines = [advice.sentence, "", *rows_of_text(*table(advice)), *what_would_change_it(advice), ""]
    return "\n".join(
        line.rstrip() for line in [*lines, *advice.explanations(), *(f"note: {note}" for note in advice.notes)]
    )
