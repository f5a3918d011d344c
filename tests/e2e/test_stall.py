"""A real run whose sources fall asleep: told, started anew, and every table as if nothing had been."""

import json
import os
import signal
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from dataflow.sources.generator.adstream import AdStream
from proof.dump import dump
from query.reader import LakeReader
from tests.chaos.subject import ROOT, Subject, children

TOLD = "no commit while records wait"
ANEW = "the run stands still while records wait: starting anew"


def run(folder: Path, name: str, processes: int, fault: str) -> Subject:
    """A bounded run over the files, into a lake of this name."""
    arguments = ["run", "--pipeline", str(ROOT / "pipelines" / "ads.py"), "--source", "files", "--input", "data"]
    arguments += ["--bounded", "--lake", name, "--recovery", f"{name}-r", "--processes", str(processes)]
    arguments += ["--batch-records", "100", "--epoch-ms", "50", "--stall-after", "2s", "--log-format", "json"]
    return Subject(arguments, folder, environ={"TIDEMILL_FAULT": fault} if fault else {})


def said_by(subject: Subject) -> list[dict[str, Any]]:
    # beside our lines, Bytewax may say that a peer went away
    return [json.loads(line) for line in subject.said.splitlines() if line.startswith("{")]


def dumped(lake: Path) -> dict[str, str]:
    with LakeReader(lake) as reader:
        return {path.name: path.read_text() for path in dump(reader.snapshot(), lake.with_name(f"{lake.name}-dump"))}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("processes", [1, 2])
def test_a_run_that_falls_asleep_is_told_and_started_anew_with_exact_tables(tmp_path: Path, processes: int) -> None:
    stream = AdStream(seed=3, rate=1000.0, partitions=2, start_ms=1_767_225_600_000)
    (tmp_path / "data").mkdir()
    for number in range(2):
        records = stream.values(number, 0, 3000)
        (tmp_path / "data" / f"part-{number}.ndjson").write_bytes(b"".join(record + b"\n" for record in records))
    asleep = run(tmp_path, "asleep", processes, "oversleep:20")
    try:
        code = asleep.wait(150)
    finally:
        asleep.kill()
    said = said_by(asleep)
    assert code == 0, asleep.said
    told = [line for line in said if line["event"] == TOLD]
    anew = [line for line in said if line["event"] == ANEW]
    assert told, asleep.said
    assert anew, asleep.said
    assert said.index(told[0]) < said.index(anew[0])
    assert anew[0]["partition"] in ("part-0", "part-1")
    assert anew[0]["doing"] == "nothing"
    assert anew[0]["in_a_row"] == 1
    clean = run(tmp_path, "clean", 1, "")
    try:
        assert clean.wait(100) == 0, clean.said
    finally:
        clean.kill()
    tables = dumped(tmp_path / "asleep")
    assert tables == dumped(tmp_path / "clean")
    assert any(len(text.splitlines()) > 100 for text in tables.values())


@pytest.mark.timeout(600)
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs /proc")
def test_a_process_that_is_stopped_and_a_catalog_that_is_locked_are_told_and_waited_for(tmp_path: Path) -> None:
    arguments = ["run", "--pipeline", str(ROOT / "pipelines" / "ads.py"), "--source", "generator", "--processes", "2"]
    arguments += ["--generator-rate", "400", "--epoch-ms", "100", "--stall-after", "5s", "--log-format", "json"]
    subject = Subject(arguments, tmp_path)

    def commits() -> int:
        try:
            connection = sqlite3.connect(f"file:{tmp_path / 'lake' / 'catalog.sqlite'}?mode=ro", uri=True)
        except sqlite3.OperationalError:
            return 0
        try:
            return int(connection.execute("SELECT count(*) FROM own_publish").fetchone()[0])
        except sqlite3.OperationalError:
            return 0
        finally:
            connection.close()

    def await_commits(more: int) -> None:
        goal, deadline = commits() + more, time.monotonic() + 90
        while commits() < goal:
            assert subject.code is None, subject.said
            assert time.monotonic() < deadline, subject.said
            time.sleep(0.05)

    try:
        await_commits(5)
        processes = children(subject.pid)
        os.kill(processes[1], signal.SIGSTOP)
        time.sleep(8)
        os.kill(processes[1], signal.SIGCONT)
        await_commits(5)
        connection = sqlite3.connect(tmp_path / "lake" / "catalog.sqlite", isolation_level=None, timeout=30)
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(8)
        connection.execute("ROLLBACK")
        connection.close()
        await_commits(5)
        assert children(subject.pid) == processes
        subject.send(signal.SIGTERM)
        assert subject.wait(60) == 0, subject.said
    finally:
        subject.kill()
    said = said_by(subject)
    assert not [line for line in said if line["event"] == ANEW]
    told = [line for line in said if line["event"] == TOLD]
    assert any(line["doing"].startswith("the lake for") for line in told), subject.said
    assert any("another process" in line["doing"] for line in told), subject.said
