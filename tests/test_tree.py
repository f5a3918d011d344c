"""The form that no other tool holds: tests mirror the tree, a/b.py by tests/a/test_b.py; functions are short."""

import ast
from pathlib import Path

from dataflow.aggregates.kinds import KINDS as AGGREGATES
from dataflow.windows.kinds import KINDS as WINDOWS

ROOT = Path(__file__).parents[1]
PACKAGES = (
    "dataflow",
    "sinks",
    "query",
    "runtime",
    "proof",
    "doctor",
    "starter",
    "emit",
    "serve",
    "flink",
    "spark",
    "cli",
)

UNTESTED = {
    "sinks/lake/unfolded.py": "seams without code",
    "cli/job_flags.py": "flags that test_flink_generate and test_spark_generate give",
    "cli/spark.py": "a group of two commands, each with a test of its own",
    "dataflow/filter/engine_sql.py": "what two engines share, in test_flink and test_spark",
    "dataflow/windows/assigned.py": "every window in test_flink, against the fold",
    "cli/flink.py": "played by tests/flink/cluster/test_commands.py, beside the one cluster of these tests",
    "cli/flink_job.py": "in the same play",
    "cli/flink_run.py": "in the same play",
    "spark/environment/errors.py": "exceptions, each in the tests of who raises it",
    "flink/cluster/errors.py": "exceptions, each in the tests of who raises it",
    "cli/answer_flags.py": "flags that test_answers and test_query give",
    "dataflow/aggregates/accuracy.py": "constants; sketches and the SQL that reads them are tested with them",
    "dataflow/alerts/closed.py": "seams without code",
    "dataflow/alerts/extended.py": "in what test_judge and test_session_judge hold",
    "dataflow/columnar/chain_kernel.py": "compiled with test_chains, whose every answer it gives",
    "dataflow/columnar/code_kernel.py": "compiled with test_codes, which compares it with Arrow's own",
    "dataflow/columnar/group_kernel.py": "compiled with test_groups, whose every answer it gives",
    "dataflow/columnar/id_kernel.py": "compiled with test_remembered, which compares every verdict of it",
    "dataflow/columnar/inner.py": "how functions of the kernels are compiled",
    "dataflow/columnar/types.py": "names of array types",
    "dataflow/decode/avro/kernel.py": "compiled with test_columns beside it, which compares every verdict of it",
    "dataflow/decode/json/absent_kernel.py": "part of plain_kernel",
    "dataflow/decode/json/key_kernel.py": "part of plain_kernel",
    "dataflow/decode/json/member_kernel.py": "part of plain_kernel",
    "dataflow/decode/json/number_kernel.py": "part of plain_kernel",
    "dataflow/decode/json/plain_columns.py": "what test_plain compares stands in them",
    "dataflow/decode/json/plain_kernel.py": "compiled with test_plain, which compares every verdict of it",
    "dataflow/decode/json/plain_layout.py": "columns of tables, each read by the kernel",
    "dataflow/decode/json/plain_table.py": "every model of test_plain and test_general is read by it",
    "dataflow/decode/json/scan_kernel.py": "part of plain_kernel",
    "dataflow/decode/json/scattered_kernel.py": "part of plain_kernel",
    "dataflow/decode/json/time_kernel.py": "part of plain_kernel",
    "dataflow/decode/json/value_kernel.py": "part of plain_kernel",
    "dataflow/decode/protobuf/kernel.py": "compiled with test_columns beside it, which compares every verdict of it",
    "dataflow/decode/rows.py": "what the decoders of binary formats share, tested with each of them",
    "dataflow/decode/typed/columns.py": "each type to each field in test_decoder",
    "dataflow/decode/typed/size.py": "the lengths in test_decoder",
    "dataflow/columnar/loop.py": "a record without methods",
    "dataflow/decode/typed/texts.py": "each type that says a text in test_decoder",
    "dataflow/sources/files/line_kernel.py": "compared with the plain loops in test_line_text",
    "dataflow/sources/files/print_kernel.py": "what test_content_print makes prints with",
    "dataflow/formats/declared.py": "records without methods; pipeline/test_formats is about what they may hold",
    "dataflow/formats/schemas.py": "a record and a seam",
    "dataflow/formats/typed.py": "records without methods",
    "dataflow/losses/cause.py": "a record without methods",
    "dataflow/messages.py": "records without methods",
    "dataflow/pipeline/closed_rules.py": "what test_comparison declares, each of them with its mistakes",
    "dataflow/pipeline/names.py": "names of tables",
    "flink/generate/alerts.py": "the cases `alerts` and `refused_rules` of test_generate",
    "flink/generate/changes.py": "the cases `lake` and `lake_final` of test_generate",
    "flink/generate/deployment.py": "its files stand in the cases that test_generate compares",
    "flink/generate/dimensions.py": "the cases `dimensions` of test_generate",
    "flink/generate/final.py": "the cases `final` of test_generate",
    "flink/generate/generated.py": "records that test_generate reads",
    "flink/generate/manifest.py": "a file of the case `lake` of test_generate, read in cli/test_flink_ingest",
    "flink/generate/options.py": "a record",
    "flink/generate/pairs.py": "the cases `alerts` of test_generate, run in flink/parity/test_matrix",
    "flink/generate/refusals.py": "each refusal is a case of test_generate",
    "flink/generate/rollups.py": "what both forms share; every case of test_generate",
    "flink/generate/sinks.py": "every case of test_generate",
    "flink/generate/source.py": "every case of test_generate",
    "flink/generate/upsert.py": "most cases of test_generate",
    "flink/generate/words.py": "every case of test_generate",
    "dataflow/alerts/stats.py": "a record without methods",
    "dataflow/pipeline/alert_rules.py": "records and how they are written; what they may hold is test_alert_plan's",
    "dataflow/pipeline/pair_rules.py": "records and how they are written; what they may hold is test_pair_plan's",
    "dataflow/pipeline/declaration.py": "records without methods; what they may hold is test_checks'",
    "dataflow/sources/kafka/direct/connection.py": "each answer of test_drain comes by it, cut and wrong ones too",
    "dataflow/sources/kafka/direct/fetcher.py": "one broker of test_drain, with all faults",
    "dataflow/sources/kafka/direct/kernel.py": "compiled with test_batches, which compares every record of it",
    "dataflow/sources/kafka/direct/layout.py": "places; test_batches compares what was written at them",
    "dataflow/sources/kafka/direct/lz4_kernel.py": "one of the codecs of test_batches",
    "dataflow/sources/kafka/direct/records.py": "what test_batches compares stands in them",
    "dataflow/sources/kafka/drain_kernel.py": "every test_drain and test_hub reads through it",
    "dataflow/sources/kafka/drain_layout.py": "places; test_drain compares what was read and written at them",
    "dataflow/sources/kafka/drain_native.py": "one of two drains, compared record by record in test_drain",
    "dataflow/sources/kafka/drain_plain.py": "the other one, compared with it there",
    "dataflow/sources/kafka/reader.py": "what every test_source reads with",
    "flink/ingest/state.py": "a record, which each commit of test_ingest keeps and the next one reads",
    "flink/ingest/topics.py": "what test_handover takes in was read by it",
    "proof/held_alerts.py": "one side of test_standing, and of cli/test_parity",
    "proof/parity/conditions.py": "conditions of test_opinion's random pipelines, against the model",
    "proof/parity/judged.py": "every record of test_opinion goes through it, against the model",
    "proof/parity/lake.py": "one side of cli/test_parity, on a real Kafka",
    "proof/parity/layout.py": "each kind of column in test_compare",
    "proof/parity/produce.py": "what cli/test_parity reads was written by it",
    "proof/parity/records.py": "what cli/test_parity compares was read by it, and by the engine's own reader",
    "proof/parity/engine.py": "a record and a protocol",
    "spark/generate/generated.py": "a record",
    "spark/generate/options.py": "a record",
    "spark/generate/readme.py": "every case of test_generate",
    "spark/generate/records.py": "every case of test_generate",
    "spark/generate/refusals.py": "each refusal in test_generate",
    "spark/generate/rollups.py": "every case of test_generate",
    "spark/generate/words.py": "every case of test_generate",
    "spark/program/job.py": "run by Spark's own Python in tests/spark/parity/test_job.py, in both forms",
    "flink/parity/job.py": "one side of test_matrix, on a real Flink",
    "proof/parity/run.py": "a whole run in cli/test_parity",
    "flink/parity/sinks.py": "what test_matrix compares was read by it",
    "proof/parity/spans.py": "windows of test_opinion's random pipelines, against the model",
    "query/reports/report.py": "a record and the two ways of asking it, which test_answer and test_rollup are about",
    "emit/record.py": "records without methods",
    "emit/target.py": "a protocol; its two kinds have tests of their own",
    "emit/trouble.py": "exceptions, each in the tests of who raises it",
    "emit/lake_rows.py": "SQL that test_rollup_rows and test_alert_changes ask",
    "runtime/endpoint_server.py": "what test_endpoint asks over HTTP",
    "runtime/outlet.py": "a protocol; what it stands for is emit/outlet.py",
    "dataflow/pipeline/targets.py": "records and how they are written; what they may hold is test_emit_plan's",
    "runtime/job.py": "joins the parts; every run of tests/e2e, tests/chaos and test_stored_lakes goes through it",
    "runtime/launch.py": "a run as a whole process: what tests/e2e start, stop, kill and set the clock of",
    "serve/sql/inside/imports.py": "what a child imports while it can open files; each question of test_pool needs it",
    "serve/sql/inside/main.py": "the life of a child, which test_child and test_pool begin and end",
    "serve/sql/limits.py": "a record without methods",
    "serve/sql/orders.py": "records without methods",
    "serve/sql/question.py": "records without methods",
    "serve/api/server.py": "joins the parts; every test of the server goes through it",
    "serve/ask/question.py": "records and a protocol",
    "proof/audit/chunk.py": "what test_audit compares is gathered in it",
    "sinks/lake/catalog/staged.py": "records without methods",
    "sinks/lake/catalog/schema.py": "text of tables that the official client reads in test_ducklake",
}
"""Source files without a test file of their own."""

ACROSS = {
    "tests/flink/cluster/test_page.py": "docs/flink.md, played",
    "tests/flink/ingest/test_page.py": "docs/flink.md, played",
    "tests/flink/cluster/test_commands.py": "the commands of cli/flink.py and beside it, on a real cluster",
    "tests/cli/test_start.py": "which libraries each command loads, and how a process ends",
    "tests/dataflow/intake/test_passes.py": "what many partitions hold in memory, under Bytewax itself",
    "tests/dataflow/sources/files/test_forms.py": "each form of file against the same records",
    "tests/doctor/test_kafka.py": "the whole examination beside a real broker",
    "tests/flink/contract/test_avro.py": "the Java function on Avro against dataflow/decode/avro",
    "tests/flink/contract/test_protobuf.py": "the Java function on Protobuf against dataflow/decode/protobuf",
    "tests/flink/contract/test_equal.py": "the Java function against the contract of dataflow/decode, in bulk",
    "tests/spark/test_page.py": "docs/spark.md, played",
    "tests/flink/parity/test_matrix.py": "all sides on a real Kafka and a real Flink",
    "tests/proof/audit/test_kafka.py": "audit and replay of a lake that was read from a real broker",
    "tests/proof/audit/test_streams.py": "the audit over random pipelines and streams",
    "tests/query/recent/test_equal.py": "a reader that stays beside one of the files, whatever happens to the lake",
    "tests/query/test_extreme_times.py": "the first and last times through views, formats and compaction",
    "tests/query/test_many_threads.py": "reader, snapshots and engine under many threads",
    "tests/query/test_own_names.py": "columns called like those that queries use inside, in every command",
    "tests/serve/sql/test_forbidden.py": "what nobody may ask, through the whole pool, with a neighbour beside",
    "tests/serve/sql/test_random_questions.py": "random questions are answered as the reader answers them",
    "tests/serve/test_damaged.py": "a damaged catalog is told, and a copy in its place is served",
    "tests/serve/test_described_api.py": "schemathesis against the description of the whole API",
    "tests/serve/test_serving_page.py": "docs/serving.md against the server",
    "tests/sinks/lake/test_ducklake.py": "the lake as the official client reads it",
    "tests/sinks/lake/upkeep/test_erase_kills.py": "erasures that are killed at any point, and finished",
    "tests/sinks/lake/upkeep/test_leave_kills.py": "removals that are killed at any point",
    "tests/sinks/lake/upkeep/test_compact_kills.py": "compactions that are killed at any point, beside a run",
}
"""Test files beside the tree that belong to no single source file."""


def mirrored(source: Path) -> Path:
    return Path("tests") / source.parent / f"test_{source.name}"


def sources() -> list[Path]:
    return [
        path.relative_to(ROOT)
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if path.name != "__init__.py"
    ]


def beside() -> list[Path]:
    return [
        path.relative_to(ROOT) for package in PACKAGES for path in sorted((ROOT / "tests" / package).rglob("test_*.py"))
    ]


def test_every_source_file_has_its_test_file_or_a_reason() -> None:
    missing = [str(source) for source in sources() if not (ROOT / mirrored(source)).exists()]
    assert sorted(missing) == sorted(UNTESTED)


def test_every_test_file_belongs_to_a_source_file_or_has_a_reason() -> None:
    known = {mirrored(source) for source in sources()}
    assert sorted(str(test) for test in beside() if test not in known) == sorted(ACROSS)


def test_every_test_file_holds_a_test() -> None:
    assert [str(test) for test in beside() if "\ndef test_" not in (ROOT / test).read_text()] == []


LONG = {
    "cli/flink_generate.py:generate": "a command's parameters are its flags, each handed on by its name",
    "cli/flink_run.py:run": "a command's parameters are its flags, and fill the screen alone",
    "dataflow/columnar/id_kernel.py:_judge": "compiled: an id is judged in one pass without calls",
    "dataflow/decode/avro/kernel.py:_body": "compiled: a record is taken apart in one pass",
    "dataflow/decode/json/plain_kernel.py:_record": "compiled: a record is taken apart in one pass without calls",
    "dataflow/decode/json/scan_kernel.py:_after_value": "compiled: a value is passed over without calls",
    "dataflow/sources/kafka/direct/kernel.py:_expand": "compiled: a record is taken apart in one pass without calls",
    "dataflow/sources/kafka/direct/kernel.py:_scan": "compiled: a batch is judged in one pass",
    "dataflow/decode/protobuf/kernel.py:_message": "compiled: a record is taken apart in one pass",
}
"""Functions of more than LINES lines."""

LINES = 50


def test_no_function_is_longer_than_a_screen_but_for_a_reason() -> None:
    found = [
        f"{source}:{node.name}"
        for source in sources()
        for node in ast.walk(ast.parse((ROOT / source).read_text()))
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno + 1 > LINES
    ]
    assert sorted(found) == sorted(LONG)


def kinds_named(text: str) -> list[str]:
    """The names of aggregate and window kinds that stand in an == or an `in` as constants."""
    kinds = AGGREGATES.keys() | WINDOWS.keys()
    compared = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Compare)]
    constants = [each for node in compared for each in ast.walk(node) if isinstance(each, ast.Constant)]
    return [each.value for each in constants if isinstance(each.value, str) and each.value in kinds]


EXTREMES = "dataflow/columnar/order.py"
"""Chooses numpy's minimum or maximum: the arithmetic below the kinds."""


def test_no_file_compares_the_name_of_a_kind_beside_the_tables_of_kinds() -> None:
    assert kinds_named("a.kind == 'count' or b in ('tumble', 'x')") == ["count", "tumble"]
    found = [str(source) for source in sources() if kinds_named((ROOT / source).read_text())]
    assert found == [EXTREMES]
