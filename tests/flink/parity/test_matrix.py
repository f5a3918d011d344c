"""A bounded part of the matrix: one job on a real Flink from a real Kafka, and what a wrong side would look like."""

from pathlib import Path

import pytest

from flink.cluster.cluster import FlinkCluster
from flink.generate.options import Form
from flink.parity.job import Asked
from proof.parity.records import Kafka
from tests.flink.parity.matrix import CASES, MATRIX, Case, play, table, troubles

ROOT = Path(__file__).parents[3]


def test_every_case_has_a_pipeline_and_every_pipeline_a_case() -> None:
    assert {case.pipeline for case in MATRIX} == {path.stem for path in CASES.glob("*.py")}


def test_every_line_of_what_flink_reads_differently_names_a_case() -> None:
    table = (
        (ROOT / "docs" / "flink.md").read_text().partition("## What Flink reads differently")[2].partition("\n## ")[0]
    )
    named = [line.split(" | ")[-1].removesuffix(" |") for line in table.splitlines() if line.startswith("| ")][2:]
    assert len(named) >= 13
    assert set(named) <= {case.name for case in MATRIX}


@pytest.mark.kafka
def test_flink_and_tidemill_and_duckdb_hold_the_same_tables(kafka: str, flink: FlinkCluster) -> None:
    case = Case("windows", "windows", (Asked("upsert", 2),))
    outcome = play(case, Kafka(kafka, {}), flink, seed=1, records=2_000)
    assert list(troubles(outcome)) == []
    assert outcome.verdict is not None
    sides = {side for each in outcome.verdict.comparisons for side in each.sides}
    assert sides == {"duckdb", "tidemill", "flink-upsert-p2"}
    assert outcome.verdict.told == ("flink-upsert-p2: restarts = 0",)
    assert "| windows | tidemill, flink-upsert-p2 | 2,000 |" in table([outcome])


@pytest.mark.kafka
@pytest.mark.parametrize("form", ["upsert", "final"])
def test_repeats_are_dropped_by_flink_as_by_the_others(kafka: str, flink: FlinkCluster, form: Form) -> None:
    case = Case("dedup", "dedup", (Asked(form, 2),))
    outcome = play(case, Kafka(kafka, {}), flink, seed=2, records=2_000)
    assert list(troubles(outcome)) == []
    assert outcome.verdict is not None
    assert f"flink-{form}-p2" in {side for each in outcome.verdict.comparisons for side in each.sides}


@pytest.mark.kafka
@pytest.mark.parametrize(("name", "form"), [("avro", "upsert"), ("protobuf", "final")])
def test_records_of_avro_and_protobuf_are_read_alike(kafka: str, flink: FlinkCluster, name: str, form: Form) -> None:
    case = Case(name, name, (Asked(form, 2),))
    outcome = play(case, Kafka(kafka, {}), flink, seed=3, records=2_000)
    assert list(troubles(outcome)) == []
    assert outcome.verdict is not None
    assert f"flink-{form}-p2" in {side for each in outcome.verdict.comparisons for side in each.sides}


@pytest.mark.kafka
@pytest.mark.parametrize("form", ["upsert", "final"])
def test_flink_tells_the_alerts_of_rules_itself_pairs_of_events_among_them(
    kafka: str, flink: FlinkCluster, form: Form
) -> None:
    case = Case("rules", "rules", (Asked(form, 2, rollups=("quick", "unsold")),))
    outcome = play(case, Kafka(kafka, {}), flink, seed=1, records=2_000)
    assert outcome.verdict is not None, outcome.failed
    assert outcome.verdict.told == (f"flink-{form}-p2: restarts = 0, told the alerts of quick, unsold itself",)
    for other in ("duckdb", "tidemill"):
        sides = (other, f"flink-{form}-p2")
        compared = {each.table: each for each in outcome.verdict.comparisons if each.sides == sides}
        # of rollups that are not in the job it tells no late rows
        for name in ("quick", "unsold", "alerts"):
            assert compared[name].is_equal, compared[name].told()
            assert compared[name].rows[0] > 20


@pytest.mark.kafka
def test_what_flink_cannot_say_is_refused_and_tidemill_is_compared_all_the_same(
    kafka: str, flink: FlinkCluster
) -> None:
    (case,) = [each for each in MATRIX if each.refused is not None]
    outcome = play(case, Kafka(kafka, {}), flink, seed=1, records=1_000)
    assert list(troubles(outcome)) == []
