"""The section of docs/spark.md on a job here, played as it stands."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.kafka_fixture import fresh_topic
from tests.spark_fixture import require_spark

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(1_200)]

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "spark.md").read_text().partition("## A job here")[2]


def block(kind: str, number: int = 0) -> str:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[number]


def test_the_section_on_a_job_here_works_as_it_stands(kafka: str, tmp_path: Path) -> None:
    require_spark()
    topic = fresh_topic(kafka, 2)
    (tmp_path / "visits.py").write_text(block("python"))
    for line in [*block("sh", 1).splitlines(), *block("sh", 2).splitlines()]:
        _, *words = shlex.split(
            line.replace("--topic ads", f"--topic {topic}").replace("--count 20000", "--count 2000")
        )
        command = [sys.executable, str(ROOT / "run.py"), *words, "--brokers", kafka]
        told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert told.returncode == 0, (line, told.stdout, told.stderr)
        if words[0] == "parity":
            assert told.stdout.splitlines()[-1] == "equal: all sides hold the same tables"
    assert told.stdout.startswith("spark-job: ")
    names = {"clicks", "visits", "late_events", "dead_letters"}
    assert {path.name for path in (tmp_path / "tables").iterdir()} == names
    clicks = pq.read_table(tmp_path / "tables" / "clicks")
    assert clicks.schema.names == ["ad_id", "window_start", "window_end", "clicks", "spend", "users"]
    assert clicks.num_rows > 10
    assert json.loads((tmp_path / "spark-job" / "job.json").read_text())["tables"] == [
        *("clicks", "visits", "late_events", "dead_letters")
    ]
