"""Real runs, one after the other on one lake: another source is refused before it starts, and what may change does."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka.admin import NewPartitions

from query.reader import LakeReader
from tests.chaos.subject import PATIENCE_S, ROOT, TIDEMILL
from tests.kafka_fixture import admin, create_topic, delete_topic, fresh_topic, produce

EVENT = b'{"event_id":"%s","event_time":1764000000000,"event_type":"click","ad_id":"ad-0001","cost":1.0}'
GENERATOR = ("--source", "generator", "--generator-records", "400", "--generator-unpaced")
FILES = ("--source", "files", "--input", "data")

pytestmark = pytest.mark.timeout(600)


class Folder:
    """A working folder with input files; commands run in it to their end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data = path / "data"
        self.data.mkdir()

    def write(self, name: str, *ids: bytes) -> None:
        """Add events to a file."""
        with (self.data / f"{name}.ndjson").open("ab") as file:
            file.writelines(EVENT % each + b"\n" for each in ids)

    def run(self, *arguments: str, code: int = 0) -> str:
        """`tidemill run` with these flags to the source's end; what it wrote to standard error."""
        return self._command([*TIDEMILL, "run", "--bounded", *arguments], {}, code).stderr

    def command(self, *words: str, code: int = 0) -> str:
        """Another command in the folder; what it said."""
        done = self._command([*TIDEMILL, *words], {}, code)
        return done.stdout + done.stderr

    def bytewax(self, code: int = 0, **settings: str) -> str:
        """The same under Bytewax's own command."""
        command = [sys.executable, "-m", "bytewax.run", "run:flow", "-w", "2", "-r", "recovery", "-s", "1", "-b", "0"]
        return self._command(
            command, {f"TIDEMILL_{key.upper()}": value for key, value in settings.items()}, code
        ).stderr

    def read(self) -> dict[str, int]:
        """Records read per source partition."""
        with LakeReader(self.path / "lake") as reader:
            rows = reader.query('SELECT "partition", sum("read")::BIGINT AS n FROM ledger GROUP BY ALL').to_pylist()
        return {row["partition"]: row["n"] for row in rows}

    def _command(self, command: list[str], more: dict[str, str], code: int) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "TIDEMILL_PIPELINE": str(ROOT / "pipelines" / "ads.py"),
            "TIDEMILL_LOG_LEVEL": "warning",
            "TIDEMILL_COMPACT_EVERY": "0s",
            **more,
        }
        done = subprocess.run(
            command, cwd=self.path, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
        assert done.returncode == code, done.stderr
        assert "panicked" not in done.stderr
        return done


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def refused(told: str, *names: str) -> None:
    """It is one message that has these words."""
    assert len(set(told.splitlines())) == 1, told
    assert all(name in told for name in names), told


def test_files_after_the_generator_are_refused_however_the_flow_is_run(folder: Folder) -> None:
    folder.run(*GENERATOR)
    folder.write("a", b"a1")
    before = folder.read()
    words = ("error: source = 'files'", "generator/0, generator/1", "the folder data has a", "--source generator")
    refused(folder.run(*FILES, code=2), *words)
    refused(folder.run(*FILES, "--processes", "2", code=2), *words)
    refused(folder.bytewax(source="files", input="data", bounded="true", code=2), *words)
    assert folder.read() == before


def test_a_file_that_was_read_to_its_end_may_go_and_come_back_with_more(folder: Folder) -> None:
    folder.write("a", b"a1", b"a2")
    folder.write("b", b"b1")
    folder.run(*FILES)
    (folder.data / "a.ndjson").rename(folder.path / "a.ndjson")
    folder.write("c", b"c1")
    folder.run(*FILES, "--processes", "2")
    folder.bytewax(source="files", input="data", bounded="true")
    assert folder.read() == {"a": 2, "b": 1, "c": 1}
    (folder.path / "a.ndjson").rename(folder.data / "a.ndjson")
    folder.write("a", b"a3", b"a1")
    folder.run(*FILES)
    assert folder.read() == {"a": 4, "b": 1, "c": 1}
    with LakeReader(folder.path / "lake") as reader:
        assert reader.query("SELECT event_id FROM events ORDER BY 1").column(0).to_pylist() == [
            "a1", "a2", "a3", "b1", "c1"
        ]  # fmt: skip


def test_files_may_be_added_to_the_generator_and_both_feed_the_lake_after_that(folder: Folder) -> None:
    folder.run(*GENERATOR)
    made = folder.read()
    folder.write("a", b"a1")
    folder.run(*FILES, "--add-source", "--processes", "2")
    folder.write("a", b"a2")
    folder.run(*FILES)
    folder.run(*GENERATOR)
    folder.bytewax(source="files", input="data", bounded="true")
    assert folder.read() == {**made, "a": 2}
    folder.write("b", b"b1")
    told = folder.run("--source", "files", "--input", "data", "--add-source", "--ranges", "none.json", code=2)
    assert "none.json" in told


@pytest.mark.kafka
def test_files_that_were_read_may_go_while_another_source_feeds_the_lake(folder: Folder) -> None:
    folder.write("day1", b"1", b"2")
    folder.run(*FILES)
    folder.run(*GENERATOR, "--add-source")
    (folder.data / "day1.ndjson").unlink()
    folder.write("day2", b"3")
    folder.run(*FILES)
    read = folder.read()
    assert (read["day1"], read["day2"], sum(read.values())) == (2, 1, 403)


def test_a_backfill_from_files_then_the_stream_and_another_topic_stay_proven(folder: Folder, kafka: str) -> None:
    first, second = fresh_topic(kafka, 2), fresh_topic(kafka)
    produce(kafka, first, [EVENT % b"k1"])
    produce(kafka, second, [EVENT % b"k2", EVENT % b"k3"])
    folder.write("a", b"a1", b"a2")
    folder.run(*FILES)
    folder.run("--brokers", kafka, "--topic", first, "--add-source")
    folder.run("--brokers", kafka, "--topic", second, "--add-source", "-w", "2")
    produce(kafka, first, [EVENT % b"k4"])
    folder.write("a", b"a3")
    folder.run("--brokers", kafka, "--topic", first)
    folder.run(*FILES)
    read = {"a": 3, f"{first}/0": 2, f"{first}/1": 0, f"{second}/0": 2}
    assert folder.read() == read
    named = ("--brokers", kafka, "--topic", first, "--input", "data")
    assert "NOT PROVEN" not in folder.command("audit", *named)
    folder.command("replay", "--check", *named)
    shutil.rmtree(folder.path / "recovery")
    folder.command("recover", "--from-lake", *named)
    folder.run("--brokers", kafka, "--topic", second)
    assert folder.read() == read
    told = folder.command("audit", *FILES)
    assert f"NOT PROVEN {first}/0" in " ".join(told.split())


@pytest.mark.kafka
def test_another_topic_and_files_after_kafka_are_refused(folder: Folder, kafka: str) -> None:
    first, second = fresh_topic(kafka, 2), fresh_topic(kafka)
    produce(kafka, first, [EVENT % b"k1"])
    produce(kafka, second, [EVENT % b"k2"])
    folder.run("--brokers", kafka, "--topic", first)
    told = folder.run("--brokers", kafka, "--topic", second, code=2)
    refused(told, f"topic = '{second}'", f"{first}/0, {first}/1 of topic {first}", f"topic {second} has {second}/0")
    folder.write("a", b"a1")
    refused(folder.run(*FILES, code=2), "source = 'files'", f"of topic {first}", "the folder data has a")
    assert folder.read() == {f"{first}/0": 1, f"{first}/1": 0}


@pytest.mark.kafka
def test_kafka_after_files_is_refused(folder: Folder, kafka: str) -> None:
    topic = fresh_topic(kafka)
    folder.write("a", b"a1")
    folder.run(*FILES)
    told = folder.run("--brokers", kafka, "--topic", topic, code=2)
    refused(told, "source = 'kafka'", "go on with a of a folder of files", f"topic {topic} has {topic}/0")


@pytest.mark.kafka
def test_a_topic_may_grow_and_one_made_anew_with_fewer_partitions_is_refused(folder: Folder, kafka: str) -> None:
    topic = fresh_topic(kafka, 1)
    produce(kafka, topic, [EVENT % b"k1"])
    folder.run("--brokers", kafka, "--topic", topic)
    admin(kafka).create_partitions([NewPartitions(topic, 2)])[topic].result(timeout=30)
    produce(kafka, topic, [EVENT % b"k2"], partition=1)
    folder.run("--brokers", kafka, "--topic", topic)
    assert folder.read() == {f"{topic}/0": 1, f"{topic}/1": 1}
    delete_topic(kafka, topic)
    create_topic(kafka, topic, 1)
    told = folder.run("--brokers", kafka, "--topic", topic, code=3)
    refused(told, f"{topic}/1 in the lake", f"not in topic {topic}, which has {topic}/0", "made anew with fewer")
