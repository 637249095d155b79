"""L2-SP: weight decay toward an anchor, the pretrained weights, instead of toward zero, for any PyTorch model."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from headwater.nets.attachment import Attachment, innermost
from headwater.nets.fingerprint import Fingerprint, digest, refuse_another
from headwater.nets.heads import HEADS, Rule, excluded, idle, like_a_head, norms_and_biases, rules
from headwater.nets.low_rank import products
from headwater.nets.matching import Weights, difference, local, match, parameters, some, whole
from headwater.nets.pull import Drawn


class L2SP:
    """Decay toward an anchor θ_a instead of toward zero (L2-SP; Li, Grandvalet and Davoine 2018).

    Build it when you would build the optimizer: weights loaded, adapters and wrappers in place, model on its device;
    to resume, before the checkpoint is loaded, or with the first run's ``anchor``.

    Parameters
    ----------
    model
        Any module. Buffers stay put, and parameters while they are frozen, which are copied only when they thaw.
        Parameters are matched by name, without the prefixes of torch.compile, DDP and PEFT; tied ones are one.
    weight
        ≥ 0, on the scale of torch's ``weight_decay``; or ``{pattern: weight}``, the first pattern (fnmatch) that a name
        matches. It may be set anew between steps.
    exclude
        What is left free: patterns of names, predicates of (name, parameter), or one of either. By default HEADS, new
        heads by their usual names, which have no pretrained weights; ``(*HEADS, norms_and_biases)`` leaves those free
        as well. A tied parameter is excluded by any of its names, but as a head only by all.
    anchor
        None for the model's own weights now, a state dict, or the path of a safetensors file. It is copied, and stays
        in the precision and on the device it came in. Vocabularies with rows more than the anchor's are anchored in the
        old rows.
    decoupled
        True: every step first moves θ ← θ − lr·weight·(θ − θ_a), whatever the optimizer makes of the gradient: AdamW's
        decay, with the anchor in the place of zero. False: weight·(θ − θ_a) is added to the gradient, as the penalty
        (weight/2)‖θ − θ_a‖² in the loss would: Adam's coupled decay, which its moments rescale.
    head_weight
        The decay toward zero of what is left free, in the same form: β of the L2-SP paper, 0 by default. What
        ``norms_and_biases`` excludes stays free of it.
    prefix
        What names have before them in the model only, or in the anchor only, as "bert." has.

    Attributes
    ----------
    anchor
        Name → tensor, a state dict to save or to pass on.
    excluded, unmatched, mismatched, unused
        Names left free by ``exclude``; for want of an anchor; for another shape of it, name → (the model's shape, the
        anchor's); and names that only the anchor has. The second and third come with one UserWarning.
    grown
        Vocabularies anchored in their old rows, name → (the model's shape, the anchor's).
    fingerprint
        Name → digest of the anchor, kept with the optimizer's state, which refuses to be loaded toward another.

    Raises
    ------
    ValueError
        For a weight that is negative or not finite, an anchor that is not finite or shares no parameter with the model,
        a parameter on the meta device or in float8, a folder, and a file that is not safetensors.
    FileNotFoundError
        Where there is no such file.

    Notes
    -----
    In plain SGD ``attach``, coupled or not, and ``penalty()`` are one; use one of them. Of a layer with low-rank
    adapters (LoRA, by PEFT) the penalty is (weight/2)‖scale·BA‖², the distance from the weights beside them; decoupled,
    B goes lr·weight of the way to zero, where it began, and the product with it. Parameters that the batch did not
    reach are pulled all the same, as by the penalty.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(3, 2))
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> l2sp = L2SP(model, weight=10.0)
    >>> handle = l2sp.attach(optimizer)
    >>> _ = model[0].bias.data.add_(1.0)
    >>> optimizer.step()  # lr · weight = 1: all the way back to the anchor
    >>> torch.equal(model[0].bias, l2sp.anchor["0.bias"])
    True
    """

    def __init__(
        self,
        model: nn.Module,
        weight: float | Mapping[str, float],
        exclude: Rule | Iterable[Rule] = HEADS,
        anchor: Weights | None = None,
        decoupled: bool = True,
        *,
        head_weight: float = 0.0,
        prefix: str = "",
    ) -> None:
        self.decoupled, self.head_weight = decoupled, _checked("head_weight", head_weight)
        self.model, self._rules, self._own = model, rules(exclude), anchor is None
        self._pairs = products(model)
        factors = {p for pair in self._pairs for p in (pair.A, pair.B)}
        every = parameters(model)
        free = excluded({p: names for p, names in every.items() if p not in factors}, self._rules)
        for p, names in every.items():
            if p.requires_grad and p not in free:
                _refuse_unpullable(p, names[0])
        met = match(model, dict(model.named_parameters()) if anchor is None else anchor, free.keys() | factors, prefix)
        if not met.found and not self._pairs:
            raise ValueError(f"nothing is left to anchor of {some(names[0] for names in every.values())}")
        self.excluded = tuple(names[0] for p, names in every.items() if p in free)
        self.unmatched, self.mismatched, self.grown, self.unused = met.unmatched, met.mismatched, met.grown, met.unused
        self.name = {p: names[0] for p, names in every.items()} | {pair.B: pair.name for pair in self._pairs}
        spared = {p for p, hits in free.items() if norms_and_biases in hits}
        self._free = every.keys() - met.found.keys() - factors - spared
        self._found: dict[nn.Parameter, Tensor] = {}
        self._frozen = dict(met.found)  # until the first thaw
        self._saved: Fingerprint = {}
        self.anchor: dict[str, Tensor] = {}
        self.fingerprint: Fingerprint = {}
        self._met = False  # whether the first penalty found the model as it was
        self.version = 0  # of what drawn() says
        self.thaw()
        self.weight = weight
        unnamed = exclude is HEADS and anchor is None and not free and not self._pairs
        self._report([] if exclude is HEADS else idle(every, self._rules), like_a_head(model) if unnamed else None)

    @property
    def weight(self) -> float | Mapping[str, float]:
        """What pulls: a number, or one for each pattern of names."""
        return self._weight

    @weight.setter
    def weight(self, weight: float | Mapping[str, float]) -> None:
        if isinstance(weight, Mapping):
            self._weight: float | dict[str, float] = {k: _checked(f"weight[{k!r}]", v) for k, v in weight.items()}
            pulled = (*self._found, *self._frozen, *(pair.B for pair in self._pairs))
            if lacking := [self.name[p] for p in pulled if self._of(p) is None]:
                raise ValueError(f'weight has no pattern for {some(lacking)}: end it with "*", of weight 0 for no pull')
        else:
            self._weight = _checked("weight", weight)
        self.version += 1

    def _of(self, p: nn.Parameter) -> Any:
        if not isinstance(self._weight, dict):
            return self._weight
        return next((value for pattern, value in self._weight.items() if fnmatchcase(self.name[p], pattern)), None)

    def _report(self, idle_patterns: list[str], head: str | None) -> None:
        shapes = [f"{name} {ours} against {theirs}" for name, (ours, theirs) in self.mismatched.items()]
        found = {
            "left free, not in the anchor": self.unmatched,
            "left free, of another shape in the anchor": shapes,
            "in the anchor alone": self.unused if self.unmatched else (),
            "excluded, but no parameter has such a name": idle_patterns,
        }
        lines = [f"{what}: {some(names)}" for what, names in found.items() if names]
        if head:
            lines.append(
                f"nothing is excluded, though {head} looks like a head: exclude=({head + '.*'!r},) leaves it free, "
                "exclude=() says that it is pretrained as well"
            )
        if lines:
            warnings.warn("L2SP: " + "; ".join(lines), UserWarning, stacklevel=3)

    def __repr__(self) -> str:
        counts: dict[str, Sequence[str]] = {
            "excluded": self.excluded,
            "unmatched": self.unmatched,
            "mismatched": tuple(self.mismatched),
            "low-rank": tuple(pair.name for pair in self._pairs),
        }
        others = "".join(f", {len(names)} {what} ({some(names)})" for what, names in counts.items() if names)
        frozen = f", {len(self._frozen)} frozen" if self._frozen else ""
        weight = self.weight if isinstance(self.weight, dict) else f"{self.weight:g}"
        form = f"weight={weight}, decoupled={self.decoupled}"
        form += f", head_weight={self.head_weight:g}" if self.head_weight else ""
        return f"L2SP({form}: {len(self.anchor)} anchored{others}{frozen})"

    def thaw(self) -> None:
        """Copy the anchors of parameters that are frozen no longer, and so are still where they were."""
        for p in [p for p in self._frozen if p.requires_grad]:
            name, tensor = self._frozen.pop(p)
            self._found[p] = self.anchor[name] = tensor.detach().clone()
            if not torch.isfinite(local(tensor)).all():
                raise ValueError(f"the anchor's {name} is not finite")
            self.fingerprint[name] = digest(tensor)
            self.version += 1
        refuse_another(self._saved, self.fingerprint)

    def expect(self, saved: Fingerprint) -> None:
        """Raise ValueError where a run was saved with another anchor, now or once its parameters thaw."""
        self._saved = self._saved | saved
        refuse_another(self._saved, self.fingerprint)

    def drawn(self, held: Sequence[nn.Parameter]) -> list[Drawn]:
        """What pulls some parameters, those of equal weight together; low-rank pairs only where decoupled."""
        toward = {p: (self._of(p), anchor) for p, anchor in self._found.items()}
        toward |= {p: (self.head_weight, None) for p in self._free}
        toward |= {pair.B: (self._of(pair.B), None) for pair in self._pairs if self.decoupled}
        sorts: dict[tuple[float, bool], tuple[list[nn.Parameter], list[Tensor | None]]] = {}
        for p in held:
            weight, anchor = toward.get(p, (0.0, None))
            if weight and p.requires_grad:
                parameters_of_sort, anchors = sorts.setdefault((weight, anchor is None), ([], []))
                parameters_of_sort.append(p)
                anchors.append(anchor)
        return [Drawn(weight, ps, None if zero else anchors) for (weight, zero), (ps, anchors) in sorts.items()]

    def slopes(self) -> list[tuple[nn.Parameter, Tensor]]:
        """The gradients of the penalty on low-rank products, by their factors."""
        of_pairs = [(self._of(pair.B), pair) for pair in self._pairs]
        return [(p, weight * slope) for weight, pair in of_pairs if weight for p, slope in pair.slopes()]

    def holds(self, p: nn.Parameter) -> bool:
        """Whether a parameter is pulled, or will be once it thaws."""
        return p in self._found or p in self._frozen or any(p is pair.B for pair in self._pairs)

    def waits(self) -> bool:
        """Whether some parameters are frozen yet, which an optimizer may be given later."""
        return bool(self._frozen)

    def names_now(self, held: Iterable[nn.Parameter]) -> set[str]:
        """The names that some parameters have in the model as it is now."""
        every = parameters(self.model)
        return {every[p][0] for p in held if p in every}

    def replaced(self) -> list[str]:
        """Names of parameters that the model did not have when L2SP was built, and that are to be pulled."""
        factors = {p for pair in self._pairs for p in (pair.A, pair.B)}
        new = {p: names for p, names in parameters(self.model).items() if p not in self.name and p not in factors}
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
        """(weight/2)‖θ − θ_a‖² over the parameters that are not frozen, to add to the loss once a step.

        Returns
        -------
        Tensor
            A scalar that carries gradients; (head_weight/2)‖θ‖² of what is left free is part of it.

        Notes
        -----
        With gradients accumulated over k batches add it to one of them, or its k-th part to each. Gradient clipping
        sees it, as it does not see what ``attach`` does.
        """
        self.thaw()
        if not self._met:
            self.refuse_stale()
            self._met = True
        total = torch.zeros(())
        terms = [(self._of(p), difference(p, anchor)) for p, anchor in self._found.items() if p.requires_grad]
        terms += [(self.head_weight, p) for p in self._free if p.requires_grad]
        for weight, apart in terms:
            if weight:
                square = whole(apart.abs().square().sum())
                total = total.to(square.device) + weight / 2 * square
        for pair in self._pairs:
            if pair.A.requires_grad or pair.B.requires_grad:
                total = total.to(pair.B.device) + self._of(pair.B) / 2 * pair.square()
        return total

    def attach(self, optimizer: torch.optim.Optimizer) -> Attachment:
        """Pull at every step of the optimizer, each parameter group with its current lr.

        Parameters
        ----------
        optimizer
            Any torch optimizer that holds the model's parameters; of a wrapper, as accelerate's and Lightning's or
            SAM's, the optimizer inside.

        Returns
        -------
        Attachment
            ``remove()`` ends the pull.

        Raises
        ------
        ValueError
            Here or at a step: where lr·weight > 1 (decoupled; the step would pass beyond the anchor; a ``max_lr`` or
            ``initial_lr`` of the group counts at once); under ``maximize`` (coupled); for an optimizer that holds none
            of the anchored parameters or pulls some of them already; where the model's parameters were replaced since
            L2SP was built, or another optimizer steps them first; for a state that was saved with another anchor.

        Warns
        -----
        UserWarning
            Of a ``weight_decay`` on the same parameters, which draws them toward zero besides.

        Notes
        -----
        Once a step, however many batches its gradient was accumulated over; not in steps that GradScaler skips; after
        the closure where the optimizer is given one, as its own decay, but for LBFGS, whose search starts from the
        decayed weights. Coupled, the pull stays in ``.grad`` until that is zeroed, groups at lr = 0 get none, and a
        closure's loss carries the penalty. Loading an optimizer's state keeps the pull, copying or pickling it does
        not. Parameters in half precision are pulled in single precision, at four bytes each for what rounding keeps
        back. A rate on another device than the CPU is not read, as that would wait: the pull ends at the anchor.
        """
        inner = innermost(optimizer)
        self.refuse_stale()
        if self._own:  # the model may have moved to its device since
            for p, anchor in self._found.items():
                self._found[p] = self.anchor[self.name[p]] = anchor.to(p.device)
            self.version += 1
        attachment = Attachment(self, inner)
        decay = max((group.get("weight_decay") or 0 for group in attachment.groups()), default=0)
        if decay:
            message = f"the optimizer's weight_decay={decay:g} draws the anchored parameters toward zero: set it to 0"
            warnings.warn(message, UserWarning, stacklevel=2)
        return attachment


def _checked(name: str, weight: float) -> float:
    if not 0 <= weight < math.inf:
        raise ValueError(f"{name} must be a finite number not below 0, got {weight!r}")
    return float(weight)


def _refuse_unpullable(p: nn.Parameter, name: str) -> None:
    if p.is_meta:
        raise ValueError(f"{name} is on the meta device: load the model's weights before L2SP is built")
    if p.dtype.itemsize < 2:
        raise ValueError(f"{name} is {p.dtype}, which cannot be moved: exclude it, or keep the trained weights wider")
