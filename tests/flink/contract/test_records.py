"""What stands in a field table for records that are no JSON, and what is told of schemas that cannot stand there."""

import base64
import json

import pytest
from google.protobuf import descriptor_pb2

from dataflow.formats.declared import Format, avro
from dataflow.formats.declared import json as plain_json
from flink.contract.records import MOST_CHARACTERS, compact, in_registry, records_text, too_long, unread
from tests.avro_events import FIRST
from tests.proto_events import descriptors

MESSAGE = Format("protobuf", base64.b64encode(descriptors()).decode(), {}, "shop.Order")
FRAMED = Format("protobuf", MESSAGE.schema, {}, "shop.Order", registry=True)


def test_records_have_a_schema_of_their_own_or_a_registrys() -> None:
    assert records_text(avro(), "http://a:1") == 'registry "http://a:1", avro'
    assert records_text(avro('{ "type": "string" }'), None) == r'avro "{\"type\":\"string\"}"'
    assert records_text(MESSAGE, "http://a:1").startswith('protobuf (1) { (false "order_id" 1 9 ')
    assert records_text(FRAMED, "http://a:1").startswith('registry "http://a:1", protobuf (1) {')
    assert [in_registry(each) for each in (plain_json(), avro(), avro(FIRST), MESSAGE, FRAMED)] == [
        False,
        True,
        False,
        False,
        True,
    ]


def test_a_schema_is_the_same_without_its_blanks() -> None:
    assert compact(json.dumps(json.loads(FIRST), indent=4)) == compact(FIRST)
    assert json.loads(compact(FIRST)) == json.loads(FIRST)


@pytest.mark.parametrize("declared", [plain_json(), avro(), avro(FIRST), MESSAGE, FRAMED])
def test_what_fits_is_not_spoken_of(declared: Format) -> None:
    assert [*too_long(declared), *unread(declared)] == []


def test_a_schema_longer_than_a_literal_may_be_is_told_with_the_way_out() -> None:
    said = json.loads(FIRST) | {"doc": "x" * MOST_CHARACTERS}
    (told,) = too_long(avro(json.dumps(said)))
    assert told.startswith("format = avro(...): its schema has 50,756 characters, and Flink takes 50,000; ")
    assert told.endswith("leave out documentation and what no event needs")


def test_a_message_that_may_have_extensions_is_told_by_its_name() -> None:
    files = descriptor_pb2.FileDescriptorSet.FromString(descriptors())
    file = files.file[1]
    file.syntax = "proto2"
    for message in file.message_type:
        for field in message.field:
            field.ClearField("proto3_optional")
    file.message_type[0].extension_range.add(start=100, end=200)
    declared = Format("protobuf", base64.b64encode(files.SerializeToString()).decode(), {}, "shop.Order")
    (told,) = unread(declared)
    assert told == (
        "format = protobuf(...): shop.Place may have extensions, which the function does not read; leave the pipeline "
        "to Tidemill"
    )
