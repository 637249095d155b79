"""The house's walls: rooms import one way, heavy packages stay at their rims, and importing headwater is cheap."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from house import FACES, PACKAGE, circles, imports, name_of, plan, room_of

MODULES = sorted(PACKAGE.rglob("*.py"))
USED = plan()
# Rooms and cupboards, lowest first: those of one line stand side by side.
FLOORS = [
    {"version", "files", "cluster", "theory", "pages"},
    {"archive"},
    {"spectrum"},
    {"families"},
    {"tables", "selection", "nets"},
    {"estimators", "study"},
    {"advice"},
    {"cli"},
    {"__init__", "__main__"},
]
# A line is an order, not a licence: these rooms may be imported by no others than these.
ONLY_FROM = {"theory": {"advice", "study", "cli"}, "tables": {"estimators", "advice", "cli"}}
NOT_FROM = {"theory": {"version", "files"}, "nets": {"version", "files"}, "pages": set()}  # all that these may import
RIMS = {
    "torch": ("nets",),
    "sklearn": (
        "tables.clipping",
        "tables.preparation",
        "estimators",
        "advice.fitted",
        "advice.kept",
        "advice.saved",
        "advice.verdict",
        "cli.demo",
        "study.networks.data",
    ),
    "safetensors": ("nets",),
    "matplotlib": (
        "files",
        "pages.drawing",
        "advice.pictures",
        "advice.column_pictures",
        "theory.figures",
        "cli.demo.figures",
        "study",
    ),
    "jinja2": ("pages.frame",),
    "markupsafe": ("pages.frame",),
    "transformers": ("nets.trainer_callback",),
    "lightning": ("nets.lightning_callback",),
    "peft": (),
    "accelerate": (),
    "PIL": ("study.networks",),
    "huggingface_hub": ("study.networks",),
    "typer": ("cli",),
    "rich": ("cli",),
    "sqlite3": ("study.store",),
    "skops": ("archive",),
    "pandas": (),
    "dask": ("cluster",),
    "distributed": ("cluster",),
}


def floor(room: str) -> int:
    return next(index for index, rooms in enumerate(FLOORS) if room in rooms)


def test_every_file_has_its_room():
    assert {room_of(name_of(path)) for path in MODULES} == set().union(*FLOORS)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_file_imports_from_its_own_room_and_from_those_before_it(path):
    room = room_of(name_of(path))
    if room == "__init__":  # the front door names what it loads when asked
        return
    for other in map(room_of, USED[name_of(path)]):
        assert other == room or floor(other) < floor(room), f"{name_of(path)} must not import {other}"
        assert other == room or room in ONLY_FROM.get(other, {room}), f"{name_of(path)} must not know {other}"
        assert other == room or other in NOT_FROM.get(room, {other}), f"{room} knows no other room"


def test_no_files_import_each_other_in_a_circle():
    assert not circles({name: used - FACES for name, used in USED.items() if name not in FACES})


LISTED = {name_of(path): re.search(r"In order: ([\w,\s]+)\.", path.read_text(encoding="utf-8")) for path in MODULES}


@pytest.mark.parametrize("room", [room for room, order in LISTED.items() if order])
def test_a_room_lists_its_files_in_the_order_of_their_imports(room):
    order = re.split(r",\s+", LISTED[room][1])
    inside = {name.removeprefix(f"{room}.").split(".")[0] for name in USED if name.startswith(f"{room}.")}
    assert set(order) == inside
    for name, used in USED.items():
        first = name.removeprefix(f"{room}.").split(".")[0]
        for other in (one.removeprefix(f"{room}.").split(".")[0] for one in used if one.startswith(f"{room}.")):
            if name.startswith(f"{room}."):
                assert order.index(other) <= order.index(first), f"{name} imports {other}, listed after it"


@pytest.mark.parametrize("path", [path for path in MODULES if name_of(path) != "__init__"], ids=name_of)
def test_a_header_of_one_word_is_the_name_of_the_file(path):
    header = re.match(r'"""(\w+): ', path.read_text(encoding="utf-8"))
    assert header is None or header[1].lower() in name_of(path).split(".")  # or its room's


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
        ("from headwater import archive; archive._skops()", ("torch", "matplotlib", "typer")),
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
