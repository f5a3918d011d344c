"""Dimension files: small CSV tables, read whole, typed and checked."""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from dataflow.aggregates.parts import MONEY
from dataflow.event.fields import Money
from dataflow.spelling import suggest

COLUMN_TYPES: Mapping[object, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    bool: pa.bool_(),
    float: pa.float64(),
    Decimal: MONEY,
    Money: MONEY,
    date: pa.date32(),
}
"""Arrow type of a dimension column by the Python type its user names."""

KEPT_BYTES = 16 * 2**20
"""The largest file that a lake keeps a copy of. Of a larger one it keeps the SHA-256 alone."""


@dataclass(frozen=True, slots=True)
class DimensionTable:
    """A read file: unique `keys`, `columns` in the same order, `digest` (SHA-256, hex) of the file's bytes.

    `content`: these bytes, for the lake to keep; None where they are more than KEPT_BYTES.
    """

    keys: pa.Array
    columns: pa.RecordBatch
    digest: str
    content: bytes | None = None


def read_dimension(path: Path, key: str, key_type: pa.DataType, columns: Mapping[str, pa.DataType]) -> DimensionTable:
    """Read a UTF-8 CSV file with a header line; other columns are ignored, an empty field is null.

    Raises ValueError with everything that is wrong: no such file, no such column, a value that is
    not of its type, an empty or repeated key.
    """
    return parse_dimension(content_of(path), str(path), key, key_type, columns)


def parse_dimension(
    content: bytes, path: str, key: str, key_type: pa.DataType, columns: Mapping[str, pa.DataType]
) -> DimensionTable:
    """The same of the bytes of a file, which messages call `path`."""
    texts = _read_texts(path, content, [key, *columns])
    mistakes: list[str] = []
    keys = _typed(texts[key], key, key_type, mistakes)
    has_keys = not mistakes
    typed = {name: _typed(texts[name], name, type_, mistakes) for name, type_ in columns.items()}
    if keys.null_count and has_keys:
        row = pc.index(keys.is_null(), pa.scalar(True)).as_py()
        mistakes.append(f"row {row + 1} has no {key}; every row needs a key")
    counted = keys.drop_null().value_counts()
    repeated = counted.filter(pc.greater(counted.field("counts"), 1)).field("values").to_pylist()
    if repeated and has_keys:
        shown = ", ".join(str(value) for value in repeated[:3])
        more = f" and {len(repeated) - 3} more" if len(repeated) > 3 else ""
        mistakes.append(f"{key} {shown}{more} more than once; keep one row per key")
    if mistakes:
        raise ValueError(f"{path}: " + "; ".join(mistakes))
    schema = pa.schema([pa.field(name, type_) for name, type_ in columns.items()])
    batch = pa.RecordBatch.from_arrays([typed[name] for name in columns], schema=schema)
    kept = content if len(content) <= KEPT_BYTES else None
    return DimensionTable(keys, batch, hashlib.sha256(content).hexdigest(), kept)


def content_of(path: Path) -> bytes:
    """The bytes of a dimension's file. Raises ValueError if it cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ValueError(f"there is no file {path}; the path is relative to the pipeline file") from None
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}; check the path and its permissions") from None


def _read_texts(path: str, content: bytes, names: list[str]) -> dict[str, pa.Array]:
    content = content.removeprefix(b"\xef\xbb\xbf")
    if not content.strip():
        raise ValueError(f"{path} is empty; write a header line with {', '.join(names)}")
    try:
        # One block for the whole file: the reader then sees every column before it types any.
        reading = csv.ReadOptions(block_size=max(len(content) + 1, 1024))
        header = csv.open_csv(io.BytesIO(content), read_options=reading).schema.names
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path} is no UTF-8 CSV file: {error}") from None
    wrong = [f"no column {name} in its header line{suggest(name, header)}" for name in names if name not in header]
    wrong += [f"two columns {name}; rename one" for name in dict.fromkeys(names) if header.count(name) > 1]
    if wrong:
        raise ValueError(f"{path} has {'; it has '.join(wrong)}")
    options = csv.ConvertOptions(
        include_columns=list(dict.fromkeys(names)),
        column_types={name: pa.string() for name in names},
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    try:
        table = csv.read_csv(io.BytesIO(content), read_options=reading, convert_options=options)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path} is no UTF-8 CSV file: {error}") from None
    return {name: table.column(name).combine_chunks() for name in names}


def _typed(texts: pa.Array, name: str, type_: pa.DataType, mistakes: list[str]) -> pa.Array:
    try:
        typed = texts.cast(type_)
    except pa.ArrowInvalid:
        typed = None
    if typed is not None:
        if pa.types.is_floating(type_) and not pc.all(pc.is_finite(typed)).as_py() and typed.null_count < len(typed):
            mistakes.append(f"{name} holds nan or inf; write numbers only")
        return typed
    for row, text in enumerate(texts):
        try:
            text.cast(type_)
        except pa.ArrowInvalid:
            mistakes.append(f"row {row + 1} has {name} {text.as_py()!r}, which is no {_NAMES[type_]}")
            break
    return pa.nulls(len(texts), type_)


_NAMES: Mapping[pa.DataType, str] = {
    pa.string(): "text",
    pa.int64(): "int",
    pa.bool_(): "bool (true or false)",
    pa.float64(): "float",
    MONEY: "decimal with at most 12 digits before and 6 after the point",
    pa.date32(): "date (YYYY-MM-DD)",
}
