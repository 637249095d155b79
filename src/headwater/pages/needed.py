"""Needed: the packages that pages and pictures stand on, which not everybody has."""

from __future__ import annotations

from importlib.util import find_spec


def check_installed(what: str, *packages: str) -> None:
    """Raise ImportError, of one line that says what to install, before any work that would end in ``what``."""
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise ImportError(f"{what} needs {' and '.join(missing)}: pip install 'headwater[report]'")
