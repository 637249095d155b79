"""Networks: train the source for its downstream. The only part of headwater that imports torch."""

from headwater.nets.anchor import L2SP
from headwater.nets.distance import Distance, distance
from headwater.nets.heads import HEADS, heads, norms_and_biases
from headwater.nets.models import States, initial, member, members, mlp, small_cnn, stack
from headwater.nets.path import Choice, SourcePath
from headwater.nets.recipe import Recipe
from headwater.nets.sweep import sweep
from headwater.nets.training import Trained, accuracy, train

__all__ = [
    "HEADS",
    "L2SP",
    "Choice",
    "Distance",
    "Recipe",
    "SourcePath",
    "States",
    "Trained",
    "accuracy",
    "distance",
    "heads",
    "initial",
    "member",
    "members",
    "mlp",
    "norms_and_biases",
    "small_cnn",
    "stack",
    "sweep",
    "train",
]
