"""Runs a generated job on this machine, by the Python of Spark's own environment."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from dataflow.root import INSTALLED
from runtime.exit_code import in_words
from spark.contract.build import contract_jar
from spark.environment.errors import SparkFailed, SparkMissing
from spark.environment.jars import spark_jars

PYTHON = Path(__file__).resolve().parents[2] / ".venv-spark" / "bin" / "python"
"""What `make spark` makes."""

_TAIL_LINES = 15


class Spark(NamedTuple):
    """A Spark on this machine. `python`: an interpreter that has pyspark.

    `is_short`: the job is over within minutes, so that compiling it well would take longer than it takes.
    """

    python: Path = PYTHON
    cores: int = 2
    memory_mb: int = 1024
    is_short: bool = False

    def require(self) -> None:
        """Raises SparkMissing with the fix, before anything is built or read."""
        if not self.python.exists():
            fix = "install pyspark==4.2.0 into an environment and name its Python with --python"
            if not INSTALLED:
                fix = "`make spark` makes it"
            raise SparkMissing(f"there is no Python with pyspark at {self.python}: {fix}")

    def run(self, job: Path, arguments: Sequence[str], log: Path) -> None:
        """Run `job.py` in the folder `job` until it ends; what Spark says goes into the file `log`.

        Raises SparkFailed with its last words.
        """
        self.require()
        jars = [str(contract_jar()), *map(str, sorted(spark_jars().fetch().glob("*.jar")))]
        words = [
            *("--master", f"local[{self.cores}]", "--driver-memory", f"{self.memory_mb}m", "--jars", ",".join(jars)),
            *("--conf", "spark.ui.enabled=false", "--conf", f"spark.sql.shuffle.partitions={self.cores}"),
            *("--conf", "spark.driver.bindAddress=127.0.0.1", "--conf", "spark.driver.host=127.0.0.1"),
        ]
        if self.is_short:
            words += [
                "--driver-java-options",
                "-XX:TieredStopAtLevel=1",
                "--conf",
                "spark.sql.codegen.wholeStage=false",
            ]
        command = [str(self.python.parent / "spark-submit"), *words, str(job / "job.py"), *arguments]
        environ = {**os.environ, "PYSPARK_PYTHON": str(self.python), "SPARK_LOCAL_IP": "127.0.0.1"}
        environ.pop("SPARK_HOME", None)
        with log.open("wb") as told:
            code = subprocess.run(command, env=environ, stdout=told, stderr=told, check=False).returncode
        if code:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
            raise SparkFailed(f"the Spark job {in_words(code)}; all it said is in {log}, and this at the end:\n{tail}")
