"""The worked examples of docs/fine-tuning.md run, in their small form, and show what the page says of the large one."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"


@pytest.fixture
def example(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # products this small only wait for a second thread: twenty times longer on a busy machine
    yield importlib.import_module
    torch.set_num_threads(threads)
    for name in ("digits", "l2sp_finetuning", "feature_head", "interpolation", "bert_trainer", "lora_adapter"):
        sys.modules.pop(name, None)


def test_the_pages_own_code_runs():
    blocks = re.findall(r"```python\n(.*?)```", (EXAMPLES.parent / "fine-tuning.md").read_text(), re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        exec(block, {})


def test_decay_toward_the_anchor_keeps_what_was_pretrained(example, capsys):
    results = example("l2sp_finetuning").main(small=True)
    turned, upright, apart = zip(*results.values(), strict=True)
    assert all(0 <= value <= 1 for value in (*turned, *upright))
    ways = dict(zip((way for _, way in results), zip(turned, upright, apart, strict=True), strict=True))
    pulled = [ways[f"toward the anchor, {weight}"] for weight in (1, 3, 10, 100)]
    assert [way[2] for way in pulled] == sorted((way[2] for way in pulled), reverse=True)
    assert ways["toward zero, 10"][1] < ways["toward zero, 0.01"][1] < ways["toward the anchor, 10"][1]
    assert ways["toward the anchor, 3"][0] > ways["as pretrained"][0] + 0.2  # and yet it learned
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(results)


def test_advice_on_features_lands_near_the_sweeps_best(example, capsys):
    results = example("feature_head").main(small=True)
    assert set(results) == {(30, 20), (60, 20)}
    for errors in results.values():
        rivals = min(errors["scratch"], errors["source-optimal"])
        assert errors["advised model"] < 1.05 * errors["best of sweep"]
        assert errors["advised model"] < 1.03 * rivals
    assert results[60, 20]["source-optimal"] > 1.1 * results[60, 20]["scratch"]  # where source-optimal transfer hurts
    assert results[30, 20]["source-optimal"] < results[30, 20]["scratch"]
    assert "turned by 60, 20 rows" in capsys.readouterr().out


def test_averaging_after_fine_tuning_keeps_what_was_pretrained_too(example, capsys):
    results = example("interpolation").main(small=True)
    for ways in results.values():
        old = [ways[f"averaged, {share}"][1] for share in (0.9, 0.7, 0.5, 0.3)]
        assert old == sorted(old) and old[-1] > ways["no decay"][1]
        assert all(0 <= value <= 1 for both in ways.values() for value in both)
    assert "turned digits, way" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["bert_trainer", "lora_adapter"])
@pytest.mark.filterwarnings("ignore")
def test_a_pull_in_other_libraries_keeps_what_was_pretrained(example, name):
    for library in ("transformers", "accelerate", "peft"):
        pytest.importorskip(library, reason=f"needs {library}: the extra trainers")
    results = example(name).main()
    _, old, apart = zip(*results.values(), strict=True)
    assert list(apart) == sorted(apart, reverse=True)
    assert old[-1] > old[0] + 0.03
    assert min(new for new, *_ in results.values()) > 0.6
