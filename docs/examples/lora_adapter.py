"""L2-SP on a LoRA adapter, in a plain loop: the product BA is what has moved, and it is what is pulled back.

python docs/examples/lora_adapter.py          (needs the extra trainers)
"""

from __future__ import annotations

import torch
from bert_trainer import accuracy, pretrained, sentences, tiny_bert
from peft import LoraConfig, get_peft_model

from headwater.nets import L2SP, distance


def main() -> dict[float, tuple[float, float, float]]:
    """weight → accuracies on the turned task and on the old, and how far the merged weights have moved."""
    few, turned, old = sentences(24, 40, seed=2), sentences(1000, 40, seed=3), sentences(1000, 0, seed=4)
    found = {}
    start = {name: value.clone() for name, value in pretrained().state_dict().items()}
    for weight in (0.0, 3.0, 30.0, 100.0):
        model = tiny_bert()
        model.load_state_dict(start)
        model = get_peft_model(model, LoraConfig(r=4, lora_alpha=8, target_modules=["query", "value", "dense"]))
        optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=3e-3, weight_decay=0.0)
        l2sp = L2SP(model, weight)  # after get_peft_model
        l2sp.attach(optimizer)
        torch.manual_seed(0)
        for _ in range(60):
            for rows in torch.randperm(24).split(8):
                optimizer.zero_grad()
                model(input_ids=few[0][rows], labels=few[1][rows]).loss.backward()
                optimizer.step()
        found[weight] = accuracy(model, turned), accuracy(model, old), distance(model, start).total
    print(f"{l2sp}\nweight  turned     old  distance")
    for weight, (new, before, apart) in found.items():
        print(f"{weight:6g}  {new:6.1%}  {before:6.1%}  {apart:8.2f}")
    return found


if __name__ == "__main__":
    main()
