"""Training members as a stack, one at a time and by a plain torch loop gives one set of numbers."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from headwater.nets import Recipe, initial, member, members, mlp, train  # noqa: E402

DECAYS = [0.0, 1e-3, 1e-1]


def rows(n=150, features=12, classes=3):
    generator = torch.Generator().manual_seed(5)
    return torch.randn(n, features, generator=generator), torch.randint(classes, (n,), generator=generator)


def factory():
    return mlp(12, 16, 8, 3, dropout=0.3)


def plain_loop(state, rows, recipe, seed, decay, pull=0.0, exclude=(), stream=None):
    """What a user would write: a module, autograd, torch.optim, the penalty in the loss."""
    X, y = rows
    model = factory()
    model.load_state_dict(state)
    kind = torch.optim.AdamW if recipe.decoupled else torch.optim.Adam
    optimizer = kind(model.parameters(), lr=recipe.learning_rate, weight_decay=decay)
    order = torch.Generator().manual_seed(seed)
    distances = []

    def from_start():
        return sum(((p - state[name]) ** 2).sum() for name, p in model.named_parameters() if name not in exclude)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed if stream is None else stream)
        for _ in range(recipe.epochs):
            for index in torch.randperm(len(y), generator=order).split(recipe.batch_size):
                loss = nn.functional.cross_entropy(model(X[index]), y[index])
                if pull:
                    loss = loss + pull / 2 * from_start()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            distances.append(float(from_start().detach().sqrt()))
    return model.state_dict(), distances


def assert_same(ours, theirs, k):
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name][k], value, rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize("decoupled", [False, True], ids=["coupled", "decoupled"])
def test_a_stack_is_its_members_trained_alone_and_by_a_plain_loop(decoupled):
    recipe = Recipe(3, 64, decoupled=decoupled)
    seeds = [0, 1, 0, 1, 0, 1]
    decays = [decay for decay in DECAYS for _ in range(2)]
    start = initial(factory, seeds)
    stacked = train(factory, start, rows(), recipe, seeds=seeds, weight_decay=decays)
    for k, (seed, decay) in enumerate(zip(seeds, decays, strict=True)):
        alone = train(factory, members(start, [k]), rows(), recipe, seeds=[seed], weight_decay=decay)
        assert_same(stacked.states, member(alone.states, 0), k)
        state, distances = plain_loop(member(start, k), rows(), recipe, seed, decay)
        assert_same(stacked.states, state, k)
        torch.testing.assert_close(stacked.distance[:, k], torch.tensor(distances), rtol=1e-4, atol=1e-6)
