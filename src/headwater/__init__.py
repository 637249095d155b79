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
    from headwater.advice.displays import PenaltyCurveDisplay as PenaltyCurveDisplay
    from headwater.advice.displays import RivalsDisplay as RivalsDisplay
    from headwater.advice.door import advise as advise
    from headwater.advice.door import fit as fit
    from headwater.advice.fitted import FittedTransfer as FittedTransfer
    from headwater.advice.saved import load as load
    from headwater.estimators.given import Coefficients as Coefficients
    from headwater.estimators.glm import SourceGLM as SourceGLM
    from headwater.estimators.glm import TransferGLM as TransferGLM
    from headwater.estimators.group_models import GroupModels as GroupModels
    from headwater.estimators.l2sp import L2SPRidge as L2SPRidge
    from headwater.estimators.logistic import SourceLogistic as SourceLogistic
    from headwater.estimators.logistic import TransferLogistic as TransferLogistic
    from headwater.estimators.ridge import SourceRidge as SourceRidge
    from headwater.estimators.saved_source import SavedSource as SavedSource
    from headwater.estimators.transfer import TransferRidge as TransferRidge
    from headwater.spectrum.moments import Moments as Moments
    from headwater.spectrum.spectrum import Spectrum as Spectrum
    from headwater.tables.preparation import TablePreparation as TablePreparation
    from headwater.theory.figures import PhaseDiagramDisplay as PhaseDiagramDisplay

_HOME = {
    "Coefficients": "headwater.estimators.given",
    "FittedTransfer": "headwater.advice.fitted",
    "GroupModels": "headwater.estimators.group_models",
    "L2SPRidge": "headwater.estimators.l2sp",
    "Moments": "headwater.spectrum.moments",
    "PenaltyCurveDisplay": "headwater.advice.displays",
    "PhaseDiagramDisplay": "headwater.theory.figures",
    "RivalsDisplay": "headwater.advice.displays",
    "SavedSource": "headwater.estimators.saved_source",
    "SourceGLM": "headwater.estimators.glm",
    "SourceLogistic": "headwater.estimators.logistic",
    "SourceRidge": "headwater.estimators.ridge",
    "Spectrum": "headwater.spectrum.spectrum",
    "TablePreparation": "headwater.tables.preparation",
    "TransferGLM": "headwater.estimators.glm",
    "TransferLogistic": "headwater.estimators.logistic",
    "TransferRidge": "headwater.estimators.transfer",
    "advise": "headwater.advice.door",
    "calibrate": "headwater.advice.calibration.fitting",
    "fit": "headwater.advice.door",
    "load": "headwater.advice.saved",
    "theory": "headwater.theory",
}

__all__ = [
    "Coefficients",
    "FittedTransfer",
    "GroupModels",
    "L2SPRidge",
    "Moments",
    "PenaltyCurveDisplay",
    "PhaseDiagramDisplay",
    "RivalsDisplay",
    "SavedSource",
    "SourceGLM",
    "SourceLogistic",
    "SourceRidge",
    "Spectrum",
    "TablePreparation",
    "TransferGLM",
    "TransferLogistic",
    "TransferRidge",
    "__version__",
    "advise",
    "calibrate",
    "fit",
    "load",
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
