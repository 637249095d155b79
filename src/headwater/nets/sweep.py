"""The source-side weight-decay path: train the source under every weight decay, and keep what is finished."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import torch

from headwater.nets.models import Factory, initial
from headwater.nets.path import SourcePath
from headwater.nets.recipe import Recipe
from headwater.nets.stacked import layers
from headwater.nets.training import Progress, Rows, accuracy, train

PAPER_DECAYS = (0.0, *np.geomspace(1e-6, 1e-1, 18).tolist())


def sweep(
    factory: Factory,
    source: Rows,
    scored_on: Rows,
    recipe: Recipe,
    weight_decays: Sequence[float] = PAPER_DECAYS,
    *,
    seeds: Sequence[int] = (0,),
    file: Path | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> SourcePath:
    """Train the source once for every seed and weight decay, each minimising its mean cross-entropy by ``recipe``.

    Parameters
    ----------
    factory
        Builds the network.
    source, scored_on
        Inputs (n, …) and classes (n,). The scores are accuracies on ``scored_on``, which is not trained on.
    recipe
        How long, and in what steps.
    weight_decays
        By default the paper's: 0 and 18 values from 1e-6 to 1e-1.
    seeds
        Each decides initial weights, batches and dropout, so that the members of a seed differ by their weight decay
        alone.
    file
        Where what is finished is kept, after every flight of networks that trained together, all of a seed where they
        form a stack. The same call goes on where an interruption left it.
    device
        Where to train.
    progress
        Called with (done, total) steps.

    Returns
    -------
    SourcePath
        Every seed under every weight decay.

    Raises
    ------
    ValueError
        Where the file holds another sweep, or no seed or weight decay is named, or one twice.

    Examples
    --------
    >>> from headwater.nets import mlp
    >>> generator = torch.Generator().manual_seed(0)
    >>> X = torch.randn(200, 4, generator=generator)
    >>> y = (X[:, 0] > 0).long()
    >>> rows, held_out = (X[:100], y[:100]), (X[100:], y[100:])
    >>> path = sweep(lambda: mlp(4, 8, 2), rows, held_out, Recipe(epochs=5, batch_size=20), [0.0, 0.1])
    >>> path.weight_decays, len(path.scores), path.states["head.weight"].shape
    ((0.0, 0.1), 2, torch.Size([2, 2, 8]))
    """
    asked = list(product(map(int, seeds), map(float, weight_decays)))
    if len(set(asked)) < len(asked) or not asked:
        raise ValueError("seeds and weight_decays must name at least one value each, and none twice")
    path = SourcePath(factory, recipe, _digest(source, scored_on), {}, (), (), ())
    if file is not None and file.exists():
        kept = SourcePath.load(file, factory)
        if (kept.recipe, kept.rows) != (path.recipe, path.rows):
            raise ValueError(f"{file}: holds a sweep of other rows or another recipe; name another file")
        path = kept
    missing = [pair for pair in asked if pair not in path.members]
    steps = recipe.steps(len(source[1]))

    def moved(done: int, _: int) -> None:
        if progress:
            progress(steps * (len(asked) - len(missing) + begun) + done, steps * len(asked))

    begun = 0
    while begun < len(missing):
        flight = _flight(missing[begun:], stacked=layers(factory()) is not None)
        own = [seed for seed, _ in flight]
        decays = [decay for _, decay in flight]
        states = train(
            factory,
            initial(factory, own),
            source,
            recipe,
            seeds=own,
            weight_decay=decays,
            device=device,
            progress=moved,
        ).states
        path = path.joined(states, flight, accuracy(factory, states, scored_on, device).tolist())
        if file is not None:
            path.save(file)
        begun += len(flight)
    return path.only(asked)


def _flight(missing: Sequence[tuple[int, float]], stacked: bool) -> Sequence[tuple[int, float]]:
    """The members to train next: one seed's where they form a stack, else one for each of torch's threads."""
    if stacked:
        return [pair for pair in missing if pair[0] == missing[0][0]]
    return missing[: torch.get_num_threads()]


def _digest(*parts: Rows) -> str:
    """SHA-256 of the rows, so that a file is not continued on others."""
    digest = hashlib.sha256()
    for tensor in (tensor for part in parts for tensor in part):
        digest.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.cpu().contiguous().numpy())
    return digest.hexdigest()
