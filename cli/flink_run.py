"""`run` of the group `tidemill flink`: submits a job and remembers it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.flink_generate import AlertOption, FromLakeOption
from cli.flink_job import FOLDER, FolderOption, GatewayOption, JsonOption, RestOption, tell
from cli.options import BrokersFlag, TopicFlag, settings_with_logs
from dataflow.errors import ConfigError

if TYPE_CHECKING:
    from dataflow.pipeline.plan import Plan
    from flink.cluster.remembered import Memory, Remembered
    from flink.generate.generated import Generated
    from runtime.settings import Settings


def run(
    pipeline: Annotated[
        str | None, typer.Option(metavar="PATH[:NAME]", help="Pipeline file (default: as for `tidemill run`).")
    ] = None,
    sql: Annotated[
        Path | None,
        typer.Option(help="File of Flink SQL in the pipeline's place, with one job."),
    ] = None,
    brokers: BrokersFlag = None,
    topic: TopicFlag = None,
    bounded: Annotated[bool, typer.Option("--bounded", help="End at what is the end when the job starts.")] = False,
    form: Annotated[
        str, typer.Option(metavar="upsert|final", help="Rows that are corrected, or rows written once.")
    ] = "upsert",
    rollup: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only these rollups; repeat it.")] = None,
    sink_prefix: Annotated[
        str | None, typer.Option(metavar="NAME", help="Topics are NAME.TABLE (default: the pipeline's name).")
    ] = None,
    checkpoint_every: Annotated[str, typer.Option(metavar="TIME", help="How often; what readers see follows.")] = "10s",
    jar: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="The function's jar as a gateway elsewhere sees it (default: in its lib/)."),
    ] = None,
    make_topic: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="With --sql: topic to make first; repeat it.")
    ] = None,
    parallelism: Annotated[int, typer.Option(min=1, help="How many slots the job takes.")] = 1,
    name: Annotated[str | None, typer.Option(help="Name of the job (default: the pipeline's, or the file's).")] = None,
    wait: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Wait so long until a job with a bounded input has ended.")
    ] = None,
    alert: AlertOption = None,
    from_lake: FromLakeOption = None,
    folder: FolderOption = FOLDER,
    gateway: GatewayOption = None,
    rest: RestOption = None,
    as_json: JsonOption = False,
) -> None:
    """Submit the pipeline as a job and wait until all of it runs; `status`, `stop` and `resume` know it then.

    The topics that it writes are made where they are missing. More flags has `tidemill flink generate`, whose job.sql
    is run with --sql.
    """
    from flink.cluster.remembered import Memory

    if sql is not None:
        statements = _read(sql)
        where = cluster(folder, gateway, rest)
        _make(dict.fromkeys(make_topic or (), False), settings_with_logs({"brokers": brokers}))
        settings = {"parallelism.default": str(parallelism)}
        start(Memory(folder / "jobs"), name or sql.stem, statements, settings, where, wait=wait, as_json=as_json)
        return
    from cli.flink_generate import for_lake
    from cli.job_flags import duration_ms, one_of, topics_of
    from dataflow.pipeline.load import load
    from flink.contract.build import contract_jar
    from flink.generate.generate import generate
    from flink.generate.options import Options
    from runtime.registry.open import registry_url

    known = settings_with_logs({"pipeline": pipeline, "brokers": brokers, "topic": topic})
    plan = load(known.pipeline)
    given = Options(
        brokers=known.brokers,
        topics=topics_of(known.topic),
        bounded=bounded,
        form=one_of("--form", form, ("upsert", "final")),
        rollups=tuple(rollup) if rollup else None,
        alerts=tuple(alert or ()),
        sink_prefix=sink_prefix,
        checkpoint_interval_ms=duration_ms("--checkpoint-every", checkpoint_every),
        parallelism=parallelism,
        registry=registry_url(known, plan),
    )
    if from_lake is not None:
        given = for_lake(plan, given, from_lake, events=known.events)
    # what cannot be said is refused before anything is asked or built
    generate(plan, given)
    where = cluster(folder, gateway, rest)
    job = generate(plan, replace(given, jar=str(contract_jar()) if gateway is None and jar is None else jar))
    _make({table.topic: bool(table.key) for table in job.tables if table.topic}, known)
    if from_lake is not None:
        _hand_over(from_lake, plan, job, known)
    memory = Memory(folder / "jobs")
    start(memory, name or plan.name, list(job.statements), {}, where, wait=wait, as_json=as_json)


def _hand_over(lake: Path, plan: "Plan", job: "Generated", known: "Settings") -> None:
    """From here on the lake is the job's: `tidemill flink ingest` knows it by the lake."""
    from datetime import UTC, datetime

    from flink.generate.manifest import NAME, read_manifest
    from flink.ingest.handover import begin, opened
    from flink.ingest.topics import require_there

    manifest = read_manifest(NAME, job.files[NAME])
    require_there(known.brokers, known.require_kafka(), manifest.starts)
    catalog = opened(lake, plan, manifest, datetime.now(UTC))
    try:
        begin(catalog, manifest)
    finally:
        catalog.close()


def _read(sql: Path) -> list[str]:
    from flink.cluster.script import check_one_job, statements_of

    try:
        statements = statements_of(sql.read_text())
    except OSError as error:
        raise ConfigError("--sql", str(sql), f"cannot be read: {error.strerror}") from None
    check_one_job(statements, "--sql", str(sql))
    return statements


def _make(topics: Mapping[str, bool], known: "Settings") -> None:
    """Make the topics that are missing: by name, whether the last record of a key is all that counts."""
    if topics:
        from deploy.topic_filler import ensure_topic

        for topic, compacted in topics.items():
            ensure_topic(known.brokers, topic, None, known.require_kafka(), compacted=compacted)


def cluster(folder: Path, gateway: str | None, rest: str | None) -> tuple[str, str]:
    """Addresses of gateway and JobManager: those given, else of the cluster of the folder."""
    if (gateway is None) != (rest is None):
        missing = "--rest" if rest is None else "--gateway"
        raise ConfigError(missing, None, "a cluster elsewhere is known by both --gateway and --rest")
    if gateway is not None and rest is not None:
        return gateway, rest
    from flink.cluster.cluster import FlinkCluster

    shape = FlinkCluster(folder).shape
    return shape.gateway, shape.rest


def start(
    memory: "Memory",
    name: str,
    statements: list[str],
    settings: dict[str, str],
    where: tuple[str, str],
    *,
    wait: float | None,
    as_json: bool,
) -> "Remembered":
    """Submit, remember, wait until all tasks run, or with `wait` (seconds) until the job has finished; say so."""
    from flink.cluster.gateway import Gateway
    from flink.cluster.rest import JobManager
    from flink.cluster.work import finish, settle, submit

    gateway, jobmanager = Gateway(where[0]), JobManager(where[1])
    if name in memory.names():
        before = memory.read(name)
        state = jobmanager.jobs().get(before.job) if before.rest == jobmanager.url else None
        if state not in (None, "FINISHED", "CANCELED", "FAILED"):
            fix = (
                f"it is {state} as job {before.job}: `tidemill flink stop` or `cancel` first, or choose another --name"
            )
            raise ConfigError("--name", name, fix)
    remembered = submit(name, statements, settings, gateway, jobmanager)
    memory.write(remembered)
    job = settle(jobmanager, remembered.job)
    if wait is not None:
        job = finish(jobmanager, remembered.job, wait)
    tell(as_json, f"{name} is {job.state} as job {job.id} at {jobmanager.url}", job=job.id, state=job.state, name=name)
    return remembered
