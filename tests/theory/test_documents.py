"""The examples in the theory's document run; tests/test_docs.py runs those of the docstrings."""

import doctest
from pathlib import Path

from headwater import theory


def test_theory_document():
    document = Path(__file__).parents[2] / "docs" / "theory.md"
    result = doctest.testfile(str(document), module_relative=False)
    assert result.attempted > 0
    assert result.failed == 0


def test_every_public_name_is_documented():
    for name in theory.__all__:
        assert getattr(theory, name).__doc__, name
