"""The README of a generated job."""

from collections.abc import Iterator, Sequence

from dataflow.durations import to_text
from dataflow.pipeline.plan import Plan
from spark.generate.options import Options


def text_of(plan: Plan, tables: Sequence[str], given: Options) -> str:
    """What it reads and writes, how it is started, and what holds of its tables."""
    return "\n".join([*_head(plan, tables, given), *_start(), *_notes(plan)]) + "\n"


def _head(plan: Plan, tables: Sequence[str], given: Options) -> Iterator[str]:
    yield f"# {plan.name} on Apache Spark"
    yield ""
    yield "Made by `tidemill spark generate`: change the pipeline file and make it again, not these files."
    yield ""
    yield f"- It reads {', '.join(f'`{topic}`' for topic in given.topics)} of Kafka at {given.brokers}."
    yield f"- It writes a folder of Parquet files below `--out` for each: {', '.join(f'`{each}`' for each in tables)}."
    yield "- `job.py` is the program, `job.sql` what it asks, `job.json` what it reads and which function it needs."
    yield ""


def _start() -> Iterator[str]:
    yield "## Start"
    yield ""
    yield "```sh"
    yield "spark-submit --packages org.apache.spark:spark-sql-kafka-0-10_2.13:4.2.0 \\"
    yield "  --jars tidemill-spark-contract.jar job.py --out tables"
    yield "```"
    yield ""
    yield "The jar holds the function that judges records; `tidemill spark generate --with-jar` builds it beside this"
    yield "file. `tidemill spark run` does all of it on this machine."
    yield ""


def _notes(plan: Plan) -> Iterator[str]:
    bound = to_text(plan.out_of_orderness_ms)
    yield "## What holds"
    yield ""
    yield (
        f"- A row is late by its own partition's watermark: the largest event time before it, less {bound}. Late rows"
        " are in `late_events`, records that are no events in `dead_letters`."
    )
    if plan.dedup_column is not None:
        yield (
            f"- A repeat of `{plan.dedup_column}` within {to_text(plan.dedup_within_ms)} in its partition is dropped"
            " before lateness is asked and stands in no table."
        )
    yield "- Times are milliseconds since 1970, BIGINT."
    yield "- Of a topic that has more partitions or records later, a new run makes new tables in the place of the old."
