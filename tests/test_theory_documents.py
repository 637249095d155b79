"""The examples in the theory's documents and docstrings run."""

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

from headwater import theory

MODULES = [f"headwater.theory.{module.name}" for module in pkgutil.iter_modules(theory.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_theory_document():
    document = Path(__file__).parents[1] / "docs" / "theory.md"
    result = doctest.testfile(str(document), module_relative=False)
    assert result.attempted > 0
    assert result.failed == 0


def test_every_public_name_is_documented():
    for name in theory.__all__:
        assert getattr(theory, name).__doc__, name
