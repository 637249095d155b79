"""False alarms on public tables: nothing is refused, and every note of doubt is one that is listed here."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater.tables.pair import Roles, read_pair

PAIRS = Path(__file__).parents[3] / "shared" / "data" / "pairs"
DOUBTS = ("of tenfold", "tenfold another", "copies of others", "also rows of the source", "are they swapped",
          "nearly the", "far from all others", "add up to", "by its look", "stand for")  # fmt: skip
SWAPPED, UNITS, COPIES, COMMON = "are they swapped", "of tenfold", "copies of others", "by chance it would be about"

# the outcome, columns left out, and the doubts, each of which is true of the tables
CASES = {
    "breast": ("event3y", ("time", "status"), []),
    "meats": ("protein", ("water", "fat"), [COPIES]),
    "gasoline": ("octane", (), []),
    "fermentation": ("glucose", (), [SWAPPED, UNITS]),
    "mortgages": ("deny", (), []),
    "visits": ("visits", (), []),
    "murders": ("murders", (), ["by its look"]),
    "contraception": ("use", (), ["by its look", COMMON]),
    "schools": ("mAch", (), ["by its look", SWAPPED]),
    "athletes": ("colgpa", (), []),
    "injuries": ("ldurat", ("totmed",), []),
    "airfares": ("lfare", (), ["by their look"]),
    "coffee": ("total_cup_points", ("harvest_year",), []),
    "flights": ("late", (), []),
    "speech": ("pd", (), [UNITS]),
    "tweets": ("sentiment", (), [COMMON]),
}


@pytest.mark.skipif(not PAIRS.exists(), reason="the public tables are not here")
@pytest.mark.parametrize("name", CASES)
def test_each_pair(name):
    outcome, exclude, doubts = CASES[name]
    source, target = (next(PAIRS.glob(f"{name}-{side}.*")) for side in ("source", "target"))
    notes = read_pair(source, target, Roles(outcome, exclude=exclude)).notes
    told = [note for note in notes if any(doubt in note for doubt in (*DOUBTS, "by their look"))]
    assert len(told) == len(doubts), told
    assert all(any(doubt in note for note in told) for doubt in doubts), told
