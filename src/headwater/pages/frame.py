"""Frame: a template filled with plain data, as the bytes of one file that asks for nothing from elsewhere."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

PACKAGES = ("headwater", "numpy", "scipy", "scikit-learn", "torch", "joblib", "matplotlib")


def render(template: str, **values: Any) -> bytes:
    """The page; every text is escaped but the SVG of a Picture, which is ours."""
    return _environment().get_template(template).render(**values).encode()


def versions() -> list[tuple[str, str]]:
    """The packages that numbers and figures depend on, and Python, with their versions."""
    found = []
    for package in PACKAGES:
        try:
            found.append((package, version(package)))
        except PackageNotFoundError:  # an extra that was done without
            continue
    return [*found, ("python", platform.python_version())]


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("headwater.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["setting"] = _setting
    made.filters["lines"] = lambda text: Markup("<br>").join(str(text).split("\n"))
    return made


def _setting(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_setting, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)
