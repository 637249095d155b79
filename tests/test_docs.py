"""Every example in a docstring runs."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import headwater

MODULES = [
    module.name
    for module in pkgutil.walk_packages(headwater.__path__, "headwater.")
    if not module.name.endswith("__main__")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    failed, tried = doctest.testmod(importlib.import_module(name))
    assert failed == 0, f"{failed} of {tried} examples failed"
