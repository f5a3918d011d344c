"""Real runs that end in the middle of an hour: what may still change is not final, and `--final` says that all is."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from query.reader import LakeReader
from tests.chaos.subject import PATIENCE_S, ROOT, TIDEMILL
from tests.kafka_fixture import fresh_topic, produce

JOB = """
from pydantic import BaseModel
from dataflow import EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import tumble

class Click(BaseModel):
    time: EventTime

hourly = Rollup("per_hour", [], tumble("1h"), {"clicks": agg.count()}, allowed_lateness="10m")
pipeline = Pipeline("small", Click, [hourly], out_of_orderness="1m", idle_timeout="2s")
"""
FILES = ("--source", "files", "--input", "data", "--bounded")
IDLE_S = 2.0
DAY_MS = 1_764_000_000_000 // 86_400_000 * 86_400_000

pytestmark = pytest.mark.timeout(600)


def click(at: str) -> bytes:
    """An event of this time of day."""
    hour, minute = map(int, at.split(":"))
    return json.dumps({"time": DAY_MS + (hour * 60 + minute) * 60_000}).encode()


class Folder:
    """A working folder with a pipeline and input files; commands run in it to their end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "job.py").write_text(JOB)
        self.data = path / "data"
        self.data.mkdir()

    def write(self, name: str, *times: str) -> None:
        """Add events to a file."""
        with (self.data / f"{name}.ndjson").open("ab") as file:
            file.writelines(click(each) + b"\n" for each in times)

    def run(self, *arguments: str, code: int = 0) -> str:
        """`tidemill run` with these flags; what it wrote to standard error."""
        return self.command([*TIDEMILL, "run", *arguments], {}, code)

    def command(self, command: list[str], more: dict[str, str], code: int) -> str:
        environment = {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "TIDEMILL_PIPELINE": "job.py",
            "TIDEMILL_LOG_LEVEL": "warning",
            "TIDEMILL_COMPACT_EVERY": "0s",
            **more,
        }
        done = subprocess.run(
            command, cwd=self.path, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
        assert done.returncode == code, done.stderr
        return done.stderr

    def hours(self) -> dict[int, tuple[int, bool]]:
        """Clicks of each hour of the day, and whether that is final; once every source partition is idle."""
        with LakeReader(self.path / "lake") as reader:
            answer = reader.query(
                "SELECT epoch_us(now()) / 1e6 AS now, epoch_us(max(committed_at)) / 1e6 AS last FROM ledger"
            ).to_pylist()[0]
            time.sleep(max(0.0, answer["last"] + IDLE_S + 0.2 - answer["now"]))
            rows = reader.query("SELECT hour(window_start) AS h, clicks, is_final FROM per_hour").to_pylist()
        return {row["h"]: (row["clicks"], row["is_final"]) for row in rows}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_a_bounded_run_in_the_middle_of_an_hour_does_not_make_it_final(folder: Folder) -> None:
    folder.write("a", "09:10", "10:15", "10:30")
    folder.run(*FILES)
    assert folder.hours() == {9: (1, True), 10: (2, False)}
    folder.write("a", "10:31", "10:59", "11:10")
    folder.run(*FILES)
    # 11:10 less a minute is short of 11:10, where ten minutes of allowed lateness end
    assert folder.hours() == {9: (1, True), 10: (4, False), 11: (1, False)}
    folder.write("a", "11:11")
    folder.run(*FILES)
    assert folder.hours() == {9: (1, True), 10: (4, True), 11: (2, False)}


def test_every_source_partition_that_is_active_has_its_say_in_a_bounded_run(folder: Folder) -> None:
    (folder.path / "job.py").write_text(JOB.replace('"2s"', '"1h"'))
    folder.write("ahead", "10:30", "12:30")
    folder.write("behind", "09:30", "10:20")
    folder.run(*FILES)
    assert folder.hours() == {9: (1, True), 10: (2, False), 12: (1, False)}
    folder.write("behind", "10:40", "12:20")
    folder.run(*FILES)
    assert folder.hours() == {9: (1, True), 10: (3, True), 12: (2, False)}


def test_a_backfill_that_is_the_whole_truth_is_final_until_more_comes_after_all(folder: Folder) -> None:
    folder.write("a", "10:15", "10:30")
    folder.write("b", "09:30")
    folder.run(*FILES, "--final", "-w", "2")
    assert folder.hours() == {9: (1, True), 10: (2, True)}
    # a run that finds nothing more takes nothing back
    folder.run(*FILES)
    assert folder.hours() == {9: (1, True), 10: (2, True)}
    folder.write("a", "10:45")
    folder.run(*FILES)
    # the record is counted, and what is final is what the watermark of its partition says from then on
    assert folder.hours() == {9: (1, True), 10: (3, False)}


def test_final_can_be_said_afterwards_also_of_files_that_are_gone(folder: Folder) -> None:
    folder.write("a", "10:15", "10:30")
    folder.write("b", "10:20")
    folder.run(*FILES)
    (folder.data / "a.ndjson").unlink()
    folder.run(*FILES)
    assert folder.hours() == {10: (3, False)}
    folder.run(*FILES, "--final")
    assert folder.hours() == {10: (3, True)}


def test_the_generators_bounded_end_is_final_only_where_it_is_said(folder: Folder) -> None:
    source = ["--pipeline", str(ROOT / "pipelines" / "ads.py"), "--source", "generator", "--generator-unpaced"]
    source += ["--generator-records", "200", "--bounded"]
    sql = "SELECT count(*) AS hours, count(*) FILTER (is_final) AS final FROM revenue_1h"
    folder.run(*source)
    with LakeReader(folder.path / "lake") as reader:
        before = reader.query(sql).to_pylist()[0]
        folder.run(*source, "--final")
        after = reader.query(sql).to_pylist()[0]
    assert before["hours"] == after["hours"] == after["final"] > before["final"]


def test_final_without_bounded_is_refused_however_the_flow_is_run(folder: Folder) -> None:
    folder.write("a", "10:15")
    unbounded = FILES[:-1]
    for more in ((), ("--processes", "2")):
        (told,) = folder.run(*unbounded, *more, "--final", code=2).splitlines()
        assert told.startswith("error: final = True: only bounded input has an end"), told
        assert "add --bounded" in told
        assert told.endswith("or leave --final out (from --final)"), told
    bytewax = [sys.executable, "-m", "bytewax.run", "run:flow", "-r", "recovery", "-s", "1", "-b", "0"]
    settings = {"TIDEMILL_SOURCE": "files", "TIDEMILL_INPUT": "data", "TIDEMILL_FINAL": "true"}
    (told,) = folder.command(bytewax, settings, 2).splitlines()
    assert told.endswith("(from TIDEMILL_FINAL)"), told
    assert not (folder.path / "lake").exists()
    folder.command(bytewax, {**settings, "TIDEMILL_BOUNDED": "true"}, 0)
    assert folder.hours() == {10: (1, True)}


@pytest.mark.kafka
def test_a_topic_that_is_read_to_an_end_in_the_middle_of_an_hour_goes_on_later(folder: Folder, kafka: str) -> None:
    topic = fresh_topic(kafka, 2)
    source = ("--brokers", kafka, "--topic", topic, "--bounded")
    produce(kafka, topic, [click("09:10"), click("10:30")])
    produce(kafka, topic, [click("10:20")], partition=1)
    folder.run(*source)
    assert folder.hours() == {9: (1, True), 10: (2, False)}
    produce(kafka, topic, [click("10:40"), click("11:30")])
    folder.run(*source)
    assert folder.hours() == {9: (1, True), 10: (3, True), 11: (1, False)}
    folder.run(*source, "--final")
    assert folder.hours() == {9: (1, True), 10: (3, True), 11: (1, True)}
