"""Training members as a stack, one at a time and by a plain torch loop gives one set of numbers."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import contextmanager, nullcontext

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from headwater.nets import Recipe, accuracy, initial, member, members, mlp, train  # noqa: E402
from headwater.nets.alone import row_wise  # noqa: E402
from headwater.nets.recipe import Course  # noqa: E402
from headwater.nets.stacked import Masks, layers, step  # noqa: E402
from headwater.nets.together import predict_together, stackable, train_together  # noqa: E402

DECAYS = [0.0, 1e-3, 1e-1]


def rows(n=150, shape=(12,), classes=3):
    generator = torch.Generator().manual_seed(5)
    return torch.randn(n, *shape, generator=generator), torch.randint(classes, (n,), generator=generator)


def dense(dropout=0.3):
    return mlp(12, 16, 8, 3, dropout=dropout)


def convolutional(dropout=0.0):
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(2, 4, 3, padding=1), relu=nn.ReLU(), pool=nn.MaxPool2d(2), flatten=nn.Flatten(),
            dropout=nn.Dropout(dropout), head=nn.Linear(36, 3),
        )
    )  # fmt: skip


class Residual(nn.Module):
    """A module of no special form, with batch statistics, a frozen parameter and dropout from the global generator."""

    def __init__(self):
        super().__init__()
        self.inner, self.norm, self.head = nn.Linear(12, 12), nn.BatchNorm1d(12), nn.Linear(12, 3)
        self.inner.bias.requires_grad_(False)

    def forward(self, X):
        return self.head(X + nn.functional.dropout(self.norm(self.inner(X)).relu(), 0.2, self.training))


@pytest.fixture(params=[1, 2], ids=["one thread", "two threads"])
def threads(request):
    """A context in which torch has one thread, or two: then members train side by side."""

    @contextmanager
    def many():
        before = torch.get_num_threads()
        torch.set_num_threads(request.param)
        try:
            yield
            assert torch.get_num_threads() == request.param
        finally:
            torch.set_num_threads(before)

    return many


def plain_loop(factory, state, rows, recipe, seed, decay, pull=0.0, exclude=(), stream=None):
    """What a user would write: a module, autograd, torch.optim, the penalty in the loss."""
    X, y = rows
    distances = []
    with torch.random.fork_rng():
        model = factory()
        model.load_state_dict(state)
        model.train()
        kind = torch.optim.AdamW if recipe.decoupled else torch.optim.Adam
        trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
        optimizer = kind(trained.values(), lr=recipe.learning_rate, weight_decay=decay)
        order = torch.Generator().manual_seed(seed)

        def from_start():
            return sum(((p - state[name]) ** 2).sum() for name, p in trained.items() if not name.startswith(exclude))

        torch.manual_seed(seed if stream is None else stream)
        for _ in range(recipe.epochs):
            for index in torch.randperm(len(y), generator=order).split(recipe.batch_size):
                loss = nn.functional.cross_entropy(model(X[index]), y[index])
                if pull:
                    loss = loss + pull / 2 * from_start()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            distances.append(from_start().detach().sqrt())
    return model.state_dict(), torch.stack(distances)


def assert_same(ours, theirs, k=0):
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name][k], value, rtol=1e-4, atol=3e-6)


@pytest.mark.parametrize("decoupled", [False, True], ids=["coupled", "decoupled"])
def test_a_stack_is_its_members_trained_alone_and_by_a_plain_loop(decoupled, threads):
    recipe = Recipe(3, 64, decoupled=decoupled)
    seeds = [0, 1, 0, 1, 0, 1]
    decays = [decay for decay in DECAYS for _ in range(2)]
    start = initial(dense, seeds)
    with threads():
        stacked = train(dense, start, rows(), recipe, seeds=seeds, weight_decay=decays)
    for k, (seed, decay) in enumerate(zip(seeds, decays, strict=True)):
        alone = train(dense, members(start, [k]), rows(), recipe, seeds=[seed], weight_decay=decay)
        assert_same(stacked.states, member(alone.states, 0), k)
        torch.testing.assert_close(stacked.loss[:, k], alone.loss[:, 0])
        state, distances = plain_loop(dense, member(start, k), rows(), recipe, seed, decay)
        assert_same(stacked.states, state, k)
        torch.testing.assert_close(stacked.distance[:, k], distances, rtol=1e-4, atol=1e-6)


def test_standard_and_l2sp_fine_tuning_share_a_stack_and_agree_with_a_plain_loop(threads):
    recipe, seeds = Recipe(4, 32), [3] * 6
    start = members(initial(dense, [0, 1, 2]), [0, 1, 2, 0, 1, 2])
    decays, pulls = [1e-2] * 3 + [0.0] * 3, [0.0] * 3 + [0.5] * 3
    with threads():
        tuned = train(
            dense, start, rows(), recipe, seeds=seeds, weight_decay=decays, anchor_weight=pulls, exclude=("head.*",)
        )
    for k in range(6):
        state, distances = plain_loop(dense, member(start, k), rows(), recipe, 3, decays[k], pulls[k], ("head.",))
        assert_same(tuned.states, state, k)
        torch.testing.assert_close(tuned.distance[:, k], distances, rtol=1e-4, atol=1e-6)
    assert (tuned.distance[-1, 3:] < tuned.distance[-1, :3]).all()  # what the anchor is for


@pytest.mark.parametrize("factory", [Residual, lambda: convolutional(0.4)], ids=["any module", "convolutions"])
def test_other_architectures_agree_with_a_plain_loop(factory, threads):
    # A convolutional batch that one slice holds draws the dropout that nn.Dropout would.
    data = rows() if factory is Residual else rows(shape=(2, 6, 6))
    recipe, seeds, start = Recipe(2, 32), [0, 1, 1], initial(factory, [0, 1, 1])
    with nullcontext() if factory is Residual else threads():  # any module takes all of torch's threads by itself
        trained = train(factory, start, data, recipe, seeds=seeds, weight_decay=DECAYS, anchor_weight=[0.0, 0.1, 0.1])
    for k in range(3):
        pull = 0.1 if k else 0.0
        state, distances = plain_loop(factory, member(start, k), data, recipe, seeds[k], DECAYS[k], pull)
        assert_same(trained.states, state, k)
        torch.testing.assert_close(trained.distance[:, k], distances, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("batch", [32, 100])
def test_members_trained_together_by_vmap_are_those_trained_alone(batch):
    """What a GPU does with convolutions, here on the CPU: the same draws, so the same numbers to rounding."""
    model = convolutional(0.4)
    data, recipe, start = rows(shape=(2, 6, 6)), Recipe(3, batch), initial(lambda: model, [0, 1, 0])
    streams, rates, decays, pulls = [7, 8, 7], [1e-3, 1e-3, 1e-2], [1e-2, 0.0, 0.0], [0.0, 0.5, 0.0]
    assert stackable(model)
    course = Course(data, recipe, 4, streams, rates, decays, pulls, ("head.*",), keep=(2,))
    together = train_together(model, start, course, lambda _: None)
    alone = train(
        lambda: model, start, data, recipe, seeds=[4] * 3, streams=streams, learning_rate=rates, weight_decay=decays,
        anchor_weight=pulls, exclude=("head.*",), keep=(2,),
    )  # fmt: skip
    for name, value in alone.states.items():
        torch.testing.assert_close(together.states[name], value, rtol=1e-4, atol=3e-6)
        torch.testing.assert_close(together.kept[2][name], alone.kept[2][name], rtol=1e-4, atol=3e-6)
    torch.testing.assert_close(together.loss, alone.loss)
    torch.testing.assert_close(together.distance, alone.distance, rtol=1e-4, atol=1e-6)
    logits = predict_together(model, alone.states, data[0])
    assert (logits.argmax(-1) == data[1]).double().mean(-1).tolist() == accuracy(
        lambda: model, alone.states, data
    ).tolist()


@pytest.mark.parametrize("factory", [dense, lambda: convolutional(0.4)], ids=["dense", "convolutions"])
def test_a_longer_training_begins_as_a_shorter_one(factory, threads):
    """Rates of their own in one stack, and states kept on the way: what a grid of rates and lengths costs one run."""
    data = rows() if factory is dense else rows(shape=(2, 6, 6))
    start, rates = initial(factory, [0, 0, 0]), [1e-3, 1e-2, 3e-2]
    with threads():
        long = train(factory, start, data, Recipe(4, 32), seeds=[0] * 3, learning_rate=rates, keep=(2, 4))
    for k, rate in enumerate(rates):
        short = train(factory, members(start, [k]), data, Recipe(2, 32, rate), seeds=[0])
        assert_same(long.kept[2], member(short.states, 0), k)
        assert_same(long.kept[4], member(long.states, k), k)


def test_slices_of_a_batch_change_nothing():
    data, recipe, start = rows(shape=(2, 6, 6)), Recipe(2, 100), initial(convolutional, [4])
    trained = train(convolutional, start, data, recipe, seeds=[4], weight_decay=1e-2)
    state, distances = plain_loop(convolutional, member(start, 0), data, recipe, 4, 1e-2)
    assert_same(trained.states, state)
    torch.testing.assert_close(trained.distance[:, 0], distances, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("factory", [dense, lambda: convolutional(0.4)], ids=["dense", "convolutions"])
def test_a_member_has_the_dropout_of_its_stream(factory, threads):
    data = rows() if factory is dense else rows(shape=(2, 6, 6))
    start = initial(factory, [0] * 4)
    with threads():
        trained = train(factory, start, data, Recipe(1, 32), seeds=[0] * 4, streams=[7, 8, 7, 0]).states["head.weight"]
    default = train(factory, members(start, [0]), data, Recipe(1, 32), seeds=[0]).states["head.weight"]
    torch.testing.assert_close(trained[0], trained[2])
    torch.testing.assert_close(trained[3], default[0])
    assert (trained[0] - trained[1]).abs().max() > 1e-4


@pytest.mark.parametrize(
    "model",
    [
        mlp(5, 3),
        mlp(5, 7, 3),
        mlp(5, 7, 6, 3, dropout=0.4),
        nn.Sequential(nn.Linear(5, 4, bias=False), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 3)),
    ],
    ids=["linear", "one hidden", "dropout", "without a bias"],
)
def test_the_gradients_are_those_of_autograd(model):
    model = model.double()
    X, y = rows(11, (5,))
    X = X.double()
    plan = layers(model)
    states = {name: torch.stack([value.detach(), value.detach() / 2]) for name, value in model.state_dict().items()}
    gradients = {name: torch.full_like(value, torch.nan) for name, value in states.items()}
    losses = step(plan, states, gradients, X, nn.functional.one_hot(y, 3).double(), Masks.of(plan, [1, 2]))
    for k, stream in enumerate((1, 2)):
        with torch.random.fork_rng():
            torch.manual_seed(stream)
            # the masks are drawn in single precision
            masks = [torch.empty(11, m.out_features).bernoulli_(0.6) / 0.6 for m in model if isinstance(m, nn.Linear)]
        model.load_state_dict(member(states, k))
        model.zero_grad()
        flow = X
        for module in model:
            flow = flow * masks.pop(0) if isinstance(module, nn.Dropout) else module(flow)
        loss = nn.functional.cross_entropy(flow, y, reduction="sum")
        (loss / 11).backward()
        torch.testing.assert_close(losses[k], loss.detach(), rtol=1e-6, atol=0)
        for name, p in model.named_parameters():
            torch.testing.assert_close(gradients[name][k], p.grad, rtol=1e-6, atol=1e-9)


def test_only_what_can_be_stacked_is():
    assert [layer.name for layer in layers(dense())] == ["hidden1", "hidden2", "head"]
    shared = nn.Linear(4, 4)
    for model in (
        convolutional(), Residual(), nn.Sequential(shared, shared), nn.Sequential(nn.Dropout(), nn.Linear(4, 4)),
        nn.Sequential(nn.Linear(4, 4), nn.Softmax(1)), nn.Sequential(nn.Linear(4, 4), nn.ReLU()),
        nn.Sequential(nn.Linear(4, 4), nn.Dropout(), nn.ReLU(), nn.Linear(4, 4)), nn.Sequential(),
    ):  # fmt: skip
        assert layers(model) is None
    assert row_wise(convolutional())
    assert not row_wise(Residual())
    assert not row_wise(nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)))


@pytest.mark.parametrize("factory", [dense, Residual], ids=["stacked", "any module"])
def test_accuracy_is_the_modules_own(factory):
    X, y = rows(700)
    states = initial(factory, [0, 1])
    model = factory().eval()
    for k, ours in enumerate(accuracy(factory, states, (X, y)).tolist()):
        model.load_state_dict(member(states, k))
        assert ours == pytest.approx(float((model(X).argmax(1) == y).float().mean()), abs=1e-6)


@pytest.mark.parametrize("factory", [dense, Residual, convolutional])
def test_the_global_random_state_is_left_alone(factory):
    data = rows(shape=(2, 6, 6)) if factory is convolutional else rows()
    torch.manual_seed(0)
    before = torch.get_rng_state()
    states = train(factory, initial(factory, [1]), data, Recipe(1, 50), seeds=[1]).states
    accuracy(factory, states, data)
    assert torch.equal(torch.get_rng_state(), before)


def test_progress_counts_every_step_and_an_interruption_passes_through(threads):
    seen = []
    start = initial(dense, [0, 0, 1])
    with threads():
        train(dense, start, rows(), Recipe(2, 64), seeds=[0, 0, 1], progress=lambda *done: seen.append(done))
    assert seen[-1] == (18, 18)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)

    def interrupt(done, total):
        if done >= 5:
            raise KeyboardInterrupt

    with threads(), pytest.raises(KeyboardInterrupt):
        train(dense, start, rows(), Recipe(2, 64), seeds=[0, 0, 1], progress=interrupt)


def test_bad_input_is_named(threads):
    start, (X, y) = initial(dense, [0, 0]), rows()
    recipe = Recipe(1, 64)
    with pytest.raises(ValueError, match="int64 classes"):
        train(dense, start, (X, y[:-1]), recipe, seeds=[0, 0])
    with pytest.raises(ValueError, match="int64 classes"):
        train(dense, start, (X, y.float()), recipe, seeds=[0, 0])
    with pytest.raises(
        ValueError, match=r"rows must be two tensors in memory.*not ndarray, ndarray: torch\.from_numpy"
    ):
        train(dense, start, (X.numpy(), y.numpy()), recipe, seeds=[0, 0])
    with pytest.raises(ValueError, match="two tensors in memory, inputs and classes, not TensorDataset"):
        train(dense, start, torch.utils.data.TensorDataset(X, y), recipe, seeds=[0, 0])
    with pytest.raises(ValueError, match=r"inputs are torch\.float64, the network is torch\.float32"):
        train(dense, start, (X.double(), y), recipe, seeds=[0, 0])
    for wrong in ({"epochs": 0}, {"batch_size": 0}, {"learning_rate": float("nan")}, {"learning_rate": -1.0}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be at least"):
            Recipe(**{"epochs": 1, "batch_size": 8} | wrong)
    with pytest.raises(ValueError, match="inputs must be finite"):
        train(dense, start, (X.log(), y), recipe, seeds=[0, 0])
    with pytest.raises(ValueError, match=r"states: .* the 3 members"):
        train(dense, start, (X, y), recipe, seeds=[0, 0, 0])
    with pytest.raises(ValueError, match=r"states: inner\.weight is missing"):
        train(
            Residual,
            {k: v for k, v in initial(Residual, [0]).items() if k != "inner.weight"},
            (X, y),
            recipe,
            seeds=[0],
        )
    with pytest.raises(ValueError, match="weight_decay holds 1 numbers for 2 members"):
        train(dense, start, (X, y), recipe, seeds=[0, 0], weight_decay=[0.1])
    for value in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="anchor_weight must hold finite"):
            train(dense, start, (X, y), recipe, seeds=[0, 0], anchor_weight=value)
    with (
        threads(),
        pytest.raises((IndexError, RuntimeError), match=r"(?i)num_classes|out of bounds"),
    ):  # from a job of several
        train(convolutional, initial(convolutional, [0, 0]), (torch.zeros(9, 2, 6, 6), y[:9] + 3), recipe, seeds=[0, 0])
