"""headwater: train a source model for its downstream.

Nothing heavy is imported here: every public name is loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from headwater import theory as theory
    from headwater.advice import advise as advise
    from headwater.calibration import calibrate as calibrate
    from headwater.estimators import L2SPRidge as L2SPRidge
    from headwater.estimators import SourceRidge as SourceRidge
    from headwater.estimators import TransferRidge as TransferRidge
    from headwater.moments import Moments as Moments
    from headwater.spectrum import Spectrum as Spectrum

_HOME = {
    "L2SPRidge": "headwater.estimators",
    "Moments": "headwater.moments",
    "SourceRidge": "headwater.estimators",
    "Spectrum": "headwater.spectrum",
    "TransferRidge": "headwater.estimators",
    "advise": "headwater.advice",
    "calibrate": "headwater.calibration",
    "theory": "headwater.theory",
}

__all__ = [
    "L2SPRidge",
    "Moments",
    "SourceRidge",
    "Spectrum",
    "TransferRidge",
    "__version__",
    "advise",
    "calibrate",
    "theory",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'headwater' has no attribute {name!r}")
    module = import_module(_HOME[name])
    value = module if _HOME[name] == f"headwater.{name}" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
