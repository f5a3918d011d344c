"""From a checked pipeline to a Spark job: its program, its SQL, what it reads, and a README."""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from dataflow.errors import ConfigError
from dataflow.pipeline.names import DEAD_LETTERS, LATE_EVENTS
from dataflow.pipeline.plan import Plan, RollupPlan
from dataflow.spelling import suggest
from spark.contract.build import FUNCTION_CLASS
from spark.generate import readme, records
from spark.generate.generated import Generated
from spark.generate.options import Options
from spark.generate.refusals import refuse
from spark.generate.rollups import dead_view, delta_view, late_view, merged_rows_view, merged_view, rollup_view
from spark.generate.words import Words

PROGRAM = Path(__file__).resolve().parents[1] / "program" / "job.py"

SETTINGS = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.variable.substitute": "false",
    "spark.sql.decimalOperations.allowPrecisionLoss": "true",
}
"""By what the SQL means what it says."""


def generate(plan: Plan, given: Options) -> Generated:
    """The job of a pipeline.

    Raises PipelineError with all that Spark cannot say with equal results, ConfigError for a rollup that is not there.
    """
    rollups = _chosen(plan, given)
    refuse(plan, rollups, given)
    tables = (*(rollup.name for rollup in rollups), LATE_EVENTS, DEAD_LETTERS)
    columns = records.event_columns(plan, {name for rollup in rollups for name in rollup.reads})
    is_stream = given.form == "stream"
    job = {
        "name": f"tidemill-{plan.name}",
        "job": sha256(f"{plan.fingerprint} {' '.join(tables)}".encode()).hexdigest()[:16],
        "form": given.form,
        "settings": SETTINGS,
        "kafka": source_of(given),
        "function": {"name": records.JUDGE, "class": FUNCTION_CLASS, "returns": records.judged_type(plan, columns)},
        "tables": tables,
        "carried": records.carried_types(plan) if is_stream else {},
    }
    files = {
        "job.py": PROGRAM.read_text(encoding="utf-8"),
        "job.sql": _script(plan, _statements(plan, rollups, columns, given)),
        "job.json": json.dumps(job, indent=2, ensure_ascii=False) + "\n",
        "README.md": readme.text_of(plan, tables, given),
    }
    if is_stream:
        files["merge.sql"] = _script(plan, _merging(rollups, Words(plan)))
    return Generated(files, tables)


def _chosen(plan: Plan, given: Options) -> Sequence[RollupPlan]:
    if given.rollups is None:
        return plan.rollups
    known = [rollup.name for rollup in plan.rollups]
    for name in given.rollups:
        if name not in known:
            raise ConfigError("rollup", name, f"the pipeline has no rollup of this name{suggest(name, known)}")
    return [rollup for rollup in plan.rollups if rollup.name in given.rollups]


def source_of(given: Options) -> dict[str, str]:
    """The options of Spark's Kafka source: committed records alone, and no offset lost without a word."""
    found = {
        "kafka.bootstrap.servers": given.brokers,
        "kafka.isolation.level": "read_committed",
        **{f"kafka.{key}": value for key, value in given.kafka.items()},
        "failOnDataLoss": "true",
    }
    if given.form == "stream":
        found["maxOffsetsPerTrigger"] = str(given.per_batch)
    if given.start is None:
        return {**found, "subscribe": ",".join(given.topics), "startingOffsets": "earliest"}
    [topic] = given.topics
    found["assign"] = json.dumps({topic: sorted(given.start)})
    found["startingOffsets"] = _offsets(topic, given.start)
    if given.end is not None and given.form == "batch":
        found["endingOffsets"] = _offsets(topic, given.end)
    return found


def _offsets(topic: str, offsets: Mapping[int, int]) -> str:
    return json.dumps({topic: {str(number): offset for number, offset in sorted(offsets.items())}})


def _statements(plan: Plan, rollups: Sequence[RollupPlan], columns: Sequence[str], given: Options) -> list[str]:
    dimensions = records.joined(plan, {name for rollup in rollups for name in rollup.reads})
    words = Words(plan)
    is_stream = given.form == "stream"
    made = delta_view if is_stream else rollup_view
    return [
        # a stream's source is not told where to end
        records.records_view(given.end if is_stream else None),
        *(records.dimension_view(plan, each) for each in dimensions),
        records.judged_view(plan, columns),
        records.read_view(plan, columns, dimensions),
        # read and judged once, whatever is made of it
        f"CACHE LAZY TABLE {records.READ}",
        records.marked_view(plan, carried=is_stream),
        *records.rows_views(plan, carried=is_stream),
        f"CACHE LAZY TABLE {records.ROWS}",
        *(made(rollup, words) for rollup in rollups),
        late_view(rollups, words),
        dead_view(),
        *(records.next_views(plan) if is_stream else ()),
    ]


def _merging(rollups: Sequence[RollupPlan], words: Words) -> list[str]:
    """The tables out of what all batches have added to them."""
    found = [merged_view(rollup, words) for rollup in rollups]
    return [*found, *map(merged_rows_view, (LATE_EVENTS, DEAD_LETTERS))]


def _script(plan: Plan, statements: Sequence[str]) -> str:
    head = f"-- Pipeline {plan.name}: made by `tidemill spark generate`; change the pipeline file, not this one.\n"
    return head + "".join(f"\n{statement};\n" for statement in statements)
