"""An Avro schema of Arrow columns: a record with fields of their names, by the logical types that all readers know."""

import json
import re
from typing import Any

import pyarrow as pa

from dataflow.formats.avro import SchemaError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LOGICAL = {"ms": "timestamp-millis", "us": "timestamp-micros"}


def avro_schema(name: str, namespace: str, columns: pa.Schema) -> str:
    """The text of a record's schema. A column that may be null is a union with null, which is its default.

    Raises SchemaError where Avro cannot say a column's name or type.
    """
    fields: list[dict[str, Any]] = []
    for column in columns:
        if not _NAME.fullmatch(column.name):
            raise SchemaError(f"{column.name} is no name in Avro, which has letters of ASCII, digits and _ alone")
        type_ = _type(column)
        if column.nullable:
            fields.append({"name": column.name, "type": ["null", type_], "default": None})
        else:
            fields.append({"name": column.name, "type": type_})
    return json.dumps({"type": "record", "name": name, "namespace": namespace, "fields": fields})


def _type(column: pa.Field) -> str | dict[str, Any]:
    type_ = column.type
    if pa.types.is_decimal(type_):
        return {"type": "bytes", "logicalType": "decimal", "precision": type_.precision, "scale": type_.scale}
    if pa.types.is_timestamp(type_) and type_.unit in _LOGICAL:
        return {"type": "long", "logicalType": _LOGICAL[type_.unit]}
    if pa.types.is_date32(type_):
        return {"type": "int", "logicalType": "date"}
    if pa.types.is_boolean(type_):
        return "boolean"
    if pa.types.is_integer(type_):
        return "long"
    if pa.types.is_floating(type_):
        return "double"
    if pa.types.is_string(type_):
        return "string"
    raise SchemaError(f"{column.name} is {type_}, for which Avro has no type here")
