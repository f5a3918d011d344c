"""The frame of a schema registry in values and headers."""

import uuid

from dataflow.formats.frame import SchemaKey, framed_body, key_of

GUID = uuid.UUID("a1b2c3d4-0000-4000-8000-0123456789ab")


def test_five_bytes_in_front_name_a_schema_by_its_number() -> None:
    assert framed_body(b"\x00\x00\x00\x01\x02rest", None) == (SchemaKey("id", 258), b"rest")
    assert framed_body(b"\x00\xff\xff\xff\xff", None) == (SchemaKey("id", 2**32 - 1), b"")


def test_seventeen_bytes_name_it_by_its_guid_in_front_or_in_the_header() -> None:
    named = b"\x01" + GUID.bytes
    assert key_of(named) == (SchemaKey("guid", str(GUID)), 17)
    assert framed_body(named + b"rest", None) == (SchemaKey("guid", str(GUID)), b"rest")
    assert framed_body(b"rest", named) == (SchemaKey("guid", str(GUID)), b"rest")
    assert framed_body(b"\x00rest", b"\x00\x00\x00\x00\x07") == (SchemaKey("id", 7), b"\x00rest")


def test_what_begins_otherwise_has_no_frame() -> None:
    for value in (b"", b"\x00\x00\x00\x00", b"\x02\x00\x00\x00\x01x", b"{}", b"\x01" + GUID.bytes[:15]):
        assert framed_body(value, None) is None
    for header in (b"", b"\x01", b"\x01" + GUID.bytes + b"x"):
        assert framed_body(b"rest", header) is None
