"""The house's walls: rooms import one way, heavy packages stay at their rims, and importing headwater is cheap."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "src" / "headwater"
MODULES = sorted(ROOT.rglob("*.py"))
# Rooms and cupboards, lowest first: those of one line stand side by side.
FLOORS = [
    {"version", "files", "theory", "spectrum"},
    {"tables", "selection", "nets"},
    {"estimators", "study"},
    {"advice"},
    {"cli"},
    {"__init__", "__main__"},
]
# A line is an order, not a licence: these rooms may be imported by no others than these.
ONLY_FROM = {"theory": {"advice", "study", "cli"}, "tables": {"estimators", "advice", "cli"}}
NOT_FROM = {"theory": {"version", "files"}, "nets": {"version", "files"}}  # all that these rooms may import
RIMS = {
    "torch": ("nets",),
    "sklearn": ("tables.design", "estimators", "advice.saved", "advice.verdict", "cli.demo", "study.networks.data"),
    "safetensors": ("nets",),
    "matplotlib": ("files", "theory.figures", "cli.demo.figures", "study"),
    "PIL": ("study.networks",),
    "huggingface_hub": ("study.networks",),
    "typer": ("cli",),
    "rich": ("cli",),
    "sqlite3": ("study.store",),
    "skops": ("advice.saved",),
    "pandas": (),
    "dask": (),
}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def room_of(name: str) -> str:
    return name.split(".")[0]


def imports(path: Path) -> set[str]:
    """Every module a file imports, for the type checker and inside functions included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            module = node.module or ""
            found |= {f"{module}.{alias.name}" for alias in node.names}
    return found


def modules_used(path: Path) -> set[str]:
    """The package's own files that a file imports, by their names inside the package."""
    names = {name_of(module) for module in MODULES}
    found = set()
    for name in (used.removeprefix("headwater.") for used in imports(path) if used.startswith("headwater.")):
        while name and name not in names:  # a name inside a module, or a module inside a room
            name = name.rpartition(".")[0]
        found.add(name or "__init__")
    return found - {name_of(path)}


def floor(room: str) -> int:
    return next(index for index, rooms in enumerate(FLOORS) if room in rooms)


def test_every_file_has_its_room():
    assert {room_of(name_of(path)) for path in MODULES} == set().union(*FLOORS)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_file_imports_from_its_own_room_and_from_those_before_it(path):
    room = room_of(name_of(path))
    if room == "__init__":  # the front door names what it loads when asked
        return
    for other in map(room_of, modules_used(path)):
        assert other == room or floor(other) < floor(room), f"{name_of(path)} must not import {other}"
        assert other == room or room in ONLY_FROM.get(other, {room}), f"{name_of(path)} must not know {other}"
        assert other == room or other in NOT_FROM.get(room, {other}), f"{room} knows no other room"


def test_no_files_import_each_other_in_a_circle():
    graph = {name_of(path): modules_used(path) - {"__init__"} for path in MODULES if name_of(path) != "__init__"}
    while leaves := [name for name, used in graph.items() if not used & graph.keys()]:
        for name in leaves:
            del graph[name]
    assert not graph, f"a circle among {sorted(graph)}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_heavy_packages_stay_at_their_rims(path):
    roots = {module.split(".")[0] for module in imports(path)}
    for package, rims in RIMS.items():
        if package in roots:
            assert name_of(path).startswith(rims), f"{name_of(path)} must not import {package}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_module_hides_a_public_function(path):
    assert path.stem not in ("advise", "calibrate") or room_of(name_of(path)) == "cli"


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import headwater", ("torch", "dask", "matplotlib", "typer", "sklearn", "scipy", "numpy")),
        ("import headwater.theory", ("torch", "dask", "matplotlib", "typer", "sklearn", "pyarrow")),
        ("import headwater.study.synthetic.study", ("torch", "dask", "matplotlib", "typer", "sklearn")),
        ("import headwater.study.networks.study", ("torch", "dask", "matplotlib", "typer", "sklearn")),
        ("import headwater.cli", ("torch", "dask", "matplotlib", "sklearn", "numpy", "pyarrow")),
        ("from headwater import SourceRidge, advise", ("torch", "dask", "matplotlib", "typer")),
    ],
)
def test_importing_is_cheap(statement, absent):
    code = f"{statement}; import sys; print([name for name in {absent!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_there():
    import headwater

    for name in headwater.__all__:
        assert getattr(headwater, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        _ = headwater.nonsense
