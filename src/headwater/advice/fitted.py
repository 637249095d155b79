"""Fitted: a transfer from tables to predictions, with what else there was to do, and how both meet outcomes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from headwater import archive
from headwater.advice.outcomes import OutcomeAdvice
from headwater.advice.rivals import CHOSEN, SOURCE
from headwater.advice.scores import calibration, scores
from headwater.advice.uncertain import Uncertain, bounded
from headwater.advice.verdict import Advice
from headwater.estimators.by_name import as_frame, by_name
from headwater.estimators.glm import TransferGLM
from headwater.estimators.logistic import TransferLogistic
from headwater.estimators.transfer import TransferRidge
from headwater.families.named import family_named
from headwater.selection.hypotheses import SCRATCH
from headwater.spectrum.rows import Array, row_blocks
from headwater.tables.clipping import ClippedScaler
from headwater.tables.columns import Column, met
from headwater.tables.delimited import Reading
from headwater.tables.fingerprints import Rows
from headwater.tables.frames import table_of
from headwater.tables.options import python_names
from headwater.tables.outcome import Outcome
from headwater.tables.preparation import TablePreparation, drawn_in_note
from headwater.tables.side import exposure_of, with_outcome
from headwater.tables.suspicions import rows_seen
from headwater.tables.table import Table

ESTIMATORS = {"gaussian": TransferRidge, "binomial": TransferLogistic, "poisson": TransferGLM}
KIND = archive.Kind(
    "model", 3, "save it again by headwater fit", (Column, ClippedScaler, TablePreparation, *ESTIMATORS.values())
)

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False, repr=False)
class FittedTransfer:
    """A fitted transfer from tables to predictions, which ``fit`` gives and ``load`` reads.

    Parameters
    ----------
    pipeline : Pipeline
        A ``TablePreparation`` about the target, and the fitted TransferRidge, TransferLogistic or TransferGLM.
    rivals : dict
        What else there was to do, as coefficients (p,) of the preparation's features and their level: "scratch",
        "source" (the source's own model), "source_optimal" (transfer from it as it is), and of yes/no outcomes and
        counts what else was compared.
    facts : dict
        Plain values: the outcome's names and what it is, the options of the fit, the advice's numbers, the version.
    fitted : Rows
        Fingerprints of the target's rows, so that scoring them again is seen; no row can be told from them, but whoever
        has a row can ask for it.
    uncertain : Uncertain
        The ends of the coefficients' 90 % intervals, and of numbers the posterior that new outcomes are foretold by.
    advice : Advice or OutcomeAdvice, optional
        What it was fitted by, None of a model that was loaded.

    Examples
    --------
    >>> import headwater, numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> def houses(rows):
    ...     size, heating = rng.uniform(30, 150, rows), rng.choice(["gas", "oil"], rows)
    ...     return pd.DataFrame({"size": size, "heating": heating,
    ...                          "price": 2 * size + 9 * (heating == "oil") + rng.normal(0, 20, rows)})
    >>> model = headwater.fit(houses(300), houses(12), outcome="price")
    >>> model
    <FittedTransfer of 'price' by 2 columns>
    >>> model.predict(houses(3)).shape
    (3,)
    """

    pipeline: Pipeline
    rivals: dict[str, tuple[Array, float]]
    facts: dict[str, Any]
    fitted: Rows
    uncertain: Uncertain
    advice: Advice | OutcomeAdvice | None = field(default=None)

    def __repr__(self) -> str:
        return f"<FittedTransfer of {self.facts['target_outcome']!r} by {len(self.facts['columns'])} columns>"

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that the model reads."""
        return tuple(self.pipeline[0].columns_)

    @property
    def outcome(self) -> Outcome:
        """How outcomes are read, and what predictions are of."""
        labels = self.facts["labels"]
        return Outcome(self.facts["family"], None if labels is None else tuple(labels))

    def predict(self, X: Any, exposure: str | None = None) -> Array:
        """Predict the outcome of a table's rows: of a yes or no the event's probability, of a count its expectation.

        Parameters
        ----------
        X : data frame, Arrow table or path
            With the model's columns, in any order, whatever else it holds.
        exposure : str, optional
            The column that expected counts are in proportion to, where it is called otherwise than at the fit.

        Returns
        -------
        ndarray (n,)

        Raises
        ------
        ValueError
            A column that is missing or of another kind, no rows, or an exposure where there was none at the fit.
        TypeError
            No table.

        Warns
        -----
        UserWarning
            What ``headwater predict`` says in notes: levels the source never had, missing values, values drawn in.
        """
        with python_names():
            values, notes = predicted(self, self._table(X), exposure)
        for note in notes:
            warnings.warn(note, stacklevel=2)
        return values

    def predict_interval(self, X: Any, level: float = 0.9) -> Array:
        """Intervals that hold new outcomes this often, on average over rows like the target's.

        Parameters
        ----------
        X : data frame, Arrow table or path
            As in ``predict``, whose warnings it leaves to that.
        level : float
            Between 0 and 1.

        Returns
        -------
        ndarray (n, 2)
            The lower and the upper end, about what ``predict`` gives (``TransferRidge.predict_interval``).

        Raises
        ------
        ValueError
            As ``predict`` does; a level that is no share; outcomes that are not numbers.
        TypeError
            No table.
        """
        with python_names():
            table = self._table(X)
            return bounded(self.uncertain, self.pipeline[0], table, apply(self, table)[0][CHOSEN], level)

    def coefficients(self) -> Any:
        """The coefficients by name, in the columns' own units; of yes or no and of counts on the link's scale.

        Returns
        -------
        DataFrame
            Of pandas, or else of polars, where one is installed, else a list of records: a row a feature, ``name``,
            ``source``, ``scratch`` (the target alone), ``chosen``, and ``low`` and ``high``, the ends of its 90 %
            interval (``TransferRidge.coefficients``). NaN where something is not known.
        """
        chosen = np.ravel(self.pipeline[-1].coef_).astype(np.float64)
        none = np.full(len(chosen), np.nan), 0.0
        columns = {SOURCE: self.rivals.get(SOURCE, none)[0], SCRATCH: self.rivals[SCRATCH][0], CHOSEN: chosen}
        columns |= {"low": self.uncertain.low, "high": self.uncertain.high}
        preparation = self.pipeline[0]
        names = [str(name) for name in preparation.get_feature_names_out()]
        columns = {name: np.asarray(values)[None] for name, values in columns.items()}
        return by_name(names, preparation.feature_units(), False, **columns)

    def predictions(self, X: Any, exposure: str | None = None) -> dict[str, Array]:
        """What the model and each of its rivals predict.

        Parameters
        ----------
        X : data frame, Arrow table or path
        exposure : str, optional
            As in ``predict``.

        Returns
        -------
        dict of ndarray (n,)
            "chosen" is the model's, beside those of ``rivals``.

        Raises
        ------
        ValueError, TypeError
            As ``predict`` does.
        """
        with python_names():
            table, size = self._table(X), _exposure(self, exposure)
            return apply(self, table, None if size is None else exposure_of(table, size))[0]

    def score(self, X: Any, outcome: str | None = None, weights: str | None = None, exposure: str | None = None) -> Any:
        """How the model and its rivals do on rows whose outcome is known.

        Parameters
        ----------
        X : data frame, Arrow table or path
            With the model's columns and the outcome.
        outcome : str, optional
            The outcome's column, where it is called otherwise than in the target.
        weights : str, optional
            Column that says how many rows a row stands for.
        exposure : str, optional
            As in ``predict``.

        Returns
        -------
        DataFrame
            Of pandas, or else of polars, where one is installed, else a list of records: a row for the model ("chosen")
            and for each rival; of numbers the mean squared "error" and "r2", of yes or no "log_loss", "brier", "auc"
            and calibration, of counts the mean "deviance", the share "explained" and "observed_over_expected".

        Raises
        ------
        ValueError
            As ``predict`` does, and for an outcome that is not there.
        TypeError
            No table.

        Warns
        -----
        UserWarning
            As ``predict`` does, and where rows are among those that the model was fitted on.
        """
        with python_names():
            found = scored(self, self._table(X), outcome, weights, exposure)
        for note in found.notes:
            warnings.warn(note, stacklevel=2)
        return as_frame([{"name": way, **measures} for way, measures in found.scores.items()])

    def save(self, path: str | Path) -> None:
        """Write the model to a file, which holds no rows and runs no code when it is read.

        Parameters
        ----------
        path : str or Path
            By custom it ends in .skops.

        Raises
        ------
        OSError
            It cannot be written; what was there before is then as it was.
        """
        content = {
            "pipeline": self.pipeline,
            "rivals": {name: {"coef": coef, "intercept": b} for name, (coef, b) in self.rivals.items()},
            "facts": self.facts,
            "fitted": asdict(self.fitted),
            "uncertain": self.uncertain.as_dict(),
        }
        archive.write(KIND, content, Path(path))

    def _table(self, X: Any) -> Table:
        return table_of(X, "the table", Reading(likely=self.facts["decimal"]))


@dataclass(frozen=True)
class Scored:
    """How a model and its rivals meet outcomes: measures by name for each, tenths of its predictions, and notes."""

    rows: int
    scores: dict[str, dict[str, float]]
    tenths: list[dict[str, float]]
    notes: tuple[str, ...]


def apply(
    model: FittedTransfer, table: Table, exposure: Array | None = None, progress: Progress | None = None
) -> tuple[dict[str, Array], tuple[str, ...]]:
    """What the model ("chosen") and each of its rivals predict for a table's rows, each (n,), block by block; notes."""
    preparation, last = model.pipeline[0], model.pipeline[-1]
    fits = {CHOSEN: (np.ravel(last.coef_), float(np.ravel(last.intercept_)[0])), **model.rivals}
    parts, drawn_in = [], []
    for rows in row_blocks(table.data.num_rows, last.n_features_in_):
        features = preparation.transform(table.rows(rows))
        parts.append({name: features @ coef + intercept for name, (coef, intercept) in fits.items()})
        drawn_in.append(preparation.drawn_in(features))
        if progress is not None:
            progress(rows.stop, table.data.num_rows)
    offset = 0.0 if exposure is None else np.log(exposure)
    mean = family_named(model.facts["family"]).mean
    found = {name: mean(np.concatenate([part[name] for part in parts]) + offset) for name in fits}
    return found, (*met(table, model.columns), *drawn_in_note(table.name, np.concatenate(drawn_in)))


def predicted(
    model: FittedTransfer, table: Table, exposure: str | None = None, progress: Progress | None = None
) -> tuple[Array, tuple[str, ...]]:
    """The model's predictions (n,), and notes on all that was met on the way."""
    size = _exposure(model, exposure)
    found, notes = apply(model, table, None if size is None else exposure_of(table, size), progress)
    return found[CHOSEN], (*table.notes, *notes)


def scored(
    model: FittedTransfer,
    table: Table,
    outcome: str | None = None,
    weights: str | None = None,
    exposure: str | None = None,
    progress: Progress | None = None,
) -> Scored:
    """How the model and its rivals do on the rows that have an outcome; of weights only the ratios count."""
    name = outcome or model.facts["target_outcome"]
    rows, noted = with_outcome(table, name, weights, "survey", model.outcome, _exposure(model, exposure))
    found, notes = apply(model, rows.table, rows.exposure, progress)
    family = model.outcome.family
    return Scored(
        rows=len(rows.y),
        scores={way: scores(family, rows.y, mean, rows.weight, rows.exposure) for way, mean in found.items()},
        tenths=calibration(rows.y, found[CHOSEN], rows.weight) if family != "gaussian" else [],
        notes=(*noted, *notes, *rows_seen(model.fitted, rows, model.columns)),
    )


def _exposure(model: FittedTransfer, name: str | None) -> str | None:
    """The column that expected counts are in proportion to, by its own name where that differs, None of none."""
    own: str | None = model.facts["exposure"]
    if own is None and name is not None:
        raise ValueError(f"--exposure: the model was fitted without one, to {model.outcome.words}")
    return name or own
