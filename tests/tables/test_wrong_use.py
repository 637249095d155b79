"""Wrong use is seen: small tables of other people, what is said of each, and the number that must come out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
from scipy.sparse import csr_array
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from headwater import SourceRidge, advise
from headwater.advice.doubts import checked

NAMES = ("size", "age", "income", "rooms")
COEF = np.array([2.0, -1.0, 0.5, 1.5])


def made(rows, seed=0, coef=COEF, noise=1.0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, len(COEF)))
    return X, X @ coef + noise * rng.normal(size=rows)


def frame(X, y, **more):
    return dict(zip(NAMES, X.T, strict=True)) | {"price": y} | more


def write(name, columns):
    pyarrow.csv.write_csv(pa.table(columns), name)


def related():
    return frame(*made(200)), frame(*made(40, 1))


def inside():
    """A source of an unrelated task, and a target all of whose rows are in it too."""
    X, y = made(200, coef=np.zeros(4))
    A, b = made(30, 1)
    return frame(np.r_[X, A], np.r_[y, b]), frame(A, b)


def inside_rounded():
    """The same, the target's numbers written with fewer decimals."""
    source, target = inside()
    return source, {name: np.round(values, 2) for name, values in target.items()}


def inside_coarse():
    """The same with outcomes of five values."""
    source, target = inside()
    for side in (source, target):
        side["price"] = np.clip(np.round(side["price"]), -2, 2)
    return source, target


def by_chance():
    """Two binary features and an outcome of three values: every target row is in the source."""
    rng = np.random.default_rng(0)
    sides = []
    for rows in (300, 40):
        X = rng.integers(0, 2, (rows, 2))
        sides.append({"size": X[:, 0], "age": X[:, 1], "price": X.sum(axis=1) + rng.integers(0, 2, rows)})
    return tuple(sides)


def repeated():
    """Fifteen rows, each drawn eight times."""
    X, y = made(15, 1)
    return frame(*made(200)), frame(np.repeat(X, 8, axis=0), np.repeat(y, 8))


def swapped():
    source, target = related()
    return target, source


def leaking():
    source, target = related()
    for side, seed in ((source, 2), (target, 3)):
        rng = np.random.default_rng(seed)
        side["price_paid"] = 1000 * side["price"] + rng.normal(size=len(side["price"]))
    return source, target


def leaking_in_target():
    source, target = leaking()
    source["price_paid"] = np.random.default_rng(4).normal(size=200)
    return source, target


def months():
    """Ages in years here, in months there."""
    source, target = related()
    source["age"], target["age"] = 40 + 10 * source["age"], 12 * (40 + 10 * target["age"])
    return source, target


def kelvin():
    source, target = related()
    source["age"], target["age"] = 20 + source["age"], 293 + target["age"]
    return source, target


def weighted(weight):
    def build():
        source, target = related()
        return source, target | {"times": weight(np.random.default_rng(5), 40)}

    return build


def regions(name="{}", seed=0):
    """Prices that depend on a region alone, named by a code."""
    effect = np.random.default_rng(9).normal(size=12)
    sides = []
    for rows in (400, 60, 300):
        rng = np.random.default_rng([seed, rows])
        region = rng.integers(0, 12, rows)
        price = effect[region] + 0.05 * rng.normal(size=rows)
        sides.append({"region": [name.format(r + 1) for r in region], "size": rng.normal(size=rows), "price": price})
    return sides


def subjects():
    source, target = related()
    source["person"], target["person"] = np.repeat(np.arange(50), 4) + 100, np.repeat(np.arange(10), 4) + 500
    return source, target


def opposite():
    source, target = related()
    return source, target | {"price": -target["price"]}


def in_time_order():
    """Outcomes that wander from row to row."""
    source, target = related()
    wander = 1.5 * np.cumsum(np.random.default_rng(3).normal(size=40))
    return source, target | {"price": target["price"] + wander}


def in_thousands():
    source, target = related()
    return source, target | {"price": target["price"] / 1000}


def in_thousandths():
    source, target = related()
    return source, target | {"price": target["price"] * 1000}


def marked():
    source, target = related()
    source["age"][:9] = -999
    return source, target


def marked_outcome():
    source, target = related()
    target["price"][:3] = 9999
    return source, target


def a_sum():
    """An outcome made of two features."""
    source, target = related()
    for side in (source, target):
        side["tax"] = np.random.default_rng(len(side["price"])).normal(size=len(side["price"]))
        side["net"] = side["price"] - side["tax"]
    return source, target


def totalled():
    """A spreadsheet's last line."""
    source, target = related()
    return source, {name: np.r_[values, values.sum()] for name, values in target.items()}


def averaged():
    source, target = related()
    return {name: np.r_[values, values.mean()] for name, values in source.items()}, target


def cut_off():
    source, target = related()
    return source | {"price": np.minimum(source["price"], np.quantile(source["price"], 0.8))}, target


def dates_as_numbers():
    rng = np.random.default_rng(0)
    source, target = related()
    for side in (source, target):
        months, days = (rng.integers(1, most, len(side["price"])) for most in (13, 29))
        side["day"] = 20210000 + 100 * months + days
    return source, target


def split():
    source, target = related()
    source["part"], target["part"] = ["train"] * 150 + ["test"] * 50, ["train"] * 40
    return source, target


def in_other_case():
    source, target = regions("Region {}")[:2]
    return source, target | {"region": [region.lower() for region in target["region"]]}


def predicted_before():
    source, target = related()
    return source | {"prediction": source["price"] + 0.1}, target | {"prediction": target["price"] + 0.1}


def grouped_by_row():
    source, target = related()
    return source, target | {"person": [f"p{i}" for i in range(40)]}


# what is the matter, the tables, further options, refused (2) or noted (0), and the words
CASES = [
    ("nothing is the matter", related, "", 0, None),
    ("target rows inside the source", inside, "", 2,
     "30 of 30 target rows are also rows of the source, features and outcome; by chance it would be about 0.1"),
    ("the same, allowed", inside, "--allow-overlap", 0, "30 of 30 target rows are also rows of the source"),
    ("the same, rounded", inside_rounded, "", 2,
     "30 of 30 target rows are, rounded, also rows of the source, features and outcome; by chance it would be about"),
    ("the same, few outcomes", inside_coarse, "", 0, "the source has seen their outcomes"),
    ("the same, by chance", by_chance, "", 0, "features and outcome; by chance it would be about"),
    ("repeated target rows", repeated, "", 0, "target.csv: 105 of 120 rows are copies of others"),
    ("source and target swapped", swapped, "", 0, "the source has fewer rows (40) than the target (200)"),
    ("a feature is the outcome", leaking, "", 0, "price_paid is in the source and the target nearly the"),
    ("in the target alone", leaking_in_target, "", 0, "price_paid is in the target nearly the outcome itself"),
    ("a column in other units", months, "", 0, "level in the target than in the source: age (middle 39.9 and 488)"),
    ("a column of another level", kelvin, "", 0, "level in the target than in the source: age (middle 20"),
    ("an outcome of the opposite sign", opposite, "", 0, "the source is used with the opposite sign"),
    ("rows in time order", in_time_order, "", 0, "the errors of neighbouring target rows are alike (a test at 1 %)"),
    ("an outcome in thousands", in_thousands, "", 0, "the outcome has tenfold another spread or level in the target"),
    ("an outcome in thousandths", in_thousandths, "", 0, "the outcome has tenfold another spread or level in the"),
    ("a mark for what is missing", marked, "", 0, "source has a number far from all others more than once: age -999"),
    ("the same in the outcome", marked_outcome, "", 0, "target has a number far from all others more than once: the"),
    ("an outcome that is a sum", a_sum, "", 0, "the source's features add up to its outcome without error"),
    ("predictions of another run", predicted_before, "", 0, "unused, what headwater predict adds"),
    ("a group a row", grouped_by_row, "--groups person", 2, "every row is a group 'person' of its own"),
    ("weights of some kind", weighted(lambda rng, n: rng.random(n) + 0.5), "--weights times", 2,
     "the weights 'times' are not whole numbers ("),
    ("the same, said", weighted(lambda rng, n: rng.random(n)), "--weights times --weights-kind survey", 0, ""),
    ("the same, as counts", weighted(lambda rng, n: rng.random(n)), "--weights times --weights-kind frequency", 0, ""),
    ("a subject's number", subjects, "", 0, "unused, what was measured repeatedly by its look (--groups if so"),
    ("a line of totals", totalled, "", 0, "the target ends with a row that is the sum of those above it, and no obs"),
    ("a line of means", averaged, "", 0, "the source ends with a row that is the mean of those above it, and no obs"),
    ("an outcome that is cut off", cut_off, "", 0, "source has its largest value, 2.01609, in 20% of the outcome: if"),
    ("dates as numbers", dates_as_numbers, "", 0, "numbers that read as dates: day 2021"),
    ("which rows are for training", split, "", 0, "unused, which rows are for training by its look (--features"),
    ("levels in other case", in_other_case, "", 0, "more, which the source writes Region "),
    ("codes that are none", related, "--categories nonsense", 2, "there is no column 'nonsense'"),
    ("the outcome as a code", related, "--categories price", 2, "--categories: 'price' is the outcome"),
    ("weights far beyond the rows", weighted(lambda rng, n: rng.integers(500, 900, n)), "--weights times", 0,
     "target.csv: by the weights 'times' 40 rows stand for 27"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_each_wrong_use(headwater, case):
    _, tables, options, treatment, words = case
    for name, columns in zip(("source", "target"), tables(), strict=True):
        write(f"{name}.csv", columns)
    status, out, err = headwater("advise", "source.csv", "target.csv", "--outcome", "price", *options.split(), "--json")
    assert status == treatment, err
    if treatment == 2:
        assert out == "" and err.startswith("headwater: ") and err.count("\n") == 1 and words in err
    elif words is None:
        assert json.loads(out)["notes"] == []
    else:
        assert any(words in note for note in json.loads(out)["notes"]), json.loads(out)["notes"]


def advice(headwater, source, target, *options):
    write("source.csv", source)
    write("target.csv", target)
    status, out, err = headwater("advise", "source.csv", "target.csv", "--outcome", "price", *options, "--json")
    assert status == 0, err
    return json.loads(out)


def test_the_same_file_twice_is_refused(headwater):
    write("a.csv", related()[0])
    Path("b.csv").symlink_to("a.csv")
    status, _, err = headwater("advise", "a.csv", "b.csv", "--outcome", "price")
    assert status == 2 and "b.csv: source and target are the same file" in err
    status, out, _ = headwater("advise", "a.csv", "b.csv", "--outcome", "price", "--allow-overlap", "--json")
    assert status == 0 and "200 of 200 target rows are also rows of the source" in str(json.loads(out)["notes"])


def test_scoring_the_rows_it_was_fitted_on_is_said(headwater):
    source, target = related()
    more = frame(*made(60, 7))
    for name, columns in (("source", source), ("target", target), ("more", more)):
        write(f"{name}.csv", columns)
    write("half.csv", {name: np.r_[target[name][:10], more[name]] for name in target})
    assert headwater("fit", "source.csv", "target.csv", "--outcome", "price", "-o", "m")[0] == 0
    for data, seen in (("target.csv", 40), ("half.csv", 10), ("more.csv", 0), ("source.csv", 0)):
        notes = json.loads(headwater("score", "m", data, "--json")[1])["notes"]
        assert (
            notes == [] if not seen else notes[0].startswith(f"{seen} of the 40 target rows that the model was fitted")
        )


def test_few_features_are_no_fingerprint(headwater):
    """Two binary features: rows are alike by chance, and score says nothing."""
    source, target = by_chance()
    for name, columns in (("source", source), ("target", target)):
        write(f"{name}.csv", columns)
    headwater("fit", "source.csv", "target.csv", "--outcome", "price", "-o", "m")
    assert json.loads(headwater("score", "m", "source.csv", "--json")[1])["notes"] == []


def test_overlap_flips_the_verdict_where_it_is_allowed(headwater):
    """Why it is refused: the source knows nothing of the task, and yet seems to help."""
    X, y = made(100, coef=COEF[::-1] * [1, -1, 1, -1])
    A, b = made(60, 1)
    apart = advice(headwater, frame(X, y), frame(A, b))
    together = advice(headwater, frame(np.r_[X, A], np.r_[y, b]), frame(A, b), "--allow-overlap")
    assert together["alignment"]["estimate"] > apart["alignment"]["estimate"] + 0.3


def test_copies_leave_together(headwater):
    """The left-out errors of fifteen rows drawn eight times are those of a weight of eight, and no longer nothing."""
    source, target = repeated()
    copied = advice(headwater, source, target)
    one = {name: values[::8] for name, values in target.items()}
    counted = advice(headwater, source, one | {"times": np.full(15, 8)}, "--weights", "times")
    assert copied["errors"] == pytest.approx(counted["errors"], rel=1e-9)
    assert copied["alignment"]["estimate"] == pytest.approx(counted["alignment"]["estimate"], rel=1e-6)
    assert copied["target"]["rows"] == 120
    # and not next to nothing, though the likelihood takes each row for eight
    alone = advice(headwater, source, one)["errors"]["scratch"]
    assert alone / 3 < copied["errors"]["scratch"] < 1.5 * alone


def test_copies_within_a_group_stay_in_it(headwater):
    source, target = repeated()
    target["subject"] = np.tile(np.repeat(np.arange(8), 3), 5)
    assert "105" not in str(advice(headwater, source, target, "--groups", "subject")["notes"])
    X, y = arrays(target)
    apart = checked([], (X, y), np.arange(120) % 8, False)[-1]
    assert len(apart) == 1 and "105 of 120 rows are copies of rows in other groups, and stay when" in apart[0]
    together = checked([], (X, y), np.arange(120) // 8, False)[-1]
    assert len(together) == 1 and "105 of 120 rows are copies of others" in together[0]


def test_survey_weights_have_no_scale(headwater):
    source, target = related()
    weight = np.random.default_rng(5).random(40) + 0.2
    options = ("--weights", "times", "--weights-kind", "survey")
    once, often = (advice(headwater, source, target | {"times": k * weight}, *options) for k in (1, 1500))
    for name in ("weight", "scale", "target_tau"):
        assert once[name] == pytest.approx(often[name], rel=1e-5)
    assert (once["verdict"], once["target"]["rows"]) == (often["verdict"], pytest.approx(40))
    # precisions of mean 1 taken as frequencies are the same thing
    counted = advice(headwater, source, target | {"times": weight / weight.mean()}, "--weights", "times",
                     "--weights-kind", "frequency")  # fmt: skip
    assert counted["weight"] == pytest.approx(once["weight"], rel=1e-5)


def r2(headwater, sides, *options):
    for name, columns in zip(("source", "target", "new"), sides, strict=True):
        write(f"{name}.csv", columns)
    assert headwater("fit", "source.csv", "target.csv", "--outcome", "price", *options, "-o", "m")[0] == 0
    return json.loads(headwater("score", "m", "new.csv", "--json")[1])


def test_codes_are_categories_where_it_is_said(headwater):
    """The same numbers as where the codes are words; and about those of scikit-learn on dummies."""
    plain, coded, words = (
        r2(headwater, regions(name), *options)
        for name, options in (("{}", ()), ("{}", ("--categories", "region")), ("r{}", ()))
    )
    assert plain["r2"] < 0.5
    assert coded["error"] == pytest.approx(words["error"], rel=1e-6)
    source, target, new = regions()
    levels = sorted(set(source["region"]))
    dummies = [np.c_[[[region == level for level in levels] for region in side["region"]], side["size"]].astype(float)
               for side in (source, target, new)]  # fmt: skip
    ridge = RidgeCV(np.logspace(-4, 2, 13)).fit(dummies[1], target["price"])
    assert coded["r2"] > 0.98 and coded["r2"] > ridge.score(dummies[2], new["price"]) - 0.01


def test_missing_text_is_a_level_of_its_own(headwater):
    """Regions of which one goes unnamed: the same numbers as where it is named."""
    named = regions("r{}")
    unnamed = [side | {"region": [r if r != "r3" else "" for r in side["region"]]} for side in named]
    scores = [r2(headwater, sides) for sides in (named, unnamed)]
    assert scores[0]["error"] == pytest.approx(scores[1]["error"], rel=1e-6)
    assert scores[1]["r2"] > 0.98 and scores[1]["notes"] == []


@pytest.mark.parametrize(("rows", "seen"), [(100, True), (15, False)])
def test_that_a_number_is_missing_is_a_feature_where_it_often_is(headwater, rows, seen):
    """A reading that is missing where the price is high; the same numbers as with a column that says so."""
    rng = np.random.default_rng(0)
    sides = []
    for count in (400, 60, 300):
        gone = np.arange(count) % 400 < rows if count == 400 else rng.random(count) < 0.3
        reading = rng.normal(size=count)
        price = np.where(gone, 5.0, reading) + 0.1 * rng.normal(size=count)
        sides.append({"reading": pa.array(reading, mask=gone), "size": rng.normal(size=count), "price": price})
    found = r2(headwater, sides)
    assert (found["r2"] > 0.95) == seen
    assert "new.csv: missing values, taken as the source's median: reading" in found["notes"][0]


def arrays(side):
    return np.column_stack([side[name] for name in NAMES]), side["price"]


def test_arrays_are_seen_to_as_files_are():
    source, target = map(arrays, inside())
    with pytest.raises(ValueError, match=r"30 of 30 target rows are also rows.*or say allow_overlap=True"):
        advise(source, target)
    allowed = advise(source, target, allow_overlap=True)
    assert "30 of 30 target rows" in allowed.notes[0]
    with pytest.raises(ValueError, match="30 of 30 target rows"):
        advise([arrays(related()[0]), source], target)
    with pytest.raises(ValueError, match="40 of 40 target rows"):  # sparse rows too
        advise((csr_array(arrays(related()[1])[0]), arrays(related()[1])[1]), arrays(related()[1]))
    with pytest.raises(ValueError, match="30 of 30 target rows are, rounded, also rows of the source"):
        advise(*map(arrays, inside_rounded()))
    assert "the source has fewer rows (40) than the target (200)" in advise(*map(arrays, swapped())).notes[0]
    assert advise(*map(arrays, related())).notes == ()
    copied, (X, y) = advise(*map(arrays, repeated())), arrays(repeated()[1])
    counted = advise(arrays(repeated()[0]), (X[::8], y[::8], np.full(15, 8.0)))
    assert "105 of 120 rows are copies" in copied.notes[0]
    assert copied.errors.chosen == pytest.approx(counted.errors.chosen)
    fitted = advise(SourceRidge().fit(*arrays(repeated()[0])), arrays(repeated()[1]))
    assert fitted.errors.chosen == pytest.approx(counted.errors.chosen)


def given(side):
    """A table as arrays, its numbers in their order."""
    return np.column_stack([side[name] for name in side if name not in ("price", "times")]), side["price"]


# the same tables as arrays, and what is then said
ASKED = [
    (leaking, "X[:, 4] is in the source and the target nearly the outcome itself"),
    (leaking_in_target, "X[:, 4] is in the target nearly the outcome itself"),
    (months, "level in the target than in the source: X[:, 1] (middle 39.9 and 488)"),
    (kelvin, "level in the target than in the source: X[:, 1] (middle 20"),
    (in_thousands, "the outcome has tenfold another spread or level in the target"),
    (in_thousandths, "the outcome has tenfold another spread or level in the target"),
    (marked, "the source has a number far from all others more than once: X[:, 1] -999"),
    (marked_outcome, "the target has a number far from all others more than once: the outcome 9999"),
    (totalled, "the target ends with a row that is the sum of those above it"),
    (averaged, "the source ends with a row that is the mean of those above it"),
    (cut_off, "the source has its largest value, 2.01609, in 20% of the outcome"),
    (dates_as_numbers, "numbers that read as dates: X[:, 4] 2021"),
    (a_sum, "the source's features add up to its outcome without error"),
]


@pytest.mark.parametrize(("tables", "words"), ASKED, ids=lambda one: getattr(one, "__name__", ""))
def test_arrays_are_asked_about_as_files_are(tables, words):
    source, target = map(given, tables())
    notes = checked([source], target, None, False)[-1]
    assert any(words in note for note in notes), notes
    sparse = checked([(csr_array(source[0]), source[1])], (csr_array(target[0]), target[1]), None, False)[-1]
    assert sparse == notes


def test_of_several_sources_each_is_asked_about_once():
    spare = frame(*made(200, 8))
    for tables, other, words in [
        (
            leaking,
            spare | {"tax": 1000.0 * (np.arange(200) % 7)},
            "X[:, 4] is in source[1] and the target nearly the outcome",
        ),
        (months, spare | {"age": 480 + 120 * spare["age"]}, "in the target than in source[1]: X[:, 1] (middle 39.9"),
        (a_sum, spare | {"tax": np.arange(200.0) % 7, "net": np.arange(200.0) % 5}, "source[1]'s features add up"),
        (marked, spare, "source[1] has a number far from all others"),
    ]:
        odd, target = map(given, tables())
        notes = checked([given(other), odd], target, None, False)[-1]
        assert len(notes) == 1 and words in notes[0], notes


def test_many_columns_of_few_rows_differ_by_chance():
    """Tables of eight rows and a thousand columns of the same units, of which none is asked about."""
    rng = np.random.default_rng(0)
    for _ in range(5):
        X, A = rng.normal(size=(50, 1000)), rng.normal(size=(8, 1000))
        assert checked([(X, X[:, 0] + rng.normal(size=50))], (A, rng.normal(size=8)), None, False)[-1] == []


def test_a_rare_yes_that_is_a_frequent_one_is_no_matter_of_units():
    rng = np.random.default_rng(0)
    X, A = (np.c_[rng.normal(size=60), rng.random(60) < share].astype(float) for share in (0.1, 0.9))
    assert checked([(X, X[:, 0] + rng.normal(size=60))], (A, A[:, 0] + rng.normal(size=60)), None, False)[-1] == []


def test_weights_of_arrays_are_of_a_kind(headwater):
    source, target = related()
    weight = np.random.default_rng(5).random(40) + 0.2
    sides = arrays(source), (*arrays(target), weight)
    with pytest.raises(ValueError, match=r"the target: its weights are not whole numbers .*say by weights_kind"):
        advise(*sides)
    with pytest.raises(ValueError, match=r"source\[1\]: its weights are not whole numbers"):
        advise([arrays(source), (*arrays(source), np.full(200, 0.5))], arrays(target))
    with pytest.raises(ValueError, match="weights_kind: 'frequencies' is none of frequency, precision, survey"):
        advise(*sides, weights_kind="frequencies")
    said = advice(headwater, source, target | {"times": weight}, "--weights", "times", "--weights-kind", "survey")
    once = advise(*sides, weights_kind="survey")
    often = advise(sides[0], (*arrays(target), 1500 * weight), weights_kind="survey")
    assert (once.weight, once.target.rows) == (pytest.approx(often.weight, rel=1e-5), pytest.approx(40))
    assert once.weight == pytest.approx(said["weight"], abs=0.05)  # which standardises beforehand
    counted = advise(sides[0], (*arrays(target), 30 * np.ones(40)))
    assert "the target: by its weights 40 rows stand for 1200" in counted.notes[0]


def test_frames_with_text_are_asked_about_by_name():
    """Behind a fitted preprocessor the target may be a frame: its numbers are asked about, and its copies seen."""
    pandas = pytest.importorskip("pandas")
    source, target = (pandas.DataFrame(side | {"town": ["a", "b"] * (len(side["price"]) // 2)}) for side in related())
    steps = ColumnTransformer([("town", OneHotEncoder(), ["town"]), ("rest", "passthrough", ["size", "age"])])
    fitted = make_pipeline(steps, SourceRidge()).fit(source.drop(columns="price"), source["price"])
    target["age"] = 1000 * target["price"] + target["size"] / 1000
    twice = pandas.concat([target] * 3, ignore_index=True)
    notes = advise(fitted, (twice.drop(columns="price"), twice["price"])).notes
    assert "age is in the target nearly the outcome itself" in notes[0]
    assert "80 of 120 rows are copies" in notes[1]


def test_rows_in_any_order_are_seldom_called_ordered():
    """At most some per cent of tables of independent rows, to which the test gives one."""
    told = 0
    for seed in range(24):
        source, target = frame(*made(100, seed)), frame(*made(30, seed + 1000))
        told += any("neighbouring" in note for note in advise(*map(arrays, (source, target))).notes)
    assert told <= 2  # 0.24 expected


@pytest.mark.parametrize("size", [1e-110, 1e125])
def test_an_outcome_whose_squares_are_no_numbers_is_refused(headwater, size):
    rng = np.random.default_rng(0)
    tables = []
    for name, rows in (("s.csv", 40), ("t.csv", 12)):
        x, y = rng.normal(size=(2, rows))
        Path(name).write_text("x,y\n" + "".join(f"{a},{float(size * (a + b))!r}\n" for a, b in zip(x, y, strict=True)))
        tables.append(name)
    status, _, err = headwater("advise", *tables, "--outcome", "y")
    assert status == 2 and "s.csv: the outcome 'y' spreads over" in err and "give it in other units" in err
