"""Kept: what of an advice on tables stays in a fitted transfer, and where it came from."""

from __future__ import annotations

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from headwater.advice.fitted import FittedTransfer
from headwater.advice.from_tables import AS_USUAL, Manner
from headwater.advice.outcomes import OutcomeAdvice
from headwater.advice.rivals import CHOSEN, SOURCE, SOURCE_OPTIMAL
from headwater.advice.uncertain import uncertain_of
from headwater.advice.verdict import Advice
from headwater.selection.hypotheses import AS_IS, SCRATCH
from headwater.selection.surface import Surface
from headwater.spectrum.rows import Array
from headwater.tables.fingerprints import Rows
from headwater.tables.pair import Pair
from headwater.version import __version__

_PREDICTING = ("classes_", "coef_", "intercept_", "n_features_in_", "tau_", "source_tau_", "scale_", "transferred_")


def kept(advice: Advice | OutcomeAdvice, pair: Pair, manner: Manner = AS_USUAL) -> FittedTransfer:
    """The fitted transfer as what is kept of it, with where it came from."""
    roles = pair.roles
    facts = {
        "outcome": roles.outcome,
        "target_outcome": roles.target_outcome or roles.outcome,
        "degree": manner.degree if pair.fitted is None else pair.fitted[0].degree,
        "criterion": manner.criterion,
        "decimal": pair.decimal,
        "advice": advice.as_dict(),
        "columns": pair.names,
        "family": pair.outcome.family,
        "labels": None if pair.outcome.labels is None else list(pair.outcome.labels),
        "exposure": roles.exposure,
        "version": __version__,
    }
    rows = Rows.of_table(pair.target.table, pair.columns, pair.target.told)
    return FittedTransfer(_pipeline(advice), _rivals(advice), facts, rows, uncertain_of(advice.model), advice)


def _pipeline(advice: Advice | OutcomeAdvice) -> Pipeline:
    """What predicts: no decomposition and no rows, but for those that the advice holds on to."""
    fitted = advice.model
    model = clone(fitted).set_params(source=None)
    for name in _PREDICTING:
        if hasattr(fitted, name):
            setattr(model, name, getattr(fitted, name))
    model.n_features_in_ = advice.target.features
    if hasattr(model, "feature_names_in_"):
        del model.feature_names_in_
    return Pipeline([fitted.source.steps[0], ("model", model)])


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
