"""A sweep is kept, goes on where it stopped, and its best checkpoint for a target is chosen on rows held out."""

from __future__ import annotations

import json
import math

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file, save_file  # noqa: E402

from headwater.nets import Recipe, SourcePath, accuracy, initial, member, mlp, stream, sweep, train  # noqa: E402

RECIPE = Recipe(epochs=8, batch_size=20)
DECAYS = [0.0, 1e-3, 10.0]


def factory():
    return mlp(6, 12, 3)


def rows(n, seed, classes=3):
    """Classes that the first features tell apart."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(classes, (n,), generator=generator)
    return torch.randn(n, 6, generator=generator) + 3 * torch.eye(6)[y], y


SOURCE, TEST = rows(240, 1), rows(200, 2)


@pytest.fixture(scope="module")
def path():
    return sweep(factory, SOURCE, TEST, RECIPE, DECAYS, seeds=(0, 1))


def assert_equal_paths(one, other):
    assert (one.members, one.scores, one.recipe, one.rows) == (other.members, other.scores, other.recipe, other.rows)
    assert one.states.keys() == other.states.keys()
    assert all(torch.equal(one.states[name], other.states[name]) for name in one.states)


def test_a_sweep_trains_every_seed_under_every_decay_and_scores_it(path):
    assert path.members == [(seed, decay) for seed in (0, 1) for decay in DECAYS]
    alone = train(factory, initial(factory, [1]), SOURCE, RECIPE, seeds=[1], weight_decay=1e-3)
    for name, value in alone.states.items():
        torch.testing.assert_close(path.states[name][4], value[0], rtol=1e-4, atol=2e-6)
    assert list(path.scores) == accuracy(factory, path.states, TEST).tolist()
    assert max(path.scores) > 0.8
    assert path.scores[2] < 0.6  # a decay of 10 leaves little


def test_a_saved_path_comes_back_to_the_bit(path, tmp_path):
    path.save(tmp_path / "path.safetensors")
    assert_equal_paths(SourcePath.load(tmp_path / "path.safetensors", factory), path)
    assert [file.name for file in tmp_path.iterdir()] == ["path.safetensors"]
    assert load_file(tmp_path / "path.safetensors")["head.weight"].shape == (6, 3, 12)  # any reader of the format


def test_an_interrupted_sweep_goes_on_where_it_stopped(path, tmp_path):
    file, seen = tmp_path / "path.safetensors", []

    def interrupt(done, total):
        seen.append(total)
        if done > total * 0.7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(factory, SOURCE, TEST, RECIPE, DECAYS, seeds=(0, 1), file=file, progress=interrupt)
    assert SourcePath.load(file, factory).members == [(0, decay) for decay in DECAYS]

    again = []
    resumed = sweep(
        factory, SOURCE, TEST, RECIPE, DECAYS, seeds=(0, 1), file=file, progress=lambda *done: again.append(done)
    )
    assert again[0][0] > seen[0] / 2
    assert again[-1] == (seen[0], seen[0])
    assert_equal_paths(resumed, path)
    again.clear()
    # A sweep of fewer, in another order, is read from the file alone, which keeps the others.
    fewer = sweep(
        factory, SOURCE, TEST, RECIPE, DECAYS[::-2], seeds=(1,), file=file, progress=lambda *done: again.append(done)
    )
    assert not again
    assert_equal_paths(fewer, path.only([(1, 10.0), (1, 0.0)]))
    assert_equal_paths(SourcePath.load(file, factory), path)


def test_a_file_is_not_continued_with_other_rows_or_another_recipe(path, tmp_path):
    file = tmp_path / "path.safetensors"
    path.save(file)
    before = file.read_bytes()
    X, y = SOURCE
    with pytest.raises(ValueError, match=r"path\.safetensors: holds a sweep of other rows"):
        sweep(factory, (X + 1, y), TEST, RECIPE, DECAYS, file=file)
    with pytest.raises(ValueError, match="another recipe"):
        sweep(factory, SOURCE, TEST, Recipe(9, 20), DECAYS, file=file)
    assert file.read_bytes() == before
    with pytest.raises(ValueError, match="none twice"):
        sweep(factory, SOURCE, TEST, RECIPE, [0.1, 0.1])
    with pytest.raises(ValueError, match="at least one"):
        sweep(factory, SOURCE, TEST, RECIPE, [])


def test_files_that_are_not_a_path_are_refused_by_name(path, tmp_path):
    file = tmp_path / "it.safetensors"
    with pytest.raises(FileNotFoundError, match=r"it\.safetensors: cannot be read: there is no such file"):
        SourcePath.load(file, factory)
    path.save(file)
    whole = file.read_bytes()
    for content in (b"", b"not a bundle", whole[:-5], whole[:100], whole + b"more"):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=r"it\.safetensors: not a source path"):
            SourcePath.load(file, factory)
    save_file({"weight": torch.zeros(2)}, file)
    with pytest.raises(ValueError, match=r"it\.safetensors: not a source path"):
        SourcePath.load(file, factory)
    for change, message in (
        ({"format": 99, "version": "9.9"}, "written by headwater 9.9, newer"),
        ({"seeds": [1]}, "another architecture"),
        ({"recipe": {"epoch": 3}}, "not a source path"),
        ({"scores": "high"}, "not a source path|could not convert"),
    ):
        table = {"format": 1, "version": "0", "recipe": {"epochs": 1, "batch_size": 1}, "rows": "", "scores": [0.5] * 6}
        table |= {"seeds": path.seeds, "weight_decays": path.weight_decays} | change
        save_file(path.states, file, {"headwater.nets.path": json.dumps(table)})
        with pytest.raises(ValueError, match=message):
            SourcePath.load(file, factory)
    path.save(file)
    with pytest.raises(ValueError, match=r"it\.safetensors: holds networks of another architecture"):
        SourcePath.load(file, lambda: mlp(6, 13, 3))


def test_best_for_returns_the_transfer_optimal_checkpoint_and_both_curves(path):
    target = rows(60, 3)
    choice = path.best_for(target, recipe=Recipe(1, 20))
    assert choice.weight_decays == (0.0, 1e-3, 10.0)
    assert choice.source_scores == pytest.approx([(path.scores[i] + path.scores[i + 3]) / 2 for i in range(3)])
    assert choice.source_optimal == choice.weight_decays[max(range(3), key=choice.source_scores.__getitem__)]
    assert choice.transfer_optimal < 10.0
    assert choice.target_scores[2] < max(choice.target_scores)
    chosen = [
        k
        for k in range(6)
        if all(torch.equal(value, choice.checkpoint[name]) for name, value in member(path.states, k).items())
    ]
    assert [path.weight_decays[k] for k in chosen] == [choice.transfer_optimal]
    assert accuracy(factory, {name: value[None] for name, value in choice.fine_tuned.items()}, target) > 0.8


def test_rows_held_out_decide_and_are_not_trained_on(path):
    X, y = rows(50, 4)
    held = torch.randperm(50, generator=torch.Generator().manual_seed(stream(0, "held out")))[40:]
    alone = path.only([path.members[0]])
    wrong = y.clone()
    wrong[held] = (y[held] + 1) % 3
    # The same networks, seen by other judges.
    again = alone.best_for((X, y), recipe=Recipe(2, 20), repeats=1)
    same = alone.best_for((X, wrong), recipe=Recipe(2, 20), repeats=1)
    assert all(torch.equal(again.fine_tuned[name], same.fine_tuned[name]) for name in again.fine_tuned)
    assert max(same.target_scores) < max(again.target_scores)


def test_best_for_says_what_the_choice_is_worth_against_the_noise(path):
    """Every repeat is a choice among the same starts, by rows, batches and a seed of the path of its own."""
    target, recipe = rows(60, 3), Recipe(1, 20)
    choice = path.best_for(target, recipe=recipe, repeats=6)
    assert [candidate.source for candidate in choice.chosen.candidates] == [
        None, "weight decay 0", "weight decay 0.001", "weight decay 10",
    ]  # fmt: skip
    assert [candidate.mean for candidate in choice.chosen.candidates[1:]] == pytest.approx(choice.target_scores)
    for repeat in range(6):
        order = torch.randperm(60, generator=torch.Generator().manual_seed(stream(repeat, "held out")))
        train_on, score_on = ((target[0][part], target[1][part]) for part in order.tensor_split([48]))
        states = path.only([(repeat % 2, decay) for decay in DECAYS]).states
        scratch = initial(factory, [stream(repeat, "scratch")])
        starts = {name: torch.cat([scratch[name], states[name]]) for name in states}
        seeds = [stream(repeat, "batches")] * 4
        tuned = train(factory, starts, train_on, recipe, seeds=seeds, weight_decay=1e-4).states
        scores = [candidate.scores[repeat] for candidate in choice.chosen.candidates]
        assert scores == pytest.approx(accuracy(factory, tuned, score_on).tolist(), abs=1e-9)
    assert choice.chosen.gain > 0.1 and not choice.chosen.within_noise  # one epoch from scratch is little
    with pytest.raises(ValueError, match="no seed of the path has every weight decay"):
        path.only([(0, 0.0), (1, 1e-3)]).best_for(target, recipe=recipe)


def test_a_target_of_other_classes_takes_a_new_head(path):
    target = rows(60, 5, classes=5)

    def wider():
        return mlp(6, 12, 5)

    with pytest.raises(ValueError, match=r"the source has no head\.weight of the target's shape; name it in new="):
        path.best_for(target, factory=wider)
    choice = path.best_for(target, factory=wider, new=("head.*",), weight_decay=0.0, anchor_weight=1e3)
    assert choice.fine_tuned["head.weight"].shape == (5, 12)
    moved = (choice.fine_tuned["hidden1.weight"] - choice.checkpoint["hidden1.weight"]).norm()
    free = path.best_for(target, factory=wider, new=("head.*",), weight_decay=0.0)
    assert moved < 0.5 * (free.fine_tuned["hidden1.weight"] - free.checkpoint["hidden1.weight"]).norm()
    for share in (0.0, 1.0, math.nan):
        with pytest.raises(ValueError, match="held_out"):
            path.best_for(target, held_out=share)


def test_a_new_head_is_not_the_sources_first_one(path, monkeypatch):
    """At the same seed the source was drawn from, a head that starts afresh must be another draw."""
    from headwater.nets import fine_tuning as module

    started = []

    def watched(factory, states, *arguments, **options):
        started.append(states)
        return train(factory, states, *arguments, **options)

    monkeypatch.setattr(module, "train", watched)
    path.best_for(rows(60, 3), new=("head.*",), seed=0)
    for seed in (0, 1):
        assert not torch.isclose(started[0]["head.weight"], initial(factory, [seed])["head.weight"]).any()
