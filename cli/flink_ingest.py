"""`ingest` of the group `tidemill flink`: what a job writes, into the lake that it goes on with."""

import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.flink_job import FOLDER, FolderOption
from cli.job_flags import duration_ms
from cli.options import BrokersFlag, KafkaFlag, LakeFlag, PipelineFlag, kafka_properties, settings_with_logs
from dataflow.errors import ConfigError
from dataflow.logs import logger

if TYPE_CHECKING:
    from flink.generate.manifest import JobManifest
    from flink.ingest.ingest import Ingest
    from flink.ingest.topics import JobTopics
    from runtime.settings import Settings

JOB = Path("flink-job")
MAX_RECORDS = 200_000
"""Records of a commit, where they come faster than `--every`."""
TELL_SECONDS = 30.0


def ingest(
    pipeline: PipelineFlag = None,
    brokers: BrokersFlag = None,
    kafka: KafkaFlag = None,
    lake: LakeFlag = None,
    job: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of the generated job; not needed once the lake knows it.")
    ] = JOB,
    bounded: Annotated[bool, typer.Option("--bounded", help="End at what the topics hold now.")] = False,
    hand_back: Annotated[
        bool, typer.Option("--hand-back", help="The job has ended: take in the rest, and give the lake back.")
    ] = False,
    every: Annotated[str, typer.Option(metavar="TIME", help="How often to commit.")] = "1s",
    folder: FolderOption = FOLDER,
) -> None:
    """Take what a job writes into the lake from which it was generated, exactly once; ^C ends it.

    The job is one of `tidemill flink generate --from-lake`. With the first row the lake is handed over: no run of
    Tidemill goes on with it until `--hand-back`. Killed at any moment, it goes on where the lake says.
    """
    every_ms = duration_ms("--every", every)
    given = {"pipeline": pipeline, "brokers": brokers, "kafka": kafka_properties(kafka), "lake": lake}
    settings = settings_with_logs(given)
    manifest = _job_of(settings, job)
    if hand_back:
        _require_ended(folder, manifest)
    count, handed_back = _taken(settings, manifest, every_ms, bounded=bounded or hand_back, hand_back=hand_back)
    typer.echo(f"{count} records of the job {manifest.job} are in {settings.lake}")
    if handed_back:
        typer.echo("the lake is Tidemill's again: `tidemill recover --from-lake`, then `tidemill run`")


def _taken(
    settings: "Settings", manifest: "JobManifest", every_ms: int, *, bounded: bool, hand_back: bool
) -> tuple[int, bool]:
    """How many of its records are in the lake once that has ended, and whether the lake was handed back."""
    from dataflow.pipeline.load import load
    from flink.ingest.handover import begin, fit, opened, ranges_of, standing
    from flink.ingest.ingest import Ingest
    from flink.ingest.topics import JobTopics, require_there
    from query.reader import LakeReader
    from runtime.registry.open import with_schemas
    from sinks.lake.fault import fault_from

    def now() -> datetime:
        return datetime.now(UTC)

    stopped: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _frame: stopped.append(got))
    # who judges dead letters again needs the schemas that they name
    plan = with_schemas(settings, load(settings.pipeline))
    catalog = opened(settings.lake, plan, manifest, now())
    try:
        kafka = _brokers(settings, manifest), settings.require_kafka()
        known = fit(catalog, manifest)
        if known is None:
            require_there(*kafka, manifest.starts)
        names = tuple(manifest.topics.values())
        # the lake is not handed over before all is there that the job needs
        with JobTopics(*kafka, names, {} if known is None else known.places) as topics:
            state = begin(catalog, manifest)
            with LakeReader(settings.lake) as reader:
                stands = standing(reader, plan, manifest.topic, ranges_of(reader))
            taking = Ingest(catalog, plan, manifest, state, stands, clock=now, fault=fault_from(settings.fault))
            try:
                count = _run(taking, topics, every_ms, stopped, bounded=bounded, hand_back=hand_back)
                if hand_back and not stopped:
                    taking.hand_back()
            finally:
                taking.close()
    finally:
        catalog.close()
    return count, hand_back and not stopped


def _job_of(settings: "Settings", job: Path) -> "JobManifest":
    """The job that fills the lake, or that of the folder."""
    from flink.ingest.handover import found_in, going_on

    known = going_on(settings.lake)
    return known if known is not None and job == JOB else found_in(job)


def _require_ended(folder: Path, manifest: "JobManifest") -> None:
    """Raise ConfigError where the job is known to run: what it writes from here on would be lost, or count twice."""
    from flink.cluster.errors import FlinkError
    from flink.cluster.remembered import Memory
    from flink.cluster.rest import ENDED, JobManager

    memory = Memory(folder / "jobs")
    for remembered in map(memory.read, memory.names()):
        if not any(manifest.job in statement for statement in remembered.statements):
            continue
        try:
            state = JobManager(remembered.rest).jobs().get(remembered.job)
        except FlinkError:
            # a cluster that is gone runs nothing
            continue
        if state is not None and state not in ENDED:
            fix = f"the job {remembered.name} is {state}: `tidemill flink stop` it first, or leave the flag out"
            raise ConfigError("--hand-back", True, fix)


def _brokers(settings: "Settings", manifest: "JobManifest") -> str:
    """Those that are named here, else those of the job: Flink may reach them by other names than we do."""
    return settings.brokers if "brokers" in settings.places else manifest.brokers


def _run(
    taking: "Ingest", topics: "JobTopics", every_ms: int, stopped: list[int], *, bounded: bool, hand_back: bool
) -> int:
    """Commit until `stopped` holds a signal, or all is read; the number of records that are in the lake then."""
    if bounded:
        ends = topics.pin_ends()
        waiting = [place for place, (stable, high) in ends.items() if stable < high]
        if hand_back and waiting:
            raise ConfigError(
                "--hand-back",
                True,
                f"records of {waiting[0]} wait behind an open transaction, so the job still runs: `tidemill flink stop`"
                " it first, or leave the flag out",
            )
    count = held = 0
    tell = time.monotonic() + TELL_SECONDS
    due = time.monotonic() + every_ms / 1000
    while True:
        records = topics.read()
        taking.take(records)
        held += len(records)
        done = bool(stopped) or (bounded and topics.at_ends)
        if held and (done or held >= MAX_RECORDS or time.monotonic() >= due):
            count += taking.commit()
            held, due = 0, time.monotonic() + every_ms / 1000
        if time.monotonic() >= tell:
            logger("ingest").info("taken in", records=count)
            tell = time.monotonic() + TELL_SECONDS
        if done:
            return count
