"""Answers as bytes: table, rows, csv, json, ndjson, arrow and parquet."""

import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from dataflow.errors import ConfigError
from dataflow.sql import quoted, text
from query.cells import Column, Shape, Style, cells, csv_lines, json_lines
from query.text_table import TextTable, columns_of
from query.texts import BATCH_ROWS, Row, Texts, shaped_sql
from query.texts import columns_of as columns_of_relation

if TYPE_CHECKING:
    import pyarrow as pa

PEOPLES_FORMATS = ("table", "rows")
BINARY_FORMATS = ("arrow", "parquet")
FORMATS = (*PEOPLES_FORMATS, "csv", "json", "ndjson", *BINARY_FORMATS)


def require_format(name: str, *, terminal: bool) -> None:
    """Raise ConfigError unless `name` is a format that this output can take (bytes do not belong on a terminal)."""
    if name not in FORMATS:
        raise ConfigError("--format", name, f"choose one of {', '.join(FORMATS)}")
    if terminal and name in BINARY_FORMATS:
        raise ConfigError("--format", name, "binary, not for a terminal; add --output FILE or pipe it into a program")


def shape_of(name: str, zone: str | None = None) -> Shape:
    """What a text format asks a snapshot for, by `LakeSnapshot.texts`; its times in `zone`, UTC if None."""
    make, people = _SHAPES[name]
    style = Style(" ", readable=True, zone=zone) if people else Style(zone=zone)
    return lambda columns: make(columns, style)


def answer_of(table: "pa.Table | Sequence[Mapping[str, str]]", name: str) -> "Texts | pa.Table":
    """What `write` takes as `name`, from an Arrow table or from rows of texts (at least one) of a command's own."""
    import duckdb

    connection = duckdb.connect(config={"threads": 1})
    if isinstance(table, Sequence):
        lines = ", ".join(f"({', '.join(map(text, row.values()))})" for row in table)
        names = ", ".join(map(quoted, table[0]))
        relation = connection.sql(f"SELECT * FROM (VALUES {lines}) AS lines({names})")
    else:
        relation = connection.from_arrow(table)
    if name in BINARY_FORMATS:
        found: pa.Table = relation.to_arrow_table()
        return found

    def batches() -> Iterator[list[Row]]:
        # the relation holds the table for as long as it is read
        result = connection.execute(shaped_sql(relation, shape_of(name)))
        yield from iter(partial(result.fetchmany, BATCH_ROWS), [])

    return Texts(columns_of_relation(relation), batches())


def write_to(answer: "Texts | pa.Table", name: str, output: Path | None, stdout: BinaryIO, *, terminal: bool) -> None:
    """Write `answer` as `name` into the file `output`, or to `stdout` if that is None.

    The file is there whole or as it was before: an answer that breaks off while it comes leaves no part of it.
    """
    require_format(name, terminal=terminal and output is None)
    if output is None:
        write(answer, name, stdout, pretty=terminal)
        return
    try:
        with _whole(output) as stream:
            write(answer, name, stream)
    except OSError as error:
        raise ConfigError(
            "--output", str(output), f"cannot be written ({error.strerror}); name another file"
        ) from error


@contextmanager
def _whole(output: Path) -> Iterator[BinaryIO]:
    if output.exists() and not output.is_file():
        # a device or a pipe, which has no other name to be written under
        with output.open("wb") as stream:
            yield stream
        return
    target = output.resolve()
    beside = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with beside.open("xb") as stream:
            yield stream
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def write(answer: "Texts | pa.Table", name: str, stream: BinaryIO, *, pretty: bool = False) -> None:
    """Write `answer` to a binary stream in format `name`; `pretty` fits the table format to the terminal.

    Binary formats are of an Arrow table, text formats of texts in their own shape (`shape_of`), written as they come.
    Decimals keep every digit, times are ISO 8601 with their zone, bytes base64 where programs read, NaN and infinities
    null in JSON.
    """
    if isinstance(answer, Texts):
        _WRITERS[name](answer, stream, pretty)
    else:
        _BINARY_WRITERS[name](answer, stream)


def _write_table(answer: Texts, stream: BinaryIO, pretty: bool) -> None:
    right = [column.is_number for column in answer.columns]
    drawn = TextTable([column.name for column in answer.columns], right, [each.is_whole for each in answer.columns])
    for row in answer.rows():
        drawn.add_row(*("NULL" if cell is None else cell for cell in row))
    stream.write((drawn.framed(cut=True) if pretty else drawn.plain(ruled=True)).encode())


def _write_rows(answer: Texts, stream: BinaryIO, _: bool) -> None:
    names = [column.name for column in answer.columns]
    width = max(map(columns_of, names))
    number = 0
    for batch in answer:
        for row in batch:
            number += 1
            table = TextTable([f"row {number}".ljust(width), ""])
            for name, cell in zip(names, row, strict=True):
                table.add_row(name, "NULL" if cell is None else cell)
            stream.write(table.plain().encode())


def _write_csv(answer: Texts, stream: BinaryIO, _: bool) -> None:
    import csv

    header = io.StringIO()
    csv.writer(header, lineterminator="\n").writerow([column.name for column in answer.columns])
    stream.write(header.getvalue().encode())
    for batch in answer:
        stream.write(b"".join(_lines(batch)))


def _write_json(answer: Texts, stream: BinaryIO, _: bool) -> None:
    stream.write(b"[")
    between = b"\n"
    for batch in answer:
        stream.write(between + b",\n".join(line[:-1] for line in _lines(batch)))
        between = b",\n"
    stream.write(b"]\n" if between == b"\n" else b"\n]\n")


def _write_ndjson(answer: Texts, stream: BinaryIO, _: bool) -> None:
    for batch in answer:
        stream.write(b"".join(_lines(batch)))


def _lines(batch: Iterable[Row]) -> Iterator[bytes]:
    for (line,) in batch:
        assert line is not None
        yield line.encode() + b"\n"


def _write_arrow(table: "pa.Table", stream: BinaryIO) -> None:
    import pyarrow as pa

    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)


def _write_parquet(table: "pa.Table", stream: BinaryIO) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    # A pipe cannot seek, and Parquet asks where it is: make the file first.
    buffer = pa.BufferOutputStream()
    pyarrow.parquet.write_table(table, buffer, compression="zstd")
    stream.write(buffer.getvalue())


_SHAPES: dict[str, tuple[Callable[[Sequence[Column], Style], list[str]], bool]] = {
    "table": (cells, True),
    "rows": (cells, True),
    "csv": (csv_lines, False),
    "json": (json_lines, False),
    "ndjson": (json_lines, False),
}

_WRITERS: dict[str, Callable[[Texts, BinaryIO, bool], None]] = {
    "table": _write_table,
    "rows": _write_rows,
    "csv": _write_csv,
    "json": _write_json,
    "ndjson": _write_ndjson,
}

_BINARY_WRITERS: "dict[str, Callable[[pa.Table, BinaryIO], None]]" = {"arrow": _write_arrow, "parquet": _write_parquet}
