"""Keys of records by their own format, on a real Kafka with a real registry, of one topic and of several."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from deploy.registry_server import RegistryServer
from query.reader import LakeReader
from tests.avro_events import MILLIS, body, framed, record
from tests.e2e.test_formats import KEYED, Place
from tests.e2e.test_init import Folder
from tests.kafka_fixture import create_topic, fresh_topic, produce
from tests.registry_fixture import register
from tests.starter import topics

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

PIPELINE = """
from annotated_types import Ge
from pydantic import BaseModel
from typing import Annotated

from tidemill import EventTime, KafkaKey, KafkaKeyField, KafkaTopic, Pipeline, Rollup, avro, json, protobuf
from tidemill import aggregates as agg
from tidemill.windows import tumble


class Order(BaseModel):
    at: EventTime
    shop: str
    {fields}
    of_topic: KafkaTopic


pipeline = Pipeline(
    name="keyed",
    event=Order,
    key_format={key_format},
    rollups=[Rollup("by_user", keys=["user", "of_topic"], window=tumble("1h"), aggregates={{"n": agg.count()}})],
)
"""
FIELDS = 'user: KafkaKeyField("user_id", Annotated[int, Ge(0)])\n    region: KafkaKeyField("region") | None = None'
WHOLE = "user: KafkaKeyField(None, int) | None = None"
KEY = record({"user_id": "long", "region": ["null", "string"]}, "shop.Key")
LATER = record({"region": "string", "note": "string", "user_id": "int"}, "shop.Key")
ODD = record({"user_id": "string"}, "shop.Key")
AT = record({"at": MILLIS}, "shop.Order")
VALUE = b'{"at":1700000000000,"shop":"north"}'


def pipeline(fields: str, key_format: str) -> str:
    return PIPELINE.format(fields=fields, key_format=key_format)


def rows(place: Place, columns: str = '"user", region') -> list[tuple[Any, ...]]:
    """In the order of their partitions, and in it of their offsets."""
    with LakeReader(place.folder / "lake") as reader:
        found = reader.query(f'SELECT {columns} FROM events ORDER BY "partition", "offset"').to_pylist()
    return [tuple(row.values()) for row in found]


def dead(place: Place) -> list[tuple[str, str | None]]:
    with LakeReader(place.folder / "lake") as reader:
        found = reader.query('SELECT reason, field FROM dead_letters ORDER BY "partition", "offset"').to_pylist()
    return [(row["reason"], row["field"]) for row in found]


def proven(place: Place) -> None:
    assert json.loads(place.done("audit", "--json"))["findings"] == []
    assert json.loads(place.done("replay", "--check", "--json"))["equal"]


def test_keys_of_avro_are_read_by_the_schemas_that_they_name(
    kafka: str, registry: RegistryServer, tmp_path: Path
) -> None:
    topic = fresh_topic(kafka)
    first, later, odd, of_value = (
        register(registry.url, each, subject=f"{topic}-{at}") for at, each in enumerate((KEY, LATER, ODD, AT))
    )
    value = framed(of_value, body(AT, {"at": 1_700_000_000_000}))
    good = [
        framed(first, body(KEY, {"user_id": 7, "region": None})),
        framed(later, body(LATER, {"user_id": 8, "region": "north", "note": "x"})),
    ]
    bad = [b"7", framed(9_999, b"x"), good[0] + b"x", framed(odd, body(ODD, {"user_id": "seven"}))]
    produce(kafka, topic, [value] * 6, keys=[*good, *bad])
    produce(kafka, topic, [value, b"{}"])
    # the file that docs/inputs.md shows
    place = Place(tmp_path, kafka, topic, registry.url, KEYED)
    place.done("run", "--bounded")
    assert rows(place, "user_id, region") == [(7, None), (8, "north")]
    assert dead(place) == [
        ("malformed", "user_id"),
        ("unknown_schema", "user_id"),
        ("malformed", "user_id"),
        ("wrong_type", "user_id"),
        ("missing_field", "user_id"),
        ("malformed", None),
    ]
    proven(place)
    # what was met before needs no registry
    registry.kill()
    try:
        produce(kafka, topic, [value], keys=[good[1]])
        place.done("run", "--bounded")
    finally:
        registry.start()
    assert rows(place, "user_id, region") == [(7, None), (8, "north"), (8, "north")]


@pytest.mark.parametrize(
    ("key_format", "keys"),
    [
        ("json()", [b"7", b"null", b'"seven"', b"07"]),
        ('avro("key.avsc")', [b"\x02\x0e", b"\x00", b"\x04\x0aseven", b"\x02"]),
    ],
)
def test_keys_that_are_one_number_are_read_by_their_format(
    kafka: str, tmp_path: Path, key_format: str, keys: list[bytes]
) -> None:
    topic = fresh_topic(kafka)
    produce(kafka, topic, [VALUE] * 4, keys=keys)
    (tmp_path / "key.avsc").write_text('["null", "long", "string"]')
    place = Place(tmp_path, kafka, topic, "http://127.0.0.1:1", pipeline(WHOLE, key_format))
    place.done("run", "--bounded")
    assert rows(place, '"user"') == [(7,), (None,)]
    assert dead(place) == [("wrong_type", "user"), ("malformed", "user")]
    proven(place)


@pytest.mark.parametrize("by", ["list", "pattern"])
def test_several_topics_with_keys_are_read_in_one_run(
    kafka: str, registry: RegistryServer, tmp_path: Path, by: str
) -> None:
    family = f"keyed-{by}-{os.getpid()}"
    names = [f"{family}-a", f"{family}-b"]
    numbers = [register(registry.url, each, subject=f"{family}-{at}-key") for at, each in enumerate((KEY, LATER))]
    for at, name in enumerate(names):
        create_topic(kafka, name, 2)
        for partition in range(2):
            values = {"user_id": 10 * at + partition, "region": name[-1], "note": ""}
            schema = (KEY, LATER)[at]
            key = framed(numbers[at], body(schema, {n: values[n] for n in re.findall(r'"name": "(\w+)"', schema)}))
            produce(kafka, name, [VALUE] * 3, keys=[key, b"odd", key], partition=partition)
    chosen = ",".join(names) if by == "list" else f"^{family}-.*"
    place = Place(tmp_path, kafka, chosen, registry.url, pipeline(FIELDS, "avro()"))
    place.done("run", "--bounded", "--workers", "2")
    expected = [
        (10 * at + partition, name[-1], name) for at, name in enumerate(names) for partition in range(2) for _ in "ab"
    ]
    assert rows(place, '"user", region, of_topic') == expected
    assert dead(place) == [("malformed", "user")] * 4
    proven(place)


@pytest.mark.parametrize("by", ["list", "pattern"])
def test_a_pipeline_is_described_by_several_topics(kafka: str, tmp_path: Path, by: str) -> None:
    family = f"described-{by}-{os.getpid()}"
    ((values, stamps), *_) = topics.plain_orders()
    half = len(values) // 2
    for name, part in (("a", slice(half)), ("b", slice(half, None))):
        create_topic(kafka, f"{family}-{name}")
        produce(kafka, f"{family}-{name}", values[part], timestamps_ms=None if stamps is None else stamps[part])
    folder = Folder(tmp_path)
    out = folder.from_init_to_numbers(kafka, f"{family}-a,{family}-b" if by == "list" else f"^{family}-.*")
    assert "All of the sample fits." in out
    with LakeReader(tmp_path / "lake") as reader:
        found = reader.query('SELECT "partition", count(*) AS n FROM events GROUP BY ALL ORDER BY 1').to_pylist()
    assert [(row["partition"], row["n"]) for row in found] == [
        (f"{family}-a/0", half),
        (f"{family}-b/0", len(values) - half),
    ]
