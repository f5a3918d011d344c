"""The generated job on a real Flink, from pinned offset to pinned offset; killed or stopped and gone on where asked."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from dataflow.errors import ConfigError, TidemillError
from dataflow.pipeline.plan import Plan
from flink.cluster.cluster import FlinkCluster
from flink.cluster.errors import FlinkError, JobFailed
from flink.cluster.rest import Job
from flink.cluster.work import finish, settle, submit
from flink.contract.build import contract_jar
from flink.generate.alerts import unsaid
from flink.generate.generate import generate
from flink.generate.generated import Generated
from flink.generate.options import Form, Options
from flink.parity.sinks import sink_tables
from proof.parity.engine import Answer
from proof.parity.produce import fresh_name, make_topics, remove_topics
from proof.parity.records import Kafka, Pins, committed
from proof.standing import NEARLY, certain

FINISH_SECONDS = 900.0
SETTLE_SECONDS = CHECKPOINT_SECONDS = 300.0
CHECKPOINT_MS = 1_000
END_SECONDS = 20.0
"""So long a job that has read everything may take to end by itself."""
STILL_CHECKPOINTS = 20
"""A job that passes no record between so many checkpoints has none left to read."""
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
    def is_disturbed(self) -> bool:
        """Whether the job is ended in the middle, and goes on."""
        return self.kill or self.savepoint

    @property
    def name(self) -> str:
        """As a side is called."""
        more = "".join(f"-{word}" for word, on in (("killed", self.kill), ("restored", self.savepoint)) if on)
        return f"flink-{self.form}-p{self.parallelism}{more}"


@dataclass(frozen=True, slots=True)
class FlinkEngine:
    """One run on a Flink, as a side of a parity run."""

    asked: Asked
    cluster: FlinkCluster

    @property
    def name(self) -> str:
        """As the side is called."""
        return self.asked.name

    def ask(self, plan: Plan, pins: Pins, kafka: Kafka) -> Answer:
        """As `run_flink`, with the functions' jar."""
        return run_flink(plan, pins, kafka, self.cluster, contract_jar(), self.asked)


def run_flink(plan: Plan, pins: Pins, kafka: Kafka, cluster: FlinkCluster, jar: Path, asked: Asked) -> Answer:
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
        registry=kafka.registry,
    )
    options = replace(options, alerts=judged_rules(plan, options))
    generated = generate(plan, options)
    make_topics(kafka, generated.topics, 2)
    try:
        return _Run(plan, kafka, cluster, generated, asked, pins, prefix).through()
    finally:
        remove_topics(kafka, generated.topics)


def judged_rules(plan: Plan, options: Options) -> tuple[str, ...]:
    """The rules whose alerts the job can tell, of those that are compared and whose rollups it makes."""
    made = [each.name for each in plan.rollups if options.rollups is None or each.name in options.rollups]
    return tuple(
        rule.name for rule in certain(plan, NEARLY) if rule.rollup.name in made and unsaid(plan, rule, options) is None
    )


class _Run:
    def __init__(
        self,
        plan: Plan,
        kafka: Kafka,
        cluster: FlinkCluster,
        generated: Generated,
        asked: Asked,
        pins: Pins,
        group: str,
    ) -> None:
        self.plan, self.kafka, self.cluster, self.generated, self.asked = plan, kafka, cluster, generated, asked
        self.pins, self.group = pins, group
        self.told: list[str] = []

    def through(self) -> Answer:
        """Submit, disturb, feed, wait for the end, look."""
        jobs = self.cluster.jobmanager
        job = self.submitted(None)
        try:
            if self.asked.is_disturbed:
                self.checkpointed(job)
            if self.asked.kill:
                self.kill(job)
            if self.asked.savepoint:
                path = jobs.stop(job)
                job = self.submitted(path)
                self.told.append("stopped with a savepoint and gone on from it")
            self.asked.rest()
            ended = self.drained(job) if self.asked.is_disturbed else finish(jobs, job, FINISH_SECONDS)
        except BaseException:
            self.cancel(job)
            raise
        self.require_restarts(ended)
        if not self.asked.kill:
            self.told.append(f"restarts = {ended.restarts}")
        judged = tuple(table.rule for table in self.generated.tables if table.rule is not None)
        if judged:
            self.told.append(f"told the alerts of {', '.join(judged)} itself")
        return Answer(sink_tables(self.plan, self.generated, self.kafka), ", ".join(self.told), judged)

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
        jobs = self.cluster.jobmanager
        if not jobs.job(job).ended:
            # it may end by itself before it hears of it
            with suppress(FlinkError):
                jobs.cancel(job)

    def drained(self, job: str) -> Job:
        """The job once it has read to the pinned ends; one that goes on running there is stopped.

        A source that goes on from a savepoint is never told that no more partitions come. Stopped with a drain it
        closes its windows and commits what it has written, as it would at its end. Nor does it always tell Kafka the
        last offsets of partitions that it has read to their ends: what passes no record through many checkpoints is
        at its ends, too.
        """
        jobs, deadline = self.cluster.jobmanager, time.monotonic() + FINISH_SECONDS
        passed: list[tuple[int, int]] = []
        since = 0
        while any(end > reached for end, reached in self.reached()):
            now = jobs.job(job)
            if now.ended:
                return finish(jobs, job, 1.0)
            counts = [(vertex.records_in, vertex.records_out) for vertex in now.vertices]
            if counts != passed:
                passed, since = counts, now.checkpoints.completed
            elif now.checkpoints.completed >= since + STILL_CHECKPOINTS:
                break
            if time.monotonic() > deadline:
                raise TidemillError(f"job {job} has not read to the pinned ends after {FINISH_SECONDS:.0f} s")
            time.sleep(1.0)
        try:
            return finish(jobs, job, END_SECONDS)
        except JobFailed:
            raise
        except FlinkError:
            pass
        restarts = jobs.job(job).restarts
        try:
            jobs.stop(job, drain=True)
        except FlinkError:
            # it may have ended by itself meanwhile
            return finish(jobs, job, END_SECONDS)
        self.told.append("stopped with a drain at the pinned ends")
        return replace(jobs.job(job), restarts=restarts)

    def reached(self) -> list[tuple[int, int]]:
        """The end of each partition, and up to where the job has committed that it has read it."""
        told = committed(self.kafka, self.pins.topic, self.group, list(self.pins.ends))
        return [(end, told[number]) for number, end in self.pins.ends.items()]

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
        jobs, name = self.cluster.jobmanager, self.cluster.taskmanagers[0]
        before = jobs.job(job).checkpoints.completed
        self.cluster.kill(name)
        self.cluster.restart(name)
        # until the old one is missed the job still counts as running, but no checkpoint is completed any more, except
        # one that was under way
        again = jobs.wait(job, lambda now: now.checkpoints.completed >= before + 2, CHECKPOINT_SECONDS)
        if again.ended:
            raise TidemillError(f"the job ended ({again.state}) when its TaskManager was killed")
        self.told.append(f"{name} killed")

    def require_restarts(self, ended: Job) -> None:
        """None where nobody disturbed it. Flink's own count misses some, so what it says of failures is asked, too."""
        causes = self.cluster.jobmanager.failure(ended.id)
        if not self.asked.kill and (ended.restarts or causes):
            why = ": ".join(causes)
            raise TidemillError(f"the job was restarted {ended.restarts} times, though nothing was killed: {why}")
