"""How far a model has moved from given weights."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn

from headwater.nets.low_rank import products
from headwater.nets.matching import Weights, difference, match, parameters, rows_of, whole


@dataclass(frozen=True)
class Distance:
    """‖θ − θ_a‖, in total and by module.

    Attributes
    ----------
    total
        The square root of Σ modules².
    modules
        Name → that of the parameters a module holds itself.
    left_out
        Parameters of the model that the anchor lacks or has in another shape.

    Examples
    --------
    >>> Distance(5.0, {"body": 3.0, "head": 4.0}, ()).total
    5.0
    """

    total: float
    modules: dict[str, float]
    left_out: tuple[str, ...]


def distance(model: nn.Module, anchor: Weights, prefix: str = "") -> Distance:
    """How far a model's parameters are from an anchor.

    Parameters
    ----------
    model
        Any module; frozen parameters count, buffers do not, tied parameters count once.
    anchor
        A state dict, ``L2SP.anchor`` or the path of a safetensors file; names are met as L2SP meets them.
    prefix
        What names have before them on one side only, as for L2SP.

    Returns
    -------
    Distance
        In total and by module.

    Raises
    ------
    ValueError
        Where the two share no parameter.

    Notes
    -----
    A layer with low-rank adapters is where its merged weight is, W + Σ scale·BA over its adapters; where the anchor
    lacks W, as ``L2SP.anchor`` does of frozen ones, W counts as unmoved. Parameters sharded over processes are measured
    whole, so that every process must call this.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(2, 1), nn.Linear(1, 1, bias=False))
    >>> before = {name: value.clone() for name, value in model.state_dict().items()}
    >>> with torch.no_grad():
    ...     _ = model[0].bias.add_(3.0), model[1].weight.sub_(4.0)
    >>> round(distance(model, before).total, 5)
    5.0
    """
    pairs = list(products(model))
    met = match(model, anchor, {p for pair in pairs for p in (pair.A, pair.B)}, prefix)
    norms: dict[str, float] = {}
    with torch.no_grad():
        apart = {p: difference(p, tensor) for p, (_, tensor) in met.found.items()}
        for pair in pairs:
            moved = pair.delta()
            apart[pair.base] = apart[pair.base] + rows_of(moved, apart[pair.base]) if pair.base in apart else moved
        names = {pair.base: pair.name for pair in pairs} | {p: names[0] for p, names in parameters(model).items()}
        for p, difference_of_p in apart.items():
            module = names[p].rpartition(".")[0]
            norm = torch.linalg.vector_norm(whole(difference_of_p)).item()
            norms[module] = math.hypot(norms.get(module, 0.0), norm)
    bases = {names[pair.base] for pair in pairs}
    left_out = (name for name in (*met.unmatched, *met.mismatched) if name not in bases)
    return Distance(math.hypot(*norms.values()), norms, tuple(left_out))
