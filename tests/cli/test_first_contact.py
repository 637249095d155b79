"""What a newcomer types first: it answers, or says what to type instead."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import headwater as package
from headwater.cli import main


@pytest.fixture
def headwater(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)

    def run(*given, stdin=""):
        monkeypatch.setattr(sys, "argv", ["headwater", *map(str, given)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        with pytest.raises(SystemExit) as stop:
            main()
        return stop.value.code, *capsys.readouterr()

    return run


def table(rows, seed=0, names=("size", "age", "price"), words=None):
    x = np.random.default_rng(seed).normal(size=(rows, 3))
    lines = [f"{a:.3f},{b:.3f},{a - b + 0.3 * c:.3f}" for a, b, c in x]
    return "\n".join([",".join(names), *lines, ""])


@pytest.fixture
def files(tmp_path, headwater):
    (tmp_path / "s.csv").write_text(table(60))
    (tmp_path / "t.csv").write_text(table(20, 1))
    return "s.csv", "t.csv"


def test_version_and_help(headwater):
    assert headwater("--version") == (0, f"headwater {package.__version__}\n", "")
    for given in (("-h",), ("advise", "-h"), ("fit", "--help")):
        status, out, _ = headwater(*given)
        assert status == 0 and "Usage" in out


def test_shell_completion_is_offered(headwater):
    assert "--show-completion" in headwater("-h")[1]


def test_a_dash_is_standard_input(headwater, files):
    plain = json.loads(headwater("advise", *files, "--outcome", "price", "--json")[1])
    piped = json.loads(headwater("advise", "s.csv", "-", "--outcome", "price", "--json", stdin=table(20, 1))[1])
    assert piped == plain
    assert headwater("fit", *files, "--outcome", "price", "-o", "m")[0] == 0
    status, out, _ = headwater("predict", "m", "-", stdin=table(5, 2))
    assert status == 0 and out.count("\n") == 6
    status, _, err = headwater("predict", "m", "-")
    assert status == 2 and "standard input: the file is empty" in err


@pytest.mark.parametrize(("given", "words"), [
    ("s.csv t.csv --outcome prise", "there is no column 'prise' (did you mean 'price'?); the columns are size"),
    ("s.csv t.csv --outcome Price", "there is no column 'Price' (did you mean 'price'?)"),
    ("s.csv t.csv --outcome price --exclude agee", "there is no column 'agee' in s.csv or t.csv (did you mean 'age'?)"),
    ("s.csv t.csv --outcom price", "no option --outcom (did you mean '--outcome' or '--target-outcome'?); see"),
    ("s.csv t.csv -outcome price", "no option -outcome (did you mean '--outcome' or '--target-outcome'?); see"),
    ("s.csv t.csv --outcome price --jsn", "no option --jsn (did you mean '--json'?); see headwater advise --help"),
    ("s.csv t.csv --outcome price --criterion evidense", "'evidense' is not one of 'evidence', 'loo', 'gcv'; see"),
    ("s.csv t.csv u.csv --outcome price", "say which is the target by --target"),
    ("s.csv https://example.org/t.csv --outcome price", "this is a URL, which is not read; download it"),
    ("s.csv words.csv --outcome price", "the outcome 'price' is not numeric: 'Yes'; write 1 for 'Yes' and 0 for 'No'"),
])  # fmt: skip
def test_what_was_meant(headwater, files, given, words):
    Path("words.csv").write_text("size,age,price\n" + "1.5,2,Yes\n2.5,3,No\n" * 4)
    status, out, err = headwater("advise", *given.split())
    assert (status, out) == (2, "")
    assert words.lower() in err.lower() and err.count("\n") == 1


def test_which_command_was_meant(headwater):
    for given, words in [
        (["advize"], "there is no command advize (did you mean 'advise'?); see headwater --help"),
        (["reproduce", "minst"], "there is no command minst (did you mean 'mnist'?); see headwater reproduce --help"),
        (["quantum"], "there is no command quantum; see headwater --help"),
        (["fit", "s.csv", "t.csv", "--outcome", "y"], "Missing option '--out' / '-o'; see headwater fit --help"),
    ]:
        assert headwater(*given) == (2, "", f"headwater: {words}\n")


def test_all_columns_are_listed_where_they_are_many(headwater, files):
    names = [f"x{index}" for index in range(30)]
    Path("wide.csv").write_text(",".join(names) + "\n" + ",".join("1" * 30) + "\n" + ",".join([""] + ["2"] * 29) + "\n")
    _, _, err = headwater("advise", "wide.csv", "t.csv", "--outcome", "price")
    assert "and 22 more (headwater columns wide.csv lists them)" in err
    status, out, _ = headwater("columns", "wide.csv")
    assert status == 0
    assert [line.split("\t")[0] for line in out.splitlines()] == names
    assert out.splitlines()[0] == "x0\tnumbers\t1 missing"
    shown = json.loads(headwater("columns", "s.csv", "--json")[1])
    assert shown["columns"] == dict.fromkeys(("size", "age", "price"), "numbers")


def test_a_spreadsheet_is_its_first_sheet(headwater, files):
    openpyxl = pytest.importorskip("openpyxl")
    plain = json.loads(headwater("advise", *files, "--outcome", "price", "--json")[1])
    for name in files:
        book = openpyxl.Workbook()
        header, *rows = Path(name).read_text().split()
        for row in [header.split(","), *[list(map(float, row.split(","))) for row in rows]]:
            book.active.append(row)
        book.create_sheet("notes").append(["nothing"])
        book.save(name.replace("csv", "xlsx"))
    shown = json.loads(headwater("advise", "s.xlsx", "t.xlsx", "--outcome", "price", "--json")[1])
    assert shown.pop("notes") == [f"{name}.xlsx: read its first sheet, 'Sheet', of 2" for name in "st"]
    plain.pop("notes")
    assert shown == plain
    Path("broken.xlsx").write_bytes(Path("s.xlsx").read_bytes()[:2000])
    assert (
        "broken.xlsx: not a whole spreadsheet" in headwater("advise", "broken.xlsx", "t.csv", "--outcome", "price")[2]
    )


def test_a_spreadsheet_without_its_reader_says_what_to_install(headwater, files, monkeypatch):
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    Path("s.xlsx").write_bytes(b"PK\x03\x04" + bytes(100))
    status, _, err = headwater("advise", "s.xlsx", "t.csv", "--outcome", "price")
    assert status == 2 and "s.xlsx: spreadsheets need openpyxl: pip install 'headwater[excel]'" in err
