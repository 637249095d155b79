"""Fuzz: damaged and forged files, and numbers as five countries write them: one line each, and nothing misread.

    python tests/fuzz.py                    # all, at the counts of COUNTS: about ten minutes of one processor
    python tests/fuzz.py csv 2000           # two thousand of one kind
    python tests/fuzz.py csv 1 --first 731  # one of them again

Each trial has a generator of its own, so that any can be repeated alone. What a trial returns is what was wrong.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import re
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from contextlib import redirect_stdout
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
from pyarrow import parquet

from headwater import load
from headwater.cli.fit import fit
from headwater.tables.delimited import _MISSING
from headwater.tables.pair import Roles, pair_of
from headwater.tables.table import read_table

COUNTS = {"csv": 26_500, "parquet": 25_000, "model": 25_000, "numbers": 36_900}
ONE_LINE = (ValueError, OSError)  # what the command line says in one line
ROWS = 24


def values(rng):
    """Columns of every kind, and an outcome of them."""
    x, when = rng.normal(size=ROWS), np.datetime64("2021-03-01") + rng.integers(0, 300, ROWS)
    town = np.array(["Ulm", "Köln", 'the "Hague"', "Rome; Italy", "", "a,b"])[rng.integers(0, 6, ROWS)]
    return {"size": x, "age": rng.integers(18, 90, ROWS), "town": town, "day": when, "paid": 1000 * rng.random(ROWS),
            "y": x + rng.normal(size=ROWS)}  # fmt: skip


# ---- delimited text


def as_text(columns, rng):
    """The columns in one of the ways in which such files are written."""
    delimiter, point, thousands = [(",", ".", ""), (";", ",", ""), (";", ",", "."), ("\t", ".", ","), ("|", ".", "")][
        rng.integers(5)
    ]
    missing, end = ["", "NA", "-999", "?", "n.a."][rng.integers(5)], ["\n", "\r\n"][rng.integers(2)]

    def cell(value):
        if rng.random() < 0.04:
            return missing
        if isinstance(value, float):
            text = f"{value:,.3f}".replace(",", "T").replace(".", point).replace("T", thousands)
        else:
            text = str(value)
        quoted = '"' + text.replace('"', '""') + '"'
        return quoted if any(mark in text for mark in (delimiter, '"', "\n")) or rng.random() < 0.02 else text

    lines = [delimiter.join(columns)]
    lines += [delimiter.join(cell(value) for value in row) for row in zip(*map(list, columns.values()), strict=True)]
    return ["", "\ufeff"][int(rng.random() < 0.1)] + end.join(lines) + ["", end][int(rng.random() < 0.8)]


PIECES = [b'"', b'""', b",", b";", b"\t", b"|", b"\n", b"\r", b"\r\n", b"\0", b"\xff", b"\xe9", b"\xef\xbb\xbf", b".",
          b"1.234", b"1,234", b"NA", b"inf", b"1e400", b"-", b" ", b"'", b"\\", b"#", b"=", b"9" * 21,
          b"2021-13-45", b"true", "\u202f".encode(), "−5".encode(), b"sep=;\n", b"<html>", b"1_000"]  # fmt: skip


def mutated(content, rng, pieces=()):
    """The content with one to six damages: bytes changed, cut out, doubled or put in, or the end lost."""
    damaged = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 2, 3, 6])):
        if not damaged:
            break
        at = int(rng.integers(len(damaged)))
        to = min(at + int(rng.integers(1, 40)), len(damaged))
        match rng.integers(6 if pieces else 5):
            case 0:
                damaged[at] = rng.integers(256)
            case 1:
                del damaged[at:to]
            case 2:
                damaged[at:at] = damaged[at:to]
            case 3:
                damaged[at:to] = damaged[at:to][::-1]
            case 4 if rng.random() < 0.2:
                del damaged[at:]
            case 5:
                damaged[at:at] = pieces[rng.integers(len(pieces))]
    return bytes(damaged)


def csv_trial(rng, folder):
    base, path = as_text(values(rng), rng), folder / "damaged.csv"
    content = mutated(base.encode(), rng, PIECES)
    path.write_bytes(content)
    try:
        table = read_table(path)
    except ONE_LINE as problem:
        return None if str(problem).strip() else "a refusal without words"
    wrong = misread(content, table)
    if wrong is None and rng.random() < 0.2 and "y" in table.names:
        (folder / "whole.csv").write_text(base)
        try:
            pair_of(read_table(folder / "whole.csv"), table, Roles("y"), allow_overlap=True)
        except ONE_LINE:
            return None
    return wrong


def misread(content, table):
    """The first cell that is not what Python's own reader and its float make of it."""
    text = content.decode("utf-8-sig")
    for delimiter in (",", ";", "\t", "|"):
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
        if rows and [name.strip() for name in rows[0]] == table.names:
            break
    else:
        return f"the header is {table.names}"
    if len(rows) - 1 != table.data.num_rows:
        return f"{table.data.num_rows} rows, where Python reads {len(rows) - 1}"
    for index, name in enumerate(table.names):
        for row, value in zip(rows[1:], table.data.column(index).to_pylist(), strict=True):
            if not alike(row[index], value, table.decimal):
                return f"{row[index]!r} in {name!r} is read as {value!r} (decimal mark {table.decimal})"
    return None


def alike(cell, value, decimal):
    """Whether a value is what a cell says, as far as that is plain."""
    cell = cell.strip()
    if value is None:
        return cell in _MISSING
    if isinstance(value, bool):
        return cell.lower() in ("true", "1") if value else cell.lower() in ("false", "0")
    if isinstance(value, str):
        return value.strip() == cell
    if isinstance(value, (date, datetime)):
        return str(value)[:10] == cell[:10]
    if not isinstance(value, (int, float)):
        return True
    if re.search(r"[^0-9.,+\-eE]", cell):
        return True  # in some dress
    if decimal == ",":
        cell = cell.replace(".", "").replace(",", ".")
    try:
        return float(cell.replace(",", "")) == value
    except ValueError:
        return cell.endswith("-")  # a negative number of an accountant's


# ---- Parquet


def parquet_trial(rng, folder):
    base, path = pa.table(values(rng)), folder / "damaged.parquet"
    extra = [
        pa.array(rng.normal(size=ROWS).astype(np.float16)),
        pa.array([[1.0, 2.0]] * ROWS),
        pa.array(["a", "b", None] * (ROWS // 3)).dictionary_encode(),
        pa.array([b"x", b"\xff"] * (ROWS // 2)),
        pa.array(range(ROWS), pa.decimal128(12, 2)),
        pa.array(range(ROWS), pa.duration("s")),
        pa.array([{"a": 1, "b": "z"}] * ROWS),
        pa.array([True, None] * (ROWS // 2)),
    ][rng.integers(8)]
    base = base.append_column("more", extra)
    buffer = io.BytesIO()
    parquet.write_table(base, buffer, compression=["none", "snappy", "zstd", "gzip"][rng.integers(4)],
                        row_group_size=[8, 64][rng.integers(2)], use_dictionary=bool(rng.integers(2)),
                        write_page_checksum=True)  # fmt: skip
    content = buffer.getvalue()
    path.write_bytes(content[:4] + mutated(content[4:-4], rng) + content[-4:] if rng.random() < 0.8
                     else mutated(content, rng))  # fmt: skip
    try:
        table = read_table(path)
    except ONE_LINE as problem:
        return None if str(problem).strip() else "a refusal without words"
    if rng.random() < 0.5 and "y" in table.names:
        try:
            pair_of(table, table, Roles("y"), allow_overlap=True)
        except ONE_LINE:
            return None
    for name in {*table.names} & {*base.column_names} - {"more"}:
        before, after = base.column(name), table.data.column(table.names.index(name))
        if len(before) == len(after) and before.type == after.type and not before.equals(after):
            return f"the column {name!r} has other values"
    return None


# ---- saved models


def model_of(folder):
    """A fitted model's file, and a table to predict for."""
    rng = np.random.default_rng(0)
    for name in ("source", "target", "new"):
        columns = values(rng) | {"town": np.array(["Ulm", "Rome"])[rng.integers(0, 2, ROWS)]}
        pa.csv.write_csv(pa.table(columns), folder / f"{name}.csv")
    with redirect_stdout(io.StringIO()):
        fit([folder / "source.csv", folder / "target.csv"], "y", folder / "model", as_json=True)
    return (folder / "model").read_bytes(), read_table(folder / "new.csv")


_MODEL = {}


def model_trial(rng, folder):
    if folder not in _MODEL:
        content, table = model_of(folder)
        _MODEL[folder] = content, table, load(folder / "model").predictions(table)["chosen"]
    content, table, expected = _MODEL[folder]
    path, forged = folder / "damaged", rng.random() < 0.4
    path.write_bytes(rewritten(content, rng) if forged else mutated(content, rng))
    try:
        loaded = load(path)
    except ONE_LINE as problem:
        return None if str(problem).strip() else "a refusal without words"
    try:
        found = loaded.predictions(table)["chosen"]
    except ONE_LINE:
        return None
    same = found.shape == expected.shape and np.array_equal(found, expected)
    return None if forged or same else "the model predicts something else"


def rewritten(content, rng):
    """The archive whole, but with something else in one of its members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        members = {name: old.read(name) for name in old.namelist()}
        name = list(members)[rng.integers(len(members))] if rng.random() < 0.4 else "schema.json"
        try:
            tree = json.loads(members[name])
            for _ in range(rng.integers(1, 4)):
                tree = changed(tree, rng)
            members[name] = json.dumps(tree).encode()
        except ValueError:
            members[name] = mutated(members[name], rng)
        if rng.random() < 0.05:
            del members[list(members)[rng.integers(len(members))]]
        for name, data in members.items():
            new.writestr(name, data)
    return buffer.getvalue()


ODD = [
    None,
    True,
    -1,
    0,
    1e999,
    float("nan"),
    10**30,
    "",
    "x",
    [],
    {},
    [None],
    {"a": 1},
    "numpy.ndarray",
    "builtins.eval",
]


def changed(tree, rng):
    """A JSON tree with one of its parts something else, away, or another of its parts."""
    places = list(parts(tree))
    *way, last = places[rng.integers(len(places))] if places else [None]
    if last is None:
        return ODD[rng.integers(len(ODD))]
    parent = tree
    for step in way:
        parent = parent[step]
    match rng.integers(3):
        case 0:
            parent[last] = ODD[rng.integers(len(ODD))]
        case 1:
            del parent[last]
        case 2:
            other = tree
            for step in places[rng.integers(len(places))]:
                other = other[step]
            parent[last] = json.loads(json.dumps(other))
    return tree


def parts(tree, way=()):
    """The way to each part of a JSON tree."""
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for step, child in children:
        yield (*way, step)
        yield from parts(child, (*way, step))


# ---- numbers of five countries

STYLES = {  # thousands, decimal mark, delimiters
    "English": (",", ".", ",;\t|"),
    "German": (".", ",", ";\t|,"),
    "French": ("\u202f", ",", ";\t|,"),
    "Swiss": ("’", ".", ";,\t|"),
    "plain": ("", ".", ",;\t|"),
}


def numbers_trial(rng, folder):
    style = list(STYLES)[rng.integers(5)]
    thousands, point, delimiters = STYLES[style]
    delimiter, decimals = delimiters[rng.integers(4)], int(rng.integers(4))
    rows, reach = int(rng.choice([1, 2, 4, 12])), rng.choice([3, 6, 9])
    numbers = np.round(10 ** rng.uniform(0, reach, rows) * rng.choice([1, -1], rows, p=[0.9, 0.1]), decimals)
    kept = rng.random() < 0.8  # thousands are parted
    dress = ["{}", "{}", "{}", "{} %", "$ {}", "{} €", "({})"][rng.integers(7)]
    if dress == "({})":
        numbers = -np.abs(numbers)

    def written(number):
        text = f"{abs(number) if dress == '({})' else number:,.{decimals}f}"
        text = text.replace(",", "T").replace(".", point).replace("T", thousands if kept else "")
        text = dress.format(text)
        return f'"{text}"' if delimiter in text else text

    lines = [f"x{delimiter}y", *(f"{written(number)}{delimiter}{index}" for index, number in enumerate(numbers))]
    path = folder / "numbers.csv"
    path.write_text("\n".join(lines) + "\n")
    try:
        table = read_table(path)
    except ValueError as problem:
        return None if "may be thousands or fractions" in str(problem) else f"{style} {lines}: {problem}"
    found = table.column("x")
    if found.kind == "number" and np.allclose(found.values.to_numpy(), numbers, rtol=1e-12):
        return None
    told = any("decimal commas in x" in note for note in table.notes)
    return f"{'told: ' if told else ''}{style} {lines} is read as {found.values.to_pylist()}"


TRIALS = {"csv": csv_trial, "parquet": parquet_trial, "model": model_trial, "numbers": numbers_trial}


def tried(kind, count, folder, first=0):
    """What went wrong, by trial, in words."""
    found = {}
    for index in range(first, first + count):
        rng = np.random.default_rng([list(TRIALS).index(kind), index])
        try:
            wrong = TRIALS[kind](rng, folder)
        except Exception as problem:  # what would be a traceback
            last = traceback.extract_tb(problem.__traceback__)[-1]
            wrong = f"{type(problem).__name__} in {Path(last.filename).name}:{last.lineno}: {problem}"
        if wrong is not None:
            found[index] = wrong
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", nargs="?", choices=[*TRIALS])
    parser.add_argument("count", nargs="?", type=int)
    parser.add_argument("--first", type=int, default=0)
    given = parser.parse_args()
    for kind in [given.kind] if given.kind else [*TRIALS]:
        began, count = time.process_time(), given.count or COUNTS[kind]
        with tempfile.TemporaryDirectory() as folder:
            found = tried(kind, count, Path(folder), given.first)
        told = sum(wrong.startswith("told: ") for wrong in found.values())
        print(f"{kind}: {count} tried, {len(found) - told} wrong, {told} told in a note, "
              f"{time.process_time() - began:.0f} s", flush=True)  # fmt: skip
        for index, wrong in list(found.items())[:40]:
            print(f"  {index}: {wrong[:300]}")
        for what, times in Counter(re.sub(r"'.*|\d+", "", wrong)[:60] for wrong in found.values()).most_common(12):
            print(f"  {times} times: {what}")


if __name__ == "__main__":
    main()
