"""Records in Protobuf, whose schema a registry must know; tests/flink/parity/encoded.py writes them."""

from typing import Annotated, Literal

from annotated_types import Ge, Len, Lt
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2
from pydantic import BaseModel

from tidemill import EventTime, Money, Pipeline, Rollup, protobuf
from tidemill import aggregates as agg
from tidemill.windows import hop, tumble


def message() -> type:
    """As protoc would have generated it; the second one of its file."""
    file = descriptor_pb2.FileDescriptorProto(name="visit.proto", package="shops", syntax="proto3")
    file.dependency.append("google/protobuf/timestamp.proto")
    kinds = file.enum_type.add(name="Kind")
    for number, name in enumerate(("see", "rob", "buy")):
        kinds.value.add(name=name, number=number)
    file.message_type.add(name="Shop").field.add(name="shop", number=1, type=9, label=1)
    made = file.message_type.add(name="Visit")
    made.field.add(name="id", number=1, type=9, label=1)
    made.field.add(name="at", number=2, type=11, label=1, type_name=".google.protobuf.Timestamp")
    made.field.add(name="kind", number=3, type=14, label=1, type_name=".shops.Kind")
    for number, (name, type_) in enumerate({"shop": 9, "pieces": 18, "paid": 1, "score": 1}.items()):
        made.field.add(name=name, number=4 + number, type=type_, label=1, proto3_optional=True, oneof_index=number)
        made.oneof_decl.add(name=f"_{name}")
    entry = made.nested_type.add(name="NotesEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=9, label=1)
    entry.field.add(name="value", number=2, type=11, label=1, type_name=".shops.Shop")
    made.field.add(name="notes", number=9, type=11, label=3, type_name=".shops.Visit.NotesEntry")
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("shops.Visit"))


class Visit(BaseModel):
    id: Annotated[str, Len(1, 40)]
    at: Annotated[EventTime, Ge(0), Lt(4102444800000)]
    kind: Literal["see", "buy"]
    shop: str
    items: int = 1
    paid: Money | None = None
    score: float | None = None


pipeline = Pipeline(
    name="visits",
    event=Visit,
    format=protobuf(message(), registry=True, aliases={"items": ["pieces"]}),
    out_of_orderness="1s",
    allowed_lateness="2s",
    max_future="5m",
    rollups=[
        Rollup(
            "tumbled",
            keys=["shop"],
            window=tumble("10s"),
            aggregates={
                "n": agg.count(),
                "buys": agg.count(where="kind = 'buy'"),
                "paid": agg.sum("paid"),
                "items": agg.sum("items"),
                "least": agg.min("paid"),
                "best": agg.max("score"),
                "visits": agg.count_distinct("id"),
            },
        ),
        Rollup("hopped", keys=["kind"], window=hop("15s", every="5s"), aggregates={"n": agg.count()}),
    ],
)
