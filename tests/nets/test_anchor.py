"""L2-SP on any PyTorch model: the three forms are one, and everything around a training loop leaves them so."""

from __future__ import annotations

import copy
import gc
import itertools
import math
import warnings

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from safetensors.torch import save_file, save_model  # noqa: E402
from torch import nn  # noqa: E402

from headwater.nets import distance  # noqa: E402
from headwater.nets.anchor import L2SP  # noqa: E402

ROWS = torch.randn(24, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


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
    """Every parameter of the model is that of the other model, or state dict, to the tolerance."""
    other = other if isinstance(other, dict) else weights_of(other)
    return all((p - other[name]).abs().max() <= tolerance for name, p in weights_of(model).items())


def train(model, optimizer, steps=8, extra=None, rows=ROWS, each=None):
    for _ in range(steps):
        optimizer.zero_grad()
        (loss_of(model, rows) + (extra() if extra else 0)).backward()
        optimizer.step()
        if each:
            each(model)
    return model


def sgd(model, **options):
    return torch.optim.SGD(model.parameters(), **{"lr": 0.2, **options})


# --- one law, three forms


def test_in_plain_sgd_attached_penalty_and_formula_are_one_trajectory():
    models = [network() for _ in range(4)]
    paths = [[] for _ in models]
    for form, (model, path) in enumerate(zip(models, paths, strict=True)):
        start = weights_of(model)
        l2sp = L2SP(moved(model), weight=0.7, anchor=start, decoupled=form != 1)
        optimizer = sgd(model)
        if form < 2:
            l2sp.attach(optimizer)
        if form < 3:
            extra = l2sp.penalty if form == 2 else None
            train(model, optimizer, 20, extra, each=lambda model, path=path: path.append(weights_of(model)))
        else:
            for _ in range(20):
                gradients = torch.autograd.grad(loss_of(model), list(model.parameters()))
                with torch.no_grad():
                    for (name, p), gradient in zip(model.named_parameters(), gradients, strict=True):
                        pull = 0.0 if name.startswith("head") else 0.7 * (p - start[name])
                        p -= 0.2 * (gradient + pull)
                path.append(weights_of(model))
    for one, other in itertools.pairwise(paths):
        assert max((a[k] - b[k]).abs().max().item() for a, b in zip(one, other, strict=True) for k in a) < 1e-6


def test_in_single_precision_too():
    models = [network(dtype=torch.float32) for _ in range(3)]
    for form, model in enumerate(models):
        start = weights_of(model)
        l2sp = L2SP(moved(model), 0.7, anchor=start, decoupled=form == 0)
        optimizer = sgd(model, lr=0.1)
        if form < 2:
            l2sp.attach(optimizer)
        train(model, optimizer, 20, l2sp.penalty if form == 2 else None)
    assert same(models[0], models[1], 1e-6) and same(models[1], models[2], 1e-6)


@pytest.mark.loop(
    "the penalty in the loss, or added to the gradient", "works", "`loss + l2sp.penalty()`, or `decoupled=False`"
)
@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adamax", "NAdam"])
def test_coupled_is_the_penalty_under_every_optimizer(name):
    """With momentum, moments and accumulated squares."""
    options = {"momentum": 0.9} if name in ("SGD", "RMSprop") else {}
    options |= {"weight_decay": 0.0} if name == "AdamW" else {}
    attached, penalised = network(), network()
    for model, form in ((attached, "attach"), (penalised, "penalty")):
        start = weights_of(model)
        l2sp = L2SP(moved(model), 0.5, anchor=start, decoupled=False)
        optimizer = getattr(torch.optim, name)(model.parameters(), lr=0.01, **options)
        if form == "attach":
            l2sp.attach(optimizer)
        train(model, optimizer, 8, l2sp.penalty if form == "penalty" else None)
    assert same(attached, penalised, 1e-9)


def test_decoupled_toward_zero_is_adamw():
    ours, theirs = network(), network()
    zero = {name: torch.zeros_like(p) for name, p in ours.named_parameters()}
    optimizer = torch.optim.Adam(ours.parameters(), lr=0.01)
    L2SP(ours, 0.3, exclude=(), anchor=zero).attach(optimizer)
    train(ours, optimizer)
    train(theirs, torch.optim.AdamW(theirs.parameters(), lr=0.01, weight_decay=0.3))
    assert same(ours, theirs, 1e-14)


def test_at_lr_times_weight_one_each_step_starts_from_the_anchor():
    model = network()
    anchor = weights_of(model)
    optimizer = sgd(model, lr=0.25)
    L2SP(model, 4.0, exclude=()).attach(optimizer)
    for _ in range(3):
        optimizer.zero_grad()
        loss_of(model).backward()
        gradients = {name: p.grad.clone() for name, p in model.named_parameters()}
        optimizer.step()
        for name, p in model.named_parameters():
            assert torch.equal(p.detach(), anchor[name].add(gradients[name], alpha=-0.25))


@pytest.mark.parametrize("decoupled", [True, False])
@pytest.mark.parametrize("make", [lambda p: torch.optim.SGD(p, 0.1, 0.9), lambda p: torch.optim.AdamW(p, 0.01)])
@pytest.mark.filterwarnings("ignore:the optimizer's weight_decay")
def test_weight_zero_is_the_bare_optimizer_bit_for_bit(make, decoupled):
    """Down to the parameters that no batch reaches, which the bare optimizer leaves alone."""
    bare, ours = network(dtype=torch.float32), network(dtype=torch.float32)
    for model in (bare, ours):
        model.body[2].spare = nn.Parameter(torch.ones(2))
    optimizer = make(ours.parameters())
    L2SP(ours, 0.0, anchor=weights_of(moved(copy.deepcopy(ours))), decoupled=decoupled).attach(optimizer)
    train(ours, optimizer)
    train(bare, make(bare.parameters()))
    assert all(torch.equal(p, q) for p, q in zip(ours.parameters(), bare.parameters(), strict=True))


def test_a_large_weight_holds_the_body_and_leaves_the_head():
    model = network()
    start = weights_of(model)
    optimizer = sgd(model)
    L2SP(model, 5.0).attach(optimizer)
    train(model, optimizer, 30)
    free = network()
    train(free, sgd(free), 30)
    held, loose = distance(model, start), distance(free, start)
    assert held.modules["body.0"] < 0.25 * loose.modules["body.0"]
    assert held.modules["head"] > 0.5 * loose.modules["head"]


def test_the_weight_may_change_between_steps():
    model = network()
    optimizer = sgd(model)
    l2sp = L2SP(model, 5.0)
    l2sp.attach(optimizer)
    l2sp.weight = 0.0
    train(model, optimizer, 3)
    bare = network()
    assert same(model, train(bare, sgd(bare), 3), 0.0)


# --- optimizers


@pytest.mark.loop("parameter groups and schedules", "works", "each group with its current rate")
def test_groups_keep_their_learning_rates_and_schedules():
    model = network()
    start = weights_of(model)
    moved(model)
    before = weights_of(model)
    groups = [{"params": model.body[0].parameters(), "lr": 0.1}, {"params": model.body[2].parameters(), "lr": 0.4}]
    optimizer = torch.optim.SGD([*groups, {"params": model.head.parameters(), "lr": 100.0}], lr=1.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5**step)
    L2SP(model, 1.5, anchor=start).attach(optimizer)  # the head's lr is no concern of the pull
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    for _ in range(2):
        optimizer.step()
        schedule.step()
    for name, p in model.named_parameters():
        rate = {"body.0": 0.1, "body.2": 0.4, "head": 0.0}[name.rpartition(".")[0]]
        left = (1 - 1.5 * rate) * (1 - 1.5 * rate / 2)
        torch.testing.assert_close(p.detach() - start[name], left * (before[name] - start[name]))


def test_a_group_added_later_is_pulled():
    model = network()
    start = weights_of(model)
    optimizer = sgd(model.head)
    optimizer.add_param_group({"params": model.body[0].parameters()})
    L2SP(moved(model), 5.0, anchor=start).attach(optimizer)
    optimizer.add_param_group({"params": model.body[2].parameters()})
    optimizer.step()  # lr · weight = 1
    apart = distance(model, start).modules
    assert apart["body.0"] == apart["body.2"] == 0 < apart["head"]


def test_parameters_outside_the_optimizer_stay():
    model = network()
    start = weights_of(model)
    before = weights_of(moved(model))
    optimizer = sgd(model.body[0])
    L2SP(model, 1.0, anchor=start).attach(optimizer)
    train(model, optimizer, 2)
    assert torch.equal(model.body[2].weight, before["body.2.weight"])


@pytest.mark.loop("foreach and fused optimizers, rates in tensors", "works", "nothing to do")
@pytest.mark.parametrize(
    "options", [{"foreach": True}, {"foreach": False}, {"fused": True}, {"lr": torch.tensor(0.01)}]
)
@pytest.mark.parametrize("decoupled", [True, False])
def test_foreach_fused_and_tensor_rates_are_the_same_step(options, decoupled):
    models = [network(dtype=torch.float32) for _ in range(2)]
    for model, extra in zip(models, ({}, options), strict=True):
        start = weights_of(model)
        optimizer = torch.optim.Adam(model.parameters(), **{"lr": 0.01, **extra})
        L2SP(moved(model), 2.0, anchor=start, decoupled=decoupled).attach(optimizer)
        train(model, optimizer)
    assert same(*models, 1e-6)


@pytest.mark.loop("LBFGS", "works", "`decoupled=False`")
@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_lbfgs_minimises_the_penalised_loss_where_coupled(search):
    models = [network() for _ in range(2)]
    for form, model in enumerate(models):
        start = weights_of(model)
        l2sp = L2SP(moved(model), 0.5, anchor=start, decoupled=False)
        optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, line_search_fn=search)
        if form == 0:
            l2sp.attach(optimizer)

        def closure(model=model, optimizer=optimizer, extra=l2sp.penalty if form else None):
            optimizer.zero_grad()
            loss = loss_of(model) + (extra() if extra else 0)
            loss.backward()
            return loss

        for _ in range(4):
            loss = optimizer.step(closure) if form else optimizer.step(closure=closure)
    assert same(*models, 1e-9)
    assert loss.item() > loss_of(models[1]).item()


@pytest.mark.loop(
    "a closure given to the step", "works", "the pull follows its gradient, as the own decay of AdamW does"
)
@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.AdamW])
def test_a_closure_is_evaluated_before_the_pull_as_before_the_optimizers_own_decay(kind):
    models = [network() for _ in range(2)]
    for form, model in enumerate(models):
        start = weights_of(moved(model))
        optimizer = kind(model.parameters(), lr=0.01, weight_decay=0.0)
        if form == 0:
            L2SP(model, 30.0, exclude=(), anchor=start).attach(optimizer)

        def closure(model=model, optimizer=optimizer):
            optimizer.zero_grad()
            loss = loss_of(model)
            loss.backward()
            return loss

        for _ in range(10):
            if form == 0:
                optimizer.step(closure)
                continue
            closure()
            with torch.no_grad():
                for name, p in model.named_parameters():
                    p.lerp_(start[name], 0.3)
            optimizer.step()
    assert same(*models, 1e-14)


@pytest.mark.loop("sparse gradients", "works", "nothing to do")
@pytest.mark.parametrize("decoupled", [True, False])
def test_sparse_gradients(decoupled):
    models = []
    for sparse in (True, False):
        torch.manual_seed(0)
        model = nn.Embedding(6, 3, sparse=sparse)
        start = weights_of(model)
        optimizer = torch.optim.SGD(moved(model).parameters(), lr=0.1)
        L2SP(model, 2.0, anchor=start, decoupled=decoupled).attach(optimizer)
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.tensor([0, 2, 2])).square().sum().backward()
            optimizer.step()
        models.append(model)
    assert same(*models, 1e-6)


def test_parameters_that_the_batch_did_not_reach_are_pulled_as_by_the_penalty():
    models = [network() for _ in range(3)]
    for form, model in enumerate(models):
        start = weights_of(model)
        model.spare = nn.Linear(2, 2, dtype=torch.float64)
        nn.init.ones_(model.spare.weight)
        nn.init.ones_(model.spare.bias)
        start |= {"spare.weight": torch.zeros(2, 2), "spare.bias": torch.zeros(2)}
        l2sp = L2SP(model, 0.5, anchor=start, decoupled=form == 0)
        optimizer = sgd(model)
        if form < 2:
            l2sp.attach(optimizer)
        for _ in range(3):
            optimizer.zero_grad()
            loss = model.head(model.body(ROWS)).square().mean() + (l2sp.penalty() if form == 2 else 0)
            loss.backward()
            optimizer.step()
    assert same(models[0], models[1], 1e-9) and same(models[1], models[2], 1e-9)
    torch.testing.assert_close(models[0].spare.weight.detach(), torch.full((2, 2), 0.9**3, dtype=torch.float64))


# --- the training loop


@pytest.mark.loop(
    "accumulated gradients", "works", "`attach` pulls once a step; of a penalty give each of k batches the k-th part"
)
def test_accumulated_gradients_decay_once_a_step():
    whole, parts = network(), network()
    for model in (whole, parts):
        start = weights_of(model)
        optimizer = sgd(moved(model))
        L2SP(model, 1.0, anchor=start).attach(optimizer)
        for _ in range(4):
            optimizer.zero_grad()
            for rows in [ROWS] if model is whole else ROWS.split(8):
                (loss_of(model, rows) * len(rows) / len(ROWS)).backward()
            optimizer.step()
    assert same(whole, parts, 1e-12)


@pytest.mark.loop("mixed precision", "works", "steps that `GradScaler` skips do not pull")
@pytest.mark.parametrize("decoupled", [True, False])
@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("unscale", [True, False])
def test_grad_scaler_changes_nothing_and_skipped_steps_do_not_decay(fused, decoupled, unscale):
    plain, scaled = network(dtype=torch.float32), network(dtype=torch.float32)
    for model in (plain, scaled):
        start = weights_of(model)
        optimizer = sgd(moved(model), fused=fused)
        L2SP(model, 1.0, anchor=start, decoupled=decoupled).attach(optimizer)
        if model is plain:
            train(model, optimizer, 3)
            continue
        scaler = torch.amp.GradScaler("cpu", init_scale=64.0)
        for step in range(4):
            optimizer.zero_grad()
            scaler.scale(loss_of(model)).backward()
            before = weights_of(model)
            if step == 1:
                model.head.weight.grad[0, 0] = math.inf
            if unscale:
                scaler.unscale_(optimizer)
            scaler.step(optimizer)
            scaler.update()
            assert same(model, before, 0.0) == (step == 1)
    assert same(plain, scaled, 1e-6)


def test_autocast():
    model = network(dtype=torch.float32)
    start = weights_of(moved(model))
    l2sp = L2SP(model, 1.0, anchor=weights_of(network(dtype=torch.float32)))
    with torch.autocast("cpu", torch.bfloat16):
        penalty = l2sp.penalty()
    assert penalty.dtype == torch.float32
    assert penalty.item() == pytest.approx(l2sp.penalty().item(), rel=1e-6)
    assert same(model, start, 0.0)


def test_frozen_parameters_stay_and_thaw():
    model = network()
    start = weights_of(model)
    before = weights_of(moved(model))
    model.body[0].requires_grad_(False)
    l2sp = L2SP(model, 5.0, anchor=start)
    optimizer = sgd(model)
    l2sp.attach(optimizer)
    assert l2sp.penalty().item() == pytest.approx(
        2.5 * sum((before[n] - start[n]).square().sum().item() for n in ("body.2.weight", "body.2.bias"))
    )
    optimizer.step()
    assert torch.equal(model.body[0].weight, before["body.0.weight"])
    assert torch.equal(model.body[2].weight, start["body.2.weight"])
    model.body[0].requires_grad_(True)
    optimizer.step()
    assert torch.equal(model.body[0].weight, start["body.0.weight"])
    assert L2SP(model.requires_grad_(False), 1.0).penalty().item() == 0


def test_buffers_stay():
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    optimizer = sgd(model, lr=0.0001)
    l2sp = L2SP(model, 1.0, anchor={name: value.clone() for name, value in model.state_dict().items()})
    l2sp.attach(optimizer)
    assert l2sp.anchor.keys() == {"0.weight", "0.bias", "1.weight", "1.bias"} and not l2sp.unused
    model(ROWS.float()).sum().backward()
    running = model[1].running_mean.clone()
    optimizer.step()
    assert torch.equal(model[1].running_mean, running) and running.abs().max() > 0


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.out = nn.Embedding(5, 3), nn.Linear(3, 5, bias=False)
        self.out.weight = self.embed.weight


@pytest.mark.loop("tied weights", "works", "nothing to do")
def test_tied_weights_are_one_parameter(tmp_path):
    model = Tied()
    start = model.embed.weight.detach().clone()
    save_model(model, tmp_path / "tied.safetensors")  # which keeps one of the two names
    with torch.no_grad():
        model.embed.weight.add_(1.0)
    for anchor in (tmp_path / "tied.safetensors", {"out.weight": start}, {"embed.weight": start}):
        l2sp = L2SP(model, 2.0, anchor=anchor)
        assert l2sp.penalty().item() == pytest.approx(15.0)
        assert distance(model, anchor).total == pytest.approx(math.sqrt(15))
    optimizer = sgd(model, lr=0.1)
    l2sp.attach(optimizer)
    optimizer.step()
    torch.testing.assert_close(model.out.weight.detach() - start, torch.full((5, 3), 0.8))
    with pytest.raises(ValueError, match=r"nothing is left to anchor of embed\.weight"):
        L2SP(Tied(), 1.0, exclude="out.*")


@pytest.mark.loop("torch.compile", "works", "before or after L2SP is built")
@pytest.mark.parametrize("where", ["whole", "part"])
def test_torch_compile(where):
    model = network()
    start = weights_of(model)
    moved(model)
    if where == "whole":
        model = torch.compile(model, backend="eager")
    else:
        model.body = torch.compile(model.body, backend="eager")
    l2sp = L2SP(model, 0.7, anchor=start)
    assert l2sp.anchor.keys() == {name for name in start if name.startswith("body")}
    assert l2sp.excluded == ("head.weight", "head.bias")
    plain = moved(network())
    for each, anchored in ((model, l2sp), (plain, L2SP(plain, 0.7, anchor=start))):
        optimizer = sgd(each)
        anchored.attach(optimizer)
        train(each, optimizer)
    assert all((p - q).abs().max() < 1e-9 for p, q in zip(model.parameters(), plain.parameters(), strict=True))
    assert distance(plain, model.state_dict()).total < 1e-9  # prefixed names


@pytest.fixture
def one_process(tmp_path):
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    yield
    gc.collect()  # a wrapped model that outlives its process group can wait for it forever
    torch.distributed.destroy_process_group()


@pytest.mark.loop("DDP", "works", "before or after L2SP is built")
@pytest.mark.parametrize("step", ["attach", "coupled", "penalty"])
@pytest.mark.usefixtures("one_process")
def test_distributed_data_parallel(step):
    plain = moved(network())
    start = weights_of(network())
    optimizer = sgd(plain)
    L2SP(plain, 0.7, anchor=start).attach(optimizer)
    train(plain, optimizer, 5)
    wrapped = nn.parallel.DistributedDataParallel(moved(network()), gradient_as_bucket_view=True)
    l2sp = L2SP(wrapped, 0.7, anchor=start, decoupled=step == "attach")
    optimizer = sgd(wrapped)
    if step != "penalty":
        l2sp.attach(optimizer)
    train(wrapped, optimizer, 5, l2sp.penalty if step == "penalty" else None)
    assert same(wrapped.module, plain, 1e-9)
    assert L2SP(network(), 0.7, anchor=wrapped.state_dict()).anchor.keys() == l2sp.anchor.keys()


@pytest.mark.loop("a resumed run, L2SP built before loading", "works", "or `anchor=` the first run’s `l2sp.anchor`")
@pytest.mark.parametrize("decoupled", [True, False])
def test_a_resumed_run_is_the_uninterrupted_one(decoupled, tmp_path):
    def begin(anchor=None):
        model = network()
        return model, L2SP(model, 2.0, anchor=anchor, decoupled=decoupled), torch.optim.Adam(model.parameters(), 0.01)

    whole, l2sp, optimizer = begin()
    l2sp.attach(optimizer)
    train(whole, optimizer, 10)

    first, l2sp, optimizer = begin()
    l2sp.attach(optimizer)
    train(first, optimizer, 5)
    torch.save({"model": first.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "half.pt")
    save_file(l2sp.anchor, tmp_path / "anchor.safetensors")

    for anchor in (tmp_path / "anchor.safetensors", None):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            second, l2sp, optimizer = begin(anchor)
        l2sp.attach(optimizer)
        saved = torch.load(tmp_path / "half.pt", weights_only=True)
        second.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        assert same(train(second, optimizer, 5), whole, 0.0)


def test_the_handle_removes_and_attaching_twice_is_refused():
    model = network()
    optimizer = sgd(model)
    l2sp = L2SP(model, 1.0)
    handle = l2sp.attach(optimizer)
    with pytest.raises(ValueError, match="pulled already"):
        l2sp.attach(optimizer)
    with pytest.raises(ValueError, match="pulled already"):
        L2SP(model, 0.1).attach(optimizer)
    handle.remove()
    train(model, optimizer, 3)
    bare = network()
    assert same(model, train(bare, sgd(bare), 3), 0.0)
    l2sp.attach(optimizer)
    L2SP(model, 0.1, exclude=("body.*",)).attach(optimizer)  # other parameters: another weight
    train(copy.deepcopy(model), copy.deepcopy(optimizer), 1)  # a copy of an optimizer has no hooks, and works


# --- the anchor


def test_the_anchor_is_the_models_own_weights_now_and_stays():
    model = network()
    start = weights_of(model)
    for anchor in (None, model.state_dict(), dict(model.named_parameters())):  # live tensors are copied
        l2sp = L2SP(model, 1.0, exclude=(), anchor=anchor)
        assert all(torch.equal(value, start[name]) and not value.requires_grad for name, value in l2sp.anchor.items())
    train(model, sgd(model), 3)
    assert all(torch.equal(value, start[name]) for name, value in l2sp.anchor.items())


@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_the_anchor_may_be_a_safetensors_file(kind, tmp_path):
    start = weights_of(network())
    save_file(start, tmp_path / "source.safetensors")
    model = moved(network())
    ours, theirs = L2SP(model, 1.0, anchor=kind(tmp_path / "source.safetensors")), L2SP(model, 1.0, anchor=start)
    assert ours.anchor.keys() == theirs.anchor.keys()
    assert ours.penalty().item() == theirs.penalty().item() > 0


def test_a_bfloat16_anchor_of_a_single_precision_model():
    start = weights_of(network(dtype=torch.float32))
    half = {name: value.bfloat16() for name, value in start.items()}
    models = [moved(network(dtype=torch.float32)) for _ in range(2)]
    for model, anchor in zip(models, (half, {name: value.float() for name, value in half.items()}), strict=True):
        l2sp = L2SP(model, 1.0, anchor=anchor)
        optimizer = sgd(model)
        l2sp.attach(optimizer)
        train(model, optimizer, 3)
        assert l2sp.penalty().dtype == torch.float32
    assert all(value.dtype == torch.bfloat16 for value in L2SP(model, 1.0, anchor=half).anchor.values())
    assert same(*models, 0.0)


def test_a_bfloat16_model_is_pulled_and_measured_in_single_precision():
    start = weights_of(network(dtype=torch.float32))
    model = network(dtype=torch.bfloat16)
    l2sp = L2SP(model, 2.0, exclude=(), anchor=start)
    by_hand = math.sqrt(sum((p.float() - start[n]).square().sum().item() for n, p in model.named_parameters()))
    assert distance(model, start).total == pytest.approx(by_hand, rel=1e-6)
    assert l2sp.penalty().item() == pytest.approx(by_hand**2, rel=1e-5)
    optimizer = sgd(moved(model), lr=0.5)
    l2sp.attach(optimizer)
    optimizer.step()
    assert same(model, {name: value.bfloat16() for name, value in start.items()}, 0.0)


def test_another_head_is_reported_once_and_left_free():
    model = network()
    checkpoint = weights_of(model)
    checkpoint["head.weight"] = torch.zeros(7, 3)
    checkpoint["old.weight"] = torch.zeros(2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the default excludes the head: nothing to say
        l2sp = L2SP(model, 1.0, anchor=checkpoint)
    assert l2sp.excluded == ("head.weight", "head.bias")
    assert l2sp.unused == ("old.weight",)
    del checkpoint["body.2.bias"]
    with pytest.warns(
        UserWarning, match=r"not in the anchor: body\.2\.bias; .*head\.weight \(2, 3\) against \(7, 3\)"
    ) as seen:
        l2sp = L2SP(model, 1.0, exclude=(), anchor=checkpoint)
    assert len(seen) == 1 and seen[0].filename == __file__
    assert l2sp.unmatched == ("body.2.bias",)
    assert l2sp.mismatched == {"head.weight": ((2, 3), (7, 3))}
    assert "head.bias" in l2sp.anchor
    assert distance(model, checkpoint).left_out == ("body.2.bias", "head.weight")
    assert "4 anchored, 1 unmatched (body.2.bias), 1 mismatched (head.weight)" in repr(l2sp)


def test_exclude_takes_patterns_and_reports_idle_ones():
    model = network()
    assert L2SP(model, 1.0, exclude=("*.bias", "body.0.*")).anchor.keys() == {"body.2.weight", "head.weight"}
    assert L2SP(model, 1.0, exclude="body.*").anchor.keys() == {"head.weight", "head.bias"}
    with pytest.warns(UserWarning, match=r"no parameter has such a name: classifier\.\*"):
        L2SP(model, 1.0, exclude=("head.*", "classifier.*"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the default is no wish of the user's
        L2SP(nn.Linear(2, 2), 1.0)


def test_distance_adds_up_over_modules():
    model = network()
    start = weights_of(model)
    apart = distance(moved(model), start)
    flat = torch.cat([(p.detach() - start[name]).ravel() for name, p in model.named_parameters()])
    assert apart.total == pytest.approx(flat.norm().item())
    assert apart.total == pytest.approx(math.hypot(*apart.modules.values()))
    assert apart.modules.keys() == {"body.0", "body.2", "head"}
    assert distance(model, model.state_dict()).total == 0


# --- refusals


@pytest.mark.parametrize("weight", [-1.0, math.nan, math.inf])
def test_impossible_weights(weight):
    with pytest.raises(ValueError, match="finite number not below 0"):
        L2SP(network(), weight)


def test_a_step_beyond_the_anchor_is_refused_at_once_and_later():
    model = network()
    with pytest.raises(ValueError, match=r"lr · weight = 0\.2 · 6 must lie between 0 and 1"):
        L2SP(model, 6.0).attach(sgd(model))
    L2SP(model, 6.0, decoupled=False).attach(sgd(model))  # there it is the optimizer's own affair
    optimizer = sgd(model)
    l2sp = L2SP(model, 4.0)
    l2sp.attach(optimizer)
    before = weights_of(model)
    for group in optimizer.param_groups:
        group["lr"] = 0.3
    with pytest.raises(ValueError, match="lr · weight"):
        train(model, optimizer, 1)
    assert same(model, before, 0.0)


def test_an_optimizer_of_another_model_is_refused():
    with pytest.raises(ValueError, match="holds none of the anchored parameters"):
        L2SP(network(), 1.0).attach(sgd(network()))


@pytest.mark.loop("the optimizer has a `weight_decay` as well", "warning", "set it to 0 for what is anchored")
def test_weight_decay_on_pulled_parameters_is_warned_of():
    model = network()
    with pytest.warns(UserWarning, match=r"weight_decay=0\.01 draws the anchored parameters toward zero"):
        L2SP(model, 1.0).attach(torch.optim.AdamW(model.parameters(), lr=0.01))
    groups = [{"params": model.body.parameters()}, {"params": model.head.parameters(), "weight_decay": 0.1}]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # toward zero is right for a head
        L2SP(model, 1.0).attach(torch.optim.SGD(groups, lr=0.1))


def test_maximising_takes_the_decoupled_form():
    model = network()
    with pytest.raises(ValueError, match="decoupled=True"):
        L2SP(model, 1.0, decoupled=False).attach(sgd(model, maximize=True))
    L2SP(model, 1.0).attach(sgd(model, maximize=True))


def test_unusable_anchors(tmp_path):
    model = network()
    with pytest.raises(ValueError, match=r"shares no parameter with the weights \(encoder\.w\)"):
        L2SP(model, 1.0, anchor={"encoder.w": torch.zeros(2)})
    with pytest.raises(ValueError, match=r"shares no parameter with the weights \(model, epoch\)"):
        distance(model, {"model": model.state_dict(), "epoch": 3})
    with pytest.raises(TypeError, match="not a Sequential"):
        L2SP(model, 1.0, anchor=model)
    with pytest.raises(FileNotFoundError, match="absent"):
        L2SP(model, 1.0, anchor=tmp_path / "absent.safetensors")
    torch.save(model.state_dict(), tmp_path / "model.pt")
    with pytest.raises(ValueError, match=r"model\.pt is not a safetensors file .*weights_only=True"):
        L2SP(model, 1.0, anchor=tmp_path / "model.pt")
    broken = weights_of(model)
    broken["body.0.bias"][0] = math.nan
    with pytest.raises(ValueError, match=r"body\.0\.bias is not finite"):
        L2SP(model, 1.0, anchor=broken)
