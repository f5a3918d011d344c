"""Run the job of job.json and job.sql beside this file: spark-submit --jars JARS job.py --out DIR.

This file is the same in every job. A batch reads the pinned records of Kafka once and writes each table below DIR as a
folder of Parquet files, whole.

A stream goes on where it was, batch by batch. Each batch writes what it adds to each table below DIR/deltas, in the
place of what it wrote there before it was interrupted, and last of all what the batches after it must know, below
DIR/carried and the job's own name there: then it is whole. Another job finds nothing there, and does not go on. With
--until-now it ends once it has read what was there at its start. --merge writes the tables out of all whole batches,
and so does a stream that ends.
"""

import argparse
import json
import re
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession

HERE = Path(__file__).resolve().parent
DELTAS, CARRIED, CHECKPOINT = "deltas", "carried", "checkpoint"


def statements(name: str) -> list[str]:
    """What a file of SQL holds, in order; no text in it has a line's end."""
    return [each.strip() for each in (HERE / name).read_text(encoding="utf-8").split(";\n") if each.strip()]


def session_of(job: dict[str, Any]) -> SparkSession:
    """A session that reads SQL as the job was written for, with the function that judges records."""
    builder = SparkSession.builder.appName(job["name"])
    for name, value in job["settings"].items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("WARN")
    function = job["function"]
    session.udf.registerJavaFunction(function["name"], function["class"], function["returns"])
    return session


def write(rows: DataFrame, folder: str) -> None:
    """The rows in the place of what the folder held."""
    rows.write.mode("overwrite").parquet(folder)


def batch(session: SparkSession, job: dict[str, Any], out: str) -> None:
    """Read once, write each table."""
    session.read.format("kafka").options(**job["kafka"]).load().createOrReplaceTempView("_kafka")
    for statement in statements("job.sql"):
        session.sql(statement)
    for table in job["tables"]:
        write(session.table(f"`{table}`"), f"{out}/{table}")


def stream(session: SparkSession, job: dict[str, Any], out: str, *, until_now: bool) -> None:
    """Take batch after batch; return once the end is reached, where there is one."""

    def take(rows: DataFrame, number: int) -> None:
        one_batch(rows, number, job, out)

    source = session.readStream.format("kafka").options(**job["kafka"]).load()
    sink = source.writeStream.foreachBatch(take).option("checkpointLocation", f"{out}/{CHECKPOINT}")
    sink = sink.trigger(availableNow=True) if until_now else sink.trigger(processingTime="1 second")
    sink.start().awaitTermination()


def one_batch(rows: DataFrame, number: int, job: dict[str, Any], out: str) -> None:
    """Write what a batch adds: the same again where it was interrupted, for its records and what it knows are."""
    session = rows.sparkSession
    rows.createOrReplaceTempView("_kafka")
    for name, columns in job["carried"].items():
        if number == 0:
            left = session.createDataFrame([], columns)
        else:
            left = session.read.parquet(left_by(session, job, out, name, number - 1))
        left.createOrReplaceTempView(name)
    for statement in statements("job.sql"):
        session.sql(statement)
    for table in job["tables"]:
        write(session.table(f"`{table}`"), f"{out}/{DELTAS}/{table}/batch={number}")
    for name in job["carried"]:
        write(session.table(f"_next{name}"), f"{carried_by(job, out)}/{name}/batch={number}")
        remove(session, f"{carried_by(job, out)}/{name}/batch={number - 2}")
    session.catalog.clearCache()


def left_by(session: SparkSession, job: dict[str, Any], out: str, name: str, number: int) -> str:
    """Where a batch has left what is called so; ends the job where it has not."""
    folder = f"{carried_by(job, out)}/{name}/batch={number}"
    files, path = file_system(session, folder)
    if not files.exists(path):
        raise RuntimeError(
            f"batch {number} has left nothing at {folder}: another pipeline file or other rollups have written {out},"
            " or its folder is gone; name another folder with --out"
        )
    return folder


def carried_by(job: dict[str, Any], out: str) -> str:
    """Below which folder the batches of this very job leave what those after them must know."""
    return f"{out}/{CARRIED}/{job['job']}"


def merge(session: SparkSession, job: dict[str, Any], out: str) -> None:
    """Write the tables out of all batches that are whole."""
    whole = whole_batches(session, f"{carried_by(job, out)}/{list(job['carried'])[-1]}")
    if not whole:
        print("no batch is whole yet, so there is nothing to merge")
        return
    for table in job["tables"]:
        folder = f"{out}/{DELTAS}/{table}"
        added = session.read.option("basePath", folder).parquet(
            *(f"{folder}/batch={number}" for number in range(whole))
        )
        added.drop("batch").createOrReplaceTempView(f"_delta_{table}")
    for statement in statements("merge.sql"):
        session.sql(statement)
    for table in job["tables"]:
        write(session.table(f"`{table}`"), f"{out}/{table}")


def whole_batches(session: SparkSession, folder: str) -> int:
    """How many batches have written all that they write: the last of it stands in the folder, with Spark's mark."""
    files, path = file_system(session, f"{folder}/batch=*/_SUCCESS")
    numbers = [re.search(r"batch=(\d+)", str(each.getPath())) for each in files.globStatus(path) or ()]
    return max((int(each[1]) + 1 for each in numbers if each), default=0)


def remove(session: SparkSession, folder: str) -> None:
    """Remove a folder, if it is there."""
    files, path = file_system(session, folder)
    files.delete(path, True)


def file_system(session: SparkSession, address: str) -> tuple[Any, Any]:
    """Hadoop's file system of an address, and its path there."""
    path = session._jvm.org.apache.hadoop.fs.Path(address)
    return path.getFileSystem(session._jsc.hadoopConfiguration()), path


def main() -> None:
    """Read the flags, run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True, help="folder, or address of one, below which the tables come")
    parser.add_argument("--until-now", action="store_true", help="a stream ends once it has read what is there now")
    parser.add_argument("--merge", action="store_true", help="only write a stream's tables out of its whole batches")
    arguments = parser.parse_args()
    job = json.loads((HERE / "job.json").read_text(encoding="utf-8"))
    session = session_of(job)
    try:
        if job["form"] == "batch":
            batch(session, job, arguments.out)
            return
        if not arguments.merge:
            stream(session, job, arguments.out, until_now=arguments.until_now)
        merge(session, job, arguments.out)
    finally:
        session.stop()


if __name__ == "__main__":
    main()
