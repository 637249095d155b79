"""The paper's networks, and several members of one architecture held as one dictionary of stacked tensors."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

States = dict[str, Tensor]  # state-dict name → (K, …), the members' tensors; of one member (…)
Factory = Callable[[], nn.Module]


def mlp(*sizes: int, dropout: float = 0.0) -> nn.Sequential:
    """A dense network sizes[0]-…-sizes[-1] with ReLU and dropout after every hidden layer.

    Parameters
    ----------
    *sizes
        The features, the widths of the hidden layers, and the classes.
    dropout
        The share left out after each hidden layer.

    Returns
    -------
    nn.Sequential
        Its modules are named hidden1, …, head.

    Examples
    --------
    >>> [name for name, _ in mlp(784, 128, 64, 5).named_parameters()][-2:]
    ['head.weight', 'head.bias']
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
    for i, (wide, narrow) in enumerate(pairwise(sizes[:-1]), 1):
        layers[f"hidden{i}"] = nn.Linear(wide, narrow)
        layers[f"relu{i}"] = nn.ReLU()
        if dropout:
            layers[f"dropout{i}"] = nn.Dropout(dropout)
    layers["head"] = nn.Linear(sizes[-2], sizes[-1])
    return nn.Sequential(layers)


def small_cnn(classes: int = 5, dropout: float = 0.25) -> nn.Sequential:
    """The paper's network for 32 × 32 colour images: two convolutions with pooling, a hidden layer of 128, a head.

    Parameters
    ----------
    classes
        How many outputs.
    dropout
        The share left out before the head.

    Returns
    -------
    nn.Sequential
        Its modules are named conv1, …, head.

    Notes
    -----
    ReLU follows the pooling: both keep order, so that the function and its gradients are those of the other order, at
    a quarter of the arithmetic.

    Examples
    --------
    >>> small_cnn(10)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 32, 3, padding=1),
            pool1=nn.MaxPool2d(2),
            relu1=nn.ReLU(),
            conv2=nn.Conv2d(32, 64, 3, padding=1),
            pool2=nn.MaxPool2d(2),
            relu2=nn.ReLU(),
            flatten=nn.Flatten(),
            hidden1=nn.Linear(4096, 128),
            relu3=nn.ReLU(),
            dropout1=nn.Dropout(dropout),
            head=nn.Linear(128, classes),
        )
    )


def initial(factory: Factory, seeds: Sequence[int]) -> States:
    """The states of fresh members, stacked; the global random state is left as it was.

    Parameters
    ----------
    factory
        Builds a network.
    seeds
        Member k is what it builds after seed k.

    Returns
    -------
    States
        Tensors (K, …).

    Examples
    --------
    >>> states = initial(lambda: mlp(4, 3, 2), [0, 0, 1])
    >>> states["head.weight"].shape
    torch.Size([3, 2, 3])
    >>> torch.equal(states["head.weight"][0], states["head.weight"][1])
    True
    """
    built = {}
    with torch.random.fork_rng(devices=[]):
        for seed in set(seeds):
            torch.manual_seed(seed)
            built[seed] = {name: value.detach() for name, value in factory().state_dict().items()}
    return stack([built[seed] for seed in seeds])


def stack(states: Sequence[States]) -> States:
    """One member's state each, stacked.

    Parameters
    ----------
    states
        K state dicts of one architecture.

    Returns
    -------
    States
        Tensors (K, …).

    Examples
    --------
    >>> stack([{"w": torch.zeros(2)}, {"w": torch.ones(2)}])["w"].shape
    torch.Size([2, 2])
    """
    return {name: torch.stack([state[name] for state in states]) for name in states[0]}


def member(states: States, k: int) -> States:
    """The state of one member.

    Parameters
    ----------
    states
        Tensors (K, …).
    k
        Which.

    Returns
    -------
    States
        A state dict for ``module.load_state_dict``.

    Examples
    --------
    >>> member({"w": torch.tensor([[1.0], [2.0]])}, 1)
    {'w': tensor([2.])}
    """
    return {name: value[k] for name, value in states.items()}


def members(states: States, which: Sequence[int]) -> States:
    """The stacked states of some members.

    Parameters
    ----------
    states
        Tensors (K, …).
    which
        Members, in this order; one may be named twice.

    Returns
    -------
    States
        Tensors (len(which), …).

    Examples
    --------
    >>> members({"w": torch.tensor([1.0, 2.0])}, [1, 1, 0])
    {'w': tensor([2., 2., 1.])}
    """
    index = torch.as_tensor(list(which))
    return {name: value[index.to(value.device)] for name, value in states.items()}
