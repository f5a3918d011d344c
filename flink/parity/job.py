"""The generated job on a real Flink, from pinned offset to pinned offset; killed or stopped and gone on where asked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dataflow.errors import ConfigError, TidemillError
from dataflow.pipeline.plan import Plan
from flink.cluster.cluster import FlinkCluster
from flink.cluster.rest import Job
from flink.cluster.work import finish, settle, submit
from flink.generate.generate import generate
from flink.generate.generated import Generated
from flink.generate.options import Form, Options
from flink.parity.layout import Tables
from flink.parity.produce import fresh_name, make_topics, remove_topics
from flink.parity.records import Kafka, Pins
from flink.parity.sinks import sink_tables

FINISH_SECONDS = 900.0
SETTLE_SECONDS = CHECKPOINT_SECONDS = 300.0
CHECKPOINT_MS = 1_000
PREFIX = "tidemill-parity-sink"


@dataclass(frozen=True, slots=True)
class Asked:
    """One run on Flink. `kill`: its TaskManager is killed in the middle. `savepoint`: it is stopped there and goes on.

    `rest` writes the records that the topic lacks up to the pinned ends, once the job runs and has been disturbed.
    """

    form: Form = "upsert"
    parallelism: int = 1
    kill: bool = False
    savepoint: bool = False
    rollups: tuple[str, ...] | None = None
    rest: Callable[[], None] = field(default=lambda: None)

    @property
    def name(self) -> str:
        """As a side is called."""
        more = "".join(f"-{word}" for word, on in (("killed", self.kill), ("restored", self.savepoint)) if on)
        return f"flink-{self.form}-p{self.parallelism}{more}"


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run has given: its tables, how often it was restarted, and what was done to it in words."""

    tables: Tables
    restarts: int
    told: str


def run_flink(plan: Plan, pins: Pins, kafka: Kafka, cluster: FlinkCluster, jar: Path, asked: Asked) -> Ran:
    """Generate the pipeline's job, run it to the pinned ends and read its sinks.

    Raises PipelineError where Flink's SQL cannot say it, FlinkError where the job fails, TidemillError where it was
    restarted and nobody asked for that.
    """
    if kafka.properties:
        fix = "Flink's clients have other properties than ours, so a parity run on Flink takes none"
        raise ConfigError("--kafka", ", ".join(sorted(kafka.properties)), fix)
    prefix = fresh_name(PREFIX)
    options = Options(
        brokers=kafka.brokers,
        topics=(pins.topic,),
        group=prefix,
        start=pins.starts,
        end=pins.ends,
        form=asked.form,
        sink_prefix=prefix,
        checkpoint_interval_ms=CHECKPOINT_MS,
        parallelism=asked.parallelism,
        jar=str(jar),
        rollups=asked.rollups,
    )
    generated = generate(plan, options)
    make_topics(kafka, generated.topics, 2)
    try:
        return _Run(plan, kafka, cluster, generated, asked).through()
    finally:
        remove_topics(kafka, generated.topics)


class _Run:
    def __init__(self, plan: Plan, kafka: Kafka, cluster: FlinkCluster, generated: Generated, asked: Asked) -> None:
        self.plan, self.kafka, self.cluster, self.generated, self.asked = plan, kafka, cluster, generated, asked
        self.told: list[str] = []

    def through(self) -> Ran:
        """Submit, disturb, feed, wait for the end, look."""
        jobs = self.cluster.jobmanager
        job = self.submitted(None)
        try:
            if self.asked.kill or self.asked.savepoint:
                self.checkpointed(job)
            if self.asked.kill:
                self.kill(job)
            if self.asked.savepoint:
                path = jobs.stop(job)
                job = self.submitted(path)
                self.told.append("stopped with a savepoint and gone on from it")
            self.asked.rest()
            ended = finish(jobs, job, FINISH_SECONDS)
        except BaseException:
            self.cancel(job)
            raise
        self.require_restarts(ended)
        self.told.append(f"restarts = {ended.restarts}")
        return Ran(sink_tables(self.plan, self.generated, self.kafka), ended.restarts, ", ".join(self.told))

    def submitted(self, savepoint: str | None) -> str:
        """The id of the job, all of whose tasks run."""
        statements: Sequence[str] = self.generated.statements
        name = f"tidemill-parity-{self.plan.name}"
        cluster = self.cluster
        made = submit(name, statements, {}, cluster.gateway, cluster.jobmanager, savepoint)
        try:
            settle(cluster.jobmanager, made.job, SETTLE_SECONDS)
        except BaseException:
            # it would hold its slots, and the next job would wait for them
            self.cancel(made.job)
            raise
        return made.job

    def cancel(self, job: str) -> None:
        """End the job if it has not ended by itself."""
        if not self.cluster.jobmanager.job(job).ended:
            self.cluster.jobmanager.cancel(job)

    def checkpointed(self, job: str) -> None:
        """Wait for two checkpoints, so that there is something to go on from."""
        found = self.cluster.jobmanager.wait(job, lambda now: now.checkpoints.completed >= 2, CHECKPOINT_SECONDS)
        if found.ended:
            raise TidemillError(
                f"the job ended ({found.state}) before it could be disturbed: name no --topic, so that half of the "
                "records are written after it"
            )

    def kill(self, job: str) -> None:
        """End one TaskManager by kill -9, start a new one, and see the job run again on it."""
        name = self.cluster.taskmanagers[0]
        self.cluster.kill(name)
        self.cluster.restart(name)
        # until the old one is missed the job still counts as running
        again = self.cluster.jobmanager.wait(job, lambda now: now.restarts > 0 and now.all_run, CHECKPOINT_SECONDS)
        if again.ended:
            raise TidemillError(f"the job ended ({again.state}) when its TaskManager was killed")
        self.told.append(f"{name} killed")

    def require_restarts(self, ended: Job) -> None:
        """None where nobody disturbed it, at least one where its TaskManager was killed."""
        if self.asked.kill and not self.asked.savepoint and ended.restarts == 0:
            raise TidemillError("the TaskManager was killed, and the job was not restarted: it had ended before")
        if not self.asked.kill and ended.restarts:
            causes = ": ".join(self.cluster.jobmanager.failure(ended.id))
            raise TidemillError(f"the job was restarted {ended.restarts} times, though nothing was killed: {causes}")
