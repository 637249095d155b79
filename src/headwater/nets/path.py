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
from headwater.nets.models import Factory, States, initial, member
from headwater.nets.models import members as some
from headwater.nets.recipe import Recipe, matches
from headwater.nets.streams import stream
from headwater.nets.training import Progress, Rows, accuracy, train
from headwater.version import __version__

FORMAT = 1
_MARK = "headwater.nets.path"


@dataclass(frozen=True, eq=False)
class Choice:
    """The source checkpoint best for a target, and the two curves it was chosen from.

    ``source_scores`` and ``target_scores`` are accuracies, means over seeds, one for each of ``weight_decays``;
    ``checkpoint`` is the source state to fine-tune from, ``fine_tuned`` what it became on the rows not held out.
    """

    weight_decays: tuple[float, ...]
    source_scores: tuple[float, ...]
    target_scores: tuple[float, ...]
    checkpoint: States
    fine_tuned: States

    @property
    def source_optimal(self) -> float:
        """The weight decay whose source scores best on the source; the smallest of equals."""
        return self.weight_decays[int(np.argmax(self.source_scores))]

    @property
    def transfer_optimal(self) -> float:
        """The weight decay whose source, fine-tuned, scores best on the target; the smallest of equals."""
        return self.weight_decays[int(np.argmax(self.target_scores))]


@dataclass(frozen=True, eq=False)
class SourcePath:
    """Source networks of one architecture, K of them, trained under several weight decays: the result of ``sweep``.

    ``states``: tensors (K, …). ``seeds``, ``weight_decays`` and ``scores``, the accuracy on source rows not trained on,
    hold one value a member. ``rows`` is the SHA-256 of what it was trained on.
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
        """The path with further members."""
        both = {name: torch.cat([self.states[name], value]) for name, value in states.items()} if self.seeds else states
        seeds, decays = zip(*self.members, *members, strict=True)
        return replace(self, states=both, seeds=seeds, weight_decays=decays, scores=(*self.scores, *scores))

    def only(self, members: Sequence[tuple[int, float]]) -> Self:
        """The path of some of its members, in the order given."""
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
        seed: int = 0,
        device: str = "cpu",
        progress: Progress | None = None,
    ) -> Choice:
        """Fine-tune from every checkpoint and choose the source weight decay by accuracy on rows held out for it.

        ``target``: the target's training rows (its test rows stay unseen); ``held_out``, the share of them that
        decides, a fifth by default, is drawn by ``seed``, as are the batches and a new head, each from a ``stream`` of
        its own. ``factory``: the target's network, the
        source's by default; parameters that match the shell patterns ``new``, such as "head.*", start afresh and are
        not drawn to the source. ``weight_decay`` 1e-4 is the paper's standard fine-tuning; its L2-SP is
        ``weight_decay=0, anchor_weight=1e-4``. ``recipe``: the source's by default.

        Raises ValueError where the target's network does not take the source's weights, or no row would be left.
        """
        factory = factory or self.factory
        K, (X, y) = len(self.seeds), target
        kept = round(len(y) * (1 - held_out)) if 0 < held_out < 1 else 0
        if not 0 < kept < len(y):
            raise ValueError(
                f"held_out={held_out:g} of {len(y)} target rows leaves no row to train on or none to score"
            )
        order = torch.randperm(len(y), generator=torch.Generator().manual_seed(stream(seed, "held out")))
        train_on, score_on = ((X[part], y[part]) for part in order.tensor_split([kept]))
        start = initial(factory, [stream(seed, "head")] * K)
        for name, value in start.items():
            if matches(name, new):
                continue
            if name not in self.states or self.states[name].shape != value.shape:
                raise ValueError(f"the source has no {name} of the target's shape; name it in new= to start it afresh")
            start[name] = self.states[name]
        tuned = train(
            factory, start, train_on, recipe or self.recipe, seeds=[stream(seed, "batches")] * K,
            weight_decay=weight_decay, anchor_weight=anchor_weight, exclude=new, device=device, progress=progress,
        ).states  # fmt: skip
        scores = accuracy(factory, tuned, score_on, device).tolist()
        decays = tuple(sorted(set(self.weight_decays)))

        def curve(scores: Sequence[float]) -> tuple[float, ...]:
            return tuple(
                float(np.mean([s for s, own in zip(scores, self.weight_decays, strict=True) if own == decay]))
                for decay in decays
            )

        means = curve(scores)
        chosen = decays[int(np.argmax(means))]
        best = max((k for k in range(K) if self.weight_decays[k] == chosen), key=lambda k: scores[k])
        return Choice(decays, curve(self.scores), means, member(self.states, best), member(tuned, best))

    def save(self, file: str | Path) -> None:
        """Write the path as a safetensors file, whole or not at all; its table is the file's metadata."""
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
        """Read what ``save`` wrote, for the architecture that ``factory`` builds.

        Raises OSError where there is nothing to read, and ValueError, in one line that names the file, where it is not
        a path, is damaged, newer than this headwater, or of another architecture.
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
