"""Tiny files in the layout of the hub's data sets, with classes that a network can tell apart."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
from optional import Image
from pyarrow import parquet

from headwater.study.networks.catalogue import DATA_SETS, Images

WORDS = [f"{a}{b}" for a in ("ka", "lo", "mi", "nu", "pe") for b in ("rat", "sel", "tin", "vox", "zem", "bir", "dol")]


def images(layout: Images, per_class: int, seed: int) -> pa.Table:
    """Noise around a pattern for each class, as the hub's {bytes, path} and label."""
    patterns = np.random.default_rng(99).integers(0, 256, (10, *layout.shape))
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(10), per_class))
    cells = []
    for label in labels:
        noisy = np.clip(patterns[label] + rng.normal(0, 60, layout.shape), 0, 255).astype(np.uint8)
        file = io.BytesIO()
        Image.fromarray(noisy).save(file, "PNG" if len(layout.shape) == 2 else "JPEG")
        cells.append({"bytes": file.getvalue(), "path": "x"})
    return pa.table({layout.column: pa.array(cells), "label": pa.array(labels)})


def messages(per_class: int, seed: int) -> pa.Table:
    """Messages with headers, quotes and signatures, each group fond of words of its own."""
    rng = np.random.default_rng(seed)
    groups = [
        *DATA_SETS["newsgroups"].source,
        *DATA_SETS["newsgroups"].target,
        "soc.religion.christian",
        "talk.politics.mideast",
    ]
    texts, labels = [], []
    for number, group in enumerate(sorted(groups)):
        for _ in range(per_class):
            own = [f"{WORDS[number]}{word}" for word in rng.choice(WORDS[:4], 6)]
            words = " ".join(rng.permutation([*own, *rng.choice(WORDS, 6)]))
            texts.append(f"From: {group}@x\nSubject: secretheader\n\n> secretquote\n{words}\n\n-- \nsecretsignature\n")
            labels.append(number)
    order = rng.permutation(len(texts))
    names = sorted(groups)
    return pa.table(
        {
            "text": [texts[i] for i in order],
            "label": [labels[i] for i in order],
            "label_text": [names[labels[i]] for i in order],
        }
    )


def write(folder: Path, dataset: str, per_class: tuple[int, int]) -> Path:
    """Write the data set's two files (train, test) below the folder."""
    for file, count, seed in zip(DATA_SETS[dataset].origin.local, per_class, (0, 1), strict=True):
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        layout = DATA_SETS[dataset].images
        table = images(layout, count, seed) if layout else messages(count, seed)
        parquet.write_table(table, path)
    return folder
