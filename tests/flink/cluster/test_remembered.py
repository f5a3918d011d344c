"""What was submitted is known to the next command, without ids."""

import stat
from pathlib import Path

import pytest

from dataflow.errors import ConfigError
from flink.cluster.errors import FlinkError
from flink.cluster.remembered import Memory, Remembered

JOB = Remembered("ads", "http://g", "http://r", "ab12", ("SET 'a'='b'", "INSERT ..."), {"x": "y"})


def test_a_job_is_read_as_it_was_written_and_by_its_user_alone(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "jobs")
    memory.write(JOB)
    assert memory.read(None) == memory.read("ads") == JOB
    memory.write(JOB.saved("file:/s"))
    assert memory.read("ads").savepoint == "file:/s"
    (file,) = (tmp_path / "jobs").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_without_a_job_it_is_said_how_to_submit_one(tmp_path: Path) -> None:
    with pytest.raises(FlinkError, match="tidemill flink run"):
        Memory(tmp_path).read(None)
    Memory(tmp_path).write(JOB)
    with pytest.raises(FlinkError, match=r"no job 'other'.*there is ads"):
        Memory(tmp_path).read("other")


def test_of_several_jobs_one_must_be_named(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    for name in ("b", "a"):
        memory.write(Remembered(name, "g", "r", name, (), {}))
    assert memory.read("b").job == "b"
    with pytest.raises(ConfigError, match="a, b"):
        memory.read(None)
