"""What the commands that read a lake share: its folder, one time zone, and output that may go away."""

from pathlib import Path

import pytest

from cli import lakes
from cli.lakes import lake_folder, leave_engines, open_reader
from query.reader import LakeReader
from tests.cli.started import Start, Tidemill
from tests.query.lakes import LakeMaker


def test_a_reader_that_goes_away_ends_the_command_quietly(start: Start) -> None:
    process = start("query", "FROM range(2000000)", "--format", "csv")
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == b"range\n"
    process.stdout.close()
    assert process.wait(timeout=30) == 0
    assert process.stderr.read() == b""


def test_only_a_process_that_ends_keeps_what_the_engine_holds(monkeypatch: pytest.MonkeyPatch, lake: LakeMaker) -> None:
    monkeypatch.setattr(lakes, "_left", None)
    closed = []
    monkeypatch.setattr(LakeReader, "close", lambda self, *, engine=True: closed.append(engine))
    with open_reader(lake.folder):
        pass
    leave_engines()
    with open_reader(lake.folder) as reader:
        pass
    assert closed == [True, False]
    assert lakes._left == [reader]


def test_the_flag_comes_before_the_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIDEMILL_LAKE", "of-the-environment")
    assert lake_folder(Path("of-the-flag")) == Path("of-the-flag")
    assert lake_folder(None) == Path("of-the-environment")


def test_times_without_a_zone_are_utc_wherever_the_command_runs(
    tidemill: Tidemill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    sql = "SELECT epoch(TIMESTAMPTZ '1970-01-01 00:00:00')::BIGINT AS n"
    assert tidemill("query", sql, "--format", "csv")[1] == "n\n0\n"


def test_an_answer_goes_to_the_file_that_is_named(tidemill: Tidemill, tmp_path: Path) -> None:
    assert tidemill("query", "SELECT 1 AS n", "--format", "csv", "-o", str(tmp_path / "n.csv")) == (0, "", "")
    assert (tmp_path / "n.csv").read_text() == "n\n1\n"
