"""The files beside job.sql: Flink's configuration, an image, a deployment for the Kubernetes operator, a README."""

import json
from collections.abc import Iterator, Sequence

from dataflow.durations import to_text
from dataflow.pipeline.plan import Plan
from flink.contract.records import in_registry
from flink.generate.generated import SinkTable
from flink.generate.options import Options

FLINK_VERSION = "2.3.0"
KAFKA_CONNECTOR_VERSION = "5.0.0-2.2"
"""The newest there is; built for Flink 2.2, it runs with 2.3."""
HADOOP_VERSION = "3.4.2"
ZSTD_VERSION = "1.5.6-10"

DRIVER = "org.apache.flink.table.runtime.application.SqlDriver"
"""What runs a script of SQL as an application of its own."""

USER_LIB = "/opt/flink/usrlib"


def files(plan: Plan, tables: Sequence[SinkTable], given: Options) -> dict[str, str]:
    """Name -> text of all of them."""
    return {
        "config.yaml": config_yaml(given),
        "Dockerfile": dockerfile(given),
        "FlinkDeployment.yaml": flink_deployment(plan, given),
        "README.md": readme(plan, tables, given),
    }


def configuration(given: Options) -> dict[str, str]:
    """What a cluster of this job needs beside what the session sets."""
    found = {
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "execution.checkpointing.incremental": "true",
        "execution.checkpointing.min-pause": "1 s",
        "execution.checkpointing.timeout": "10 min",
        "state.backend.type": "hashmap" if given.is_bounded else "rocksdb",
        "taskmanager.numberOfTaskSlots": str(given.parallelism),
    }
    if given.is_bounded:
        # a job that cannot run says so, instead of starting again and again
        found |= {
            "restart-strategy.type": "fixed-delay",
            "restart-strategy.fixed-delay.attempts": "5",
            "restart-strategy.fixed-delay.delay": "1 s",
        }
    else:
        found["restart-strategy.type"] = "exponential-delay"
    if given.checkpoints is not None:
        found["execution.checkpointing.storage"] = "filesystem"
        found["execution.checkpointing.dir"] = given.checkpoints
        found["execution.checkpointing.savepoint-dir"] = f"{given.checkpoints.rstrip('/')}/savepoints"
    return found


def config_yaml(given: Options) -> str:
    """For a cluster of one's own, to be added to its conf/config.yaml."""
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in configuration(given).items())


def dockerfile(given: Options) -> str:
    """An image with Flink, the jars that the job needs, and its script."""
    artifacts = [f"org.apache.flink:flink-sql-connector-kafka:{KAFKA_CONNECTOR_VERSION}"]
    if given.sink_kind == "parquet":
        artifacts += [
            f"org.apache.flink:flink-sql-parquet:{FLINK_VERSION}",
            f"org.apache.hadoop:hadoop-client-api:{HADOOP_VERSION}",
            f"org.apache.hadoop:hadoop-client-runtime:{HADOOP_VERSION}",
            f"com.github.luben:zstd-jni:{ZSTD_VERSION}",
        ]
    brought = "".join(
        f"RUN mvn -q -B dependency:copy -Dartifact={artifact} -DoutputDirectory=/jars\n" for artifact in artifacts
    )
    function = "" if given.jar is None else f"COPY {_file_name(given.jar)} {given.jar}\n"
    return (
        f"FROM maven:3-eclipse-temurin-17 AS jars\n{brought}\n"
        f"FROM flink:{FLINK_VERSION}-java17\nCOPY --from=jars /jars/ /opt/flink/lib/\n{function}"
        f"COPY job.sql {USER_LIB}/job.sql\n"
    )


def flink_deployment(plan: Plan, given: Options) -> str:
    """The job as an application, for the Flink Kubernetes operator."""
    name = f"tidemill-{plan.name.replace('_', '-')}"
    keys = "".join(f"    {key}: {json.dumps(value)}\n" for key, value in configuration(given).items())
    return f"""apiVersion: flink.apache.org/v1beta1
kind: FlinkDeployment
metadata:
  name: {name}
spec:
  image: {name}:latest
  flinkVersion: v{FLINK_VERSION.rpartition(".")[0].replace(".", "_")}
  flinkConfiguration:
{keys}  serviceAccount: flink
  jobManager:
    resource: {{memory: "1024m", cpu: 0.5}}
  taskManager:
    resource: {{memory: "2048m", cpu: {given.parallelism}}}
  job:
    jarURI: local:///opt/flink/lib/flink-table-runtime-{FLINK_VERSION}.jar
    entryClass: {DRIVER}
    args: ["--scriptUri", "file://{USER_LIB}/job.sql"]
    parallelism: {given.parallelism}
    upgradeMode: {"stateless" if given.is_bounded else "savepoint"}
    state: running
"""


def readme(plan: Plan, tables: Sequence[SinkTable], given: Options) -> str:
    """What the job is, what must be there first, how it is started, and what is to be known of its answers."""
    return "\n".join(_lines(plan, tables, given)) + "\n"


def _lines(plan: Plan, tables: Sequence[SinkTable], given: Options) -> Iterator[str]:
    yield f"# {plan.name} on Apache Flink {FLINK_VERSION}"
    yield ""
    yield (
        f"Made by `tidemill flink generate` from the pipeline `{plan.name}`, form `{given.form}`. Change the pipeline"
        " file and generate again; nothing here is meant to be edited."
    )
    yield ""
    yield "| file | what it is |"
    yield "| --- | --- |"
    yield "| `job.sql` | the job: one source, one statement set |"
    yield "| `config.yaml` | keys for a cluster's own `conf/config.yaml` |"
    yield "| `Dockerfile`, `FlinkDeployment.yaml` | an image, and the job for the Kubernetes operator |"
    yield ""
    yield from _tables(tables)
    yield from _start(given)
    yield "## What to know"
    yield ""
    yield from _notes(plan, given)


def _tables(tables: Sequence[SinkTable]) -> Iterator[str]:
    yield "## What it writes"
    yield ""
    if any(table.topic is not None for table in tables):
        yield "These topics must be there before it starts; Flink waits a minute for one that is not, and fails."
        yield ""
    yield "| table | where | key |"
    yield "| --- | --- | --- |"
    for table in tables:
        key = ", ".join(table.key) or "none: every record is a row"
        yield f"| `{table.name}` | `{table.topic or table.path}` | {key} |"
    yield ""
    if any(table.hidden for table in tables):
        yield (
            "A column of a record's key cannot be null. For a key that may be null two columns stand there: `_key_NAME`"
            " with its value, or with nothing of meaning where `_null_NAME` is true."
        )
        yield ""


def _start(given: Options) -> Iterator[str]:
    yield "## Start"
    yield ""
    yield "```sh"
    yield "sql-client.sh -f job.sql"
    yield "```"
    yield ""
    needs = "the Kafka connector" + (", flink-sql-parquet, Hadoop's client and zstd-jni" if given.sink_path else "")
    where = f"lies at `{given.jar}`" if given.jar else "belongs there, too"
    yield f"The cluster needs {needs} in its `lib/`. The jar of Tidemill's functions {where};"
    yield "`tidemill flink generate --with-jar` builds it."
    yield ""


def _notes(plan: Plan, given: Options) -> Iterator[str]:
    bound = to_text(plan.out_of_orderness_ms)
    yield (
        f"- A row is late by its own partition's watermark: the largest event time before it, less {bound}. Late rows"
        " are in `late_events`, records that are no events in `dead_letters`."
    )
    if plan.dedup_column is not None:
        yield (
            f"- A repeat of `{plan.dedup_column}` within {to_text(plan.dedup_within_ms)} in its partition is dropped"
            " before lateness is asked and stands in no table; what is remembered for that is state of the job."
        )
    if given.sink_kind != "parquet":
        yield "- Read all topics with `isolation.level=read_committed`: after a failure others show rows twice."
    if given.handover is not None:
        yield (
            "- Its topics are for `tidemill flink ingest`, which finds them by `handover.json`: changes of what a"
            " lake's tables hold. Run it once; after a stop it goes on from its savepoint, never from the beginning."
        )
    elif given.form == "upsert":
        yield "- Of each key of a rollup's topic the last record counts; earlier ones are the window while it filled."
    else:
        yield "- A window is written once, when every partition has passed it; a silent partition holds all back."
    if given.form == "upsert" and not given.is_bounded and given.handover is None:
        yield (
            f"- A window's state is forgotten {to_text(given.state_ttl_ms)} and its own length after its last row, by"
            " the clock: a row that is not late and comes later than that begins the window anew. Make `--state-ttl`"
            " longer than the longest silence of a partition."
        )
    if isinstance(given.start, str) and not given.is_bounded:
        yield (
            f"- The first start reads from {given.start}. Where an offset is lost, Flink reads on from the earliest"
            " there is, without a word."
        )
    yield from _schemas(plan, given)
    yield "- Give no operator and no source a parallelism of its own: rows of a partition would lose their order."


def _schemas(plan: Plan, given: Options) -> Iterator[str]:
    if in_registry(plan.format):
        yield (
            f"- The job asks the registry at `{given.registry}` for each schema that a record names, once on each"
            " TaskManager. Where it gives no answer the job waits, asks every second, and after a minute fails and goes"
            " on from its last checkpoint; no record is passed over. A registry that wants a user gets it from"
            " `SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO=USER:PASSWORD` in the environment of the TaskManagers, and"
            " certificates from their JVM's stores (`env.java.opts.taskmanager`)."
        )
    elif plan.format.name != "json":
        yield "- The records' schema is part of `job.sql`: when it changes in the pipeline, generate again."


def _file_name(path: str) -> str:
    return path.rpartition("/")[2]
