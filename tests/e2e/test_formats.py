"""Avro on a real Kafka with a real registry: read, proven, restarted without it, waited for while it is away."""

import base64
import json
import re
import subprocess
import time
from pathlib import Path
from urllib.error import HTTPError

import pytest
from confluent_kafka import Producer

from deploy.registry_server import RegistryServer
from query.reader import LakeReader
from tests import proto_events
from tests.avro_events import FIRST, GOOD, GOOD_SECOND, SECOND, body, framed
from tests.chaos.subject import ROOT, TIDEMILL
from tests.kafka_fixture import fresh_topic, produce
from tests.proto_events import descriptors, of_edition_2023, order
from tests.registry_fixture import register

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

INPUTS = (ROOT / "docs" / "inputs.md").read_text().partition("\n## Records on Kafka\n")[2].partition("\n## ")[0]
CLICKS, KEYED, AVRO, PROTOBUF = re.findall(r"^```python\n(.*?)^```$", INPUTS, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^```sh\ntidemill (run .*)\n```$", INPUTS, re.MULTILINE)
RUN_CLICKS, RUN = (tuple(line.split()) for line in dict.fromkeys(COMMANDS))
"""The pipeline files and the commands that docs/inputs.md shows."""


class Place:
    """A pipeline file, its lake, and the flags of every command."""

    def __init__(
        self, folder: Path, kafka: str, topic: str, url: str, text: str = AVRO, file: str = "orders.py"
    ) -> None:
        self.folder = folder
        (folder / file).write_text(text)
        self.file = file
        (folder / "tidemill.toml").write_text(f'[kafka]\n"schema.registry.url" = "{url}"\n')
        self.brokers, self.topic = kafka, topic

    def command(self, *words: str) -> list[str]:
        """Topic and broker of the test in the place of those of the docs."""
        flags = ["--brokers", self.brokers, "--topic", self.topic]
        return [*TIDEMILL, *words, *(() if "--pipeline" in words else ("--pipeline", self.file)), *flags]

    def start(self, *words: str) -> subprocess.Popen[str]:
        environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
        return subprocess.Popen(
            self.command(*words),
            cwd=self.folder,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def done(self, *words: str) -> str:
        child = self.start(*words)
        out, err = child.communicate(timeout=120)
        assert child.returncode == 0, out + err
        return out

    def orders(self) -> list[str]:
        with LakeReader(self.folder / "lake") as reader:
            rows = reader.snapshot().query('SELECT order_id FROM events ORDER BY partition, "offset"').to_pylist()
        return [row["order_id"] for row in rows]


def test_framed_avro_is_read_proven_and_goes_on_without_its_registry(
    kafka: str, registry: RegistryServer, tmp_path: Path
) -> None:
    first, second = register(registry.url, FIRST), register(registry.url, SECOND)
    topic = fresh_topic(kafka)
    good = [framed(first, body(FIRST, GOOD)), framed(second, body(SECOND, GOOD_SECOND))]
    produce(kafka, topic, [*good, good[0] + b"x", framed(9_999, b"x"), b"{}"])
    place = Place(tmp_path, kafka, topic, registry.url)
    place.done(*RUN)
    assert place.orders() == ["a1", "b2"]
    with LakeReader(tmp_path / "lake") as reader:
        dead = reader.snapshot().query('SELECT reason FROM dead_letters ORDER BY "offset"').to_pylist()
    assert [each["reason"] for each in dead] == ["malformed", "unknown_schema", "malformed"]
    assert json.loads(place.done("audit", "--json"))["findings"] == []

    registry.kill()
    try:
        produce(kafka, topic, good)
        place.done(*RUN)
        assert place.orders() == ["a1", "b2", "a1", "b2"]
    finally:
        registry.start()
    assert json.loads(place.done("replay", "--check", "--json"))["equal"]


def test_framed_protobuf_is_read_where_it_is_our_message_and_known_to_the_registry(
    kafka: str, registry: RegistryServer, tmp_path: Path
) -> None:
    number = register(registry.url, 'syntax = "proto3"; package other; message A { int64 x = 1; }', "PROTOBUF")
    # this registry reads no text of an edition, and takes its descriptors
    with pytest.raises(HTTPError, match="422"):
        register(registry.url, 'edition = "2023"; package shop; message Order { int64 x = 1; }', "PROTOBUF")
    edition = of_edition_2023()
    of_2023 = register(registry.url, base64.b64encode(edition.SerializeToString()).decode(), "PROTOBUF")
    topic = fresh_topic(kafka)
    other = proto_events.framed(number, order(), b"\x00")
    good = [proto_events.framed(each, order(pieces=None)) for each in (number, of_2023)]
    produce(kafka, topic, [*good, other, proto_events.framed(9_999, order()), order()])
    place = Place(tmp_path, kafka, topic, registry.url, PROTOBUF)
    (tmp_path / "order.desc").write_bytes(descriptors(edition))
    place.done(*RUN)
    assert place.orders() == ["a1", "a1"]
    with LakeReader(tmp_path / "lake") as reader:
        dead = reader.snapshot().query('SELECT reason FROM dead_letters ORDER BY "offset"').to_pylist()
        pieces = reader.query("SELECT DISTINCT pieces FROM events").to_pylist()
    # what is absent shows, so the model's own default counts
    assert pieces == [{"pieces": 1}]
    assert [each["reason"] for each in dead] == ["malformed", "unknown_schema", "malformed"]


def test_columns_of_the_record_stand_beside_those_of_its_value_and_are_proven(kafka: str, tmp_path: Path) -> None:
    topic = fresh_topic(kafka)
    producer = Producer({"bootstrap.servers": kafka})
    traces: list[tuple[str, str | bytes | None]] = [("trace-id", b"t0"), ("trace-id", b"t1")]
    for key, headers in (("u1", traces), ("u2", []), (None, [])):
        producer.produce(topic, b'{"page": "/"}', key, headers=headers, timestamp=1_700_000_000_000)
    producer.flush(30)
    place = Place(tmp_path, kafka, topic, "http://127.0.0.1:1", CLICKS, "clicks.py")
    place.done(*RUN_CLICKS)
    with LakeReader(tmp_path / "lake") as reader:
        snapshot = reader.snapshot()
        rows = snapshot.query(
            'SELECT "user", trace, came_from, epoch_ms("at") AS ms FROM events ORDER BY "offset"'
        ).to_pylist()
        dead = snapshot.query("SELECT reason, field FROM dead_letters").to_pylist()
    assert rows == [
        {"user": "u1", "trace": "t1", "came_from": topic, "ms": 1_700_000_000_000},
        {"user": "u2", "trace": None, "came_from": topic, "ms": 1_700_000_000_000},
    ]
    assert dead == [{"reason": "missing_field", "field": "user"}]
    assert json.loads(place.done("audit", "--json"))["findings"] == []


def test_a_registry_that_died_is_waited_for_and_nothing_is_skipped(
    kafka: str, registry: RegistryServer, tmp_path: Path
) -> None:
    number = register(registry.url, FIRST)
    topic = fresh_topic(kafka)
    produce(kafka, topic, [framed(number, body(FIRST, GOOD))] * 3)
    place = Place(tmp_path, kafka, topic, registry.url)
    registry.kill()
    child = place.start(*RUN)
    try:
        time.sleep(4)
        assert child.poll() is None, child.communicate()
    finally:
        registry.start()
    out, err = child.communicate(timeout=60)
    assert child.returncode == 0, out + err
    assert "gives no answer" in err
    assert place.orders() == ["a1"] * 3


def test_a_run_that_waits_for_a_registry_stops_when_asked_and_has_read_nothing(kafka: str, tmp_path: Path) -> None:
    topic = fresh_topic(kafka)
    produce(kafka, topic, [framed(1, body(FIRST, GOOD))])
    place = Place(tmp_path, kafka, topic, "http://127.0.0.1:1")
    child = place.start("run")
    assert child.stderr is not None
    for line in child.stderr:
        if "gives no answer" in line:
            break
    child.terminate()
    _, err = child.communicate(timeout=60)
    assert child.returncode == 0, err
    assert place.orders() == []


def test_bare_avro_is_read_by_the_schema_file_beside_the_pipeline(kafka: str, tmp_path: Path) -> None:
    topic = fresh_topic(kafka)
    produce(kafka, topic, [body(FIRST, GOOD), b"\x00"])
    place = Place(tmp_path, kafka, topic, "http://127.0.0.1:1", AVRO.replace("avro()", 'avro("order.avsc")'))
    (tmp_path / "order.avsc").write_text(FIRST)
    place.done(*RUN)
    assert place.orders() == ["a1"]
    assert json.loads(place.done("audit", "--json"))["findings"] == []
