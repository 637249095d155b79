"""The advice on yes/no outcomes and counts: its verdict where it is plain, its errors, its words."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from headwater import SourceGLM, SourceLogistic, advise

W = np.array([1.5, -1.5, 0.5])


def yes_no(rows, weights, seed, level=0.0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 3))
    return X, np.where(rng.random(rows) < 1 / (1 + np.exp(-X @ weights - level)), "yes", "no")


def counts(rows, weights, seed):
    rng = np.random.default_rng(seed)
    X, years = rng.normal(size=(rows, 3)), rng.uniform(0.5, 3, rows)
    return X, rng.poisson(years * np.exp(X @ weights / 3)), years


def test_the_same_task_is_transferred_and_another_left_alone():
    same = advise(yes_no(1000, W, 0), yes_no(40, W, 1), family="binomial")
    assert same.verdict == "transfer"
    assert same.sentence.startswith("transfer: about ") and "less log loss than from scratch" in same.sentence
    other = advise(yes_no(1000, W, 0), yes_no(400, -W, 1), family="binomial")
    assert other.verdict == "scratch"
    assert other.sentence.startswith("do not transfer")
    few = advise(yes_no(1000, W, 0), yes_no(8, 0.3 * W[::-1], 3), family="binomial")
    assert few.verdict == "undecided"
    assert "too little data to tell" in few.sentence


def test_errors_are_left_out_log_losses():
    source = SourceLogistic().fit(*yes_no(1000, W, 0))
    X, y = yes_no(60, W, 1)
    advice = advise(source, (X, y), family="binomial")
    assert advice.errors["source"] == pytest.approx(log_loss(y, source.predict_proba(X)))
    assert advice.errors["chosen"] < advice.errors["scratch"] < advice.errors["base_rate"]
    assert advice.errors["source_level"] == pytest.approx(advice.errors["source"], rel=0.1)
    assert advice.gain.estimate == pytest.approx(advice.errors["scratch"] - advice.errors["chosen"])
    assert advice.gain.low < advice.gain.estimate < advice.gain.high
    twice = advise(source, (X, y, np.full(60, 2.0)), family="binomial")
    assert twice.target.rows == 120


def test_counts_have_an_exposure_and_vary_more():
    X0, y0, years0 = counts(800, W, 0)
    X1, y1, years1 = counts(40, W, 1)
    advice = advise(SourceGLM().fit(X0, y0, exposure=years0), (X1, y1), family="poisson", exposure=years1)
    assert advice.verdict == "transfer"
    assert "less Poisson deviance" in advice.sentence
    assert advice.errors["chosen"] == pytest.approx(1, abs=0.5)  # a Poisson row's is about 1
    assert not advice.notes
    twice = advise(SourceGLM().fit(X0, 4 * y0, exposure=years0), (X1, 4 * y1), family="poisson", exposure=years1)
    assert any("as much as Poisson counts" in note for note in twice.notes)


def test_words_and_plain_values():
    known = advise(yes_no(500, W, 0), yes_no(40, W, 1), family="binomial")
    peer = LogisticRegression().fit(*yes_no(500, W, 0))
    published = advise(peer.coef_[0], yes_no(40, W, 1), family="binomial")
    assert np.isnan(published.errors["source"]) and np.isfinite(published.errors["source_level"])
    assert np.isfinite(advise(peer, yes_no(40, W, 1), family="binomial").errors["source"])
    assert any("only the source's coefficients are known" in note for note in published.notes)
    for advice in (known, published):
        text = str(advice)
        assert text.startswith("verdict: transfer") and "rho" not in text
        assert json.loads(json.dumps(advice.as_dict()))["verdict"] == "transfer"


def test_a_source_that_says_nothing_is_not_transferred():
    rng = np.random.default_rng(5)
    X0, y0 = yes_no(300, W, 0)
    advice = advise((X0, rng.permutation(y0)), yes_no(40, W, 1), family="binomial")
    if np.isinf(advice.source_optimal_tau):
        assert advice.verdict == "scratch" and advice.weight == 0
    assert advice.verdict != "transfer"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"family": "gamma"}, "family must be one of"),
        ({"family": "binomial", "exposure": np.ones(40)}, "needs family='poisson'"),
        ({"exposure": np.ones(40)}, "needs family='poisson'"),
        ({"family": "binomial", "groups": np.arange(40)}, "criterion and weights_kind are ridge's"),
    ],
)
def test_what_cannot_be_asked_is_refused(more, message):
    with pytest.raises(ValueError, match=message):
        advise(yes_no(100, W, 0), yes_no(40, W, 1), **more)
    with pytest.raises(ValueError, match="TransferRidge alone takes several"):
        advise([SourceLogistic().fit(*yes_no(100, W, 0))] * 2, yes_no(40, W, 1), family="binomial")
