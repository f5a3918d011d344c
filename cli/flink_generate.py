"""`generate` of the group `tidemill flink`: the pipeline as a Flink job."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.job_flags import duration_ms, offsets_of, one_of, properties_of, topics_of
from dataflow.errors import ConfigError

if TYPE_CHECKING:
    from dataflow.pipeline.plan import Plan
    from flink.generate.options import Options
    from runtime.settings import Settings

REGISTRY = "schema.registry."
REGISTRY_URL = REGISTRY + "url"

PipelineOption = Annotated[
    str | None, typer.Option(metavar="PATH[:NAME]", help="Pipeline file (default: as for `tidemill run`).")
]
OutOption = Annotated[Path, typer.Option(metavar="DIR", help="Folder for the files.")]
FormOption = Annotated[str, typer.Option(metavar="upsert|final", help="Rows that are corrected, or rows written once.")]
RollupOption = Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only these rollups; repeat it.")]
BrokersOption = Annotated[
    str | None, typer.Option(metavar="HOST:PORT,...", help="Kafka, as Flink reaches it (default: the setting).")
]
TopicOption = Annotated[str | None, typer.Option(help="Topics, with commas between (default: the setting).")]
GroupOption = Annotated[str, typer.Option(help="Consumer group to report offsets to.")]
KafkaOption = Annotated[
    list[str] | None, typer.Option(metavar="NAME=VALUE", help="Property of Kafka's Java clients; repeat it.")
]
StartOption = Annotated[str, typer.Option(metavar="earliest|latest|P:OFFSET,...", help="Where each partition begins.")]
EndOption = Annotated[
    str | None, typer.Option(metavar="P:OFFSET,...", help="Where each partition ends; the job ends there.")
]
BoundedOption = Annotated[bool, typer.Option("--bounded", help="End at what is the end when the job starts.")]
SinkOption = Annotated[
    str | None, typer.Option(metavar="upsert-kafka|kafka|parquet", help="Where to (default: as the form needs).")
]
PrefixOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="Topics are NAME.TABLE (default: the pipeline's name).")
]
PathOption = Annotated[str | None, typer.Option(metavar="URL", help="Where Parquet files come.")]
CheckpointsOption = Annotated[str | None, typer.Option(metavar="URL", help="Where checkpoints come.")]
EveryOption = Annotated[str, typer.Option(metavar="TIME", help="How often; what readers see follows.")]
ParallelismOption = Annotated[int, typer.Option(min=1, help="Slots that the job takes.")]
JarOption = Annotated[
    str | None, typer.Option(metavar="PATH", help="The functions' jar as Flink sees it (default: in its lib/).")
]
WithJarOption = Annotated[
    bool, typer.Option("--with-jar", help="Build the functions' jar with Maven, beside the files.")
]
TtlOption = Annotated[
    str, typer.Option(metavar="TIME", help="How long a window without rows is remembered beyond its length.")
]

AlertOption = Annotated[
    list[str] | None, typer.Option(metavar="RULE", help="The alerts of this rule, too, as RULE_alerts; repeat it.")
]

FromLakeOption = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Go on where this lake stands; its rows go there with `tidemill flink ingest`."),
]


def generate(
    pipeline: PipelineOption = None,
    out: OutOption = Path("flink-job"),
    form: FormOption = "upsert",
    rollup: RollupOption = None,
    brokers: BrokersOption = None,
    topic: TopicOption = None,
    group: GroupOption = "tidemill-flink",
    kafka: KafkaOption = None,
    start: StartOption = "earliest",
    end: EndOption = None,
    bounded: BoundedOption = False,
    sink: SinkOption = None,
    sink_prefix: PrefixOption = None,
    sink_path: PathOption = None,
    checkpoints: CheckpointsOption = None,
    checkpoint_every: EveryOption = "10s",
    parallelism: ParallelismOption = 1,
    jar: JarOption = None,
    with_jar: WithJarOption = False,
    state_ttl: TtlOption = "2d",
    alert: AlertOption = None,
    from_lake: FromLakeOption = None,
) -> None:
    """Write the pipeline as a Flink job: SQL, configuration, image, deployment and a README.

    What Flink's SQL cannot say with equal results is refused by name, with the way out, and nothing is written.
    """
    from flink.generate.options import JAR, Options
    from runtime.settings import load_settings

    settings = load_settings({"pipeline": pipeline, "brokers": brokers, "topic": topic})
    given = Options(
        brokers=settings.brokers,
        topics=topics_of(settings.topic),
        group=group,
        start="earliest" if start == "earliest" else "latest" if start == "latest" else offsets_of("--start", start),
        end=None if end is None else offsets_of("--end", end),
        bounded=bounded,
        form=one_of("--form", form, ("upsert", "final")),
        sink=None if sink is None else one_of("--sink", sink, ("upsert-kafka", "kafka", "parquet")),
        sink_prefix=sink_prefix,
        sink_path=sink_path,
        checkpoints=checkpoints,
        checkpoint_interval_ms=duration_ms("--checkpoint-every", checkpoint_every),
        parallelism=parallelism,
        jar=jar or (JAR if with_jar else None),
        state_ttl_ms=duration_ms("--state-ttl", state_ttl),
        rollups=tuple(rollup) if rollup else None,
        alerts=tuple(alert or ()),
        kafka=_properties(kafka or ()),
    )
    _write(settings, given, out, from_lake, with_jar=with_jar)


def for_lake(plan: "Plan", given: "Options", lake: Path, *, events: bool) -> "Options":
    """The options of a job that goes on where the lake stands, with topics that no other job has."""
    from dataclasses import replace
    from uuid import uuid4

    from flink.ingest.handover import start_of

    if given.start != "earliest":
        raise ConfigError("--start", given.start, "the lake says where its job starts; leave the flag out")
    if len(given.topics) > 1:
        raise ConfigError("topic", ",".join(given.topics), "Flink pins the offsets of one topic only; name that")
    start = start_of(lake, plan, given.topics[0], events=events)
    if given.end is not None and given.end.keys() != start.read_from.keys():
        raise ConfigError("--end", str(given.end), f"name the partitions of the lake: {sorted(start.read_from)}")
    prefix = f"{given.sink_prefix or plan.name}-{uuid4().hex[:8]}"
    return replace(given, start=start.read_from, handover=start.handover, sink_prefix=prefix)


def _write(settings: "Settings", given: "Options", out: Path, from_lake: Path | None, *, with_jar: bool) -> None:
    from dataflow import durable
    from dataflow.pipeline.load import load
    from flink.contract.build import contract_jar
    from flink.generate.generate import generate as generated

    plan = load(settings.pipeline)
    given = _with_registry(settings, plan, given)
    job = generated(plan, given if from_lake is None else for_lake(plan, given, from_lake, events=settings.events))
    built = contract_jar() if with_jar else None
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in job.files.items():
            durable.replace(out / name, text, durable=False)
        if built is not None:
            shutil.copyfile(built, out / str(given.jar).rpartition("/")[2])
    except OSError as error:
        raise ConfigError("--out", str(out), f"cannot be written: {error.strerror}; name another folder") from None
    typer.echo(f"{out}: {', '.join(job.files)}")
    if job.topics:
        typer.echo(f"it writes to these topics, which must be there first: {', '.join(job.topics)}")


def _with_registry(settings: "Settings", plan: "Plan", given: "Options") -> "Options":
    """With the address of the registry: what a property says, or else that of the settings where records need one."""
    from runtime.registry.client import checked_url
    from runtime.registry.open import registry_url

    properties = dict(given.kafka)
    address = properties.pop(REGISTRY_URL, None)
    registry = registry_url(settings, plan) if address is None else checked_url(address)
    return replace(given, kafka=properties, registry=registry)


def _properties(pairs: Sequence[str]) -> dict[str, str]:
    found = properties_of(pairs)
    for name in found:
        if name.startswith(REGISTRY) and name != REGISTRY_URL:
            fix = f"of the registry's properties a job has {REGISTRY_URL} alone; docs/flink.md says where the others go"
            raise ConfigError("--kafka", name, fix)
    return found
