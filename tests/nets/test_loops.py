"""What a training loop may do around L2SP: each is the loop written by hand, or is refused in one line."""

from __future__ import annotations

import copy
import math
import subprocess
import sys
import textwrap
import warnings

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from safetensors.torch import save_file  # noqa: E402
from torch import nn  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

from headwater.nets import HEADS, L2SP, distance, norms_and_biases  # noqa: E402

ROWS = torch.randn(24, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
loop = pytest.mark.loop
LIKE_NO_OTHER = ("LBFGS", "SparseAdam", "Optimizer")  # a closure, and sparse gradients: tests of their own
KINDS = [kind for name, kind in vars(torch.optim).items() if isinstance(kind, type) and name not in LIKE_NO_OTHER]


def network(seed=0, dtype=torch.float64):
    torch.manual_seed(seed)
    model = nn.Sequential()
    model.add_module("body", nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)))
    model.add_module("head", nn.Linear(3, 2))
    return model.to(dtype)


def loss_of(model, rows=ROWS):
    rows = rows.to(next(model.parameters()).dtype)
    return (model(rows) - rows[:, :2].sin()).square().mean()


def weights_of(model):
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def moved(model, step=0.3):
    with torch.no_grad():
        for p in model.parameters():
            p.add_(step * torch.randn(p.shape, generator=torch.Generator().manual_seed(2)).to(p))
    return model


def same(model, other, tolerance=1e-12):
    ours, theirs = weights_of(model), weights_of(other)
    return all((p - theirs[name]).abs().max() <= tolerance for name, p in ours.items())


def train(model, optimizer, steps=6, between=None):
    """By hand: the gradient, what stands between it and the step, the step."""
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of(model).backward()
        if between:
            with torch.no_grad():
                between(model)
        optimizer.step()
    return model


def toward(start, share, free=("head",)):
    def between(model):
        for name, p in model.named_parameters():
            if not name.startswith(free):
                p.lerp_(start[name], share)

    return between


# --- optimizers


@loop("every optimizer of torch.optim", "works", "`L2SP(model, weight).attach(optimizer)`")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_optimizer_is_the_loop_by_hand_to_the_bit(kind):
    ours, theirs = network(), network()
    if kind.__name__ == "Muon":  # which takes matrices alone
        ours, theirs = (nn.Sequential(nn.Linear(4, 2, bias=False)).double() for _ in range(2))
        theirs.load_state_dict(ours.state_dict())
    start = weights_of(moved(copy.deepcopy(ours)))
    options = {"weight_decay": 0.0} if kind.__name__ in ("AdamW", "Muon") else {}
    optimizers = [kind(model.parameters(), lr=0.01, **options) for model in (ours, theirs)]
    L2SP(ours, 20.0, exclude=(), anchor=start).attach(optimizers[0])
    train(ours, optimizers[0])
    train(theirs, optimizers[1], between=toward(start, 0.01 * 20.0, free=("nothing",)))
    assert same(ours, theirs, 0.0)


@loop("an average of the weights (EMA, SWA); gradient clipping", "works", "clipping sees the batch's gradient alone")
def test_clipped_and_averaged():
    averages = []
    for by_hand in (False, True):
        model = moved(network())
        start = weights_of(network())
        average = torch.optim.swa_utils.AveragedModel(
            model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9)
        )
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        if not by_hand:
            L2SP(model, 2.0, anchor=start).attach(optimizer)
        for _ in range(4):
            optimizer.zero_grad()
            loss_of(model).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.01)
            if by_hand:
                with torch.no_grad():
                    toward(start, 0.2)(model)
            optimizer.step()
            average.update_parameters(model)
        averages.append(average.module)
    assert same(*averages, 0.0)


# --- optimizers inside others


class SAM(torch.optim.Optimizer):
    """Sharpness-aware minimisation as it is published: its loop calls first_step and second_step, and never step."""

    def __init__(self, params, base, kept="base_optimizer", rho=0.05, **options):
        super().__init__(params, dict(rho=rho, **options))
        setattr(self, kept, base(self.param_groups, **options))
        self.inner = getattr(self, kept)
        self.param_groups = self.inner.param_groups

    @torch.no_grad()
    def first_step(self):
        norm = torch.stack([p.grad.norm() for group in self.param_groups for p in group["params"]]).norm()
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p]["old"] = p.clone()
                p.add_(p.grad, alpha=0.05 / norm.item())
        self.zero_grad()

    @torch.no_grad()
    def second_step(self):
        for group in self.param_groups:
            for p in group["params"]:
                p.copy_(self.state[p]["old"])
        self.inner.step()
        self.zero_grad()


def sharpness_aware(model, optimizer, steps=4, between=None):
    for _ in range(steps):
        loss_of(model).backward()
        optimizer.first_step()
        loss_of(model).backward()
        if between:
            with torch.no_grad():
                for p in model.parameters():
                    p.copy_(optimizer.state[p]["old"])
                between(model)
                for p in model.parameters():
                    optimizer.state[p]["old"].copy_(p)
        optimizer.second_step()
    return model


@loop("SAM", "works", "attach to it or to the optimizer inside")
@pytest.mark.parametrize("inside", [True, False])
def test_sharpness_aware_minimisation(inside):
    ours, theirs = moved(network()), moved(network())
    start = weights_of(network())
    optimizer = SAM(ours.parameters(), torch.optim.SGD, lr=0.1)
    L2SP(ours, 2.0, anchor=start).attach(optimizer.base_optimizer if inside else optimizer)
    sharpness_aware(ours, optimizer)
    sharpness_aware(theirs, SAM(theirs.parameters(), torch.optim.SGD, lr=0.1), between=toward(start, 0.2))
    assert same(ours, theirs)


@loop("an optimizer that never steps, while another does", "error", "attach to the optimizer that steps")
def test_an_optimizer_that_never_steps_is_refused():
    model = network()
    optimizer = SAM(model.parameters(), torch.optim.SGD, kept="somewhere", lr=0.1)
    L2SP(model, 2.0).attach(optimizer)
    with pytest.raises(ValueError, match=r"a SGD steps body\.0\.bias, .* of a SAM that has taken none: attach it to"):
        sharpness_aware(model, optimizer)
    two = torch.optim.SGD(model.body.parameters(), lr=0.1), torch.optim.SGD(model.head.parameters(), lr=0.1)
    L2SP(model, 2.0).attach(two[0])
    loss_of(model).backward()
    two[1].step()  # the head's, which nothing pulls
    two[0].step()


# --- models that change


@loop("layers replaced or added, or the model wrapped, after L2SP is built", "error", "build L2SP after that")
def test_other_parameters_than_when_it_was_built_are_refused():
    model = network()
    l2sp = L2SP(model, 2.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    l2sp.attach(optimizer)
    model.body[0] = nn.Linear(4, 5, dtype=torch.float64)
    with pytest.raises(
        ValueError, match=r"other parameters than when L2SP was built \(body\.0\.weight, body\.0\.bias\)"
    ):
        train(model, optimizer)
    for use in (l2sp.penalty, lambda: l2sp.attach(torch.optim.SGD(model.parameters(), lr=0.1))):
        with pytest.raises(ValueError, match="build L2SP after layers are replaced"):
            use()
    again = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match=r"a SGD steps body\.0\.bias, .*attach it to the optimizer that steps"):
        train(model, again, 1)  # the one that was attached never stepped


@loop("a new head after L2SP is built", "works", "it is left free, as heads are")
def test_a_head_replaced_afterwards_is_free():
    ours, theirs = network(), network()
    start = weights_of(ours)
    l2sp = L2SP(ours, 2.0)
    for model in (ours, theirs):
        torch.manual_seed(7)
        model.head = nn.Linear(3, 2, dtype=torch.float64)
    optimizer = torch.optim.SGD(ours.parameters(), lr=0.1)
    l2sp.attach(optimizer)
    train(ours, optimizer)
    train(theirs, torch.optim.SGD(theirs.parameters(), lr=0.1), between=toward(start, 0.2))
    assert same(ours, theirs)


@loop("parameters swapped in the optimizer", "error", "build L2SP after the model is wrapped")
def test_an_optimizer_whose_parameters_were_swapped_is_refused():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    L2SP(model, 2.0).attach(optimizer)
    train(model, optimizer, 1)
    for group in optimizer.param_groups:
        group["params"] = [nn.Parameter(p.detach().clone()) for p in group["params"]]
    with pytest.raises(ValueError, match="this step would pull nothing: the optimizer no longer holds"):
        optimizer.step()


@loop("a vocabulary grown before L2SP is built", "works", "`anchor=` the old weights: the old rows are anchored")
@pytest.mark.parametrize("decoupled", [True, False])
def test_the_old_rows_of_a_grown_vocabulary_stay_anchored(decoupled):
    class Language(nn.Module):
        def __init__(self, words):
            super().__init__()
            self.embed, self.lm_head = nn.Embedding(words, 3), nn.Linear(3, words)

        def forward(self, words):
            return self.lm_head(self.embed(words))

    torch.manual_seed(0)
    old = weights_of(Language(5).double())
    model, alone = Language(8).double(), None
    alone = copy.deepcopy(model)
    l2sp = L2SP(model, 2.0, exclude=(), anchor=old, decoupled=decoupled)
    assert l2sp.grown == {
        "embed.weight": ((8, 3), (5, 3)), "lm_head.weight": ((8, 3), (5, 3)), "lm_head.bias": ((8,), (5,)),
    }  # fmt: skip
    square = sum((p[:5] - old[name]).square().sum() for name, p in model.named_parameters())
    assert l2sp.penalty().item() == pytest.approx(square.item())
    assert distance(model, old).total == pytest.approx(square.item() ** 0.5)
    optimizers = [torch.optim.SGD(each.parameters(), lr=0.1) for each in (model, alone)]
    l2sp.attach(optimizers[0])
    words = torch.tensor([0, 4, 6, 7])
    for _ in range(3):
        for each, optimizer in zip((model, alone), optimizers, strict=True):
            optimizer.zero_grad()
            each(words).square().sum().backward()
            if each is alone:
                with torch.no_grad():
                    for name, p in alone.named_parameters():
                        p[:5] = p[:5] - 0.2 * (p[:5] - old[name])
            optimizer.step()
    assert same(model, alone)
    # More classes are no vocabulary: their head starts afresh.
    head = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 7))
    with pytest.warns(UserWarning, match=r"of another shape in the anchor: 1\.weight \(7, 3\) against \(5, 3\)"):
        L2SP(head, 1.0, exclude=(), anchor={"0.weight": torch.zeros(3, 3), "1.weight": torch.zeros(5, 3)})


@loop("parameters frozen at first, thawed later", "works", "nothing to do; they are copied only when they thaw")
def test_frozen_parameters_are_not_copied_and_thaw_where_they_were():
    ours, theirs = network(), network()
    start = weights_of(ours)
    for model in (ours, theirs):
        model.body.requires_grad_(False)
    l2sp = L2SP(ours, 2.0)
    assert not l2sp.anchor and "4 frozen" in repr(l2sp)
    optimizers = [torch.optim.SGD(each.head.parameters(), lr=0.1) for each in (ours, theirs)]
    l2sp.attach(optimizers[0])  # it holds nothing to pull yet
    train(ours, optimizers[0], 2)
    train(theirs, optimizers[1], 2)
    for model, optimizer in zip((ours, theirs), optimizers, strict=True):
        model.body[2].requires_grad_(True)
        optimizer.add_param_group({"params": model.body[2].parameters()})
    train(ours, optimizers[0], 3)
    train(theirs, optimizers[1], 3, toward(start, 0.2, free=("head", "body.0")))
    assert same(ours, theirs)
    assert l2sp.anchor.keys() == {"body.2.weight", "body.2.bias"}


# --- resuming


@loop("a resumed run, L2SP built from the checkpoint", "error", "`anchor=` the first run's, or build before loading")
def test_a_state_saved_with_another_anchor_is_refused(tmp_path):
    first = network()
    optimizer = torch.optim.AdamW(first.parameters(), lr=0.01, weight_decay=0.0)
    l2sp = L2SP(first, 2.0)
    l2sp.attach(optimizer)
    train(first, optimizer, 1)
    torch.save({"model": first.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "half.pt")
    saved = torch.load(tmp_path / "half.pt", weights_only=True)
    for anchor in (None, l2sp.anchor):
        second = network(5)
        second.load_state_dict(saved["model"])
        optimizer = torch.optim.AdamW(second.parameters(), lr=0.01, weight_decay=0.0)
        L2SP(second, 2.0, anchor=anchor).attach(optimizer)
        if anchor is None:
            with pytest.raises(
                ValueError, match=r"saved with another anchor \(body\.0\.weight, .*l2sp\.anchor as anchor="
            ):
                optimizer.load_state_dict(saved["optimizer"])
        else:
            optimizer.load_state_dict(saved["optimizer"])
    bare = torch.optim.AdamW(second.parameters(), lr=0.01)
    bare.load_state_dict(saved["optimizer"])  # without L2SP the state is any optimizer's


def test_what_thaws_after_resuming_is_checked_too():
    first = network()
    optimizer = torch.optim.SGD(first.parameters(), lr=0.1)
    L2SP(first, 2.0).attach(optimizer)
    state = train(first, optimizer, 2) and optimizer.state_dict()
    second = copy.deepcopy(first)
    second.body[0].requires_grad_(False)
    second.load_state_dict(network().state_dict() | {k: v for k, v in first.state_dict().items() if "body.0" in k})
    optimizer = torch.optim.SGD(second.parameters(), lr=0.1)
    L2SP(second, 2.0).attach(optimizer)
    optimizer.load_state_dict(state)
    train(second, optimizer, 1)
    second.body[0].requires_grad_(True)
    with pytest.raises(ValueError, match=r"another anchor \(body\.0\.weight, body\.0\.bias\)"):
        train(second, optimizer, 1)


# --- precision and rates


@loop("pure bfloat16 or half precision", "works", "nothing to do; what rounding keeps back is carried to the next step")
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("share", [1e-3, 1e-5])
def test_a_small_share_of_the_way_is_gone_in_half_precision(dtype, share):
    model = nn.Linear(40, 30).to(dtype)
    start = {name: p.detach().clone() for name, p in model.named_parameters()}
    moved(model, 0.01)
    before = {name: p.detach().double() for name, p in model.named_parameters()}
    optimizer = torch.optim.SGD(model.parameters(), lr=share)
    L2SP(model, 1.0, exclude=(), anchor=start).attach(optimizer)
    steps = 500
    for _ in range(steps):
        optimizer.step()
    left = (1 - share) ** steps
    ulp = torch.finfo(dtype).eps
    for name, p in model.named_parameters():
        exact = start[name].double() + left * (before[name] - start[name].double())
        assert ((p.detach().double() - exact).abs() <= ulp * exact.abs().clamp(min=1e-2)).all()
    gone = sum(
        ((before[name] - p.double()) * (before[name] - start[name].double())).sum()
        for name, p in model.named_parameters()
    )
    whole = sum((before[name] - start[name].double()).square().sum() for name in start)
    assert (gone / whole).item() == pytest.approx(1 - left, abs=0.02)


@loop("a group at lr = 0, coupled", "works", "it gets no pull, so that Adam's moments stay as the batches made them")
def test_a_group_at_rest_is_left_at_rest():
    ours, theirs = moved(network()), moved(network())
    start = weights_of(network())
    optimizers = []
    for model in (ours, theirs):
        groups = [{"params": model.body.parameters(), "lr": 0.0}, {"params": model.head.parameters()}]
        optimizers.append(torch.optim.Adam(groups, lr=0.01))
    L2SP(ours, 2.0, anchor=start, decoupled=False).attach(optimizers[0])
    for model, optimizer in zip((ours, theirs), optimizers, strict=True):
        train(model, optimizer, 3)
        assert all(torch.isfinite(p.grad).all() for p in model.parameters())
    for p, q in zip(ours.body.parameters(), theirs.body.parameters(), strict=True):
        assert torch.equal(optimizers[0].state[p]["exp_avg"], optimizers[1].state[q]["exp_avg"])


@loop("lr · weight > 1 at a schedule's peak", "error", "at once: a smaller weight or rate")
@pytest.mark.parametrize("kind", ["warm-up", "one cycle"])
def test_a_peak_beyond_the_anchor_is_foretold(kind):
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    if kind == "warm-up":
        torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: step / 100)
    else:
        torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.2, total_steps=10)
    with pytest.raises(ValueError, match=r"(initial|max) lr · weight = 0\.2 · 6 must lie between 0 and 1"):
        L2SP(model, 6.0).attach(optimizer)
    L2SP(model, 5.0).attach(optimizer)


class Seen(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.add(function.__name__)
        return function(*args, **(kwargs or {}))


@loop("steps on an accelerator", "works", "a step never waits for the device")
@pytest.mark.parametrize("decoupled", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("scaled", [True, False])
def test_a_step_reads_nothing_back_from_the_device(decoupled, dtype, scaled):
    model = moved(network(dtype=dtype))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.0, fused=True)
    start = weights_of(network(dtype=dtype))
    L2SP(model, 2.0, anchor=start, decoupled=decoupled, head_weight=0.1).attach(optimizer)
    loss_of(model).backward()
    if scaled:  # as GradScaler leaves them to a fused optimizer
        optimizer.found_inf, optimizer.grad_scale = torch.zeros(()), torch.ones(())
    with Seen() as seen:
        optimizer.step()
    assert "_local_scalar_dense.default" not in seen.names
    assert any(name.startswith(("lerp", "_foreach_lerp", "add_", "_foreach_add", "copy_")) for name in seen.names)


# --- what is pulled, and how hard


@pytest.mark.parametrize(
    "name",
    [
        "head.weight", "heads.head.bias", "classifier.weight", "pre_classifier.bias", "classifier.out_proj.weight",
        "score.weight", "fc.bias", "lm_head.weight", "qa_outputs.weight", "net.head.weight",
        "model.classifier.1.weight",
    ],
)  # fmt: skip
def test_heads_are_known_by_their_usual_names(name):
    assert HEADS[0](name, None)


@pytest.mark.parametrize("name", ["body.weight", "layers.0.fc.weight", "blocks.3.head.q.weight", "fc1.weight", "head"])
def test_what_only_sounds_like_a_head_is_none(name):
    assert not HEADS[0](name, None)


def test_an_output_layer_tied_to_the_embedding_is_pretrained_with_it():
    model = nn.Module()
    model.embed, model.lm_head = nn.Embedding(5, 3), nn.Linear(3, 5, bias=False)
    model.lm_head.weight = model.embed.weight
    assert L2SP(model, 1.0).anchor.keys() == {"embed.weight"}


def test_a_head_that_no_name_tells_is_asked_about():
    model = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2))
    with pytest.warns(
        UserWarning, match=r"nothing is excluded, though 2 looks like a head: exclude=\('2\.\*',\) leaves"
    ):
        L2SP(model, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        L2SP(model, 1.0, exclude=())
        L2SP(model, 1.0, exclude=("2.*",))
        L2SP(model, 1.0, anchor=model.state_dict())
        L2SP(nn.Sequential(nn.Linear(4, 2), nn.LayerNorm(2)), 1.0)
        L2SP(nn.Sequential(nn.Linear(2, 4), nn.Linear(4, 4)), 1.0)


def test_repr_says_on_one_line_what_is_anchored_excluded_and_free():
    model = network()
    model.body[0].requires_grad_(False)
    assert repr(L2SP(model, 0.5, head_weight=0.1)) == (
        "L2SP(weight=0.5, decoupled=True, head_weight=0.1: 2 anchored, 2 excluded (head.weight, head.bias), 2 frozen)"
    )


@pytest.mark.parametrize("form", ["decoupled", "coupled", "penalty"])
def test_weights_by_pattern_a_head_weight_and_rules_are_the_loop_by_hand(form):
    ours, theirs = moved(network()), moved(network())
    start = weights_of(network())
    l2sp = L2SP(
        ours, {"body.0.*": 0.5, "*": 2.0}, exclude=(*HEADS, norms_and_biases), anchor=start, head_weight=0.25,
        decoupled=form == "decoupled",
    )  # fmt: skip
    assert l2sp.anchor.keys() == {"body.0.weight", "body.2.weight"}
    optimizer = torch.optim.SGD(ours.parameters(), lr=0.1)
    if form != "penalty":
        l2sp.attach(optimizer)
    for _ in range(4):
        optimizer.zero_grad()
        (loss_of(ours) + (l2sp.penalty() if form == "penalty" else 0)).backward()
        optimizer.step()

    def between(model):
        pulls = {"body.0.weight": 0.05, "body.2.weight": 0.2, "head.weight": 0.025}
        for name, share in pulls.items():
            p = model.get_parameter(name)
            p.sub_(share * (p - start[name] if name.startswith("body") else p))

    train(theirs, torch.optim.SGD(theirs.parameters(), lr=0.1), 4, between)
    assert same(ours, theirs)


def test_weights_by_pattern_leave_nothing_unsaid():
    with pytest.raises(ValueError, match=r'weight has no pattern for body\.2\.weight, body\.2\.bias: end it with "\*"'):
        L2SP(network(), {"body.0.*": 1.0})
    with pytest.raises(ValueError, match=r"weight\['\*'\] must be a finite number not below 0"):
        L2SP(network(), {"*": -1.0})
    with pytest.raises(ValueError, match="head_weight must be a finite number"):
        L2SP(network(), 1.0, head_weight=math.nan)
    with pytest.raises(ValueError, match=r"nothing is left to anchor of body\.0\.weight"):
        L2SP(network(), 1.0, exclude="*")


def test_a_predicate_excludes():
    l2sp = L2SP(network(), 1.0, exclude=lambda name, p: p.numel() < 10)
    assert set(l2sp.excluded) == {"body.0.bias", "body.2.bias", "head.weight", "head.bias"}


def test_a_prefix_on_either_side(tmp_path):
    model = network()
    start = weights_of(moved(network().body))
    long = {f"body.{name}": value for name, value in start.items()}
    assert L2SP(model, 1.0, anchor=start, prefix="body.").anchor.keys() == long.keys()
    assert L2SP(moved(network()).body, 1.0, exclude=(), anchor=long, prefix="body.").anchor.keys() == start.keys()
    save_file(start, tmp_path / "body.safetensors")
    model.body.load_state_dict(start)
    assert distance(model, tmp_path / "body.safetensors", prefix="body.").total == 0


# --- in one line: what to pass instead


def test_what_cannot_be_pulled_is_refused_in_one_line(tmp_path):
    with torch.device("meta"):
        blank = nn.Linear(3, 2)
    with pytest.raises(ValueError, match="weight is on the meta device: load the model's weights before"):
        L2SP(blank, 1.0)
    small = nn.Linear(3, 2)
    small.weight = nn.Parameter(small.weight.detach().to(torch.float8_e4m3fn))
    with pytest.raises(ValueError, match=r"weight is torch\.float8_e4m3fn, which cannot be moved: exclude it"):
        L2SP(small, 1.0)
    save_file(weights_of(network()), tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=r"is a folder: give one file, .*model\.safetensors"):
        L2SP(network(), 1.0, anchor=tmp_path)
    with pytest.raises(TypeError, match=r"not a Sequential: its state_dict\(\)"):
        L2SP(network(), 1.0, anchor=network())
    with pytest.raises(TypeError, match="attach to a torch optimizer, not a Sequential"):
        L2SP(network(), 1.0).attach(network())


# --- several processes

SEVERAL = """
    import sys, torch
    from torch import nn
    from torch.distributed.fsdp import fully_shard
    from torch.distributed.optim import ZeroRedundancyOptimizer
    from headwater.nets import L2SP, distance

    rank, store = int(sys.argv[1]), sys.argv[2]
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)

    def network():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 4)).double()

    def size(model):
        return sum(p.square().sum() for p in model.parameters()).sqrt().item()

    rows = torch.randn(16, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    start = {name: torch.zeros_like(p) for name, p in network().named_parameters()}
    plain = network()
    optimizer = torch.optim.AdamW(plain.parameters(), lr=0.01, weight_decay=0.0)
    for _ in range(4):
        optimizer.zero_grad()
        plain(rows).square().mean().backward()
        with torch.no_grad():
            for p in plain.parameters():
                p.mul_(1 - 0.01 * 5)
        optimizer.step()
    for way in ("FSDP2", "ZeRO"):
        ours = network()
        if way == "FSDP2":
            fully_shard(ours[0]); fully_shard(ours)
            optimizer = torch.optim.AdamW(ours.parameters(), lr=0.01, weight_decay=0.0)
        else:
            ours = nn.parallel.DistributedDataParallel(ours)
            optimizer = ZeroRedundancyOptimizer(ours.parameters(), torch.optim.AdamW, lr=0.01, weight_decay=0.0)
        l2sp = L2SP(ours, 5.0, exclude=(), anchor=start)  # whole tensors, on every process
        assert abs(distance(ours, start).total - size(network())) < 1e-9
        assert abs(l2sp.penalty().item() - 2.5 * size(network()) ** 2) < 1e-9
        l2sp.attach(optimizer)
        for _ in range(4):
            optimizer.zero_grad()
            ours(rows[rank::2]).square().mean().backward()
            optimizer.step()
        named = dict((ours.module if way == "ZeRO" else ours).named_parameters())
        for name, p in plain.named_parameters():
            got = named[name].full_tensor() if way == "FSDP2" else named[name]
            assert (got - p).abs().max() < 1e-9, name
        assert abs(distance(ours, start).total - size(plain)) < 1e-9
        if way == "FSDP2":
            optimizer.load_state_dict(optimizer.state_dict())
        del ours, optimizer, l2sp
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()
"""


@loop("DDP with ZeRO's optimizer; FSDP2", "works", "build L2SP after wrapping; an anchor of whole tensors is sharded")
def test_two_processes(tmp_path):
    script = tmp_path / "several.py"
    script.write_text(textwrap.dedent(SEVERAL))
    runs = [
        subprocess.Popen([sys.executable, str(script), str(rank), str(tmp_path / "store")], stderr=subprocess.PIPE)
        for rank in range(2)
    ]
    for run in runs:
        _, error = run.communicate(timeout=120)
        assert run.returncode == 0, error.decode()
