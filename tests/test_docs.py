"""Every example in a docstring and in the README runs, and every public name says what it takes, gives and refuses."""

from __future__ import annotations

import ast
import doctest
import importlib
import importlib.util
import inspect
import pkgutil
import re
import textwrap
from pathlib import Path

import pytest

import headwater
from headwater import theory
from headwater.theory import isotropic

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
BLOCKS = re.findall(r"```python\n(?!# \w+\.py)(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
EXTRAS = {"jinja2", "matplotlib", "torch", "safetensors", "huggingface_hub", "PIL", "transformers", "lightning"}
MODULES = [
    module.name
    for module in pkgutil.walk_packages(headwater.__path__, "headwater.")
    if not module.name.endswith("__main__")
]
SCRIPTS = [*ROOT.glob("docs/**/*.py"), *ROOT.glob("benchmarks/*.py"), *ROOT.glob("docs/*.md"), README]
HOMES = [headwater, theory, isotropic]
if importlib.util.find_spec("torch"):
    HOMES.append(importlib.import_module("headwater.nets"))
PUBLIC = {
    f"{home.__name__}.{name}": getattr(home, name)
    for home in HOMES
    for name in home.__all__
    if inspect.isroutine(getattr(home, name)) or inspect.isclass(getattr(home, name))
}
METHODS = {
    f"{title}.{name}": member
    for title, public in PUBLIC.items()
    if inspect.isclass(public)
    for name, member in inspect.getmembers(public, lambda one: inspect.isfunction(one) or inspect.ismethod(one))
    if not name.startswith("_") and member.__module__.startswith("headwater")
}
PROPERTIES = {
    f"{title}.{name}": member
    for title, public in PUBLIC.items()
    if inspect.isclass(public)
    for name, member in inspect.getmembers(public)
    if not name.startswith("_") and (isinstance(member, property) or hasattr(member, "attrname"))
}


def module_named(name):
    """The module; where it needs an extra that is not installed, the test is skipped."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name not in EXTRAS:
            raise
        pytest.skip(f"needs {missing.name}")


def holds(module, name):
    """Whether a module has the name; where loading it needs an extra that is not installed, the test is skipped."""
    try:
        return hasattr(module, name)
    except ModuleNotFoundError as missing:
        pytest.skip(f"needs {missing.name}")


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    failed, tried = doctest.testmod(module_named(name))
    assert failed == 0, f"{failed} of {tried} examples failed"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_scripts_and_pages_import_is_there(path):
    lines = re.findall(r"^\s*(from headwater\S* import .*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    for line in lines:
        imported = ast.parse(line.strip().removesuffix("(") + ("*" if line.endswith("(") else "")).body[0]
        module = module_named(imported.module)
        for alias in imported.names:
            assert alias.name == "*" or holds(module, alias.name) or module_named(f"{imported.module}.{alias.name}")


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_the_readme_runs(block):
    names: dict[str, object] = {}
    for package in EXTRAS & set(re.findall(r"^(?:import|from) (\w+)", block, re.MULTILINE)):
        pytest.importorskip(package)
    exec(compile(block, "README.md", "exec"), names)
    assert {"advice", "model"} & names.keys()


def sections(public):
    """A docstring's sections by their titles, underlined as numpydoc has it."""
    parts = re.split(r"^(\w[\w ]*)\n-{3,}$", inspect.getdoc(public) or "", flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def named(section):
    """The names at a section's margin, before their colons."""
    heads = re.findall(r"^(\S[^:\n]*)", section, re.MULTILINE)
    return {name.strip(" *") for head in heads for name in head.split(",")}


def raised(function):
    """The errors that a function raises in lines of its own, or in those of a helper of ours that it calls by name."""

    def read(function):
        nodes = list(ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))))
        raises = [node.exc for node in nodes if isinstance(node, ast.Raise)]
        return (
            {call.func.id for call in calls if isinstance(getattr(call, "func", None), ast.Name)}
            for calls in (raises, nodes)
        )

    errors, called = read(function)
    helpers = [vars(inspect.getmodule(function)).get(name) for name in called]
    ours = [one for one in helpers if inspect.isfunction(one) and one.__module__.startswith("headwater")]
    return errors.union(*(next(read(helper)) for helper in ours))


def is_documented(name):
    public, is_class = {**PUBLIC, **METHODS}[name], inspect.isclass({**PUBLIC, **METHODS}[name])
    found, signature = sections(public), inspect.signature(public)
    taken, said = set(signature.parameters) - {"self"}, named(found.get("Parameters", ""))
    if is_class:  # what it holds may be said under Attributes; what it refuses, where it is made
        return taken <= said | named(found.get("Attributes", "")) and ">>>" in found.get("Examples", "")
    gives = signature.return_annotation == "None" or "Returns" in found
    example = name in METHODS or ">>>" in found.get("Examples", "")
    return taken == said and gives and raised(public) <= named(found.get("Raises", "")) and example


@pytest.mark.parametrize("name", {**PUBLIC, **METHODS})
def test_public_names_say_what_they_take_give_and_refuse(name):
    assert is_documented(name), "each parameter under Parameters, Returns, each error under Raises, and an example"


@pytest.mark.parametrize("name", PROPERTIES)
def test_public_properties_say_what_they_are(name):
    assert getattr(PROPERTIES[name], "__doc__", None)
