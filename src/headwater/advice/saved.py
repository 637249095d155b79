"""Saved: a fitted transfer as a small file that holds no rows and runs no code when it is read."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import skops.io
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from headwater.advice.verdict import Advice
from headwater.estimators.transfer import TransferRidge
from headwater.files import why_unreadable
from headwater.selection.hypotheses import AS_IS, SCRATCH
from headwater.selection.surface import Surface
from headwater.spectrum.rows import Array, row_blocks
from headwater.tables.columns import CATEGORY, DATE, NUMBER, Column
from headwater.tables.design import ClippedScaler, TableColumns
from headwater.tables.table import Table, as_table
from headwater.version import __version__

FORMAT = 1
_MARK = "headwater.json"
# Beside these, skops knows scikit-learn's own types and plain Python values; a file's wishes count for nothing.
_ALLOWED = [
    f"{kind.__module__}.{kind.__qualname__}" for kind in (Column, ClippedScaler, TableColumns, TransferRidge)
] + ["numpy.dtype"]
_PREDICTING = ("coef_", "intercept_", "n_features_in_", "tau_", "source_tau_", "scale_", "transferred_")
RIVALS = ("scratch", "source", "source_optimal")


@dataclass(frozen=True, eq=False)
class SavedModel:
    """A fitted pipeline from table to prediction, the rivals it is scored against, and where it came from.

    ``rivals`` maps "scratch", "source" (the source's own model) and "source_optimal" (transfer from it as it is) to
    their coefficients (p,) and intercepts. ``facts``, plain values: the outcome's names, the penalties, the verdict,
    the predicted errors, the options of the fit, the version that wrote it.
    """

    pipeline: Pipeline
    rivals: dict[str, tuple[Array, float]]
    facts: dict[str, Any]

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that the model reads."""
        return tuple(self.pipeline[0].columns)

    def predictions(self, table: Any, progress: Callable[[int, int], None] | None = None) -> dict[str, Array]:
        """What the model ("chosen") and each of its rivals predict for a table's rows, each (n,), block by block.

        The table: Arrow's, or any data frame Arrow reads, its columns in any order. ``progress`` is told how many rows
        are done.
        """
        given = as_table(table)
        parts = []
        for rows in row_blocks(given.data.num_rows, self.pipeline[-1].n_features_in_):
            parts.append(self._block(given.rows(rows)))
            if progress is not None:
                progress(rows.stop, given.data.num_rows)
        return {name: np.concatenate([part[name] for part in parts]) for name in ("chosen", *self.rivals)}

    def _block(self, table: Table) -> dict[str, Array]:
        features = self.pipeline[:-1].transform(table)
        others = {name: features @ coef + intercept for name, (coef, intercept) in self.rivals.items()}
        return {"chosen": self.pipeline[-1].predict(features), **others}


def saved_model(advice: Advice, facts: dict[str, Any]) -> SavedModel:
    """What of a fit is worth keeping: no decomposition and no rows."""
    fitted = advice.model
    model = clone(fitted).set_params(source=None)
    for name in _PREDICTING:
        if hasattr(fitted, name):
            setattr(model, name, getattr(fitted, name))
    model.n_features_in_ = advice.target.features
    if hasattr(model, "feature_names_in_"):
        del model.feature_names_in_

    def averaged(surface: Surface) -> tuple[Array, float]:
        coef, intercept = surface.fitted
        return coef[0], float(intercept[0])

    last = fitted.source[-1]
    rivals = {
        "scratch": averaged(advice.alone[SCRATCH]),
        "source": (np.asarray(last.coef_), float(last.intercept_)),
        "source_optimal": averaged(advice.alone[AS_IS]),
    }
    return SavedModel(Pipeline([*fitted.source.steps[:-1], ("model", model)]), rivals, facts)


def save_model(model: SavedModel, path: Path) -> None:
    """Write the model as a skops file."""
    content = {
        "pipeline": model.pipeline,
        "rivals": {name: {"coef": coef, "intercept": b} for name, (coef, b) in model.rivals.items()},
        "facts": model.facts,
    }
    buffer = io.BytesIO(skops.io.dumps(content, compression=zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(_MARK, json.dumps({"format": FORMAT, "version": __version__}))
    path.write_bytes(buffer.getvalue())


def load_model(path: Path) -> SavedModel:
    """Read a model that ``save_model`` wrote; its predictions are those of the model that was saved, to the bit.

    Only headwater's, scikit-learn's and numpy's own types are built, and what was built is checked. Raises OSError or
    ValueError, of one line that names the file, for anything else.
    """
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise type(problem)(f"{path}: cannot be read: {why_unreadable(problem)}") from None
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            mark = json.loads(archive.read(_MARK))
            written, version = int(mark["format"]), str(mark["version"])
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError):
        raise ValueError(
            f"{path}: not a model saved by headwater, or not whole; save it again by headwater fit"
        ) from None
    if written > FORMAT:
        raise ValueError(
            f"{path}: saved by headwater {version}, which is newer than this, {__version__}; "
            "upgrade headwater, or save it again by this one"
        )
    try:
        return _checked(skops.io.loads(content, trusted=_ALLOWED))
    except Exception as problem:  # whatever a damaged or forged file provokes, it is not our model
        raise ValueError(
            f"{path}: not a model this headwater can read ({' '.join(str(problem).split())[:120]})"
        ) from None


def _checked(content: Any) -> SavedModel:
    """The model, once its steps, shapes and numbers are what they must be."""
    pipeline, facts = content["pipeline"], content["facts"]
    kinds = [type(step).__name__ for _, step in pipeline.steps]
    if type(pipeline) is not Pipeline or kinds != ["TableColumns", "ColumnTransformer", "TransferRidge"]:
        raise ValueError(f"its steps are {', '.join(kinds)}")
    columns, model = pipeline[0].columns, pipeline[-1]
    for column in columns:
        known = isinstance(column.name, str) and column.kind in (NUMBER, CATEGORY, DATE)
        if type(column) is not Column or not known or not np.isfinite(column.fill):
            raise ValueError("a column is not described as it should be")
    rivals = {name: (part["coef"], float(part["intercept"])) for name, part in content["rivals"].items()}
    for name, (coef, intercept) in {"chosen": (model.coef_, model.intercept_), **rivals}.items():
        if np.shape(coef) != (model.n_features_in_,) or not np.isfinite(coef).all() or not np.isfinite(intercept):
            raise ValueError(f"the coefficients of {name} are not finite numbers, one a feature")
    if set(rivals) != set(RIVALS) or not isinstance(facts["outcome"], str):
        raise ValueError("the model's facts are not all there")
    loaded = SavedModel(pipeline, rivals, facts)
    loaded.predictions(pa.table({column.name: pa.nulls(1) for column in columns}))  # one row must go through
    return loaded
