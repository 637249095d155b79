"""Neural networks: train the source for its downstream. The only part of headwater that imports torch."""

from headwater.nets.anchor import L2SP
from headwater.nets.matching import Distance, distance
from headwater.nets.models import States, initial, member, members, mlp, small_cnn, stack
from headwater.nets.path import Choice, SourcePath
from headwater.nets.recipe import Recipe, Trained
from headwater.nets.streams import stream
from headwater.nets.sweep import sweep
from headwater.nets.training import accuracy, train

__all__ = [
    "L2SP",
    "Choice",
    "Distance",
    "Recipe",
    "SourcePath",
    "States",
    "Trained",
    "accuracy",
    "distance",
    "initial",
    "member",
    "members",
    "mlp",
    "small_cnn",
    "stack",
    "stream",
    "sweep",
    "train",
]
