"""Lists and objects of an event by the product and by the model: JSON, Avro, Protobuf and Parquet."""

import io
import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import fastavro
import pyarrow as pa
from annotated_types import Ge, Len, Lt
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from dataflow import EventTime, Pipeline
from dataflow.decode.avro.columns import bare_avro_columns
from dataflow.decode.decoder import decode_typed
from dataflow.decode.json.general import JsonDecoder
from dataflow.decode.json.plain import json_decoder
from dataflow.decode.protobuf.columns import protobuf_columns
from dataflow.event.schema import schema_of
from dataflow.formats.protobuf import read_descriptors
from dataflow.messages import Decoded, TypedRows
from dataflow.sources.files.row_texts import RowTexts
from tests.dataflow.sources.files.draining import file_decoder
from tests.model import adapter, avro, contract, parquet, protobuf
from tests.model.protobuf import Field, Shape
from tests.parquet_cells import rows_of


class Place(BaseModel):
    tags: list[str] = []
    more: dict | None = None


class Order(BaseModel):
    at: EventTime
    tags: Annotated[list[Annotated[str, Len(1, 3)]], Len(0, 3)] = []
    counts: list[Annotated[int, Ge(-5), Lt(100)]] | None
    prices: list[float] | None = None
    flags: list[bool] = []
    more: dict = {}
    limits: Annotated[dict[str, int], Len(0, 2)] | None = None
    names: dict[str, str] | None = None
    place: Place | None = None


ORDER = schema_of(Order)
SPEC = adapter.to_spec(Pipeline(name="p", event=Order, rollups=[]), Path())
NAMES = [each.name for each in SPEC.fields]


def answers_of(decoded: Decoded) -> list[Any]:
    """Per record the event, or reason and field."""
    found: dict[int, Any] = dict(zip(decoded.events_at.tolist(), decoded.events.to_pylist(), strict=True))
    for at, refusal in zip(decoded.dead_at.tolist(), decoded.refusals, strict=True):
        found[at] = contract.Dead(refusal.reason, refusal.field)
    return [found[at] for at in range(len(found))]


def same(found: Sequence[Any], wanted: Sequence[Any]) -> None:
    assert [*found] == [*wanted]
    # 1 is not 1.0, and no text is alike to another one
    assert [repr(each) for each in found if isinstance(each, dict)] == [
        repr(each) for each in wanted if isinstance(each, dict)
    ]


SCALARS = st.one_of(
    st.sampled_from(["null", "true", "1", "-7", "99", "100", "1.5", "1e3", "-0", "-0.0", "1E400", "0.1000", "5e-324"]),
    st.sampled_from(["9223372036854775808", '""', '"a"', '"long"', '"\\u00fc\\n"', '"\\ud83d\\ude00"', '"\u2028/"']),
)
KEYS = st.sampled_from(['"a"', '"b"', '"\\u0061"', '"Z"', '"ü"', '""'])


def arrays(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(inner, max_size=4).map(lambda each: f"[{' , '.join(each)}]")


def objects(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    members = st.lists(st.tuples(KEYS, inner), max_size=4)
    return members.map(lambda each: "{" + ",".join(f"{key} :{value}" for key, value in each) + "}")


TEXTS = st.recursive(SCALARS, lambda inner: arrays(inner) | objects(inner), max_leaves=6)
USUAL: dict[str, st.SearchStrategy[str]] = {
    "tags": arrays(st.sampled_from(['"a"', '"bcd"', '"ü"'])),
    "counts": arrays(st.integers(-5, 99).map(str)) | st.just("null"),
    "prices": arrays(st.floats(allow_nan=False, allow_infinity=False).map(repr)),
    "flags": arrays(st.sampled_from(["true", "false"])),
    "more": objects(TEXTS),
    "limits": objects(st.integers(-(2**63), 2**63 - 1).map(str)),
    "names": objects(st.sampled_from(['"x"', '""'])),
    "place": st.sampled_from(['{"tags":["p"]}', '{"more":{"b":1,"a":[]}}', "{}", "null", '{"tags":[1]}', "[]"]),
}


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    members = [f'"at":{draw(st.sampled_from(["1", "2", "null"] if draw(st.booleans()) else ["3"]))}']
    for name in draw(st.permutations(NAMES[1:])):
        if name == "counts" or draw(st.booleans()):
            odd = draw(st.integers(0, 9)) == 0
            members.append(f'"{name}":{draw(TEXTS if odd else USUAL[name])}')
    return ("{" + ", ".join(members) + "}").encode()


@given(st.lists(lines(), min_size=1, max_size=12))
@settings(max_examples=40)
def test_json(values: list[bytes]) -> None:
    wanted = [contract.read(value, SPEC) for value in values]
    for decoder in (json_decoder(ORDER), JsonDecoder(ORDER)):
        same(answers_of(decoder.decode(pa.array(values, pa.binary()))), wanted)


FLOATS = st.floats() | st.sampled_from([1e16, 1e-5, 1.5e-7, -0.0, 1e300, float("nan")])
WORDS = st.sampled_from(["a", "bcd", "long", "", "ü\n"])
WHOLES = st.integers(-6, 101) | st.sampled_from([2**63 - 1, -(2**63)])
NESTED: dict[str, Any] = {
    "type": "record",
    "name": "Nested",
    "fields": [
        {"name": "b", "type": {"type": "array", "items": ["null", "double", {"type": "map", "values": "string"}]}},
        {"name": "a", "type": ["null", "bytes", {"type": "enum", "name": "Kind", "symbols": ["x", "y"]}]},
    ],
}
NESTED_VALUES = st.fixed_dictionaries(
    {
        "b": st.lists(st.none() | FLOATS | st.dictionaries(WORDS, WORDS, max_size=2), max_size=3),
        "a": st.sampled_from([None, "x", "y", "x", "y", b"z"]),
    }
)
DAY = {"type": "int", "logicalType": "date"}
MONEY = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}

AvroForm = tuple[Any, st.SearchStrategy[Any]]
AVRO: dict[str, list[AvroForm]] = {
    "tags": [
        ({"type": "array", "items": "string"}, st.lists(WORDS, max_size=4)),
        ({"type": "array", "items": ["null", "string", "int"]}, st.lists(st.none() | WORDS | st.just(7), max_size=3)),
        ({"type": "array", "items": DAY}, st.lists(st.just(0), max_size=1)),
        ({"type": "map", "values": "string"}, st.just({"a": "b"})),
        ("string", WORDS),
    ],
    "counts": [
        (["null", {"type": "array", "items": "long"}], st.none() | st.lists(WHOLES, max_size=3)),
        ({"type": "array", "items": ["int", "double"]}, st.lists(st.integers(0, 9) | st.just(0.5), max_size=3)),
        ({"type": "array", "items": {"type": "array", "items": "int"}}, st.lists(st.just([1]), max_size=2)),
    ],
    "prices": [
        ({"type": "array", "items": "double"}, st.lists(FLOATS, max_size=3)),
        ({"type": "array", "items": ["long", "float"]}, st.lists(WHOLES | st.floats(width=32), max_size=3)),
        ({"type": "array", "items": MONEY}, st.lists(st.just(Decimal("1.25")), max_size=1)),
    ],
    "flags": [({"type": "array", "items": "boolean"}, st.lists(st.booleans(), max_size=3))],
    "more": [
        (NESTED, NESTED_VALUES),
        ({"type": "map", "values": NESTED}, st.dictionaries(WORDS, NESTED_VALUES, max_size=2)),
        ({"type": "array", "items": "int"}, st.just([1])),
    ],
    "limits": [
        ({"type": "map", "values": "long"}, st.dictionaries(WORDS, WHOLES, max_size=3)),
        ({"type": "map", "values": ["null", "int"]}, st.dictionaries(WORDS, st.none() | st.just(1), max_size=2)),
    ],
    "names": [({"type": "map", "values": ["string", "int"]}, st.dictionaries(WORDS, WORDS | st.just(1), max_size=3))],
    "place": [
        (
            {
                "type": "record",
                "name": "Place",
                "fields": [{"name": "tags", "type": {"type": "array", "items": "string"}}],
            },
            st.fixed_dictionaries({"tags": st.lists(WORDS, max_size=2)}),
        )
    ],
}


@st.composite
def avro_records(draw: st.DrawFn) -> tuple[str, list[bytes]]:
    """A schema and some bodies of it, some of them broken."""
    forms: dict[str, AvroForm] = {"at": ("long", st.integers(-9, 9))}
    for name, known in AVRO.items():
        if draw(st.integers(0, 3)):
            forms[name] = known[0] if draw(st.booleans()) else draw(st.sampled_from(known))
    fields = [{"name": name, "type": form[0]} for name, form in forms.items()]
    schema = json.dumps({"type": "record", "name": "Order", "fields": fields})
    parsed = fastavro.parse_schema(json.loads(schema))
    bodies = []
    for values in draw(st.lists(st.fixed_dictionaries({n: f[1] for n, f in forms.items()}), min_size=1, max_size=6)):
        out = io.BytesIO()
        fastavro.schemaless_writer(out, parsed, values)
        bodies.append(broken(draw, out.getvalue()))
    return schema, bodies


def broken(draw: Any, body: bytes) -> bytes:
    """Mostly as it is; sometimes with one byte otherwise, or cut."""
    if draw(st.integers(0, 5)) or not body:
        return body
    at = draw(st.integers(0, len(body) - 1))
    return body[:at] + draw(st.sampled_from([b"", b"\xff" + body[at + 1 :], b"\x02" + body[at:]]))


@given(avro_records())
@settings(max_examples=40)
def test_avro(held: tuple[str, list[bytes]]) -> None:
    schema, bodies = held
    decoder = bare_avro_columns(ORDER, None, schema, {})
    wanted = [avro.read_bare(body, SPEC, avro.Schema(schema)) for body in bodies]
    same(answers_of(decoder.decode(pa.array(bodies, pa.binary()))), wanted)


INT64, INT32, BOOL, STRING, MESSAGE, BYTES, ENUM, DOUBLE, UINT64, FLOAT = 3, 5, 8, 9, 11, 12, 14, 1, 4, 2


def entries(message: Any, name: str, key: int, value: int, type_name: str = "") -> str:
    entry = message.nested_type.add(name=name)
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=key, label=1)
    entry.field.add(name="value", number=2, type=value, label=1, **({"type_name": type_name} if type_name else {}))
    return f".shop.{message.name}.{name}"


def descriptors() -> bytes:
    file = descriptor_pb2.FileDescriptorProto(name="lists.proto", package="shop", syntax="proto3")
    kind = file.enum_type.add(name="Kind")
    for number, name in enumerate(("new", "paid")):
        kind.value.add(name=name, number=number)
    nested = file.message_type.add(name="Nested")
    nested.field.add(name="b", number=1, type=DOUBLE, label=3)
    nested.field.add(name="a", number=2, type=ENUM, label=1, type_name=".shop.Kind")
    nested.field.add(name="raw", number=3, type=BYTES, label=3)
    nested.field.add(name="big", number=4, type=UINT64, label=1)
    nested.field.add(name="below", number=5, type=MESSAGE, label=1, type_name=".shop.Nested")
    place = file.message_type.add(name="Place")
    place.field.add(name="tags", number=1, type=STRING, label=3)
    order = file.message_type.add(name="Order")
    order.field.add(name="at", number=1, type=INT64, label=1)
    order.field.add(name="tags", number=2, type=STRING, label=3)
    order.field.add(name="counts", number=3, type=INT32, label=3)
    order.field.add(name="prices", number=4, type=FLOAT, label=3)
    order.field.add(name="flags", number=5, type=BOOL, label=3)
    order.field.add(name="more", number=6, type=MESSAGE, label=1, type_name=".shop.Nested")
    limits = entries(order, "LimitsEntry", INT32, INT64)
    order.field.add(name="limits", number=7, type=MESSAGE, label=3, type_name=limits)
    names = entries(order, "NamesEntry", BOOL, ENUM, ".shop.Kind")
    order.field.add(name="names", number=8, type=MESSAGE, label=3, type_name=names)
    order.field.add(name="place", number=9, type=MESSAGE, label=1, type_name=".shop.Place")
    return descriptor_pb2.FileDescriptorSet(file=[file]).SerializeToString()


DESCRIPTORS = descriptors()
POOL = descriptor_pool.DescriptorPool()
for each in descriptor_pb2.FileDescriptorSet.FromString(DESCRIPTORS).file:
    POOL.AddSerializedFile(each.SerializeToString())
Message: Any = message_factory.GetMessageClass(POOL.FindMessageTypeByName("shop.Order"))
KINDS = {0: "new", 1: "paid"}
NESTED_SHAPE = Shape(
    {
        1: Field("b", "double", repeated=True),
        2: Field("a", "enum", names=KINDS),
        3: Field("raw", "bytes", repeated=True),
        4: Field("big", "uint64"),
    }
)
NESTED_SHAPE.fields[5] = Field("below", "message", shape=NESTED_SHAPE)
SHAPE = Shape(
    {
        1: Field("at", "int64"),
        2: Field("tags", "string", repeated=True),
        3: Field("counts", "int32", repeated=True),
        4: Field("prices", "float", repeated=True),
        5: Field("flags", "bool", repeated=True),
        6: Field("more", "message", shape=NESTED_SHAPE),
        7: Field(
            "limits",
            "message",
            shape=Shape({1: Field("key", "int32"), 2: Field("value", "int64")}),
            repeated=True,
            is_map=True,
        ),
        8: Field(
            "names",
            "message",
            shape=Shape({1: Field("key", "bool"), 2: Field("value", "enum", names=KINDS)}),
            repeated=True,
            is_map=True,
        ),
        9: Field("place", "message", shape=Shape({1: Field("tags", "string", repeated=True)})),
    }
)
INNER = st.fixed_dictionaries(
    {"b": st.lists(FLOATS, max_size=2), "a": st.integers(0, 3), "big": st.sampled_from([0, 7, 2**64 - 1])},
    optional={"raw": st.just([b"x"])},
)
MESSAGES = st.fixed_dictionaries(
    {"at": st.integers(-9, 9)},
    optional={
        "tags": st.lists(WORDS, max_size=4),
        "counts": st.lists(st.integers(-6, 101), max_size=3),
        "prices": st.lists(st.floats(width=32), max_size=3),
        "flags": st.lists(st.booleans(), max_size=3),
        "more": INNER,
        "limits": st.dictionaries(st.integers(-3, 3), WHOLES, max_size=3),
        "names": st.dictionaries(st.booleans(), st.integers(0, 2), max_size=2),
        "place": st.fixed_dictionaries({"tags": st.lists(WORDS, max_size=2)}),
    },
)


@given(st.data(), st.lists(MESSAGES, min_size=1, max_size=6))
@settings(max_examples=40)
def test_protobuf(data: st.DataObject, held: list[dict[str, Any]]) -> None:
    bodies = [broken(data.draw, Message(**each).SerializeToString()) for each in held]
    decoder = protobuf_columns(ORDER, None, read_descriptors(DESCRIPTORS, "shop.Order"), {}, None)
    wanted = [protobuf.read(body, SPEC, SHAPE, [2]) for body in bodies]
    same(answers_of(decoder.decode(pa.array(bodies, pa.binary()))), wanted)


arrow: Any = pa
Column = tuple[pa.DataType, st.SearchStrategy[Any]]
MAPS = st.lists(st.tuples(WORDS, st.none() | st.integers(-9, 9)), max_size=3, unique_by=lambda pair: pair[0])
COLUMNS: dict[str, list[Column]] = {
    "tags": [
        (pa.list_(pa.string()), st.lists(WORDS, max_size=4)),
        (pa.list_(pa.binary()), st.lists(WORDS.map(str.encode) | st.just(b"\xff"), max_size=3)),
        (arrow.large_list(arrow.dictionary(pa.int8(), pa.string())), st.lists(st.none() | WORDS, max_size=3)),
        (pa.list_(pa.timestamp("s")), st.lists(st.integers(-(10**12), 10**12), max_size=2)),
        (pa.list_(pa.list_(pa.string())), st.lists(st.just(["a"]), max_size=2)),
        (pa.string(), WORDS),
    ],
    "counts": [
        (pa.list_(arrow.int16()), st.lists(st.none() | st.integers(-6, 101), max_size=3)),
        (pa.list_(arrow.uint64()), st.lists(st.integers(0, 2**64 - 1), max_size=2)),
        (pa.list_(pa.decimal128(5, 0)), st.lists(st.decimals(-9, 120, places=0), max_size=2)),
        (pa.list_(pa.int64(), 2), st.lists(st.integers(0, 9), min_size=2, max_size=2)),
        (pa.list_(pa.float64()), st.lists(st.just(1.0), max_size=1)),
    ],
    "prices": [
        (pa.list_(pa.float64()), st.lists(FLOATS, max_size=3)),
        (pa.list_(pa.decimal128(9, 3)), st.lists(st.decimals(-9, 9, places=3), max_size=3)),
        (pa.list_(arrow.float32()), st.lists(st.floats(width=32), max_size=3)),
    ],
    "flags": [(pa.list_(pa.bool_()), st.lists(st.booleans(), max_size=3))],
    "more": [
        (
            pa.struct([("b", pa.list_(pa.float64())), ("a", pa.struct([("c", pa.string()), ("d", pa.int64())]))]),
            st.fixed_dictionaries(
                {
                    "b": st.none() | st.lists(st.none() | FLOATS, max_size=2),
                    "a": st.none() | st.fixed_dictionaries({"c": st.none() | WORDS, "d": WHOLES}),
                }
            ),
        ),
        (pa.map_(pa.string(), pa.int32()), MAPS),
        (pa.struct([("t", pa.timestamp("ns"))]), st.fixed_dictionaries({"t": st.none() | st.just(1)})),
        (pa.list_(pa.int64()), st.just([1])),
    ],
    "limits": [
        (pa.map_(pa.string(), pa.int64()), MAPS),
        (pa.struct([("a", pa.int64())]), st.fixed_dictionaries({"a": st.none() | WHOLES})),
    ],
    "names": [
        (pa.map_(pa.string(), pa.string()), st.lists(st.tuples(WORDS, WORDS), max_size=2, unique_by=lambda p: p[0]))
    ],
    "place": [
        (pa.struct([("tags", pa.list_(pa.string()))]), st.fixed_dictionaries({"tags": st.lists(WORDS, max_size=2)}))
    ],
}


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.integers(1, 8))
    columns: dict[str, Any] = {"at": pa.array([draw(st.integers(-9, 9))] * rows)}
    for name, known in COLUMNS.items():
        if draw(st.integers(0, 3)):
            type_, values = known[0] if draw(st.booleans()) else draw(st.sampled_from(known))
            held = draw(st.sampled_from([values, values, st.none() | values]))
            columns[name] = pa.array(draw(st.lists(held, min_size=rows, max_size=rows)), type_)
    return pa.table(columns)


@given(tables(), st.integers(0, 3))
@settings(max_examples=40)
def test_parquet(table: pa.Table, skipped_rows: int) -> None:
    batch = table.combine_chunks().to_batches()[0].slice(skipped_rows)
    decoded = decode_typed(file_decoder(ORDER), TypedRows(batch, {}, RowTexts(ORDER, batch.schema, {})))
    wanted = [parquet.read_row(row, SPEC, {}) for row in rows_of(table.slice(skipped_rows))]
    same(answers_of(decoded), wanted)
