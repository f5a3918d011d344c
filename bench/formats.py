"""CPU time per record of decoding Avro, Protobuf and JSON, the same events in each, in turns on one thread.

python -m bench.formats
"""

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from pydantic import BaseModel

from bench.measure import FEWEST_ROUNDS
from bench.results import write
from dataflow import EventTime, Money, Pipeline, Rollup, avro, protobuf
from dataflow import aggregates as agg
from dataflow import json as json_format
from dataflow.decode.decoder import Decoder, decoder_for
from dataflow.formats import protobuf as of
from dataflow.formats.frame import SchemaKey
from dataflow.formats.schemas import RegisteredSchema
from dataflow.pipeline.plan import make_plan
from dataflow.windows import tumble
from tests.avro_events import MILLIS, MONEY, body, framed, record

RECORDS = 10_000
KINDS = ("impression", "click", "conversion")


class Ad(BaseModel):
    """One event of an ad stream."""

    event_id: str
    event_time: EventTime
    event_type: Literal["impression", "click", "conversion"]
    ad_id: str
    user_id: str | None = None
    cost: Money = Decimal(0)
    revenue: Money | None = None


AVRO = record(
    {
        "event_id": "string",
        "event_time": MILLIS,
        "event_type": {"type": "enum", "name": "Kind", "symbols": list(KINDS)},
        "ad_id": "string",
        "user_id": ["null", "string"],
        "cost": MONEY,
        "revenue": ["null", MONEY],
    }
)


def events(count: int) -> list[dict[str, Any]]:
    """Made-up events, the same each time."""
    chance = random.Random(1)
    made = []
    for number in range(count):
        kind = chance.choice(KINDS)
        revenue = Decimal(chance.randrange(10_000)).scaleb(-2) if kind == "conversion" else None
        made.append(
            {
                "event_id": f"{number:016x}",
                "event_time": 1_734_501_600_000 + number,
                "event_type": kind,
                "ad_id": f"ad-{chance.randrange(5_000)}",
                "user_id": None if number % 5 == 0 else f"user-{chance.randrange(100_000)}",
                "cost": Decimal(chance.randrange(500)).scaleb(-2),
                "revenue": revenue,
            }
        )
    return made


def message() -> Any:
    """The same event as a Protobuf message; money is a double there, as it has no decimals."""
    file = descriptor_pb2.FileDescriptorProto(name="ad.proto", package="bench", syntax="proto3")
    kinds = file.enum_type.add(name="Kind")
    for number, name in enumerate(KINDS):
        kinds.value.add(name=name, number=number)
    ad = file.message_type.add(name="Ad")
    types = {"event_time": of.INT64, "event_type": of.ENUM, "cost": of.DOUBLE, "revenue": of.DOUBLE}
    for number, name in enumerate(Ad.model_fields, 1):
        field = ad.field.add(name=name, number=number, type=types.get(name, of.STRING), label=1)
        if name == "event_type":
            field.type_name = ".bench.Kind"
        if name in ("user_id", "revenue"):
            field.proto3_optional, field.oneof_index = True, len(ad.oneof_decl)
            ad.oneof_decl.add(name=f"_{name}")
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("bench.Ad"))


class _Registry:
    def find(self, key: SchemaKey) -> RegisteredSchema | None:
        return RegisteredSchema("AVRO", AVRO) if key.value == 1 else None


def cases(count: int) -> dict[str, tuple[Callable[[bool], Decoder], pa.Array]]:
    """By format, what makes a decoder (compiled or not), and the records."""
    made = events(count)
    message_class = message()
    pipeline = Pipeline(
        name="ads",
        event=Ad,
        rollups=[Rollup("ads", keys=["ad_id"], window=tumble("1m"), aggregates={"n": agg.count()})],
    )

    def decoders(form: Any) -> Callable[[bool], Decoder]:
        plan = replace(make_plan(replace(pipeline, format=form), Path()), schemas=_Registry())
        return lambda compiled: decoder_for(plan, compiled=compiled)

    def numbers(event: dict[str, Any]) -> dict[str, Any]:
        return {key: float(value) if isinstance(value, Decimal) else value for key, value in event.items()}

    as_messages = [
        message_class(**numbers(event) | {"event_type": KINDS.index(event["event_type"])}).SerializeToString()
        for event in made
    ]
    return {
        "json": (
            decoders(json_format()),
            pa.array([json.dumps(numbers(event)).encode() for event in made], pa.binary()),
        ),
        "avro": (decoders(avro()), pa.array([framed(1, body(AVRO, event)) for event in made], pa.binary())),
        "protobuf": (decoders(protobuf(message_class)), pa.array(as_messages, pa.binary())),
    }


def measure(rounds: int, count: int) -> dict[str, dict[str, float]]:
    """Microseconds of CPU per record, by format: compiled and row by row, medians of rounds in turns."""
    contenders: dict[tuple[str, str], tuple[Decoder, pa.Array]] = {}
    expected = None
    for name, (make, values) in cases(count).items():
        for how, compiled in (("compiled", True), ("row by row", False)):
            decoder = make(compiled)
            found = decoder.decode(values).events
            expected = found if expected is None else expected
            assert found.equals(expected), f"{name}, {how}: other events than those of JSON"
            contenders[name, how] = decoder, values
    taken: dict[tuple[str, str], list[float]] = {key: [] for key in contenders}
    for _ in range(rounds):
        for key, (decoder, values) in contenders.items():
            began = time.process_time()
            decoder.decode(values)
            taken[key].append((time.process_time() - began) / count * 1e6)
    found_by: dict[str, dict[str, float]] = {}
    for (name, how), times in taken.items():
        found_by.setdefault(name, {})[how] = round(statistics.median(times), 3)
    for name, (_, values) in cases(count).items():
        found_by[name]["bytes"] = round(sum(map(len, values.to_pylist())) / count, 1)
    return found_by


def main() -> None:
    """Measure and write bench/results/formats.*."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2 * FEWEST_ROUNDS + 1)
    parser.add_argument("--records", type=int, default=RECORDS)
    arguments = parser.parse_args()
    found = measure(arguments.rounds, arguments.records)
    facts = {
        "records": f"{arguments.records:,} ad events, the same in each format, one poll",
        "measured": f"CPU time of decoding alone, medians of {arguments.rounds} rounds in turns in one process",
        "checked": "each decoder's events are equal to those of JSON",
    }
    table = "| format | bytes | compiled, us | row by row, us | times |\n| --- | ---: | ---: | ---: | ---: |\n"
    for name, each in found.items():
        times = each["row by row"] / each["compiled"]
        table += f"| {name} | {each['bytes']} | {each['compiled']:.2f} | {each['row by row']:.2f} | {times:.0f} |\n"
    write("formats", "Decoding of formats", facts, table, found)


if __name__ == "__main__":
    main()
