"""Answers as bytes: table, csv, json, ndjson, arrow and parquet, from one Arrow table."""

import base64
import csv
import io
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

import msgspec
import pyarrow as pa

from dataflow.errors import ConfigError
from query.text_table import TextTable

FORMATS = ("table", "csv", "json", "ndjson", "arrow", "parquet")
BINARY_FORMATS = ("arrow", "parquet")


def require_format(name: str, *, terminal: bool) -> None:
    """Raise ConfigError unless `name` is a format that this output can take (bytes do not belong on a terminal)."""
    if name not in FORMATS:
        raise ConfigError("--format", name, f"choose one of {', '.join(FORMATS)}")
    if terminal and name in BINARY_FORMATS:
        raise ConfigError("--format", name, "binary, not for a terminal; add --output FILE or pipe it into a program")


def write_to(table: pa.Table, name: str, output: Path | None, stdout: BinaryIO, *, terminal: bool) -> None:
    """Write `table` as `name` into the file `output`, or to `stdout` if that is None."""
    require_format(name, terminal=terminal and output is None)
    if output is None:
        write(table, name, stdout, pretty=terminal)
        return
    try:
        with output.open("wb") as stream:
            write(table, name, stream)
    except OSError as error:
        raise ConfigError(
            "--output", str(output), f"cannot be written ({error.strerror}); name another file"
        ) from error


def write(table: pa.Table, name: str, stream: BinaryIO, *, pretty: bool = False) -> None:
    """Write `table` to a binary stream in format `name`; `pretty` draws the table format with frames and colours.

    Decimals keep every digit, times are ISO 8601 (UTC), bytes base64, NaN and infinities null in JSON.
    """
    _WRITERS[name](table, stream, pretty)


def _write_table(table: pa.Table, stream: BinaryIO, pretty: bool) -> None:
    names = table.column_names
    rows = [[_cell(value) for value in row] for row in _rows(table)]
    right = [pa.types.is_integer(t) or pa.types.is_floating(t) or pa.types.is_decimal(t) for t in table.schema.types]
    drawn = TextTable(names, right)
    for row in rows:
        drawn.add_row(*row)
    stream.write((drawn.framed() if pretty else drawn.plain(ruled=True)).encode())


def _write_csv(table: pa.Table, stream: BinaryIO, _: bool) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.column_names)
    for row in _rows(table):
        writer.writerow(["" if value is None else _cell(value) for value in row])
        if text.tell() > 1 << 20:
            stream.write(text.getvalue().encode())
            text.seek(0)
            text.truncate()
    stream.write(text.getvalue().encode())


def _write_json(table: pa.Table, stream: BinaryIO, _: bool) -> None:
    stream.write(b"[")
    for number, line in enumerate(_json_lines(table)):
        stream.write(b"\n" if number == 0 else b",\n")
        stream.write(line)
    stream.write(b"\n]\n" if table.num_rows else b"]\n")


def _write_ndjson(table: pa.Table, stream: BinaryIO, _: bool) -> None:
    for line in _json_lines(table):
        stream.write(line + b"\n")


def _write_arrow(table: pa.Table, stream: BinaryIO, _: bool) -> None:
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)


def _write_parquet(table: pa.Table, stream: BinaryIO, _: bool) -> None:
    import pyarrow.parquet

    # A pipe cannot seek, and Parquet asks where it is: make the file first.
    buffer = pa.BufferOutputStream()
    pyarrow.parquet.write_table(table, buffer, compression="zstd")
    stream.write(buffer.getvalue())


_ENCODER = msgspec.json.Encoder()

_WRITERS: dict[str, Callable[[pa.Table, BinaryIO, bool], None]] = {
    "table": _write_table,
    "csv": _write_csv,
    "json": _write_json,
    "ndjson": _write_ndjson,
    "arrow": _write_arrow,
    "parquet": _write_parquet,
}


def _rows(table: pa.Table) -> Iterator[tuple[object, ...]]:
    for batch in table.to_batches():
        yield from zip(*(_values(column) for column in batch.columns), strict=True)


def _values(column: pa.Array) -> list[object]:
    try:
        return list(column.to_pylist())
    except OverflowError:
        if not pa.types.is_timestamp(column.type):
            raise
    # Python's times end with the year 9999, the lake's do not.
    texts = column.to_numpy(zero_copy_only=False).astype(str).tolist()
    return [None if text == "NaT" else text.removesuffix(".000000") for text in texts]


def _json_lines(table: pa.Table) -> Iterator[bytes]:
    # not by way of a dict: two columns of an answer may have one name
    names = [_json(name) for name in table.column_names]
    for row in _rows(table):
        yield b"{" + b", ".join(name + b": " + _json(value) for name, value in zip(names, row, strict=True)) + b"}"


def _json(value: object) -> bytes:
    written = _ENCODER.encode(_for_json(value))
    return msgspec.json.format(written, indent=0) if isinstance(value, dict | list | tuple) else written


def _for_json(value: object) -> object:
    """The value as msgspec writes it in our form; NaN and infinities it writes as null."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Decimal):
        return msgspec.Raw(format(value, "f").encode())
    if isinstance(value, dict):
        return {str(key): _for_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_for_json(item) for item in value]
    return _plain(value)


def _cell(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list | tuple):
        return _json(value).decode()
    return _plain(value)


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g}s"
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)
