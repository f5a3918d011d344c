"""The generated Flink job over files instead of a topic: the same statements, but for the table that it reads."""

from dataclasses import replace
from pathlib import Path

from bench.measure import BenchError
from flink.generate.generated import Generated

RECORDS = "CREATE TEMPORARY TABLE `_records`"
"""How the statement begins that names the source."""


def records_table(folder: Path) -> str:
    """A line is a record, a file a partition, in the file's own order; a line of a file has no timestamp of its own."""
    return (
        f"{RECORDS} (\n"
        "  `_value` BYTES,\n"
        "  `topic` STRING METADATA FROM 'file.name' VIRTUAL,\n"
        "  `partition` AS 0,\n"
        "  `offset` AS CAST(0 AS BIGINT),\n"
        "  `_timestamp` AS CAST(NULL AS TIMESTAMP_LTZ(3)),\n"
        "  `_timestamp_type` AS 'NoTimestampType',\n"
        "  `_now` AS PROCTIME()\n"
        ") WITH (\n"
        "  'connector' = 'filesystem',\n"
        f"  'path' = '{folder.resolve().as_uri()}',\n"
        "  'format' = 'raw'\n"
        ")"
    )


def over_files(job: Generated, folder: Path) -> Generated:
    """The job that reads the files of a folder to their end. Raises BenchError where it names no such source."""
    statements = [records_table(folder) if each.startswith(RECORDS) else each for each in job.statements]
    if statements == list(job.statements):
        raise BenchError("the generated job does not name its source as this benchmark knows it")
    return replace(job, statements=tuple(statements))
