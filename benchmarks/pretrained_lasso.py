"""The choice for yes/no outcomes beside the pretrained lasso, by its authors' package, which is not ours to improve.

``ptlasso`` (Craig and others, Pretraining and the lasso, JRSSB 2025) fits one lasso to both tables stacked, then one to
the target with a share of the first one's linear predictor as offset; penalties and share by cross-validation. Here
with its defaults, but for the overall penalty of least error (``lambda.min``: better on these pairs than its default)
and the share best for the target's rows (``alphatype="varying"``). It wants an older NumPy than we do, so it lives in
an environment of its own, to which only arrays go and from which only log odds come:

    python -m venv FOLDER && FOLDER/bin/pip install ptlasso
    python benchmarks/pretrained_lasso.py --data FOLDER --python FOLDER/bin/python [--pairs breast] [--draws 40]

The settings and draws are those of rivals_glm.py. Printed are the median over the draws of the mean log loss of the
test rows for the choice, for ptlasso and for ptlasso's own model of the target alone, and ptlasso's over the choice's.
A draw in which the target has fewer than two rows of a kind is left out of both: ptlasso refuses it.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from pairs import PUBLIC, YES_NO
from rivals_glm import Sourced, Tables, asking, over_settings
from threadpoolctl import threadpool_limits

from headwater.families.outcomes import Outcomes

PAIRS = [name for name, public in PUBLIC.items() if public.kind == YES_NO]
MODELS = ("pretrain", "individual")

# What runs in ptlasso's environment: arrays and draws in, one row of log odds a draw and model out.
FITS = """
import contextlib, os, sys, warnings
import numpy as np
from ptlasso import PretrainedLassoCV
warnings.simplefilter("ignore")
given = np.load(sys.argv[1])
X0, y0, X1, y1, draws = (given[name] for name in ("X0", "y0", "X1", "y1", "draws"))
size, found = int(given["size"]), {model: [] for model in ("pretrain", "individual")}
for order in draws:
    train, test = order[:size], order[size:]
    groups = np.r_[np.zeros(len(y0), int), np.ones(size, int)]
    model = PretrainedLassoCV(family="binomial", overall_lambda="lambda.min", verbose=False, n_threads=1)
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        model.fit(np.vstack([X0, X1[train]]), np.r_[y0, y1[train]], groups)
    for name, rows in found.items():
        there = dict(model=name, type="link", alphatype="varying")
        rows.append(model.predict(X1[test], np.ones(len(test), int), **there))
np.savez(sys.argv[2], **{name: np.array(rows) for name, rows in found.items()})
"""


def log_odds(python: Path, tables: Tables, size: int, draws: np.ndarray) -> dict[str, np.ndarray]:
    """ptlasso's predictions of each draw's test rows, by its own Python."""
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder, "given.npz"), Path(folder, "found.npz")
        np.savez(given, X0=tables.X0, y0=tables.y0, X1=tables.X1, y1=tables.y1, draws=draws, size=size)
        subprocess.run([python, "-c", FITS, given, found], check=True)
        with np.load(found) as odds:
            return dict(odds)


def setting(tables: Tables, size: int, count: int, seed: int, python: Path) -> dict[str, Any]:
    rng = np.random.default_rng([seed, size])
    orders = np.array([rng.permutation(len(tables.y1)) for _ in range(count)])
    draws = np.array([order for order in orders if 1 < tables.y1[order[:size]].sum() < size - 1])
    started = time.perf_counter()
    odds = log_odds(python, tables, size, draws)
    seconds = (time.perf_counter() - started) / len(draws)
    errors: dict[str, list[float]] = {"choice": [], **{model: [] for model in MODELS}}
    with threadpool_limits(1, "blas"):
        sourced = Sourced(tables)
        for index, order in enumerate(draws):
            train, test = order[:size], order[size:]
            held = Outcomes(tables.family, tables.y1[test], np.zeros(len(test)), np.ones(len(test)))
            found = {"choice": sourced.choice(tables, train, test)[0]} | {model: odds[model][index] for model in MODELS}
            for name, eta in found.items():
                errors[name].append(held.half_deviance(eta) / len(test))
    scores = {name: float(np.median(values)) for name, values in errors.items()}
    return {"name": tables.name, "size": size, "draws": len(draws), "seconds": seconds} | scores


def main() -> None:
    parser = asking(__doc__, PAIRS)
    parser.add_argument("--python", type=Path, required=True, help="the Python of the environment that has ptlasso")
    options = parser.parse_args()
    results = over_settings(setting, options, options.python)
    print("pair, rows           draws    choice  ptlasso / choice  its target alone / choice  seconds a fit")
    for row in results:
        label = f"{row['name']}, {row['size']}"
        pretrained, alone = (row[model] / row["choice"] for model in MODELS)
        print(f"{label:20}{row['draws']:6}{row['choice']:10.4f}{pretrained:18.3f}{alone:27.3f}{row['seconds']:15.2f}")
    ratios = np.array([row["choice"] / row["pretrain"] for row in results])
    print(f"choice over ptlasso: median {np.median(ratios):.3f}, mean {ratios.mean():.3f}, worst {ratios.max():.3f} "
          f"of {len(ratios)}")  # fmt: skip
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
