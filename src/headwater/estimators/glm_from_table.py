"""GLM from a table: the source of a yes or no, or of counts, behind its preparation."""

from __future__ import annotations

from typing import Any

from sklearn.linear_model import LogisticRegression, PoissonRegressor
from sklearn.pipeline import Pipeline

from headwater.estimators.from_table import behind
from headwater.estimators.glm import SourceGLM
from headwater.estimators.logistic import SourceLogistic
from headwater.tables.outcome import BINOMIAL
from headwater.tables.preparation import TablePreparation
from headwater.tables.side import Side


def fit_outcome_source(preparation: TablePreparation, side: Side, family: str, tau: float | str = "auto") -> Pipeline:
    """The source model behind its preparation, as TransferLogistic and TransferGLM take it.

    Its path keeps the whole design. Raises ValueError, of one line that names the table, where all outcomes are alike.
    """
    if not side.y.any() or (family == BINOMIAL and side.y.all()):
        raise ValueError(
            f"{side.table.name}: the outcome is {'the same' if family == BINOMIAL else '0'} in every row, so there is "
            "nothing to learn from it; give a source that has others, too"
        )
    X = preparation.transform(side.table)
    if family == BINOMIAL:
        model: Any = SourceLogistic(tau).fit(X, side.y, side.weight)
    else:
        model = SourceGLM(family, tau).fit(X, side.y, side.weight, side.exposure)
    return behind(preparation, model)


def of_family(published: Pipeline, family: str) -> Pipeline:
    """A published source whose coefficients are on the family's link scale: of log odds, or of logs of a mean."""
    linear, model = published[-1], LogisticRegression() if family == BINOMIAL else PoissonRegressor()
    model.coef_, model.intercept_, model.n_features_in_ = linear.coef_, linear.intercept_, linear.n_features_in_
    return behind(published[0], model)
