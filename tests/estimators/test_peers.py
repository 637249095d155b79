"""Peers' mistakes, each as a test that we pass: what a penalty multiplies, where state lives, what a call returns."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from sklearn.linear_model import Ridge, RidgeCV

from headwater import L2SPRidge, SourceRidge, Spectrum, TransferRidge

RNG = np.random.default_rng(0)
N, P, TAU = 40, 6, 3.0
X, START = RNG.normal(size=(N, P)) + 2, RNG.normal(size=P)
Y = X @ RNG.normal(size=P) + 2 * RNG.normal(size=N)
ESTIMATORS = [
    lambda tau, y=Y: SourceRidge(tau=tau).fit(X, y),
    lambda tau, y=Y: L2SPRidge(np.zeros(P), tau=tau).fit(X, y),
    lambda tau, y=Y: TransferRidge(tau=tau).fit(X, y),
]
variance = float(np.var(Y - Ridge(alpha=N * TAU).fit(X, Y).predict(X)))


@pytest.mark.parametrize("fit", ESTIMATORS, ids=["SourceRidge", "L2SPRidge", "TransferRidge"])
@pytest.mark.parametrize(
    ("mistake", "alpha"),
    [
        ("squared, as ADAPT's transfer model minimises", N * TAU**2),
        ("halved", N * TAU / 2),
        ("doubled", 2 * N * TAU),
        ("times the residual variance", N * TAU * variance),
        ("against the sum of squares", TAU),
        ("against the mean over n − 1", (N - 1) * TAU),
    ],
)
def test_the_penalty_multiplies_what_it_says(fit, mistake, alpha):
    ours = fit(TAU).coef_
    np.testing.assert_allclose(ours, Ridge(alpha=N * TAU).fit(X, Y).coef_, rtol=1e-10)
    assert np.abs(ours - Ridge(alpha=alpha).fit(X, Y).coef_).max() > 1e-3, mistake


@pytest.mark.parametrize("tau", [1e-3, 0.5, 1.0, 2.0, 40.0])
@pytest.mark.parametrize("scale", [1.0, -0.4])
def test_the_gradient_of_the_objective_is_zero(tau, scale):
    """A λ² or λ/2 in place of λ shows at every τ but 1 or 0; no step in any direction does better either."""
    model = L2SPRidge(START, tau=tau, scale=scale).fit(X, Y)

    def objective(w, b):
        return np.mean((Y - X @ w - b) ** 2) + tau * np.sum((w - scale * START) ** 2)

    residual = Y - model.predict(X)
    np.testing.assert_allclose(X.T @ residual / N, tau * (model.coef_ - scale * START), atol=1e-10 * (1 + tau))
    for step in 1e-3 * np.random.default_rng(1).normal(size=(20, P + 1)):
        assert objective(model.coef_ + step[1:], model.intercept_ + step[0]) > objective(model.coef_, model.intercept_)


@pytest.mark.parametrize("fit", ESTIMATORS, ids=["SourceRidge", "L2SPRidge", "TransferRidge"])
def test_the_outcomes_unit_does_not_reach_the_penalty(fit):
    """A penalty times the noise variance would shrink less where the outcome is counted in cents."""
    np.testing.assert_allclose(fit(TAU, 100 * Y).coef_, 100 * fit(TAU).coef_, rtol=1e-10)


def test_leave_one_out_is_scikit_learns():
    alphas = N * np.geomspace(1e-4, 10, 12)
    peer = RidgeCV(alphas, store_cv_results=True).fit(X, Y)
    np.testing.assert_allclose(Spectrum.from_rows(X, Y).loo(alphas / N), peer.cv_results_.mean(axis=0), rtol=1e-9)


def test_no_state_is_shared_between_fits():
    """himalaya's backend is global; here fits in threads, and in any order, are those made alone."""
    source = SourceRidge().fit(X, Y)
    options = [{"criterion": c, "average": a} for c in ("evidence", "gcv", "loo") for a in (True, False)]
    alone = [TransferRidge(source, **option).fit(X[:20] + 1, Y[:20]).coef_ for option in options]
    found: dict[int, np.ndarray] = {}

    def work(index):
        found[index] = TransferRidge(source, **options[index]).fit(X[:20] + 1, Y[:20]).coef_

    threads = [threading.Thread(target=work, args=(index,)) for index in reversed(range(len(options)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index, coef in enumerate(alone):
        np.testing.assert_array_equal(found[index], coef)


def test_no_option_changes_what_there_is():
    """The fitted attributes, and the kind of each, are the same whatever the options: none comes and goes."""
    source = SourceRidge().fit(X, Y)
    kinds = set()
    for given in (None, source, START):
        for criterion in ("evidence", "gcv", "loo"):
            for average in (True, False):
                for tau in ("auto", 0.5):
                    model = TransferRidge(given, criterion=criterion, average=average, tau=tau).fit(X[:20], Y[:20])
                    fitted = {k: type(v).__name__ for k, v in vars(model).items() if k.endswith("_")}
                    kinds.add(tuple(sorted(fitted.items())))
                    assert type(model.predict(X)) is np.ndarray
    assert len(kinds) == 1
