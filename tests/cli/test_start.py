"""What a command imports before it answers: a library that it does not need is time that its user waits."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.commands import COMMANDS
from tests.query.lakes import T0, LakeMaker, clicks, ledger

ROOT = Path(__file__).parents[2]
HEAVY = {
    "_duckdb",
    "bytewax",
    "confluent_kafka",
    "duckdb",
    "llvmlite",
    "msgspec",
    "numba",
    "numpy",
    "prometheus_client",
    "pyarrow",
    "pydantic",
    "rich",
    "sqlglot",
    "sqlite3",
    "structlog",
    "typer",
}
READING = {"_duckdb", "sqlite3"}
"""What a question to a lake needs: the catalog is an SQLite database, and DuckDB's extension writes the text."""

SLOW = {
    *("argparse", "concurrent.futures", "csv", "ctypes", "dataclasses", "difflib", "email", "importlib.metadata"),
    *("inspect", "locale", "logging", "secrets", "socket", "subprocess", "textwrap", "tomllib"),
}
"""Of Python itself what takes milliseconds to import, or imports others that do, and that no answer of text needs."""

_DUMP = """
import atexit, json, sys
target = sys.argv.pop(1)
atexit.register(lambda: open(target, "w").write(json.dumps(sorted(sys.modules))))
"""


def imported(tmp_path: Path, code: str, *arguments: str) -> set[str]:
    """The modules that a new process has at its exit, after `code`."""
    target = tmp_path / "modules.json"
    subprocess.run(
        [sys.executable, "-c", _DUMP + code, str(target), *arguments], cwd=ROOT, check=True, capture_output=True
    )
    return set(json.loads(target.read_text()))


def of_command(tmp_path: Path, *arguments: str) -> set[str]:
    return imported(tmp_path, "import run\nrun.main()", *arguments)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with LakeMaker(tmp_path_factory.mktemp("start") / "lake") as maker:
        maker.commit({"ad_clicks_1m_delta": [clicks("a", 0, 2, "1.5")], "ledger": [ledger("p", 0, 2, T0)]})
        return maker.folder


def test_help_imports_no_library_and_no_command(tmp_path: Path) -> None:
    modules = of_command(tmp_path, "--help")
    assert not modules & (HEAVY | SLOW)
    assert not modules & {f"cli.{name}" for name in COMMANDS}
    assert not modules & {"query", "runtime", "sinks"}


@pytest.mark.parametrize(
    ("arguments", "more"),
    [
        (("query", "SELECT ad_id, clicks, is_final FROM ad_clicks_1m"), set()),
        (("query", "SELECT 1 AS one", "--format", "json"), set()),
        (("query", "SELECT 1 AS one", "--format", "arrow"), {"duckdb", "numpy", "pyarrow"}),
        (("report", "clicks_per_ad", "--at", "latest", "--tz", "Asia/Tokyo"), set()),
        (("report", "ad_clicks_1m", "--top", "3", "--by", "clicks"), set()),
    ],
)
def test_a_question_imports_what_reads_a_lake_and_nothing_of_the_pipeline(
    tmp_path: Path, lake: Path, arguments: tuple[str, ...], more: set[str]
) -> None:
    modules = of_command(tmp_path, *arguments, "--lake", str(lake))
    assert modules & HEAVY == READING | more
    assert more or modules & SLOW == set()
    rooms = {module.split(".")[1] for module in modules if module.startswith("dataflow.")}
    assert not rooms & {"columnar", "decode", "event", "filter", "fold", "intake", "logs", "messages", "sources"}
    assert not modules & {"dataflow.aggregates.kinds", "dataflow.pipeline.plan"}
    # whether a rollup's files can be left out depends on the kind of its windows
    assert arguments[0] == "report" or "dataflow.windows.kinds" not in modules
    assert not modules & {"doctor", "proof", "numpy.typing", "pyarrow.compute", "pyarrow.parquet"}


def test_a_mistake_in_a_question_is_told_by_the_library_of_the_command_line(tmp_path: Path, lake: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import run\nrun.main()", "query", "SELECT 1", "--limit", "none", "--lake", str(lake)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "Invalid value for '--limit'" in done.stderr


def test_the_parser_of_conditions_is_imported_for_a_report_with_one(tmp_path: Path, lake: Path) -> None:
    question = ("report", "ad_clicks_1m", "--lake", str(lake))
    assert "sqlglot" in of_command(tmp_path, *question, "--where", "clicks > 1")
    assert "sqlglot" not in of_command(tmp_path, *question)


def test_help_of_one_command_imports_that_command_alone(tmp_path: Path) -> None:
    modules = of_command(tmp_path, "query", "--help")
    assert modules & HEAVY == {"typer"}
    assert modules & {f"cli.{name}" for name in COMMANDS} == {"cli.query"}


def test_numpy_starts_no_thread_of_its_own(tmp_path: Path) -> None:
    code = """
import atexit, os, run
def look():
    import numpy
    sys.modules[f"threads {len(os.listdir('/proc/self/task'))}"] = numpy
atexit.register(look)
run.main()
"""
    assert "threads 1" in imported(tmp_path, code, "--help")


@pytest.mark.parametrize(("arguments", "code"), [(["config", "show"], 0), (["no-such"], 2), (["query", "x"], 1)])
def test_a_command_that_ends_at_once_has_written_all_and_done_what_is_done_at_an_exit(
    tmp_path: Path, lake: Path, arguments: list[str], code: int
) -> None:
    program = "import atexit, run\natexit.register(print, 'the end')\nrun.main()"
    command = [sys.executable, "-c", program, *arguments]
    environment = {**os.environ, "TIDEMILL_LAKE": str(lake)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert done.stdout.endswith("the end\n")
    assert (done.stderr == "") == (code == 0)


def test_output_that_nobody_takes_is_not_said_to_be_written(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", "import run\nrun.main()", "config", "show"],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert done.returncode != 0


def test_settings_are_shown_without_any_library(tmp_path: Path) -> None:
    assert of_command(tmp_path, "config", "show") & HEAVY == {"typer"}


def test_the_package_of_declarations_is_empty_until_one_is_asked_for(tmp_path: Path) -> None:
    assert not imported(tmp_path, "import dataflow") & HEAVY
    assert "pydantic" in imported(tmp_path, "from dataflow import Pipeline")


def test_the_entry_for_bytewax_is_there_without_the_pipeline(tmp_path: Path) -> None:
    assert not imported(tmp_path, "import run\nassert callable(run.flow)") & HEAVY


PIPELINE = """
from pydantic import BaseModel

from tidemill import EventTime, Pipeline, Rollup
from tidemill import aggregates as agg
from tidemill.windows import tumble


class Event(BaseModel):
    event_id: str
    event_time: EventTime
    ad_id: str


count = agg.count()
pipeline = Pipeline(
    name="plain", event=Event, rollups=[Rollup("by_ad", keys=["ad_id"], window=tumble("1m"), aggregates={"n": count})]
)
"""
NOT_IN_A_RUN = {
    *("_duckdb", "duckdb", "fastavro", "google.protobuf", "llvmlite", "numba", "prometheus_client", "rich", "sqlglot"),
    *("typer", "wsgiref", "confluent_kafka.schema_registry"),
    *("dataflow.decode.avro", "dataflow.decode.binary", "dataflow.decode.keys", "dataflow.decode.protobuf"),
    *("dataflow.alerts.judge", "dataflow.sources.files", "sinks.lake.alerting"),
    *("doctor", "emit", "flink", "proof", "query", "serve", "spark"),
}
"""What a run of a pipeline of JSON without rules, formats and targets goes without, from its first word to its last."""


def test_a_run_imports_what_it_runs_alone(tmp_path: Path) -> None:
    pipeline = tmp_path / "plain.py"
    pipeline.write_text(PIPELINE)
    words = ["run", "--source", "generator", "--generator-records", "100", "--generator-unpaced", "--bounded"]
    for turn in ("compiled", "kept"):
        places = ["--lake", str(tmp_path / turn), "--recovery", str(tmp_path / f"recovery-{turn}")]
        modules = of_command(tmp_path, *words, "--pipeline", str(pipeline), *places)
    assert "pyarrow" in modules
    assert modules & NOT_IN_A_RUN == set()


def test_the_parser_of_conditions_is_imported_for_a_pipeline_with_one_that_is_not_plain(tmp_path: Path) -> None:
    pipeline = tmp_path / "filtered.py"
    load = "import sys\nfrom dataflow.pipeline.load import load\n"
    for where, needs_parser in (("ad_id LIKE 'a%'", True), ("ad_id = 'a'", False), (None, False)):
        told = PIPELINE if where is None else PIPELINE.replace("keys=", f'where="{where}", keys=')
        pipeline.write_text(told)
        assert ("sqlglot" in imported(tmp_path, f"{load}load({str(pipeline)!r})")) == needs_parser


def test_python_looks_for_no_garbage_while_a_run_starts(tmp_path: Path) -> None:
    pipeline = tmp_path / "plain.py"
    pipeline.write_text(PIPELINE)
    code = """
import gc, runtime.launch, run, sys
rounds = []
gc.callbacks.append(lambda phase, _: rounds.append(phase))
def rest():
    sys.modules[f"rounds {len(rounds)}"] = gc
    raise SystemExit(0)
runtime.launch._rest_what_stays = rest
run.main()
"""
    words = ["run", "--source", "generator", "--generator-records", "100", "--generator-unpaced", "--bounded"]
    places = ["--lake", str(tmp_path / "lake"), "--recovery", str(tmp_path / "recovery")]
    assert "rounds 0" in imported(tmp_path, code, *words, "--pipeline", str(pipeline), *places)
