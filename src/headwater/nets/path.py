"""The checkpoints of a source's weight-decay path in one file, and the choice among them for a target."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from headwater.files import replaced, why_unreadable
from headwater.nets.choice import Choice
from headwater.nets.choosing import FEWEST, Candidate, Chosen
from headwater.nets.fine_tuning import FineTuning, Scored
from headwater.nets.models import Factory, States, initial, member
from headwater.nets.models import members as some
from headwater.nets.recipe import Recipe
from headwater.nets.training import Progress, Rows
from headwater.version import __version__

FORMAT = 1
_MARK = "headwater.nets.path"


@dataclass(frozen=True, eq=False)
class SourcePath:
    """Source networks of one architecture, K of them, trained under several weight decays: the result of ``sweep``.

    Parameters
    ----------
    factory
        Builds the network.
    recipe
        How all were trained.
    rows
        The SHA-256 of what they were trained and scored on.
    states
        Tensors (K, …).
    seeds, weight_decays, scores
        One value a member; scores are accuracies on source rows not trained on.

    Examples
    --------
    >>> from headwater.nets import mlp
    >>> path = SourcePath(lambda: mlp(4, 2), Recipe(1, 8), "", initial(lambda: mlp(4, 2), [0]), (0,), (0.1,), (0.5,))
    >>> path.members
    [(0, 0.1)]
    """

    factory: Factory
    recipe: Recipe
    rows: str
    states: States
    seeds: tuple[int, ...]
    weight_decays: tuple[float, ...]
    scores: tuple[float, ...]

    @property
    def members(self) -> list[tuple[int, float]]:
        """Each member's seed and weight decay."""
        return list(zip(self.seeds, self.weight_decays, strict=True))

    def __repr__(self) -> str:
        seeds, decays = dict.fromkeys(self.seeds), sorted(set(self.weight_decays))
        span = f" from {decays[0]:g} to {decays[-1]:g}" if len(decays) > 1 else ""
        return f"SourcePath({len(self.seeds)} networks: {len(seeds)} seeds, {len(decays)} weight decays{span})"

    def joined(self, states: States, members: Sequence[tuple[int, float]], scores: Sequence[float]) -> Self:
        """The path with further members.

        Parameters
        ----------
        states
            Theirs, tensors (K, …).
        members
            Each one's seed and weight decay.
        scores
            Theirs.

        Returns
        -------
        SourcePath
            This one's members, then these.
        """
        both = {name: torch.cat([self.states[name], value]) for name, value in states.items()} if self.seeds else states
        seeds, decays = zip(*self.members, *members, strict=True)
        return replace(self, states=both, seeds=seeds, weight_decays=decays, scores=(*self.scores, *scores))

    def only(self, members: Sequence[tuple[int, float]]) -> Self:
        """The path of some of its members.

        Parameters
        ----------
        members
            Each one's seed and weight decay, in this order.

        Returns
        -------
        SourcePath
            Of these alone.
        """
        which = [self.members.index(pair) for pair in members]
        seeds, decays = zip(*members, strict=True)
        scores = tuple(self.scores[k] for k in which)
        return replace(self, states=some(self.states, which), seeds=seeds, weight_decays=decays, scores=scores)

    def best_for(
        self,
        target: Rows,
        *,
        factory: Factory | None = None,
        new: Sequence[str] = (),
        recipe: Recipe | None = None,
        weight_decay: float = 1e-4,
        anchor_weight: float = 0.0,
        held_out: float = 0.2,
        repeats: int = FEWEST,
        seed: int = 0,
        device: str = "cpu",
        progress: Progress | None = None,
    ) -> Choice:
        """Fine-tune from every checkpoint and from scratch, and choose by accuracy on rows held out for it.

        Parameters
        ----------
        target
            The target's training rows: inputs (n, …) and classes (n,). Its test rows stay unseen.
        factory
            The target's network, by default the source's.
        new
            Shell patterns of parameters that start afresh and are not drawn to the source, such as "head.*".
        recipe
            By default the source's.
        weight_decay, anchor_weight
            1e-4 and 0, the paper's standard fine-tuning; its L2-SP is 0 and 1e-4. From scratch there is no anchor.
        held_out
            The share of the rows that decides.
        repeats
            How often at least, with rows, batches and heads of their own: each takes the next of the path's seeds that
            have every weight decay, and all of these have their turn. Fewer than three say nothing of the noise.
        seed
            What all this is drawn by, each draw from a ``stream`` of its own.
        device
            Where to train.
        progress
            Called with (done, total) steps.

        Returns
        -------
        Choice
            The checkpoint, both curves, and what the choice is worth against the noise.

        Raises
        ------
        ValueError
            Where the target's network does not take the source's weights, no row would be left, or no seed of the path
            has every weight decay.
        """
        tuning = FineTuning(
            factory or self.factory, tuple(new), recipe or self.recipe, weight_decay, anchor_weight, held_out, device
        )
        tuning.check(target)
        decays = tuple(sorted(set(self.weight_decays)))
        whole = [own for own in dict.fromkeys(self.seeds) if all((own, decay) in self.members for decay in decays)]
        if not whole:
            raise ValueError("no seed of the path has every weight decay: sweep the rest first")
        paths = [
            self.only([(whole[k % len(whole)], decay) for decay in decays]) for k in range(max(repeats, len(whole)))
        ]
        runs: list[Scored] = []

        def moved(done: int, total: int) -> None:
            if progress:
                progress(len(runs) * total + done, len(paths) * total)

        for draw, path in enumerate(paths, seed):
            runs.append(tuning.run(path.states, target, draw, moved))
        scores = np.array([run.scores for run in runs]).T  # (scratch and decays, repeats)
        means = scores.mean(1)
        lucky = scores.argmax(1)  # the repeat in which each does best
        best = 1 + int(means[1:].argmax())
        top = int(means.argmax())  # scratch of equals
        names = (None, *(f"weight decay {decay:g}" for decay in decays))
        candidates = tuple(Candidate(name, 1.0, tuple(own.tolist())) for name, own in zip(names, scores, strict=True))
        of = dict(zip(self.members, self.scores, strict=True))
        return Choice(
            decays,
            tuple(float(np.mean([of[own, decay] for own in whole])) for decay in decays),
            tuple(means[1:].tolist()),
            member(paths[lucky[best]].states, best - 1),
            member(runs[lucky[best]].states, best),
            Chosen(candidates, member(runs[lucky[top]].states, top)),
        )

    def save(self, file: str | Path) -> None:
        """Write the path as a safetensors file, whole or not at all; its table is the file's metadata.

        Parameters
        ----------
        file
            Where.

        Raises
        ------
        OSError
            Where it cannot be written.
        """
        table = {
            "format": FORMAT,
            "version": __version__,
            "recipe": asdict(self.recipe),
            "rows": self.rows,
            "seeds": self.seeds,
            "weight_decays": self.weight_decays,
            "scores": self.scores,
        }
        with replaced(Path(file), "file") as part:
            part.write_bytes(save(self.states, {_MARK: json.dumps(table)}))

    @classmethod
    def load(cls, file: Path, factory: Factory) -> Self:
        """Read what ``save`` wrote.

        Parameters
        ----------
        file
            What it wrote.
        factory
            The architecture it must be of.

        Returns
        -------
        SourcePath
            To the bit as it was saved.

        Raises
        ------
        OSError
            Where there is nothing to read.
        ValueError
            In one line that names the file, where it is not a path, is damaged, newer than this headwater, or of
            another architecture.
        """
        try:
            with safe_open(file, framework="pt") as content:
                table = json.loads((content.metadata() or {})[_MARK])
                states = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118
            if table["format"] > FORMAT:
                raise ValueError(f"written by headwater {table['version']}, newer than this, {__version__}; upgrade it")
            path = cls(
                factory,
                Recipe(**table["recipe"]),
                str(table["rows"]),
                states,
                tuple(int(seed) for seed in table["seeds"]),
                tuple(float(decay) for decay in table["weight_decays"]),
                tuple(float(score) for score in table["scores"]),
            )
        except OSError as problem:
            raise type(problem)(f"{file}: cannot be read: {why_unreadable(problem)}") from None
        except (SafetensorError, KeyError, TypeError, json.JSONDecodeError):
            raise ValueError(f"{file}: not a source path saved by headwater, or not whole; sweep again") from None
        except ValueError as problem:
            raise ValueError(f"{file}: {problem}") from None
        expected = initial(factory, path.seeds)
        counts = {len(path.seeds), len(path.weight_decays), len(path.scores)}
        if len(counts) != 1 or {n: t.shape for n, t in states.items()} != {n: t.shape for n, t in expected.items()}:
            raise ValueError(f"{file}: holds networks of another architecture than the one asked for")
        return path
