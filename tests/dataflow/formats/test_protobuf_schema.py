"""A message of columns is what its text says, and a field keeps its number whatever comes and goes beside it."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.formats.avro import SchemaError
from dataflow.formats.protobuf_schema import MessageSchema, Numbers, numbers_in

COLUMNS = pa.schema(
    [
        pa.field("who", pa.string()),
        pa.field("at", pa.timestamp("ms"), nullable=False),
        pa.field("n", pa.int64()),
        pa.field("spent", pa.decimal128(38, 6)),
        pa.field("mean", pa.float64()),
        pa.field("correction", pa.bool_(), nullable=False),
    ]
)
TEXT = """syntax = "proto3";
package tidemill.small;

import "google/protobuf/timestamp.proto";

message minutes {
  optional string who = 1;
  google.protobuf.Timestamp at = 2;
  optional int64 n = 3;
  optional string spent = 4;
  optional double mean = 5;
  bool correction = 6;
}
"""


def schema_of(columns: pa.Schema, before: Numbers | None = None) -> MessageSchema:
    return MessageSchema("minutes", "tidemill.small", columns, before)


def test_the_text_says_what_the_class_has() -> None:
    made = schema_of(COLUMNS)
    assert made.text == TEXT
    descriptor = made.make().DESCRIPTOR
    assert descriptor.full_name == "tidemill.small.minutes"
    assert {each.name: each.number for each in descriptor.fields} == numbers_in(TEXT).taken
    shows = {each.name for each in descriptor.fields if each.has_presence}
    assert shows == {"who", "at", "n", "spent", "mean"}


NAMES = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8)


@given(st.lists(NAMES, min_size=1, max_size=6))
def test_a_number_never_means_another_column_in_any_history(history: list[list[str]]) -> None:
    before: Numbers | None = None
    meant: dict[int, str] = {}
    for names in history:
        made = schema_of(pa.schema([pa.field(name, pa.int64()) for name in names]), before)
        again = schema_of(pa.schema([pa.field(name, pa.int64()) for name in names]), numbers_in(made.text))
        assert again.text == made.text
        now = numbers_in(made.text)
        assert sorted(now.taken) == sorted(names)
        kept = {} if before is None else before.taken
        for name, number in now.taken.items():
            assert number == kept.get(name, number)
            if name not in kept:
                assert number not in meant
            meant[number] = name
        assert set(meant) == {*now.taken.values(), *now.reserved}
        made.make()
        before = now


def test_numbers_are_read_of_a_text_as_a_registry_writes_it() -> None:
    text = """
    package a;
    message b {
      reserved 3, 7;
      optional .google.protobuf.Timestamp at=2 [deprecated = true];
      string who = 1;
    }"""
    assert numbers_in(text) == Numbers({"at": 2, "who": 1}, (3, 7))


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ([pa.field("größe", pa.string())], "größe is no name in Protobuf"),
        ([pa.field("a", pa.list_(pa.int64()))], r"a is list<.*>, for which Protobuf has no type here"),
        ([pa.field("a_b", pa.int64()), pa.field("aB", pa.int64())], "its columns make no message"),
    ],
    ids=str,
)
def test_what_protobuf_cannot_say_is_told(columns: list[pa.Field], said: str) -> None:
    with pytest.raises(SchemaError, match=said):
        schema_of(pa.schema(columns)).make()
