"""Saved: reading what headwater wrote, above all a fitted transfer: no code runs, and what was read is checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from sklearn.pipeline import Pipeline

from headwater import archive
from headwater.advice.fitted import ESTIMATORS, KIND, FittedTransfer, apply
from headwater.advice.rivals import CHOSEN
from headwater.advice.uncertain import read_uncertain
from headwater.advice.wording import WAYS
from headwater.estimators import saved_source
from headwater.estimators.saved_source import SavedSource
from headwater.selection.hypotheses import SCRATCH
from headwater.spectrum import moments
from headwater.spectrum.moments import Moments
from headwater.tables.columns import Column, is_described
from headwater.tables.fingerprints import Rows
from headwater.tables.frames import as_table

_FACTS = {"outcome", "target_outcome", "degree", "criterion", "decimal", "advice", "columns", "version"}
_FACTS |= {"family", "labels", "exposure"}


def load(path: str | Path) -> Any:
    """Read what headwater wrote: a fitted transfer, a published source, or moments.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    FittedTransfer, SavedSource or Moments
        What ``headwater fit`` or ``FittedTransfer.save`` wrote predicts as the model that was saved, to the bit; its
        ``advice`` is None, but for the numbers in ``facts``. What ``headwater publish`` wrote is a source for
        ``TransferRidge``, ``advise`` and ``fit``.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        It is nothing of the kind, or not whole, of another format, or holds what it must not.

    Notes
    -----
    Only headwater's, scikit-learn's and NumPy's own types are built, and what was built is checked: a file from
    elsewhere can mislead, but not run code.

    Examples
    --------
    >>> import tempfile, numpy as np, pandas as pd
    >>> from headwater import fit, load
    >>> rng = np.random.default_rng(0)
    >>> size = rng.normal(80, 20, 60)
    >>> frame = pd.DataFrame({"size": size, "price": 2 * size + rng.normal(0, 9, 60)})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     fit(frame[:50], frame[50:], outcome="price").save(f"{folder}/model.skops")
    ...     load(f"{folder}/model.skops")
    <FittedTransfer of 'price' by 1 columns>
    """
    kind = archive.kind_of(Path(path))
    if kind == saved_source.KIND.name:
        return SavedSource.load(path)
    return Moments.load(path) if kind == moments.KIND.name else load_transfer(Path(path))


def load_transfer(path: Path) -> FittedTransfer:
    """Read a fitted transfer, as ``load`` does, and nothing else."""
    return archive.read(KIND, path, _checked)


def _checked(content: Any) -> FittedTransfer:
    """The model, once its steps, shapes and numbers are what they must be."""
    if set(content) != {"pipeline", "rivals", "facts", "fitted", "uncertain"} or not set(content["facts"]) >= _FACTS:
        raise ValueError("the model's facts are not all there")
    pipeline, facts = content["pipeline"], content["facts"]
    if not all(isinstance(facts[name], str) for name in ("outcome", "target_outcome")):
        raise ValueError("the outcome has no name")
    labels = facts["labels"]
    if (labels is None) == (facts["family"] == "binomial") or not all(isinstance(one, str) for one in labels or ()):
        raise ValueError("the outcome's labels are not what they should be")
    if len(labels or "no") != 2 or not isinstance(facts["exposure"], (str, type(None))):
        raise ValueError("the outcome is not described as it should be")
    if facts["decimal"] not in (None, ".", ","):
        raise ValueError("the decimal mark is none")
    kinds = [type(step).__name__ for _, step in pipeline.steps]
    if type(pipeline) is not Pipeline or kinds != ["TablePreparation", ESTIMATORS[facts["family"]].__name__]:
        raise ValueError(f"its steps are {', '.join(kinds)}")
    columns, model = pipeline[0].columns_, pipeline[-1]
    for column in columns:
        if type(column) is not Column or not is_described(column):
            raise ValueError("a column is not described as it should be")
    rivals = {name: (part["coef"], float(part["intercept"])) for name, part in content["rivals"].items()}
    own = np.ravel(model.coef_), float(np.ravel(model.intercept_)[0])
    for name, (coef, intercept) in {CHOSEN: own, **rivals}.items():
        if np.shape(coef) != (model.n_features_in_,) or not np.isfinite(coef).all() or not np.isfinite(intercept):
            raise ValueError(f"the coefficients of {name} are not finite numbers, one a feature")
    if not set(rivals) <= WAYS.keys() or SCRATCH not in rivals:
        raise ValueError("the rivals are not all there")
    fitted = [content["fitted"][name] for name in ("features", "whole", "outcome")]
    if any(part.dtype != np.uint64 or part.shape != fitted[0].shape or part.ndim != 1 for part in fitted):
        raise ValueError("the fingerprints of the rows are not what they should be")
    numbers = facts["family"] == "gaussian"
    uncertain = read_uncertain(content["uncertain"], model.n_features_in_, numbers)
    loaded = FittedTransfer(pipeline, rivals, facts, Rows(*fitted), uncertain)
    apply(loaded, as_table(pa.table({column.name: pa.nulls(1) for column in columns})))  # one row must go through
    return loaded
