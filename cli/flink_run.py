"""`run` of the group `tidemill flink`: submits a job and remembers it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.flink_job import FOLDER, FolderOption, GatewayOption, JsonOption, RestOption, tell
from cli.options import BrokersFlag, KafkaFlag, kafka_properties, settings_with_logs
from dataflow.errors import ConfigError

if TYPE_CHECKING:
    from flink.cluster.remembered import Memory, Remembered


def run(
    sql: Annotated[Path, typer.Option(help="File of Flink SQL; one of its statements submits the job.")],
    name: Annotated[str | None, typer.Option(help="Name of the job (default: that of the file).")] = None,
    parallelism: Annotated[int, typer.Option(min=1, help="How many slots the job takes.")] = 1,
    make_topic: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Topic to make first where it is missing; repeat it.")
    ] = None,
    brokers: BrokersFlag = None,
    kafka: KafkaFlag = None,
    wait: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Wait so long until a job with a bounded input has ended.")
    ] = None,
    folder: FolderOption = FOLDER,
    gateway: GatewayOption = None,
    rest: RestOption = None,
    as_json: JsonOption = False,
) -> None:
    """Submit a job and wait until all of it runs; `status`, `stop` and `resume` know it then."""
    from flink.cluster.remembered import Memory
    from flink.cluster.script import check_one_job, statements_of

    try:
        statements = statements_of(sql.read_text())
    except OSError as error:
        raise ConfigError("--sql", str(sql), f"cannot be read: {error.strerror}") from None
    check_one_job(statements, "--sql", str(sql))
    where = cluster(folder, gateway, rest)
    if make_topic:
        from deploy.topic_filler import ensure_topic

        known = settings_with_logs({"brokers": brokers, "kafka": kafka_properties(kafka)})
        for topic in make_topic:
            ensure_topic(known.brokers, topic, None, known.require_kafka())
    settings = {"parallelism.default": str(parallelism)}
    start(Memory(folder / "jobs"), name or sql.stem, statements, settings, where, wait=wait, as_json=as_json)


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
