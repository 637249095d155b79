"""The choice among anyone's checkpoints, with what it is worth against the noise; and the line between two of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from safetensors.torch import save_file  # noqa: E402
from torch import nn  # noqa: E402

from headwater.nets import Candidate, Chosen, choose, interpolate  # noqa: E402

X = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
TRUE = torch.tensor([[1.0, -2.0, 0.5]])


def linear(state):
    model = nn.Linear(3, 1, bias=False)
    model.load_state_dict({"weight": torch.zeros(1, 3)} if state is None else state)
    return model


def fine_tune(state, seed):
    """A few steps on rows of the seed's own."""
    model, rows = linear(state), torch.randperm(30, generator=torch.Generator().manual_seed(seed))[:6]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for _ in range(3):
        optimizer.zero_grad()
        (model(X[rows]) - X[rows] @ TRUE.T).square().mean().backward()
        optimizer.step()
    return model


def score(model):
    with torch.no_grad():
        return -(model(X[30:]) - X[30:] @ TRUE.T).square().mean().item()


SOURCES = {"near": {"weight": TRUE + 0.1}, "away": {"weight": -TRUE}, "twice": {"weight": 2 * TRUE}}


def test_every_start_is_fine_tuned_and_the_best_is_chosen(tmp_path):
    save_file(SOURCES["away"], tmp_path / "away.safetensors")
    seen = []
    chosen = choose(
        SOURCES | {"away": tmp_path / "away.safetensors"}, fine_tune, score, scales=(1.0, 0.5),
        progress=lambda *done: seen.append(done),
    )  # fmt: skip
    assert [(each.source, each.scale) for each in chosen.candidates] == [
        (None, 1.0), ("near", 1.0), ("near", 0.5), ("away", 1.0), ("away", 0.5), ("twice", 1.0), ("twice", 0.5),
    ]  # fmt: skip
    for each in chosen.candidates:
        state = None if each.source is None else {"weight": each.scale * SOURCES[each.source]["weight"]}
        assert each.scores == pytest.approx([score(fine_tune(state, seed)) for seed in range(3)])
    assert (chosen.best.source, chosen.best.scale) == ("twice", 0.5)  # the truth itself
    assert chosen.best.mean == max(each.mean for each in chosen.candidates)
    assert score(chosen.model) == max(chosen.best.scores)
    assert seen == [(k, 21) for k in range(1, 22)]
    assert str(chosen).startswith("Start from twice at 0.5 times its weights: worth +")
    assert "outside the noise" in str(chosen) and not chosen.within_noise
    assert torch.equal(SOURCES["near"]["weight"], TRUE + 0.1)  # copies were trained


def test_scratch_is_a_candidate_and_wins_ties():
    chosen = choose({"away": SOURCES["away"]}, fine_tune, score)
    assert chosen.best.source is None and chosen.within_noise
    assert chosen.gain == pytest.approx(0)
    assert str(chosen).startswith("Start from scratch: no source is better.")
    assert choose({"zero": {"weight": torch.zeros(1, 3)}}, fine_tune, score).best.source is None


def test_the_gain_is_chosen_by_the_others_and_measured_on_the_one_left_out():
    a, b, c = (0.0, 0.0, 0.0, 0.0), (9.0, 0.1, 0.1, 0.1), (1.0, 1.0, 1.0, 1.0)
    chosen = Chosen((Candidate(None, 1.0, a), Candidate("b", 1.0, b), Candidate("c", 1.0, c)), None)
    assert chosen.best.source == "b"  # one lucky repeat
    # Left out in turn: without the lucky one c leads; with it b does, and gains little where it was not lucky.
    assert chosen.gains == pytest.approx((1.0, 0.1, 0.1, 0.1))
    spread = np.std(chosen.gains, ddof=1) / 2
    assert chosen.gain_ci95 == pytest.approx(3.182446305 * spread)
    assert chosen.within_noise


def test_noise_is_called_noise_about_as_often_as_it_should():
    """Candidates without any difference: the 95 % interval, after choosing, calls them better in few draws."""
    rng = np.random.default_rng(0)
    draws = 400
    calls = 0
    for scores in rng.normal(size=(draws, 4, 5)):
        chosen = Chosen(tuple(Candidate(str(k) if k else None, 1.0, tuple(row)) for k, row in enumerate(scores)), None)
        calls += not chosen.within_noise
    # One-sided 2.5 %, less where scratch is picked; four standard errors above.
    assert calls / draws <= 0.025 + 4 * math.sqrt(0.025 * 0.975 / draws)


@pytest.mark.parametrize("repeats", [1, 2])
def test_few_repeats_say_nothing_of_the_noise(repeats):
    chosen = choose(SOURCES, fine_tune, score, repeats=repeats)
    assert chosen.within_noise and chosen.gain > 0
    assert f"too few repeats ({repeats} of 3) to tell" in str(chosen)


def test_running_statistics_are_not_scaled():
    model = nn.BatchNorm1d(2)
    seen = []
    choose({"it": model.state_dict()}, lambda state, _: seen.append(state), lambda _: 0.0, scales=(0.5,), repeats=1)
    assert seen[1]["weight"].tolist() == [0.5, 0.5] and seen[1]["running_var"].tolist() == [1.0, 1.0]


def test_what_cannot_be_chosen_from_is_refused(tmp_path):
    with pytest.raises(ValueError, match="checkpoints is empty"):
        choose({}, fine_tune, score)
    with pytest.raises(ValueError, match="repeats must be at least 1"):
        choose(SOURCES, fine_tune, score, repeats=0)
    for scale in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="scales must be finite and positive"):
            choose(SOURCES, fine_tune, score, scales=(scale,))
    with pytest.raises(ValueError, match="the score of near, seed 0, is nan"):
        choose({"near": SOURCES["near"]}, lambda state, seed: state, lambda state: math.nan if state else 0.0)
    with pytest.raises(FileNotFoundError):
        choose({"gone": tmp_path / "gone.safetensors"}, fine_tune, score)


# --- interpolation


@given(st.floats(0, 1), st.sampled_from([torch.float64, torch.float32, torch.bfloat16]))
def test_the_line_between_two_states(share, dtype):
    generator = torch.Generator().manual_seed(0)
    start, end = ({"w": torch.randn(3, 2, generator=generator).to(dtype), "n": torch.tensor(k)} for k in (3, 5))
    between = interpolate(start, end, share)
    exact = (1 - share) * start["w"].double() + share * end["w"].double()
    torch.testing.assert_close(between["w"].double(), exact, rtol=torch.finfo(dtype).eps, atol=torch.finfo(dtype).eps)
    assert between["w"].dtype == dtype and between["n"] == 5


def test_the_ends_of_the_line_and_what_only_one_has(tmp_path):
    start = {"w": torch.randn(3, 2), "head": torch.randn(4)}
    end = {"w": torch.randn(3, 2), "head": torch.randn(5), "new": torch.randn(1)}
    save_file(start, tmp_path / "start.safetensors")
    for source in (start, tmp_path / "start.safetensors"):
        assert torch.equal(interpolate(source, end, 0.0)["w"], start["w"])
        assert torch.equal(interpolate(source, end, 1.0)["w"], end["w"])
        assert torch.equal(interpolate(source, end, 0.3)["head"], end["head"])
        assert interpolate(source, end, 0.3).keys() == end.keys()
    for share in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="share must lie between 0"):
            interpolate(start, end, share)
    with pytest.raises(ValueError, match="share no tensor"):
        interpolate({"other": torch.zeros(1)}, end, 0.5)
