"""The compactor beside a run, with real processes: killed, broken and stopped, and what is said of it."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from runtime.compaction_mark import CompactionMark
from runtime.compactor import Compactor, CompactorReport, compact_command
from runtime.ports import free_ports
from tests.query.lakes import LakeMaker
from tests.slowness import slowness

ROOT = Path(__file__).resolve().parents[2]
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)

Log = list[Any]
Begin = Callable[..., Compactor]


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[LakeMaker]:
    with LakeMaker(tmp_path / "lake") as maker:
        yield maker


@pytest.fixture
def log() -> Iterator[Log]:
    structlog.reset_defaults()
    with capture_logs() as lines:
        yield lines


@pytest.fixture
def begin(tmp_path: Path, log: Log) -> Iterator[Begin]:
    """Starts a compactor at once, stopped when the test ends."""
    with ExitStack() as ended:

        def run(command: list[str]) -> Compactor:
            compactor = Compactor(command, 0.0, CompactorReport(CompactionMark(tmp_path), lambda: NOON))
            ended.callback(compactor.stop)
            return compactor

        yield run


def until(found: Callable[[], object], patience_s: float = 120) -> None:
    deadline = time.monotonic() + patience_s
    while not found():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)


def events(log: Log) -> list[str]:
    return [line["event"] for line in log]


def restarts() -> float:
    return REGISTRY.get_sample_value("tidemill_compactor_restarts_total") or 0.0


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_one_that_is_killed_is_told_counted_and_started_again(
    begin: Begin, log: Log, lake: LakeMaker, tmp_path: Path
) -> None:
    before = restarts()
    compactor = begin(compact_command(lake.folder, "100ms"))
    until(lambda: compactor.pid)
    first = compactor.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(log.__len__)
    assert log[0]["event"] == "no compaction at the moment"
    assert log[0]["log_level"] == "warning"
    assert log[0]["reason"] == "the compactor was killed by SIGKILL (the kernel does so when memory runs out)"
    until(lambda: "compaction goes on" in events(log))
    assert compactor.pid not in (None, first)
    assert restarts() == before + 1
    assert CompactionMark(tmp_path).read() is None
    age = REGISTRY.get_sample_value("tidemill_compaction_age_seconds")
    assert age is not None
    assert age < 60


def test_one_that_raises_is_told_with_the_reason_and_tried_again(begin: Begin, log: Log, tmp_path: Path) -> None:
    begin([sys.executable, "-c", "raise MemoryError('12 GiB')"])
    until(lambda: len(log) >= 2)
    assert [line["reason"] for line in log[:2]] == ["the compactor ended with exit code 1: MemoryError: 12 GiB"] * 2
    assert [line["failures_in_a_row"] for line in log[:2]] == [1, 2]
    assert [line["again_in_s"] for line in log[:2]] == [1.0, 2.0]
    assert "Traceback" in log[0]["said"]
    trouble = CompactionMark(tmp_path).read()
    assert trouble is not None
    assert (trouble.reason, trouble.since) == (log[0]["reason"], NOON)


def test_a_lake_that_cannot_be_compacted_is_told_by_its_own_message(begin: Begin, log: Log, tmp_path: Path) -> None:
    begin(compact_command(tmp_path / "nowhere", "100ms"))
    until(log.__len__)
    assert log[0]["reason"].startswith("the compactor ended with exit code 5: error: ")
    assert "nowhere" in log[0]["reason"]


@pytest.mark.parametrize("pause_s", [0.0, 0.2, 3.0])
def test_one_that_is_stopped_ends_without_a_word_wherever_it_is(
    begin: Begin, log: Log, lake: LakeMaker, pause_s: float
) -> None:
    compactor = begin(compact_command(lake.folder, "100ms"))
    until(lambda: compactor.pid)
    time.sleep(pause_s)
    pid = compactor.pid
    assert pid is not None
    compactor.stop()
    assert not is_there(pid)
    assert log == []


def test_one_that_stands_still_does_not_keep_the_run_from_ending(begin: Begin, lake: LakeMaker) -> None:
    compactor = begin(compact_command(lake.folder, "100ms"))
    until(lambda: compactor.pid)
    pid = compactor.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    started = time.monotonic()
    compactor.stop()
    assert time.monotonic() - started < 4.5 * slowness()
    assert not is_there(pid)


def test_a_short_run_has_none(log: Log, tmp_path: Path) -> None:
    compactor = Compactor(["/nowhere"], 60.0, CompactorReport(CompactionMark(tmp_path), lambda: NOON))
    time.sleep(0.7)
    assert compactor.pid is None
    compactor.stop()
    assert log == []


def test_one_that_hangs_can_be_asked_where(lake: LakeMaker) -> None:
    from runtime.child import ChildProcess

    child = ChildProcess(compact_command(lake.folder, "1h"), os.environ)
    until(child.told)
    child.ask_where()
    said: list[str] = []

    def told_where() -> bool:
        said.extend(child.said())
        return any("in compact" in line for line in said)

    until(told_where)
    assert child.ended() is None
    child.stop(10)
    assert child.ended() == 0


class Run:
    """`tidemill run` on the generator, with a compaction every second."""

    def __init__(self, folder: Path) -> None:
        self.port = free_ports(1)[0]
        self.places = ["--lake", str(folder / "lake"), "--recovery", str(folder / "recovery"), "--source", "generator"]
        flags = ["--generator-rate", "200", "--compact-every", "1s", "--metrics-port", str(self.port)]
        self.error_path = folder / "stderr"
        with self.error_path.open("wb") as error:
            self.process = subprocess.Popen(
                [sys.executable, "run.py", "run", *self.places, *flags], cwd=ROOT, stderr=error, start_new_session=True
            )

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.error_path.read_text().splitlines()]

    def compactor(self) -> int | None:
        for path in Path("/proc").glob("[0-9]*"):
            try:
                command = (path / "cmdline").read_bytes()
                parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == self.process.pid and b"--beside-run" in command:
                return int(path.name)
        return None

    def metric(self, name: str) -> float:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name} "))


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    made = Run(tmp_path)
    yield made
    if made.process.poll() is None:
        made.process.kill()
    made.process.wait()


def test_a_run_tells_in_log_and_metrics_that_its_compactor_died_and_ends_without_noise(run: Run) -> None:
    until(run.compactor)
    pid = run.compactor()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: any(line["event"] == "compaction goes on" for line in run.lines()))
    assert "SIGKILL" in next(line["reason"] for line in run.lines() if line["event"] == "no compaction at the moment")
    assert run.metric("tidemill_compactor_restarts_total") == 1
    assert run.metric("tidemill_compaction_age_seconds") < 60
    # ^C, as a terminal sends it to all of its processes
    os.killpg(run.process.pid, signal.SIGINT)
    assert run.process.wait(60) == 0
    assert [line["event"] for line in run.lines()] == [
        "started",
        "no compaction at the moment",
        "compaction goes on",
        "ended",
    ]


def test_the_compactor_ends_with_a_run_that_is_killed(run: Run) -> None:
    until(run.compactor)
    pid = run.compactor()
    assert pid is not None
    run.process.kill()
    run.process.wait()
    until(lambda: not is_there(pid) or (Path("/proc") / str(pid) / "stat").read_text().split()[2] == "Z")
