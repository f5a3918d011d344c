"""Runs with `--fetch direct`, killed and with a leader that changes: the tables of a run without it."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from deploy.kafka_server import KafkaCluster
from proof.dump import dump
from query.reader import LakeReader
from runtime.ports import HOST, free_ports
from tests.chaos.subject import PATIENCE_S, ROOT, TIDEMILL, Subject
from tests.kafka_fixture import admin, fresh_topic, require_kafka_tools
from tests.kafka_proxy import Spoiler, proxy, with_error

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]

RECORDS = 20_000
GIVEN_UP = "is fetched by librdkafka from offset"
NOT_LEADER = 6


def fill(kafka: str, *extra: str, topic: str | None = None) -> str:
    """A topic of 3 partitions, or one that is there, with the ad stream of some hours."""
    topic = topic or fresh_topic(kafka, 3)
    command = [*TIDEMILL, "produce", "--brokers", kafka, "--topic", topic, "--count", str(RECORDS), "--seed", "5"]
    speed = ["--start-time", "2026-03-01T21:00:00Z", "--speed", "7200", "--rate", "0"]
    done = subprocess.run([*command, *speed, *extra], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return topic


def run(folder: Path, kafka: str, topic: str, lake: str, *flags: str) -> Subject:
    where = ("--pipeline", str(ROOT / "pipelines" / "ads.py"), "--brokers", kafka, "--topic", topic)
    return Subject(["run", *where, "--lake", lake, "--recovery", f"{lake}-r", "--epoch-ms", "50", *flags], folder)


def whole(folder: Path, kafka: str, topic: str, lake: str, *flags: str) -> str:
    """Runs to the end; gives what was said."""
    subject = run(folder, kafka, topic, lake, "--bounded", *flags)
    code = subject.wait(2 * PATIENCE_S)
    subject.kill()
    assert code == 0, subject.said
    return subject.said


def dumped(lake: Path) -> dict[str, str]:
    with LakeReader(lake) as reader:
        return {path.name: path.read_text() for path in dump(reader.snapshot(), lake.with_name(f"{lake.name}-dump"))}


def read_so_far(lake: Path) -> int:
    try:
        with LakeReader(lake) as reader:
            return int(reader.query("SELECT coalesce(sum(read), 0)::BIGINT AS n FROM ledger").to_pylist()[0]["n"])
    except Exception:
        # not made yet
        return 0


def wait_until(true: Callable[[], bool], subject: Subject) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, subject.said
        assert subject.code is None, subject.said
        time.sleep(0.05)


def wait_for_records(subject: Subject, lake: Path, records: int = 1) -> int:
    """Until the run has committed so many; gives how many it has."""
    wait_until(lambda: read_so_far(lake) >= records, subject)
    return read_so_far(lake)


def leaders(kafka: str, topic: str) -> dict[int, int]:
    """Which node leads each source partition."""
    partitions = admin(kafka).list_topics(topic, timeout=30).topics[topic].partitions
    return {number: each.leader for number, each in partitions.items()}


def leads_nothing(kafka: str, topic: str, node: int) -> bool:
    return node not in leaders(kafka, topic).values()


def test_a_killed_run_that_fetches_itself_fills_the_tables_of_one_that_does_not(kafka: str, tmp_path: Path) -> None:
    topic = fill(kafka, "--transactional", "--abort-every", "3")
    whole(tmp_path, kafka, topic, "plain")
    slow = ("--fetch", "direct", "--batch-records", "100", "--max-epoch-bytes", "65536")
    subject = run(tmp_path, kafka, topic, "direct", *slow)
    read = wait_for_records(subject, tmp_path / "direct")
    subject.kill()
    assert read <= RECORDS
    said = subject.said + whole(tmp_path, kafka, topic, "direct", "--fetch", "direct", "-w", "2")
    assert GIVEN_UP not in said
    wanted = dumped(tmp_path / "plain")
    assert dumped(tmp_path / "direct") == wanted
    assert wanted["counts.csv"].splitlines()[-1].split(",")[1].strip('"') == str(RECORDS)


@pytest.fixture
def behind_proxy(tmp_path: Path) -> Iterator[tuple[str, Spoiler]]:
    """A broker that is reached through a proxy alone, and what that does with answers."""
    require_kafka_tools()
    port, controller, front = free_ports(3)
    advertised = {"advertised.listeners": f"PLAINTEXT://{HOST}:{front}"}
    cluster = KafkaCluster(tmp_path / "kafka", 1, [port], [controller], properties=advertised, heap="256m", light=True)
    spoiler = Spoiler()
    with proxy((HOST, port), spoiler, front):
        cluster.start()
        try:
            yield f"{HOST}:{front}", spoiler
        finally:
            cluster.stop(timeout_seconds=10)


def test_a_leader_that_changes_costs_nothing_but_the_way_of_one_partition(
    behind_proxy: tuple[str, Spoiler], tmp_path: Path
) -> None:
    kafka, spoiler = behind_proxy
    topic = fill(kafka)
    whole(tmp_path, kafka, topic, "plain")
    spoiler.change = lambda number, body: with_error(body, NOT_LEADER) if number == 2 else body
    small = ("--kafka", "fetch.message.max.bytes=20000")
    said = whole(tmp_path, kafka, topic, "direct", "--fetch", "direct", *small)
    assert spoiler.spoiled == 1
    assert said.count(GIVEN_UP) == 1, said
    assert "Not leader" in said or "not leader" in said
    assert dumped(tmp_path / "direct") == dumped(tmp_path / "plain")


def test_leaders_that_are_killed_one_after_another_cost_nothing(tmp_path: Path) -> None:
    require_kafka_tools()
    cluster = KafkaCluster(tmp_path / "kafka", 3, heap="256m")
    cluster.start()
    try:
        kafka = cluster.bootstrap
        topic = fill(kafka)
        subject = run(tmp_path, kafka, topic, "direct", "--fetch", "direct")
        wait_for_records(subject, tmp_path / "direct", RECORDS)
        for turn in (1, 2):
            node = leaders(kafka, topic)[0]
            cluster.kill(node)
            wait_until(partial(leads_nothing, kafka, topic, node), subject)
            fill(kafka, "--seed", str(turn), topic=topic)
            wait_for_records(subject, tmp_path / "direct", (1 + turn) * RECORDS)
            cluster.restart(node)
        subject.send(signal.SIGTERM)
        assert subject.wait() == 0, subject.said
        whole(tmp_path, kafka, topic, "plain")
    finally:
        cluster.stop(timeout_seconds=10)
    assert GIVEN_UP in subject.said
    assert dumped(tmp_path / "direct") == dumped(tmp_path / "plain")


def test_a_login_is_refused_at_the_start_in_one_sentence(tmp_path: Path) -> None:
    subject = run(tmp_path, "127.0.0.1:1", "ads", "lake", "--fetch", "direct", "--kafka", "security.protocol=SASL_SSL")
    assert subject.wait() == 2, subject.said
    assert "kafka.security.protocol" in subject.said
    assert "SASL_SSL" in subject.said
    assert "leave `fetch` at librdkafka" in subject.said
    assert "Traceback" not in subject.said
