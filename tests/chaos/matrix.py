"""The fault matrix: every scenario with its share of the kills, and the runner that plays them."""

import shutil
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.kafka_server import KafkaCluster
from tests.chaos import (
    backfills,
    brokers,
    clocks,
    disks,
    emitting,
    gaps,
    kills,
    lakes,
    registries,
    retention,
    rotation,
    rules,
    topics,
    wide,
)
from tests.chaos.checkers import WRONG_END, Anomaly
from tests.chaos.stage import Stage
from tests.ducklake_client import ducklake_python

PROPERTIES = {
    "log.cleaner.backoff.ms": "200",
    "log.initial.task.delay.ms": "500",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "300",
}

Play = Callable[[Stage], None]


@dataclass(frozen=True)
class Scenario:
    """One line of the matrix. `share` of all kills in a full run, `few` in a bounded one (0: it kills as it needs).

    `ends`: the play itself compares, because the lake must not or cannot be read to the end afterwards.
    `cluster`: the play interrupts the shared broker. `lacking` says what this machine lacks for it, or None.
    """

    name: str
    fault: str
    play: Play | Callable[[Stage, KafkaCluster], None]
    share: float = 0.0
    few: int = 0
    ends: bool = False
    cluster: bool = False
    lacking: Callable[[], str | None] = lambda: None


@dataclass
class Outcome:
    """What one scenario did and found."""

    scenario: Scenario
    did: dict[str, int]
    killed: int
    checks: dict[str, int]
    anomalies: list[Anomaly]
    seconds: float
    left_out: str | None = None


def _no_mount() -> str | None:
    return None if disks.can_mount(Path("/tmp/tidemill-can-mount")) else "mounting a small disk needs root on Linux"


def _no_compiler() -> str | None:
    return None if clocks.compiler() else "the changeable clock needs a C compiler (cc)"


def _no_ducklake() -> str | None:
    return None if ducklake_python() else "the official client needs its environment (`make ducklake`)"


SCENARIOS = (
    Scenario("random", "kill -9 at random, other workers and processes at each restart", kills.at_random, 0.17, 3),
    Scenario("points", "kill -9 at each instrumented point of a commit", kills.at_points, 0.29, 13),
    Scenario("two-processes", "one of two processes, or their supervisor, dies", kills.one_of_two, 0.1, 2),
    Scenario("busy", "kill -9; sessions, cumulative windows, no deduplication", kills.at_random_busy, 0.1, 2),
    Scenario("official", "kill -9 while the official DuckLake client reads", lakes.official_client, 0.05, 1,
             lacking=_no_ducklake),
    Scenario("compaction", "compaction all the time, killed at its points", kills.compacting, 0.17, 8),
    Scenario("transactions", "producers abort, are fenced and die in mid-transaction", kills.from_transactions, 0.08,
             2),
    Scenario("compacted-topic", "a compacted topic, full of holes", kills.from_compacted, 0.05, 2),
    Scenario("retention", "old windows and rows leave; compaction and run are killed", retention.leaving, 0.1, 5,
             ends=True),
    Scenario("rules", "other rules at every start; kill -9 at random and at points", rules.changing, 0.08, 3,
             ends=True),
    Scenario("backfill", "rollups come later; their backfill is killed and repeated", backfills.filling, 0.08, 6,
             ends=True),
    Scenario("emit", "kill -9 around transactions of Kafka that rows and alerts leave by", emitting.killed, 0.12, 5,
             ends=True),
    Scenario("emit-broker", "a broker that rows and alerts go to is killed -9 in mid-transaction", emitting.broken,
             ends=True),
    Scenario("many-partitions", "kill -9; 96 partitions share one consumer a worker", wide.many_partitions, 0.05, 3),
    Scenario("partitions", "partitions are added while running", topics.grows),
    Scenario("truncated-down", "topic truncated below our offset while down", topics.truncated_while_down, ends=True),
    Scenario("truncated-live", "topic truncated below our offset while running", topics.truncated_while_running,
             ends=True),
    Scenario("accept-gap", "topic truncated again and again, gaps accepted; kill -9 at points", gaps.accepted, 0.04, 5,
             ends=True),
    Scenario("anew-down", "topic deleted and created anew while down", topics.made_anew_while_down, ends=True),
    Scenario("anew-live", "topic deleted and created anew while running", topics.made_anew_while_running, ends=True),
    Scenario("rotation", "files renamed and begun anew under their names while read and while down; kill -9",
             rotation.rotated, 0.04, 3, ends=True),
    Scenario("registry", "the schema registry dies and returns; kill -9 while records wait for it", registries.dying,
             0.03, 3, ends=True),
    Scenario("disk-files", "disk full while a data file is written", disks.full_for_files, ends=True,
             lacking=_no_mount),
    Scenario("disk-catalog", "disk full while the catalog is written", disks.full_for_catalog, ends=True,
             lacking=_no_mount),
    Scenario("disk-recovery", "disk full while the recovery store is written", disks.full_for_recovery, ends=True,
             lacking=_no_mount),
    Scenario("locked", "catalog locked by another process", lakes.locked),
    Scenario("clock", "wall clock set back and forth", clocks.set_back, lacking=_no_compiler),
    Scenario("two-pipelines", "two pipelines on one lake", lakes.two_pipelines),
    Scenario("fenced", "the lake is taken over from a running pipeline", lakes.taken_over),
    Scenario("recovery-lost", "recovery folder deleted", lakes.recovery_lost),
    Scenario("recovery-older", "recovery folder restored from an older copy", lakes.recovery_restored),
    Scenario("lake-older", "lake restored from an older copy", lakes.lake_restored),
    Scenario("lake-older-busy", "lake restored from an older copy, no deduplication", lakes.lake_restored_busy),
    Scenario("broker-stopped", "broker stopped and restarted in mid-stream", brokers.stopped, cluster=True),
    Scenario("broker-killed", "broker kill -9 and restart in mid-stream", brokers.killed, cluster=True),
    Scenario("broker-silent", "SIGTERM and ^C while the broker is dead or frozen", brokers.silent, cluster=True),
    Scenario("leader-killed", "three nodes: the leader is killed -9 and returns", brokers.leader_killed, ends=True),
)  # fmt: skip


@contextmanager
def shared_cluster(folder: Path) -> Iterator[KafkaCluster]:
    """The one-node cluster that most scenarios use."""
    cluster = KafkaCluster(folder / "kafka", properties=PROPERTIES, heap="512m", light=True)
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop(timeout_seconds=10)


def play(scenario: Scenario, cluster: KafkaCluster, folder: Path, *, seed: int, kills: int | None) -> Outcome:
    """Play one scenario, check everything, and remove its folder when nothing was found.

    `kills`: the total of a full run, of which the scenario takes its share; None is a bounded run.
    """
    lacking = scenario.lacking()
    if lacking is not None:
        return Outcome(scenario, {}, 0, {}, [], 0.0, lacking)
    own = scenario.few if kills is None else max(scenario.few, round(scenario.share * kills))
    stage = Stage(folder / scenario.name, cluster.bootstrap, seed=seed, kills=own, full=kills is not None)
    started = time.monotonic()
    try:
        if scenario.cluster:
            scenario.play(stage, cluster)  # type: ignore[call-arg]  # scenarios differ in what they take
        else:
            scenario.play(stage)  # type: ignore[call-arg]  # scenarios differ in what they take
        if not scenario.ends:
            stage.finish()
    except Exception:
        # whatever broke the play is a finding, not the end of the matrix
        stage.anomalies.append(Anomaly(WRONG_END, traceback.format_exc()))
    finally:
        stage.close()
    if not stage.anomalies:
        shutil.rmtree(stage.folder, ignore_errors=True)
    took = time.monotonic() - started
    return Outcome(scenario, dict(stage.did), stage.killed, dict(stage.checks), stage.anomalies, took)
