"""L2-SP in the trainers people use is the loop written by hand: transformers, Lightning, accelerate, PEFT.

Run where these are installed (the extra `trainers`; `make test-trainers`). Models are tiny and built from
configurations: nothing is downloaded.
"""

from __future__ import annotations

import importlib.util
import warnings

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from safetensors.torch import load_file  # noqa: E402
from torch import nn  # noqa: E402

from headwater import nets  # noqa: E402
from headwater.nets import L2SP, distance  # noqa: E402


def needs(*libraries):
    lacking = [library for library in libraries if importlib.util.find_spec(library) is None]
    return pytest.mark.skipif(bool(lacking), reason=f"needs {', '.join(lacking)}: the extra trainers")


ROWS = torch.randn(24, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
QUIET = pytest.mark.filterwarnings("ignore")


def network(seed=0):
    torch.manual_seed(seed)
    model = nn.Sequential()
    model.add_module("body", nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)))
    model.add_module("head", nn.Linear(3, 2))
    return model.double()


def loss_of(model, rows):
    return (model(rows) - rows[:, :2].sin()).square().mean()


def by_hand(model, batches, start, lr, weight, decoupled=True, head="head", averaged=True):
    """AdamW without its own decay, and the pull between the gradient and the step."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.0)
    for batch in batches:
        optimizer.zero_grad()
        sum(loss(model) / (len(batch) if averaged else 1) for loss in batch).backward()
        with torch.no_grad():
            for name, p in model.named_parameters():
                if not name.startswith(head):
                    if decoupled:
                        p.sub_(lr * weight * (p - start[name]))
                    else:
                        p.grad.add_(weight * (p - start[name]))
        optimizer.step()
    return model


def apart(model, other):
    """The largest difference, but for BERT's key biases, whose gradients are rounding alone: Adam makes steps of it."""
    ours, theirs = (dict(each.named_parameters()) for each in (model, other))
    assert ours.keys() == theirs.keys()
    return max((p - theirs[name]).abs().max().item() for name, p in ours.items() if "key.bias" not in name)


def state_of(model):
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


# --- Lightning


def lightning_module(model, automatic=True, kind=torch.optim.AdamW, **options):
    from lightning.pytorch import LightningModule

    class Module(LightningModule):
        def __init__(self):
            super().__init__()
            self.model = model
            self.automatic_optimization = automatic

        def training_step(self, batch, index):
            loss = loss_of(self.model, batch)
            if automatic:
                return loss
            optimizer = self.optimizers()
            optimizer.zero_grad()
            self.manual_backward(loss)
            optimizer.step()

        def configure_optimizers(self):
            return kind(self.parameters(), **({"lr": 0.01, "weight_decay": 0.0} | options))

    return Module()


def fit(module, folder, epochs=3, callbacks=(), checkpoint=None, **options):
    from lightning.pytorch import Trainer

    trainer = Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
        default_root_dir=folder, precision="64-true", callbacks=list(callbacks), enable_checkpointing=False, **options,
    )  # fmt: skip
    trainer.fit(module, torch.utils.data.DataLoader(ROWS, batch_size=8), ckpt_path=checkpoint)
    return trainer


def epochs_by_hand(count, size=8, accumulated=1):
    parts = ROWS.split(size) * count
    losses = [lambda model, part=part: loss_of(model, part) for part in parts]
    return [losses[i : i + accumulated] for i in range(0, len(losses), accumulated)]


@needs("lightning")
@QUIET
@pytest.mark.loop("Lightning, automatic optimization", "works", "`callbacks=[LightningCallback(weight)]`")
@pytest.mark.parametrize("decoupled", [True, False])
def test_lightning_by_itself(decoupled, tmp_path):
    ours, theirs = network(), network()
    fit(lightning_module(ours), tmp_path, callbacks=[nets.LightningCallback(20.0, decoupled=decoupled)])
    by_hand(theirs, epochs_by_hand(3), state_of(theirs), 0.01, 20.0, decoupled)
    assert apart(ours, theirs) < 1e-12
    assert distance(ours, state_of(network())).total > 0.01


@needs("lightning")
@QUIET
def test_lightning_toward_zero_is_adamw(tmp_path):
    ours, theirs = network(), network()
    zero = {f"model.{name}": torch.zeros_like(p) for name, p in ours.named_parameters()}
    fit(lightning_module(ours), tmp_path, callbacks=[nets.LightningCallback(5.0, anchor=zero, exclude=())])
    fit(lightning_module(theirs, weight_decay=5.0), tmp_path)
    assert apart(ours, theirs) < 1e-12


@needs("lightning")
@QUIET
@pytest.mark.loop(
    "Lightning, `L2SP` attached in `configure_optimizers`",
    "works",
    "on resume give `anchor=`",
)
def test_lightning_attached_by_hand(tmp_path):
    ours, theirs = network(), network()
    module = lightning_module(ours)
    configured = module.configure_optimizers

    def attached():
        optimizer = configured()
        L2SP(module, 20.0).attach(optimizer)
        return optimizer

    module.configure_optimizers = attached
    fit(module, tmp_path)
    by_hand(theirs, epochs_by_hand(3), state_of(theirs), 0.01, 20.0)
    assert apart(ours, theirs) < 1e-12


@needs("lightning")
@QUIET
@pytest.mark.loop("Lightning, manual optimization; gradients accumulated or clipped", "works", "the same")
@pytest.mark.parametrize("way", ["manual", "accumulated", "clipped"])
def test_lightning_otherwise(way, tmp_path):
    ours, theirs = network(), network()
    options = {"accumulated": {"accumulate_grad_batches": 3}, "clipped": {"gradient_clip_val": 1e9}}.get(way, {})
    fit(
        lightning_module(ours, automatic=way != "manual"), tmp_path, callbacks=[nets.LightningCallback(20.0)], **options
    )
    by_hand(theirs, epochs_by_hand(3, accumulated=3 if way == "accumulated" else 1), state_of(theirs), 0.01, 20.0)
    assert apart(ours, theirs) < 1e-12


@needs("lightning")
@QUIET
@pytest.mark.loop("Lightning, resumed", "works", "the same; a module that was loaded from the checkpoint is refused")
def test_lightning_resumed(tmp_path):
    whole, first, second = network(), network(), network()
    fit(lightning_module(whole), tmp_path, 4, [nets.LightningCallback(20.0)])
    fit(lightning_module(first), tmp_path, 2, [nets.LightningCallback(20.0)]).save_checkpoint(tmp_path / "half.ckpt")
    fit(lightning_module(second), tmp_path, 4, [nets.LightningCallback(20.0)], tmp_path / "half.ckpt")
    assert apart(whole, second) < 1e-12
    third = network()
    saved = torch.load(tmp_path / "half.ckpt", weights_only=False)["state_dict"]
    third.load_state_dict({name.removeprefix("model."): value for name, value in saved.items()})
    with pytest.raises(ValueError, match="this run was saved with another anchor"):
        fit(lightning_module(third), tmp_path, 4, [nets.LightningCallback(20.0)], tmp_path / "half.ckpt")


# --- transformers


def bert(seed=0, **options):
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(seed)
    sizes = {"vocab_size": 20, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    sizes |= {"intermediate_size": 12, "max_position_embeddings": 10}
    config = BertConfig(**sizes, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, **options)
    return BertForSequenceClassification(config).double()


WORDS = torch.randint(20, (16, 6), generator=torch.Generator().manual_seed(3))
LABELS = (WORDS < 10).float().mean(1).gt(0.5).long()
TEXTS = [{"input_ids": words, "labels": label} for words, label in zip(WORDS, LABELS, strict=True)]


def text_losses(epochs, size=4, accumulated=1):
    parts = list(zip(WORDS.split(size), LABELS.split(size), strict=True)) * epochs
    losses = [lambda model, x=x, y=y: model(input_ids=x, labels=y).loss for x, y in parts]
    return [losses[i : i + accumulated] for i in range(0, len(losses), accumulated)]


def trainer_of(model, folder, callback=None, **options):
    from transformers import Trainer, TrainingArguments

    arguments = TrainingArguments(
        output_dir=str(folder), use_cpu=True, report_to=[], disable_tqdm=True, logging_strategy="no",
        per_device_train_batch_size=4, learning_rate=0.01, lr_scheduler_type="constant", max_grad_norm=0.0,
        train_sampling_strategy="sequential", **({"num_train_epochs": 3, "save_strategy": "no"} | options),
    )  # fmt: skip
    return Trainer(model, arguments, train_dataset=TEXTS, callbacks=[callback] if callback else [])


@needs("transformers", "accelerate")
@QUIET
@pytest.mark.loop("transformers `Trainer`", "works", "`callbacks=[TrainerCallback(weight)]`")
@pytest.mark.parametrize("decoupled", [True, False])
@pytest.mark.parametrize("accumulated", [1, 2])
def test_trainer(decoupled, accumulated, tmp_path):
    ours, theirs = bert(), bert()
    callback = nets.TrainerCallback(20.0, decoupled=decoupled)
    trainer_of(ours, tmp_path, callback, gradient_accumulation_steps=accumulated).train()
    start = state_of(theirs)
    losses = text_losses(3, accumulated=accumulated)
    # Of a model whose forward takes further arguments, Trainer adds up the batches' losses.
    by_hand(theirs, losses, start, 0.01, 20.0, decoupled, "classifier", averaged=False)
    assert apart(ours, theirs) < 1e-9
    assert callback.l2sp.excluded == ("classifier.weight", "classifier.bias")
    free = trainer_of(bert(), tmp_path)
    free.train()
    assert distance(ours.bert, start, "bert.").total < 0.8 * distance(free.model.bert, start, "bert.").total


@needs("transformers", "accelerate")
@QUIET
@pytest.mark.loop(
    "`Trainer`, resumed from a checkpoint", "works", "the same; a model that was loaded from the checkpoint is refused"
)
def test_trainer_resumed(tmp_path):
    whole, first, second = bert(), bert(), bert()
    trainer_of(whole, tmp_path / "whole", nets.TrainerCallback(20.0), num_train_epochs=4).train()
    saving = {"save_strategy": "steps", "save_steps": 8, "num_train_epochs": 4}
    trainer_of(first, tmp_path / "run", nets.TrainerCallback(20.0), max_steps=8, **saving).train()
    checkpoint = str(tmp_path / "run" / "checkpoint-8")
    for restore in (False, True):
        second = bert()
        options = {"num_train_epochs": 4, "restore_callback_states_from_checkpoint": restore}
        trainer = trainer_of(second, tmp_path / "again", nets.TrainerCallback(20.0), **options)
        trainer.train(resume_from_checkpoint=checkpoint)
        assert apart(whole, second) < 1e-9
    third = bert()
    third.load_state_dict(load_file(f"{checkpoint}/model.safetensors"))
    trainer = trainer_of(third, tmp_path / "wrong", nets.TrainerCallback(20.0), num_train_epochs=4)
    with pytest.raises(ValueError, match="this run was saved with another anchor"):
        trainer.train(resume_from_checkpoint=checkpoint)
    anchored = nets.TrainerCallback(20.0, anchor=state_of(bert()))
    trainer = trainer_of(third, tmp_path / "right", anchored, num_train_epochs=4)
    trainer.train(resume_from_checkpoint=checkpoint)
    assert apart(whole, third) < 1e-9


@needs("transformers", "accelerate")
@QUIET
def test_trainer_trains_twice_and_with_a_model_of_its_own_making(tmp_path):
    once, twice = trainer_of(bert(), tmp_path, nets.TrainerCallback(20.0), num_train_epochs=1), bert()
    once.train()
    once.train()  # the handle of the first is gone
    from transformers import Trainer

    callback = nets.TrainerCallback(20.0)
    made = Trainer(args=once.args, model_init=lambda: bert(), train_dataset=TEXTS, callbacks=[callback])
    made.train()
    start = state_of(bert())
    by_hand(twice, text_losses(1), start, 0.01, 20.0, head="classifier")
    assert apart(made.model, twice) < 1e-9


# --- accelerate


@needs("accelerate")
@QUIET
@pytest.mark.loop("accelerate", "works", "`L2SP(model, …).attach(optimizer)`, before or after `prepare`")
@pytest.mark.parametrize("after", [True, False])
def test_accelerate(after):
    from accelerate import Accelerator

    ours, theirs = network(), network()
    accelerator = Accelerator(cpu=True)
    optimizer = torch.optim.AdamW(ours.parameters(), lr=0.01, weight_decay=0.0)
    if not after:
        L2SP(ours, 20.0).attach(optimizer)
    model, prepared = accelerator.prepare(ours, optimizer)
    if after:
        L2SP(model, 20.0).attach(prepared)
    for part in ROWS.split(8):
        prepared.zero_grad()
        accelerator.backward(loss_of(model, part))
        prepared.step()
    by_hand(theirs, epochs_by_hand(1), state_of(theirs), 0.01, 20.0)
    assert apart(accelerator.unwrap_model(model), theirs) < 1e-12


# --- PEFT


def adapted(model, targets, **options):
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(5)
    model = get_peft_model(model, LoraConfig(r=2, lora_alpha=6, target_modules=targets, **options))
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_B" in name or "lora_embedding_" in name:
                p.normal_(0, 0.1, generator=torch.Generator().manual_seed(6))
    return model


def merged(model):
    import copy

    return {name: value.detach() for name, value in copy.deepcopy(model).merge_and_unload().named_parameters()}


CASES = {
    "linear": (bert, ["query", "value"]),
    "embedding": (bert, ["word_embeddings", "query"]),
    "classifier saved": (bert, ["query"]),
}


@needs("peft", "transformers")
@QUIET
@pytest.mark.loop("LoRA by PEFT", "works", "build L2SP after `get_peft_model`: the scaled product BA is pulled to zero")
@pytest.mark.parametrize("case", CASES)
def test_low_rank_products_are_the_distance_of_the_merged_weights(case):
    make, targets = CASES[case]
    model = adapted(make(), targets, **({"modules_to_save": ["classifier"]} if case == "classifier saved" else {}))
    start = state_of(make())
    square = sum((value - start[name]).square().sum() for name, value in merged(model).items()).item()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        l2sp = L2SP(model, 3.0)
    assert square > 0.01
    assert l2sp.penalty().item() == pytest.approx(1.5 * square, rel=1e-9)
    for anchor in (start, l2sp.anchor):
        apart = distance(model, anchor)
        assert apart.total == pytest.approx(square**0.5, rel=1e-9)
        assert any(name.endswith("query") and norm > 0 for name, norm in apart.modules.items())
    assert "low-rank" in repr(l2sp) and not l2sp.unmatched


@needs("peft", "transformers")
@QUIET
@pytest.mark.parametrize("decoupled", [True, False])
def test_low_rank_products_are_pulled(decoupled):
    ours, theirs = (adapted(bert(), ["query", "value"], modules_to_save=["classifier"]) for _ in range(2))
    start = state_of(bert())
    x, y = WORDS, LABELS
    optimizer = torch.optim.SGD([p for p in ours.parameters() if p.requires_grad], lr=0.1)
    L2SP(ours, 2.0, decoupled=decoupled).attach(optimizer)
    for _ in range(3):
        optimizer.zero_grad()
        ours(input_ids=x, labels=y).loss.backward()
        optimizer.step()
    layers = [module for module in theirs.modules() if isinstance(getattr(module, "scaling", None), dict)]
    optimizer = torch.optim.SGD([p for p in theirs.parameters() if p.requires_grad], lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        pairs = [(layer.lora_A.default.weight, layer.lora_B.default.weight, 3.0) for layer in layers]
        penalty = sum((scale * B @ A).square().sum() for A, B, scale in pairs)
        (theirs(input_ids=x, labels=y).loss + (0 if decoupled else penalty)).backward()
        if decoupled:
            with torch.no_grad():
                for _, B, _ in pairs:
                    B.mul_(1 - 0.1 * 2.0)
        optimizer.step()
    assert apart(ours, theirs) < 1e-12
    assert distance(ours, start).total > 0


@needs("peft", "transformers")
@QUIET
def test_a_transposed_layer_keeps_its_product_the_right_way_round():
    from transformers import GPT2Config, GPT2LMHeadModel

    def gpt2():
        torch.manual_seed(0)
        return GPT2LMHeadModel(GPT2Config(vocab_size=20, n_positions=8, n_embd=8, n_layer=1, n_head=2)).double()

    model = adapted(gpt2(), ["c_proj"], fan_in_fan_out=True)
    start = {name: p.detach() for name, p in gpt2().named_parameters()}
    square = sum((value - start[name]).square().sum() for name, value in merged(model).items()).item()
    assert L2SP(model, 2.0).penalty().item() == pytest.approx(square, rel=1e-9)
    assert distance(model, start).total == pytest.approx(square**0.5, rel=1e-9)


@needs("peft", "transformers", "accelerate")
@QUIET
@pytest.mark.loop("LoRA in the `Trainer`", "works", "`TrainerCallback`, the model from `get_peft_model`")
def test_low_rank_in_the_trainer(tmp_path):
    moved = {}
    for weight in (0.0, 50.0):
        model = adapted(bert(), ["query", "value"], modules_to_save=["classifier"])
        trainer_of(model, tmp_path, nets.TrainerCallback(weight)).train()
        moved[weight] = distance(model, state_of(bert())).total
    assert moved[50.0] < 0.5 * moved[0.0]
