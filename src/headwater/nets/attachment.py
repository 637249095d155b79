"""The pull as a part of an optimizer's step: the hooks that make it so, and see that it happens."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any
from weakref import WeakSet

import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_pre_hook

from headwater.nets.anchored import Anchored
from headwater.nets.matching import some
from headwater.nets.pull import Drawn, Share, add, add_to_gradients, decay

STATE = "l2sp"  # the anchor's fingerprint in an optimizer's state dict
_TRAINED = attrgetter("requires_grad")
WRAPPED = ("optimizer", "_optimizer", "base_optimizer")  # where accelerate, Lightning and SAM keep the real one


def innermost(optimizer: Any) -> torch.optim.Optimizer:
    """The optimizer that takes the steps, inside the wrappers of trainers."""
    for name in WRAPPED:
        if isinstance(inner := getattr(optimizer, name, None), torch.optim.Optimizer):
            return innermost(inner)
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise TypeError(f"attach to a torch optimizer, not a {type(optimizer).__name__}")
    return optimizer


class Attachment:
    """A pull in the steps of one optimizer, until ``remove()``."""

    def __init__(self, anchored: Anchored, decoupled: bool, optimizer: torch.optim.Optimizer) -> None:
        self._anchored, self._decoupled, self._optimizer = anchored, decoupled, optimizer
        anchored.refuse_stale()
        anchored.settle()
        self._signature: Any = None
        self._plan: list[list[Drawn]] = []
        self._owed: dict[nn.Parameter, Tensor] = {}
        held = _held(optimizer)
        self._names = {anchored.name[p] for p in held if anchored.holds(p)}
        if any(other._names & self._names for other in _attachments(optimizer)):
            raise ValueError("these parameters are pulled already: remove() the handle of the first attach")
        if not self._names and not anchored.frozen:
            raise ValueError("the optimizer holds none of the anchored parameters: make both from one model")
        for group, drawn in zip(optimizer.param_groups, self._planned(), strict=True):
            for part in drawn:
                for rate in ("lr", "initial_lr", "max_lr"):  # schedules keep their peak in the group
                    if group.get(rate) is not None:
                        self._share(group, part, rate)
        self._handles = [
            optimizer.register_step_pre_hook(self._before_step),
            optimizer.register_state_dict_post_hook(self._sign),
            optimizer.register_load_state_dict_pre_hook(self._verify),
        ]
        _watched()
        _unstepped.add(self)

    def remove(self) -> None:
        """End the pull; the optimizer is what it was."""
        for handle in self._handles:
            handle.remove()
        _unstepped.discard(self)

    def groups(self) -> list[dict[str, Any]]:
        """The optimizer's parameter groups in which something is pulled."""
        return [group for group, drawn in zip(self._optimizer.param_groups, self._plan, strict=True) if drawn]

    def _before_step(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> tuple[Any, Any] | None:
        if self in _unstepped:
            self._anchored.refuse_stale()
            _unstepped.discard(self)
        itself, *rest = args
        closure = rest[0] if rest else kwargs.get("closure")
        if closure is None or (self._decoupled and isinstance(optimizer, torch.optim.LBFGS)):
            self._now()
            return None
        return (itself,), {**kwargs, "closure": self._after(closure)}

    def _after(self, closure: Callable[[], Any]) -> Callable[[], Any]:
        """The closure, then the pull: decoupled once a step, as an optimizer's own decay; coupled at every gradient."""
        pulled = False

        def pulling() -> Any:
            nonlocal pulled
            loss = closure()
            if not (self._decoupled and pulled):
                self._now()
            pulled = True
            return loss if loss is None or self._decoupled else loss + self._anchored.penalty().detach()

        return pulling

    def _now(self) -> None:
        # GradScaler steps fused optimizers in every case: they skip by themselves, and have gradients still scaled.
        skipped, scale = getattr(self._optimizer, "found_inf", None), getattr(self._optimizer, "grad_scale", None)
        with torch.no_grad():
            self._anchored.thaw()
            planned = zip(self._optimizer.param_groups, self._planned(), strict=True)
            shares = [(part, self._share(group, part)) for group, drawn in planned for part in drawn]
            for part, share in shares:  # all checked before the first is moved
                if self._decoupled:
                    decay(part, share if skipped is None else share * (1 - skipped), self._owed)
                elif isinstance(share, Tensor) or share:
                    add_to_gradients(part, part.weight if scale is None else part.weight * scale)
            if not self._decoupled:
                groups = [
                    group for group in self._optimizer.param_groups if isinstance(group["lr"], Tensor) or group["lr"]
                ]
                stepped = {p for group in groups for p in group["params"] if p.requires_grad}
                for p, slope in self._anchored.slopes():
                    if p in stepped:
                        add(p, slope if scale is None else slope * scale)

    def _planned(self) -> list[list[Drawn]]:
        """What each parameter group draws, found anew where a group, a weight or what is frozen has changed."""
        groups = [group["params"] for group in self._optimizer.param_groups]
        kinds = [(held[0].device, held[0].dtype) if held else None for held in groups]  # of a model moved as a whole
        trained = [(list(map(id, held)), list(map(_TRAINED, held))) for held in groups]
        signature = self._anchored.version, kinds, trained
        if signature != self._signature:
            if not self._anchored.frozen and not any(self._anchored.holds(p) for held in groups for p in held):
                raise ValueError(
                    f"this step would pull nothing: the optimizer no longer holds {some(sorted(self._names))}; build "
                    "L2SP after the model is wrapped or its layers replaced, and attach it to the optimizer then"
                )
            self._plan, self._signature = [self._anchored.drawn(held, self._decoupled) for held in groups], signature
        return self._plan

    def _share(self, group: dict[str, Any], part: Drawn, rate: str = "lr") -> Share:
        """lr·weight, the share of the way to the anchor that a decoupled step goes."""
        if not self._decoupled and group.get("maximize"):
            raise ValueError("maximize=True makes the gradient that of a gain: use decoupled=True")
        lr = group[rate]
        if isinstance(lr, Tensor) and lr.device.type != "cpu":
            return (lr * part.weight).clamp(max=1)
        share = float(lr) * part.weight
        if self._decoupled and not 0 <= share <= 1:
            raise ValueError(
                f"{rate.replace('_lr', ' lr')} · weight = {float(lr):g} · {part.weight:g} must lie between 0 and 1, "
                "where a step reaches the anchor"
            )
        return share

    def _sign(self, _: torch.optim.Optimizer, state: dict[str, Any]) -> dict[str, Any]:
        return {**state, STATE: {**state.get(STATE, {}), **self._anchored.fingerprint}}

    def _verify(self, _: torch.optim.Optimizer, state: dict[str, Any]) -> None:
        self._anchored.expect(state.get(STATE, {}))

    def refuse_elsewhere(self, other: torch.optim.Optimizer) -> None:
        """Raise ValueError where another optimizer steps what this one was to pull and has not yet stepped."""
        if other is self._optimizer or any(attached._names & self._names for attached in _attachments(other)):
            return
        if names := self._anchored.names_now(_held(other)) & self._names:
            raise ValueError(
                f"a {type(other).__name__} steps {some(sorted(names))}, which L2SP is to pull in the steps of a "
                f"{type(self._optimizer).__name__} that has taken none: attach it to the optimizer that steps"
            )


_unstepped: WeakSet[Attachment] = WeakSet()


def _watch(optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
    for attachment in list(_unstepped):
        attachment.refuse_elsewhere(optimizer)


@cache
def _watched() -> None:
    """From the first attach on, every optimizer's steps are seen."""
    register_optimizer_step_pre_hook(_watch)


def _held(optimizer: torch.optim.Optimizer) -> list[nn.Parameter]:
    return [p for group in optimizer.param_groups for p in group["params"]]


def _attachments(optimizer: torch.optim.Optimizer) -> list[Attachment]:
    owners = (getattr(hook, "__self__", None) for hook in optimizer._optimizer_step_pre_hooks.values())
    return [owner for owner in owners if isinstance(owner, Attachment)]
