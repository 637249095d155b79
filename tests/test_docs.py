"""Every example in a docstring and in the README runs."""

from __future__ import annotations

import dataclasses
import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import headwater
from headwater import theory

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"```python\n(?!# \w+\.py)(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
MODULES = [
    module.name
    for module in pkgutil.walk_packages(headwater.__path__, "headwater.")
    if not module.name.endswith("__main__")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    failed, tried = doctest.testmod(importlib.import_module(name))
    assert failed == 0, f"{failed} of {tried} examples failed"


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_the_readme_runs(block):
    names: dict[str, object] = {}
    exec(compile(block, "README.md", "exec"), names)
    assert {"advice", "model"} & names.keys()


PUBLIC = [(headwater, name) for name in headwater.__all__] + [(headwater.theory, name) for name in theory.__all__]


@pytest.mark.parametrize(
    ("home", "name"), [pair for pair in PUBLIC if callable(getattr(*pair))], ids=lambda part: str(part)
)
def test_public_functions_and_estimators_come_with_an_example(home, name):
    public = getattr(home, name)
    assert ">>>" in public.__doc__ or dataclasses.is_dataclass(public), name  # results are shown where they are made
