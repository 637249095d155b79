"""Wording: an advice in words, first in fifteen lines that anybody can repeat, then all that it rests on, explained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from headwater.advice.comparison import Comparison
from headwater.advice.rivals import CHOSEN, MEAN, POOLED, SHIFTED, SOURCE, SOURCE_OPTIMAL
from headwater.selection.hypotheses import SCRATCH

WAYS = {
    CHOSEN: "what fit writes",
    SCRATCH: "scratch, the target's rows alone",
    SOURCE_OPTIMAL: "transfer, the source at its own best",
    POOLED: "both tables pooled, own level",
    SHIFTED: "the source, moved to the target's level",
    SOURCE: "the source as it is",
    MEAN: "the target's mean",
    "recalibrated": "the source, its level and slope refitted",
    "base_rate": "one rate for all rows",
}


def sentence(advice: Comparison) -> str:
    """The verdict in words: what to do first, then what it is expected to bring and how surely."""
    gain, alone = advice.gain.chosen, f"the target's {advice.counted} alone"
    error = f"prediction error ({advice.measure.removesuffix(' error')})"
    expected, worst, best = (_change(advice, end) for end in (gain.estimate, gain.low, gain.high))
    if advice.verdict == "transfer":
        return (
            f"Transfer. Expect about {expected} {error} than from {alone}: it helps with a chance of "
            f"{_percent(advice.rival[CHOSEN].chance)}, and 9 times in 10 the error is from {best} to {worst}."
        )
    if advice.verdict == "scratch":
        if gain.high <= 0:
            return f"Do not transfer. What fit writes takes nothing off the {error} of {alone}."
        return (
            f"Do not transfer: it would not help enough. Use {alone}; a transfer is expected to have {expected} "
            f"{error}, at best {best}."
        )
    now = f"Too little data to tell; for now use {'the transfer as fitted' if advice.safer == 'transfer' else alone}"
    if not np.isfinite(gain.low):
        return f"{now}."
    return (
        f"{now}, expected to err less. Against {alone} a transfer's {error} may be anything from {best} to {worst} "
        "(9 times in 10)."
    )


def _percent(chance: float) -> str:
    """A chance in whole per cent, never as a certainty."""
    return "more than 99 %" if chance > 0.99 else f"{100 * chance:.0f} %"


def _change(advice: Comparison, gain: float) -> str:
    """A gain as a share of scratch's error, to two digits."""
    scratch = advice.rival[SCRATCH].error.estimate
    share = gain / scratch if scratch else 0.0
    if not np.isfinite(share):
        return "unknown"
    return f"{digits(100 * abs(share), 2)} % {'more' if share < 0 else 'less'}" if abs(share) >= 5e-5 else "no less"


def table(advice: Comparison) -> tuple[list[str], list[list[str]]]:
    """The table's column names and its cells."""
    errors = [(one.error.estimate, one.error.low, one.error.high) for one in advice.rivals]
    cells = []
    for one, (estimate, low, high) in zip(advice.rivals, _numbers(errors), strict=True):
        against = "" if one.name == SCRATCH or not np.isfinite(one.gain.low) else _change(advice, one.gain.estimate)
        r2 = "" if np.isnan(one.r2) else f"{one.r2:.2f}"
        cells.append([WAYS[one.name], estimate, f"{low} to {high}", r2, against])
    return ["expected on new target rows", advice.measure, "90 % interval", "R2", "than scratch"], cells


def _numbers(values: Sequence[tuple[float, ...]]) -> list[tuple[str, ...]]:
    """Three digits each, all in one notation: powers of ten only where some number would need seven places."""
    sizes = [abs(value) for row in values for value in row if np.isfinite(value) and value]
    plain = not sizes or (min(sizes) >= 1e-4 and max(sizes) < 1e7)

    def written(value: float) -> str:
        if not np.isfinite(value):
            return "unknown"
        return digits(value, 3) if plain else f"{value:.2e}"

    return [tuple(written(value) for value in row) for row in values]


def digits(value: float, digits: int) -> str:
    """So many significant digits, without powers of ten."""
    rounded = float(f"{value:.{digits - 1}e}")
    size = int(np.floor(np.log10(abs(rounded)))) if rounded else 0
    return f"{rounded:,.{max(digits - 1 - size, 0)}f}"


def rows_of_text(names: list[str], rows: list[list[str]]) -> list[str]:
    """Columns of plain text: the first to the left, the rest to the right."""
    widths = [max(len(row[index]) for row in [names, *rows]) for index in range(len(names))]
    return [
        "  "
        + "  ".join(cell.rjust(w) if i else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True)))
        for row in [names, *rows]
    ]


def what_would_change_it(advice: Comparison) -> Iterator[str]:
    """How the model was made, and what would change the answer; a line each."""
    gain, rows = advice.gain.chosen, advice.rows
    yield f"what fit writes is {advice.how}"
    if advice.verdict == "transfer":
        yield "more target rows would make it surer, and many more do without the source"
    elif advice.verdict == "scratch":
        yield "a source that is closer to the target, or more of its rows, might change it; more target rows will not"
    elif not np.isfinite(gain.low):
        yield "more target rows would change it, at least three and with features that vary"
    else:
        wrong = f"a transfer may cost {_change(advice, gain.low)} error, scratch may forgo {_change(advice, gain.high)}"
        if np.isnan(rows.estimate):
            yield f"{wrong}; twenty times the target rows are not expected to settle it"
        else:
            ends = [_rounded(end) if np.isfinite(end) else "many" for end in (rows.low, rows.high)]
            yield f"{wrong}; about {_rounded(rows.estimate)} more target rows ({ends[0]} to {ends[1]}) would settle it"


def contradictions(advice: Comparison) -> Iterator[str]:
    """Where the rows left out say otherwise than the table."""
    chosen = advice.rival[CHOSEN].left_out
    for one in advice.rivals:
        if one.doubted:
            yield (
                f"left out one at a time, the target's own rows say that {WAYS[one.name]!r} errs less "
                f"({one.left_out:.3g}) than what fit writes ({chosen:.3g}), more than chance would have it"
            )


def _rounded(rows: float) -> str:
    """Two significant digits: it is known no better."""
    return f"{float(f'{rows:.2g}'):,.12g}"


def as_asked(model: Any) -> str | None:
    """How a model at given penalties was made; None of one that chose both."""
    if model.source_tau == "auto" and model.tau == "auto":
        return None
    what = "a transfer" if model.source_tau == "auto" or np.isfinite(model.source_tau) else "scratch"
    return f"{what} with the penalties that were asked for"


def written(advice: Comparison, model: Any, transferred: bool, how: str) -> str:
    """What fit writes: ``how`` is a transfer's own, after those words."""
    asked = as_asked(model)
    if asked is not None:
        return asked
    share = f"the source has {_percent(advice.weight)} of the weight"
    share += "; at the source penalty inf it would be scratch" * (advice.verdict == SCRATCH)
    return f"a transfer{how}; {share}" if transferred else f"nearly scratch, an average in which {share}"


def next_to_nothing(scale: float) -> bool:
    """Whether coefficients multiplied by this are hardly used."""
    return abs(scale) < 0.05


def asked_for(penalties: Mapping[str, float]) -> str:
    """What is said of a model at the penalties asked for."""
    words = ", ".join(f"--{name.replace('_', '-')} {value:g}" for name, value in penalties.items())
    return (
        f"the model has the penalties asked for ({words}), and the table and the verdict are about it; all else is "
        "about a free choice"
    )
