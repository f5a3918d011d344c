"""What the first bytes of a record tell."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.losses.frame import frame_of

EVENT = b'{"ad_id": "a", "n": 1}'

TOLD = [
    (b"\x00\x00\x00\x01\x07\x02\x08abcd", "schema registry: a zero byte and a schema's number, 263,"),
    (b"\x00\x00\x00\x00\x07" + EVENT, "schema's number, 7,"),
    (gzip.compress(EVENT), "gzip"),
    (b"\x28\xb5\x2f\xfd\x04", "zstd"),
    (b"\x04\x22\x4d\x18d", "LZ4"),
    (b"\xff\x06\x00\x00sNaPpY", "Snappy"),
    (b"Obj\x01\x04", "Avro container"),
    (b"PAR1\x15", "Parquet"),
    (b"\xac\xed\x00\x05sr", "Java"),
    (b"\xef\xbb\xbf" + EVENT, "byte order mark"),
    (EVENT.decode().encode("utf-16"), "UTF-16"),
    (b"<event><ad>a</ad></event>", "XML"),
    (b" [" + EVENT + b"]", "JSON arrays"),
    (json.dumps(EVENT.decode()).encode(), "encoded twice"),
    (b"{'ad_id': 'a', 'n': 1}", "Python dicts"),
    (EVENT + b"\n" + EVENT, "several JSON objects"),
    (b"2026-01-01T00:00:00Z,a,1.5", "CSV"),
    (b"a;b;c", "CSV"),
]


@pytest.mark.parametrize(("value", "told"), TOLD, ids=[told for _, told in TOLD])
def test_a_format_that_is_not_plain_json_is_named_with_a_fix(value: bytes, told: str) -> None:
    found = frame_of(value)
    assert found is not None
    assert told in found.what
    assert found.fix


@pytest.mark.parametrize("value", [b'{"a": NaN}', b'{"a": 1', b"hello", b"\x00", b"17", b"\xc3(", b""])
def test_bytes_that_tell_nothing_are_said_to_tell_nothing(value: bytes) -> None:
    assert frame_of(value) is None


@given(st.binary(max_size=200))
def test_no_bytes_are_too_strange_to_look_at(value: bytes) -> None:
    frame_of(value)
