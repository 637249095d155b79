"""A model's parameters met with given weights, by name and shape, and how far apart the two are."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

Weights = Mapping[str, Tensor] | str | os.PathLike[str]


@dataclass(frozen=True)
class Match:
    """``found``: parameter → (its name, its tensor in the weights); ``unmatched``: names that the weights lack.

    ``mismatched``: name → (the model's shape, the weights' shape); ``unused``: names that only the weights have.
    """

    found: dict[nn.Parameter, tuple[str, Tensor]]
    unmatched: tuple[str, ...]
    mismatched: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]
    unused: tuple[str, ...]


def parameters(model: nn.Module) -> dict[nn.Parameter, list[str]]:
    """Every floating-point or complex parameter of a model, with all its plain names: tied ones have several."""
    names: dict[nn.Parameter, list[str]] = {}
    for name, p in plain(dict(model.named_parameters(remove_duplicate=False))).items():
        if p.is_floating_point() or p.is_complex():
            names.setdefault(p, []).append(name)
    return names


def plain(named: Mapping[str, Any]) -> dict[str, Any]:
    """Names without what torch.compile puts into them and the "module." that DDP puts before all of them.

    >>> plain({"module._orig_mod.head.weight": 1, "module._orig_mod.head.bias": 2})
    {'head.weight': 1, 'head.bias': 2}
    """
    names = [name.replace("_orig_mod.", "") for name in named]
    while names and all(name.startswith("module.") for name in names):
        names = [name.removeprefix("module.") for name in names]
    return dict(zip(names, named.values(), strict=True))


def match(model: nn.Module, weights: Weights, excluded: Iterable[str] = ()) -> Match:
    """Meet a model's parameters with a state dict or a safetensors file, except those with an excluded name.

    Raises ValueError where they share no parameter, and for a file that is not safetensors; FileNotFoundError;
    TypeError for anything else.
    """
    given = plain(read(weights))
    excluded, every = set(excluded), parameters(model)
    found: dict[nn.Parameter, tuple[str, Tensor]] = {}
    unmatched, mismatched = [], {}
    for p, names in every.items():
        if excluded.intersection(names):
            continue
        # A file keeps tied parameters under one of their names only, and not always the first.
        tensor = next((t for t in map(given.get, names) if isinstance(t, Tensor)), None)
        if tensor is None:
            unmatched.append(names[0])
        elif tensor.shape != p.shape:
            mismatched[names[0]] = tuple(p.shape), tuple(tensor.shape)
        else:
            found[p] = names[0], tensor
    if not found:
        ours = [name for names in every.values() for name in names]
        raise ValueError(
            f"the model ({some(ours)}) shares no parameter with the weights ({some(given)})"
            + (f", {some(excluded)} excluded" if excluded else "")
        )
    known = {name for names in every.values() for name in names} | plain(model.state_dict()).keys()
    return Match(found, tuple(unmatched), mismatched, tuple(name for name in given if name not in known))


def read(weights: Any) -> Mapping[str, Any]:
    """The state dict itself, or what a safetensors file holds."""
    if isinstance(weights, Mapping):
        return weights
    if not isinstance(weights, (str, os.PathLike)):
        raise TypeError(f"give a state dict or the path of a safetensors file, not a {type(weights).__name__}")
    try:
        loaded: dict[str, Tensor] = load_file(weights)
    except SafetensorError as error:
        hint = "of a .pt file give what torch.load(path, weights_only=True) returns"
        raise ValueError(f"{os.fspath(weights)} is not a safetensors file ({error}): {hint}") from None
    return loaded


@dataclass(frozen=True)
class Distance:
    """‖θ − θ_a‖, in total and by module: that of the parameters a module holds itself, so total² = Σ modules².

    ``left_out``: parameters of the model that the anchor lacks or has in another shape.
    """

    total: float
    modules: dict[str, float]
    left_out: tuple[str, ...]


def distance(model: nn.Module, anchor: Weights) -> Distance:
    """How far a model's parameters are from an anchor: a state dict, ``L2SP.anchor`` or a safetensors file.

    Names are met as L2SP does; frozen parameters count, buffers do not, tied parameters count once. Raises ValueError
    where the two share no parameter.

    >>> model = nn.Sequential(nn.Linear(2, 1), nn.Linear(1, 1, bias=False))
    >>> before = {name: value.clone() for name, value in model.state_dict().items()}
    >>> with torch.no_grad():
    ...     _ = model[0].bias.add_(3.0), model[1].weight.sub_(4.0)
    >>> round(distance(model, before).total, 5)
    5.0
    """
    met = match(model, anchor)
    modules: dict[str, float] = {}
    with torch.no_grad():
        for p, (name, tensor) in met.found.items():
            module = name.rpartition(".")[0]
            norm = torch.linalg.vector_norm(difference(p, tensor)).item()
            modules[module] = math.hypot(modules.get(module, 0.0), norm)
    return Distance(math.hypot(*modules.values()), modules, (*met.unmatched, *met.mismatched))


def difference(p: Tensor, anchor: Tensor) -> Tensor:
    """θ − θ_a in single precision at least: squares of half-precision differences vanish."""
    dtype = torch.promote_types(p.dtype, torch.float32)
    return p.to(dtype) - anchor.to(p.device, dtype)


def some(names: Iterable[str]) -> str:
    """The first names of a list, for a message."""
    listed = list(names)
    return ", ".join(listed[:4]) + (f" and {len(listed) - 4} more" if len(listed) > 4 else "")
