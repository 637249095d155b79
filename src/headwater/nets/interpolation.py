"""Between a source and what it was fine-tuned to: the straight line of weights (WiSE-FT)."""

from __future__ import annotations

from torch import Tensor

from headwater.nets.matching import Weights, read


def interpolate(source: Weights, tuned: Weights, share: float) -> dict[str, Tensor]:
    """The weights that lie a share of the way from a source to what it was fine-tuned to.

    Parameters
    ----------
    source, tuned
        State dicts or the paths of safetensors files.
    share
        0 for the source, 1 for the fine-tuned weights.

    Returns
    -------
    dict[str, Tensor]
        A state dict for ``module.load_state_dict``, in the precision of ``tuned``; what the source lacks or has in
        another shape, as a new head, and what is no floating-point number, is that of ``tuned``.

    Raises
    ------
    ValueError
        Where share lies outside [0, 1], or the two share no tensor.
    TypeError
        For weights that are neither a state dict nor a path.

    Notes
    -----
    (1 − share)·θ_source + share·θ_tuned (Wortsman et al. 2022, Robust fine-tuning of zero-shot models). It costs no
    training: choose the share on rows that neither saw. Along the whole line only where the source has the head too:
    beside a new head, trained for the tuned body, the body of the source is a stranger.

    Examples
    --------
    >>> import torch
    >>> interpolate({"w": torch.zeros(2)}, {"w": torch.ones(2), "head": torch.ones(1)}, 0.25)
    {'w': tensor([0.2500, 0.2500]), 'head': tensor([1.])}
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must lie between 0, the source, and 1, the fine-tuned weights, got {share!r}")
    start, end = read(source), read(tuned)
    met = {name for name, value in end.items() if name in start and start[name].shape == value.shape}
    if not met:
        raise ValueError("the source and the fine-tuned weights share no tensor of one name and shape")
    return {
        name: _between(start[name], value, share) if name in met and value.is_floating_point() else value.clone()
        for name, value in end.items()
    }


def _between(start: Tensor, end: Tensor, share: float) -> Tensor:
    """In single precision at least: a share of a difference rounds away in half."""
    wide = end.detach().float() if end.dtype.itemsize < 4 else end.detach()
    return start.detach().to(wide).lerp(wide, share).to(end.dtype)
