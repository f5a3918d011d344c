"""`tidemill parity`: the same offsets by every engine and by one plain DuckDB query, and all tables compared."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.audit import JsonFlag
from cli.flink_job import FOLDER
from cli.options import Given, settings_with_logs, takes, words
from cli.terminal import show_json

if TYPE_CHECKING:
    from dataflow.pipeline.plan import Plan
    from proof.parity.engine import Engine
    from proof.parity.records import Kafka
    from proof.parity.run import Sides
    from proof.parity.verdict import Verdict

RECORDS = 20_000
HALF = 0.5
"""Of the records, what is written before a job is disturbed."""

EngineFlag = Annotated[
    str, typer.Option(metavar="none|flink|spark", help="What is asked beside this engine and DuckDB.")
]
FormFlag = Annotated[
    str | None, typer.Option(metavar="FORM", help="Of the job: upsert or final on Flink, batch or stream on Spark.")
]
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
    form: FormFlag = None,
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
    from proof.parity.records import Kafka
    from proof.parity.run import PREFIX, Sides
    from runtime.registry.open import registry_url, with_schemas

    engines = _engines(engine, form, parallelism, flink_folder, kill=kill_taskmanager, savepoint=savepoint)
    settings = settings_with_logs(given)
    plan = with_schemas(settings, load(settings.pipeline))
    kafka = Kafka(settings.brokers, settings.require_kafka(), registry_url(settings, plan))
    flags = words({**given, "topic": None, "pipeline": settings.pipeline})
    sides = Sides([*flags, "--group", PREFIX], engines)
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


FORMS = {"none": (), "flink": ("upsert", "final"), "spark": ("batch", "stream")}
"""The forms of each engine's job; the first is what is taken where none is named."""


def _form(engine: str, form: str | None, parallelism: str, *, disturbs: bool) -> str:
    """The form of the job, none without one. Raises ConfigError for flags that do not fit."""
    from dataflow.errors import ConfigError

    if engine not in FORMS:
        raise ConfigError("--engine", engine, "write none, for DuckDB alone, flink or spark")
    forms = FORMS[engine]
    if disturbs and engine != "flink":
        raise ConfigError("--engine", engine, "to kill or to save there must be a job of Flink; write --engine flink")
    if form is not None and form not in forms:
        fix = f"write {' or '.join(forms)}" if forms else "there is no job without an engine; write --engine, too"
        raise ConfigError("--form", form, fix)
    if engine == "spark" and parallelism != "1":
        raise ConfigError("--parallelism", parallelism, "is of Flink's jobs; leave it out")
    return form or next(iter(forms), "none")


def _engines(  # each is a flag
    engine: str, form: str | None, parallelism: str, folder: Path, *, kill: bool, savepoint: bool
) -> "list[Engine]":
    """Who is asked beside this engine, of which what must be there is there. Raises ConfigError."""
    from dataflow.errors import ConfigError

    form = _form(engine, form, parallelism, disturbs=kill or savepoint)
    numbers = [int(each) if each.isascii() and each.isdigit() else 0 for each in parallelism.split(",")]
    if min(numbers) < 1:
        raise ConfigError("--parallelism", parallelism, "write whole numbers above 0 with commas between, like 1,2,4")
    if engine == "flink":
        from flink.cluster.cluster import FlinkCluster
        from flink.parity.job import Asked, FlinkEngine

        cluster = FlinkCluster(folder)
        cluster.jobmanager.overview()
        kind: Literal["final", "upsert"] = "final" if form == "final" else "upsert"
        return [FlinkEngine(Asked(kind, number, kill, savepoint), cluster) for number in numbers]
    if engine == "spark":
        from spark.parity.job import SparkEngine

        spark = SparkEngine("stream" if form == "stream" else "batch")
        spark.spark.require()
        return [spark]
    return []


class _Made:
    """What is run: a topic that was named, or fresh ones with the adversary's records."""

    def __init__(self, plan: "Plan", kafka: "Kafka", seed: int, records: int) -> None:
        self.plan, self.kafka, self.seed, self.records = plan, kafka, seed, records

    def named(self, topic: str, sides: "Sides") -> "Iterator[Verdict]":
        """All sides over what the topic holds now."""
        from proof.parity.records import pin
        from proof.parity.run import run

        yield run(self.plan, self.kafka, pin(self.kafka, topic), sides)

    def fresh(self, sides: "Sides") -> "Iterator[Verdict]":
        """All over one topic; where a job is to be disturbed, a topic for each, half of it written after that."""
        from dataclasses import replace

        from flink.parity.job import FlinkEngine
        from proof.parity.adversary import adversary
        from proof.parity.run import run, stage

        made = adversary(self.plan, self.seed, self.records)
        disturbed = [each for each in sides.others if isinstance(each, FlinkEngine) and each.asked.is_disturbed]
        if not disturbed:
            pins, _ = stage(self.kafka, made)
            yield run(self.plan, self.kafka, pins, sides)
        for engine in disturbed:
            pins, rest = stage(self.kafka, made, HALF)
            again = replace(engine, asked=replace(engine.asked, rest=rest))
            yield run(self.plan, self.kafka, pins, replace(sides, others=[again]))
