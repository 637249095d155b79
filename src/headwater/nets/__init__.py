"""Neural networks: train the source for its downstream. The only part of headwater that imports torch."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from headwater.nets.anchor import L2SP
from headwater.nets.choice import Choice
from headwater.nets.choosing import Candidate, Chosen, choose
from headwater.nets.distances import Distance, distance
from headwater.nets.heads import HEADS, norms_and_biases
from headwater.nets.interpolation import interpolate
from headwater.nets.models import States, initial, member, members, mlp, small_cnn, stack
from headwater.nets.path import SourcePath
from headwater.nets.recipe import Recipe, Trained
from headwater.nets.streams import stream
from headwater.nets.sweep import sweep
from headwater.nets.training import accuracy, train

__all__ = [
    "HEADS",
    "L2SP",
    "Candidate",
    "Choice",
    "Chosen",
    "Distance",
    "Recipe",
    "SourcePath",
    "States",
    "Trained",
    "accuracy",
    "choose",
    "distance",
    "initial",
    "interpolate",
    "member",
    "members",
    "mlp",
    "norms_and_biases",
    "small_cnn",
    "stack",
    "stream",
    "sweep",
    "train",
]

if TYPE_CHECKING:
    from headwater.nets.lightning_callback import LightningCallback as LightningCallback
    from headwater.nets.trainer_callback import TrainerCallback as TrainerCallback

# Each imports its library, and so is loaded when asked for.
_CALLBACKS = {"LightningCallback": "lightning_callback", "TrainerCallback": "trainer_callback"}


def __getattr__(name: str) -> Any:
    if name in _CALLBACKS:
        return getattr(import_module(f"headwater.nets.{_CALLBACKS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
