"""What low-rank adapters (LoRA) have moved: the scaled product BA beside a layer, by the structure PEFT gives it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from headwater.nets.matching import plain_names


@dataclass(frozen=True, eq=False)
class Product:
    """scale · B A, by which the weight ``base`` has moved: as matrices B (outputs, r) and A (r, inputs).

    ``transposed``: the layer keeps its weight as (inputs, outputs), as embeddings do.
    """

    name: str
    base: nn.Parameter
    A: nn.Parameter
    B: nn.Parameter
    scale: float
    transposed: bool

    def factors(self) -> tuple[Tensor, Tensor]:
        """A and B as matrices, in single precision at least."""
        dtype = torch.promote_types(self.A.dtype, torch.float32)
        return self.A.to(dtype).flatten(1), self.B.to(dtype).flatten(1)

    def square(self) -> Tensor:
        """‖scale·BA‖² = scale²·tr(BᵀB·AAᵀ): the product itself, as large as the layer, is not formed."""
        A, B = self.factors()
        return self.scale**2 * ((B.mT @ B) * (A @ A.mT)).sum()

    def slopes(self) -> tuple[tuple[nn.Parameter, Tensor], ...]:
        """A and B, each with the gradient of ‖scale·BA‖²/2 by it."""
        A, B = self.factors()
        by_A, by_B = (B.mT @ B) @ A, B @ (A @ A.mT)
        return tuple((p, (self.scale**2 * slope).view_as(p)) for p, slope in ((self.A, by_A), (self.B, by_B)))

    def delta(self) -> Tensor:
        """The product, in the shape of the layer's weight."""
        A, B = self.factors()
        moved = self.scale * (B @ A)
        return (moved.mT if self.transposed else moved).reshape(self.base.shape)


def products(model: nn.Module) -> list[Product]:
    """Every adapter's product in a model, whether it is trained or not, by the plain name of its layer's weight."""
    found = []
    for name, module in model.named_modules():
        scales = getattr(module, "scaling", None)
        if not isinstance(scales, dict):
            continue
        for first, second in (("lora_A", "lora_B"), ("lora_embedding_A", "lora_embedding_B")):
            pair: list[Any] = [getattr(module, first, None), getattr(module, second, None)]
            if not all(isinstance(held, nn.ModuleDict | nn.ParameterDict) for held in pair):
                continue
            transposed = isinstance(pair[0], nn.ParameterDict) or bool(getattr(module, "fan_in_fan_out", False))
            for adapter in pair[0]:
                A, B = (getattr(held[adapter], "weight", held[adapter]) for held in pair)
                base = module.get_base_layer().weight
                found.append(Product(f"{name}.weight", base, A, B, float(scales[adapter]), transposed))
    names = plain_names(product.name for product in found)
    return [replace(product, name=name) for product, name in zip(found, names, strict=True)]
