"""The choice's left-out deviance against making the choice anew without each row."""

from __future__ import annotations

import numpy as np
import pytest

from headwater.families.design import Design
from headwater.families.named import family_named
from headwater.families.outcomes import Outcomes
from headwater.families.path import Path
from headwater.selection.glm_choice import hypotheses_of, weigh
from headwater.selection.glm_hypotheses import Target
from headwater.selection.glm_left_out import left_out_predictors
from headwater.selection.glm_source import GLMSource


def path_of(name, X, y, offset):
    return Path(Outcomes(family_named(name), y, offset, np.ones(len(y))), Design.of(X, np.ones(len(y))))


@pytest.mark.parametrize("name", ["binomial", "poisson"])
@pytest.mark.parametrize("known", [True, False])
def test_left_out_deviance_of_the_choice_against_choosing_again(name, known):
    """Within 3 % in the mean over rows: at 30 rows the weights and α move with each."""
    rng = np.random.default_rng(0)
    w = np.array([1.0, -1.0, 0.5, 0.0]) / (1 if name == "binomial" else 2)
    family, tables = family_named(name), []
    for rows in (300, 30):
        X, offset = rng.normal(size=(rows, 4)), np.zeros(rows) if name == "binomial" else rng.normal(size=rows) / 3
        mean = family.mean(X @ w + offset)
        tables.append((X, (rng.random(rows) < mean if name == "binomial" else rng.poisson(mean)).astype(float), offset))
    path = path_of(name, *tables[0])
    coef, level = path.coefficients(path.optimal_tau)
    source = GLMSource(coef, level - float(path.design.mean @ coef), path, path.optimal_tau) if known else None
    X, y, offset = tables[1]
    eta = left_out_predictors(weigh(hypotheses_of(Target(path_of(name, X, y, offset)), source)))
    again = np.empty(len(y))
    for row in range(len(y)):
        kept = np.arange(len(y)) != row
        found = weigh(hypotheses_of(Target(path_of(name, X[kept], y[kept], offset[kept])), source)).coefficients()
        again[row] = offset[row] + X[row] @ found[0] + found[1]
    left = family.half_deviance(y, eta).mean()
    assert left == pytest.approx(family.half_deviance(y, again).mean(), rel=0.03)
