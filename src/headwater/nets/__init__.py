"""Networks: train the source for its downstream. The only part of headwater that imports torch."""

from headwater.nets.models import initial, member, members, mlp, small_cnn, stack
from headwater.nets.recipe import Recipe
from headwater.nets.training import Trained, accuracy, train

__all__ = ["Recipe", "Trained", "accuracy", "initial", "member", "members", "mlp", "small_cnn", "stack", "train"]
