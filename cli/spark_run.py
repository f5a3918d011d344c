"""`run` of the group `tidemill spark`: the pipeline's job, run on this machine."""

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from cli.spark_generate import (
    BrokersOption,
    EndOption,
    FormOption,
    KafkaOption,
    PipelineOption,
    RollupOption,
    StartOption,
    TopicOption,
    generated,
    options_of,
)


def run(
    pipeline: PipelineOption = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder below which the tables come.")] = Path(
        "spark-tables"
    ),
    form: FormOption = "batch",
    rollup: RollupOption = None,
    brokers: BrokersOption = None,
    topic: TopicOption = None,
    kafka: KafkaOption = None,
    start: StartOption = "earliest",
    end: EndOption = None,
    python: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Python that has pyspark (default: what `make spark` made).")
    ] = None,
    cores: Annotated[int, typer.Option(min=1, help="How many cores it uses.")] = 2,
    memory_mb: Annotated[int, typer.Option(min=512, help="Heap of Spark, in MB.")] = 1024,
) -> None:
    """Run the pipeline's job in a Spark of this machine, from committed record to committed record, to its end.

    The first time, Maven brings the Kafka source and builds the function that judges records.
    """
    from runtime.settings import load_settings
    from spark.environment.submit import PYTHON, Spark
    from spark.generate.files import write_files

    settings = load_settings({"pipeline": pipeline, "brokers": brokers, "topic": topic})
    job = generated(settings.pipeline, options_of(settings.brokers, settings.topic, form, start, end, rollup, kafka))
    spark = Spark(python or PYTHON, cores, memory_mb)
    # before anything is built
    spark.require()
    folder = Path(tempfile.mkdtemp(prefix="tidemill-spark-"))
    write_files(job, folder)
    until = ["--until-now"] if form == "stream" else []
    spark.run(folder, ["--out", str(out.resolve()), *until], folder / "spark.log")
    # of a job that has failed it stays, with the log that the message names
    shutil.rmtree(folder)
    typer.echo(f"{out}: {', '.join(job.tables)}")
