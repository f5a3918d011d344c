"""The same two thresholds by Flink SQL and by Quix Streams, each with the settings that tell an alert soonest."""

import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.alert_watch import SAMPLED
from bench.engines import shape_for_bench
from bench.names import QUIX
from bench.peers.known import PEERS, ROOT, Peer
from flink.cluster.cluster import FlinkCluster
from flink.cluster.work import settle, submit
from flink.generate.words import text

QUIX_PEER: Peer = next(each for each in PEERS if each.name == QUIX)


@dataclass(frozen=True, slots=True)
class Running:
    """An engine's version, and whether it still runs."""

    version: str
    is_alive: Callable[[], bool]


SETTINGS = {
    "execution.runtime-mode": "streaming",
    "pipeline.object-reuse": "true",
    "parallelism.default": "1",
    # a row goes on by itself
    "table.exec.mini-batch.enabled": "false",
    "execution.buffer-timeout.interval": "0 ms",
    "table.exec.state.ttl": "1 h",
    "table.exec.sink.upsert-materialize": "NONE",
    "execution.checkpointing.mode": "EXACTLY_ONCE",
    "execution.checkpointing.interval": "1 s",
}
"""Of a session; the sink waits for no checkpoint."""


def statements(brokers: str, topic: str, alerts: str) -> list[str]:
    """The job: an upsert for each row that leaves a condition true."""
    kafka = {"properties.bootstrap.servers": brokers}
    source = {
        "connector": "kafka",
        "topic": topic,
        **kafka,
        "properties.group.id": "bench-alerts",
        "scan.startup.mode": "earliest-offset",
        "format": "json",
        "json.ignore-parse-errors": "true",
    }
    sink = {
        "connector": "upsert-kafka",
        "topic": alerts,
        **kafka,
        "properties.linger.ms": "0",
        "key.format": "json",
        "value.format": "json",
        "sink.delivery-guarantee": "at-least-once",
        "sink.buffer-flush.max-rows": "0",
        "sink.buffer-flush.interval": "0",
    }
    return [
        *(f"SET {text(key)} = {text(value)}" for key, value in SETTINGS.items()),
        f"CREATE TABLE `events` (`event_id` STRING, `event_time` BIGINT, `event_type` STRING, `ad_id` STRING) "
        f"WITH ({_options(source)})",
        f"CREATE TABLE `alerts` (`rule` STRING, `key` STRING, `window_ms` BIGINT, `n` BIGINT, "
        f"PRIMARY KEY (`rule`, `key`, `window_ms`) NOT ENFORCED) WITH ({_options(sink)})",
        "EXECUTE STATEMENT SET BEGIN\n"
        "INSERT INTO `alerts` SELECT 'sampled', `event_id`, `event_time` / 10000, COUNT(*) FROM `events` "
        f"WHERE `event_id` LIKE '%{SAMPLED}' AND `event_time` IS NOT NULL "
        "GROUP BY `event_id`, `event_time` / 10000 HAVING COUNT(*) >= 1;\n"
        "INSERT INTO `alerts` SELECT 'busy_ad', `ad_id`, `event_time` / 60000, COUNT(*) FROM `events` "
        "WHERE `event_type` = 'click' AND `ad_id` IS NOT NULL AND `event_time` IS NOT NULL "
        "GROUP BY `ad_id`, `event_time` / 60000 HAVING COUNT(*) > 20;\n"
        "END",
    ]


@contextmanager
def flink_job(brokers: str, topic: str, alerts: str, folder: Path) -> Iterator[Running]:
    """A cluster with the job, all of whose tasks run. Both end with the context."""
    cluster = FlinkCluster(folder, shape_for_bench())
    cluster.start()
    try:
        made = submit("bench-alerts", statements(brokers, topic, alerts), {}, cluster.gateway, cluster.jobmanager)
        settle(cluster.jobmanager, made.job)
        yield Running(cluster.jobmanager.overview().version, lambda: not cluster.jobmanager.job(made.job).ended)
        cluster.jobmanager.cancel(made.job)
    finally:
        cluster.stop()


@contextmanager
def quix_program(brokers: str, topic: str, alerts: str, folder: Path) -> Iterator[Running]:
    """The program; what it says is in `log` of the folder. It ends with the context."""
    folder.mkdir()
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen(
            quix_command(brokers, topic, alerts, folder), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT
        )
        try:
            yield Running(QUIX_PEER.version(), lambda: child.poll() is None)
        finally:
            child.terminate()
            try:
                child.wait(30)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def quix_command(brokers: str, topic: str, alerts: str, folder: Path) -> Sequence[str]:
    """How it is started."""
    words = ("--brokers", brokers, "--topic", topic, "--alerts", alerts, "--work", str(folder))
    return [str(QUIX_PEER.python), "-m", "bench.peers.run_quix_alerts", *words]


def _options(options: dict[str, str]) -> str:
    return ", ".join(f"{text(key)} = {text(value)}" for key, value in options.items())
