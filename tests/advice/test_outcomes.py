"""The advice on yes/no outcomes and counts: its verdict where it is plain, its errors, its words."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from headwater import SourceGLM, SourceLogistic, advise
from headwater.selection.predictive import Interval

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
    assert same.sentence.startswith("Transfer. Expect about ")
    assert "less prediction error (log loss) than from the target's 40 rows alone: it helps" in same.sentence
    other = advise(yes_no(1000, W, 0), yes_no(400, -W, 1), family="binomial")
    assert other.verdict == "scratch"
    assert other.sentence.startswith("Do not transfer")
    few = advise(yes_no(1000, W, 0), yes_no(8, 0.3 * W[::-1], 3), family="binomial")
    assert few.verdict == "undecided"
    assert few.sentence.startswith("Too little data to tell")


def test_the_table_is_of_left_out_log_losses():
    source = SourceLogistic().fit(*yes_no(1000, W, 0))
    X, y = yes_no(60, W, 1)
    advice = advise(source, (X, y), family="binomial")
    table = advice.rival
    assert table["source"].left_out == pytest.approx(log_loss(y, source.predict_proba(X)))
    assert table["chosen"].error.estimate == pytest.approx(table["chosen"].left_out)
    assert advice.errors["chosen"] < advice.errors["scratch"] < advice.errors["base_rate"]
    assert table["shifted"].left_out == pytest.approx(table["source"].left_out, rel=0.1)
    assert min(advice.errors.values()) == advice.errors["chosen"]  # what was chosen is what is believed
    for one in advice.rivals:
        assert one.error.low < one.error.estimate < one.error.high
        assert one.gain.estimate == pytest.approx(advice.errors["scratch"] - one.error.estimate, abs=1e-9)
    twice = advise(source, (X, y, np.full(60, 2.0)), family="binomial")
    assert twice.target.rows == 120


def test_the_verdict_is_a_function_of_the_table():
    advice = advise(yes_no(1000, W, 0), yes_no(40, W, 1), family="binomial")
    worse = replace(advice.rival["chosen"], gain=Interval(-0.1, -0.2, 0.0), chance=0.05)
    told = replace(advice, rivals=(worse, *advice.rivals[1:]))
    assert told.verdict == "scratch" and told.sentence.startswith("Do not transfer")
    unsure = replace(advice.rival["chosen"], gain=Interval(0.01, -0.2, 0.2), chance=0.6)
    assert replace(advice, rivals=(unsure, *advice.rivals[1:])).verdict == "undecided"


def test_gains_come_true_about_as_often_as_they_are_said_to():
    """Of tasks that are near: nine in ten of the intervals hold what is gained on many new rows."""
    held, gained = 0, []
    X_new, y_new = yes_no(4000, 0.8 * W, 99)
    for seed in range(12):
        advice = advise(yes_no(300, W, seed), yes_no(30, 0.8 * W, seed + 1000), family="binomial")
        eta = {name: X_new @ way.coef + way.intercept for name, way in advice.ways.items()}
        loss = {name: np.logaddexp(0, np.where(y_new == "yes", -e, e)).mean() for name, e in eta.items()}
        gain = advice.gain.chosen
        held += gain.low <= loss["scratch"] - loss["chosen"] <= gain.high
        gained.append(loss["scratch"] - loss["chosen"] - gain.estimate)
    assert held >= 8  # of 12; fewer once in two hundred
    assert abs(np.mean(gained)) < 0.05


def test_counts_have_an_exposure_and_vary_more():
    X0, y0, years0 = counts(800, W, 0)
    X1, y1, years1 = counts(40, W, 1)
    advice = advise(SourceGLM().fit(X0, y0, exposure=years0), (X1, y1), family="poisson", exposure=years1)
    assert advice.verdict == "transfer"
    assert "prediction error (deviance)" in advice.sentence
    assert advice.errors["chosen"] == pytest.approx(1, abs=0.5)  # a Poisson row's is about 1
    assert not advice.notes
    twice = advise(SourceGLM().fit(X0, 4 * y0, exposure=years0), (X1, 4 * y1), family="poisson", exposure=years1)
    assert any("as much as Poisson counts" in note for note in twice.notes)


def test_words_and_plain_values():
    known = advise(yes_no(500, W, 0), yes_no(40, W, 1), family="binomial")
    peer = LogisticRegression().fit(*yes_no(500, W, 0))
    published = advise(peer.coef_[0], yes_no(40, W, 1), family="binomial")
    assert "source" not in published.rival and "shifted" in published.rival
    assert "source" in advise(peer, yes_no(40, W, 1), family="binomial").rival
    assert any("only the source's coefficients are known" in note for note in published.notes)
    for advice in (known, published):
        assert str(advice).startswith("Transfer. Expect about ") and "rho" not in str(advice)
        assert "Evidence: how much of the posterior" in advice.explanation
        assert "<table>" in advice._repr_html_()
        assert len(advice.table) == len(advice.rivals)
        assert json.loads(json.dumps(advice.as_dict()))["verdict"] == "transfer"


def test_arrays_are_asked_about_as_ridges_are():
    X0, y0 = yes_no(300, W, 0)
    X1, y1 = yes_no(40, W, 1)
    seen = advise((np.r_[X0, X1], np.r_[y0, y1]), (X1, y1), family="binomial")
    assert any("the source has seen their outcomes" in note for note in seen.notes)
    copied = advise((X0, y0), (np.r_[X1, X1], np.r_[y1, y1]), family="binomial")
    assert any("are copies of others" in note for note in copied.notes)
    assert copied.target.rows == 80 and len(copied.judge.share) == 40
    leaked = np.where(y1 == "yes", 1.0, 0.0)
    told = advise((X0, y0), (np.c_[leaked, X1[:, 1:]], y1), family="binomial")
    assert any("nearly the outcome itself" in note for note in told.notes)
    swapped = advise((X1, y1), (X0, y0), family="binomial")
    assert any("are they swapped" in note for note in swapped.notes)


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
        ({"family": "binomial", "groups": np.arange(40)}, "criterion and inverse variances are ridge's"),
    ],
)
def test_what_cannot_be_asked_is_refused(more, message):
    with pytest.raises(ValueError, match=message):
        advise(yes_no(100, W, 0), yes_no(40, W, 1), **more)
    with pytest.raises(ValueError, match="TransferRidge alone takes several"):
        advise([SourceLogistic().fit(*yes_no(100, W, 0))] * 2, yes_no(40, W, 1), family="binomial")


def test_certainties_are_numbers():
    """A source that tells all its rows apart says certainties elsewhere, of which the log odds are beyond doubles."""
    rng = np.random.default_rng(0)
    X0, X1 = rng.normal(size=(500, 2)), rng.normal(size=(60, 2))
    advice = advise((X0, X0 @ [1, 0.3] > 0), (X1, X1[:, 0] > 0), family="binomial")
    assert all(np.isfinite([one.error.estimate, one.gain.low, one.gain.high]).all() for one in advice.rivals)
    assert np.abs(advice.model.coef_).max() < 1e4
    assert any("tell its outcomes apart" in note for note in advice.notes)


def test_rows_without_an_event_do_not_promise_a_small_error():
    rng = np.random.default_rng(1)
    X0, y0 = yes_no(4000, W, 0, level=-5.5)
    X1 = rng.normal(size=(140, 3))
    chosen = advise((X0, y0), (X1, np.full(140, "no")), family="binomial").rival["chosen"].error
    assert chosen.estimate < 0.05 and chosen.high > 5 * chosen.estimate  # an event costs about 4


def test_rows_that_cost_alike_are_no_sure_error():
    X = np.zeros((20, 1))
    source = SourceLogistic().fit(np.r_[X, X + 1], np.r_[np.tile([0, 1], 10), np.ones(18), 0, 0])
    advice = advise(source, (X, np.tile([0, 1], 10)), family="binomial")
    left_out = advice.judge.left_out
    assert np.ptp(left_out) < 0.03 and advice.rival["scratch"].left_out > 0.74
    error = advice.rival["scratch"].error
    assert error.low < np.log(2) < error.high  # what a rate of one half costs


def test_one_row_and_few_are_enough():
    X0, y0 = yes_no(300, W, 0)
    X1, y1 = yes_no(3, W, 1)
    for rows in (1, 2, 3):
        advice = advise((X0, y0), (X1[:rows], y1[:rows]), family="binomial")
        assert np.isfinite(advice.model.predict_proba(X1)).all()
        assert advice.verdict == "undecided" or rows > 1
        scratch = advice.errors["scratch"]
        assert all(one.gain.high <= scratch or rows == 1 for one in advice.rivals)  # no more than all is to be gained


def test_both_tables_have_an_exposure():
    X0, y0, e0 = counts(1000, W, 0)
    X1, y1, e1 = counts(30, W, 1)
    pair = advise((X0, y0), (X1, y1), family="poisson", exposure=(e0, e1))
    fitted = advise(SourceGLM().fit(X0, y0, exposure=e0), (X1, y1), family="poisson", exposure=e1)
    assert pair.errors == fitted.errors
    for given in (e1, [e0, e1, e1], (e0, 2.0)):
        with pytest.raises(ValueError, match=r"give the pair \(the source's, the target's\)"):
            advise((X0, y0), (X1, y1), family="poisson", exposure=given)
    with pytest.raises(ValueError, match="exposure must be one number a row"):
        advise(SourceGLM().fit(X0, y0, exposure=e0), (X1, y1), family="poisson", exposure=(e0, e1))


def test_an_exposure_leaves_the_other_questions_asked():
    X0, y0, e0 = counts(200, W, 0)
    X1, y1, e1 = counts(20, W, 1)
    weights = np.linspace(1, 500, 20)
    told = {"family": "poisson", "exposure": (e0, e1)}
    with pytest.raises(ValueError, match="weights_kind"):
        advise((X0, y0), (X1, y1, weights), **told)
    surveyed = advise((X0, y0), (X1, y1, weights), weights_kind="survey", **told)
    assert surveyed.target.rows < 21


def test_a_target_is_a_tuple_or_a_list():
    X0, y0, _ = counts(200, W, 0)
    X1, y1, _ = counts(20, W, 1)
    source = SourceGLM().fit(X0, y0)
    for start in (source, (X0, y0)):
        one, other = (advise(start, side, family="poisson") for side in ((X1, y1), [X1, y1]))
        assert one.errors == pytest.approx(other.errors, rel=1e-10)
        assert np.array_equal(other.met.outcomes.y, y1)


def test_the_choice_does_not_depend_on_the_penalty_the_source_is_at():
    rows, target = yes_no(400, W, 0), yes_no(40, W, 1, level=2.0)
    free = advise(SourceLogistic().fit(*rows), target, family="binomial")
    for source in (SourceLogistic(tau=10.0).fit(*rows), SourceLogistic().fit(*rows).at(10.0)):
        held = advise(source, target, family="binomial")
        np.testing.assert_allclose(held.model.coef_, free.model.coef_, rtol=1e-8)
        assert held.source_optimal_tau == pytest.approx(free.source_optimal_tau)
        assert held.rival["source"].left_out == pytest.approx(log_loss(target[1], source.predict_proba(target[0])))


def test_words_are_no_numbers():
    with pytest.raises(ValueError, match="outcomes are not numbers: with family='binomial'"):
        advise(yes_no(100, W, 0), yes_no(20, W, 1))


def test_the_short_form_is_short():
    advice = advise(yes_no(100, W, 0), yes_no(20, W, 1), family="binomial")
    told = str(replace(advice, notes=("doubtful", "left out", "mended"))).splitlines()
    assert len(told) <= 15
    assert told[-2:] == ["note: doubtful", "note: 2 more notes with .explanation"]


def test_counts_of_one_are_not_one_kind_of_outcome():
    X0, y0, _ = counts(200, W, 0)
    for y, said in ((np.ones(20), False), (np.zeros(20), True)):
        advice = advise((X0, y0), (X0[:20] + 0.1, y), family="poisson")
        assert any("one kind of outcome only" in note for note in advice.notes) == said
