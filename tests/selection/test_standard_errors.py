"""Published coefficients with their standard errors: the fit is the dense formula, its limits are those expected."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.base import BaseEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from headwater import Coefficients, SourceRidge, Spectrum, TransferRidge
from headwater.selection.hypotheses import OWN_LEVEL, RELATED, Hypothesis, hypotheses
from headwater.selection.meeting import Meeting
from headwater.selection.source import as_source

SAME = Hypothesis(OWN_LEVEL, np.nan, private=False)
RELATED_TASK = Hypothesis(RELATED, np.nan, axis="scale", spread=0.25)
NAMES = list("abcdef")


def drawn(rows=14, features=6, outputs=1, seed=0):
    rng = np.random.default_rng(seed)
    X, w = rng.normal(size=(rows, features)) + 1, rng.normal(size=(outputs, features))
    Y = 4 + X @ w.T + 0.5 * rng.normal(size=(rows, outputs))
    se = rng.uniform(0.05, 0.3, w.shape)
    return X, Y if outputs > 1 else Y[:, 0], (w + se * rng.normal(size=w.shape)).squeeze(), se.squeeze()


def met(X, Y, coef, se):
    return Meeting(Spectrum.from_rows(X, Y), (as_source(Coefficients(coef, se)),))


def at(meeting, hypothesis, alpha=1.0, tau=0.4):
    """Coefficients and log score at one point."""
    seen, point = meeting.seen_by(hypothesis), (np.array([np.nan]), np.array([alpha]), np.array([tau]))
    return seen.coefficients(*point, np.ones((1, 1))), seen.score(*point, "evidence")[0, 0]


def fitted(X, Y, coef, se, **options):
    return TransferRidge(Coefficients(coef, se), **options).fit(X, Y)


@pytest.mark.parametrize(("rows", "features"), [(14, 6), (8, 30)])
@pytest.mark.parametrize("outputs", [1, 3])
def test_evidence_and_fit_are_the_dense_formulas(rows, features, outputs):
    X, Y, coef, se = drawn(rows, features, outputs)
    A, R = X - X.mean(0), np.reshape(Y - Y.mean(0), (rows, -1))
    known = np.diag(np.mean(np.atleast_2d(se) ** 2, axis=0) / np.mean(R**2))
    for hypothesis, alpha, tau, prior in (
        (SAME, 1.0, 0.4, known / 0.4),
        (RELATED_TASK, 0.7, 0.2, 0.25 * known + np.eye(features) / (rows * 0.2)),
    ):
        S, start = np.eye(rows) + A @ prior @ A.T, alpha * np.atleast_2d(coef)
        residual = R - A @ start.T
        ours, score = at(met(X, Y, coef, se), hypothesis, alpha, tau)
        np.testing.assert_allclose(ours, start + (prior @ A.T @ np.linalg.solve(S, residual)).T, atol=1e-10)
        bracket = np.sum(residual * np.linalg.solve(S, residual))
        expected = -0.5 * outputs * ((rows - 1) * np.log(bracket) + np.linalg.slogdet(S)[1])
        plain = -0.5 * outputs * (rows - 1) * np.log(np.sum(R**2))
        nothing = Spectrum.from_rows(X, Y).evidence(np.inf)
        assert score - nothing == pytest.approx(expected - plain)


@pytest.mark.parametrize("outputs", [1, 2])
def test_known_exactly_the_coefficients_are_kept(outputs):
    X, Y, coef, se = drawn(outputs=outputs)
    for size in (0.0, 1e-9):
        np.testing.assert_allclose(at(met(X, Y, coef, size * se), SAME)[0], np.atleast_2d(coef), atol=1e-12)
    alone, exact = met(X, Y, coef, None), met(X, Y, coef, 0 * se)
    ours, theirs = (at(meeting, RELATED_TASK, 0.7) for meeting in (exact, alone))  # L2-SP itself
    np.testing.assert_allclose(ours[0], theirs[0], atol=1e-12)
    assert ours[1] == pytest.approx(theirs[1])


def test_of_a_coefficient_that_is_not_known_nothing_is_said():
    X, y, coef, se = drawn(30)
    se, other = np.where(np.arange(6) == 2, 1e4, se), coef + 50 * (np.arange(6) == 2)
    ours, moved = (at(met(X, y, given, se), SAME)[0] for given in (coef, other))
    np.testing.assert_allclose(ours, moved, atol=1e-6)
    assert not np.allclose(ours[0, 2], coef[2])
    unknown = at(met(X, y, coef, np.full(6, 1e4)), SAME)[0]
    least = np.linalg.lstsq(np.c_[X, np.ones(30)], y, rcond=None)[0][:6]
    np.testing.assert_allclose(unknown[0], least, rtol=1e-6)


@pytest.mark.parametrize("kappa", [0.3, 1.0, 5.0])
def test_least_squares_on_an_orthogonal_design_is_the_table_itself(kappa):
    """C is then σ0²/n0 times the identity, and coefficients with errors say all that the table does of them."""
    rng = np.random.default_rng(0)
    X0 = np.linalg.qr(np.c_[np.ones(60), rng.normal(size=(60, 6))])[0][:, 1:] * np.sqrt(60)
    X, y, w, _ = drawn(20)
    y0 = X0 @ w + rng.normal(size=60)
    whole = SourceRidge(tau=0.0).fit(X0, y0)
    sigma2, v = np.sum((y0 - whole.predict(X0)) ** 2) / 53, np.var(y)
    coef, se = whole.coef_, np.full(6, np.sqrt(sigma2 / 60))
    table = Meeting(Spectrum.from_rows(X, y), (as_source(whole),))
    point = np.array([0.0]), np.ones(1), np.array([1 / kappa])
    seen = table.seen_by(Hypothesis(OWN_LEVEL, 0.0, private=False))
    theirs = seen.coefficients(*point, np.ones((1, 1))), seen.score(*point, "evidence")[0, 0]
    ours = at(met(X, y, coef, se), SAME, tau=sigma2 / v / kappa)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-9)
    assert ours[1] == pytest.approx(theirs[1])


def test_the_averaged_fit_is_near_that_of_the_table():
    """κ is in other units and the level is not published: near, by half of what the target moved the source."""
    rng = np.random.default_rng(1)
    X0 = np.linalg.qr(np.c_[np.ones(60), rng.normal(size=(60, 6))])[0][:, 1:] * np.sqrt(60)
    X, y, w, _ = drawn(20)
    y0 = X0 @ w + rng.normal(size=60)
    whole = SourceRidge().fit(X0, y0)
    se = np.full(6, np.sqrt(np.sum((y0 - whole.predict(X0)) ** 2) / 53 / 60))
    ours, theirs = fitted(X, y, whole.coef_, se).coef_, TransferRidge(whole).fit(X, y).coef_
    assert np.linalg.norm(ours - theirs) < 0.5 * np.linalg.norm(theirs - whole.coef_)


def test_errors_that_are_what_they_say_help():
    """Monte Carlo: nearer to the truth than the coefficients alone, by over two standard errors of the difference."""
    gains = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        w, X, se = rng.normal(size=12) / np.sqrt(12), rng.normal(size=(60, 12)), 0.2 * 10 ** rng.uniform(-0.5, 0.5, 12)
        y, coef = X @ w + rng.normal(size=60), w + se * rng.normal(size=12)
        alone, known = (TransferRidge(given).fit(X, y).coef_ for given in (coef, Coefficients(coef, se)))
        gains.append(np.sum((alone - w) ** 2) - np.sum((known - w) ** 2))
    assert np.mean(gains) > 2 * np.std(gains, ddof=1) / np.sqrt(len(gains))


def test_what_ought_not_to_matter_does_not():
    X, y, coef, se = drawn()
    base, rng = fitted(X, y, coef, se).predict(X), np.random.default_rng(0)
    order, columns, unit = rng.permutation(len(y)), rng.permutation(6), 1e3
    changed = {
        "rows": fitted(X[order], y[order], coef, se).predict(X),
        "columns": fitted(X[:, columns], y, coef[columns], se[columns]).predict(X[:, columns]),
        "unit of the outcome": fitted(X, unit * y, unit * coef, unit * se).predict(X) / unit,
        "origins": fitted(X + 20, y + 50, coef, se).predict(X + 20) - 50,
        "sparse": fitted(scipy.sparse.csr_array(X), y, coef, se).predict(X),
        "outputs alike": fitted(X, np.c_[y, y], np.tile(coef, (2, 1)), np.tile(se, (2, 1)), per_output=True)
        .predict(X)[:, 1],
    }  # fmt: skip
    for what, predicted in changed.items():
        np.testing.assert_allclose(predicted, base, rtol=1e-8, atol=1e-8, err_msg=what)


def test_the_same_task_has_a_level_of_its_own_alone():
    kinds = [one.kind for one in hypotheses(as_source(Coefficients([1.0, 2.0], [0.1, 0.1])))]
    assert kinds == ["scratch", "same task, own level", "related"]


def test_each_way_to_hand_them_over_is_the_same():
    X, y, coef, se = drawn()
    frame, expected = pd.DataFrame(X, columns=NAMES), fitted(X, y, coef, se).coef_
    by_name, errors = ({name: values[i] for i, name in reversed(list(enumerate(NAMES)))} for values in (coef, se))
    results = SimpleNamespace(
        params=np.r_[3.0, coef], bse=np.r_[0.1, se], model=SimpleNamespace(exog_names=["const", *NAMES])
    )
    for given in (
        SimpleNamespace(coef_=coef, coef_se_=se),
        Coefficients(by_name, errors),
        Coefficients(pd.Series({"const": 3.0, **by_name}), pd.Series(errors)),
        Coefficients(coef[::-1], se[::-1], NAMES[::-1]),
        results,
    ):
        np.testing.assert_allclose(TransferRidge(given).fit(frame, y).coef_, expected)
    assert not np.allclose(expected, TransferRidge(coef).fit(X, y).coef_)
    both = TransferRidge([Coefficients(coef, se), Coefficients(coef, se)]).fit(X, y)
    assert both.source_weight_.shape == (2,)


def test_units_of_pipelines_are_those_of_the_errors_too():
    """Two sources that scaled their columns each by themselves: the second is brought to the first one's units."""
    X, y, coef, se = drawn()
    rng = np.random.default_rng(0)
    scalers = [StandardScaler().fit(rng.normal(size=(50, 6)) * rng.uniform(1, 9, 6) + 2) for _ in range(2)]
    given = [Given().fit(coef * scaler.scale_, se * scaler.scale_) for scaler in scalers]
    pipes = [make_pipeline(*steps) for steps in zip(scalers, given, strict=True)]
    sources = TransferRidge(pipes).meet(X, y).sources
    own, other = (source.coef_se * (1.0 if source.unit is None else source.unit) for source in sources)
    np.testing.assert_allclose(own, other)
    met_by = TransferRidge(pipes).meet(X, y)
    both = [met_by.alone(index).seen_by(SAME).whitening.eigenvalues for index in range(2)]
    np.testing.assert_allclose(*both)


class Given(BaseEstimator):
    def fit(self, coef, se):
        self.coef_, self.coef_se_, self.n_features_in_ = coef, se, len(coef)
        return self


@pytest.mark.parametrize(("se", "words"), [
    ([0.1], "a standard error for each coefficient"),
    ([-0.1, 0.1, 0.1, 0.1, 0.1, 0.1], "finite and not below 0"),
    ([np.nan, 0.1, 0.1, 0.1, 0.1, 0.1], "finite and not below 0"),
])  # fmt: skip
def test_what_cannot_be_used(se, words):
    X, y, coef, _ = drawn()
    with pytest.raises(ValueError, match=words):
        fitted(X, y, coef, se)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_few_rows_and_outcomes_that_do_not_vary(rows):
    X, y, coef, se = drawn()
    for outcome in (y[:rows], np.full(rows, 2.0)):
        model = fitted(X[:rows], outcome, coef, se)
        assert np.isfinite([*model.coef_, model.intercept_]).all()
