"""The tables people really have: every awkward file of tests/tables/awkward, and what the command line makes of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from headwater.cli import main
from headwater.tables.delimited import HEAD
from headwater.tables.table import read_table

TABLES = Path(__file__).parent / "awkward"
SAME = "same"  # the advice on source.csv and target.csv, to the last digit
FINE = "fine"

# target, source, further options, what comes of it, and what a note or the error says
CASES = [
    ("reordered.csv", "source.csv", "", SAME, ""),
    ("extra.csv", "source.csv", "", SAME, "extra.csv: unused, not in source.csv: garden"),
    ("crlf.csv", "source.csv", "", SAME, ""),
    ("bom.csv", "source.csv", "", SAME, ""),
    ("blank_lines.csv", "source.csv", "", SAME, ""),
    ("no_last_newline.csv", "source.csv", "", SAME, ""),
    ("semicolon.csv", "source.csv", "", SAME, "semicolon.csv: read as semicolon-separated"),
    ("tabs.tsv", "source.csv", "", SAME, ""),
    ("tabs_named_csv.csv", "source.csv", "", SAME, ""),
    ("bars.txt", "source.csv", "", SAME, "bars.txt: read as bar-separated"),
    ("odd_delimiter.csv", "source.csv", "--delimiter ^", SAME, ""),
    ("odd_delimiter.csv", "source.csv", "", 2, "the columns are size^age"),
    ("decimal_comma.csv", "source.csv", "", SAME, "decimal commas in size, price"),
    ("thousands.csv", "thousands_source.csv", "", SAME, "thousands.csv: text is read as numbers: thousands in age"),
    ("apostrophes.csv", "thousands_source.csv", "", SAME, "apostrophes.csv: text is read as numbers: signs or gaps"),
    ("narrow_spaces.csv", "thousands_source.csv", "", SAME, "signs or gaps taken off in age"),
    ("continental.csv", "thousands_source.csv", "", SAME, "decimal commas in size, age, price"),
    ("continental_tabs.tsv", "thousands_source.csv", "", SAME, "thousands with dots in age"),
    ("three_decimals.csv", "source.csv", "", SAME, "decimal commas in size, price"),
    ("semicolons_and_dots.csv", "source.csv", "--decimal .", SAME, "dots.csv: read as semicolon-separated"),
    ("semicolons_and_dots.csv", "source.csv", "", 2, "numbers such as 51.900 in 'size' may be thousands or fractions"),
    ("signs.csv", "source.csv", "", SAME, "signs or gaps taken off in size, age, price"),
    ("bookkeeping.csv", "bookkeeping_source.csv", "", FINE, "signs or gaps taken off in price"),
    ("quoted_numbers.csv", "source.csv", "", SAME, ""),
    ("padded_cells.csv", "source.csv", "", SAME, ""),
    ("padded_marks.csv", "source.csv", "", FINE, "the source's median: size 1"),
    ("spaces.csv", "source.csv", "", SAME, ""),
    ("quoted_newline.csv", "source.csv", "", SAME, "not in source.csv: remark"),
    ("old_mac.csv", "source.csv", "", SAME, ""),
    ("trailing_delimiters.csv", "source.csv", "", SAME, "trailing_delimiters.csv: unused, not in source.csv: ''"),
    ("empty_rows.csv", "source.csv", "", SAME, "3 of 11 rows have no price and are left out"),
    ("compressed.csv.gz", "source.csv", "", SAME, ""),
    ("target.parquet", "source.parquet", "", SAME, ""),
    ("target.parquet", "source.csv", "", SAME, ""),
    ("nested.parquet", "nested_source.parquet", "", SAME, "unused, of a type (list<element: string>)"),
    ("typed.parquet", "typed_source.parquet", "", SAME, "unused, empty in the source: empty"),
    ("typed.parquet", "source.csv", "", SAME, "typed.parquet: unused, not in source.csv: empty, tags, subject"),
    ("nan.parquet", "source.csv", "", FINE, "the source's median: size 1"),
    ("missing_values.csv", "source.csv", "", FINE, "the source's median: size 1, age 1"),
    ("question_marks.csv", "source.csv", "", FINE, "the source's median: size 1"),
    ("marks.csv", "source.csv", "", FINE, "the source's median: size 7"),
    ("feature_all_missing.csv", "source.csv", "", FINE, "the source's median: age 8"),
    ("missing_outcome.csv", "source.csv", "", FINE, "3 of 8 rows have no price and are left out"),
    ("unseen_level.csv", "source.csv", "", FINE, "colour has values the source never had, taken as none: mauve"),
    ("constant.csv", "constant_source.csv", "", SAME, "unused, constant in the source: country, year"),
    ("identifiers.csv", "identifiers_source.csv", "", SAME, "would use them): customer_id, code"),
    ("identifiers.csv", "identifiers_source.csv", "--features size,age,colour", SAME, ""),
    ("identifiers.csv", "identifiers_source.csv", "--features size,customer_id", FINE, ""),
    ("id_of_two_kinds.csv", "id_of_two_kinds_source.csv", "", SAME, "(--features would use them): id"),
    ("long_numbers.csv", "long_numbers_source.csv", "", SAME, "(--features would use them): hash"),
    ("unnamed_column.csv", "unnamed_column_source.csv", "", SAME, "(--features would use them): ''"),
    ("free_text.csv", "free_text_source.csv", "", FINE, "unused, text with too many different values: remark"),
    ("mixed.csv", "mixed_source.csv", "", FINE, "unused, numbers with text among them, as 'unknown'"),
    ("grades.csv", "grades_source.csv", "", FINE, ""),
    ("dates.csv", "dates_source.csv", "", FINE, ""),
    ("dates.csv", "dates_source.csv", "--exclude sold", SAME, ""),
    ("local_dates.csv", "local_dates_source.csv", "", SAME, "(write them YYYY-MM-DD): sold"),
    ("month_names.csv", "month_names_source.csv", "", SAME, "(write them YYYY-MM-DD): sold"),
    ("zones.csv", "zones_source.csv", "", SAME, "(write them YYYY-MM-DD): sold"),
    ("clock.csv", "clock_source.csv", "", SAME, "of a type (time32[s]) that is neither numbers, text nor dates: at"),
    ("booleans.csv", "booleans_source.csv", "", FINE, ""),
    ("weights.csv", "weights_source.csv", "--weights times", FINE, ""),
    ("weights.csv", "source.csv", "--weights times", FINE, "source.csv: has no column times, so each row counts once"),
    ("some_zero_weights.csv", "source.csv", "--weights times", SAME, "2 of 10 rows have weight 0 and are left out"),
    ("subjects.csv", "source.csv", "--groups subject", FINE, "of each of 3 groups left out whole"),
    ("renamed_outcome.csv", "source.csv", "--target-outcome cost", SAME, ""),
    ("binary_outcome.csv", "binary_source.csv", "", FINE, "predicted is the probability of 1 (--positive 0 for"),
    ("same_outcome.csv", "source.csv", "", "scratch", "the target's outcome does not vary"),
    ("far_away.csv", "source.csv", "", FINE, "1 of 8 rows have values more than 10 of the source's deviations from"),
    ("three_rows.csv", "source.csv", "", FINE, ""),
    ("one_feature.csv", "source.csv", "", FINE, "source.csv: unused, not in one_feature.csv: age, colour"),
    ("wide.csv", "wide_source.csv", "", FINE, "unused, constant in the source: w0, w101, w202"),
    ("wide.csv", "wide_source.csv", "--features size,age,colour", SAME, ""),
    ("duplicated.csv", "source.csv", "--exclude size", FINE, ""),
    ("duplicated.csv", "source.csv", "", 2, "duplicated.csv: the column 'size' appears 2 times"),
    ("nowhere.csv", "source.csv", "", 2, "nowhere.csv: cannot be read: there is no such file"),
    (".", "source.csv", "", 2, "this is a folder"),
    ("empty.csv", "source.csv", "", 2, "empty.csv: the file is empty"),
    ("white.csv", "source.csv", "", 2, "white.csv: the file is empty"),
    ("header_only.csv", "source.csv", "", 2, "header_only.csv: the table has a header but no rows"),
    ("no_header.csv", "source.csv", "", 2, "no_header.csv: the first line holds numbers, not names"),
    ("two_rows.csv", "source.csv", "", 2, "two_rows.csv: 2 rows have an outcome; at least 3 are needed"),
    ("target.csv", "two_rows.csv", "", 2, "two_rows.csv: 2 rows have an outcome; at least 3 are needed"),
    ("all_outcomes_missing.csv", "source.csv", "", 2, "the outcome 'price' is missing in every row"),
    ("renamed_outcome.csv", "source.csv", "", 2, "the columns are size, age, colour, cost; --target-outcome"),
    ("text_outcome.csv", "source.csv", "", 2, "the outcome 'price' is not numeric: 'cheap'"),
    ("outcome_of_words.csv", "source.csv", "", 2, "the outcome 'price' is not numeric: 'cheap'"),
    ("infinite_outcome.csv", "source.csv", "", 2, "column 'price' has an infinite value in row 5"),
    ("too_large.csv", "source.csv", "", 2, "column 'size' has 1e+300, which is too large to square, in row 3"),
    ("infinite.csv", "source.csv", "", 2, "infinite.csv: column 'size' has an infinite value in row 5"),
    ("totals.csv", "source.csv", "", 2, "source.csv has numbers ('53.5'), totals.csv has text ('Total')"),
    ("header_twice.csv", "source.csv", "", 2, "header_twice.csv: the outcome 'price' is not numeric: 'price'"),
    ("capitals.csv", "source.csv", "", 2, "the columns are SIZE, AGE, COLOUR, PRICE; --target-outcome"),
    ("title.csv", "source.csv", "", 2, "the columns are Sales of 2021, '', '', ''"),
    ("sep_line.csv", "source.csv", "", 2, "sep_line.csv: the first line, sep=;, is for spreadsheets alone; delete it"),
    ("row_names.csv", "source.csv", "", 2, "the header has 4 columns, a line has 5: 0,51.9"),
    ("text_in_numbers.csv", "source.csv", "", 2, "text_in_numbers.csv has text ('unknown')"),
    ("text_in_numbers.csv", "source.csv", "--exclude age", FINE, ""),
    ("dates_or_numbers.csv", "dates_source.csv", "", 2, "dates_source.csv has dates ('2020-01-11')"),
    ("nothing_shared.csv", "source.csv", "", 2, "nothing_shared.csv: shares no usable feature with source.csv"),
    ("one_column.csv", "source.csv", "", 2, "one_column.csv: shares no usable feature with source.csv"),
    ("ragged.csv", "source.csv", "", 2, "the header has 4 columns, a line has 6: 25.6,26"),
    ("latin1.csv", "source.csv", "", 2, "latin1.csv: the text is not UTF-8, which was tried"),
    ("latin1_cells.csv", "source.csv", "", 2, "latin1_cells.csv: the text is not UTF-8, which was tried"),
    ("utf16.csv", "source.csv", "", 2, "utf16.csv: the text is UTF-16; UTF-8 was tried"),
    ("binary.csv", "source.csv", "", 2, "binary.csv: this is binary data, not a table"),
    ("picture.png", "source.csv", "", 2, "picture.png: this is binary data, not a table"),
    ("workbook.csv", "source.csv", "", 2, "workbook.csv: this is a zip archive or spreadsheet"),
    ("page.html", "source.csv", "", 2, "page.html: this is a web page"),
    ("records.json", "source.csv", "", 2, "records.json: this is JSON, not a table"),
    ("book.xml", "source.csv", "", 2, "book.xml: this is XML, not a table"),
    ("gzip_named.csv", "source.csv", "", 2, "gzip_named.csv: this is compressed by gzip under another name than .gz"),
    ("text_named.csv.gz", "source.csv", "", 2, "text_named.csv.gz: cannot be read: zlib inflate failed"),
    ("truncated.csv.gz", "source.csv", "", 2, "truncated.csv.gz: cannot be read: Truncated compressed stream"),
    ("truncated.parquet", "source.csv", "", 2, "truncated.parquet: not a whole Parquet file"),
    ("negative_weight.csv", "weights_source.csv", "--weights times", 2, "the weights 'times' must not be negative"),
    ("zero_weights.csv", "weights_source.csv", "--weights times", 2, "must not be negative, nor all 0"),
    ("missing_weight.csv", "weights_source.csv", "--weights times", 2, "no weight 'times' in 1 of 8 rows"),
    ("target.csv", "source.csv", "--weights times", 2, "neither source.csv nor target.csv has a column 'times'"),
    ("target.csv", "source.csv", "--weights colour", 2, "the weight 'colour' is not numeric"),
    ("target.csv", "source.csv", "--weights price", 2, "--weights: 'price' is the outcome"),
    ("target.csv", "source.csv", "--groups subject", 2, "target.csv: there is no column 'subject'"),
    ("one_subject.csv", "source.csv", "--groups subject", 2, "all rows are of one group 'subject'"),
    ("missing_subject.csv", "source.csv", "--groups subject", 2, "no group 'subject' in 1 of 8 rows"),
    ("typed.parquet", "source.csv", "--groups tags", 2, "the groups 'tags' are of type list<element: string>"),
    ("typed.parquet", "source.csv", "--groups subject", 2, "no group 'subject' in 1 of 8 rows"),
    ("target.csv", "source.csv", "--features size,nonsense", 2, "there is no column 'nonsense'"),
    ("extra.csv", "source.csv", "--features size,garden", 2, "source.csv: there is no column 'garden'"),
    ("target.csv", "source.csv", "--features price", 2, "--features: 'price' is the outcome"),
    ("target.csv", "source.csv", "--exclude nonsense", 2, "there is no column 'nonsense'"),
    ("target.csv", "source.csv", "--exclude size,age,colour", 2, "shares no usable feature"),
    ("target.csv", "source.csv", "--delimiter ::", 2, "--delimiter: give one character, or tab"),
    ("target.csv", "source.csv", "--degree 3", 2, "--degree"),
    ("target.csv", "source.csv", "--criterion aic", 2, "--criterion"),
]  # fmt: skip
COMMON = {
    "family",
    "measure",
    "source",
    "target",
    "weight",
    "errors",
    "table",
    "gain",
    "verdict",
    "safer",
    "rows_needed",
}
KEYS = {"source", "target", "transfer_optimal_tau", "target_tau", "ratio", "direction", "errors", "benefit", "verdict"}


def arguments(target, source, options):
    return ["advise", source, target, "--outcome", "price", *options.split(), "--json"]


@pytest.fixture
def headwater(monkeypatch, capsys):
    """The command line in this process, started in the folder of tables."""
    monkeypatch.chdir(TABLES)

    def run(given):
        monkeypatch.setattr(sys, "argv", ["headwater", *given])
        with pytest.raises(SystemExit) as stop:
            main()
        return stop.value.code, *capsys.readouterr()

    return run


@pytest.fixture(scope="module")
def plain():
    """The advice on the tables nothing is the matter with, from a process of its own."""
    return json.loads(run(arguments("target.csv", "source.csv", ""))[1])


def run(given):
    """The command line as a shell starts it: status, standard output, standard error."""
    command = [sys.executable, "-m", "headwater", *given]
    one = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=TABLES, capture_output=True, text=True, env=one, check=False)
    return done.returncode, done.stdout, done.stderr


def check(case, plain, status, out, err):
    """One case against the advice on the plain tables."""
    *_, outcome, words = case
    if outcome == 2:
        assert status == 2
        assert out == ""
        assert err.startswith("headwater: ") and err.count("\n") == 1
        assert words in err
        return
    assert (status, err) == (0, "")
    advice = json.loads(out, parse_constant=lambda constant: pytest.fail(f"{constant} is not JSON"))
    assert (KEYS if advice["family"] == "gaussian" else COMMON) | {"notes", "version"} <= advice.keys()
    assert any(words in note for note in advice["notes"]) or not words
    if not words:
        assert [note for note in advice["notes"] if not note.startswith("left out one at a time")] == []
    if outcome == SAME:
        assert advice["columns"] == plain["columns"]
        assert flat(advice) == pytest.approx(flat(plain), rel=1e-9)
    if outcome == "scratch":
        assert (advice["verdict"], advice["transfer_optimal_tau"], advice["ratio"]) == ("scratch", None, None)


def flat(advice):
    numbers = [advice[key] for key in ("transfer_optimal_tau", "target_tau", "ratio", "scale", "weight")]
    return [*numbers, *advice["errors"].values(), *advice["benefit"].values(), advice["source"]["source_optimal_tau"]]


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case[:3]))
def test_each_table(case, plain, headwater):
    check(case, plain, *headwater(arguments(*case[:3])))


def test_as_processes(plain):
    """Some of the cases, started as a shell would."""
    chosen = CASES[::30]
    assert len(chosen) >= 5
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(run, [arguments(*case[:3]) for case in chosen]))
    for case, result in zip(chosen, found, strict=True):
        check(case, plain, *result)


def test_every_table_is_used():
    named = {name for case in CASES for name in case[:2]} | {"target.csv"}
    assert {path.name for path in TABLES.iterdir()} == (named | {"negative.csv", "negative_source.csv"}) - {
        "nowhere.csv",
        ".",
    }
    assert len(named) > 100


def test_bookkeepers_minus_signs(headwater):
    """(1.5) and 1.5- are −1.5."""
    books, plainly = (
        json.loads(headwater(arguments(f"{name}.csv", f"{name}_source.csv", ""))[1])
        for name in ("bookkeeping", "negative")
    )
    noted = plainly.pop("notes")
    assert [note for note in books.pop("notes") if "bookkeeping" not in note] == noted
    assert books == plainly


def test_a_letter_may_lie_across_the_end_of_the_first_block(tmp_path):
    names = ["é" * 16 + str(index) for index in range(2_000)]
    for shift in range(2):
        header = ",".join(["x" * shift + names[0], *names[1:]])
        assert len(header.encode()) > HEAD
        (tmp_path / "t.csv").write_text(f"{header}\n{','.join('1' * len(names))}\n")
        assert read_table(tmp_path / "t.csv").names[1:] == names[1:]
