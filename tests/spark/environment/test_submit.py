"""How a job is given to Spark, with a program in its place; the real one is asked in tests/spark/parity."""

import os
from pathlib import Path

import pytest

from spark.environment import submit
from spark.environment.errors import SparkFailed, SparkMissing
from spark.environment.submit import Spark


class Jars:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fetch(self) -> Path:
        return self.folder


@pytest.fixture
def spark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Spark:
    """A Spark whose spark-submit is the file of that name in tmp_path."""
    (tmp_path / "python").touch()
    (tmp_path / "a.jar").touch()
    monkeypatch.setattr(submit, "contract_jar", lambda: tmp_path / "contract.jar")
    monkeypatch.setattr(submit, "spark_jars", lambda: Jars(tmp_path))
    monkeypatch.setenv("SPARK_HOME", "/elsewhere")
    return Spark(tmp_path / "python", cores=3, memory_mb=700)


def program(folder: Path, text: str) -> None:
    (folder / "spark-submit").write_text(f"#!/bin/sh\n{text}\n")
    (folder / "spark-submit").chmod(0o755)


def test_a_job_gets_its_jars_its_flags_and_an_environment_of_its_own(spark: Spark, tmp_path: Path) -> None:
    program(tmp_path, 'printf "%s\\n" "$PYSPARK_PYTHON" "$SPARK_LOCAL_IP" "home=$SPARK_HOME" "$@"')
    spark.run(tmp_path / "job", ["--out", "here"], tmp_path / "log")
    told = (tmp_path / "log").read_text().split("\n")
    assert told[:3] == [str(spark.python), "127.0.0.1", "home="]
    assert told[-4:] == [str(tmp_path / "job" / "job.py"), "--out", "here", ""]
    words = " ".join(told[3:])
    assert f"--master local[3] --driver-memory 700m --jars {tmp_path}/contract.jar,{tmp_path}/a.jar" in words
    assert "spark.driver.bindAddress=127.0.0.1" in words
    assert "TieredStopAtLevel" not in words
    spark._replace(is_short=True).run(tmp_path / "job", [], tmp_path / "log")
    assert "-XX:TieredStopAtLevel=1" in (tmp_path / "log").read_text()
    assert os.environ["SPARK_HOME"] == "/elsewhere"


def test_a_job_that_fails_is_told_with_its_last_words(spark: Spark, tmp_path: Path) -> None:
    program(tmp_path, "seq 1 40; echo no such topic >&2; exit 3")
    with pytest.raises(SparkFailed) as failed:
        spark.run(tmp_path / "job", [], tmp_path / "log")
    said = str(failed.value)
    assert f"ended with exit code 3; all it said is in {tmp_path / 'log'}" in said
    assert said.endswith("39\n40\nno such topic")
    assert "\n20\n" not in said


def test_no_python_with_pyspark_is_told_before_anything_is_built(tmp_path: Path) -> None:
    with pytest.raises(SparkMissing, match=r"there is no Python with pyspark at .*nowhere: `make spark` makes it"):
        Spark(tmp_path / "nowhere").run(tmp_path, [], tmp_path / "log")
