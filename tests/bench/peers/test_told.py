"""A peer's program tells how much it has read and how long that took, by the standard library alone."""

import json
from pathlib import Path

import pytest

from bench.peers.told import Progress, write_rows


def test_the_first_call_begins_the_time_and_its_records_lie_before_it(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    for records in (10, 20, 30):
        progress.saw(records)
    progress.tell("bytewax")
    told = json.loads(capsys.readouterr().out)
    assert (told["records"], told["steady_records"]) == (60, 50)
    assert told["steady_s"] > 0


def test_where_it_says_when_it_begins_all_records_count(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    progress.begins()
    progress.saw(10)
    progress.tell("bytewax")
    told = json.loads(capsys.readouterr().out)
    assert (told["records"], told["steady_records"]) == (10, 10)


def test_rows_are_lines_of_json(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows", [("a", 1, 2, 0.5)])
    assert json.loads((tmp_path / "rows").read_text()) == {"key": "a", "window_ms": 1, "count": 2, "sum": 0.5}
