"""L2-SP in the Trainer of transformers, and in those built on it, as TRL's."""

from __future__ import annotations

from typing import Any

import transformers
from torch import nn

from headwater.nets.anchor import L2SP
from headwater.nets.attachment import STATE, Attachment


class TrainerCallback(transformers.TrainerCallback):  # type: ignore[misc]  # transformers' types are not read
    """Decay toward the weights the model has when the Trainer is built, right on resume.

    Parameters
    ----------
    weight
        As ``L2SP`` takes it.
    **options
        ``exclude``, ``anchor``, ``decoupled``, ``head_weight``, ``prefix`` of ``L2SP``.

    Attributes
    ----------
    l2sp
        The ``L2SP`` at work, once the Trainer is built.

    Raises
    ------
    ValueError
        As ``L2SP`` and its ``attach``; and where a resumed run was saved with another anchor, as when the model given
        to the Trainer was itself loaded from the checkpoint: give the pretrained one, or ``anchor=``.

    Notes
    -----
    The anchor is taken when the Trainer is built, before it loads a checkpoint: give the callback in ``callbacks=``.
    ``TrainingArguments(weight_decay=)`` is 0 by default and stays so.

    Examples
    --------
    >>> import transformers  # doctest: +SKIP
    >>> trainer = transformers.Trainer(model, arguments, train_dataset=rows,
    ...                                callbacks=[TrainerCallback(weight=10.0)])  # doctest: +SKIP
    """

    def __init__(self, weight: Any, **options: Any) -> None:
        self._weight, self._options = weight, options
        self.l2sp: L2SP | None = None
        self._attachment: Attachment | None = None

    def on_init_end(self, args: Any, state: Any, control: Any, model: nn.Module, **_: Any) -> None:
        self.l2sp = L2SP(model, self._weight, **self._options)

    def on_train_begin(self, args: Any, state: Any, control: Any, model: nn.Module, optimizer: Any, **_: Any) -> None:
        l2sp = self.l2sp or L2SP(model, self._weight, **self._options)
        if (
            l2sp.anchored.model is not model or l2sp.anchored.replaced()
        ):  # by model_init, or by what shards the parameters
            l2sp = L2SP(model, self._weight, **{"anchor": l2sp.anchor, **self._options})
        l2sp.anchored.expect(state.stateful_callbacks.get(STATE, {}))
        if self._attachment:
            self._attachment.remove()
        self.l2sp, self._attachment = l2sp, l2sp.attach(optimizer)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.l2sp:  # what the checkpoint of this step will hold
            state.stateful_callbacks[STATE] = {**state.stateful_callbacks.get(STATE, {}), **self.l2sp.fingerprint}

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self._attachment:
            self._attachment.remove()
            self._attachment = None
