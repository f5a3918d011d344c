"""Messages as a field table lists them."""

from google.protobuf import descriptor_pb2

from dataflow.formats.protobuf import read_descriptors
from flink.contract.messages import extendable, messages_text
from tests.flink.contract.old_messages import old_file
from tests.proto_events import descriptors


def test_a_message_is_listed_with_all_that_it_refers_to() -> None:
    text = messages_text(read_descriptors(descriptors(), "shop.Order"))
    assert text.startswith(
        '(1) { (false "order_id" 1 9 false false false true -1 -1 "at" 2 11 false false true false -1 1 '
    )
    assert '"amount" 3 1 false false true false 0 -1' in text
    assert '"seen" 10 2 true false false false -1 -1' in text
    assert '"back" 12 11 false false true false -1 0)' in text
    assert '(true "seconds" 1 3 false false false false -1 -1 "nanos" 2 5 ' in text
    assert text.endswith('} { (false 0 "new" 1 "paid" 2 "lost") }')
    nested = messages_text(read_descriptors(descriptors(), "shop.Order.Line"))
    assert nested == '(1 0) { (false "order_id" 1 9 false false false true -1 -1) } {  }'


def test_what_syntax_decides_is_in_the_table() -> None:
    for syntax, shows, checked, closed in (("proto2", "true", "false", "true"), ("proto3", "false", "true", "false")):
        text = messages_text(read_descriptors(old_file(syntax), "old.Old"))
        assert f'"s" 2 9 false false {shows} {checked} -1 -1' in text
        assert f'({closed} 0 "none" 1 "a" 3 "same")' in text
        assert '"counts" 7 11 true true false false -1 ' in text
        assert '"one" 13 5 false false true false 0 -1 "two" 14 5 false false true false 0 -1' in text


def test_messages_that_may_have_extensions_are_told() -> None:
    files = descriptor_pb2.FileDescriptorSet.FromString(old_file("proto2"))
    assert list(extendable(read_descriptors(files.SerializeToString(), "old.Old"))) == []
    files.file[0].message_type[0].extension_range.add(start=100, end=200)
    assert list(extendable(read_descriptors(files.SerializeToString(), "old.Old"))) == ["old.Old"]
