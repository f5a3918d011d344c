"""Real Flink processes: started, told apart from strangers, killed, started again, ended without a trace."""

import os
from pathlib import Path

import pytest

from dataflow.errors import ConfigError, TidemillError
from flink.cluster.cluster import FlinkCluster, new_shape
from flink.cluster.errors import AlreadyRuns, FlinkError, Unreachable
from tests.flink_fixture import require_flink_tools

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]


def test_all_of_it_answers_on_this_machine_alone(flink: FlinkCluster) -> None:
    overview = flink.jobmanager.overview()
    assert (overview.taskmanagers, overview.slots, overview.version) == (1, 4, "2.3.0")
    assert flink.gateway.version() == "2.3.0"
    assert flink.gateway.run(["SHOW CATALOGS"])[0].rows == (("default_catalog",),)
    own = {flink.pid(name) for name in flink.names}
    assert None not in own
    assert listened_at({pid for pid in own if pid is not None}) <= {"0100007F", "0000000000000000FFFF00000100007F"}


def listened_at(pids: set[int]) -> set[str]:
    """The addresses, as /proc writes them, at which these processes listen."""
    sockets = set()
    for pid in pids:
        for handle in Path(f"/proc/{pid}/fd").iterdir():
            try:
                sockets.add(os.readlink(handle).removeprefix("socket:[").removesuffix("]"))
            except OSError:
                continue
    lines = [line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()]
    # LITTLE endian words; state 0A listens
    return {line[1].partition(":")[0] for line in lines if line[3] == "0A" and line[9] in sockets}


def test_a_second_start_is_told_and_changes_nothing(flink: FlinkCluster) -> None:
    before = {name: flink.pid(name) for name in flink.names}
    with pytest.raises(AlreadyRuns, match=rf"taskmanager-1 is process {before['taskmanager-1']}.*tidemill flink down"):
        FlinkCluster(flink.folder, new_shape()).start()
    other = FlinkCluster(flink.folder)
    assert {name: other.pid(name) for name in other.names} == before
    assert other.shape == flink.shape


def test_a_port_that_is_taken_is_named_before_anything_starts(flink: FlinkCluster, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"something listens on 127.0.0.1:{flink.shape.rest_port} already"):
        FlinkCluster(tmp_path, new_shape(rest_port=flink.shape.rest_port)).start()
    assert not (tmp_path / "jobmanager").exists()


def test_a_killed_taskmanager_is_started_again(flink: FlinkCluster) -> None:
    first = flink.pid("taskmanager-1")
    flink.kill("taskmanager-1")
    assert flink.pid("taskmanager-1") is None
    with pytest.raises(AlreadyRuns):
        FlinkCluster(flink.folder).start()
    assert flink.restart_missing() == ["taskmanager-1"]
    assert FlinkCluster(flink.folder).restart_missing() == []
    assert flink.pid("taskmanager-1") not in (None, first)


def test_a_process_that_ends_at_once_is_told_with_its_words_and_the_others_are_ended(tmp_path: Path) -> None:
    require_flink_tools()
    cluster = FlinkCluster(tmp_path, new_shape(light=True), more={"taskmanager.memory.network.max": "many"})
    with pytest.raises(TidemillError, match=r"(?s)taskmanager-1 ended at once.*does not start with a number"):
        cluster.start()
    assert [cluster.pid(name) for name in cluster.names] == [None, None, None]
    with pytest.raises(Unreachable, match="tidemill flink up"):
        cluster.jobmanager.overview()


def test_a_pid_file_never_names_a_stranger(tmp_path: Path) -> None:
    cluster = FlinkCluster(tmp_path, new_shape())
    (tmp_path / "gateway").mkdir()
    (tmp_path / "gateway" / "pid").write_text(str(os.getpid()))
    assert cluster.pid("gateway") is None
    assert not cluster.stop()


def test_a_folder_without_a_cluster_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(FlinkError, match="tidemill flink up"):
        FlinkCluster(tmp_path).stop()
