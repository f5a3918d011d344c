"""The JobManager of a real cluster, asked about what it knows and what it does not."""

import pytest

from flink.cluster.cluster import FlinkCluster
from flink.cluster.errors import FlinkError, Unreachable
from flink.cluster.rest import Checkpoints, Job, JobManager, Vertex
from runtime.ports import free_ports

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]


def job(state: str, *vertices: tuple[str, int]) -> Job:
    boxes = tuple(Vertex("v", parallelism, state, 0, 0) for state, parallelism in vertices)
    return Job("id", "name", state, 1.0, 0, boxes, Checkpoints(0, 0, None))


def test_all_of_a_job_runs_when_each_of_its_boxes_does_or_is_done() -> None:
    assert job("RUNNING", ("RUNNING", 1), ("FINISHED", 4)).all_run
    assert not job("RUNNING", ("RUNNING", 1), ("SCHEDULED", 1)).all_run
    assert not job("RUNNING").all_run
    assert job("RUNNING", ("RUNNING", 1), ("RUNNING", 4)).slots == 4
    assert [job(state).ended for state in ("RUNNING", "RESTARTING", "FINISHED", "CANCELED", "FAILED")] == [
        *(False, False),
        *(True, True, True),
    ]


def test_a_job_that_nobody_knows_is_told_as_such(flink: FlinkCluster) -> None:
    unknown = "0" * 32
    assert unknown not in flink.jobmanager.jobs()
    for ask in (flink.jobmanager.job, flink.jobmanager.cancel, flink.jobmanager.stop, flink.jobmanager.savepoint):
        with pytest.raises(FlinkError, match=f"knows no job {unknown}: it was started anew since"):
            ask(unknown)


def test_a_cluster_that_is_down_is_told_with_the_way_out() -> None:
    with pytest.raises(Unreachable, match=r"no Flink JobManager answers at .*tidemill flink up.*--rest"):
        JobManager(f"http://127.0.0.1:{free_ports(1)[0]}").overview()
