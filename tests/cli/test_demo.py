"""The demo: its time, counted from the first record, and what it says when its pipeline does not do what it should."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from cli import demo
from cli.main import main
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
    def start(*_: object) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"])

    monkeypatch.setattr(demo, "_start", start)
    with pytest.raises(SystemExit) as ended:
        main(arguments=["demo", "--lake", str(tmp_path / "lake"), "--recovery", str(tmp_path / "recovery")])
    assert ended.value.code == 137
    assert "error: the pipeline was killed by SIGKILL" in capsys.readouterr().err


def test_an_interrupt_while_the_pipeline_starts_ends_both_without_a_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def start(*_: object) -> subprocess.Popen[bytes]:
        # no handler for SIGTERM yet
        return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])

    def watch(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "_start", start)
    monkeypatch.setattr(demo, "_watch", watch)
    with pytest.raises(SystemExit) as ended:
        main(arguments=["demo", "--lake", str(tmp_path / "lake"), "--recovery", str(tmp_path / "recovery")])
    assert (ended.value.code, capsys.readouterr().err) == (130, "")


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
    assert [line.split("--lake there")[0].split()[0] for line in lines[:4]] == [program] * 4
    assert ("make" in demo._next("")) != installed
