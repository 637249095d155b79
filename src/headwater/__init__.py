"""headwater: train a source model for its downstream.

Nothing heavy is imported here: every public name is loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from headwater.version import __version__

if TYPE_CHECKING:
    from headwater import theory as theory
    from headwater.advice.calibration.fitting import calibrate as calibrate
    from headwater.advice.verdict import advise as advise
    from headwater.estimators.ridge import L2SPRidge as L2SPRidge
    from headwater.estimators.ridge import SourceRidge as SourceRidge
    from headwater.estimators.transfer import TransferRidge as TransferRidge
    from headwater.spectrum.moments import Moments as Moments
    from headwater.spectrum.spectrum import Spectrum as Spectrum

_HOME = {
    "L2SPRidge": "headwater.estimators.ridge",
    "Moments": "headwater.spectrum.moments",
    "SourceRidge": "headwater.estimators.ridge",
    "Spectrum": "headwater.spectrum.spectrum",
    "TransferRidge": "headwater.estimators.transfer",
    "advise": "headwater.advice.verdict",
    "calibrate": "headwater.advice.calibration.fitting",
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
