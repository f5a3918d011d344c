"""`tidemill parity`: the same offsets by every engine and by one plain DuckDB query, and all tables compared."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.audit import JsonFlag
from cli.flink_job import FOLDER
from cli.options import Given, settings_with_logs, takes, words
from cli.terminal import show_json

if TYPE_CHECKING:
    from dataflow.pipeline.plan import Plan
    from flink.parity.job import Asked
    from flink.parity.records import Kafka
    from flink.parity.run import Sides
    from flink.parity.verdict import Verdict
    from runtime.settings import Settings

RECORDS = 20_000
HALF = 0.5
"""Of the records, what is written before a job is disturbed."""

EngineFlag = Annotated[str, typer.Option(metavar="none|flink", help="What is asked beside this engine and DuckDB.")]
FormFlag = Annotated[str, typer.Option(metavar="upsert|final", help="The form of Flink's job.")]
ParallelismFlag = Annotated[str, typer.Option(metavar="N,...", help="A run of Flink for each.")]
KillFlag = Annotated[bool, typer.Option("--kill-taskmanager", help="kill -9 Flink's TaskManager in the middle.")]
SavepointFlag = Annotated[bool, typer.Option("--savepoint", help="Stop Flink's job with a savepoint, and go on.")]
RecordsFlag = Annotated[int, typer.Option(min=100, help="How many to make up where no --topic is named.")]
SeedFlag = Annotated[int, typer.Option(min=0, help="Equal seeds make equal records.")]
FolderFlag = Annotated[Path, typer.Option(metavar="DIR", help="Folder of the Flink that `tidemill flink up` started.")]


@takes("pipeline", "brokers", "topic", "kafka", "workers")
def parity(
    given: Given,
    engine: EngineFlag = "none",
    form: FormFlag = "upsert",
    parallelism: ParallelismFlag = "1",
    kill_taskmanager: KillFlag = False,
    savepoint: SavepointFlag = False,
    records: RecordsFlag = RECORDS,
    seed: SeedFlag = 0,
    flink_folder: FolderFlag = FOLDER,
    as_json: JsonFlag = False,
) -> None:
    """Run pinned offsets of a topic through every engine and compare all tables, row by row.

    The offsets are those that the topic holds now. Without --topic a seeded stream of edges is written to a fresh one.
    Exit code 0 when all are equal, 1 when a table differs.
    """
    from dataflow.pipeline.load import load
    from flink.parity.records import Kafka
    from runtime.registry.open import registry_url, with_schemas

    asked = _asked(engine, form, parallelism, kill=kill_taskmanager, savepoint=savepoint)
    settings = settings_with_logs(given)
    plan = with_schemas(settings, load(settings.pipeline))
    kafka = Kafka(settings.brokers, settings.require_kafka(), registry_url(settings, plan))
    sides = _sides(given, settings, asked, flink_folder)
    made = _Made(plan, kafka, seed, records)
    verdicts = list(made.named(settings.require_topic(), sides) if given["topic"] is not None else made.fresh(sides))
    equal = all(each.is_equal for each in verdicts)
    if as_json:
        show_json({"equal": equal, "runs": [each.as_json() for each in verdicts]})
    else:
        for verdict in verdicts:
            for line in verdict.lines():
                typer.echo(line)
    raise typer.Exit(0 if equal else 1)


def _asked(engine: str, form: str, parallelism: str, *, kill: bool, savepoint: bool) -> "list[Asked]":
    """The runs of Flink that were asked for. Raises ConfigError."""
    from dataflow.errors import ConfigError

    if engine not in ("none", "flink"):
        raise ConfigError("--engine", engine, "write none, for DuckDB alone, or flink")
    if form not in ("upsert", "final"):
        raise ConfigError("--form", form, "write upsert or final")
    numbers = [int(each) if each.isascii() and each.isdigit() else 0 for each in parallelism.split(",")]
    if min(numbers) < 1:
        raise ConfigError("--parallelism", parallelism, "write whole numbers above 0 with commas between, like 1,2,4")
    if engine == "none":
        if kill or savepoint:
            raise ConfigError("--engine", engine, "to kill or to save there must be a job; write --engine flink")
        return []
    from flink.parity.job import Asked

    return [Asked("final" if form == "final" else "upsert", number, kill, savepoint) for number in numbers]


def _sides(given: Given, settings: "Settings", asked: "Sequence[Asked]", folder: Path) -> "Sides":
    from flink.cluster.cluster import FlinkCluster
    from flink.parity.run import PREFIX, Sides

    flags = words({**given, "topic": None, "pipeline": settings.pipeline})
    cluster = None
    if asked:
        cluster = FlinkCluster(folder)
        cluster.jobmanager.overview()
    return Sides([*flags, "--group", PREFIX], cluster, asked)


class _Made:
    """What is run: a topic that was named, or fresh ones with the adversary's records."""

    def __init__(self, plan: "Plan", kafka: "Kafka", seed: int, records: int) -> None:
        self.plan, self.kafka, self.seed, self.records = plan, kafka, seed, records

    def named(self, topic: str, sides: "Sides") -> "Iterator[Verdict]":
        """All sides over what the topic holds now."""
        from flink.parity.records import pin
        from flink.parity.run import run

        yield run(self.plan, self.kafka, pin(self.kafka, topic), sides)

    def fresh(self, sides: "Sides") -> "Iterator[Verdict]":
        """All over one topic; where a job is to be disturbed, a topic for each, half of it written after that."""
        from dataclasses import replace

        from flink.parity.adversary import adversary
        from flink.parity.run import run, stage

        made = adversary(self.plan, self.seed, self.records)
        disturbed = [each for each in sides.asked if each.kill or each.savepoint]
        if not disturbed:
            pins, _ = stage(self.kafka, made)
            yield run(self.plan, self.kafka, pins, sides)
        for asked in disturbed:
            pins, rest = stage(self.kafka, made, HALF)
            yield run(self.plan, self.kafka, pins, replace(sides, asked=[replace(asked, rest=rest)]))
