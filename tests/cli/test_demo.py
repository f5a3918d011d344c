"""The demo: its time, counted from the first record, and what it says when its pipeline does not do what it should."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from cli import demo
from cli.main import main
from cli.page_beside import PageBeside
from dataflow.errors import LakeMissing

ROOT = Path(__file__).parents[2]


class Stage:
    """A clock, a pipeline and its lake: 1,000 records a second from `flows_at` on, after `there` of former runs."""

    def __init__(self, flows_at: float, *, there: int | None = None, ends_at: float = 1e9) -> None:
        self.seconds = 0.0
        self.flows_at = flows_at
        self.there = there
        self.ends_at = ends_at

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.seconds += seconds

    def poll(self) -> int | None:
        return None if self.seconds < self.ends_at else 1

    def snapshot(self) -> "Stage":
        if self.there is None and self.seconds <= self.flows_at:
            raise LakeMissing("no lake")
        return self

    tables = frozenset({"ledger"})

    def query(self, _: str) -> pa.Table:
        flowed = max(0.0, self.seconds - self.flows_at)
        read = (self.there or 0) + int(flowed * 1000)
        return pa.table({"read": [read], "late": [0], "dead": [0], "duplicate": [0], "committed": [1], "seen": [1]})

    def watch(self, seconds: float) -> None:
        player: Any = self
        demo._watch(
            player,
            player,
            Path("reports"),
            demo._read_so_far(player),
            seconds,
            monotonic=self.monotonic,
            sleep=self.sleep,
        )


@pytest.fixture(autouse=True)
def answers(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    asked: list[float] = []
    monkeypatch.setattr(demo, "_answers", lambda reader, _reports: asked.append(reader.seconds))
    return asked


def child(code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code])


def served(code: str) -> PageBeside:
    """A server's process, by what it does after it has told its address."""
    told = f"print('http://127.0.0.1:1', flush=True)\n{code}"
    return PageBeside(subprocess.Popen([sys.executable, "-c", told], stdout=subprocess.PIPE, text=True))


@pytest.fixture(autouse=True)
def pages(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[PageBeside]]:
    """The server of each demo is one that only tells its address."""
    started: list[PageBeside] = []

    def page(*_: object) -> PageBeside:
        started.append(served("import time; time.sleep(60)"))
        return started[-1]

    monkeypatch.setattr(demo, "_page", page)
    yield started
    assert [each for each in started if each.poll() is None] == []


def play(folder: Path) -> int:
    """The exit code of a demo in the folder."""
    with pytest.raises(SystemExit) as ended:
        main(arguments=["demo", "--lake", str(folder / "lake"), "--recovery", str(folder / "recovery")])
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.parametrize("there", [None, 0, 5000])
@pytest.mark.parametrize("flows_at", [0.5, 14.3])
def test_a_short_demo_shows_records_however_long_the_start_takes(
    capsys: pytest.CaptureFixture[str], flows_at: float, there: int | None
) -> None:
    stage = Stage(flows_at, there=there)
    stage.watch(3)
    shown = capsys.readouterr().out.splitlines()
    assert [line.split(" s ")[0].strip() for line in shown] == ["1", "2", "3"]
    assert all("1,000 events/s" in line for line in shown)
    assert flows_at + 3 <= stage.seconds <= flows_at + 4 + demo.TICK_S


def test_answers_come_while_it_plays_and_not_before(answers: list[float]) -> None:
    Stage(30.5, there=100).watch(5)
    assert answers == []
    Stage(30.5, there=100).watch(13)
    assert len(answers) == 2


def test_a_pipeline_that_ends_or_never_reads_ends_the_demo(capsys: pytest.CaptureFixture[str]) -> None:
    ended = Stage(1000, ends_at=4)
    ended.watch(30)
    assert ended.seconds == 4
    silent = Stage(1000, there=7)
    silent.watch(30)
    assert silent.seconds == demo.START_S
    assert capsys.readouterr().out == ""


def test_a_pipeline_that_is_killed_is_said_and_its_signal_is_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(demo, "_start", lambda *_: child("import os; os.kill(os.getpid(), 9)"))
    assert play(tmp_path) == 137
    shown = capsys.readouterr()
    assert "error: the pipeline was killed by SIGKILL" in shown.err
    assert shown.out.startswith("page: http://127.0.0.1:1/\n\n")


SLOW_TO_START = "import time; time.sleep(60)"
"""No handler for SIGTERM yet."""

WELL = (
    "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\nprint(flush=True)\ntime.sleep(60)"
)


def test_an_interrupt_while_the_pipeline_starts_ends_all_without_a_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def watch(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "_start", lambda *_: child(SLOW_TO_START))
    monkeypatch.setattr(demo, "_watch", watch)
    assert (play(tmp_path), capsys.readouterr().err) == (130, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_who_ends_the_demo_ends_pipeline_and_page_with_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: signal.Signals
) -> None:
    jobs: list[subprocess.Popen[bytes]] = []

    def start(*_: object) -> subprocess.Popen[bytes]:
        jobs.append(child(SLOW_TO_START))
        return jobs[0]

    before = signal.getsignal(number)
    monkeypatch.setattr(demo, "_start", start)
    monkeypatch.setattr(demo, "_watch", lambda *_: os.kill(os.getpid(), number))
    assert play(tmp_path) == 128 + number
    assert jobs[0].poll() == -signal.SIGTERM
    assert signal.getsignal(number) is before


def test_a_page_that_falls_while_it_plays_ends_the_pipeline_in_order(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    jobs: list[subprocess.Popen[bytes]] = []

    def start(*_: object) -> subprocess.Popen[bytes]:
        jobs.append(subprocess.Popen([sys.executable, "-c", WELL], stdout=subprocess.PIPE))
        assert jobs[0].stdout is not None
        with jobs[0].stdout as said:
            said.readline()
        return jobs[0]

    monkeypatch.setattr(demo, "_start", start)
    monkeypatch.setattr(demo, "_page", lambda *_: served("import os, time; time.sleep(0.5); os.kill(os.getpid(), 9)"))
    assert play(tmp_path) == 137
    assert jobs[0].poll() == 0
    assert "error: the page's server was killed by SIGKILL" in capsys.readouterr().err


def test_a_page_that_cannot_be_served_ends_the_demo_before_it_begins(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def page(*_: object) -> PageBeside:
        command = [sys.executable, "-c", "raise SystemExit(3)"]
        return PageBeside(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))

    monkeypatch.setattr(demo, "_start", lambda *_: child(SLOW_TO_START))
    monkeypatch.setattr(demo, "_page", page)
    assert play(tmp_path) != 0
    shown = capsys.readouterr()
    assert (shown.out, "ended with exit code 3 before it listened" in shown.err) == ("", True)


@pytest.mark.parametrize("wanted", [True, False])
def test_the_browser_is_opened_where_it_is_asked_for_and_not_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], wanted: bool
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    demo._tell("http://127.0.0.1:8088/", wanted)
    assert opened == ["http://127.0.0.1:8088/"] * wanted
    assert capsys.readouterr().out == "page: http://127.0.0.1:8088/\n\n"


@pytest.mark.parametrize("own", [True, False])
def test_its_pipeline_is_that_of_its_stream_whatever_the_settings_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, own: bool
) -> None:
    started: list[str] = []

    def start(pipeline: str, *_: object) -> subprocess.Popen[bytes]:
        started.append(pipeline)
        return subprocess.Popen([sys.executable, "-c", "raise SystemExit(7)"])

    monkeypatch.setattr(demo, "_start", start)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tidemill.toml").write_text('pipeline = "mine.py"\n')
    if own:
        (tmp_path / "pipelines").mkdir()
        (tmp_path / "pipelines" / "ads.py").touch()
    with pytest.raises(SystemExit) as ended:
        main(arguments=["demo"])
    assert ended.value.code == 7
    assert started == ["pipelines/ads.py" if own else str(ROOT / "pipelines" / "ads.py")]


@pytest.mark.parametrize(("installed", "program"), [(True, "tidemill"), (False, ".venv/bin/tidemill")])
def test_what_to_try_next_is_called_as_it_is_called_there(
    monkeypatch: pytest.MonkeyPatch, installed: bool, program: str
) -> None:
    monkeypatch.setattr("dataflow.root.INSTALLED", installed)
    lines = demo._next("--lake there").splitlines()
    assert [line.split("--lake there")[0].split()[0] for line in lines[:5]] == [program] * 5
    assert ("make" in demo._next("")) != installed
