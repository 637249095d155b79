"""L2-SP in Lightning's Trainer, whose automatic optimization computes the gradient inside the optimizer's step."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback

from headwater.nets.anchor import L2SP
from headwater.nets.attachment import Attachment


class LightningCallback(Callback):  # type: ignore[misc]  # lightning's types are not read
    """Decay toward the weights the module has when ``fit`` begins, before a checkpoint is restored.

    Parameters
    ----------
    weight
        As ``L2SP`` takes it.
    **options
        ``exclude``, ``anchor``, ``decoupled``, ``head_weight``, ``prefix`` of ``L2SP``.

    Attributes
    ----------
    l2sp
        The ``L2SP`` at work, once ``fit`` has begun.

    Raises
    ------
    ValueError
        As ``L2SP`` and its ``attach``; and where a resumed run was saved with another anchor, as when the module was
        itself loaded from the checkpoint: give the pretrained one, or ``anchor=``.

    Notes
    -----
    Every optimizer that holds anchored parameters is pulled, in automatic and in manual optimization. Set the
    ``weight_decay`` of ``configure_optimizers`` to 0: AdamW's default is 0.01.

    Examples
    --------
    >>> import lightning.pytorch as lightning  # doctest: +SKIP
    >>> lightning.Trainer(callbacks=[LightningCallback(weight=10.0)]).fit(module, rows)  # doctest: +SKIP
    """

    def __init__(self, weight: Any, **options: Any) -> None:
        self._weight, self._options = weight, options
        self.l2sp: L2SP | None = None
        self._attachments: list[Attachment] = []

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        if stage == "fit" and (self.l2sp is None or self.l2sp.anchored.model is not pl_module):
            self.l2sp = L2SP(pl_module, self._weight, **self._options)

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        assert self.l2sp is not None  # by setup
        for attachment in self._attachments:
            attachment.remove()
        held = [each for each in trainer.optimizers if any(map(self.l2sp.anchored.holds, _held(each)))]
        self._attachments = [self.l2sp.attach(each) for each in held or trainer.optimizers[:1]]


def _held(optimizer: Any) -> list[Any]:
    return [p for group in optimizer.param_groups for p in group["params"]]
