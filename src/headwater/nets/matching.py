"""A model's parameters met with given weights, by name and shape."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

Weights = Mapping[str, Tensor] | str | os.PathLike[str]
Shape = tuple[int, ...]

WRAPPERS = ("module.", "base_model.model.")  # what DDP and PEFT put before every name


@dataclass(frozen=True)
class Match:
    """``found``: parameter → (its name, its tensor in the weights); ``unmatched``: names that the weights lack.

    ``mismatched``: name → (the model's shape, the weights' shape); ``grown``: the same of vocabularies whose first rows
    the weights have, which are found; ``unused``: names that only the weights have.
    """

    found: dict[nn.Parameter, tuple[str, Tensor]]
    unmatched: tuple[str, ...]
    mismatched: dict[str, tuple[Shape, Shape]]
    grown: dict[str, tuple[Shape, Shape]]
    unused: tuple[str, ...]


def parameters(model: nn.Module) -> dict[nn.Parameter, list[str]]:
    """Every floating-point or complex parameter of a model, with all its plain names: tied ones have several."""
    names: dict[nn.Parameter, list[str]] = {}
    for name, p in plain(dict(model.named_parameters(remove_duplicate=False))).items():
        if p.is_floating_point() or p.is_complex():
            names.setdefault(p, []).append(name)
    return names


def plain(named: Mapping[str, Any]) -> dict[str, Any]:
    """The same under plain names."""
    return dict(zip(plain_names(named), named.values(), strict=True))


def plain_names(names: Iterable[str]) -> list[str]:
    """Names without what torch.compile and PEFT put into them, and what DDP and PEFT put before all of them.

    >>> plain_names(["module._orig_mod.head.weight", "module._orig_mod.body.base_layer.bias"])
    ['head.weight', 'body.bias']
    """
    found = [name.replace("_orig_mod.", "").replace(".base_layer.", ".") for name in names]
    while found and (common := next((p for p in WRAPPERS if all(name.startswith(p) for name in found)), None)):
        found = [name.removeprefix(common) for name in found]
    return found


def match(
    model: nn.Module, weights: Weights, excluded: Collection[nn.Parameter] = frozenset(), prefix: str = ""
) -> Match:
    """Meet a model's parameters, but the excluded, with a state dict or a safetensors file.

    A ``prefix`` that names have on one side only is left out of account. Raises ValueError where nothing is shared, and
    for a file that is not safetensors; FileNotFoundError; TypeError for anything else.
    """
    given = {name.removeprefix(prefix): tensor for name, tensor in plain(read(weights)).items()}
    every = parameters(model)
    vocabularies = _vocabularies(model, given, every, prefix)
    found: dict[nn.Parameter, tuple[str, Tensor]] = {}
    unmatched, mismatched, grown = [], {}, {}
    for p, names in every.items():
        if p in excluded:
            continue
        tensor = _given(given, names, prefix)
        if tensor is None:
            unmatched.append(names[0])
        elif tensor.shape == p.shape:
            found[p] = names[0], like(p, tensor)
        elif p.shape[1:] == tensor.shape[1:] and (p.shape[:1], tensor.shape[:1]) in vocabularies:
            found[p] = names[0], tensor
            grown[names[0]] = tuple(p.shape), tuple(tensor.shape)
        else:
            mismatched[names[0]] = tuple(p.shape), tuple(tensor.shape)
    if not found and any(p not in excluded for p in every) and (given or not excluded):
        ours = [name for names in every.values() for name in names]
        free = [names[0] for p, names in every.items() if p in excluded]
        raise ValueError(
            f"the model ({some(ours)}) shares no parameter with the weights ({some(given)})"
            + (f", {some(free)} excluded" if free else "")
        )
    known = {name for names in every.values() for name in names} | plain(model.state_dict()).keys()
    known = {name.removeprefix(prefix) for name in known}
    unused = tuple(name for name in given if name not in known)
    return Match(found, tuple(unmatched), mismatched, grown, unused)


def _given(given: Mapping[str, Any], names: Iterable[str], prefix: str) -> Tensor | None:
    """What the weights hold of a parameter: a file keeps tied ones under one name only, and not always the first."""
    held = (given.get(name.removeprefix(prefix)) for name in names)
    return next((tensor for tensor in held if isinstance(tensor, Tensor)), None)


def _vocabularies(
    model: nn.Module, given: Mapping[str, Any], every: Mapping[nn.Parameter, list[str]], prefix: str
) -> set[tuple[Shape, Shape]]:
    """The (new, old) sizes of embeddings with more rows than the weights have: their output layers grew alike."""
    sizes = set()
    for module in model.modules():
        if isinstance(module, nn.Embedding) and module.weight in every:
            tensor = _given(given, every[module.weight], prefix)
            # A sharded parameter has no first rows of its own.
            if tensor is not None and len(tensor) < len(module.weight) and not hasattr(module.weight, "placements"):
                sizes.add((module.weight.shape[:1], tensor.shape[:1]))
    return sizes


def like(p: Tensor, tensor: Tensor) -> Tensor:
    """A tensor sharded as the parameter is, or whole where that is."""
    if hasattr(p, "placements") and not hasattr(tensor, "placements"):
        from torch.distributed.tensor import distribute_tensor

        return distribute_tensor(tensor.to(p.device), p.device_mesh, p.placements)
    return tensor if hasattr(p, "placements") else whole(tensor)


def whole(tensor: Tensor) -> Tensor:
    """The tensor itself, or what a sharded one (DTensor) is over all processes."""
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor


def local(tensor: Tensor) -> Tensor:
    """The tensor itself, or this process's part of a sharded one."""
    return tensor.to_local() if hasattr(tensor, "to_local") else tensor


def read(weights: Any) -> Mapping[str, Any]:
    """The state dict itself, or what a safetensors file holds."""
    if isinstance(weights, Mapping):
        return weights
    if not isinstance(weights, (str, os.PathLike)):
        hint = ": its state_dict()" if isinstance(weights, nn.Module) else ""
        raise TypeError(f"give a state dict or the path of a safetensors file, not a {type(weights).__name__}{hint}")
    if Path(weights).is_dir():
        files = some(sorted(str(file) for file in Path(weights).glob("*.safetensors")))
        raise ValueError(f"{os.fspath(weights)} is a folder: give one file, {files or 'of which it holds none'}")
    try:
        loaded: dict[str, Tensor] = load_file(weights)
    except SafetensorError as error:
        hint = "of a .pt file give what torch.load(path, weights_only=True) returns"
        raise ValueError(f"{os.fspath(weights)} is not a safetensors file ({error}): {hint}") from None
    return loaded


def difference(p: Tensor, anchor: Tensor) -> Tensor:
    """θ − θ_a in single precision at least: squares of half-precision differences vanish."""
    dtype = torch.promote_types(p.dtype, torch.float32)
    return rows_of(p, anchor).to(dtype) - anchor.to(p.device, dtype)


def rows_of(p: Tensor, anchor: Tensor) -> Tensor:
    """The part of a parameter that has an anchor: of a grown vocabulary the old rows."""
    return p if p.shape == anchor.shape else p[: len(anchor)]


def some(names: Iterable[str]) -> str:
    """The first names of a list, for a message."""
    listed = list(names)
    return ", ".join(listed[:4]) + (f" and {len(listed) - 4} more" if len(listed) > 4 else "")
