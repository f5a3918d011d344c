"""The section of docs/flink.md on growing without losing history, played as it stands with the main pipeline."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from flink.cluster.cluster import FlinkCluster
from query.reader import LakeReader
from runtime.program import this_command
from tests.kafka_fixture import fresh_topic

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(1_800)]

PAGE = (Path(__file__).parents[3] / "docs" / "flink.md").read_text().partition("## Grow without losing history")[2]


def test_the_section_on_growing_works_as_it_stands(flink: FlinkCluster, kafka: str, tmp_path: Path) -> None:
    topic = fresh_topic(kafka, 2)
    (block,) = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    engines = []
    for line in block.splitlines():
        _, *words = shlex.split(line.replace("--topic ads", f"--topic {topic}"))
        words += ["--brokers", kafka]
        if words[0] == "flink":
            words += ["--folder", str(flink.folder)]
        if words[:2] == ["flink", "run"]:
            words += ["--name", topic]
        if words[0] == "run":
            words += ["--metrics-port", "0"]
        done = subprocess.run(this_command(words), capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        if words[0] == "run" or words[1] == "ingest":
            engines.append(read_by(tmp_path / "lake"))
    # each engine has read what was there, and the last line of the section has proven all of it
    assert engines[0] < engines[1] < engines[2]
    assert words[0] == "audit"


def read_by(lake: Path) -> int:
    with LakeReader(lake) as reader:
        (row,) = reader.query('SELECT sum("read")::BIGINT AS "read" FROM ledger').to_pylist()
    return int(row["read"])
