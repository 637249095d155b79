"""Numbers as other countries write them: one file is read by one rule, or it is asked about."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from headwater.tables.delimited import Reading
from headwater.tables.table import read_table

ASKED = "may be thousands or fractions, and nothing else in the file tells: say --decimal . or --decimal ,"

# the file, what was said or is likely, and the numbers of its column x, or None where it is asked about
CASES = [
    ("x,y\n1.234,1\n2.500,2\n", {}, None),
    ("x,y\n1.234,1\n2.500,2\n", {"decimal": "."}, [1.234, 2.5]),
    ("x,y\n1.234,1\n2.500,2\n", {"decimal": ","}, [1234, 2500]),
    ("x,y\n1.234,1\n2.500,2\n", {"likely": ","}, [1234, 2500]),
    ("x,y\n1.234,1\n2.500,0.5\n", {"likely": ","}, [1.234, 2.5]),
    ("x,y\n1.234,1\n2.5,2\n", {}, [1.234, 2.5]),
    ("x,y\n1.234,0.25\n2.500,2\n", {}, [1.234, 2.5]),
    ("x,y\n1.234,12.50\n2.500,13.00\n", {}, [1.234, 2.5]),
    ('x,y\n1.234,"12,50"\n2.500,"13,00"\n', {}, [1234, 2500]),
    ("x,y\n1.234.567,1\n2.500,2\n", {}, [1234567, 2500]),
    ("x,y\n1.234,1\n1234,2\n", {}, [1.234, 1234]),
    ('x,y\n"415,225",1\n"1,000",2\n', {}, None),
    ('x,y\n"415,225",1\n"1,000",2.5\n', {}, [415225, 1000]),
    ('x,y\n"415,225",1\n"1415",2\n', {}, [415.225, 1415]),
    ('x,y\n"415,225",1\n"1,000,000",2\n', {}, [415225, 1e6]),
    ('x,y\n"415,225","€ 3,99"\n"1,000","€ 12,00"\n', {}, [415.225, 1]),
    ('x,y\n"$1,415","a"\n"$1,000","b"\n', {}, None),
    ('x,y\n"$1,415.00","a"\n"$1,000.50","b"\n', {}, [1415, 1000.5]),
    ("x\ty\n1.234\t1\n2.500\t2\n", {}, None),
    ("x\ty\n1,234\t1\n2,500\t2\n", {}, None),
    ("x\ty\n1,234\t1\n2,5\t2\n", {}, [1.234, 2.5]),
    ("x|y\n1.234|1\n2.500|2\n", {}, None),
    ("x;y\n1,234;1\n2,500;2\n", {}, [1.234, 2.5]),
    ("x;y\n1,234;1\n25;2\n", {}, None),
    ("x;y\n1.234;1\n2.500;2,5\n", {}, [1234, 2500]),
    ("x;y\n5.000;1\n2.500;2\n", {"likely": ","}, [5000, 2500]),
    ("x;y\n1.234;1\n2.500;2\n", {"decimal": ","}, [1234, 2500]),
    ("x;y\n1.234;1\n2.500;2\n", {}, None),
    ("x,y\n0.123,1\n0.456,2\n", {}, [0.123, 0.456]),
    ("x,y\n1234.567,1\n2.500,2\n", {}, [1234.567, 2.5]),
    ("x,y\n1,1\n2,2\n", {}, [1, 2]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said", "numbers"), CASES)
def test_each_file(tmp_path, text, said, numbers):
    path = tmp_path / "t.csv"
    path.write_text(text)
    if numbers is None:
        with pytest.raises(ValueError, match=r"t\.csv: numbers such as") as caught:
            read_table(path, Reading(**said))
        assert ASKED in str(caught.value)
    else:
        np.testing.assert_allclose(read_table(path, Reading(**said)).column("x").values.to_numpy(), numbers)


def test_a_model_reads_as_it_was_fitted(headwater):
    """A model of prices in thousands with dots: the row 5.000;1 is the row 5.000;1,0."""
    rng = np.random.default_rng(0)
    for name, rows in (("source", 60), ("target", 20)):
        size, age = rng.integers(1000, 9000, rows), rng.normal(size=rows)
        lines = [f"{s:,}".replace(",", ".") + f";{a:.2f};{s / 100 + a:.1f}".replace(".", ",")
                 for s, a in zip(size, age, strict=True)]  # fmt: skip
        Path(f"{name}.csv").write_text("\n".join(["size;age;price", *lines]) + "\n")
    assert headwater("fit", "source.csv", "target.csv", "--outcome", "price", "-o", "m")[0] == 0
    found = []
    for row in ("5.000;1", "5.000;1,0", "5000;1"):
        Path("new.csv").write_text(f"size;age\n{row}\n")
        status, out, _ = headwater("predict", "m", "new.csv", "--json")
        assert status == 0
        found += json.loads(out)["predictions"]
    assert found == pytest.approx([found[0]] * 3)
    assert found[0] == pytest.approx(51, abs=3)
    Path("new.csv").write_text("size;age\n5.000;1\n")
    assert json.loads(headwater("predict", "m", "new.csv", "--decimal", ".", "--json")[1])["predictions"][0] < 20
    status, _, err = headwater("predict", "m", "new.csv", "--decimal", "x")
    assert status == 2 and "--decimal: give . or ," in err


def test_predict_says_what_was_drawn_in(headwater):
    rng = np.random.default_rng(0)
    for name, rows in (("source", 60), ("target", 20), ("new", 5)):
        x = rng.normal(size=rows)
        x[0] = 1e6 if name == "new" else x[0]
        Path(f"{name}.csv").write_text("x,y\n" + "".join(f"{v:.6f},{v + 1:.6f}\n" for v in x))
    headwater("fit", "source.csv", "target.csv", "--outcome", "y", "-o", "m")
    for command in ("predict", "score"):
        notes = json.loads(headwater(command, "m", "new.csv", "--json")[1])["notes"]
        assert any("new.csv: 1 of 5 rows have values more than 10 of the source's deviations" in note for note in notes)
