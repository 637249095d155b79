"""The house's walls: imports flow one way, heavy packages stay at their rims, and importing headwater is cheap."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "src" / "headwater"
MODULES = sorted(ROOT.rglob("*.py"))
RIMS = {
    "torch": ("nets",),
    "safetensors": ("nets",),
    "dask": ("blocks",),
    "matplotlib": ("figures", "demo.figures", "study.drawing", "study.figures", "study.networks.figures"),
    "PIL": ("datasets",),
    "huggingface_hub": ("datasets",),
    "typer": ("cli",),
    "sqlite3": ("study.store",),
    "skops": ("persistence",),
}
# Each may import only what stands before it.
ORDER = [
    "moments",
    "decomposition",
    "criteria",
    "spectrum",
    "source",
    "meeting",
    "hypotheses",
    "stacking",
    "selection",
    "validation",
    "alignment",
    "features",
    "shell",
    "ridge",
    "estimators",
    "likelihood",
    "scoring",
    "posterior",
    "shrinkage",
    "prediction",
    "ranking",
    "calibration",
    "gain",
    "curve",
    "wording",
    "advice",
]
# Calibration joins data to theory; what stands before it knows no theory.
JOINED = ORDER.index("calibration")


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> set[str]:
    """Every module a file imports when it runs; imports for the type checker alone do not count."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_heavy_packages_stay_at_their_rims(path):
    roots = {module.split(".")[0] for module in imports(path)}
    for package, rims in RIMS.items():
        if package in roots:
            assert name_of(path).startswith(rims), f"{name_of(path)} must not import {package}"


@pytest.mark.parametrize("position", range(len(ORDER)), ids=ORDER)
def test_the_core_flows_one_way(position):
    later = {f"headwater.{name}" for name in ORDER[position:]} | {"headwater.cli"}
    if position < JOINED:
        later.add("headwater.theory")
    assert not imports(ROOT / f"{ORDER[position]}.py") & later


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_rooms_know_their_place(path):
    inside = {module for module in imports(path) if module.startswith("headwater")}
    name = name_of(path)
    if not name.startswith(("study", "cli")):
        assert not any(module.startswith("headwater.study") for module in inside), (
            "nothing in the library imports study"
        )
    if not name.startswith(("cli", "__main__")):
        assert not any(module.startswith("headwater.cli") for module in inside), "nothing imports the command line"
    if name.startswith("theory"):
        assert all(module.startswith("headwater.theory") for module in inside), "theory knows no data"
    if name.startswith(("theory", "study")):
        assert not any(module.split(".")[0] == "sklearn" for module in imports(path))


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import headwater", ("torch", "dask", "matplotlib", "typer", "sklearn", "scipy", "numpy")),
        ("import headwater.theory", ("torch", "dask", "matplotlib", "typer", "sklearn", "pyarrow")),
        ("import headwater.study.synthetic.experiment", ("torch", "dask", "matplotlib", "typer", "sklearn")),
        ("import headwater.study.networks.experiment", ("torch", "dask", "matplotlib", "typer", "sklearn")),
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
