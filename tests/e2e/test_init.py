"""From a topic that nobody described to numbers: init, check, run, report; answers equal a recount of the topic."""

import re
import shlex
import subprocess
import time
from collections.abc import Callable
from datetime import UTC
from decimal import Decimal
from pathlib import Path

import pytest

from deploy.registry_server import RegistryServer
from proof.dump import dump
from query.reader import LakeReader
from tests.avro_events import body, framed
from tests.chaos.recount import expect_topic
from tests.chaos.subject import PATIENCE_S, ROOT, TIDEMILL
from tests.kafka_fixture import fresh_topic, produce
from tests.registry_fixture import register
from tests.starter import topics
from tests.starter.streams import orders
from tests.starter.test_registered import SCHEMA
from tests.starter.test_registered import order as avro_order

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

MINUTE_MS = 60_000


class Folder:
    """An empty working folder, in which a user types commands."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seconds: dict[str, float] = {}

    def call(self, *words: str) -> tuple[int, str, str]:
        """Exit code, standard output and standard error of one command."""
        environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
        began = time.monotonic()
        done = subprocess.run(
            [*TIDEMILL, *words],
            cwd=self.path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        self.seconds[words[0]] = time.monotonic() - began
        return done.returncode, done.stdout, done.stderr

    def from_init_to_numbers(self, kafka: str, topic: str, *more: str) -> str:
        """`init`, and then each command that it prints, as it stands; gives what init said."""
        code, out, err = self.call("init", "--topic", topic, "--brokers", kafka, "--output", "shop.py", *more)
        assert (code, err) == (0, ""), err
        commands = re.findall(r"^  tidemill (.*)$", out, re.MULTILINE)
        assert [shlex.split(each)[0] for each in commands] == ["check", "run", "report"]
        for command in commands:
            code, said, err = self.call(*shlex.split(command))
            assert code == 0, (command, said, err)
            assert said or command.startswith("run")
        return out

    def texts(self) -> dict[str, str]:
        """What `tidemill dump` writes."""
        with LakeReader(self.path / "lake") as reader:
            return {path.name: path.read_text("utf-8") for path in dump(reader.snapshot(), self.path / "dump")}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def fill(kafka: str, made: topics.Topic) -> str:
    topic = fresh_topic(kafka, len(made))
    for number, (values, stamps) in enumerate(made):
        produce(kafka, topic, values, partition=number, timestamps_ms=stamps)
    return topic


def dead(texts: dict[str, str]) -> int:
    return len(texts["dead.csv"].splitlines()) - 1


def test_a_topic_that_nobody_described_gives_its_numbers_within_a_minute(kafka: str, folder: Folder) -> None:
    topic = fill(kafka, topics.plain_orders())
    out = folder.from_init_to_numbers(kafka, topic)
    assert "All of the sample fits." in out
    assert sum(folder.seconds.values()) < 60, folder.seconds
    counted: dict[tuple[int, str], tuple[int, Decimal]] = {}
    for order in orders(6_000):
        place = (order["ts"] // MINUTE_MS * MINUTE_MS, order["status"])
        count, total = counted.get(place, (0, Decimal(0)))
        counted[place] = (count + 1, total + Decimal(str(order["amount"])))
    with LakeReader(folder.path / "lake") as reader:
        rows = reader.query("SELECT window_start, status, events, amount_sum FROM status_1m").to_pylist()
    assert counted == {
        (int(row["window_start"].replace(tzinfo=UTC).timestamp() * 1000), row["status"]): (
            row["events"],
            row["amount_sum"],
        )
        for row in rows
    }


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (topics.ads, ["event_time  +EventTime ", "event_id .*came again, as equal records", "cost  +Money"]),
        (topics.payments, ["time  +EventTimeText ", "merchant  +Merchant", "value  +Money", "event_offset  +Annot"]),
        (
            topics.epoch_seconds,
            ["time  +EventTimeSeconds .*whole seconds since 1970", "temperature  +float", "ok  +bool"],
        ),
        (topics.one_in_twenty_broken, ["amount  +Money", r"Of the sample \d+ would be dead letters: "]),
        (topics.three_records, ["All of the sample fits.", r"Disorder: .* \(of only 3: a guess\)"]),
        (topics.two_kinds, [r'type  +Literal\["purchase", "view"\]', "total  .*there where type is 'purchase'"]),
    ],
)
def test_every_answer_equals_a_recount(
    kafka: str, folder: Folder, made: Callable[[], topics.Topic], said: list[str]
) -> None:
    filled = made()
    topic = fill(kafka, filled)
    out = folder.from_init_to_numbers(kafka, topic)
    for pattern in said:
        assert re.search(f"^{pattern}", out, re.MULTILINE), (pattern, out)
    texts = folder.texts()
    assert texts == expect_topic(kafka, topic, folder.path / "shop.py").texts
    # the whole topic was the sample, so what it said of it is what a run finds
    promised = re.search(r"^Of the sample ([\d,]+) would be dead letters", out, re.MULTILINE)
    assert dead(texts) == (0 if promised is None else int(promised[1].replace(",", "")))
    print(made.__name__, {name: round(seconds, 1) for name, seconds in folder.seconds.items()})


def test_a_topic_of_avro_is_described_by_its_schema_in_the_registry(
    kafka: str, registry: RegistryServer, folder: Folder
) -> None:
    topic = fresh_topic(kafka)
    number = register(registry.url, SCHEMA, subject=f"{topic}-value")
    produce(kafka, topic, [framed(number, body(SCHEMA, avro_order(each))) for each in range(200)])
    out = folder.from_init_to_numbers(kafka, topic, "--registry", registry.url)
    assert "All of the sample fits." in out
    assert re.search(r"^total  +Money", out, re.MULTILINE)
    with LakeReader(folder.path / "lake") as reader:
        (row,) = reader.query("SELECT count(*) AS n, sum(total) AS total FROM events").to_pylist()
    assert row == {"n": 200, "total": sum(avro_order(each)["total"] for each in range(200))}


def test_a_topic_without_a_subject_and_one_of_json_with_one(
    kafka: str, registry: RegistryServer, folder: Folder
) -> None:
    topic = fill(kafka, topics.plain_orders())
    code, _, err = folder.call("init", "--topic", topic, "--brokers", kafka, "--registry", registry.url)
    assert code == 3
    assert f"the registry has no subject {topic}-value" in err
    schema = '{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}'
    register(registry.url, schema, "JSON", subject=f"{topic}-value")
    assert "All of the sample fits." in folder.from_init_to_numbers(kafka, topic, "--registry", registry.url)


def test_a_missing_topic_is_answered_with_those_that_look_like_it(kafka: str, folder: Folder) -> None:
    topic = fresh_topic(kafka)
    code, out, err = folder.call("init", "--topic", f"{topic}x", "--brokers", kafka)
    assert (code, out) == (3, "")
    assert f"has no topic '{topic}x'; did you mean {topic}" in err
    code, _, err = folder.call("init", "--topic", topic, "--brokers", kafka)
    assert (code, err) == (
        3,
        f"error: topic {topic} holds no records yet, so there is nothing to tell a pipeline by; try again later\n",
    )
