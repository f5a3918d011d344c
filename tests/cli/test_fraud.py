"""`tidemill fraud`: events and labels in files of their own, or the events in a topic."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.app import app
from dataflow.sources.generator.fraud.stream import FraudStream
from tests.deploy.test_topic_filler import read

MINUTES = ["--minutes", "5", "--seed", "3", "--rate", "4"]
STREAM = FraudStream(seed=3, minutes=5, rate=4.0)


def test_a_folder_holds_events_and_their_labels(tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["fraud", str(tmp_path / "made"), *MINUTES])
    assert told.exit_code == 0, told.output
    events = (tmp_path / "made" / "events.ndjson").read_bytes().splitlines()
    assert events == [event.value for event in STREAM.events]
    assert (tmp_path / "made" / "labels.csv").read_text().splitlines() == list(STREAM.labels())
    assert f"wrote {len(events):,} records to " in told.output


def test_a_start_time_moves_the_stream(tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["fraud", str(tmp_path), *MINUTES, "--start-time", "2027-01-01T00:00:00Z"])
    assert told.exit_code == 0, told.output
    assert b'"event_time":17987' in (tmp_path / "events.ndjson").read_bytes()


def test_what_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "events.ndjson").write_text("mine")
    told = CliRunner().invoke(app, ["fraud", str(tmp_path), *MINUTES])
    assert told.exit_code != 0
    assert "it has events.ndjson already; name another folder" in str(told.exception)
    assert (tmp_path / "events.ndjson").read_text() == "mine"


@pytest.mark.kafka
def test_a_topic_holds_the_stream_and_the_folder_its_labels_alone(kafka: str, tmp_path: Path) -> None:
    where = ["--brokers", kafka, "--topic", "fraud-made", "--partitions", "2"]
    told = CliRunner().invoke(app, ["fraud", str(tmp_path), *MINUTES, *where])
    assert told.exit_code == 0, told.output
    assert [path.name for path in tmp_path.iterdir()] == ["labels.csv"]
    found = read(kafka, "fraud-made")
    written = sorted(each for records in found.values() for each in records)
    assert written == sorted((event.arrived_ms, event.value) for event in STREAM.events)
    assert all(stamps == sorted(stamps) for stamps in ([at for at, _ in records] for records in found.values()))
