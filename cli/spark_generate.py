"""`generate` of the group `tidemill spark`: the pipeline as a Spark job."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.job_flags import offsets_of, one_of, properties_of, topics_of
from dataflow.errors import ConfigError

if TYPE_CHECKING:
    from spark.generate.generated import Generated
    from spark.generate.options import Options

JAR = "tidemill-spark-contract.jar"

PipelineOption = Annotated[
    str | None, typer.Option(metavar="PATH[:NAME]", help="Pipeline file (default: as for `tidemill run`).")
]
FormOption = Annotated[str, typer.Option(metavar="batch|stream", help="Each table once, or on and on in batches.")]
RollupOption = Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only these rollups; repeat it.")]
BrokersOption = Annotated[
    str | None, typer.Option(metavar="HOST:PORT,...", help="Kafka, as Spark reaches it (default: the setting).")
]
TopicOption = Annotated[str | None, typer.Option(help="Topics, with commas between (default: the setting).")]
KafkaOption = Annotated[
    list[str] | None, typer.Option(metavar="NAME=VALUE", help="Property of Kafka's Java clients; repeat it.")
]
StartOption = Annotated[
    str, typer.Option(metavar="earliest|P:OFFSET,...", help="Where each partition begins; others are not read.")
]
EndOption = Annotated[
    str | None, typer.Option(metavar="P:OFFSET,...", help="Where each partition ends (default: at its end then).")
]


def generate(
    pipeline: PipelineOption = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the files.")] = Path("spark-job"),
    form: FormOption = "batch",
    rollup: RollupOption = None,
    brokers: BrokersOption = None,
    topic: TopicOption = None,
    kafka: KafkaOption = None,
    start: StartOption = "earliest",
    end: EndOption = None,
    with_jar: Annotated[
        bool, typer.Option("--with-jar", help="Build the function's jar with Maven, beside the files.")
    ] = False,
) -> None:
    """Write the pipeline as a Spark job: a Python program, its SQL, what it reads, and a README.

    What Spark cannot say with equal results is refused by name, with the way out, and nothing is written.
    """
    from runtime.settings import load_settings
    from spark.contract.build import contract_jar
    from spark.generate.files import write_files

    settings = load_settings({"pipeline": pipeline, "brokers": brokers, "topic": topic})
    given = options_of(settings.brokers, settings.topic, form, start, end, rollup, kafka)
    job = generated(settings.pipeline, given)
    built = contract_jar() if with_jar else None
    write_files(job, out)
    if built is not None:
        try:
            shutil.copyfile(built, out / JAR)
        except OSError as error:
            raise ConfigError("--out", str(out), f"cannot be written: {error.strerror}; name another folder") from None
    typer.echo(f"{out}: {', '.join(job.files)}")
    typer.echo(f"it writes these tables, as folders of Parquet files: {', '.join(job.tables)}")


def options_of(  # each is a flag
    brokers: str,
    topic: str,
    form: str,
    start: str,
    end: str | None,
    rollup: list[str] | None,
    kafka: list[str] | None,
) -> "Options":
    """What the flags ask for. Raises ConfigError."""
    from spark.generate.options import Options

    return Options(
        brokers=brokers,
        topics=topics_of(topic),
        start=None if start == "earliest" else offsets_of("--start", start),
        end=None if end is None else offsets_of("--end", end),
        form=one_of("--form", form, ("batch", "stream")),
        rollups=tuple(rollup) if rollup else None,
        kafka=properties_of(kafka or ()),
    )


def generated(pipeline: str, given: "Options") -> "Generated":
    """The job of a pipeline file."""
    from dataflow.pipeline.load import load
    from spark.generate.generate import generate as made

    return made(load(pipeline), given)
