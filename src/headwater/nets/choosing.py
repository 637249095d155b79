"""Which checkpoint to start from, or none: every candidate fine-tuned and scored alike, and judged by the noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import stdtrit
from torch import Tensor

from headwater.nets.matching import Weights, read

FEWEST = 3  # repeats: two can agree by chance, and then every interval is empty
MEASURED = ("running_mean", "running_var")  # of a norm: what it saw, and no weights

State = dict[str, Tensor]


@dataclass(frozen=True)
class Candidate:
    """One way to start.

    Parameters
    ----------
    source
        The name of a checkpoint; None for scratch.
    scale
        What its weights are multiplied by.
    scores
        One for each repeat, in the order of the seeds, larger being better.

    Examples
    --------
    >>> print(Candidate("imagenet", 0.5, (0.7, 0.8)), Candidate("imagenet", 0.5, (0.7, 0.8)).mean)
    imagenet at 0.5 times its weights 0.75
    """

    source: str | None
    scale: float
    scores: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The mean score over the repeats."""
        return float(np.mean(self.scores))

    def __str__(self) -> str:
        if self.source is None:
            return "scratch"
        return self.source if self.scale == 1 else f"{self.source} at {self.scale:g} times its weights"


@dataclass(frozen=True, eq=False)
class Chosen:
    """The candidate of the best mean score, what it is worth over scratch, and whether that is outside the noise.

    Parameters
    ----------
    candidates
        All of them; what the gain is measured over, scratch, is the first.
    model
        What ``fine_tune`` made of the best, in its best repeat.

    Examples
    --------
    >>> chosen = Chosen((Candidate(None, 1, (0.5, 0.6, 0.5)), Candidate("near", 1, (0.8, 0.9, 0.7))), model=None)
    >>> round(chosen.gain, 3), chosen.within_noise
    (0.267, False)
    """

    candidates: tuple[Candidate, ...]
    model: Any = field(repr=False)

    @property
    def best(self) -> Candidate:
        """The candidate of the largest mean score; the first of equals, so that scratch is left for a gain only."""
        return max(self.candidates, key=lambda candidate: candidate.mean)

    @property
    def gains(self) -> tuple[float, ...]:
        """For each repeat, what the candidate chosen by the other repeats' means scores on it more than scratch does.

        So chosen, the largest of noisy numbers does not flatter itself.
        """
        scores = np.array([candidate.scores for candidate in self.candidates])
        count = scores.shape[1]
        if count == 1:
            return (float(scores[:, 0].max() - scores[0, 0]),)
        others = (scores.sum(1, keepdims=True) - scores) / (count - 1)
        picked = others.argmax(0)
        return tuple((scores[picked, np.arange(count)] - scores[0]).tolist())

    @property
    def gain(self) -> float:
        """What choosing is worth over scratch: the mean of ``gains``."""
        return float(np.mean(self.gains))

    @property
    def gain_ci95(self) -> float:
        """The half-width of Student's 95 % interval of the gain over the repeats; infinite for a single one."""
        count = len(self.gains)
        if count == 1:
            return math.inf
        return float(stdtrit(count - 1, 0.975) * np.std(self.gains, ddof=1) / math.sqrt(count))

    @property
    def within_noise(self) -> bool:
        """Whether the gain could be none: its interval holds 0, or there are fewer than three repeats."""
        return len(self.gains) < FEWEST or not self.gain - self.gain_ci95 > 0

    def __str__(self) -> str:
        worth = f"worth {self.gain:+.4g} ± {self.gain_ci95:.2g} over scratch"
        if len(self.gains) < FEWEST:
            worth = f"worth {self.gain:+.4g} over scratch, with too few repeats ({len(self.gains)} of {FEWEST}) to tell"
        elif self.best is self.candidates[0]:
            worth = "no source is better"
        else:
            worth += f", {'within' if self.within_noise else 'outside'} the noise"
        width = max(len(str(candidate)) for candidate in self.candidates)
        lines = [f"  {candidate!s:{width}}  {candidate.mean:.4f}" for candidate in self.candidates]
        return "\n".join([f"Start from {self.best}: {worth}.", *lines])


def choose(
    checkpoints: Mapping[str, Weights],
    fine_tune: Callable[[State | None, int], Any],
    score: Callable[[Any], float],
    *,
    scales: Sequence[float] = (1.0,),
    repeats: int = FEWEST,
    progress: Callable[[int, int], None] | None = None,
) -> Chosen:
    """Fine-tune from every checkpoint, at every scale, and from scratch, with any loop; choose by score.

    Parameters
    ----------
    checkpoints
        Name → state dict or path of a safetensors file, read when its turn comes.
    fine_tune
        A function from a starting state, None for scratch, and a seed to a trained model. The seed decides all that is
        drawn at random, so that the candidates of a repeat differ by their start alone. The state may be changed.
    score
        A function from the trained model to a number, larger being better: on rows that ``fine_tune`` does not see, and
        that no final figure is quoted from, since they choose.
    scales
        What the weights are multiplied by, each in turn; norms' running statistics are left alone.
    repeats
        How many seeds, 0 to repeats − 1. Fewer than three say nothing of the noise.
    progress
        Called with (done, total) fine-tunings.

    Returns
    -------
    Chosen
        The best candidate, its trained model, what choosing is worth over scratch, and whether that is noise; printed,
        a line to repeat and the mean scores.

    Raises
    ------
    ValueError
        For no checkpoint, a scale that is not finite and positive, fewer than one repeat, or a score that is no finite
        number.
    TypeError
        For a checkpoint that is neither a state dict nor a path.

    Notes
    -----
    The gain is cross-validated over the repeats: chosen by the others, measured on the one left out; its interval is
    Student's over the repeats, whose draws are paired by their seeds.

    Examples
    --------
    >>> import torch
    >>> chosen = choose(
    ...     {"near": {"w": torch.ones(1)}, "far": {"w": 5 * torch.ones(1)}},
    ...     fine_tune=lambda state, seed: (state or {"w": torch.zeros(1)})["w"].item() + seed / 100,
    ...     score=lambda w: -((w - 1.2) ** 2),
    ... )
    >>> print(str(chosen).splitlines()[0])
    Start from near: worth +1.38 ± 0.05 over scratch, outside the noise.
    """
    if not checkpoints:
        raise ValueError("checkpoints is empty: give a name and a state dict or a file for each source")
    if repeats < 1:
        raise ValueError(f"repeats must be at least 1, got {repeats}")
    if bad := [scale for scale in scales if not 0 < scale < math.inf]:
        raise ValueError(f"scales must be finite and positive, got {bad[0]!r}")
    starts: list[tuple[str | None, float]] = [(None, 1.0), *((name, scale) for name in checkpoints for scale in scales)]
    found: list[Candidate] = []
    best: tuple[float, Any] = -math.inf, None
    for done, (name, scale) in enumerate(starts):
        scores: list[float] = []
        model: tuple[float, Any] = -math.inf, None
        held = None if name is None else read(checkpoints[name])
        for seed in range(repeats):
            trained = fine_tune(None if held is None else _scaled(held, scale), seed)
            value = float(score(trained))
            if not math.isfinite(value):
                raise ValueError(f"the score of {Candidate(name, scale, ())}, seed {seed}, is {value}: give a number")
            scores.append(value)
            model = max(model, (value, trained), key=lambda pair: pair[0])
            if progress:
                progress(done * repeats + seed + 1, len(starts) * repeats)
        found.append(Candidate(name, scale, tuple(scores)))
        best = max(best, (found[-1].mean, model[1]), key=lambda pair: pair[0])
    return Chosen(tuple(found), best[1])


def _scaled(state: Mapping[str, Tensor], scale: float) -> State:
    """A copy of a state, its weights times the scale."""
    return {
        name: value.detach() * scale
        if value.is_floating_point() and not name.endswith(MEASURED) and scale != 1
        else value.detach().clone()
        for name, value in state.items()
    }
