"""The section of docs/flink.md on a cluster here, played as it stands."""

import json
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.app import app
from flink.cluster.cluster import FlinkCluster
from tests.flink.cluster.jobs import committed, until
from tests.kafka_fixture import fresh_topic

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]

PAGE = (Path(__file__).parents[3] / "docs" / "flink.md").read_text().partition("## A cluster here")[2]


def block(kind: str, number: int = 0) -> str:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[number]


def test_the_section_on_a_cluster_here_works_as_it_stands(
    flink: FlinkCluster, kafka: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    topic = fresh_topic(kafka, 2)
    assert "'ads'" in block("sql")
    (tmp_path / "clicks.sql").write_text(block("sql").replace("127.0.0.1:9092", kafka).replace("'ads'", f"'{topic}'"))
    *lines, last = block("sh", 1).splitlines()
    # the cluster is the session's: others go on with it
    assert last == "tidemill flink down"
    for line in lines:
        _, *words = shlex.split(line.replace("--topic ads", f"--topic {topic}"))
        words += ["--folder", str(flink.folder), "--name", "clicks"] if words[0] == "flink" else []
        words += ["--brokers", kafka] if words[0] == "produce" or words[1] == "run" else []
        told = CliRunner().invoke(app, words)
        assert told.exit_code == 0, (line, told.output, told.exception)
        if words[1] in ("run", "resume"):
            # a few of the stream's records are broken, each in a way of its own
            sent = sum(b'"event_type":"click"' in value for value in committed(kafka, topic))
            until(lambda: 0.99 * sent < sum(counted(kafka).values()) <= sent, 30)  # noqa: B023  # asked now


def counted(bootstrap: str) -> dict[str, int]:
    """Clicks per ad, as a reader of the sink's topic has them."""
    rows = [json.loads(value) for value in committed(bootstrap, "clicks-per-ad")]
    return {row["ad_id"]: row["clicks"] for row in rows}
