"""Where each of a model's parameters is drawn, and how hard: to its anchor, to zero, or nowhere."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn

from headwater.nets.fingerprint import Fingerprint, digest, refuse_another
from headwater.nets.heads import Rule, excluded, norms_and_biases
from headwater.nets.low_rank import products
from headwater.nets.matching import Weights, difference, local, match, parameters, some, whole
from headwater.nets.pull import Drawn

Weight = float | dict[str, float]


class Anchored:
    """A model's parameters met with an anchor: what is drawn to it, what to zero, what is free, what is frozen yet."""

    def __init__(
        self, model: nn.Module, rules: tuple[Rule, ...], anchor: Weights | None, head_weight: float, prefix: str
    ) -> None:
        self.model, self.head_weight = model, head_weight
        self._rules, self._own = rules, anchor is None
        self.pairs = products(model)
        self._factors = {p for pair in self.pairs for p in (pair.A, pair.B)}
        every = parameters(model)
        free = excluded({p: names for p, names in every.items() if p not in self._factors}, rules)
        for p, names in every.items():
            if p.requires_grad and p not in free:
                _refuse_unpullable(p, names[0])
        given = dict(model.named_parameters()) if anchor is None else anchor
        self.match = match(model, given, free.keys() | self._factors, prefix)
        if not self.match.found and not self.pairs:
            raise ValueError(f"nothing is left to anchor of {some(names[0] for names in every.values())}")
        self.excluded = tuple(names[0] for p, names in every.items() if p in free)
        self.name = {p: names[0] for p, names in every.items()} | {pair.B: pair.name for pair in self.pairs}
        spared = {p for p, hits in free.items() if norms_and_biases in hits}
        self._free = every.keys() - self.match.found.keys() - self._factors - spared
        self._found: dict[nn.Parameter, Tensor] = {}
        self.frozen = dict(self.match.found)  # until the first thaw
        self._saved: Fingerprint = {}
        self.anchor: dict[str, Tensor] = {}
        self.fingerprint: Fingerprint = {}
        self.weight: Weight = 0.0
        self.version = 0  # of what drawn() says
        self.thaw()

    def set_weight(self, weight: float | Mapping[str, float]) -> None:
        """Take a weight, or one for each pattern of names; raise ValueError where it is none or says too little."""
        if isinstance(weight, Mapping):
            self.weight = {pattern: checked(f"weight[{pattern!r}]", value) for pattern, value in weight.items()}
            pulled = (*self._found, *self.frozen, *(pair.B for pair in self.pairs))
            if lacking := [self.name[p] for p in pulled if self._pattern(p) is None]:
                raise ValueError(f'weight has no pattern for {some(lacking)}: end it with "*", of weight 0 for no pull')
        else:
            self.weight = checked("weight", weight)
        self.version += 1

    def _pattern(self, p: nn.Parameter) -> str | None:
        assert isinstance(self.weight, dict)
        return next((pattern for pattern in self.weight if fnmatchcase(self.name[p], pattern)), None)

    def _weight_of(self, p: nn.Parameter) -> float:
        return self.weight[self._pattern(p) or ""] if isinstance(self.weight, dict) else self.weight

    def settle(self) -> None:
        """Bring an anchor that was the model's own to the devices on which its parameters now are."""
        if self._own:
            for p, anchor in self._found.items():
                self._found[p] = self.anchor[self.name[p]] = anchor.to(p.device)
            self.version += 1

    def thaw(self) -> None:
        """Copy the anchors of parameters that are frozen no longer, and so are still where they were."""
        thawed = [p for p in self.frozen if p.requires_grad]
        for p in thawed:
            name, tensor = self.frozen.pop(p)
            self._found[p] = self.anchor[name] = tensor.detach().clone()
            if not torch.isfinite(local(tensor)).all():
                raise ValueError(f"the anchor's {name} is not finite")
            self.fingerprint[name] = digest(tensor)
            self.version += 1
        if thawed:
            refuse_another(self._saved, self.fingerprint)

    def expect(self, saved: Fingerprint) -> None:
        """Raise ValueError where a run was saved with another anchor, now or once its parameters thaw."""
        self._saved = self._saved | saved
        refuse_another(self._saved, self.fingerprint)

    def drawn(self, held: Sequence[nn.Parameter], decoupled: bool) -> list[Drawn]:
        """What draws some parameters, those of equal weight together; low-rank pairs only where decoupled."""
        toward: dict[nn.Parameter, tuple[float, Tensor | None]]
        toward = {p: (self._weight_of(p), anchor) for p, anchor in self._found.items()}
        toward |= dict.fromkeys(self._free, (self.head_weight, None))
        toward |= {pair.B: (self._weight_of(pair.B), None) for pair in self.pairs if decoupled}
        sorts: dict[tuple[float, bool], tuple[list[nn.Parameter], list[Tensor]]] = {}
        for p in held:
            weight, anchor = toward.get(p, (0.0, None))
            if weight and p.requires_grad:
                own, anchors = sorts.setdefault((weight, anchor is None), ([], []))
                own.append(p)
                anchors += [] if anchor is None else [anchor]
        return [Drawn(weight, own, None if zero else anchors) for (weight, zero), (own, anchors) in sorts.items()]

    def slopes(self) -> list[tuple[nn.Parameter, Tensor]]:
        """The gradients of the penalty on low-rank products, by their factors."""
        of_pairs = [(self._weight_of(pair.B), pair) for pair in self.pairs]
        return [(p, weight * slope) for weight, pair in of_pairs if weight for p, slope in pair.slopes()]

    def holds(self, p: nn.Parameter) -> bool:
        """Whether a parameter is pulled, or will be once it thaws."""
        return p in self._found or p in self.frozen or any(p is pair.B for pair in self.pairs)

    def names_now(self, held: Iterable[nn.Parameter]) -> set[str]:
        """The names that some parameters have in the model as it is now."""
        every = parameters(self.model)
        return {every[p][0] for p in held if p in every}

    def replaced(self) -> list[str]:
        """Names of parameters that the model did not have when L2SP was built, and that are to be pulled."""
        known = self.name.keys() | self._factors
        new = {p: names for p, names in parameters(self.model).items() if p not in known}
        free = () if self.head_weight else excluded(new, self._rules)
        return [names[0] for p, names in new.items() if p not in free and p.requires_grad]

    def refuse_stale(self) -> None:
        """Raise ValueError where the model has other parameters than when L2SP was built."""
        if replaced := self.replaced():
            raise ValueError(
                f"the model has other parameters than when L2SP was built ({some(replaced)}): build L2SP after layers "
                "are replaced or added and the model is wrapped, with the pretrained weights as anchor="
            )

    def penalty(self) -> Tensor:
        """(weight/2)‖θ − θ_a‖² of what is trained, each with its weight."""
        self.thaw()
        total = torch.zeros(())
        terms = [(self._weight_of(p), difference(p, anchor)) for p, anchor in self._found.items() if p.requires_grad]
        terms += [(self.head_weight, p) for p in self._free if p.requires_grad]
        for weight, apart in terms:
            if weight:
                square = whole(apart.abs().square().sum())
                total = total.to(square.device) + weight / 2 * square
        for pair in self.pairs:
            if pair.A.requires_grad or pair.B.requires_grad:
                total = total.to(pair.B.device) + self._weight_of(pair.B) / 2 * pair.square()
        return total


def checked(name: str, weight: float) -> float:
    """The weight; ValueError where it is no finite number or negative."""
    if not 0 <= weight < math.inf:
        raise ValueError(f"{name} must be a finite number not below 0, got {weight!r}")
    return float(weight)


def _refuse_unpullable(p: nn.Parameter, name: str) -> None:
    if p.is_meta:
        raise ValueError(f"{name} is on the meta device: load the model's weights before L2SP is built")
    if p.dtype.itemsize < 2:
        raise ValueError(f"{name} is {p.dtype}, which cannot be moved: exclude it, or keep the trained weights wider")
