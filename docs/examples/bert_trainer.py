"""Decay toward pretrained weights in transformers' Trainer: a tiny BERT from a configuration, nothing downloaded.

python docs/examples/bert_trainer.py          (needs the extra trainers)

The task: forty words point in directions of a circle; a sentence belongs to the half-plane that its words' sum points
to. BERT learns it on many sentences, then is fine-tuned on 24 of the task turned by 40°, with one callback more.
"""

from __future__ import annotations

import tempfile
from typing import Any

import torch
from torch import Tensor
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

from headwater.nets import TrainerCallback, distance

WORDS, LENGTH = 40, 8
Sentences = tuple[Tensor, Tensor]  # word numbers (n, LENGTH) and classes (n,)


def sentences(n: int, turned: float, seed: int) -> Sentences:
    """Sentences of random words, and on which side of a line, turned by so many degrees, their sum points."""
    words = torch.randint(WORDS, (n, LENGTH), generator=torch.Generator().manual_seed(seed))
    angles = 2 * torch.pi * words / WORDS - turned * torch.pi / 180
    return words, (angles.cos().sum(1) > 0).long()


def tiny_bert(seed: int = 0) -> BertForSequenceClassification:
    torch.manual_seed(seed)
    return BertForSequenceClassification(
        BertConfig(
            vocab_size=WORDS, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
            max_position_embeddings=LENGTH, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        )
    )  # fmt: skip


def fine_tune(model: Any, rows: Sentences, epochs: int, batch: int, callbacks: list[Any] | None = None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder, num_train_epochs=epochs, per_device_train_batch_size=batch, learning_rate=3e-3,
            report_to=[], save_strategy="no", logging_strategy="no", disable_tqdm=True, use_cpu=True,
        )  # fmt: skip
        data = [{"input_ids": words, "labels": label} for words, label in zip(*rows, strict=True)]
        Trainer(model, arguments, train_dataset=data, callbacks=callbacks or []).train()


def accuracy(model: Any, rows: Sentences) -> float:
    with torch.no_grad():
        return (model.eval()(input_ids=rows[0]).logits.argmax(1) == rows[1]).float().mean().item()


def pretrained() -> BertForSequenceClassification:
    model = tiny_bert()
    fine_tune(model, sentences(1600, 0, seed=1), epochs=6, batch=32)
    return model


def main() -> dict[float, tuple[float, float, float]]:
    """weight → accuracies on the turned task and on the old, and how far the model has moved."""
    start = {name: value.clone() for name, value in pretrained().state_dict().items()}
    few, turned, old = sentences(24, 40, seed=2), sentences(1000, 40, seed=3), sentences(1000, 0, seed=4)
    found = {}
    for weight in (0.0, 3.0, 30.0, 100.0):
        model = tiny_bert()
        model.load_state_dict(start)
        # The head is pretrained too, for these two classes, and so nothing is excluded.
        fine_tune(model, few, epochs=30, batch=8, callbacks=[TrainerCallback(weight, exclude=())])
        found[weight] = accuracy(model, turned), accuracy(model, old), distance(model, start).total
    print("weight  turned     old  distance")
    for weight, (new, before, apart) in found.items():
        print(f"{weight:6g}  {new:6.1%}  {before:6.1%}  {apart:8.2f}")
    return found


if __name__ == "__main__":
    main()
