"""L2-SP: weight decay toward an anchor, the pretrained weights, instead of toward zero, for any PyTorch model."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from headwater.nets.anchored import Anchored, checked
from headwater.nets.attachment import Attachment, innermost
from headwater.nets.heads import HEADS, Rule, idle, like_a_head, rules
from headwater.nets.matching import Weights, parameters, some


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
        self.decoupled, self.head_weight = decoupled, checked("head_weight", head_weight)
        self.anchored = Anchored(model, rules(exclude), anchor, self.head_weight, prefix)
        met = self.anchored.match
        self.anchor, self.fingerprint = self.anchored.anchor, self.anchored.fingerprint
        self.excluded, self.unmatched, self.mismatched = self.anchored.excluded, met.unmatched, met.mismatched
        self.grown, self.unused = met.grown, met.unused
        self.weight = weight
        self._checked = False  # whether the first penalty has found the model as it was
        unnamed = exclude is HEADS and anchor is None and not self.excluded and not self.anchored.pairs
        idle_patterns = [] if exclude is HEADS else idle(parameters(model), rules(exclude))
        self._report(idle_patterns, like_a_head(model) if unnamed else None)

    @property
    def weight(self) -> float | Mapping[str, float]:
        """What pulls: a number, or one for each pattern of names."""
        return self.anchored.weight

    @weight.setter
    def weight(self, weight: float | Mapping[str, float]) -> None:
        self.anchored.set_weight(weight)

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
            "low-rank": tuple(pair.name for pair in self.anchored.pairs),
        }
        others = "".join(f", {len(names)} {what} ({some(names)})" for what, names in counts.items() if names)
        frozen = f", {len(self.anchored.frozen)} frozen" if self.anchored.frozen else ""
        weight = self.weight if isinstance(self.weight, dict) else f"{self.weight:g}"
        form = f"weight={weight}, decoupled={self.decoupled}"
        form += f", head_weight={self.head_weight:g}" if self.head_weight else ""
        return f"L2SP({form}: {len(self.anchor)} anchored{others}{frozen})"

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
        if not self._checked:
            self.anchored.refuse_stale()
            self._checked = True
        return self.anchored.penalty()

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
        TypeError
            For what is no optimizer.

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
        attachment = Attachment(self.anchored, self.decoupled, innermost(optimizer))
        decay = max((group.get("weight_decay") or 0 for group in attachment.groups()), default=0)
        if decay:
            message = f"the optimizer's weight_decay={decay:g} draws the anchored parameters toward zero: set it to 0"
            warnings.warn(message, UserWarning, stacklevel=2)
        return attachment
