"""Every example in a docstring runs."""

from __future__ import annotations

import dataclasses
import doctest
import importlib
import pkgutil

import pytest

import headwater
from headwater import theory

MODULES = [
    module.name
    for module in pkgutil.walk_packages(headwater.__path__, "headwater.")
    if not module.name.endswith("__main__")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    failed, tried = doctest.testmod(importlib.import_module(name))
    assert failed == 0, f"{failed} of {tried} examples failed"


PUBLIC = [(headwater, name) for name in headwater.__all__] + [(headwater.theory, name) for name in theory.__all__]


@pytest.mark.parametrize(
    ("home", "name"), [pair for pair in PUBLIC if callable(getattr(*pair))], ids=lambda part: str(part)
)
def test_public_functions_and_estimators_come_with_an_example(home, name):
    public = getattr(home, name)
    assert ">>>" in public.__doc__ or dataclasses.is_dataclass(public), name  # results are shown where they are made
