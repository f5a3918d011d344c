"""A job's life on a real cluster: submitted, killed below, stopped, gone on with; and each way in which it fails."""

import pytest

from flink.cluster.cluster import FlinkCluster
from flink.cluster.remembered import Remembered
from flink.cluster.work import finish, settle, submit
from tests.flink.cluster.jobs import Sums, fresh_sums, sums_of, until
from tests.slowness import slowness

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]

SETTINGS = {"parallelism.default": "2", "execution.checkpointing.interval": "1 s"}


def submitted(cluster: FlinkCluster, job: Sums, savepoint: str | None = None) -> Remembered:
    remembered = submit("sums", job.statements, SETTINGS, cluster.gateway, cluster.jobmanager, savepoint)
    settle(cluster.jobmanager, remembered.job, 60 * slowness())
    return remembered


def test_each_record_counts_once_through_a_kill_a_stop_and_a_resume(flink: FlinkCluster, kafka: str) -> None:
    job = fresh_sums(kafka)
    job.produce(range(500))
    first = submitted(flink, job)
    until(lambda: job.copied() == list(range(500)) and job.summed() == sums_of(range(500)), 30)

    # what is counted is known a moment later
    until(lambda: all(vertex.records_in for vertex in flink.jobmanager.job(first.job).vertices), 30)

    job.produce(range(500, 1_000))
    flink.kill("taskmanager-1")
    job.produce(range(1_000, 1_500))
    flink.restart("taskmanager-1")
    until(lambda: job.copied() == list(range(1_500)) and job.summed() == sums_of(range(1_500)), 60)

    def is_told() -> bool:
        seen = flink.jobmanager.job(first.job)
        return seen.restarts >= 1 and seen.all_run and seen.checkpoints.completed > 0

    # restarts and states are told a moment after what has been written is there to read
    until(is_told, 60)
    seen = flink.jobmanager.job(first.job)
    assert (seen.state, seen.slots) == ("RUNNING", 2)
    assert flink.jobmanager.failure(first.job)

    kept = flink.jobmanager.savepoint(first.job)
    assert flink.jobmanager.job(first.job).state == "RUNNING"
    savepoint = flink.jobmanager.stop(first.job)
    assert savepoint != kept
    assert flink.jobmanager.job(first.job).state == "FINISHED"
    job.produce(range(1_500, 2_000))
    second = submitted(flink, job, savepoint)
    assert second.job != first.job
    until(lambda: job.copied() == list(range(2_000)) and job.summed() == sums_of(range(2_000)), 30)
    flink.jobmanager.cancel(second.job)
    assert flink.jobmanager.job(second.job).state == "CANCELED"


def test_a_bounded_job_finishes(flink: FlinkCluster) -> None:
    statements = [
        "CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '1000')",
        "CREATE TABLE nowhere (n BIGINT) WITH ('connector' = 'blackhole')",
        "INSERT INTO nowhere SELECT n FROM numbers",
    ]
    remembered = submit("bounded", statements, {}, flink.gateway, flink.jobmanager)
    assert finish(flink.jobmanager, remembered.job, 60 * slowness()).state == "FINISHED"
