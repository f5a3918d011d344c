"""Which messages the compiled reader takes: decided once, by rules that stand in the docs."""

from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from dataflow.decode.binary.slots import Unfit
from dataflow.decode.protobuf.program import MOST_FIELDS, Program
from dataflow.formats import protobuf as of
from tests.avro_events import ORDER
from tests.proto_events import OrderMessage


def unfit(file: descriptor_pb2.FileDescriptorProto, aliases: Any = None) -> str:
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    found = message_factory.GetMessageClass(pool.FindMessageTypeByName(file.message_type[0].name))
    with pytest.raises(Unfit) as raised:
        Program(found.DESCRIPTOR, ORDER, aliases or {})
    return str(raised.value)


def file(syntax: str = "proto3") -> tuple[descriptor_pb2.FileDescriptorProto, Any]:
    made = descriptor_pb2.FileDescriptorProto(name="f.proto", syntax=syntax)
    return made, made.message_type.add(name="Order")


def test_a_message_with_extensions_or_required_fields_anywhere_is_read_row_by_row() -> None:
    made, order = file("proto2")
    order.extension_range.add(start=100, end=200)
    assert "Order may have extensions, or has required fields" in unfit(made)
    made, order = file("proto2")
    made.message_type.add(name="Inner").field.add(name="x", number=1, type=of.INT32, label=2)
    order.field.add(name="inner", number=1, type=of.MESSAGE, label=3, type_name=".Inner")
    assert "Inner may have extensions, or has required fields" in unfit(made)


def test_a_message_of_very_many_fields_of_which_the_model_reads_is_read_row_by_row() -> None:
    made, order = file()
    for number in range(1, MOST_FIELDS + 2):
        order.field.add(name=f"f{number}", number=number, type=of.INT32, label=1)
    assert f"more than {MOST_FIELDS} fields" in unfit(made)


def test_a_field_that_two_of_the_models_read_is_read_row_by_row() -> None:
    made, order = file()
    order.field.add(name="gift", number=1, type=of.BOOL, label=1)
    assert "gift is read by several fields" in unfit(made, {"pieces": ["gift"]})


def test_all_other_messages_are_compiled() -> None:
    program = Program(OrderMessage.DESCRIPTOR, ORDER, {})
    assert len(program.leaves) == len(ORDER.fields)
    assert program.tables.shape[1] == 5
