"""L2-SP: weight decay toward an anchor, the pretrained weights, instead of toward zero, for any PyTorch model."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Iterator
from fnmatch import filter as named_like
from typing import Any

import torch
from torch import Tensor, nn

from headwater.nets.matching import Weights, difference, match, parameters, some

HEAD = ("head.*",)


class L2SP:
    """Decay toward an anchor θ_a instead of toward zero (L2-SP; Li, Grandvalet and Davoine 2018).

    ``attach(optimizer)`` with ``decoupled=True`` moves θ ← θ − lr·weight·(θ − θ_a) before every step, whatever the
    optimizer makes of the gradient: AdamW's decay, with the anchor in the place of zero. ``decoupled=False`` adds
    weight·(θ − θ_a) to the gradient, as the penalty (weight/2)‖θ − θ_a‖² in the loss would: Adam's coupled decay, which
    its moments rescale. ``penalty()`` is that penalty itself. In plain SGD the three are one. Use one of them.

    Parameters: ``weight`` ≥ 0, on the scale of torch's ``weight_decay``; it may be set anew between steps. ``exclude``:
    patterns (fnmatch) of parameter names left free; "head.*" because a new head has no pretrained weights. ``anchor``:
    None for the model's own weights now, a state dict, or the path of a safetensors file; it is copied, and stays in
    the precision and on the device it came in. Build L2SP when you would build the optimizer: weights loaded, model on
    its device. To resume, give the first run's ``anchor``, or build before the checkpoint is loaded.

    Parameters are matched by name, without the prefixes of torch.compile and DDP. Buffers, and parameters frozen when a
    step is taken, stay put; tied parameters are one, excluded by any of their names; parameters that the batch did not
    reach are pulled all the same, as by the penalty.

    Attributes: ``anchor``, name → tensor, itself a state dict to save or to pass on; ``excluded``; and, with one
    UserWarning, what is left free for want of an anchor: ``unmatched`` names and ``mismatched``, name → (the model's
    shape, the anchor's). ``unused``: names that only the anchor has.

    Raises ValueError for a weight that is negative or not finite, an anchor that is not finite or shares no parameter
    with the model, and a file that is not safetensors; FileNotFoundError.

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
        weight: float,
        exclude: Iterable[str] = HEAD,
        anchor: Weights | None = None,
        decoupled: bool = True,
    ) -> None:
        if not 0 <= weight < math.inf:
            raise ValueError(f"weight must be a finite number not below 0, got {weight!r}")
        self.weight, self.decoupled = float(weight), decoupled
        patterns = (exclude,) if isinstance(exclude, str) else tuple(exclude)
        every = parameters(model)
        names = [name for names in every.values() for name in names]
        excluded = {name for pattern in patterns for name in named_like(names, pattern)}
        met = match(model, dict(model.named_parameters()) if anchor is None else anchor, excluded)
        self.anchor = {name: tensor.detach().clone() for name, tensor in met.found.values()}
        self.excluded = tuple(names[0] for names in every.values() if excluded.intersection(names))
        self.unmatched, self.mismatched, self.unused = met.unmatched, met.mismatched, met.unused
        self._name = {p: name for p, (name, _) in met.found.items()}
        for name, tensor in self.anchor.items():
            if not torch.isfinite(tensor).all():
                raise ValueError(f"the anchor's {name} is not finite")
        self._report([] if exclude is HEAD else [pattern for pattern in patterns if not named_like(names, pattern)])

    def _report(self, idle: list[str]) -> None:
        shapes = [f"{name} {ours} against {theirs}" for name, (ours, theirs) in self.mismatched.items()]
        found = {
            "left free, not in the anchor": self.unmatched,
            "left free, of another shape in the anchor": shapes,
            "in the anchor alone": self.unused if self.unmatched else (),
            "excluded, but no parameter has such a name": idle,
        }
        lines = [f"{what}: {some(names)}" for what, names in found.items() if names]
        if lines:
            warnings.warn("L2SP: " + "; ".join(lines), UserWarning, stacklevel=3)

    def __repr__(self) -> str:
        counts = {"excluded": self.excluded, "unmatched": self.unmatched, "mismatched": self.mismatched}
        others = "".join(f", {len(names)} {what} ({some(names)})" for what, names in counts.items() if names)
        return f"L2SP(weight={self.weight:g}, decoupled={self.decoupled}: {len(self.anchor)} anchored{others})"

    def penalty(self) -> Tensor:
        """(weight/2)‖θ − θ_a‖² over the parameters that are not frozen, a scalar to add to the loss once a step.

        With gradients accumulated over k batches add it to one of them, or its k-th part to each. Gradient clipping
        sees it, as it does not see what ``attach`` does.
        """
        total = torch.zeros(())
        for p, name in self._name.items():
            if p.requires_grad:
                total = total.to(p.device) + difference(p, self.anchor[name]).abs().square().sum()
        return self.weight / 2 * total

    def attach(self, optimizer: torch.optim.Optimizer) -> Any:
        """Pull at every step of the optimizer, each parameter group with its current lr; the handle has remove().

        Once a step, however many batches its gradient was accumulated over; not in steps that GradScaler skips. A
        closure is evaluated at the decayed weights where decoupled; else its gradient and loss carry the penalty.
        Coupled, the pull stays in ``.grad`` until that is zeroed. Loading an optimizer's state keeps the pull, copying
        or pickling it does not. Attach to the torch optimizer itself, not to a trainer's wrapper of it.

        Warns of a ``weight_decay`` on the same parameters, which draws them toward zero besides. Raises ValueError,
        here or at a step, where lr·weight > 1 (decoupled; the step would pass beyond the anchor) or under ``maximize``
        (coupled); and for an optimizer that holds none of the anchored parameters or pulls some of them already.
        """
        for hook in optimizer._optimizer_step_pre_hooks.values():
            other = getattr(hook, "__self__", None)
            if isinstance(other, L2SP) and other._name.keys() & self._name.keys():
                raise ValueError("these parameters are pulled already: remove() the handle of the first attach")
        groups = self._groups(optimizer)
        if not groups:
            raise ValueError("the optimizer holds none of the anchored parameters: make both from one model")
        for group in groups:
            self._share(group)
        decay = max(group.get("weight_decay", 0) for group in groups)
        if decay:
            message = f"the optimizer's weight_decay={decay:g} draws the anchored parameters toward zero: set it to 0"
            warnings.warn(message, UserWarning, stacklevel=2)
        return optimizer.register_step_pre_hook(self._before_step)

    def _before_step(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> tuple[Any, Any] | None:
        itself, *rest = args
        closure = rest[0] if rest else kwargs.get("closure")
        # GradScaler steps fused optimizers in every case: they skip by themselves, and have gradients still scaled.
        skipped, scale = getattr(optimizer, "found_inf", None), getattr(optimizer, "grad_scale", None)
        if not self.weight or (skipped is not None and skipped.item()):
            return None
        if self.decoupled:
            self._decay(optimizer)
        elif closure is None:
            self._add_to_gradients(optimizer, scale)
        else:
            return (itself,), {**kwargs, "closure": self._penalised(closure, optimizer)}
        return None

    def _decay(self, optimizer: torch.optim.Optimizer) -> None:
        with torch.no_grad():
            for share, p, anchor in self._pulled(optimizer):
                p.lerp_(anchor, share)

    def _add_to_gradients(self, optimizer: torch.optim.Optimizer, scale: Tensor | None = None) -> None:
        with torch.no_grad():
            for _, p, anchor in self._pulled(optimizer):
                pull = (p - anchor).mul_(self.weight if scale is None else self.weight * scale.to(p))
                if p.grad is None or p.grad.is_sparse:
                    p.grad = pull if p.grad is None else pull + p.grad
                else:
                    p.grad.add_(pull)  # in place: DDP's gradients are views of its buckets

    def _penalised(self, closure: Callable[[], Any], optimizer: torch.optim.Optimizer) -> Callable[[], Any]:
        def penalised() -> Any:
            loss = closure()
            self._add_to_gradients(optimizer)
            return None if loss is None else loss + self.penalty().detach()

        return penalised

    def _groups(self, optimizer: torch.optim.Optimizer) -> list[dict[str, Any]]:
        return [group for group in optimizer.param_groups if any(p in self._name for p in group["params"])]

    def _pulled(self, optimizer: torch.optim.Optimizer) -> Iterator[tuple[float, nn.Parameter, Tensor]]:
        groups = [(self._share(group), group["params"]) for group in self._groups(optimizer)]
        for share, held in groups:  # all checked before the first is moved
            for p in held:
                if p in self._name and p.requires_grad:
                    yield share, p, self.anchor[self._name[p]].to(p)

    def _share(self, group: dict[str, Any]) -> float:
        """lr·weight, the share of the way to the anchor that a decoupled step of this group goes."""
        rate = float(group["lr"])
        if self.decoupled and not 0 <= rate * self.weight <= 1:
            raise ValueError(
                f"lr · weight = {rate:g} · {self.weight:g} must lie between 0 and 1, where a step reaches the anchor"
            )
        if not self.decoupled and group.get("maximize"):
            raise ValueError("maximize=True makes the gradient that of a gain: use decoupled=True")
        return rate * self.weight
