from pathlib import Path

import pytest

from dataflow.errors import ConfigError, PipelineError
from dataflow.pipeline.load import load
from dataflow.pipeline.plan import make_plan
from spark.generate.generate import PROGRAM, generate
from spark.generate.options import Options
from tests.dataflow.alerts.pairs import QUICK_AND_COUNTED
from tests.flink.generate.cases import HERE as FLINKS
from tests.flink.parity.matrix import CASES
from tests.spark.generate.golden import GOLDEN, expected, made


@pytest.mark.parametrize("name", GOLDEN)
def test_a_case_gives_the_files_that_stand_in_its_folder(name: str) -> None:
    assert made(name) == expected(name)


def test_the_program_is_the_same_in_every_job_and_knows_nothing_of_ours() -> None:
    files = generate(load(str(CASES / "windows.py")), Options()).files
    assert files["job.py"] == PROGRAM.read_text()
    lines = [line for line in PROGRAM.read_text().splitlines() if line.startswith(("import ", "from "))]
    assert {line.split()[1].partition(".")[0] for line in lines} == {
        "argparse",
        "json",
        "pathlib",
        "pyspark",
        "re",
        "typing",
    }


def test_only_the_rollups_that_are_named_are_in_the_job() -> None:
    job = generate(load(str(CASES / "windows.py")), Options(rollups=("grown",)))
    assert job.tables == ("grown", "late_events", "dead_letters")
    with pytest.raises(ConfigError, match=r"rollup = 'grow'.*grown"):
        generate(load(str(CASES / "windows.py")), Options(rollups=("grow",)))


@pytest.mark.parametrize(
    ("pipeline", "given", "said"),
    [
        (FLINKS / "refused_record", {}, ["format = avro(...): the job judges JSON alone; send JSON, or leave"]),
        (
            FLINKS / "refused_windows",
            {},
            ["rollups.day.window: the job's windows know no zone's clock; leave out `zone`"],
        ),
        (
            FLINKS / "refused_aggregates",
            {},
            ["has no equal form in Spark's SQL; choose an exact one, or leave the rollup"],
        ),
        (FLINKS / "refused_digits", {}, ["rollups.big.where = ", "can have 55 digits, and Spark's decimals have 38;"]),
        (
            FLINKS / "tumble",
            {"topics": ("a", "b"), "start": {0: 1}, "end": {1: 2}},
            [
                "--start, --end: offsets are pinned of one topic only; generate a job for each topic",
                "--start, --end: both must name the same partitions, or Spark refuses to read",
            ],
        ),
        (FLINKS / "tumble", {"end": {1: 2}}, ["--end: offsets to end at need offsets to start at, too"]),
    ],
)
def test_what_spark_cannot_say_is_refused_by_its_name(pipeline: Path, given: dict, said: list[str]) -> None:
    with pytest.raises(PipelineError) as refused:
        generate(load(str(pipeline / "pipeline.py")), Options(**given))
    for each in said:
        assert each in str(refused.value)


def test_a_dimension_that_would_fill_the_job_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spark.generate.refusals.MAX_BYTES", 100)
    with pytest.raises(
        PipelineError, match=r"dimensions.shops: its 25 rows stand in the job, which may hold 100 bytes"
    ):
        generate(load(str(CASES / "dimensions.py")), Options())


def test_a_rule_over_pairs_is_refused_by_its_name_and_may_be_left_out() -> None:
    plan = make_plan(QUICK_AND_COUNTED, ".")
    with pytest.raises(PipelineError, match=r"alerts.quick: a rule over pairs of events has no equal form in the job"):
        generate(plan, Options())
    assert generate(plan, Options(rollups=("counted",))).tables[0] == "counted"
