"""Both forms of the generated job on a real Spark, from a real Kafka."""

from pathlib import Path

import pytest

from dataflow.errors import ConfigError
from dataflow.pipeline.load import load
from proof.parity.adversary import Written, adversary
from proof.parity.records import Kafka, Pins
from proof.parity.run import PREFIX, Sides, run, stage
from spark.parity.job import SparkEngine
from tests.flink.contract.adversarial import RECORDS
from tests.spark_fixture import require_spark

PIPELINE = str(Path(__file__).parent / "edges.py")
RECORD_MS = 1_767_225_600_000


@pytest.mark.kafka
@pytest.mark.timeout(1_200)
def test_spark_and_tidemill_and_duckdb_hold_the_same_tables_in_both_forms(kafka: str) -> None:
    require_spark()
    plan = load(PIPELINE)
    made = adversary(plan, 7, 1_500)
    # records that lenient readers take for events, or sound ones that they refuse; in time, in a partition of their own
    made.append([Written(len(made), value, RECORD_MS) for value, _ in RECORDS.values()])
    pins, _ = stage(Kafka(kafka, {}), made)
    flags = ["--pipeline", PIPELINE, "--brokers", kafka, "--group", PREFIX]
    verdict = run(plan, Kafka(kafka, {}), pins, Sides(flags, [SparkEngine("batch"), SparkEngine("stream")]))
    assert [each.told() for each in verdict.comparisons if not each.is_equal] == []
    of_spark = [each for each in verdict.comparisons if each.sides == ("duckdb", "spark-stream")]
    assert {each.table for each in of_spark} == {"tumbled", "hopped", "grown", "visits", "late_events", "dead_letters"}
    assert min(each.rows[0] for each in of_spark) > 20
    assert {side for each in verdict.comparisons for side in each.sides} == {
        *("duckdb", "tidemill", "spark-batch", "spark-stream")
    }


def test_properties_of_our_kafka_clients_are_refused_for_spark_has_others() -> None:
    with pytest.raises(ConfigError, match="Spark's clients have other properties than ours"):
        SparkEngine().ask(load(PIPELINE), Pins("t", {0: (0, 1)}), Kafka("127.0.0.1:1", {"linger.ms": "5"}))
