"""The commands of `tidemill flink` that are about a job: submitted, seen, saved, stopped, gone on with, cancelled."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dataflow.errors import ConfigError

if TYPE_CHECKING:
    from flink.cluster.remembered import Memory, Remembered
    from flink.cluster.rest import Job, JobManager

FOLDER = Path(".run/flink")
FolderOption = Annotated[Path, typer.Option(help="Folder for configuration, logs, pid files, checkpoints, jobs.")]
NameOption = Annotated[
    str | None, typer.Option(help="Name of the job, as `run` was given or told it; not needed where there is one.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]
GatewayOption = Annotated[str | None, typer.Option(metavar="URL", help="SQL gateway of a cluster elsewhere.")]
RestOption = Annotated[str | None, typer.Option(metavar="URL", help="JobManager's REST of a cluster elsewhere.")]
WaitOption = Annotated[
    float | None, typer.Option(metavar="SECONDS", help="Wait so long until a job with a bounded input has ended.")
]


def status(folder: FolderOption = FOLDER, name: NameOption = None, as_json: JsonOption = False) -> None:
    """Say how the job goes: state, restarts, checkpoints, records per part. Exit 1 when it has failed or is unknown."""
    from flink.cluster.hints import with_hint

    _, remembered, jobmanager = _known(folder, name)
    job = jobmanager.job(remembered.job)
    causes = jobmanager.failure(job.id)
    if as_json:
        typer.echo(json.dumps({**asdict(job), "savepoint": remembered.savepoint, "last_failure": list(causes)}))
    else:
        for line in _lines(job):
            typer.echo(line)
        if causes:
            typer.echo(f"last failure: {with_hint(causes)}")
    raise typer.Exit(1 if job.state == "FAILED" else 0)


def savepoint(folder: FolderOption = FOLDER, name: NameOption = None, as_json: JsonOption = False) -> None:
    """Write a savepoint; the job goes on."""
    memory, remembered, jobmanager = _known(folder, name)
    path = jobmanager.savepoint(remembered.job)
    memory.write(remembered.saved(path))
    tell(as_json, f"savepoint of {remembered.name}: {path}", job=remembered.job, savepoint=path)


def stop(
    folder: FolderOption = FOLDER,
    name: NameOption = None,
    drain: Annotated[
        bool, typer.Option("--drain", help="Close all windows first, also open ones; the job cannot go on after that.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """End the job with a savepoint, from which `resume` goes on."""
    from dataclasses import replace

    memory, remembered, jobmanager = _known(folder, name)
    path = jobmanager.stop(remembered.job, drain=drain)
    memory.write(replace(remembered.saved(path), drained=drain))
    after = "its windows are closed, so it cannot go on" if drain else f"`tidemill flink resume` goes on from {path}"
    tell(as_json, f"{remembered.name} stopped; {after}", job=remembered.job, savepoint=path)


def resume(
    folder: FolderOption = FOLDER,
    name: NameOption = None,
    from_checkpoint: Annotated[
        bool, typer.Option("--from-checkpoint", help="Of the last checkpoint, for a job that failed or was cancelled.")
    ] = False,
    gateway: GatewayOption = None,
    rest: RestOption = None,
    as_json: JsonOption = False,
) -> None:
    """Submit the same SQL again, to go on from the last savepoint exactly where it was taken."""
    from flink.cluster.gateway import Gateway
    from flink.cluster.rest import JobManager
    from flink.cluster.work import settle, submit

    memory, remembered, jobmanager = _known(folder, name, gateway, rest)
    if remembered.drained:
        raise ConfigError(
            "--name",
            remembered.name,
            "it was stopped with --drain, which closed its windows: submit it anew under another name, and let it "
            "begin where its records are not counted yet",
        )
    where = _last_checkpoint(remembered, JobManager(remembered.rest)) if from_checkpoint else remembered.savepoint
    if where is None:
        raise ConfigError("--name", remembered.name, "it has no savepoint yet: `tidemill flink stop` writes one")
    running = jobmanager.jobs().get(remembered.job)
    if running not in (None, "FINISHED", "CANCELED", "FAILED"):
        raise ConfigError("--name", remembered.name, f"it is {running}: `tidemill flink stop` first")
    again = submit(
        remembered.name, remembered.statements, remembered.settings, Gateway(remembered.gateway), jobmanager, where
    )
    memory.write(again)
    job = settle(jobmanager, again.job)
    tell(as_json, f"{again.name} goes on as job {again.job}: {job.state}, from {where}", job=again.job, savepoint=where)


def cancel(folder: FolderOption = FOLDER, name: NameOption = None, as_json: JsonOption = False) -> None:
    """End the job at once, without a savepoint."""
    _, remembered, jobmanager = _known(folder, name)
    jobmanager.cancel(remembered.job)
    tell(as_json, f"{remembered.name} cancelled", job=remembered.job)


COMMANDS = (status, savepoint, stop, resume, cancel)


def _known(
    folder: Path, name: str | None, gateway: str | None = None, rest: str | None = None
) -> "tuple[Memory, Remembered, JobManager]":
    """The memory of jobs, the one that is meant, and a client of the cluster that it runs on."""
    from dataclasses import replace

    from flink.cluster.remembered import Memory
    from flink.cluster.rest import JobManager

    memory = Memory(folder / "jobs")
    remembered = memory.read(name)
    remembered = replace(remembered, gateway=gateway or remembered.gateway, rest=rest or remembered.rest)
    return memory, remembered, JobManager(remembered.rest)


def _last_checkpoint(remembered: "Remembered", jobmanager: "JobManager") -> str | None:
    return jobmanager.job(remembered.job).checkpoints.last_path or remembered.savepoint


def _lines(job: "Job") -> list[str]:
    made = job.checkpoints
    lines = [
        f"{job.name}: {job.state} for {job.running_s:,.0f} s, job {job.id}",
        f"{job.restarts} restarts, {made.completed} checkpoints, {made.failed} failed",
    ]
    for vertex in job.vertices:
        counted = f"{vertex.records_in:,} in, {vertex.records_out:,} out"
        name = vertex.name if len(vertex.name) <= 60 else f"{vertex.name[:57]}..."
        lines.append(f"  {vertex.state} x{vertex.parallelism}  {counted}  {name}")
    return lines


def tell(as_json: bool, text: str, **facts: Any) -> None:
    """Say what was done, in words or as one object."""
    typer.echo(json.dumps(facts) if as_json else text)
