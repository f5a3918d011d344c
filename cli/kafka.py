"""`tidemill kafka`: a real single-node Apache Kafka on this machine, for development and tests."""

import signal
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from dataflow.errors import ConfigError
from deploy.kafka_server import AlreadyRuns, KafkaCluster

app = typer.Typer(help="A real Apache Kafka (KRaft, one node) on 127.0.0.1.", no_args_is_help=True)

PORT = 9092
PortOption = Annotated[
    int | None,
    typer.Option(
        envvar="KAFKA_PORT", help=f"Port that clients connect to, {PORT} without it; the controller takes the next one."
    ),
]
DataOption = Annotated[Path, typer.Option(help="Folder for data, log and pid file.")]
DATA = Path(".run/kafka")
LOOK_SECONDS = 0.2
INTERRUPTED = 130


@app.command()
def start(
    port: PortOption = None,
    data: DataOption = DATA,
    foreground: Annotated[bool, typer.Option(help="Stay, show the broker's log, end with SIGTERM or ^C.")] = False,
) -> None:
    """Start Kafka and wait until it answers. The first time, Maven brings its jars.

    One that runs already goes on as it is, also when this command ends.
    """
    broker = _broker(port, data)
    # both signals end the start alone, with what it has started so far
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    code = 0
    try:
        try:
            broker.start(log=sys.stdout.buffer if foreground else None)
        except AlreadyRuns:
            code = _stay_beside(broker, port, data, foreground=foreground)
        else:
            pid = broker.pid(1)
            typer.echo(f"Kafka answers at {broker.bootstrap}: process {pid}, data in {data}")
            if foreground:
                code = broker.wait_ended()
    except KeyboardInterrupt:
        code = 0 if foreground else INTERRUPTED
    finally:
        if foreground:
            broker.stop_started()
    raise typer.Exit(code)


@app.command()
def stop(port: PortOption = None, data: DataOption = DATA) -> None:
    """Stop the Kafka whose pid file is in the data folder, and nothing else."""
    broker = _broker(port, data)
    if broker.stop():
        typer.echo("Kafka stopped")
        return
    other = "" if broker.ports_are_free() else f"; what listens on {broker.bootstrap} is another one and goes on"
    typer.echo(f"no Kafka of {data} runs{other}")


@app.command()
def status(port: PortOption = None, data: DataOption = DATA) -> None:
    """Say whether Kafka runs; exit 1 when it does not."""
    broker = _broker(port, data)
    pid = broker.pid(1)
    if pid is None:
        typer.echo(f"no Kafka of {data} runs; `tidemill kafka start` starts one")
        raise typer.Exit(1)
    typer.echo(f"Kafka runs: process {pid}, {broker.address(1)}, data in {data}")


def _broker(port: int | None, data: Path) -> KafkaCluster:
    port = PORT if port is None else port
    return KafkaCluster(data, ports=[port], controller_ports=[port + 1])


def _stay_beside(broker: KafkaCluster, port: int | None, data: Path, *, foreground: bool) -> int:
    """Leave a broker that somebody else started alone; in the foreground, stay as long as it runs."""
    pid, address = broker.pid(1), broker.address(1)
    if port is not None and address != broker.bootstrap:
        fix = f"Kafka of {data} runs already at {address}, process {pid}; leave the flag out, or choose another --data"
        raise ConfigError("--port", port, fix)
    typer.echo(f"Kafka runs already at {address}: process {pid}, data in {data}")
    if not foreground:
        return 0
    typer.echo("it was not started here and goes on when this command ends")
    sys.stdout.flush()
    while broker.pid(1) is not None:
        time.sleep(LOOK_SECONDS)
    typer.echo(f"Kafka of {data} was ended by another command", err=True)
    return 1


def _end(number: int, frame: object) -> None:
    # A second signal must not interrupt the stop that the first one began.
    for again in (signal.SIGTERM, signal.SIGINT):
        signal.signal(again, signal.SIG_IGN)
    raise KeyboardInterrupt
