"""Saved: a fitted transfer as a small file that holds no rows and runs no code when it is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from headwater import archive
from headwater.advice.outcomes import OutcomeAdvice
from headwater.advice.rivals import CHOSEN, SOURCE, SOURCE_OPTIMAL
from headwater.advice.verdict import Advice
from headwater.advice.wording import WAYS
from headwater.estimators.glm import TransferGLM
from headwater.estimators.logistic import TransferLogistic
from headwater.estimators.transfer import TransferRidge
from headwater.families.named import family_named
from headwater.selection.hypotheses import AS_IS, SCRATCH
from headwater.selection.surface import Surface
from headwater.spectrum.rows import Array, row_blocks
from headwater.tables.clipping import ClippedScaler
from headwater.tables.columns import Column, is_described
from headwater.tables.fingerprints import Rows
from headwater.tables.frames import as_table
from headwater.tables.outcome import Outcome
from headwater.tables.preparation import TablePreparation

_ESTIMATORS = {"gaussian": TransferRidge, "binomial": TransferLogistic, "poisson": TransferGLM}
KIND = archive.Kind(
    "model",
    3,
    "save it again by headwater fit",
    (Column, ClippedScaler, TablePreparation, *_ESTIMATORS.values()),
)
_FACTS = {"outcome", "target_outcome", "degree", "criterion", "decimal", "advice", "columns", "version"}
_FACTS |= {"family", "labels", "exposure"}
_PREDICTING = ("classes_", "coef_", "intercept_", "n_features_in_", "tau_", "source_tau_", "scale_", "transferred_")


@dataclass(frozen=True, eq=False)
class SavedModel:
    """A fitted pipeline from table to prediction, the rivals it is scored against, and where it came from.

    ``rivals`` maps "scratch", "source" (the source's own model), "source_optimal" (transfer from it as it is), and of
    yes/no outcomes and counts what else was compared, to their coefficients (p,) and intercepts. ``facts``, plain
    values: the outcome's names and what it is, the penalties, the verdict, the predicted errors, the options of the
    fit, the version that wrote it. ``fitted`` are fingerprints of the target's rows, so that scoring them again is
    seen; no row can be told from them, but whoever has a row can ask for it.
    """

    pipeline: Pipeline
    rivals: dict[str, tuple[Array, float]]
    facts: dict[str, Any]
    fitted: Rows

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that the model reads."""
        return tuple(self.pipeline[0].columns_)

    @property
    def outcome(self) -> Outcome:
        """How outcomes are read, and what predictions are of."""
        labels = self.facts["labels"]
        return Outcome(self.facts["family"], None if labels is None else tuple(labels))

    def exposure(self, name: str | None = None) -> str | None:
        """The column that expected counts are in proportion to, by its own ``name`` where that differs, None of none.

        Raises ValueError for a name where the model was fitted without one.
        """
        own: str | None = self.facts["exposure"]
        if own is None and name is not None:
            raise ValueError(f"--exposure: the model was fitted without one, to {self.outcome.words}")
        return name or own

    def predictions(
        self,
        table: Any,
        progress: Callable[[int, int], None] | None = None,
        exposure: Array | None = None,
    ) -> dict[str, Array]:
        """What the model ("chosen") and each of its rivals predict for a table's rows, each (n,), block by block.

        Of a yes or no that is the event's probability, of counts the expected count at an ``exposure`` (n,). The
        table: Arrow's, or any data frame Arrow reads, its columns in any order. ``progress`` is told how many rows are
        done.
        """
        return self.evaluated(table, progress, exposure)[0]

    def evaluated(
        self,
        table: Any,
        progress: Callable[[int, int], None] | None = None,
        exposure: Array | None = None,
    ) -> tuple[dict[str, Array], NDArray[np.bool_]]:
        """``predictions``, and which of the rows have a value that was drawn in."""
        given, model = as_table(table), self.pipeline[-1]
        fits = {CHOSEN: (np.ravel(model.coef_), float(np.ravel(model.intercept_)[0])), **self.rivals}
        parts, drawn_in = [], []
        for rows in row_blocks(given.data.num_rows, model.n_features_in_):
            features = self.pipeline[0].transform(given.rows(rows))
            parts.append({name: features @ coef + intercept for name, (coef, intercept) in fits.items()})
            drawn_in.append(self.pipeline[0].drawn_in(features))
            if progress is not None:
                progress(rows.stop, given.data.num_rows)
        offset = 0.0 if exposure is None else np.log(exposure)
        mean = family_named(self.facts["family"]).mean
        found = {name: mean(np.concatenate([part[name] for part in parts]) + offset) for name in fits}
        return found, np.concatenate(drawn_in)


def saved_model(advice: Advice | OutcomeAdvice, facts: dict[str, Any], rows: Rows) -> SavedModel:
    """What of a fit is worth keeping: no decomposition and no rows."""
    fitted = advice.model
    model = clone(fitted).set_params(source=None)
    for name in _PREDICTING:
        if hasattr(fitted, name):
            setattr(model, name, getattr(fitted, name))
    model.n_features_in_ = advice.target.features
    if hasattr(model, "feature_names_in_"):
        del model.feature_names_in_

    return SavedModel(Pipeline([fitted.source.steps[0], ("model", model)]), _rivals(advice), facts, rows)


def _rivals(advice: Advice | OutcomeAdvice) -> dict[str, tuple[Array, float]]:
    """The coefficients (p,) and levels of what else there was to do."""
    if isinstance(advice, OutcomeAdvice):
        return {name: (way.coef, way.intercept) for name, way in advice.ways.items() if name != CHOSEN}

    def averaged(surface: Surface) -> tuple[Array, float]:
        coef, intercept = surface.fitted
        return coef[0], float(intercept[0])

    last = advice.model.source[-1]
    return {
        SCRATCH: averaged(advice.alone[SCRATCH]),
        SOURCE: (np.asarray(last.coef_), float(last.intercept_)),
        SOURCE_OPTIMAL: averaged(advice.alone[AS_IS]),
    }


def save_model(model: SavedModel, path: Path) -> None:
    """Write the model as a skops file, whole or not at all."""
    content = {
        "pipeline": model.pipeline,
        "rivals": {name: {"coef": coef, "intercept": b} for name, (coef, b) in model.rivals.items()},
        "facts": model.facts,
        "fitted": asdict(model.fitted),
    }
    archive.write(KIND, content, path)


def load_model(path: Path) -> SavedModel:
    """Read a model that ``save_model`` wrote; its predictions are those of the model that was saved, to the bit.

    Only headwater's, scikit-learn's and numpy's own types are built, and what was built is checked. Raises OSError or
    ValueError, of one line that names the file, for anything else.
    """
    return archive.read(KIND, path, _checked)


def _checked(content: Any) -> SavedModel:
    """The model, once its steps, shapes and numbers are what they must be."""
    if set(content) != {"pipeline", "rivals", "facts", "fitted"} or not set(content["facts"]) >= _FACTS:
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
    if type(pipeline) is not Pipeline or kinds != ["TablePreparation", _ESTIMATORS[facts["family"]].__name__]:
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
    loaded = SavedModel(pipeline, rivals, facts, Rows(*fitted))
    loaded.predictions(pa.table({column.name: pa.nulls(1) for column in columns}))  # one row must go through
    return loaded
