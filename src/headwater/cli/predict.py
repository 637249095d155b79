"""`headwater predict`: a saved model's predictions beside the rows they are for."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from headwater.cli import options as o

if TYPE_CHECKING:
    import pyarrow as pa

    from headwater.tables.table import Table

FORMS = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet")


def predict(
    model: o.Model,
    data: Annotated[Path, typer.Argument(help="Table to predict for, with the model's columns.", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="The table to write: .csv or .tsv (or with .gz), or .parquet. (default: CSV to the output)",
        ),
    ] = None,
    exposure: o.OtherExposure = None,
    interval: Annotated[
        float | None,
        typer.Option(help="Also the ends of an interval that holds this share of new outcomes, such as 0.9."),
    ] = None,
    delimiter: o.Delimiter = None,
    decimal: o.Decimal = None,
    as_json: o.AsJson = False,
) -> None:
    """Write DATA's columns, unchanged, and the prediction for each of its rows.

    Of a yes or no that is the event's probability, of a count the expected count. With --interval of numbers two more
    columns, prediction_low and prediction_high.
    """
    import pyarrow as pa

    from headwater.advice.fitted import predicted
    from headwater.advice.saved import load_transfer
    from headwater.advice.uncertain import bounded, check_bounds
    from headwater.cli.progress import progress_bar, status
    from headwater.cli.showing import print_json, show_notes
    from headwater.files import check_output, replaced
    from headwater.tables.table import read_table
    from headwater.version import __version__

    if out is not None:
        check_output(out, model, data)
        if _form(out) not in FORMS and (out.is_file() or not out.exists()):  # a device has no ending to go by
            raise ValueError(f"-o: {out} ends in none of {', '.join(FORMS)}, which say what to write")
    loaded = load_transfer(model)
    with status(f"reading {data}"):
        table = read_table(data, o.reading(delimiter, decimal, loaded.facts["decimal"]))
    name = loaded.outcome.prediction
    names = [name] if interval is None else [name, f"{name}_low", f"{name}_high"]
    for one in names:
        if one in table.names:
            raise ValueError(f"{data}: there is a column {one!r} already; rename it, so that nothing is lost")
    if interval is not None:
        check_bounds(loaded.uncertain, interval)
    with progress_bar("predicting", "rows") as progress:
        values, notes = predicted(loaded, table, exposure, progress)
    columns = [values]
    if interval is not None:
        with progress_bar("bounding", "rows") as progress:
            columns += [*bounded(loaded.uncertain, loaded.pipeline[0], table, values, interval, progress).T]
    parquet = out is not None and _form(out) == ".parquet"
    if out is not None or not as_json:
        whole = _as_typed(table) if parquet else table.data if table.written is None else table.written()
        for one, column in zip(names, columns, strict=True):
            whole = whole.append_column(one, pa.array(column))
        if out is None:
            _write_text(whole, sys.stdout.buffer, ",", None)
        else:
            with replaced(out) as part:
                _write_parquet(whole, part) if parquet else _write_file(whole, part, out)
    if as_json:
        shown: dict[str, Any] = {"predictions": values.tolist()} if out is None else {"out": str(out)}
        if out is None and interval is not None:
            shown |= {"level": interval, "low": columns[1].tolist(), "high": columns[2].tolist()}
        of = {} if loaded.outcome.labels is None else {"of": loaded.outcome.labels[1]}
        print_json({"rows": len(values), **of, **shown, "notes": notes, "version": __version__})
        return
    show_notes(notes)
    if out is not None:
        print(f"{len(values)} predictions written to {out}")


def _form(out: Path) -> str:
    """What the name asks for: its ending, and the one before .gz."""
    endings = [ending.lower() for ending in out.suffixes]
    return "".join(endings[-2:] if endings[-1:] == [".gz"] else endings[-1:])


def _as_typed(table: Table) -> pa.Table:
    """Columns in their types, but for numbers that no double holds as they are written, such as codes with zeros."""
    import pyarrow.compute as pc
    from pyarrow import types

    data = table.data
    if table.written is None:
        return data
    written = table.written()
    for index, field in enumerate(data.schema):
        number = types.is_floating(field.type) or types.is_integer(field.type)
        codes = pc.match_substring_regex(written.column(index), r"^\s*([+-]?0\d|\D*(\d\D?){16})")
        if types.is_string(field.type) or (number and pc.any(codes).as_py()):
            data = data.set_column(index, field.name, written.column(index))
    return data


def _write_parquet(table: pa.Table, path: Path) -> None:
    from pyarrow import parquet

    parquet.write_table(table, path, write_page_checksum=True)


def _write_file(table: pa.Table, path: Path, out: Path) -> None:
    import pyarrow as pa

    from headwater.cli.progress import progress_bar

    with (
        pa.output_stream(str(path), compression="gzip" if out.suffix.lower() == ".gz" else None) as file,
        progress_bar(f"writing {out}", "rows") as progress,
    ):
        _write_text(table, file, "\t" if _form(out).startswith(".tsv") else ",", progress)


def _write_text(table: pa.Table, file: BinaryIO, delimiter: str, progress: Callable[[int, int], None] | None) -> None:
    """Cells as they are, quoted where they have to be; Arrow's own writer would quote all text, or none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    header = io.StringIO()
    csv.writer(header, delimiter=delimiter, lineterminator="\n").writerow(table.column_names)
    file.write(header.getvalue().encode())
    done = 0
    special = f'["\\r\\n{delimiter}]'
    for batch in table.to_batches(max_chunksize=1 << 14):
        cells = []
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            try:
                text = column.cast(pa.string())
            except pa.ArrowException:
                raise ValueError(f"column {name!r} is of type {column.type}, which text cannot hold: "
                                 "write a .parquet file") from None  # fmt: skip
            quoted = pc.binary_join_element_wise('"', pc.replace_substring(text, '"', '""'), '"', "")
            text = pc.if_else(pc.match_substring_regex(text, special), quoted, text)
            cells.append(text.fill_null(""))
        lines = pc.binary_join_element_wise(*cells, delimiter).to_pylist()
        file.write("".join(f"{line}\n" for line in lines).encode())
        done += len(lines)
        if progress is not None:
            progress(done, table.num_rows)
