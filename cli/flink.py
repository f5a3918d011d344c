"""`tidemill flink`: the same pipeline file on Apache Flink, and a real Flink on this machine to run it."""

from typing import Annotated

import typer

from cli import flink_generate, flink_ingest, flink_job, flink_run
from cli.app import for_typer
from dataflow.errors import ConfigError

app = typer.Typer(help="The same pipeline on Apache Flink: a cluster here, and jobs on it.", no_args_is_help=True)

REST_PORT, GATEWAY_PORT = 8081, 8083


@app.command()
def up(
    rest_port: Annotated[int, typer.Option(min=0, help="Port of the JobManager's REST; 0 = any that is free.")] = (
        REST_PORT
    ),
    gateway_port: Annotated[int, typer.Option(min=0, help="Port of the SQL gateway; 0 = any that is free.")] = (
        GATEWAY_PORT
    ),
    taskmanagers: Annotated[int, typer.Option(min=1, help="How many TaskManagers.")] = 1,
    slots: Annotated[int, typer.Option(min=1, help="Slots of each: how many parallel parts of jobs it holds.")] = 4,
    heap_mb: Annotated[int, typer.Option(min=256, help="Heap of each TaskManager, in MB.")] = 896,
    folder: flink_job.FolderOption = flink_job.FOLDER,
) -> None:
    """Start JobManager, TaskManagers and SQL gateway, and wait until they answer.

    The first time, Maven brings the jars. Where a part of them runs, what is missing is started again.
    """
    from dataclasses import replace

    from flink.cluster.cluster import FlinkCluster, new_shape
    from flink.cluster.errors import AlreadyRuns

    ports = new_shape(rest_port, gateway_port)
    shape = replace(ports, taskmanagers=taskmanagers, slots=slots, heap_mb=heap_mb)
    cluster = FlinkCluster(folder, shape)
    try:
        cluster.start()
        said = "Flink answers"
    except AlreadyRuns:
        cluster = FlinkCluster(folder)
        if {rest_port, gateway_port} - {0, REST_PORT, GATEWAY_PORT, *cluster.shape.ports}:
            raise ConfigError(
                "--rest-port, --gateway-port",
                (rest_port, gateway_port),
                f"Flink of {folder} runs already at {cluster.shape.rest} and {cluster.shape.gateway}; leave them out, "
                "choose another --folder, or `tidemill flink down` first",
            ) from None
        again = cluster.restart_missing()
        said = f"Flink goes on, with {', '.join(again)} started again" if again else "Flink runs already"
    shape = cluster.shape
    typer.echo(f"{said}: JobManager {shape.rest}, SQL gateway {shape.gateway}, all below {folder}")
    typer.echo(f"{shape.taskmanagers * shape.slots} slots; `tidemill flink run` submits a job")


@app.command()
def down(folder: flink_job.FolderOption = flink_job.FOLDER) -> None:
    """End the Flink whose pid files are in the folder, and nothing else. Jobs end with it, without a savepoint."""
    from flink.cluster.cluster import FlinkCluster

    cluster = FlinkCluster(folder)
    if cluster.started_once and cluster.stop():
        typer.echo("Flink stopped; savepoints and checkpoints stay")
    else:
        typer.echo(f"no Flink of {folder} runs")


for _command in (flink_generate.generate, flink_run.run, *flink_job.COMMANDS, flink_ingest.ingest):
    app.command()(for_typer(_command))
