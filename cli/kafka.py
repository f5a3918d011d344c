"""`tidemill kafka`: a real single-node Apache Kafka on this machine, for development and tests."""

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from deploy.kafka_server import HOST, KafkaCluster

app = typer.Typer(help="A real Apache Kafka (KRaft, one node) on 127.0.0.1.", no_args_is_help=True)

PortOption = Annotated[
    int,
    typer.Option(envvar="KAFKA_PORT", help="Port that clients connect to; the controller takes the next one."),
]
DataOption = Annotated[Path, typer.Option(help="Folder for data, log and pid file.")]
DATA = Path(".run/kafka")


@app.command()
def start(
    port: PortOption = 9092,
    data: DataOption = DATA,
    foreground: Annotated[bool, typer.Option(help="Stay, show the broker's log, end with SIGTERM or ^C.")] = False,
) -> None:
    """Start Kafka and wait until it answers. The first time, Maven brings its jars."""
    broker = _broker(port, data)
    pid = broker.pid(1)
    if pid is not None and not foreground:
        typer.echo(f"Kafka runs already: process {pid}, data in {data}")
        return
    if not foreground:
        broker.start()
        typer.echo(f"Kafka answers at {broker.bootstrap}: process {broker.pid(1)}, data in {data}")
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    try:
        broker.start(log=sys.stdout.buffer)
        typer.echo(f"Kafka answers at {broker.bootstrap}")
        code = broker.wait_ended()
    except KeyboardInterrupt:
        code = 0
    finally:
        broker.stop()
    raise typer.Exit(code)


@app.command()
def stop(port: PortOption = 9092, data: DataOption = DATA) -> None:
    """Stop the Kafka whose pid file is in the data folder, and nothing else."""
    typer.echo("Kafka stopped" if _broker(port, data).stop() else f"no Kafka of {data} runs")


@app.command()
def status(port: PortOption = 9092, data: DataOption = DATA) -> None:
    """Say whether Kafka runs; exit 1 when it does not."""
    pid = _broker(port, data).pid(1)
    if pid is None:
        typer.echo(f"no Kafka of {data} runs; `tidemill kafka start` starts one")
        raise typer.Exit(1)
    typer.echo(f"Kafka runs: process {pid}, {HOST}:{port}, data in {data}")


def _broker(port: int, data: Path) -> KafkaCluster:
    return KafkaCluster(data, ports=[port], controller_ports=[port + 1])


def _end(number: int, frame: object) -> None:
    # A second signal must not interrupt the stop that the first one began.
    for again in (signal.SIGTERM, signal.SIGINT):
        signal.signal(again, signal.SIG_IGN)
    raise KeyboardInterrupt
