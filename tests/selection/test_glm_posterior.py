"""What the hypotheses leave open of a generalised linear model's coefficients."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from headwater import SourceLogistic, TransferLogistic
from headwater.selection.glm_choice import GLMChoice, Weighed
from headwater.selection.glm_posterior import moments

RNG = np.random.default_rng(4)
X0, X1 = RNG.normal(size=(120, 3)), RNG.normal(size=(40, 3))
Y0, Y1 = (RNG.random(len(X)) < 1 / (1 + np.exp(-X @ [1.0, -1.0, 0.5])) for X in (X0, X1))


def test_at_one_penalty_from_scratch_it_is_the_inverse_hessian():
    (scratch,) = TransferLogistic(None).fit(X1, Y1).choice_.weighed
    node = int(np.argmax(scratch.log_weight))
    prior = replace(
        scratch.prior,
        **{name: getattr(scratch.prior, name)[node : node + 1] for name in ("precisions", "own", "target_tau")},
    )
    tau, (mode,) = float(prior.target_tau[0]), scratch.modes[node : node + 1]
    mean, error = moments(GLMChoice((Weighed(prior, (mode,), np.zeros(1)),)))
    centred, n = X1 - X1.mean(axis=0), len(X1)
    rows = np.column_stack([np.ones(n), centred])
    chance = 1 / (1 + np.exp(-mode.eta))
    hessian = rows.T @ ((chance * (1 - chance))[:, None] * rows) + np.diag([2.5**-2, *[n * tau] * 3])
    np.testing.assert_allclose(error, np.sqrt(np.diag(np.linalg.inv(hessian)))[1:], rtol=1e-6)
    np.testing.assert_allclose(mean, mode.theta[1:], rtol=1e-9)


def test_it_is_that_of_draws_from_the_mixture():
    model = TransferLogistic(SourceLogistic().fit(X0, Y0)).fit(X1, Y1)
    choice, rng = model.choice_, np.random.default_rng(0)
    drawn, each = [], 20_000
    for one, weights in zip(choice.weighed, choice.weights, strict=True):
        for node, (mode, share) in enumerate(zip(one.modes, weights, strict=True)):
            count = round(each * share)
            if count:
                inverse = np.linalg.inv(mode.gram + np.diag(one.prior.precisions[node]))
                for theta in rng.multivariate_normal(mode.theta, inverse, size=count):
                    at, chosen = np.zeros((len(one.modes), len(theta))), np.zeros(len(one.modes))
                    at[node], chosen[node] = theta, 1.0
                    drawn.append(one.prior.coefficients(at, chosen)[0])
    mean, error = moments(choice)
    close = 5 * error / np.sqrt(len(drawn))
    np.testing.assert_array_less(np.abs(np.mean(drawn, axis=0) - mean), close)
    np.testing.assert_allclose(np.std(drawn, axis=0), error, rtol=0.05)


def test_without_rows_that_span_the_features_it_is_not_known():
    model = TransferLogistic(None).fit(X1[:6, :1] @ np.ones((1, 9)) + np.eye(6, 9), [0, 1, 0, 1, 1, 0])
    assert np.isnan(moments(model.choice_)[1]).all()
