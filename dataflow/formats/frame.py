"""The frame of a schema registry: which schema a record's value or header names, and the body behind it."""

from typing import NamedTuple

ID_BYTES, GUID_BYTES = 5, 17
HEADER = "__value_schema_id"
"""The record header that names the schema in the newer form; the value is then a bare body."""
KEY_HEADER = "__key_schema_id"
"""The same of the record's key."""


class SchemaKey(NamedTuple):
    """What a registry knows a schema by: a number, or a GUID as text."""

    kind: str
    value: int | str

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"


def key_of(value: bytes) -> tuple[SchemaKey, int] | None:
    """The schema that `value` begins with and where the body begins; None where it begins with none."""
    if value[:1] == b"\x00" and len(value) >= ID_BYTES:
        return SchemaKey("id", int.from_bytes(value[1:ID_BYTES], "big")), ID_BYTES
    if value[:1] == b"\x01" and len(value) >= GUID_BYTES:
        digits = value[1:GUID_BYTES].hex()
        guid = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
        return SchemaKey("guid", guid), GUID_BYTES
    return None


def json_body(value: bytes) -> bytes:
    """`value` without its frame: no JSON begins with a zero byte or a 1, so what does and is long enough has one."""
    named = key_of(value)
    return value if named is None else value[named[1] :]


def framed_body(value: bytes, header: bytes | None) -> tuple[SchemaKey, bytes] | None:
    """The schema and the body of a record with this value and this header of the newer form; None without either."""
    if header is not None:
        named = key_of(header)
        return None if named is None or named[1] != len(header) else (named[0], value)
    named = key_of(value)
    return None if named is None else (named[0], value[named[1] :])
