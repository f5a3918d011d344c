"""A generated job on a real Flink, measured: its rate, the cluster's CPU time and memory, the size of its state."""

import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from bench.measure import BenchError, Sample
from dataflow.pipeline.plan import Plan
from flink.cluster.cluster import FlinkCluster
from flink.cluster.wire import Wire
from flink.cluster.work import finish, settle, submit
from flink.contract.build import contract_jar
from flink.generate.generate import generate
from flink.generate.generated import Generated
from flink.generate.options import Form, Options
from flink.parity.sinks import sink_tables
from proof.parity.layout import Tables
from proof.parity.produce import fresh_name, make_topics, remove_topics
from proof.parity.records import Kafka

FINISH_SECONDS = 1_800.0
SAMPLE_S = 0.05
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Asked:
    """One job: its form, its parallelism, and how often it makes a checkpoint, which is when its rows are seen."""

    form: Form = "upsert"
    parallelism: int = 1
    checkpoint_ms: int = 1_000

    @property
    def name(self) -> str:
        """As it is called in a table."""
        return f"Flink SQL, {self.form}, parallelism {self.parallelism}"


@dataclass(frozen=True, slots=True)
class Ran:
    """What a job with an end took, what it wrote, and the largest of its checkpoints, in bytes."""

    sample: Sample
    tables: Tables
    state_bytes: int


class Cost:
    """CPU seconds and peak resident bytes of these processes between entry and exit of the context."""

    def __init__(self, pids: list[int]) -> None:
        self.cpu_s = 0.0
        self.peak_bytes = 0
        self._pids = pids
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="cost", daemon=True)

    def __enter__(self) -> "Cost":
        self._before = sum(map(_cpu_s, self._pids))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self.cpu_s = sum(map(_cpu_s, self._pids)) - self._before

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE_S):
            self.peak_bytes = max(self.peak_bytes, sum(map(_resident_bytes, self._pids)))


def job_of(plan: Plan, brokers: str, topic: str, asked: Asked, *, bounded: bool) -> Generated:
    """The statements of a job whose sinks have names of their own."""
    prefix = fresh_name("tidemill-bench")
    options = Options(
        brokers=brokers,
        topics=(topic,),
        group=prefix,
        bounded=bounded,
        form=asked.form,
        sink_prefix=prefix,
        checkpoint_interval_ms=asked.checkpoint_ms,
        parallelism=asked.parallelism,
        jar=str(contract_jar()),
    )
    return generate(plan, options)


def started(cluster: FlinkCluster, name: str, job: Generated, settings: Mapping[str, str] | None = None) -> str:
    """The id of the job, all of whose tasks run."""
    made = submit(name, job.statements, settings or {}, cluster.gateway, cluster.jobmanager)
    settle(cluster.jobmanager, made.job)
    return made.job


def measure_flink(cluster: FlinkCluster, plan: Plan, brokers: str, topic: str, events: int, asked: Asked) -> Ran:
    """One bounded job over all of a topic."""
    return measure_job(cluster, plan, brokers, job_of(plan, brokers, topic, asked, bounded=True), events)


def measure_job(cluster: FlinkCluster, plan: Plan, brokers: str, job: Generated, events: int) -> Ran:
    """One job with an end, on a cluster that runs already.

    The rate is from its submission to its end; the steady one leaves out the compilation and deployment of the job.
    CPU and memory are those of JobManager, TaskManagers and gateway.
    """
    kafka = Kafka(brokers, {})
    make_topics(kafka, job.topics, 2)
    try:
        with Cost([pid for name in cluster.names if (pid := cluster.pid(name)) is not None]) as cost:
            began = time.monotonic()
            ended = finish(cluster.jobmanager, started(cluster, f"bench-{plan.name}", job), FINISH_SECONDS)
            wall_s = time.monotonic() - began
        if ended.restarts:
            raise BenchError(f"the job was restarted {ended.restarts} times")
        wire = Wire(cluster.jobmanager.url, "--rest", "Flink JobManager", "")
        sample = Sample(events, wall_s, cost.cpu_s, cost.peak_bytes, events / _running_s(wire.get(f"/jobs/{ended.id}")))
        return Ran(sample, sink_tables(plan, job, kafka), _largest(wire.get(f"/jobs/{ended.id}/checkpoints")))
    finally:
        remove_topics(kafka, job.topics)


def _running_s(told: Mapping[str, Any]) -> float:
    stamps = told["timestamps"]
    return float(stamps["FINISHED"] - stamps["RUNNING"]) / 1000


def _largest(told: Mapping[str, Any]) -> int:
    return max((int(each.get("state_size") or 0) for each in told.get("history") or ()), default=0)


def _cpu_s(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as told:
        fields = told.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _resident_bytes(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm") as told:
            return int(told.read().split()[1]) * _PAGE
    except OSError:
        return 0
