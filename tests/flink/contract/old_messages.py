"""A file of Protobuf messages with what random ones do not have, in the older syntax and the newer."""

from typing import Any

from google.protobuf import descriptor_pb2

from dataflow.formats import protobuf as of


def old_file(syntax: str) -> bytes:
    """A file with everything that random messages do not have: maps, groups, closed enums, unchecked texts, oneofs."""
    file = descriptor_pb2.FileDescriptorProto(name="old.proto", package="old", syntax=syntax)
    kinds = file.enum_type.add(name="Kind")
    for name, number in (("none", 0), ("a", 1), ("b", 3), ("same", 3)):
        kinds.value.add(name=name, number=number)
    kinds.options.allow_alias = True
    message = file.message_type.add(name="Old")
    message.oneof_decl.add(name="either")

    def add(name: str, number: int, type_: int, label: int = 1, of_: str | None = None, into: Any = message) -> Any:
        field = into.field.add(name=name, number=number, type=type_, label=label)
        if type_ == of.ENUM:
            field.type_name = ".old.Kind"
        if of_ is not None:
            field.type_name = of_
        return field

    def add_map(name: str, number: int, key: int, value: int) -> None:
        entry = message.nested_type.add(name=f"{name.capitalize()}Entry")
        entry.options.map_entry = True
        add("key", 1, key, into=entry)
        add("value", 2, value, of_=".old.Old" if value == of.MESSAGE else None, into=entry)
        add(name, number, of.MESSAGE, 3, f".old.Old.{name.capitalize()}Entry")

    add("at", 1, of.SFIXED64)
    add("s", 2, of.STRING)
    add("tags", 3, of.STRING, 3)
    add("e", 4, of.ENUM)
    add("shown", 5, of.ENUM)
    add("many", 6, of.ENUM, 3)
    add_map("counts", 7, of.STRING, of.SINT32)
    add_map("kinds", 8, of.STRING, of.ENUM)
    add_map("more", 9, of.INT32, of.MESSAGE)
    add_map("flags", 10, of.BOOL, of.BOOL)
    add("itself", 11, of.MESSAGE, of_=".old.Old")
    add("b", 12, of.UINT32)
    for name, number in (("one", 13), ("two", 14)):
        add(name, number, of.INT32).oneof_index = 0
    add("raw", 15, of.FLOAT, 3)
    add("wide", 16, of.UINT64)
    add("zero", 17, of.DOUBLE)
    add("bytes", 18, of.BYTES)
    if syntax == "proto2":
        message.nested_type.add(name="Group").field.add(name="x", number=20, type=of.INT32, label=1)
        add("group", 19, of.GROUP, of_=".old.Old.Group")
    return descriptor_pb2.FileDescriptorSet(file=[file]).SerializeToString()
