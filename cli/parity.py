"""`tidemill parity`: the same offsets by every engine and by one plain DuckDB query, and all tables compared."""

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.audit import JsonFlag
from cli.options import Given, settings_with_logs, takes, words
from cli.terminal import show_json

if TYPE_CHECKING:
    from dataflow.pipeline.plan import Plan
    from flink.parity.records import Kafka, Pins
    from runtime.settings import Settings

RECORDS = 20_000
PARITY = "tidemill-parity"


@takes("pipeline", "brokers", "topic", "kafka", "workers")
def parity(
    given: Given,
    engine: Annotated[
        str, typer.Option("--engine", help="What this engine is compared with, beside DuckDB.", metavar="none|flink")
    ] = "none",
    records: Annotated[
        int, typer.Option("--records", min=100, help="How many records to make up where no --topic is named.")
    ] = RECORDS,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Equal seeds make equal records.")] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Run pinned offsets of a topic through every engine and compare all tables, row by row.

    The offsets are those that the topic holds now. Without --topic a seeded stream of edges is written to a fresh one.
    Exit code 0 when all are equal, 1 when a table differs.
    """
    from dataflow.decode.decoder import beside_of
    from dataflow.pipeline.load import load
    from flink.parity.compare import compare
    from flink.parity.lake import run_lake
    from flink.parity.opinion import opinion
    from flink.parity.records import read
    from flink.parity.verdict import Verdict
    from runtime.registry.open import with_schemas

    _require_engine(engine)
    settings = settings_with_logs(given)
    plan = with_schemas(settings, load(settings.pipeline))
    kafka, pins = _pinned(given, settings, plan, seed, records)
    seconds: dict[str, float] = {}
    began = time.monotonic()
    found = read(kafka, pins, beside_of(plan))
    said = opinion(plan, found)
    seconds["duckdb"] = time.monotonic() - began
    with tempfile.TemporaryDirectory(prefix="tidemill-parity-") as name:
        began = time.monotonic()
        flags = words({**given, "topic": pins.topic, "pipeline": settings.pipeline})
        own = run_lake(plan, pins, [*flags, "--group", PARITY], Path(name))
        seconds["tidemill"] = time.monotonic() - began
    compared = compare(plan, "duckdb", said.tables, "tidemill", own, said.duplicates)
    verdict = Verdict(pins, found.num_rows, seconds, tuple(compared))
    if as_json:
        show_json(verdict.as_json())
    else:
        for line in verdict.lines():
            typer.echo(line)
    raise typer.Exit(0 if verdict.is_equal else 1)


def _require_engine(engine: str) -> None:
    from dataflow.errors import ConfigError

    if engine not in ("none", "flink"):
        raise ConfigError("--engine", engine, "write none, for DuckDB alone, or flink")


def _pinned(given: Given, settings: "Settings", plan: "Plan", seed: int, records: int) -> "tuple[Kafka, Pins]":
    """The topic that was named, or a fresh one with the adversary's records."""
    from flink.parity.adversary import adversary
    from flink.parity.produce import fresh_topic, write
    from flink.parity.records import Kafka, pin

    kafka = Kafka(settings.brokers, settings.require_kafka())
    if given["topic"] is not None:
        return kafka, pin(kafka, settings.require_topic())
    made = adversary(plan, seed, records)
    topic = fresh_topic(kafka, PARITY, len(made))
    write(kafka, topic, [each for part in made for each in part])
    return kafka, pin(kafka, topic)
