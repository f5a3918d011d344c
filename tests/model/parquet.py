"""Rows of Parquet files and what they are worth as events, one row at a time (docs/inputs.md)."""

import re
import uuid
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.model.avro import Typed, read_fields
from tests.model.contract import Dead
from tests.model.spec import FieldSpec, PipelineSpec

PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")


class NoText(Exception):
    """A cell of the row says no text: the row is dead as a whole."""


def read_file(path: Path, spec: PipelineSpec, outside: dict[str, str] | None = None) -> list[dict[str, Any] | Dead]:
    """What each row is. `outside`: what folders say of columns that the file lacks."""
    table = pq.read_table(path, partitioning=None)
    return [read_row(table, at, spec, outside or {}) for at in range(table.num_rows)]


def read_row(table: pa.Table, at: int, spec: PipelineSpec, outside: dict[str, str]) -> dict[str, Any] | Dead:
    try:
        found = fields_there({name: table.column(name)[at] for name in table.schema.names}, spec.fields, "", outside)
    except NoText as problem:
        reason, name = problem.args
        return Dead(reason, name)
    columns: dict[str, Any] = {}
    return read_fields(found, spec.fields, ((), ""), columns, {}) or columns


def fields_there(cells: dict[str, Any], fields: tuple[FieldSpec, ...], prefix: str, outside: dict[str, str]) -> Any:
    """By key, what a row or a struct holds of the fields: a null only where one is allowed."""
    found = {}
    for each in fields:
        key = each.key or each.name
        others = {other.key or other.name for other in fields if other is not each}
        name = each.name if each.name in cells and each.name not in others else key
        if name in cells:
            value = object_of(cells[name], each, prefix) if each.kind == "object" else typed(cells[name], each, prefix)
        elif each.name in outside and not prefix:
            value = told(outside[each.name], each)
        else:
            continue
        if value.kind != "null" or each.optional:
            found[key] = (value, [])
    return found


def object_of(cell: Any, each: FieldSpec, prefix: str) -> Typed:
    if not cell.is_valid:
        return Typed("null")
    if not pa.types.is_struct(cell.type):
        return Typed("other")
    inner = {cell.type.field(at).name: cell[at] for at in range(cell.type.num_fields)}
    found = fields_there(inner, each.children, f"{prefix}{each.name}.", {})
    here = [inner[child.name] for child in each.children if child.name in inner]
    return (
        Typed("null") if each.optional and here and not any(part.is_valid for part in here) else Typed("record", found)
    )


def told(text: str, each: FieldSpec) -> Typed:
    """What a folder's name says to a field."""
    numeric = each.kind in ("int", "float", "money") or (each.kind.startswith("event_time") and each.form is None)
    if numeric and each.kind != "event_time_text" and _NUMBER.fullmatch(text):
        return Typed("int", int(text)) if re.fullmatch("-?[0-9]+", text) else number(Fraction(text), each)
    if each.kind == "bool" and text.lower() in ("true", "false"):
        return Typed("bool", text.lower() == "true")
    return Typed("text", text)


def typed(cell: Any, each: FieldSpec, prefix: str) -> Typed:
    """A cell with what its type says of it."""
    if isinstance(cell, pa.DictionaryScalar):
        cell = cell.value
    if cell is None or not cell.is_valid:
        return Typed("null")
    type_ = cell.type
    if isinstance(cell, pa.StringScalar | pa.LargeStringScalar | pa.BinaryScalar):
        try:
            return Typed("text", cell.as_buffer().to_pybytes().decode())
        except UnicodeDecodeError:
            raise NoText("invalid_utf8", prefix + each.name) from None
    if pa.types.is_boolean(type_):
        return Typed("bool", cell.as_py())
    if pa.types.is_integer(type_):
        return Typed("int", cell.as_py())
    if pa.types.is_floating(type_):
        return Typed("double", float(cell.as_py()))
    if pa.types.is_decimal(type_):
        value: Decimal = cell.as_py()
        whole = type_.scale == 0 and (each.kind == "int" or each.kind.startswith("event_time"))
        return Typed("int", int(value)) if whole else number(Fraction(value), each)
    return moment(cell, each, prefix)


def number(exact: Fraction, each: FieldSpec) -> Typed:
    """A number with decimals; a field of doubles takes the nearest one."""
    return Typed("double", float(exact)) if each.kind == "float" else Typed("exact", exact)


def moment(cell: Any, each: FieldSpec, prefix: str) -> Typed:
    """Dates, timestamps, times of day; a field of text takes what each says."""
    type_, is_text = cell.type, each.kind == "str"
    if pa.types.is_date(type_):
        days = cell.value if pa.types.is_date32(type_) else cell.value // 86_400_000
        return Typed("text", clock(days * 86_400, prefix + each.name)[:10]) if is_text else Typed("day", days)
    if pa.types.is_timestamp(type_):
        seconds, rest = divmod(cell.value, PER_SECOND[type_.unit])
        if not is_text:
            return Typed("instant", Fraction(cell.value, PER_SECOND[type_.unit]))
        digits = len(str(PER_SECOND[type_.unit])) - 1
        return Typed("text", clock(seconds, prefix + each.name) + (f".{rest:0{digits}d}" if digits else "") + "Z")
    if isinstance(cell, pa.ExtensionScalar) and is_text:
        return Typed("text", str(uuid.UUID(bytes=cell.value.as_py())))
    return Typed("other")


def clock(seconds: int, name: str) -> str:
    if not 0 <= seconds // 86_400 + date(1970, 1, 1).toordinal() - 1 < date.max.toordinal():
        raise NoText("constraint", name)
    return (datetime(1970, 1, 1) + timedelta(seconds=seconds)).isoformat(timespec="seconds")
