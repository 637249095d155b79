"""headwater: train a source model for its downstream.

Nothing heavy is imported here: every public name is loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from headwater import theory

_HOME = {
    "theory": "headwater.theory",
}

__all__ = ["__version__", "theory"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'headwater' has no attribute {name!r}")
    module = import_module(_HOME[name])
    value = module if _HOME[name] == f"headwater.{name}" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
